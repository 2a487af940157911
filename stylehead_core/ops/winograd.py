"""3 x 3 convolutions with a quarter of the products: in tiles of 4 x 4 results, made from 6 x 6 inputs each.

It pays where products cost more than moving numbers: for many channels, on a processor. Results differ from those of
the plain way by rounding, about 1e-5 of the largest (docs/notes/0080-winograd-tiles-in-cache-sized-bands.md).

Axes: B batch, I inputs, O outputs, H W picture, 36 the places of a 6 x 6 tile.

Source: Lavin and Gray (arXiv 1509.09308), F(4 x 4, 3 x 3).
"""

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor

__all__ = ["convolve_in_tiles", "fits_tiles", "gains_by_tiles", "tiled_weight"]

TILE = 4  # pixels of a tile of the result
SEEN = 6  # pixels of what it is made from
MANY = 128  # channels from which on it pays
BAND = 4  # rows of tiles worked on together, so that they stay in the cache
EVERYWHERE = 1 * SEEN + 1  # the place of a product that adds itself to all 16 results

# Rows: what is taken of the input's pixels, of the kernel's, and of the products, for one axis.
OF_INPUT = (
    (4, 0, -5, 0, 1, 0),
    (0, -4, -4, 1, 1, 0),
    (0, 4, -4, -1, 1, 0),
    (0, -2, -1, 2, 1, 0),
    (0, 2, -1, -2, 1, 0),
    (0, 4, 0, -5, 0, 1),
)
OF_KERNEL = (
    (1 / 4, 0, 0),
    (-1 / 6, -1 / 6, -1 / 6),
    (-1 / 6, 1 / 6, -1 / 6),
    (1 / 24, 1 / 12, 1 / 6),
    (1 / 24, -1 / 12, 1 / 6),
    (0, 0, 1),
)
OF_PRODUCTS = ((1, 1, 1, 1, 1, 0), (0, 1, -1, 2, -2, 0), (0, 1, 1, 4, 4, 0), (0, 1, -1, 8, -8, 1))


def gains_by_tiles(weight: Tensor) -> bool:
    """Whether a convolution with this kernel (O I k k), of which nothing is to be learnt, is faster in tiles."""
    learns = torch.is_grad_enabled() and weight.requires_grad
    right = weight.device.type == "cpu" and weight.dtype == torch.float32
    return right and not learns and weight.shape[2:] == (3, 3) and min(weight.shape[:2]) >= MANY


def fits_tiles(x: Tensor) -> bool:
    """Whether ``x`` (B I H W) is made of whole tiles, of which nothing is to be learnt."""
    learns = torch.is_grad_enabled() and x.requires_grad
    return not learns and x.shape[2] % TILE == x.shape[3] % TILE == 0


def tiled_weight(weight: Tensor) -> Tensor:
    """A kernel (O I 3 3) as ``convolve_in_tiles`` takes it (36 I O). Four times as large."""
    inputs = weight.shape[1]
    flat = rearrange(weight, "o i y x -> (y x) (i o)")
    return rearrange(_both_axes(OF_KERNEL, flat) @ flat, "place (i o) -> place i o", i=inputs)


def convolve_in_tiles(x: Tensor, weight: Tensor, bias: Tensor | None = None, slope: float | None = None) -> Tensor:
    """As ``F.conv2d`` with a padding of 1, and a leaky ReLU behind it where there is a ``slope``.

    Args:
        x: (B I H W); height and width are multiples of ``TILE``.
        weight: (36 I O) of ``tiled_weight``.
        bias: (O).

    Returns:
        (B O H W), channels last in memory.
    """
    batch, inputs, height, width = x.shape
    outputs = weight.shape[2]
    down, across = height // TILE, width // TILE
    of_input, of_products = _both_axes(OF_INPUT, x), _both_axes(OF_PRODUCTS, x)
    padded = x.new_zeros(batch, height + 2, width + 2, inputs)
    padded[:, 1:-1, 1:-1] = rearrange(x, "b i h w -> b h w i")
    result = x.new_empty(batch, down, TILE, across, TILE, outputs)
    _, row, column, _ = padded.stride()
    strides = row, column, TILE * row, TILE * column, 1
    for sample, drawn in zip(padded, result, strict=True):
        for first in range(0, down, BAND):
            rows = min(BAND, down - first)
            start = sample.storage_offset() + first * TILE * row
            tiles = sample.as_strided((SEEN, SEEN, rows, across, inputs), strides, start)  # overlapping
            seen = of_input @ rearrange(tiles, "y x down across i -> (y x) (down across i)")
            products = torch.bmm(rearrange(seen, "place (tile i) -> place tile i", i=inputs), weight)
            if bias is not None:
                products[EVERYWHERE] += bias
            made = of_products @ rearrange(products, "place tile o -> place (tile o)")
            if slope is not None:
                F.leaky_relu(made, slope, inplace=True)
            drawn[first : first + rows] = rearrange(
                made, "(y x) (down across o) -> down y across x o", y=TILE, down=rows, across=across
            )
    return rearrange(result, "b down y across x o -> b o (down y) (across x)")


def _both_axes(matrix: tuple[tuple[float, ...], ...], like: Tensor) -> Tensor:
    """What the matrix does along one axis, done along both, as one matrix on flattened tiles."""
    one = torch.tensor(matrix, dtype=torch.float64)
    return torch.kron(one, one).to(like)
