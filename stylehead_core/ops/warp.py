"""Backward warping by flow fields.

A flow (B 2 H W) is in pixels of its own H x W grid: channel 0 to the right, channel 1 down. ``flow[:, 0] = 3`` samples
three columns further right, so the picture moves left. Grids and sampling are float32 whatever the feature's dtype:
bfloat16 positions on a 64 x 64 map would be a quarter of a pixel threshold_px.
"""

from typing import Literal

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor

__all__ = [
    "Convention",
    "compose_flows",
    "flow_to_grid",
    "remove_flow_outliers",
    "resize_flow",
    "sample",
    "warp",
    "warp_bicubic",
    "warp_by_grid",
]

Convention = Literal["identity", "official"]
"""``identity``: zero flow changes nothing, bit for bit; outside, the border is replicated.
``official``: as in the training of the released weights: zero flow zooms by W/(W-1), and outside is zero."""


def warp(feature: Tensor, flow: Tensor, convention: Convention = "identity") -> Tensor:
    """Sample each point of ``feature`` from where ``flow`` points to.

    Args:
        feature: (B C H W), or (1 C H W) for all flows; any values and dtype.
        flow: (B 2 h w), in pixels of its own grid. It is resized to H W where necessary: ``identity`` resizes the
            flow, ``official`` the sampling grid made from it.
        convention: see ``Convention``.

    Returns:
        (B C H W), dtype of the feature.

    Source: StyleHEAT (arXiv 2203.04036), the warping of the generator's feature map.
    """
    if convention == "official":
        return warp_by_grid(feature, flow_to_grid(flow))
    height, width = feature.shape[-2:]
    flow = resize_flow(flow, (height, width))
    rows, columns = _axes(flow)
    return sample(feature, columns + flow[:, 0], rows[:, None] + flow[:, 1])


