"""StyleGAN2's residual discriminator; used in training only.

Axes: B batch, C channels, S picture size.

Source: StyleGAN2 (arXiv 1912.04958), with the minibatch standard deviation of arXiv 1710.10196.
"""

import math
from dataclasses import dataclass, field
from itertools import pairwise

import torch
from einops import rearrange, repeat
from torch import Tensor, nn

from ..errors import ConfigError, InputError
from ..ops.filters import blur
from .equalised import EqualConv, EqualLinear, activate
from .generator import official_channels

__all__ = ["Discriminator", "DiscriminatorConfig"]

LAST_SIZE = 4  # pixels, side of the last feature map


@dataclass(frozen=True, kw_only=True)
class DiscriminatorConfig:
    size: int = 256  # pixels of the picture
    channels: dict[int, int] = field(default_factory=dict)
    """Channels by resolution; the official number for each resolution that is not listed."""
    group: int = 4  # pictures in a group of the minibatch standard deviation; 1 switches it off

    def __post_init__(self) -> None:
        if self.size < 8 or self.size & (self.size - 1):
            raise ConfigError(f"The discriminator's picture must measure a power of two from 8 up; found {self.size}.")
        levels = official_channels(self.size)
        if unknown := self.channels.keys() - levels.keys():
            raise ConfigError(
                f"Channels are given for {sorted(unknown)} pixels, but a picture of {self.size} is seen at "
                f"{', '.join(map(str, levels))}."
            )
        if min((*self.channels.values(), self.group)) < 1:
            raise ConfigError("Channels and the group must be at least 1.")
        object.__setattr__(self, "channels", {**levels, **self.channels})


class Block(nn.Module):
    """Downsampling block: two convolutions with a linear shortcut."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first = EqualConv(inputs, inputs, 3)
        self.second = EqualConv(inputs, outputs, 3, stride=2, padding=0)
        self.shortcut = EqualConv(inputs, outputs, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B C H W) to (B C' H/2 W/2)."""
        y = activate(self.second(blur(activate(self.first(x)), 2)))
        return (y + self.shortcut(blur(x, 1, stride=2))) / math.sqrt(2)


class Discriminator(nn.Module):
    """Picture in, logit out; higher means more real."""

    def __init__(self, config: DiscriminatorConfig = DiscriminatorConfig()) -> None:
        super().__init__()
        self.config = config
        widths = [config.channels[resolution] for resolution in sorted(config.channels, reverse=True)]
        self.stem = EqualConv(3, widths[0], 1)
        self.blocks = nn.ModuleList(Block(inputs, outputs) for inputs, outputs in pairwise(widths))
        self.conv = EqualConv(widths[-1] + 1, widths[-1], 3)
        self.linear = EqualLinear(widths[-1] * LAST_SIZE**2, widths[-1])
        self.logit = EqualLinear(widths[-1], 1)

    def forward(self, image: Tensor) -> Tensor:
        """The logits (B 1) of ``image`` (B 3 S S) in [-1, 1].

        Raises:
            InputError: the batch is larger than the group and not a multiple of it.
        """
        x = activate(self.stem(image))
        for block in self.blocks:
            x = block(x)
        x = activate(self.conv(torch.cat((x, self._group_deviation(x)), dim=1)))
        return self.logit(activate(self.linear(x.flatten(1))))

    def _group_deviation(self, x: Tensor) -> Tensor:
        """Minibatch standard deviation of each group, as a constant plane (B 1 4 4)."""
        batch, _, height, width = x.shape
        group = min(batch, self.config.group)
        if batch % group:
            raise InputError(
                f"The discriminator compares pictures in groups of {group}: a batch of {batch} cannot be divided."
            )
        # As in the official network, picture i is grouped with i + batch / group, i + 2 batch / group ...
        groups = rearrange(x.float(), "(member group) c h w -> member group (c h w)", member=group)
        deviation = (groups.var(dim=0, unbiased=False) + 1e-8).sqrt().mean(dim=1)  # one number a group
        return repeat(deviation.to(x.dtype), "group -> (member group) 1 h w", member=group, h=height, w=width)
