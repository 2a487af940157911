"""Sharpness: amount of fine detail. PSNR may rise while pictures get softer."""

import torch
import torch.nn.functional as F
from torch import Tensor

from ..pictures import cut, grey

__all__ = ["sharpness"]

LAPLACIAN = ((0.0, 1.0, 0.0), (1.0, -4.0, 1.0), (0.0, 1.0, 0.0))


def sharpness(pictures: Tensor, boxes: Tensor | None = None) -> Tensor:
    """Variance of the Laplacian of each frame; more is sharper (and noisier).

    Args:
        pictures: (T 3 H W) in [-1, 1], or bytes.
        boxes: (T 4) left, top, right, bottom in pixels: look only there, for example at the mouth.

    Returns:
        (T) from 0 (flat), in squared units of the luma's range of 1. It depends on the resolution: compare equal sizes.

    Source: Pech-Pacheco et al., "Diatom autofocusing in brightfield microscopy", 2000; 4-neighbour Laplacian.
    """
    kernel = torch.tensor(LAPLACIAN, device=pictures.device)[None, None]
    edges = F.conv2d(grey(pictures), kernel)  # T 1 H-2 W-2
    if boxes is None:
        return edges.var(dim=(1, 2, 3), unbiased=False)
    inside = boxes - 1  # the edges start at pixel 1
    return torch.stack([cut(edge, box).var(unbiased=False) for edge, box in zip(edges, inside, strict=True)])
