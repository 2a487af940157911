"""Winograd convolution F(4 x 4, 3 x 3): a quarter of the products of a plain 3 x 3 convolution.

Faster where products cost more than memory traffic: on a CPU, with many channels. Results differ from those of
``F.conv2d`` by rounding, about 1e-5 of the largest (docs/notes/0080-winograd-tiles-in-cache-sized-bands.md).

Axes: B batch, I inputs, O outputs, H W picture, 36 the places of a 6 x 6 tile.

Source: Lavin and Gray (arXiv 1509.09308), F(4 x 4, 3 x 3).
"""

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor

__all__ = ["convolve_in_tiles", "divides_into_tiles", "is_faster_in_tiles", "transform_weight"]

OUTPUT_TILE = 4  # pixels of an output tile
INPUT_TILE = 6  # pixels of an input tile
MIN_CHANNELS = 128  # channels from which on it is faster
BAND_TILE_ROWS = 4  # rows of tiles computed together, so that they stay in the cache
BIAS_POSITION = 1 * INPUT_TILE + 1  # the product that contributes to all 16 outputs

# The transforms of input, kernel and products along one axis.
INPUT_TRANSFORM = (
    (4, 0, -5, 0, 1, 0),
    (0, -4, -4, 1, 1, 0),
    (0, 4, -4, -1, 1, 0),
    (0, -2, -1, 2, 1, 0),
    (0, 2, -1, -2, 1, 0),
    (0, 4, 0, -5, 0, 1),
)
KERNEL_TRANSFORM = (
    (1 / 4, 0, 0),
    (-1 / 6, -1 / 6, -1 / 6),
    (-1 / 6, 1 / 6, -1 / 6),
    (1 / 24, 1 / 12, 1 / 6),
    (1 / 24, -1 / 12, 1 / 6),
    (0, 0, 1),
)
OUTPUT_TRANSFORM = ((1, 1, 1, 1, 1, 0), (0, 1, -1, 2, -2, 0), (0, 1, 1, 4, 4, 0), (0, 1, -1, 8, -8, 1))


def is_faster_in_tiles(weight: Tensor) -> bool:
    """Whether inference with this kernel (O I k k) is faster in tiles."""
    learns = torch.is_grad_enabled() and weight.requires_grad
    right = weight.device.type == "cpu" and weight.dtype == torch.float32
    return right and not learns and weight.shape[2:] == (3, 3) and min(weight.shape[:2]) >= MIN_CHANNELS


def divides_into_tiles(x: Tensor) -> bool:
    """Whether ``x`` (B I H W) consists of whole tiles and needs no gradient."""
    learns = torch.is_grad_enabled() and x.requires_grad
    return not learns and x.shape[2] % OUTPUT_TILE == x.shape[3] % OUTPUT_TILE == 0


def transform_weight(weight: Tensor) -> Tensor:
    """Transform a kernel (O I 3 3) for ``convolve_in_tiles`` (36 I O). Four times as large."""
    inputs = weight.shape[1]
    flat = rearrange(weight, "o i y x -> (y x) (i o)")
    return rearrange(_transform_2d(KERNEL_TRANSFORM, flat) @ flat, "place (i o) -> place i o", i=inputs)


def convolve_in_tiles(x: Tensor, weight: Tensor, bias: Tensor | None = None, slope: float | None = None) -> Tensor:
    """``F.conv2d`` with a padding of 1, followed by a leaky ReLU if ``slope`` is given.

    Args:
        x: (B I H W); height and width are multiples of ``OUTPUT_TILE``.
        weight: (36 I O) of ``transform_weight``.
        bias: (O).

    Returns:
        (B O H W), channels last in memory.
    """
    batch, inputs, height, width = x.shape
    outputs = weight.shape[2]
    down, across = height // OUTPUT_TILE, width // OUTPUT_TILE
    input_transform, output_transform = _transform_2d(INPUT_TRANSFORM, x), _transform_2d(OUTPUT_TRANSFORM, x)
    padded = x.new_zeros(batch, height + 2, width + 2, inputs)
    padded[:, 1:-1, 1:-1] = rearrange(x, "b i h w -> b h w i")
    result = x.new_empty(batch, down, OUTPUT_TILE, across, OUTPUT_TILE, outputs)
    _, row, column, _ = padded.stride()
    strides = row, column, OUTPUT_TILE * row, OUTPUT_TILE * column, 1
    for sample, drawn in zip(padded, result, strict=True):
        for first in range(0, down, BAND_TILE_ROWS):
            rows = min(BAND_TILE_ROWS, down - first)
            start = sample.storage_offset() + first * OUTPUT_TILE * row
            tiles = sample.as_strided((INPUT_TILE, INPUT_TILE, rows, across, inputs), strides, start)  # overlapping
            seen = input_transform @ rearrange(tiles, "y x down across i -> (y x) (down across i)")
            products = torch.bmm(rearrange(seen, "place (tile i) -> place tile i", i=inputs), weight)
            if bias is not None:
                products[BIAS_POSITION] += bias
            made = output_transform @ rearrange(products, "place tile o -> place (tile o)")
            if slope is not None:
                F.leaky_relu(made, slope, inplace=True)
            drawn[first : first + rows] = rearrange(
                made, "(y x) (down across o) -> down y across x o", y=OUTPUT_TILE, down=rows, across=across
            )
    return rearrange(result, "b down y across x o -> b o (down y) (across x)")


def _transform_2d(matrix: tuple[tuple[float, ...], ...], like: Tensor) -> Tensor:
    """The two-dimensional transform on flattened tiles, as one matrix, from that of one axis."""
    one = torch.tensor(matrix, dtype=torch.float64)
    return torch.kron(one, one).to(like)
