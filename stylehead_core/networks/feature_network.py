"""Feature network for rendered heads: identity embedding, expression, pose, attributes, and perceptual features.

It is trained on rendered heads only and is not a face recogniser for photographs.

Axes: B batch, C channels, h w a feature map, S picture size, L landmarks, A attributes, D embedding.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from ..errors import ConfigError

__all__ = ["FEATURES_KIND", "FeatureNetwork", "FeatureNetworkConfig", "Predictions", "feature_distance"]

FEATURES_KIND = "feature network"  # kind in the header of its file
EXPRESSION_SIZE, ROTATION_SIZE = 52, 3


@dataclass(frozen=True, kw_only=True)
class FeatureNetworkConfig:
    size: int = 64  # pixels of the input for predictions; features work at any size
    widths: tuple[int, ...] = (16, 32, 64, 96)  # channels of each stage; every stage but the first halves
    squeezed: int = 32  # channels of the last stage's map where its positions are read
    hidden: int = 192
    landmarks: int = 68
    embedding: int = 64
    attributes: tuple[str, ...] = ("age", "beard", "makeup", "tone", "hair", "female", "glasses")

    def __post_init__(self) -> None:
        halved = 2 ** (len(self.widths) - 1)
        if len(self.widths) < 2 or self.size % halved or self.size < 2 * halved:
            raise ConfigError(
                f"The picture is halved {len(self.widths) - 1} times, at least once and to at least 2 pixels; "
                f"found {self.size} pixels."
            )
        if min(*self.widths, self.squeezed, self.hidden, self.landmarks, self.embedding) < 1 or not self.attributes:
            raise ConfigError(f"Widths and numbers of what is seen must be at least 1; found {self}.")


class Predictions(NamedTuple):
    """What the feature network predicts for B pictures."""

    landmarks: Tensor  # (B L 2) x to the right, y down, -1..1 from edge to edge
    expression: Tensor  # (B 52) of spaces.BLENDSHAPES, as rendered: 0..1
    rotation: Tensor  # (B 3) rad: pitch, yaw, roll
    attributes: Tensor  # (B A) about 0..1
    identity: Tensor  # (B D) unit vectors: close for pictures of one person


class Stage(nn.Module):
    """Two convolutions with norms; a shortcut around the second."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        self.norm_first = nn.BatchNorm2d(outputs)
        self.second = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.norm_second = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.norm_first(self.first(x)))
        return F.relu(x + self.norm_second(self.second(x)))


class FeatureNetwork(nn.Module):
    """Convolutional stages with average pooling; linear layers for the predictions."""

    def __init__(self, config: FeatureNetworkConfig = FeatureNetworkConfig()) -> None:
        super().__init__()
        self.config = config
        widths = config.widths
        self.stem = nn.Conv2d(3, widths[0], 3, padding=1)
        self.stages = nn.ModuleList(Stage(inputs, outputs) for inputs, outputs in pairwise(widths))
        self.squeeze = nn.Conv2d(widths[-1], config.squeezed, 1)
        side = config.size // 2 ** (len(widths) - 1)
        self.hidden = nn.Linear(config.squeezed * side**2, config.hidden)
        self.norm = nn.BatchNorm1d(config.hidden)
        self.movement = nn.Linear(config.hidden, 2 * config.landmarks + EXPRESSION_SIZE + ROTATION_SIZE)
        looks = config.hidden + widths[-1] + widths[-2]
        self.attributes = nn.Linear(looks, len(config.attributes))
        self.identity = nn.Linear(looks, config.embedding)

    def resize(self, pictures: Tensor) -> Tensor:
        """Resize ``pictures`` (B 3 S S) to the network's input size."""
        size = self.config.size
        if pictures.shape[-1] == size:
            return pictures
        return F.interpolate(pictures, size=(size, size), mode="bilinear", antialias=True)

    def features(self, pictures: Tensor) -> list[Tensor]:
        """Feature maps (B C h w) of each stage, fine to coarse, for ``pictures`` (B 3 S S) in [-1, 1]."""
        maps = [F.relu(self.stem(pictures))]
        for stage in self.stages:
            maps.append(stage(F.avg_pool2d(maps[-1], 2)))
        return maps

    def forward(self, pictures: Tensor) -> Predictions:
        """Predictions for ``pictures`` (B 3 S S) in [-1, 1], of any size."""
        maps = self.features(self.resize(pictures))
        hidden = F.relu(self.norm(self.hidden(F.relu(self.squeeze(maps[-1])).flatten(1))))
        points, expression, rotation = self.movement(hidden).split(
            (2 * self.config.landmarks, EXPRESSION_SIZE, ROTATION_SIZE), dim=1
        )
        looks = torch.cat((hidden, *(part.mean((2, 3)) for part in maps[-2:])), dim=1)
        return Predictions(
            landmarks=rearrange(points, "b (n xy) -> b n xy", xy=2),
            expression=expression,
            rotation=rotation,
            attributes=self.attributes(looks),
            identity=F.normalize(self.identity(looks), dim=1),
        )


def feature_distance(
    network: FeatureNetwork,
    picture: Tensor,
    target: Tensor,
    *,
    mask: Tensor | None = None,
    weights: tuple[float, ...] = (1, 1, 1, 1),
) -> Tensor:
    """Perceptual distance of two pictures: 0 for equal ones, lower is better.

    The mean absolute difference of each stage's features relative to their mean magnitude, so that every stage counts
    equally.

    Args:
        network: frozen, in ``eval()``; gradients reach ``picture`` only.
        picture: (B 3 S S) in [-1, 1], not clamped.
        target: (B 3 S S) in [-1, 1].
        mask: (B 1 S S), weight of each position.
        weights: of the stages from fine to coarse; stages without a weight are ignored.
    """
    with torch.no_grad():
        wanted = network.features(target)
    total = picture.new_zeros(())
    for weight, found, expected in zip(weights, network.features(picture), wanted, strict=False):
        difference = (found - expected).abs() / expected.mean().clamp_min(1e-3)
        if mask is not None:
            difference = difference * F.interpolate(mask, size=found.shape[-2:], mode="area")
        total = total + weight * difference.mean()
    return total
