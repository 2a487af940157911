"""Inference copy of a network: equalised weights are pre-scaled, 3 x 3 convolutions become Winograd tiles.

Axes: B batch, I inputs, O outputs, H W picture.
"""

import copy
from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..ops.winograd import convolve_in_tiles, divides_into_tiles, is_faster_in_tiles, transform_weight
from .equalised import EqualConv

__all__ = ["for_inference"]

Network = TypeVar("Network", bound=nn.Module)


class InferenceConv(nn.Module):
    """Convolution with a constant weight."""

    weight: Tensor
    bias: Tensor | None
    tiles: Tensor | None

    def __init__(self, conv: EqualConv | nn.Conv2d) -> None:
        super().__init__()
        weight = conv.weight if isinstance(conv, nn.Conv2d) else conv.weight * conv.scale
        self.register_buffer("weight", weight)
        self.register_buffer("bias", conv.bias)
        self.place = {"stride": conv.stride, "padding": conv.padding}
        plain = conv.stride in (1, (1, 1)) and conv.padding in (1, (1, 1)) and is_faster_in_tiles(weight)
        self.register_buffer("tiles", transform_weight(weight) if plain else None)

    def forward(self, x: Tensor) -> Tensor:
        """(B I H W) to (B O H' W')."""
        if self.tiles is not None and divides_into_tiles(x):
            drawn = convolve_in_tiles(x, self.tiles, self.bias)
            return drawn.contiguous() if x.is_contiguous() else drawn
        return F.conv2d(x, self.weight, self.bias, **self.place)


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
