"""The StyleGAN2 generator, split at the feature map that is warped.

Axes: B batch, R style rows, D style width, C channels of the waist, h w its size, S picture size.

The waist is the feature map after the first convolution at its resolution, activation included. ``lower`` draws from
the constant up to the waist, ``upper`` draws the rest. Between the two the caller may warp and calibrate.

Style rows, by level k = 0 (4 pixels), 1 (8 pixels) ...: the upsampling convolution reads row 2k - 1, the second
convolution row 2k, the RGB layer row 2k + 1, which the next level's upsampling convolution reads as well.

Source: StyleGAN2 (arXiv 1912.04958).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import torch
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
    for level in levels:
        rows = 0 if noise else _band_rows(level, x)
        if rows:
            x, part = _draw_level_in_bands(level, x, rows, last=picture and level is levels[-1])
        else:
            x, part = _draw_level(level, x, noise or {})
        if part is not None:
            part = part.to(torch.promote_types(part.dtype, torch.float32))
            rgb = part if rgb is None else part + upsample(rgb.to(part.dtype))
    return x, rgb


def _draw_level(level: FixedLevel, x: Tensor, noise: Mapping[int, Tensor]) -> tuple[Tensor, Tensor | None]:
    """The feature map of one level, and its term of the RGB sum."""
    if level.up is not None:
        x = level.up(x, noise.get(level.row - 1))
    if level.conv is not None:
        x = level.conv(x, noise.get(level.row))
    return x, None if level.rgb is None else level.rgb(x)


def _draw_level_in_bands(level: FixedLevel, x: Tensor, rows: int, *, last: bool) -> tuple[Tensor, Tensor | None]:
    """``_draw_level`` in bands of ``rows`` rows of ``x``; for the ``last`` level the feature map is not assembled.

    Each band reads ``HALO_ROWS`` more rows on either side, whose output is cut off.
    """
    height, width = x.shape[2:]
    assert level.up is not None
    large = None
    if not last:
        large = x.new_empty(len(x), 2 * height, 2 * width, len(level.up.bias)).permute(0, 3, 1, 2)  # channels last
    parts = []
    for start in range(0, height, rows):
        first, end = max(0, start - HALO_ROWS), min(height, start + rows + HALO_ROWS)
        band, _ = _draw_level(replace(level, rgb=None), x[:, :, first:end], {})
        band = band[:, :, 2 * (start - first) :][:, :, : 2 * rows]
        if level.rgb is not None:
            parts.append(level.rgb(band))
        if large is not None:
            large[:, :, 2 * start : 2 * start + band.shape[2]] = band
    return x if large is None else large, torch.cat(parts, dim=2) if parts else None


def _band_rows(level: FixedLevel, x: Tensor) -> int:
    """Rows of ``x`` in a band; 0 = no bands.

    A CPU is faster on bands that stay in its cache, and the system zeroes the memory of larger tensors again at every
    allocation: docs/notes/0080-winograd-tiles-in-cache-sized-bands.md.
    """
    learns = torch.is_grad_enabled() and (x.requires_grad or (level.up is not None and level.up.weight.requires_grad))
    if level.up is None or x.device.type != "cpu" or learns:
        return 0
    row = 2 * 2 * x.shape[3] * len(x) * len(level.up.bias) * x.element_size()  # bytes made from one row
    rows = max(MIN_BAND_ROWS, BAND_BYTES // row) // 2 * 2  # even, so that a band gives whole tiles: ops/winograd.py
    return rows if 2 * rows < x.shape[2] else 0
