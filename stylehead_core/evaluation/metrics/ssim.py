"""SSIM: similarity of local structure."""

import torch
import torch.nn.functional as F
from torch import Tensor

from ...errors import InputError
from ..pictures import check_pair, unit

__all__ = ["ssim"]

WINDOW, SIGMA = 11, 1.5  # pixels
K1, K2 = 0.01, 0.03


def ssim(generated: Tensor, target: Tensor) -> Tensor:
    """Structural similarity of each frame; higher is better.

    Args:
        generated: (T 3 H W) in [-1, 1], or bytes; at least 11 x 11 pixels.
        target: the same shape.

    Returns:
        (T) in -1..1; 1 for equal pictures.

    Source: Wang, Bovik, Sheikh, Simoncelli, "Image quality assessment", 2004: Gaussian window of 11 x 11 with sigma
        1.5, K 0.01 and 0.03, data range 1; the mean over the channels and over the windows that lie in the picture.
        (scikit-image agrees with gaussian_weights=True, use_sample_covariance=False; its default is another window.)
    """
    check_pair(generated, target)
    if min(generated.shape[-2:]) < WINDOW:
        raise InputError(f"SSIM looks through windows of {WINDOW} pixels; found {tuple(generated.shape[-2:])}.")
    x, y = unit(generated), unit(target)
    mean_x, mean_y = _blur(x), _blur(y)
    variance_x = _blur(x * x) - mean_x**2
    variance_y = _blur(y * y) - mean_y**2
    covariance = _blur(x * y) - mean_x * mean_y
    c1, c2 = K1**2, K2**2
    likeness = ((2 * mean_x * mean_y + c1) * (2 * covariance + c2)) / (
        (mean_x**2 + mean_y**2 + c1) * (variance_x + variance_y + c2)
    )
    return likeness.mean(dim=(1, 2, 3))


def _blur(pictures: Tensor) -> Tensor:
    """The Gaussian mean of every window that lies wholly in the picture."""
    channels = pictures.shape[1]
    distance = torch.arange(WINDOW, device=pictures.device, dtype=pictures.dtype) - WINDOW // 2
    kernel = torch.exp(-(distance**2) / (2 * SIGMA**2))
    kernel = (kernel / kernel.sum()).expand(channels, 1, WINDOW)
    rows = F.conv2d(pictures, kernel[..., None, :], groups=channels)
    return F.conv2d(rows, kernel[..., :, None], groups=channels)
