"""PSNR: error of the pixels in decibels."""

from torch import Tensor

from ..pictures import check_pair, unit

__all__ = ["psnr"]

CEILING_DB = 100.0  # for identical pictures, whose infinite PSNR would spoil every mean


def psnr(generated: Tensor, target: Tensor) -> Tensor:
    """Peak signal-to-noise ratio of each frame; higher is better.

    Args:
        generated: (T 3 H W) in [-1, 1], or bytes.
        target: the same shape.

    Returns:
        (T) in dB, 0 to 100. 20 dB is a root-mean-square error of a tenth of the range, 40 dB of a hundredth.

    Source: 10 log10(1 / MSE) with a data range of 1, over all pixels and channels of a frame.
    """
    check_pair(generated, target)
    mse = (unit(generated) - unit(target)).square().mean(dim=(1, 2, 3))
    return (-10 * mse.log10()).clamp(max=CEILING_DB)
