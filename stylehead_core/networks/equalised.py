"""Equalised layers: weights are stored with unit variance and scaled when they are used, as in StyleGAN2.

Every weight then learns at the same rate, however many inputs it has.

Axes: B batch, I inputs, O outputs, k kernel.

Source: StyleGAN2 (arXiv 1912.04958), after Progressive GAN's equalised learning rate.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["GAIN", "SLOPE", "EqualConv", "EqualLinear", "activate"]

SLOPE = 0.2
GAIN = math.sqrt(2)  # compensates the variance lost in the leaky ReLU


def activate(x: Tensor) -> Tensor:
    """StyleGAN2's leaky ReLU, which keeps the variance. In place, and safe for a backward pass."""
    return F.leaky_relu(x.mul_(GAIN), SLOPE, inplace=True)


class EqualLinear(nn.Module):
    """A linear layer with equalised weights."""

    def __init__(self, inputs: int, outputs: int, *, first_bias: float = 0.0, speed: float = 1.0) -> None:
        """``speed`` multiplies the learning rate of weight and bias relative to the rest of the network."""
        super().__init__()
        self.speed = speed
        self.weight = nn.Parameter(torch.empty(outputs, inputs))
        nn.init.normal_(self.weight, std=1 / speed)
        self.bias = nn.Parameter(torch.full((outputs,), first_bias / speed))

    def forward(self, x: Tensor) -> Tensor:
        """(... I) to (... O)."""
        scale = self.speed / math.sqrt(self.weight.shape[1])
        return F.linear(x, self.weight * scale, self.bias * self.speed)


class EqualConv(nn.Module):
    """A convolution with equalised weights."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        *,
        stride: int = 1,
        padding: int | None = None,
        bias: bool = True,
        active: bool = False,
    ) -> None:
        """If ``padding`` is not given, a stride of 1 keeps the size. ``active`` adds the activation."""
        super().__init__()
        self.active = active
        self.stride = stride
        self.padding = kernel // 2 if padding is None else padding
        self.weight = nn.Parameter(torch.randn(outputs, inputs, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(outputs)) if bias else None

    @property
    def scale(self) -> float:
        """Factor applied to the weight when it is used."""
        return 1 / math.sqrt(self.weight[0].numel())

    def forward(self, x: Tensor) -> Tensor:
        """(B I H W) to (B O H' W')."""
        x = F.conv2d(x, self.weight * self.scale, self.bias, self.stride, self.padding)
        return activate(x) if self.active else x
