"""The StyleGAN2 generator, split at the feature map that is warped.

Axes: B batch, R style rows, D style width, C channels of the waist, h w its size, S picture size.

The waist is the feature map after the first convolution at its resolution, activation included. ``lower`` draws from
the constant up to the waist, ``upper`` draws the rest. Between the two the caller may warp and calibrate.

Style rows, by level k = 0 (4 pixels), 1 (8 pixels) ...: the upsampling convolution reads row 2k - 1, the second
convolution row 2k, the RGB layer row 2k + 1, which the next level's upsampling convolution reads as well.

Source: StyleGAN2 (arXiv 1912.04958).
"""

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import ConfigError, InputError
from ..ops.filters import upsample
from .equalised import EqualLinear, activate
from .modulated import FixedConv, ModulatedConv

__all__ = ["Generator", "GeneratorConfig", "PreparedStyles", "official_channels"]

FIRST_SIZE = 4  # pixels of the constant
BAND_BYTES = 8 << 20  # bytes of a feature map that a CPU draws at a time
HALO_ROWS = 2  # rows of the smaller map that an upsampling and a second convolution need beyond their own
MIN_BAND_ROWS = 16  # in a band; with fewer, the halo would cost too much


def official_channels(size: int) -> dict[int, int]:
    """Channels by resolution, from 4 to ``size`` pixels, of the official networks (channel multiplier 2)."""
    return {2**k: min(512, 2**15 // 2**k) for k in range(2, size.bit_length())}


@dataclass(frozen=True, kw_only=True)
class GeneratorConfig:
    size: int = 1024  # pixels of the picture
    style_dim: int = 512
    mapping_layers: int = 8
    channels: dict[int, int] = field(default_factory=dict)
    """Channels by resolution; the official number for each resolution that is not listed."""
    waist: int = 64  # pixels of the feature map that is warped
    rgb_from: int = FIRST_SIZE
    """The resolution at which the RGB sum starts. With ``waist``, nothing bypasses the feature map."""
    noise: bool = False  # layers can add noise maps, each with its own strength

    def __post_init__(self) -> None:
        if self.size not in (64, 128, 256, 512, 1024):
            raise ConfigError(f"The picture's size must be 64, 128, 256, 512 or 1024; found {self.size}.")
        levels = official_channels(self.size)
        if self.waist not in levels or self.waist == FIRST_SIZE:
            raise ConfigError(
                f"The waist must be one of the resolutions {', '.join(map(str, list(levels)[1:]))}; found {self.waist}."
            )
        if self.rgb_from not in levels:
            raise ConfigError(f"rgb_from must be one of {', '.join(map(str, levels))}; found {self.rgb_from}.")
        if unknown := self.channels.keys() - levels.keys():
            raise ConfigError(
                f"Channels are given for {sorted(unknown)} pixels, but a picture of {self.size} is drawn at "
                f"{', '.join(map(str, levels))}."
            )
        if small := [number for number in (*self.channels.values(), self.style_dim, self.mapping_layers) if number < 1]:
            raise ConfigError(f"Channels, style_dim and mapping_layers must be at least 1; found {small[0]}.")
        object.__setattr__(self, "channels", {**levels, **self.channels})

    @property
    def resolutions(self) -> list[int]:
        return sorted(self.channels)

    @property
    def preview_sizes(self) -> list[int]:
        """Pixels at which drawing can stop early: the resolutions that have a picture of their own."""
        return [r for r in self.resolutions if r >= max(self.waist, self.rgb_from)]

    @property
    def rows(self) -> int:
        return 2 * len(self.channels)

    def row(self, resolution: int) -> int:
        """Style row of the second convolution at ``resolution``."""
        return 2 * self.resolutions.index(resolution)


class Level(nn.Module):
    """The layers of one resolution."""

    def __init__(self, config: GeneratorConfig, resolution: int) -> None:
        super().__init__()
        channels, below = config.channels[resolution], config.channels.get(resolution // 2)
        self.up = (
            ModulatedConv(below, channels, config.style_dim, up=True, noise=config.noise) if below is not None else None
        )
        self.conv = ModulatedConv(channels, channels, config.style_dim, noise=config.noise)
        self.rgb = (
            ModulatedConv(channels, 3, config.style_dim, kernel=1, active=False, demodulate=False)
            if resolution >= config.rgb_from
            else None
        )


@dataclass(frozen=True, kw_only=True)
class FixedLevel:
    """One level, or a part of it, with its styles multiplied into the weights."""

    resolution: int
    row: int  # of the second convolution
    up: FixedConv | None = None
    conv: FixedConv | None = None
    rgb: FixedConv | None = None


@dataclass(frozen=True)
class PreparedStyles:
    """The layers above the waist with constant styles multiplied into the weights: made once, used for every frame."""

    levels: tuple[FixedLevel, ...]


class Generator(nn.Module):
    """StyleGAN2 generator: pictures from styles, or from styles and a feature map."""

    def __init__(self, config: GeneratorConfig = GeneratorConfig()) -> None:
        super().__init__()
        self.config = config
        self.mapping = nn.ModuleList(
            EqualLinear(config.style_dim, config.style_dim, speed=0.01) for _ in range(config.mapping_layers)
        )
        self.constant = nn.Parameter(torch.randn(config.channels[FIRST_SIZE], FIRST_SIZE, FIRST_SIZE))
        self.levels = nn.ModuleDict({str(r): Level(config, r) for r in config.resolutions})

    @property
    def rows(self) -> int:
        """Number of style rows: two for each resolution."""
        return self.config.rows

    def map(self, z: Tensor) -> Tensor:
        """Mapping network: from noise ``z`` (B D), standard normal, to styles w (B D)."""
        w = z * torch.rsqrt(z.float().square().mean(dim=-1, keepdim=True) + 1e-8).to(z.dtype)
        for layer in self.mapping:
            w = activate(layer(w))
        return w

    def lower(self, styles: Tensor, *, noise: Mapping[int, Tensor] | None = None) -> tuple[Tensor, Tensor | None]:
        """Draw up to the waist.

        Args:
            styles: (B R D).
            noise: see ``upper``.

        Returns:
            The feature map (B C h w), and the RGB sum of the levels below it (B 3 h/2 w/2), or None where no RGB
            layer lies below.
        """
        self._check_noise(noise)
        below = [self._fix(r, styles) for r in self.config.resolutions if r < self.config.waist]
        start = self.constant.expand(len(styles), -1, -1, -1)
        return _draw([*below, self._fix(self.config.waist, styles, "up")], start, None, noise, picture=False)

    def prepare(self, styles: Tensor) -> PreparedStyles:
        """Multiply ``styles`` (B R D) into the weights above the waist. B = 1 serves a batch of any size."""
        above = [self._fix(r, styles) for r in self.config.resolutions if r > self.config.waist]
        levels = self._fix(self.config.waist, styles, "conv", "rgb"), *above
        return PreparedStyles(tuple(replace(level, conv=level.conv and level.conv.for_inference()) for level in levels))

    def draw(
        self,
        feature: Tensor,
        prepared: PreparedStyles,
        rgb: Tensor | None,
        *,
        noise: Mapping[int, Tensor] | None = None,
        stop_at: int | None = None,
    ) -> Tensor:
        """Draw the layers above the waist.

        Args:
            feature: (B C h w).
            prepared: for the same batch, or one style for all.
            rgb: (B 3 h/2 w/2) of ``lower``, warped or not; None where there is none.
            noise: by style row of the convolution that adds it, maps (B or 1, 1 r r) of its resolution r.
            stop_at: pixels; a preview of this size instead of the whole picture.

        Returns:
            The picture (B 3 S S), not clamped. RGB is summed in float32 whatever the weights' dtype.
        """
        self._check_noise(noise)
        levels = [level for level in prepared.levels if stop_at is None or level.resolution <= stop_at]
        if not levels or levels[-1].rgb is None:
            raise ConfigError(f"There is no picture at {stop_at} pixels: take at least {self._first_picture}.")
        picture = _draw(levels, feature, rgb, noise, picture=True)[1]
        assert picture is not None
        return picture

    def upper(
        self,
        feature: Tensor,
        styles: Tensor,
        rgb: Tensor | None,
        *,
        noise: Mapping[int, Tensor] | None = None,
        stop_at: int | None = None,
    ) -> Tensor:
        """Prepare ``styles`` (B or 1, R D) and compute the layers above the waist; see ``draw``."""
        return self.draw(feature, self.prepare(styles), rgb, noise=noise, stop_at=stop_at)

    def forward(self, styles: Tensor, *, noise: Mapping[int, Tensor] | None = None) -> Tensor:
        """Generate pictures (B 3 S S) from ``styles`` (B R D)."""
        feature, rgb = self.lower(styles, noise=noise)
        return self.upper(feature, styles, rgb, noise=noise)

    def noise_maps(self, rng: torch.Generator) -> dict[int, Tensor]:
        """Draw random noise maps (1 1 r r), by the style row of their convolution."""
        sizes = {0: FIRST_SIZE}
        for resolution in self.config.resolutions[1:]:
            row = self.config.row(resolution)
            sizes |= {row - 1: resolution, row: resolution}
        like = self.constant
        return {
            row: torch.randn(1, 1, size, size, generator=rng, device=rng.device).to(like) for row, size in sizes.items()
        }

    @property
    def _first_picture(self) -> int:
        return max(self.config.waist, self.config.rgb_from)

    def _check_noise(self, noise: Mapping[int, Tensor] | None) -> None:
        if noise and not self.config.noise:
            raise InputError(
                "Noise maps are given to a generator without noise layers. Leave them out, or take one with noise."
            )

    def _fix(self, resolution: int, styles: Tensor, *parts: str) -> FixedLevel:
        """Multiply styles into the named parts of one level; no names = all parts."""
        level, row = self.levels[str(resolution)], self.config.row(resolution)
        rows = {"up": row - 1, "conv": row, "rgb": row + 1}
        fixed = {
            part: getattr(level, part).fix(styles[:, rows[part]])
            for part in parts or rows
            if getattr(level, part) is not None
        }
        return FixedLevel(resolution=resolution, row=row, **fixed)


def _draw(
    levels: list[FixedLevel], x: Tensor, rgb: Tensor | None, noise: Mapping[int, Tensor] | None, *, picture: bool
) -> tuple[Tensor, Tensor | None]:
    """Run ``x`` through ``levels`` in order; returns the last feature map and the RGB sum.

    If only the ``picture`` is wanted, the feature map may be an earlier one.
    """
    x = x.contiguous(memory_format=torch.channels_last)
    first = len(levels) if noise or not picture else _first_in_bands(levels, x)
    for level in levels[:first]:
        x, part = _draw_level(level, x, noise or {})
        rgb = _add_rgb(rgb, part)
    bands, parts = iter((x,)), []
    for level in levels[first:]:
        parts.append(x.new_empty(len(x), 3, level.resolution, level.resolution, dtype=_wide(x)) if level.rgb else None)
        bands = _draw_in_bands(level, bands, _band_rows(level, x), parts[-1])
    deque(bands, maxlen=0)  # draws
    for part in parts:
        rgb = _add_rgb(rgb, part)
    return x, rgb


def _draw_level(level: FixedLevel, x: Tensor, noise: Mapping[int, Tensor]) -> tuple[Tensor, Tensor | None]:
    """The feature map of one level, and its term of the RGB sum."""
    if level.up is not None:
        x = level.up(x, noise.get(level.row - 1))
    if level.conv is not None:
        x = level.conv(x, noise.get(level.row))
    return x, None if level.rgb is None else level.rgb(x)


def _draw_in_bands(level: FixedLevel, below: Iterator[Tensor], rows: int, rgb: Tensor | None) -> Iterator[Tensor]:
    """Draw one level from top to bottom, as far as the rows of the level below are there.

    Args:
        below: bands of the level below, in order.
        rows: of the level below that are drawn from at a time.
        rgb: (B 3 r r), filled with this level's term of the RGB sum.

    Yields:
        Bands of the feature map, in order.
    """
    assert level.up is not None
    assert level.conv is not None
    missing, drawn = level.resolution // 2, 0  # rows of the level below to come; rows of this one that are done
    held: Tensor | None = None  # rows of the level below, from ``HALO_ROWS`` above the next one to draw from
    for band in below:
        for part in band.split(rows, dim=2):
            missing -= part.shape[2]
            edges = 0 if held is not None else HALO_ROWS, 0 if missing else HALO_ROWS  # zeros outside the picture
            part = F.pad(part, (0, 0, *edges)) if any(edges) else part
            held = part if held is None else torch.cat((held, part), dim=2)
            if held.shape[2] <= 2 * HALO_ROWS:
                continue
            x = level.up(held, band=True)
            held = held[:, :, -2 * HALO_ROWS :]
            if not drawn:
                x[:, :, 0] = 0  # what the second convolution sees outside
            if not missing:
                x[:, :, -1] = 0
            x = level.conv(x, band=True)
            if rgb is not None and level.rgb is not None:
                rgb[:, :, drawn : drawn + x.shape[2]] = level.rgb(x)
            drawn += x.shape[2]
            yield x


def _add_rgb(rgb: Tensor | None, part: Tensor | None) -> Tensor | None:
    """Add one level's ``part`` to the RGB sum of the levels below, which is half as large."""
    if part is None:
        return rgb
    part = part.to(_wide(part))
    return part if rgb is None else part.add_(upsample(rgb.to(part.dtype)))


def _wide(x: Tensor) -> torch.dtype:
    """Of the RGB sum: float32 whatever the weights' dtype."""
    return torch.promote_types(x.dtype, torch.float32)


def _first_in_bands(levels: list[FixedLevel], x: Tensor) -> int:
    """Index of the first level that is drawn in bands; all above it then are as well. None: the number of levels."""
    learns = torch.is_grad_enabled() and (x.requires_grad or any(_learns(level) for level in levels))
    if x.device.type == "cpu" and not learns:
        for index, level in enumerate(levels):
            if level.up is not None and 2 * _band_rows(level, x) < level.resolution // 2:
                return index
    return len(levels)


def _learns(level: FixedLevel) -> bool:
    return any(part is not None and part.weight.requires_grad for part in (level.up, level.conv, level.rgb))


def _band_rows(level: FixedLevel, x: Tensor) -> int:
    """Rows of the level below that a band of ``level`` is drawn from; ``x`` has the batch and the dtype.

    A CPU is faster on bands that stay in its cache, and the system zeroes the memory of larger tensors again at every
    allocation: docs/notes/0180-bands-that-flow-through-the-levels.md.
    """
    assert level.up is not None
    row = 2 * level.resolution * len(x) * len(level.up.bias) * x.element_size()  # bytes made from one row
    return max(MIN_BAND_ROWS, BAND_BYTES // row) // 2 * 2  # even, so that a band gives whole tiles: ops/winograd.py