def sample(feature: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Sample ``feature`` bilinearly at pixel positions; outside, the border is replicated.

    Exact at whole pixels: ``grid_sample`` converts positions in [-1, 1] back to pixels, which is exact only where the
    size is a power of two. Other sizes are zero-padded to one; the padding is never sampled.

    Args:
        feature: (B C H W), or (1 C H W) for all positions.
        x, y: (B h w), pixels; (0, 0) is the centre of the first pixel.

    Returns:
        (B C h w), dtype of the feature.
    """
    height, width = feature.shape[-2:]
    canvas = _power_of_two(height), _power_of_two(width)
    wide = feature if feature.dtype == torch.float64 else feature.float()
    if canvas != (height, width):
        wide = F.pad(wide, (0, canvas[1] - width, 0, canvas[0] - height))
    x, y = x.to(wide.dtype).clamp(0, width - 1), y.to(wide.dtype).clamp(0, height - 1)
    grid = torch.stack(((2 * x + 1) / canvas[1] - 1, (2 * y + 1) / canvas[0] - 1), dim=-1)  # B h w 2
    return _grid_sample(wide, grid).to(feature.dtype)


def warp_bicubic(picture: Tensor, flow: Tensor) -> Tensor:
    """Warp a float32 picture (B or 1, 3 H W) by ``flow`` (B 2 h w) with bicubic sampling (``identity`` convention).

    Bilinear sampling between pixels averages them, which removes half of a picture's fine detail.
    """
    height, width = picture.shape[-2:]
    flow = resize_flow(flow, (height, width))
    rows, columns = _axes(flow)
    x, y = (columns + flow[:, 0]).clamp(0, width - 1), (rows[:, None] + flow[:, 1]).clamp(0, height - 1)
    grid = torch.stack(((2 * x + 1) / width - 1, (2 * y + 1) / height - 1), dim=-1)  # B H W 2, edge to edge
    picture = picture.expand(len(flow), -1, -1, -1)
    return F.grid_sample(picture, grid, mode="bicubic", padding_mode="border", align_corners=False)


def flow_to_grid(flow: Tensor) -> Tensor:
    """Official sampling grid (B H W 2; x, y) of a flow (B 2 H W): -1 and 1 are the centres of the outermost pixels.

    Source: SPEC section 3.5. The grid is built with ``align_corners=True``, but ``warp_by_grid`` samples without.
    """
    height, width = flow.shape[-2:]
    flow = flow if flow.dtype == torch.float64 else flow.float()
    along = {"device": flow.device, "dtype": flow.dtype}
    x = torch.linspace(-1, 1, width, **along) + 2 * flow[:, 0] / (width - 1)
    y = torch.linspace(-1, 1, height, **along)[:, None] + 2 * flow[:, 1] / (height - 1)
    return torch.stack((x, y), dim=-1)


def warp_by_grid(feature: Tensor, grid: Tensor) -> Tensor:
    """Sample ``feature`` (B C H W) at an official grid (B h w 2), which is resized to H W first; outside is zero."""
    if grid.shape[1:3] != feature.shape[-2:]:
        planes = rearrange(grid, "b h w xy -> b xy h w")
        planes = F.interpolate(planes, size=feature.shape[-2:], mode="bilinear", align_corners=False)
        grid = rearrange(planes, "b xy h w -> b h w xy")
    return _grid_sample(feature.to(grid.dtype), grid).to(feature.dtype)


def resize_flow(flow: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize a flow to ``size`` (H, W): bilinear between pixel centres, values scaled with the size."""
    height, width = flow.shape[-2:]
    if (height, width) == tuple(size):
        return flow
    flow = flow if flow.dtype == torch.float64 else flow.float()
    resized = F.interpolate(flow, size=size, mode="bilinear", align_corners=False)
    scale = torch.tensor((size[1] / width, size[0] / height), device=flow.device, dtype=flow.dtype)
    return resized * scale[:, None, None]


def compose_flows(first: Tensor, second: Tensor) -> Tensor:
    """Compose two flows: warping by the result is warping by ``first``, then by ``second`` (identity convention).

    The result is sharper: two warps interpolate twice, one interpolates once.
    """
    return second + warp(first, second)


def remove_flow_outliers(flow: Tensor, threshold_px: float = 1.0) -> Tensor:
    """Replace single outlier cells of ``flow`` (B 2 H W) by the median of their neighbourhood.

    A cell that differs by more than ``threshold_px`` pixels from the median of the row medians of the 5 x 5 cells
    around it takes that median. All others stay unchanged, bit for bit. An edge between two surfaces is not an outlier.
    """
    padded = F.pad(flow, (2, 2, 2, 2), mode="replicate")
    rows = _median_of_five([padded[..., i : i + flow.shape[-1]] for i in range(5)])
    usual = _median_of_five([rows[..., i : i + flow.shape[-2], :] for i in range(5)])
    far = (flow - usual).square().sum(1, keepdim=True) > threshold_px**2
    return torch.where(far, usual, flow)


def _median_of_five(planes: list[Tensor]) -> Tensor:
    """Median of five planes at each position, without a sort, which would cost more than the flow itself."""
    a, b, c, d, e = planes
    low = torch.maximum(torch.minimum(a, b), torch.minimum(c, d))
    high = torch.minimum(torch.maximum(a, b), torch.maximum(c, d))
    return torch.maximum(torch.minimum(low, high), torch.minimum(torch.maximum(low, high), e))


def _axes(flow: Tensor) -> tuple[Tensor, Tensor]:
    """Row and column numbers of a flow's grid, in float32 or float64."""
    dtype = torch.promote_types(flow.dtype, torch.float32)
    height, width = flow.shape[-2:]
    return (
        torch.arange(height, device=flow.device, dtype=dtype),
        torch.arange(width, device=flow.device, dtype=dtype),
    )


def _grid_sample(feature: Tensor, grid: Tensor) -> Tensor:
    if len(feature) == 1:
        feature = feature.expand(len(grid), -1, -1, -1)
    return F.grid_sample(feature, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


def _power_of_two(size: int) -> int:
    return 1 << (size - 1).bit_length()
