"""Joins the drawn frame with the portrait as the flow carries it, at the picture's full size.

A feature map that is moved by parts of a cell loses the finest detail; the portrait's own pixels keep it, but show
nothing that the portrait hides, and a lid is finer than a cell of the flow. For every pixel this network decides
which of the two to trust, and corrects what is wrong in both. The motion descriptor tells it what to draw (a closed
eye), the guides of the landmark prior where.

Axes: B batch, G guides, h w the size of the flow, S picture size, f the fold S / w, D descriptor, W width.
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
    feature_size: int = 64  # of the flow; the pictures are folded to it
    descriptor: int = 128
    guides: int = 0  # planes of the landmark prior that tell what is inside an open mouth, or eye
    hidden: int = 64  # of the network that turns the descriptor into scales and shifts
    width: int = 64  # channels inside
    units: int = 4

    def __post_init__(self) -> None:
        if min((vars(self) | {"guides": self.guides + 1}).values()) < 1:
            raise ConfigError(f"A refiner needs at least one of everything, guides aside; found {self}.")
        if self.size % self.feature_size:
            raise ConfigError(
                f"A picture of {self.size} pixels cannot be folded onto a feature map of {self.feature_size}."
            )


class Refiner(nn.Module):
    """Residual units at the flow's size, the pictures folded into channels. It takes cuts of a picture, too."""

    def __init__(self, config: RefinerConfig = RefinerConfig()) -> None:
        super().__init__()
        self.config = config
        self.fold = config.size // config.feature_size
        self.first = EqualConv(2 * COLOURS * self.fold**2 + 1 + config.guides, config.width, 3)
        self.shared = nn.Linear(config.descriptor, config.hidden)
        self.units = nn.ModuleList(Unit(config.width, config.hidden) for _ in range(config.units))
        self.last = EqualConv(config.width, (COLOURS + 1) * self.fold**2, 3)
        nn.init.zeros_(self.last.weight)

    def forward(self, drawn: Tensor, carried: Tensor, planes: Tensor, descriptor: Tensor) -> Tensor:
        """The frame to show.

        Args:
            drawn: (B 3 S S), what the generator draws.
            carried: (B 3 S S), the portrait as the flow carries it.
            planes: (B 1+G h w), what of the frame the portrait shows in 0..1, and the guides in -1..1.
            descriptor: (B D) of the motion.

        Returns:
            (B 3 S S), not clamped: a mixture of both pictures, and what is added to it.
        """
        folded = [F.pixel_unshuffle(picture, self.fold) for picture in (drawn, carried)]
        code = F.relu(self.shared(descriptor))
        x = activate(self.first(torch.cat((*folded, planes), dim=1)))
        for unit in self.units:
            x = unit(x, code)
        found = F.pixel_shuffle(self.last(x), self.fold)
        seen = F.interpolate(planes[:, :1], size=drawn.shape[-2:], mode="bilinear", align_corners=False)
        trust = torch.sigmoid(found[:, :1] + TRUST * (2 * seen - 1))
        return drawn + trust * (carried - drawn) + found[:, 1:]


class Unit(nn.Module):
    """Two convolutions beside a shortcut, the motion between them; at first it changes nothing."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.mix = EqualConv(width, width, 3)
        self.steer = nn.Linear(hidden, 2 * width)
        self.out = EqualConv(width, width, 3)
        nn.init.zeros_(self.out.weight)

    def forward(self, x: Tensor, code: Tensor) -> Tensor:
        """(B W h w), by what the descriptor says (B hidden)."""
        scale, shift = self.steer(code)[..., None, None].chunk(2, dim=1)
        return x + self.out(activate(self.mix(x) * (1 + scale) + shift))
