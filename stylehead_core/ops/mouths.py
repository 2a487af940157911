"""The lower half of a face, cut the same way in every frame: what a sync network looks at.

Axes: T frames.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from .align import ffhq_square, five_points

__all__ = ["mouth_affines", "mouth_pictures"]

SIZE = (48, 96)  # pixels, height and width
WIDTH = 0.8  # of the FFHQ square's side
TOP = 0.1  # of that side below its middle, which lies a little below the eyes
STEADY = 5  # frames over which the cut is averaged, so that it does not tremble with the landmarks


def mouth_affines(landmarks: Tensor) -> Tensor:
    """(T 2 3) from pixels of the cut 48 x 96 to pixels of each frame, for ``landmarks`` (T 478 2 or more).

    The cut follows eyes and mouth corners, not the chin: an open mouth must not make the picture smaller.
    """
    centre, arm = ffhq_square(*five_points(landmarks))
    centre, arm = _steadied(centre), _steadied(arm)  # arm: half a side, to the right
    right = arm * 2 * WIDTH / SIZE[1]  # one pixel of the cut
    down = torch.stack((-right[:, 1], right[:, 0]), dim=1)
    below = torch.stack((-arm[:, 1], arm[:, 0]), dim=1) * 2 * TOP
    first = centre + below - right * (SIZE[1] - 1) / 2 + down / 2
    return torch.stack((right, down, first), dim=2)


def mouth_pictures(pictures: Tensor, affines: Tensor) -> Tensor:
    """Cut the mouths out of pictures; a loss on them reaches the pictures.

    Args:
        pictures: (T 3 H W), floats.
        affines: (T 2 3) of ``mouth_affines``, made once for the whole clip.

    Returns:
        (T 3 48 96). What lies outside of the picture repeats its border.
    """
    height, width = pictures.shape[-2:]
    rows, columns = torch.meshgrid(
        torch.arange(SIZE[0], device=pictures.device, dtype=pictures.dtype),
        torch.arange(SIZE[1], device=pictures.device, dtype=pictures.dtype),
        indexing="ij",
    )
    places = torch.stack((columns, rows, torch.ones_like(rows)), dim=-1)  # 48 96 3
    at = torch.einsum("hwi,tji->thwj", places, affines.to(pictures))
    grid = (2 * at + 1) / at.new_tensor((width, height)) - 1  # edge to edge
    return F.grid_sample(pictures, grid, mode="bilinear", padding_mode="border", align_corners=False)


def _steadied(values: Tensor) -> Tensor:
    """The mean (T 2) over the frames around each, fewer at the ends."""
    framed = values.T[:, None]  # 2 1 T
    return F.avg_pool1d(framed, STEADY, 1, STEADY // 2, count_include_pad=False)[:, 0].T
