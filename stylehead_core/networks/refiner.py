"""Merges the drawn frame with the warped portrait, at the generator's size.

A feature map that moves by parts of a cell loses the finest detail. The portrait's own pixels keep it, but they show
nothing that the portrait hides, and a lid is finer than a cell of the flow. For every pixel the network predicts
how much of each to use, adds a correction, and draws the inside of mouths and lids by itself. Its inputs include the
motion, and the guides of the landmark prior, which say where mouth and eyes are.

Axes: B batch, G guides, h w the size of the flow, S picture size, f the fold S / w, D descriptor, W width.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import ConfigError
from .equalised import EqualConv, activate

__all__ = ["Refined", "Refiner", "RefinerConfig"]

REPAINTED = 0.15  # a correction by this much (of colours from -1 to 1) leaves nothing of the warped portrait
MOUTH_GATE, EYE_GATE = (6.0, -1.5), (4.0, -4.5)  # logit of the painted layer = factor * guide + offset, at first
TRUST = 4.0  # initial logit of the blend: fully visible pixels start with the warped portrait, hidden ones without it
COLOURS = 3


@dataclass(frozen=True, kw_only=True)
class RefinerConfig:
    size: int = 128  # pixels of the picture
    feature_size: int = 64  # of the flow; pictures are pixel-unshuffled to it
    descriptor: int = 128
    guides: int = 0  # planes of the landmark prior for the inside of mouth and eyes
    hidden: int = 64  # hidden width of the network that maps the descriptor to scales and shifts
    width: int = 64  # channels inside
    units: int = 4
    paint: bool = False  # a third layer with its own colours, for the inside of mouth and lids

    def __post_init__(self) -> None:
        if min((vars(self) | {"guides": self.guides + 1, "paint": 1}).values()) < 1:
            raise ConfigError(f"A refiner needs at least one of everything, guides aside; found {self}.")
        if self.paint and self.guides < 2:
            raise ConfigError(
                f"A refiner that paints must be told where mouth and eyes are; found {self.guides} guides."
            )
        if self.size % self.feature_size:
            raise ConfigError(
                f"A picture of {self.size} pixels cannot be folded onto a feature map of {self.feature_size}."
            )


class Refined(NamedTuple):
    """A refined frame, and the features that a network for a larger size continues from."""

    picture: Tensor  # (B 3 S S), not clamped
    kept: Tensor  # (B 1 S S) in 0..1: how much of it is the warped portrait
    hidden: Tensor  # (B W h w), the last features


class Refiner(nn.Module):
    """Residual units at the flow's size on pixel-unshuffled pictures. Crops of pictures work as well."""

    def __init__(self, config: RefinerConfig = RefinerConfig()) -> None:
        super().__init__()
        self.config = config
        self.fold = config.size // config.feature_size
        self.first = EqualConv(2 * COLOURS * self.fold**2 + 1 + config.guides, config.width, 3)
        self.shared = nn.Linear(config.descriptor, config.hidden)
        self.units = nn.ModuleList(Unit(config.width, config.hidden) for _ in range(config.units))
        self.last = EqualConv(config.width, (COLOURS + 1) * self.fold**2, 3)
        nn.init.zeros_(self.last.weight)
        self.paint = EqualConv(config.width, (COLOURS + 1) * self.fold**2, 3) if config.paint else None

    def forward(self, drawn: Tensor, carried: Tensor, planes: Tensor, descriptor: Tensor) -> Tensor:
        """The frame to show (B 3 S S), not clamped; arguments as in ``refine``."""
        return self.refine(drawn, carried, planes, descriptor).picture

    def refine(self, drawn: Tensor, carried: Tensor, planes: Tensor, descriptor: Tensor) -> Refined:
        """Merge both pictures.

        Args:
            drawn: (B 3 S S), the generator's frame.
            carried: (B 3 S S), the portrait warped by the flow.
            planes: (B 1+G h w), visibility in 0..1, and the guides in -1..1.
            descriptor: (B D) of the motion.
        """
        dtype = self.shared.weight.dtype  # of the convolutions; pictures are mixed in float32
        folded = [F.pixel_unshuffle(picture, self.fold) for picture in (drawn, carried)]
        code = F.relu(self.shared(descriptor.to(dtype)))
        x = activate(self.first(torch.cat((*folded, planes), dim=1).to(dtype)))
        for unit in self.units:
            x = unit(x, code)
        found = F.pixel_shuffle(self.last(x), self.fold).float()
        seen = F.interpolate(planes[:, :1], size=drawn.shape[-2:], mode="bilinear", align_corners=False)
        trust = torch.sigmoid(found[:, :1] + TRUST * (2 * seen - 1))
        added = found[:, 1:]
        picture = drawn + trust * (carried - drawn) + added
        changed = F.avg_pool2d(F.pad(added.abs().mean(1, keepdim=True), (1, 1, 1, 1), mode="replicate"), 3, stride=1)
        kept = trust * (1 - changed / REPAINTED).clamp_min(0)
        if self.paint is None:
            return Refined(picture, kept, x)
        own = F.pixel_shuffle(self.paint(x), self.fold).float()
        mouth, eyes = planes[:, 1:2], planes[:, 2:3]
        gate = torch.maximum(MOUTH_GATE[0] * mouth + MOUTH_GATE[1], EYE_GATE[0] * eyes + EYE_GATE[1])
        gate = F.interpolate(gate, size=drawn.shape[-2:], mode="bilinear", align_corners=False)
        painted = torch.sigmoid(own[:, :1] + gate)
        return Refined(picture + painted * (torch.tanh(own[:, 1:]) - picture), kept * (1 - painted), x)


class Unit(nn.Module):
    """Residual unit of two convolutions with the motion's modulation between them, initialised to the identity."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.mix = EqualConv(width, width, 3)
        self.steer = nn.Linear(hidden, 2 * width)
        self.out = EqualConv(width, width, 3)
        nn.init.zeros_(self.out.weight)

    def forward(self, x: Tensor, code: Tensor) -> Tensor:
        """(B W h w), modulated by ``code`` (B hidden)."""
        scale, shift = self.steer(code)[..., None, None].chunk(2, dim=1)
        return x + self.out(activate(self.mix(x) * (1 + scale) + shift))
