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

from .onednn import can_use_onednn, multiply

__all__ = ["convolve_in_tiles", "divides_into_tiles", "is_faster_in_tiles", "transform_weight"]

OUTPUT_TILE = 4  # pixels of an output tile
INPUT_TILE = 6  # pixels of an input tile
MIN_CHANNELS = 256  # channels from which on it is faster
MIN_TILES = 32  # tiles of a picture from which on it is faster
BAND_TILES = 256  # at least so many tiles are computed together: few enough for the cache, many enough for a product
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


def divides_into_tiles(x: Tensor, padding: tuple[int, int] = (1, 1)) -> bool:
    """Whether what is drawn from ``x`` (B I H W) consists of whole and many tiles, and ``x`` needs no gradient."""
    learns = torch.is_grad_enabled() and x.requires_grad
    height, width = _drawn_size(x, padding)
    many = height * width >= MIN_TILES * OUTPUT_TILE**2
    return many and not learns and height % OUTPUT_TILE == width % OUTPUT_TILE == 0


def transform_weight(weight: Tensor) -> Tensor:
    """Transform a kernel (O I 3 3) for ``convolve_in_tiles`` (36 O I). Four times as large."""
    outputs = weight.shape[0]
    flat = rearrange(weight, "o i y x -> (y x) (o i)")
    return rearrange(_transform_2d(KERNEL_TRANSFORM, flat) @ flat, "place (o i) -> place o i", o=outputs)


def convolve_in_tiles(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    slope: float | None = None,
    padding: tuple[int, int] = (1, 1),
) -> Tensor:
    """A 3 x 3 convolution, followed by a leaky ReLU if ``slope`` is given.

    Args:
        x: (B I H W).
        weight: (36 O I) of ``transform_weight``.
        bias: (O).
        padding: rows of zeros above and below, columns left and right. The result consists of whole tiles.

    Returns:
        (B O H' W'), channels last in memory.
    """
    inputs, outputs = x.shape[1], weight.shape[1]
    height, width = _drawn_size(x, padding)
    down, across = height // OUTPUT_TILE, width // OUTPUT_TILE
    input_transform, output_transform = _transform_2d(INPUT_TRANSFORM, x), _transform_2d(OUTPUT_TRANSFORM, x)
    above, left = padding
    padded = F.pad(rearrange(x, "b i h w -> b h w i"), (0, 0, left, left, above, above)).contiguous()
    result = x.new_empty(len(x), height, width, outputs)
    places = result.view(len(x), down, OUTPUT_TILE, across, OUTPUT_TILE, outputs)
    _, row, column, _ = padded.stride()
    strides = row, column, OUTPUT_TILE * row, OUTPUT_TILE * column, 1
    band = -(-BAND_TILES // across)  # rows of tiles, rounded up
    for sample, drawn in zip(padded, places, strict=True):
        for first in range(0, down, band):
            rows = min(band, down - first)
            start = sample.storage_offset() + first * OUTPUT_TILE * row
            tiles = sample.as_strided((INPUT_TILE, INPUT_TILE, rows, across, inputs), strides, start)  # overlapping
            seen = multiply(input_transform, rearrange(tiles, "y x down across i -> (y x) (down across i)"))
            products = _multiply_places(rearrange(seen, "place (tile i) -> place tile i", i=inputs), weight)
            if bias is not None:
                products[BIAS_POSITION] += bias
            made = multiply(output_transform, rearrange(products, "place tile o -> place (tile o)"))
            if slope is not None:
                F.leaky_relu(made, slope, inplace=True)
            drawn[first : first + rows] = rearrange(
                made, "(y x) (down across o) -> down y across x o", y=OUTPUT_TILE, down=rows, across=across
            )
    return result.permute(0, 3, 1, 2)  # not rearranged: torch sees a single channels-last map by its strides


def _multiply_places(seen: Tensor, weight: Tensor) -> Tensor:
    """The products (36 tiles O) of ``seen`` (36 tiles I) and ``weight`` (36 O I)."""
    if not can_use_onednn(seen, weight):
        return torch.bmm(seen, weight.transpose(1, 2))
    products = seen.new_empty(*seen.shape[:2], weight.shape[1])
    for place, kernel, product in zip(seen, weight, products, strict=True):
        product.copy_(multiply(place, kernel.t()))
    return products


def _drawn_size(x: Tensor, padding: tuple[int, int]) -> tuple[int, int]:
    """Height and width of what a 3 x 3 convolution draws from ``x``."""
    return x.shape[2] + 2 * padding[0] - 2, x.shape[3] + 2 * padding[1] - 2


def _transform_2d(matrix: tuple[tuple[float, ...], ...], like: Tensor) -> Tensor:
    """The two-dimensional transform on flattened tiles, as one matrix, from that of one axis."""
    one = torch.tensor(matrix, dtype=torch.float64)
    return torch.kron(one, one).to(like)
