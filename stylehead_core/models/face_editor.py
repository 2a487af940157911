"""What an attribute changes at places of the face: lips, cheeks, chin, the corners of the eyes.

Styles act on the whole picture alike; a beard or a painted lip has a place. So every attribute also has a plan of the
face, seen from the front, which is laid onto the portrait by its landmarks; a small network turns what lies there of
it, and the feature map, into a change of the map.

Axes: B batch, C h w the feature map, P planes of a plan, m its size.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import ConfigError
from .equalised import EqualConv, activate

__all__ = ["FaceEditor", "FaceEditorConfig"]


@dataclass(frozen=True, kw_only=True)
class FaceEditorConfig:
    names: tuple[str, ...]  # of the attributes
    feature_channels: int = 64
    plan: int = 16  # planes
    plan_size: int = 64
    width: int = 48  # channels inside

    def __post_init__(self) -> None:
        if min(self.feature_channels, self.plan, self.plan_size, self.width) < 1:
            raise ConfigError(f"A face editor needs at least one of everything; found {self}.")


class FaceEditor(nn.Module):
    def __init__(self, config: FaceEditorConfig) -> None:
        super().__init__()
        self.config = config
        self.attributes = nn.ModuleDict({name: Attribute(config) for name in config.names})

    def forward(self, name: str, feature: Tensor, places: Tensor, covered: Tensor) -> Tensor:
        """What the attribute ``name`` adds to ``feature`` at strength 1.

        Args:
            feature: (B C h w).
            places: (B 2 h w), where of the face seen from the front each cell lies: x to the right and y down, -1..1.
            covered: (B 1 h w) in 0..1: how much of the cell is head. Nothing else is changed.

        Returns:
            (B C h w).
        """
        return covered * self.attributes[name](feature, places, covered)


class Attribute(nn.Module):
    def __init__(self, config: FaceEditorConfig) -> None:
        super().__init__()
        self.plan = nn.Parameter(torch.randn(config.plan, config.plan_size, config.plan_size))
        self.first = EqualConv(config.feature_channels + config.plan, config.width, 3)
        self.last = EqualConv(config.width, config.feature_channels, 3)
        nn.init.zeros_(self.last.weight)  # it begins by changing nothing

    def forward(self, feature: Tensor, places: Tensor, covered: Tensor) -> Tensor:
        plan = self.plan[None].expand(len(places), -1, -1, -1)
        there = covered * F.grid_sample(plan, places.movedim(1, -1), padding_mode="border", align_corners=False)
        return self.last(activate(self.first(torch.cat((feature, there), dim=1))))
