"""Audio encoder: from a window of mel columns to the motion descriptor of the frame in its middle.

Axes: B batch, F mel bands, W mel columns of the window (80 a second), D descriptor.
"""

from dataclasses import dataclass
from typing import Literal

import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import ConfigError
from .motion_encoder import MotionEncoder, MotionEncoderConfig

__all__ = ["AudioEncoder", "AudioEncoderConfig"]

MEL_RANGE = 4.0  # mel values are in [-4, 4]


@dataclass(frozen=True, kw_only=True)
class AudioEncoderConfig:
    bands: int = 80
    window: int = 32  # mel columns: 0.4 s
    descriptor: int = 256
    form: Literal["mlp", "conv"] = "mlp"
    """``mlp`` reduces the time axis by an MLP, as the paper says; ``conv`` is the official code's temporal
    convolution.
    """
    hidden: int = 128  # of the network over time, ``mlp`` only

    def __post_init__(self) -> None:
        if self.form not in ("mlp", "conv"):
            raise ConfigError(f"The form of an audio encoder is 'mlp' or 'conv'; found {self.form!r}.")
        if min(self.bands, self.window, self.descriptor, self.hidden) < 1:
            raise ConfigError(f"An audio encoder needs at least one of everything; found {self}.")


class AudioEncoder(nn.Module):
    """Mel columns in, descriptor out; the config's ``form`` chooses the network."""

    def __init__(self, config: AudioEncoderConfig = AudioEncoderConfig()) -> None:
        super().__init__()
        self.config = config
        if config.form == "conv":
            self.network = MotionEncoder(
                MotionEncoderConfig(coefficients=config.bands, window=config.window, descriptor=config.descriptor)
            )
        else:
            self.network = TimeSqueeze(config)

    def forward(self, mel: Tensor) -> Tensor:
        """Encode ``mel`` (B F W), values in [-4, 4], as descriptors (B D)."""
        return self.network(mel)


class TimeSqueeze(nn.Module):
    """An MLP over time shared by all bands gives one number for each band; a second MLP maps the bands to a descriptor.

    Source: the supplement's "MLP to squeeze the time axis"; sizes are ours (METHOD section 3.4).
    """

    def __init__(self, config: AudioEncoderConfig) -> None:
        super().__init__()
        self.time_in = nn.Linear(config.window, config.hidden)
        self.time_out = nn.Linear(config.hidden, 1)
        self.bands_in = nn.Linear(config.bands, config.descriptor)
        self.bands_out = nn.Linear(config.descriptor, config.descriptor)

    def forward(self, mel: Tensor) -> Tensor:
        x = F.leaky_relu(self.time_in(mel / MEL_RANGE), 0.1)  # B F hidden
        x = self.time_out(x).squeeze(-1)  # B F
        return self.bands_out(F.leaky_relu(self.bands_in(x), 0.1))
