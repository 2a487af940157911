"""Crops of the lower face for sync networks, placed the same way in every frame.

Axes: T frames.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from .align import ffhq_square, five_points

__all__ = ["cut_mouths", "mouth_affines"]

MOUTH_SIZE_PX = (48, 96)  # pixels, height and width
WIDTH_SIDES = 0.8  # of the FFHQ square's side
TOP_SIDES = 0.1  # below the middle of the square (a little below the eyes), relative to its side
SMOOTHING_FRAMES = 5  # frames over which the crop is averaged, against jitter of the landmarks


def mouth_affines(landmarks: Tensor) -> Tensor:
    """Affines (T 2 3) from pixels of the 48 x 96 crop to pixels of each frame, for ``landmarks`` (T 478 2 or more).

    The crop follows eyes and mouth corners, not the chin: an open mouth must not change its scale.
    """
    centre, arm = ffhq_square(*five_points(landmarks))
    centre, arm = _moving_average(centre), _moving_average(arm)  # arm: half a side, to the right
    right = arm * 2 * WIDTH_SIDES / MOUTH_SIZE_PX[1]  # one pixel of the cut
    down = torch.stack((-right[:, 1], right[:, 0]), dim=1)
    below = torch.stack((-arm[:, 1], arm[:, 0]), dim=1) * 2 * TOP_SIDES
    first = centre + below - right * (MOUTH_SIZE_PX[1] - 1) / 2 + down / 2
    return torch.stack((right, down, first), dim=2)


def cut_mouths(pictures: Tensor, affines: Tensor) -> Tensor:
    """Crop the mouths out of pictures; differentiable.

    Args:
        pictures: (T 3 H W), floats.
        affines: (T 2 3) of ``mouth_affines``, computed for the whole clip.

    Returns:
        (T 3 48 96). Outside of the picture its border is repeated.
    """
    height, width = pictures.shape[-2:]
    rows, columns = torch.meshgrid(
        torch.arange(MOUTH_SIZE_PX[0], device=pictures.device, dtype=pictures.dtype),
        torch.arange(MOUTH_SIZE_PX[1], device=pictures.device, dtype=pictures.dtype),
        indexing="ij",
    )
    places = torch.stack((columns, rows, torch.ones_like(rows)), dim=-1)  # 48 96 3
    at = torch.einsum("hwi,tji->thwj", places, affines.to(pictures))
    grid = (2 * at + 1) / at.new_tensor((width, height)) - 1  # edge to edge
    return F.grid_sample(pictures, grid, mode="bilinear", padding_mode="border", align_corners=False)


def _moving_average(values: Tensor) -> Tensor:
    """Moving average (T 2) over neighbouring frames, fewer at the ends."""
    framed = values.T[:, None]  # 2 1 T
    return F.avg_pool1d(framed, SMOOTHING_FRAMES, 1, SMOOTHING_FRAMES // 2, count_include_pad=False)[:, 0].T
