"""The StyleGAN2 generator, cut in two at the feature map that is moved.

Axes: B batch, R style rows, D style width, C channels of the waist, h w its size, S picture size.

``lower`` draws from the constant up to the waist: the first convolution at its resolution, activation included.
``upper`` draws the rest. Between the two the caller may warp and calibrate.

Style rows, by level k = 0 (4 pixels), 1 (8 pixels) ...: the enlarging convolution reads row 2k - 1, the second
one row 2k, the RGB layer row 2k + 1, which the next level's enlarging convolution reads as well.

Source: StyleGAN2 (arXiv 1912.04958).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from ..errors import ConfigError, InputError
from ..ops.filters import upsample
from .equalised import EqualLinear, activate
from .modulated import FixedConv, ModulatedConv

__all__ = ["Generator", "GeneratorConfig", "Prepared", "official_channels"]

FIRST = 4  # pixels of the constant


def official_channels(size: int) -> dict[int, int]:
    """Channels by resolution, 4 to ``size`` pixels, of the official networks (channel multiplier 2)."""
    return {2**k: min(512, 2**15 // 2**k) for k in range(2, size.bit_length())}


@dataclass(frozen=True, kw_only=True)
class GeneratorConfig:
    size: int = 1024  # pixels of the picture
    style_dim: int = 512
    mapping_layers: int = 8
    channels: dict[int, int] = field(default_factory=dict)
    """Channels by resolution. The official number stands in for each that is not named."""
    waist: int = 64  # pixels of the feature map that is moved
    rgb_from: int = FIRST
    """The resolution at which the RGB sum starts. ``waist`` lets nothing pass beside the feature map."""
    noise: bool = False  # layers can add noise maps, each with a strength of its own

    def __post_init__(self) -> None:
        if self.size not in (64, 128, 256, 512, 1024):
            raise ConfigError(f"The picture's size must be 64, 128, 256, 512 or 1024; found {self.size}.")
        levels = official_channels(self.size)
        if self.waist not in levels or self.waist == FIRST:
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
    def rows(self) -> int:
        return 2 * len(self.channels)

    def row(self, resolution: int) -> int:
        """The style row of the second convolution at ``resolution``."""
        return 2 * self.resolutions.index(resolution)


class Level(nn.Module):
    """All that is drawn at one resolution."""

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
    """One level, or a part of it, with its styles worked in."""

    resolution: int
    row: int  # of the second convolution
    up: FixedConv | None = None
    conv: FixedConv | None = None
    rgb: FixedConv | None = None


@dataclass(frozen=True)
class Prepared:
    """What lies above the waist, with constant styles worked in: made once, drawn for every frame."""

    levels: tuple[FixedLevel, ...]


class Generator(nn.Module):
    """Styles in, picture out; or styles and a feature map in."""

    def __init__(self, config: GeneratorConfig = GeneratorConfig()) -> None:
        super().__init__()
        self.config = config
        self.mapping = nn.ModuleList(
            EqualLinear(config.style_dim, config.style_dim, speed=0.01) for _ in range(config.mapping_layers)
        )
        self.constant = nn.Parameter(torch.randn(config.channels[FIRST], FIRST, FIRST))
        self.levels = nn.ModuleDict({str(r): Level(config, r) for r in config.resolutions})

    @property
    def rows(self) -> int:
        """Style rows: two for each resolution."""
        return self.config.rows

    def map(self, z: Tensor) -> Tensor:
        """From chance ``z`` (B D), standard normals, to styles w (B D)."""
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
            The feature map (B C h w), and the RGB sum of the levels below it (B 3 h/2 w/2), or none where no RGB
            layer lies below.
        """
        self._check_noise(noise)
        below = [self._fix(r, styles) for r in self.config.resolutions if r < self.config.waist]
        start = self.constant.expand(len(styles), -1, -1, -1)
        return _draw([*below, self._fix(self.config.waist, styles, "up")], start, None, noise)

    def prepare(self, styles: Tensor) -> Prepared:
        """Work ``styles`` (B R D) into the weights above the waist. B = 1 serves a batch of any size."""
        above = [self._fix(r, styles) for r in self.config.resolutions if r > self.config.waist]
        return Prepared((self._fix(self.config.waist, styles, "conv", "rgb"), *above))

    def draw(
        self,
        feature: Tensor,
        prepared: Prepared,
        rgb: Tensor | None,
        *,
        noise: Mapping[int, Tensor] | None = None,
        stop_at: int | None = None,
    ) -> Tensor:
        """Draw what lies above the waist.

        Args:
            feature: (B C h w).
            prepared: of the same batch, or of one style for all.
            rgb: (B 3 h/2 w/2) of ``lower``, warped or not; none where there is none.
            noise: by style row of the convolution that adds it, maps (B or 1, 1 r r) of its resolution r.
            stop_at: pixels; a preview of this size instead of the whole picture.

        Returns:
            The picture (B 3 S S), not clamped. RGB is summed in float32 whatever the weights' dtype.
        """
        self._check_noise(noise)
        levels = [level for level in prepared.levels if stop_at is None or level.resolution <= stop_at]
        if not levels or levels[-1].rgb is None:
            raise ConfigError(f"There is no picture at {stop_at} pixels: take at least {self._first_picture}.")
        picture = _draw(levels, feature, rgb, noise)[1]
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
        """Prepare ``styles`` (B or 1, R D) and draw; see ``draw``."""
        return self.draw(feature, self.prepare(styles), rgb, noise=noise, stop_at=stop_at)

    def forward(self, styles: Tensor, *, noise: Mapping[int, Tensor] | None = None) -> Tensor:
        """Draw ``styles`` (B R D) as pictures (B 3 S S)."""
        feature, rgb = self.lower(styles, noise=noise)
        return self.upper(feature, styles, rgb, noise=noise)

    def noise_maps(self, chance: torch.Generator) -> dict[int, Tensor]:
        """One set of noise maps (1 1 r r), by the style row of the convolution that adds it."""
        sizes = {0: FIRST}
        for resolution in self.config.resolutions[1:]:
            row = self.config.row(resolution)
            sizes |= {row - 1: resolution, row: resolution}
        like = self.constant
        return {
            row: torch.randn(1, 1, size, size, generator=chance, device=chance.device).to(like)
            for row, size in sizes.items()
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
        """Work styles into the named parts of one level; none named = all."""
        level, row = self.levels[str(resolution)], self.config.row(resolution)
        rows = {"up": row - 1, "conv": row, "rgb": row + 1}
        fixed = {
            part: getattr(level, part).fix(styles[:, rows[part]])
            for part in parts or rows
            if getattr(level, part) is not None
        }
        return FixedLevel(resolution=resolution, row=row, **fixed)


def _draw(
    levels: list[FixedLevel], x: Tensor, rgb: Tensor | None, noise: Mapping[int, Tensor] | None
) -> tuple[Tensor, Tensor | None]:
    """Draw ``x`` through ``levels`` in order: the last feature map, and the RGB sum."""
    noise = noise or {}
    x = x.contiguous(memory_format=torch.channels_last)
    for level in levels:
        if level.up is not None:
            x = level.up(x, noise.get(level.row - 1))
        if level.conv is not None:
            x = level.conv(x, noise.get(level.row))
        if level.rgb is not None:
            part = level.rgb(x).to(torch.promote_types(x.dtype, torch.float32))
            rgb = part if rgb is None else part + upsample(rgb.to(part.dtype))
    return x, rgb
