"""Speech network: lip and jaw coefficients from a window of mel columns.

Axes: B frames, F mel bands, W mel columns of a window, N coefficients.
"""

from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import ConfigError, MotionError
from ..spaces import BLENDSHAPES

__all__ = ["SpeechCoefficients", "SpeechCoefficientsConfig"]

MEL_RANGE = 4.0  # mel values are in -4..4
KERNEL = 3  # columns


@dataclass(frozen=True, kw_only=True)
class SpeechCoefficientsConfig:
    names: tuple[str, ...] = ("jawOpen", "mouthFunnel", "mouthPucker")  # the coefficients that are predicted
    bands: int = 80
    window: int = 32  # mel columns: 0.4 s
    width: int = 128
    layers: int = 3  # convolutions over time, each with a stride of 2

    def __post_init__(self) -> None:
        if unknown := [name for name in self.names if name not in BLENDSHAPES]:
            raise ConfigError(f"Speech drives blendshapes; {', '.join(unknown)} is none.")
        if not self.names or min(self.bands, self.width, self.layers) < 1 or self.window % 2**self.layers:
            raise ConfigError(
                f"Speech needs at least one name, band and layer, and a window that can be halved {self.layers} "
                f"times; found {self}."
            )


class SpeechCoefficients(nn.Module):
    """Convolutions over time and two linear layers, then a linear map between scales of coefficients."""

    scale: Tensor  # (N N): trained scale @ this = the landmarker's scale

    def __init__(self, config: SpeechCoefficientsConfig = SpeechCoefficientsConfig()) -> None:
        super().__init__()
        self.config = config
        widths = [config.bands, *[config.width] * config.layers]
        self.convs = nn.ModuleList(nn.Conv1d(into, out, KERNEL, stride=2, padding=1) for into, out in pairwise(widths))
        self.hidden = nn.Linear(config.width * config.window // 2**config.layers, config.width)
        self.last = nn.Linear(config.width, len(config.names))
        self.register_buffer("scale", torch.eye(len(config.names)))

    def predict(self, mel: Tensor) -> Tensor:
        """Coefficients (B N) for mel windows (B F W) in -4..4, on the scale of the training data; about 0..1.

        Raises:
            MotionError: the windows do not have the size of those in training.
        """
        heard = (self.config.bands, self.config.window)
        if tuple(mel.shape[1:]) != heard:
            raise MotionError(
                f"This speech network hears windows of (bands, columns) {heard}; these are {tuple(mel.shape[1:])}. "
                "Make them with its own window."
            )
        x = mel / MEL_RANGE
        for conv in self.convs:
            x = F.leaky_relu(conv(x), 0.1)
        return self.last(F.leaky_relu(self.hidden(x.flatten(1)), 0.1))

    def forward(self, mel: Tensor) -> dict[str, Tensor]:
        """Values (B) in 0..1 of each coefficient by name, on the landmarker's scale, as in a motion."""
        told = (self.predict(mel.to(self.scale)) @ self.scale).clamp(0, 1)
        return dict(zip(self.config.names, told.unbind(1), strict=True))
