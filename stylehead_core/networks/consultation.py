"""Consultation encoder of HFGI: turns the inversion residual into scale and shift of the feature map.

Axes: B batch, C channels of the feature map, h w its size, S picture size.

Source: HFGI (arXiv 2109.06590), the consultation branch; StyleHEAT applies it only at the map that is warped.
"""

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import ConfigError
from .equalised import EqualConv, activate
from .residual import ResidualUnit, stem

__all__ = ["Consultation", "ConsultationConfig"]


@dataclass(frozen=True, kw_only=True)
class ConsultationConfig:
    size: int = 256  # pixels of the picture
    fold: int = 1  # pixel unshuffle factor at the input: the same information at less cost
    widths: tuple[int, int, int] = (32, 48, 64)  # channels at the picture's size and of the two stages after it
    strides: tuple[int, int] = (2, 2)  # stride of each stage: 1 keeps the size, 2 halves it
    feature_channels: int = 512
    feature_size: int = 64  # the outputs are resized to it if the stages end at another size

    def __post_init__(self) -> None:
        if len(self.widths) != 3 or min(*self.widths, self.feature_channels, self.feature_size) < 1:
            raise ConfigError(
                f"The consultation needs three widths, and a feature map, of at least 1; found {self.widths}, "
                f"{self.feature_channels} channels and {self.feature_size} pixels."
            )
        if len(self.strides) != 2 or not set(self.strides) <= {1, 2}:
            raise ConfigError(f"The consultation has two strides, each 1 or 2; found {self.strides}.")
        if self.fold < 1 or self.size % (self.fold * self.strides[0] * self.strides[1]):
            raise ConfigError(
                f"A picture of {self.size} pixels cannot be divided by the fold {self.fold} and the strides "
                f"{self.strides}."
            )


class Consultation(nn.Module):
    """Two stages of residual units, and one head each for scale and shift."""

    def __init__(self, config: ConsultationConfig = ConsultationConfig()) -> None:
        super().__init__()
        self.config = config
        first, second, third = config.widths
        self.stem = stem(3 * config.fold**2, first)
        self.stages = nn.ModuleList(
            nn.Sequential(ResidualUnit(into, out, stride=stride), ResidualUnit(out, out), ResidualUnit(out, out))
            for into, out, stride in zip((first, second), (second, third), config.strides, strict=True)
        )
        self.scale = Branch(third, config.feature_channels)
        self.shift = Branch(third, config.feature_channels)

    def forward(self, residual: Tensor) -> tuple[Tensor, Tensor]:
        """Scale and shift (B C h w each) for the aligned ``residual`` (B 3 S S): feature * (1 + scale) + shift."""
        x = self.stem(F.pixel_unshuffle(residual, self.config.fold))
        for stage in self.stages:
            x = stage(x)
        return self._resize(self.scale(x)), self._resize(self.shift(x))

    def _resize(self, x: Tensor) -> Tensor:
        size = (self.config.feature_size, self.config.feature_size)
        return x if x.shape[-2:] == size else F.interpolate(x, size=size, mode="bilinear", align_corners=False)


class Branch(nn.Module):
    """Two convolutions to the channels of the feature map."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first = EqualConv(inputs, outputs, 3)
        self.last = EqualConv(outputs, outputs, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(activate(self.first(x)))
