"""Modulated convolution of StyleGAN2: the style scales input channels, demodulation normalises the outputs.

A style that stays constant over many frames is multiplied into the weight once. Styles that differ within a batch are
applied before and after one shared convolution, so grouped convolutions are never needed.

Axes: B batch, I inputs, O outputs, k kernel, D style width, H W picture.

Source: StyleGAN2 (arXiv 1912.04958), section 2.2.
"""

import math
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..ops.convolve import convolve
from ..ops.filters import blur
from ..ops.winograd import convolve_in_tiles, divides_into_tiles, is_faster_in_tiles, transform_weight
from .equalised import GAIN, SLOPE, EqualLinear

__all__ = ["FixedConv", "ModulatedConv"]

EPSILON = 1e-8


@dataclass(frozen=True, kw_only=True)
class FixedConv:
    """A modulated convolution with its styles multiplied in. The activation's gain is part of the weights."""

    weight: Tensor  # (O I k k), or (I O k k) for upsampling
    bias: Tensor  # (O)
    before: Tensor | None = None  # (B I 1 1), for styles that differ within the batch
    after: Tensor | None = None  # (B O 1 1)
    up: bool = False  # upsample by 2
    active: bool = True  # apply the leaky ReLU
    noise_strength: Tensor | None = None  # ()
    tiles: Tensor | None = None  # (36 O I): the weight for ``convolve_in_tiles``, where that is faster

    def for_inference(self) -> "FixedConv":
        """Copy with Winograd tiles, where these pay for many frames."""
        plain = self.before is None and not self.up
        return replace(self, tiles=transform_weight(self.weight)) if plain and is_faster_in_tiles(self.weight) else self

    def __call__(self, x: Tensor, noise: Tensor | None = None, *, band: bool = False) -> Tensor:
        """Convolve ``x`` (B I H W) to (B O H' W').

        Args:
            noise: (B or 1, 1 H' W').
            band: ``x`` is a band of a taller map, with the rows above and below that the result reads. The result has
                H - 2 rows; with upsampling 2 H - 6, which are one more than the double of the inner ones on either
                side.
        """
        if self.before is not None:
            x = x * self.before
        noisy = noise is not None and self.noise_strength is not None
        whole = self.after is None  # then the bias is free,
        slope = SLOPE if self.active and whole and not noisy else None  # and without noise so is the ReLU
        bias = self.bias if whole else None
        sides = self.weight.shape[-1] // 2
        padding = 0 if band else sides, sides
        if self.up:
            x = F.conv_transpose2d(x, self.weight, stride=2, padding=(2, 0) if band else 0)
            x = blur(x, padding, gain=4, bias=bias, slope=slope)
        elif self.tiles is not None and divides_into_tiles(x, padding):
            x = convolve_in_tiles(x, self.tiles, bias, slope, padding)
        else:
            x = convolve(x, self.weight, bias, padding=padding, slope=slope)
        if self.after is not None:
            x = torch.addcmul(self.bias[:, None, None], x, self.after)
        if noise is not None and self.noise_strength is not None:
            x = x + (self.noise_strength * noise).to(x.dtype)
        return F.leaky_relu(x, SLOPE, inplace=True) if self.active and slope is None else x


class ModulatedConv(nn.Module):
    """Modulated convolution with its own affine layer for the style. Weights are equalised."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        style_dim: int,
        *,
        kernel: int = 3,
        up: bool = False,
        active: bool = True,
        demodulate: bool = True,
        noise: bool = False,
    ) -> None:
        super().__init__()
        self.up, self.active, self.demodulate = up, active, demodulate
        self.weight = nn.Parameter(torch.randn(outputs, inputs, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.style = EqualLinear(style_dim, inputs, first_bias=1.0)
        self.noise_strength = nn.Parameter(torch.zeros(())) if noise else None

    def fix(self, style: Tensor) -> FixedConv:
        """Multiply ``style`` (B D) into the weights. Sums are computed in float32 whatever the weights' dtype.

        One style (B = 1) gives a plain convolution for a batch of any size.
        """
        dtype = self.weight.dtype
        wide = torch.promote_types(dtype, torch.float32)
        weight = self.weight.to(wide) / math.sqrt(self.weight[0].numel())  # O I k k
        scale = 1 / math.sqrt(style.shape[1])
        reading = F.linear(style.to(wide), self.style.weight.to(wide) * scale, self.style.bias.to(wide))  # B I
        level = reading.new_ones(len(style), len(weight))  # B O
        if self.demodulate:
            level = torch.rsqrt(reading.square() @ weight.square().sum((2, 3)).T + EPSILON)
            # Only the product of the two matters; both are kept near 1, within the range of float16.
            peak = reading.abs().amax(dim=1, keepdim=True).clamp_min(EPSILON)
            reading, level = reading / peak, level * peak
        gain = GAIN if self.active else 1.0
        level = gain * level
        noise_strength = None if self.noise_strength is None else gain * self.noise_strength
        common = {"bias": gain * self.bias, "up": self.up, "active": self.active}
        if len(style) == 1:
            weight = weight * reading[0, :, None, None] * level[0, :, None, None, None]
        else:
            common |= {"before": reading.to(dtype)[..., None, None], "after": level.to(dtype)[..., None, None]}
        if self.up:
            weight = weight.transpose(0, 1)
        weight = weight.to(dtype).contiguous(memory_format=torch.channels_last)
        return FixedConv(weight=weight, noise_strength=noise_strength, **common)
