"""Draws the frame at the model's full size, from the refined small frame and the portrait's own pixels.

The small frame says what is where, and shows what the portrait hides; the portrait, warped by the flow, has the detail.
This network works on the flow's grid, the large pictures folded into channels, so that the size costs little. It
decides for every pixel how much of the portrait to keep, adds detail where there is none, and corrects the warped
matte, by which the head is laid over the wall. Before that it enlarges the flow itself: with weights of its own for
each small pixel, as an edge is finer than a cell.

Axes: B batch, G guides, h w the flow's grid, s the small frame's size, S the full size, D descriptor, W width.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import ConfigError
from .equalised import EqualConv, activate
from .refiner import Refined, Unit

__all__ = ["Composed", "Compositor", "CompositorConfig"]

COLOURS = 3
NEIGHBOURS = 9  # cells of the flow that an enlarged cell is a mixture of
FAR = -9.0  # logit at first of the neighbours that a bilinear enlargement does not use
OFFSET_PX = 0.25  # pixels of the flow's grid by which 1 from the network moves an enlarged cell
LOGIT = 6.0  # of what is kept or covered for sure, before the network's correction
SURE = 0.04  # a matte within this of 0 or 1 counts as 0 or 1


@dataclass(frozen=True, kw_only=True)
class CompositorConfig:
    size: int = 512  # pixels of the frame
    drawn_size: int = 128  # pixels of the refined frame
    feature_size: int = 64  # of the flow's grid
    descriptor: int = 128
    guides: int = 5
    features: int = 64  # channels that the refiner hands on
    hidden: int = 64  # of the network that turns the descriptor into scales and shifts
    width: int = 96  # channels inside
    units: int = 3
    enlarge: int = 4  # how many times finer than the grid the enlarged flow is
    irises: bool = False  # whether irises move by themselves, see ``ops.irises``; needs guides

    def __post_init__(self) -> None:
        if min((vars(self) | {"guides": self.guides + 1, "irises": 1}).values()) < 1:
            raise ConfigError(f"A compositor needs at least one of everything, guides aside; found {self}.")
        if self.irises and self.guides < 2:
            raise ConfigError(f"A compositor that moves irises needs the guides of mouth and eyes; found {self}.")
        if self.size % self.feature_size or self.drawn_size % self.feature_size:
            raise ConfigError(
                f"Pictures of {self.size} and {self.drawn_size} pixels cannot both be folded onto a grid of "
                f"{self.feature_size}."
            )


class Composed(NamedTuple):
    """A frame before it is laid over the wall."""

    picture: Tensor  # (B 3 S S), not clamped
    matte: Tensor  # (B 1 S S) in 0..1
    kept: Tensor  # (B 1 S S) in 0..1: how much of the picture is the warped portrait


class Compositor(nn.Module):
    """Residual units on the flow's grid. It takes crops of a picture, too."""

    def __init__(self, config: CompositorConfig = CompositorConfig()) -> None:
        super().__init__()
        self.config = config
        self.fold, self.small_fold = config.size // config.feature_size, config.drawn_size // config.feature_size
        cells = config.enlarge**2
        self.flow = EqualConv(config.features, (NEIGHBOURS + 2) * cells, 3)
        with torch.no_grad():
            self.flow.weight.zero_()
            assert self.flow.bias is not None
            self.flow.bias[: NEIGHBOURS * cells].copy_(_bilinear(config.enlarge).flatten())
        inputs = COLOURS * (self.fold**2 + self.small_fold**2) + 2 * self.small_fold**2
        self.first = EqualConv(inputs + 1 + config.guides + config.features, config.width, 3)
        self.shared = nn.Linear(config.descriptor, config.hidden)
        self.units = nn.ModuleList(Unit(config.width, config.hidden) for _ in range(config.units))
        self.last = EqualConv(config.width, (COLOURS + 2) * self.fold**2, 3)
        nn.init.zeros_(self.last.weight)

    def enlarge_flow(self, flow: Tensor, features: Tensor) -> Tensor:
        """The flow on a finer grid: convex mixtures of its 3 x 3 cells, and an offset. At first it is bilinear.

        Args:
            flow: (B 2 h w), pixels of its own grid.
            features: (B F h w) of the refiner.

        Returns:
            (B 2 n*h n*w), pixels of the finer grid.

        Source: RAFT (arXiv 2003.12039), convex upsampling.
        """
        times, (height, width) = self.config.enlarge, flow.shape[-2:]
        weights, offset = self.flow(features.to(self.shared.weight.dtype)).split(
            (NEIGHBOURS * times**2, 2 * times**2), dim=1
        )
        weights = weights.float().unflatten(1, (NEIGHBOURS, times**2)).softmax(dim=1)  # B 9 n*n h w
        cells = F.unfold(F.pad(flow, (1, 1, 1, 1), mode="replicate"), 3).view(-1, 2, NEIGHBOURS, height, width)
        fine = torch.einsum("bkshw,bckhw->bcshw", weights, cells).flatten(1, 2)  # B 2*n*n h w
        return times * F.pixel_shuffle(fine + OFFSET_PX * offset.float(), times)

    def forward(self, refined: Refined, carried: Tensor, matte: Tensor, planes: Tensor, descriptor: Tensor) -> Composed:
        """Compose the frame.

        Args:
            refined: what the refiner made, of pictures (B 3 s s).
            carried: (B 3 S S), the portrait's foreground, warped by the enlarged flow.
            matte: (B 1 S S) in 0..1, its matte, warped likewise.
            planes: (B 1+G h w), visibility and guides, as the refiner gets them.
            descriptor: (B D) of the motion.
        """
        size = carried.shape[-2:]
        covered = _area(matte, self.fold // self.small_fold)
        small = torch.cat((refined.picture, covered, refined.kept), dim=1)
        folded = F.pixel_unshuffle(carried, self.fold), F.pixel_unshuffle(small, self.small_fold)
        dtype = self.shared.weight.dtype  # of the convolutions; pictures are mixed in float32
        code = F.relu(self.shared(descriptor.to(dtype)))
        x = activate(self.first(torch.cat((*folded, planes, refined.hidden), dim=1).to(dtype)))
        for unit in self.units:
            x = unit(x, code)
        found = F.pixel_shuffle(self.last(x), self.fold).float()
        base, kept = (
            F.interpolate(plane.float(), size=size, mode="bilinear", align_corners=False)
            for plane in (refined.picture, refined.kept)
        )
        kept = torch.sigmoid(LOGIT * (2 * kept - 1) + found[:, :1])
        picture = base + kept * (carried - base) + found[:, 2:]
        matte = torch.sigmoid(LOGIT * (2 * matte - 1) + found[:, 1:2])
        return Composed(picture, ((matte - SURE) / (1 - 2 * SURE)).clamp(0, 1), kept)


def _area(plane: Tensor, times: int) -> Tensor:
    return F.avg_pool2d(plane, times) if times > 1 else plane


def _bilinear(times: int) -> Tensor:
    """Logits (9 n n) of the 3 x 3 cells around one for each of its n x n parts, as bilinear enlargement weighs them."""
    place = (torch.arange(times, device="cpu") + 0.5) / times - 0.5  # of the parts' middles, cells
    shares = (1 - (place[None] - torch.arange(-1, 2, device="cpu")[:, None]).abs()).clamp_min(0)  # 3 n
    weights = torch.einsum("ri,cj->rcij", shares, shares).reshape(NEIGHBOURS, times, times)
    return weights.clamp_min(math.exp(FAR)).log()
