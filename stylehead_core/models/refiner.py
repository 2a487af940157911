"""Joins the drawn frame with the portrait as the flow carries it, at the picture's full size.

A feature map that is moved by parts of a cell loses the finest detail; the portrait's own pixels keep it, but show
nothing that the portrait hides. This network decides for every pixel which of the two to trust, and mends the seams.

Axes: B batch, C h w the feature map, S picture size, f the fold S / w.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import ConfigError
from .equalised import EqualConv, activate

__all__ = ["Refiner", "RefinerConfig"]

TRUST = 4.0  # logit by which a pixel that is fully seen begins with the carried portrait, one that is hidden without it
COLOURS = 3


@dataclass(frozen=True, kw_only=True)
class RefinerConfig:
    size: int = 128  # pixels of the picture
    feature_channels: int = 64
    feature_size: int = 64
    width: int = 48  # channels inside
    units: int = 3

    def __post_init__(self) -> None:
        if min(self.size, self.feature_channels, self.feature_size, self.width, self.units) < 1:
            raise ConfigError(f"A refiner needs at least one of everything; found {self}.")
        if self.size % self.feature_size:
            raise ConfigError(
                f"A picture of {self.size} pixels cannot be folded onto a feature map of {self.feature_size}."
            )


class Refiner(nn.Module):
    """Residual units at the feature map's size, the pictures folded into channels."""

    def __init__(self, config: RefinerConfig = RefinerConfig()) -> None:
        super().__init__()
        self.config = config
        self.fold = config.size // config.feature_size
        planes = config.feature_channels + 2 * COLOURS * self.fold**2 + 1
        self.first = EqualConv(planes, config.width, 3)
        self.units = nn.ModuleList(Unit(config.width) for _ in range(config.units))
        self.last = EqualConv(config.width, (COLOURS + 1) * self.fold**2, 3)
        nn.init.zeros_(self.last.weight)

    def forward(self, drawn: Tensor, carried: Tensor, feature: Tensor, visibility: Tensor) -> Tensor:
        """The frame to show.

        Args:
            drawn: (B 3 S S), what the generator draws of ``feature``.
            carried: (B 3 S S), the portrait as the flow carries it.
            feature: (B C h w), warped and calibrated.
            visibility: (B 1 h w) in 0..1, what of the frame the portrait shows.

        Returns:
            (B 3 S S), not clamped: a mixture of both pictures, and what is added to it.
        """
        folded = [F.pixel_unshuffle(picture, self.fold) for picture in (drawn, carried)]
        x = activate(self.first(torch.cat((feature, *folded, visibility), dim=1)))
        for unit in self.units:
            x = unit(x)
        planes = F.pixel_shuffle(self.last(x), self.fold)
        seen = F.interpolate(visibility, size=drawn.shape[-2:], mode="bilinear", align_corners=False)
        trust = torch.sigmoid(planes[:, :1] + TRUST * (2 * seen - 1))
        return drawn + trust * (carried - drawn) + planes[:, 1:]


class Unit(nn.Module):
    """Two convolutions beside a shortcut; at first it changes nothing."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.mix = EqualConv(width, width, 3)
        self.out = EqualConv(width, width, 3)
        nn.init.zeros_(self.out.weight)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.out(activate(self.mix(x)))
