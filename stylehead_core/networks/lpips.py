"""LPIPS: learned perceptual distance of two pictures; 0 for equal ones, lower is better.

Axes: B batch, C channels, H W picture.

Source: LPIPS (arXiv 1801.03924), version 0.1 with AlexNet.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import ConfigError

__all__ = ["Lpips", "LpipsConfig"]

RGB_MEAN, RGB_DEVIATION = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)  # mean and deviation of RGB in [-1, 1]


@dataclass(frozen=True, kw_only=True)
class LpipsConfig:
    widths: tuple[int, int, int, int, int] = (64, 192, 384, 256, 256)  # AlexNet's five convolutions

    def __post_init__(self) -> None:
        if len(self.widths) != 5 or min(self.widths) < 1:
            raise ConfigError(f"AlexNet has five widths of at least 1; found {self.widths}.")


class Lpips(nn.Module):
    """Weighted squared distance between AlexNet's features, normalised to unit length at each pixel."""

    def __init__(self, config: LpipsConfig = LpipsConfig()) -> None:
        super().__init__()
        self.config = config
        first, second, third, fourth, fifth = config.widths
        self.convs = nn.ModuleList(
            [
                nn.Conv2d(3, first, 11, stride=4, padding=2),
                nn.Conv2d(first, second, 5, padding=2),
                nn.Conv2d(second, third, 3, padding=1),
                nn.Conv2d(third, fourth, 3, padding=1),
                nn.Conv2d(fourth, fifth, 3, padding=1),
            ]
        )
        self.weights = nn.ParameterList(torch.full((width,), 1 / width) for width in config.widths)

    def forward(self, picture: Tensor, target: Tensor) -> Tensor:
        """Distance (B) between ``picture`` and ``target`` (B 3 H W, in [-1, 1])."""
        distances = [
            ((found - expected).square() * weight[:, None, None]).sum(dim=1).mean(dim=(1, 2))
            for found, expected, weight in zip(
                self._features(picture), self._features(target), self.weights, strict=True
            )
        ]
        return torch.stack(distances).sum(dim=0)

    def _features(self, image: Tensor) -> list[Tensor]:
        x = (image - image.new_tensor(RGB_MEAN)[:, None, None]) / image.new_tensor(RGB_DEVIATION)[:, None, None]
        features = []
        for number, conv in enumerate(self.convs):
            if number in (1, 2):
                x = F.max_pool2d(x, 3, stride=2)
            x = F.relu(conv(x))
            features.append(x / (x.square().sum(dim=1, keepdim=True).sqrt() + 1e-10))
        return features
