"""Calibration network: predicts scale and shift that repair a warped feature map.

Axes: B batch, C feature channels, h w feature size, D descriptor, E extra planes.
"""

import math
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import ConfigError
from ..ops.filters import blur
from .adain import AdaIN
from .equalised import EqualConv

__all__ = ["Calibrator", "CalibratorConfig"]


@dataclass(frozen=True, kw_only=True)
class CalibratorConfig:
    feature_channels: int = 512
    feature_size: int = 64
    extra_channels: int = 0  # additional input planes at the feature's size, such as the visibility
    width: int = 256  # channels inside
    descriptor: int = 256
    hidden: int = 128  # hidden width of the networks that map the descriptor to scales and shifts
    levels: int = 4  # downsampling steps (64 -> 4), and as many upsampling steps
    heads: Literal["acting", "all"] = "acting"
    """``all`` also contains the heads of the lower levels, as the official file does; the generator uses none of
    them.
    """
    gate: bool = False  # calibrate only where the portrait does not show the surface
    zero_init: bool = False  # initialised to have no effect

    def __post_init__(self) -> None:
        if self.heads not in ("acting", "all"):
            raise ConfigError(f"The heads of a calibrator are 'acting' or 'all'; found {self.heads!r}.")
        if self.levels < 1 or self.feature_size % 2**self.levels:
            raise ConfigError(
                f"A feature of {self.feature_size} pixels cannot be halved {self.levels} times. "
                "Take fewer levels, at least one."
            )
        if min(self.feature_channels, self.width, self.descriptor, self.hidden) < 1:
            raise ConfigError(f"A calibrator needs at least one of every channel; found {self}.")


class Calibrator(nn.Module):
    """U-net with the descriptor injected on the way up. Source: SPEC section 4."""

    def __init__(self, config: CalibratorConfig = CalibratorConfig()) -> None:
        super().__init__()
        self.config = config
        width, levels = config.width, config.levels
        self.first = EqualConv(config.feature_channels + config.extra_channels, width, 1, active=True)
        self.down = nn.ModuleList(Down(width) for _ in range(levels))
        self.middle = EqualConv(width, width, 3, active=True)
        self.descriptor_in = nn.Linear(config.descriptor, config.descriptor)
        self.descriptor_out = nn.Linear(config.descriptor, config.descriptor)
        self.up = nn.ModuleList(Up(width) for _ in range(levels))
        self.inject = nn.ModuleList(Inject(width, config.descriptor, config.hidden) for _ in range(levels))
        heads = levels if config.heads == "all" else 1
        self.scale = nn.ModuleList(Head(width, config.feature_channels, config.zero_init) for _ in range(heads))
        self.shift = nn.ModuleList(Head(width, config.feature_channels, config.zero_init) for _ in range(heads))

    def forward(
        self,
        feature: Tensor,
        descriptor: Tensor,
        extra: Tensor | None = None,
        visibility: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Predict the calibration of ``feature``: ``feature * (1 + scale) + shift``.

        Args:
            feature: (B C h w), warped.
            descriptor: (B D) of the motion.
            extra: (B E h w), where the config has extra channels.
            visibility: (B 1 h w) in 0..1, where the config has a gate: at 1 nothing changes.

        Returns:
            scale and shift, (B C h w) each.
        """
        calibrated = self._compute_levels(feature, descriptor, extra)[-1]
        scale, shift = self.scale[-1](calibrated), self.shift[-1](calibrated)
        if self.config.gate:
            assert visibility is not None, "a calibrator with a gate takes the visibility"
            scale, shift = scale * (1 - visibility), shift * (1 - visibility)
        return scale, shift

    def predict_all_levels(self, feature: Tensor, descriptor: Tensor, extra: Tensor | None = None) -> list[Tensor]:
        """All official outputs: scale and shift of each level from the lowest up; only the last two are used.

        Only with ``heads="all"``. The gate is not applied.
        """
        calibrated = self._compute_levels(feature, descriptor, extra)
        heads = zip(self.scale, self.shift, calibrated, strict=True)
        return [head(level) for scale, shift, level in heads for head in (scale, shift)]

    def _compute_levels(self, feature: Tensor, descriptor: Tensor, extra: Tensor | None) -> list[Tensor]:
        """The feature map after each level, from the smallest to the input's size."""
        code = self.descriptor_out(F.leaky_relu(self.descriptor_in(descriptor), 0.1))
        x = self.first(feature if extra is None else torch.cat((feature, extra), dim=1))
        shortcuts = []
        for down in self.down:
            x = down(x)
            shortcuts.append(x)
        x = self.middle(x)
        levels = []
        for up, inject in zip(self.up, self.inject, strict=True):
            x = inject(up(x + shortcuts.pop()), code)
            levels.append(x)
        return levels


class Down(nn.Module):
    """Downsampling block with a shortcut, as in StyleGAN2's discriminator (arXiv 1912.04958)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.mix = EqualConv(width, width, 3, active=True)
        self.shrink = EqualConv(width, width, 3, stride=2, padding=0, active=True)
        self.short = EqualConv(width, width, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        shrunk = self.shrink(blur(self.mix(x), 2))
        # Smooths only the pixels that the strided 1 x 1 convolution samples.
        return (shrunk + self.short(blur(x, 1, stride=2))) / math.sqrt(2)


class Up(nn.Module):
    """Upsampling block with a shortcut."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.mix = EqualConv(width, width, 3, active=True)
        self.grow = EqualConv(width, width, 3, active=True)
        self.short = EqualConv(width, width, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        grown = self.grow(_upsample(self.mix(x)))
        # A 1 x 1 convolution and a resize commute: on the smaller map it costs a quarter.
        return (grown + _upsample(self.short(x))) / math.sqrt(2)


class Inject(nn.Module):
    """Two convolutions modulated by the descriptor, with a shortcut around the second."""

    def __init__(self, width: int, descriptor: int, hidden: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.first_norm = AdaIN(width, descriptor, hidden)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        self.second_norm = AdaIN(width, descriptor, hidden)

    def forward(self, x: Tensor, code: Tensor) -> Tensor:
        x = F.leaky_relu(self.first_norm(self.first(x), code), 0.01, inplace=True)
        return self.second_norm(self.second(x), code) + x


class Head(nn.Module):
    """Maps the inner channels to those of the feature map."""

    def __init__(self, width: int, feature_channels: int, zero_init: bool) -> None:
        super().__init__()
        self.mix = EqualConv(width, width, 3, active=True)
        self.out = EqualConv(width, feature_channels, 3)
        if zero_init:
            nn.init.zeros_(self.out.weight)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.mix(x))


def _upsample(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
