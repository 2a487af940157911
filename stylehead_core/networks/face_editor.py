"""Face editor: local changes of an attribute, such as beard, lips, cheeks and wrinkles.

Styles act on the whole picture alike, but a beard or a painted lip has a place. So each attribute also has a learnt
plan of the frontal face, which is laid onto the portrait by its landmarks. A small network turns the plan and the
feature map into a change of the feature map. It also works at a quarter of the size, where hair can be told from the
wall behind it.
Wrinkles are finer than the feature map can draw: in a model that warps the portrait's pixels, those are changed too.

Axes: B batch, C h w the feature map, P planes of a plan, m its size, W width, S picture size, f the fold S / w.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import ConfigError
from .equalised import EqualConv, activate

__all__ = ["FaceEditor", "FaceEditorConfig"]

COLOURS = 3
CONTEXT_FACTOR = 4  # downsampling factor of the coarse branch


@dataclass(frozen=True, kw_only=True)
class FaceEditorConfig:
    names: tuple[str, ...]  # of the attributes
    feature_channels: int = 64
    plan: int = 16  # planes
    plan_size: int = 64
    width: int = 48  # channels inside
    fold: int = 0  # pixels along a cell of the map that an attribute sees and changes; 0: only the feature map
    units: int = 2  # residual units of the coarse branch
    beyond: tuple[str, ...] = ()  # attributes that also change the surroundings of the head

    def __post_init__(self) -> None:
        if min(self.feature_channels, self.plan, self.plan_size, self.width, self.units, self.fold + 1) < 1:
            raise ConfigError(f"A face editor needs at least one of everything but of the fold; found {self}.")
        if not set(self.beyond) <= set(self.names):
            raise ConfigError(f"Attributes that reach beyond the head must be among the names; found {self}.")


class FaceEditor(nn.Module):
    def __init__(self, config: FaceEditorConfig) -> None:
        super().__init__()
        self.config = config
        self.attributes = nn.ModuleDict({name: Attribute(config) for name in config.names})

    def forward(
        self, name: str, feature: Tensor, picture: Tensor, places: Tensor, covered: Tensor
    ) -> tuple[Tensor, Tensor | None]:
        """Changes of ``feature`` and of the pixels by the attribute ``name`` at strength 1.

        Args:
            feature: (B C h w).
            picture: (B 3 S S) in [-1, 1], the portrait.
            places: (B 2 h w), position of each cell on the frontal face: x to the right and y down, -1..1.
            covered: (B 1 h w) in 0..1: how much of the cell is head. Only attributes in ``beyond`` change anything
                outside of it.

        Returns:
            (B C h w), and (B 3 S S) or None.
        """
        fold = self.config.fold
        seen = torch.cat((feature, F.pixel_unshuffle(picture, fold)), dim=1) if fold else feature
        change = self.attributes[name](seen, places, covered)
        if name not in self.config.beyond:
            change = covered * change
        if not fold:
            return change, None
        return change[:, : feature.shape[1]], F.pixel_shuffle(change[:, feature.shape[1] :], fold)


class Attribute(nn.Module):
    """Network of one attribute: input convolution, context branch, output convolutions."""

    def __init__(self, config: FaceEditorConfig) -> None:
        super().__init__()
        changed = config.feature_channels + COLOURS * config.fold**2
        self.plan = nn.Parameter(torch.randn(config.plan, config.plan_size, config.plan_size))
        self.first = EqualConv(changed + config.plan + 1, config.width, 3)
        self.afar = nn.Sequential(*(Unit(config.width) for _ in range(config.units)))
        self.tell = EqualConv(config.width, config.width, 1)
        self.near = Unit(config.width)
        self.last = EqualConv(config.width, changed, 3)
        for layer in (self.tell, self.last):
            nn.init.zeros_(layer.weight)  # changes nothing at the start of training

    def forward(self, seen: Tensor, places: Tensor, covered: Tensor) -> Tensor:
        plan = self.plan[None].expand(len(places), -1, -1, -1)
        there = covered * F.grid_sample(plan, places.movedim(1, -1), padding_mode="border", align_corners=False)
        x = activate(self.first(torch.cat((seen, there, covered), dim=1)))
        afar = self.tell(self.afar(F.avg_pool2d(x, CONTEXT_FACTOR)))
        afar = F.interpolate(afar, size=x.shape[-2:], mode="bilinear", align_corners=False)
        return self.last(self.near(x + afar))


class Unit(nn.Module):
    """Residual unit of two convolutions, initialised to the identity."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.mix = EqualConv(width, width, 3)
        self.out = EqualConv(width, width, 3)
        nn.init.zeros_(self.out.weight)

    def forward(self, x: Tensor) -> Tensor:
        """(B W h w)."""
        return x + self.out(activate(self.mix(x)))
