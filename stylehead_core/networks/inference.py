"""Inference copy of a network: equalised weights are pre-scaled, activations joined to their convolutions, 3 x 3
convolutions become Winograd tiles.

Axes: B batch, I inputs, O outputs, H W picture.
"""

import copy
from typing import TypeVar

import torch
from torch import Tensor, nn

from ..ops.convolve import convolve
from ..ops.winograd import convolve_in_tiles, divides_into_tiles, is_faster_in_tiles, transform_weight
from .equalised import GAIN, SLOPE, EqualConv

__all__ = ["for_inference"]

Network = TypeVar("Network", bound=nn.Module)


class InferenceConv(nn.Module):
    """Convolution with a constant weight."""

    weight: Tensor
    bias: Tensor | None
    tiles: Tensor | None

    def __init__(self, conv: EqualConv | nn.Conv2d) -> None:
        super().__init__()
        weight, bias = conv.weight, conv.bias
        self.slope = None
        if isinstance(conv, EqualConv):
            weight = weight * conv.scale
            if conv.active:
                weight, bias, self.slope = GAIN * weight, None if bias is None else GAIN * bias, SLOPE
        self.on_cpu = weight.device.type == "cpu"
        if self.on_cpu:
            weight = weight.contiguous(memory_format=torch.channels_last)
        self.register_buffer("weight", weight)
        self.register_buffer("bias", bias)
        self.stride = conv.stride if isinstance(conv.stride, int) else conv.stride[0]
        self.padding = conv.padding if isinstance(conv, EqualConv) else (int(conv.padding[0]), int(conv.padding[1]))
        plain = self.stride == 1 and self.padding in (1, (1, 1)) and is_faster_in_tiles(weight)
        self.register_buffer("tiles", transform_weight(weight) if plain else None)

    def forward(self, x: Tensor) -> Tensor:
        """(B I H W) to (B O H' W'), channels last on a CPU."""
        if self.on_cpu:
            x = x.contiguous(memory_format=torch.channels_last)
        if self.tiles is not None and divides_into_tiles(x):
            return convolve_in_tiles(x, self.tiles, self.bias, self.slope)
        return convolve(x, self.weight, self.bias, stride=self.stride, padding=self.padding, slope=self.slope)


def for_inference(network: Network) -> Network:
    """Make an inference copy of ``network``; its outputs are the same up to rounding.

    Weights that need no change are shared. Make a new copy when the weights have changed; the copy cannot be trained.
    """
    with torch.no_grad():
        kept = {id(tensor): tensor for tensor in (*network.parameters(), *network.buffers())}
        twin = copy.deepcopy(network, kept)
        for part in list(twin.modules()):
            for name, child in part.named_children():
                if isinstance(child, EqualConv) or (type(child) is nn.Conv2d and child.groups == 1):
                    setattr(part, name, InferenceConv(child))
    return twin
