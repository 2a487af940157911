"""Flow network: from a picture and a motion descriptor to the flow that warps the picture.

Axes: B batch, S picture size, h w flow size, D descriptor, E extra planes.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import ConfigError
from ..ops.convolve import convolve
from .adain import AdaIN

__all__ = ["FlowField", "FlowFieldConfig"]

SLOPE = 0.1  # of every leaky ReLU here
INITIAL_VISIBILITY_LOGIT = 3.0  # logit: an untrained network predicts everything as visible (0.95)


@dataclass(frozen=True, kw_only=True)
class FlowFieldConfig:
    image_size: int = 256
    image_channels: int = 3
    extra_channels: int = 0  # additional input planes at the picture's size, such as the picture after a first warp
    base: int = 32  # channels at the full size; doubled with every downsampling
    maximum: int = 256  # channels, at most
    down: int = 5  # downsampling steps: 256 -> 8
    up: int = 3  # upsampling steps: 8 -> 64
    descriptor: int = 256
    hidden: int = 128  # hidden width of the networks that map the descriptor to scales and shifts
    visibility: bool = False  # also predict which points the portrait does not show
    zero_init: bool = False  # initialised to zero flow

    def __post_init__(self) -> None:
        if not 0 <= self.up <= self.down:
            raise ConfigError(f"A flow field goes up at most as often as down; found down {self.down}, up {self.up}.")
        if self.image_size % 2**self.down or self.image_size // 2**self.down < 2:
            raise ConfigError(
                f"A picture of {self.image_size} pixels cannot be halved {self.down} times to 2 pixels or more. "
                "Take a larger picture or fewer halvings."
            )
        if min(self.image_channels, self.base, self.maximum, self.descriptor, self.hidden) < 1:
            raise ConfigError(f"A flow field needs at least one of every channel; found {self}.")

    @property
    def flow_size(self) -> int:
        return self.image_size // 2 ** (self.down - self.up)

    def channels(self, halvings: int) -> int:
        """Channels after so many downsampling steps."""
        return min(self.base * 2**halvings, self.maximum)


class FlowField(nn.Module):
    """Hourglass network with skip connections, modulated by the descriptor in every layer. Source: SPEC sections 3.3
    and 3.4.
    """

    def __init__(self, config: FlowFieldConfig = FlowFieldConfig()) -> None:
        super().__init__()
        self.config = config
        self.first = nn.Conv2d(config.image_channels + config.extra_channels, config.base, 7, padding=3)
        self.down = nn.ModuleList(
            Down(config.channels(level), config.channels(level + 1), config) for level in range(config.down)
        )
        self.up = nn.ModuleList()
        channels = config.channels(config.down)
        for level in range(config.down - 1, config.down - 1 - config.up, -1):
            self.up.append(Up(channels, config.channels(level), config))
            channels = 2 * config.channels(level)  # its own, and as many from the skip connection
        self.norm = nn.GroupNorm(1, channels)  # over channels and pixels together
        self.last = nn.Conv2d(channels, 3 if config.visibility else 2, 7, padding=3)
        assert self.last.bias is not None
        if config.zero_init:
            nn.init.zeros_(self.last.weight)
            nn.init.zeros_(self.last.bias)
        if config.visibility:
            nn.init.constant_(self.last.bias[2:], INITIAL_VISIBILITY_LOGIT)

    def forward(self, image: Tensor, descriptor: Tensor, extra: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """Predict the flow of ``image`` for ``descriptor``.

        Args:
            image: (B 3 S S), RGB in [-1, 1]; or (1 3 S S) for all descriptors.
            descriptor: (B D).
            extra: (B E S S), where the config has extra channels.

        Returns:
            The flow (B 2 h w) in pixels of its own grid (see ``ops.warp``); and the visibility (B 1 h w) in 0..1,
            0 where the portrait does not show the surface; None if the config has no visibility.
        """
        if extra is not None:
            image = torch.cat((image.expand(len(extra), -1, -1, -1), extra), dim=1)
        x = self.first(image).expand(len(descriptor), -1, -1, -1)
        shortcuts = []
        for down in self.down:
            shortcuts.append(x)
            x = down(x, descriptor)
        for up in self.up:
            x = torch.cat((up(x, descriptor), shortcuts.pop()), dim=1)
        x = F.leaky_relu(self.norm(x), SLOPE, inplace=True)
        x = convolve(x, self.last.weight, self.last.bias, padding=3).float()
        return x[:, :2], torch.sigmoid(x[:, 2:]) if self.config.visibility else None


class Down(nn.Module):
    """Downsampling block: a strided and a plain convolution, each after its normalisation."""

    def __init__(self, channels_in: int, channels_out: int, config: FlowFieldConfig) -> None:
        super().__init__()
        self.norm_shrink = AdaIN(channels_in, config.descriptor, config.hidden)
        self.shrink = nn.Conv2d(channels_in, channels_out, 4, stride=2, padding=1)
        self.norm_mix = AdaIN(channels_out, config.descriptor, config.hidden)
        self.mix = nn.Conv2d(channels_out, channels_out, 3, padding=1)

    def forward(self, x: Tensor, descriptor: Tensor) -> Tensor:
        x = self.shrink(F.leaky_relu(self.norm_shrink(x, descriptor), SLOPE, inplace=True))
        return self.mix(F.leaky_relu(self.norm_mix(x, descriptor), SLOPE, inplace=True))


class Up(nn.Module):
    """Upsampling block: a plain and a transposed convolution, with a transposed shortcut."""

    def __init__(self, channels_in: int, channels_out: int, config: FlowFieldConfig) -> None:
        super().__init__()
        self.norm_mix = AdaIN(channels_in, config.descriptor, config.hidden)
        self.mix = nn.Conv2d(channels_in, channels_out, 3, padding=1)
        self.norm_grow = AdaIN(channels_out, config.descriptor, config.hidden)
        self.grow = _transposed(channels_out, channels_out)
        self.norm_short = AdaIN(channels_in, config.descriptor, config.hidden)
        self.short = _transposed(channels_in, channels_out)

    def forward(self, x: Tensor, descriptor: Tensor) -> Tensor:
        mixed = self.mix(F.leaky_relu(self.norm_mix(x, descriptor), SLOPE, inplace=True))
        grown = self.grow(F.leaky_relu(self.norm_grow(mixed, descriptor), SLOPE, inplace=True))
        return grown + self.short(F.leaky_relu(self.norm_short(x, descriptor), SLOPE, inplace=True))


def _transposed(channels_in: int, channels_out: int) -> nn.ConvTranspose2d:
    return nn.ConvTranspose2d(channels_in, channels_out, 3, stride=2, padding=1, output_padding=1)
