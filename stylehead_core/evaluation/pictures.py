"""Conversions of pictures for the metrics: range 0..1, luma, crops.

Axes: T frames, H W the picture's size.
"""

from torch import Tensor

from ..errors import InputError

__all__ = ["check_pair", "cut", "grey", "unit"]

LUMA = (0.299, 0.587, 0.114)  # Rec. 601, of gamma-coded red, green, blue


def unit(pictures: Tensor) -> Tensor:
    """Convert ``pictures`` (T 3 H W) in [-1, 1], or bytes in 0..255, to float32 in [0, 1]."""
    if not pictures.is_floating_point():
        return pictures.float() / 255
    return ((pictures.float() + 1) / 2).clamp(0, 1)


def grey(pictures: Tensor) -> Tensor:
    """The luma (T 1 H W) in [0, 1] of ``pictures`` (T 3 H W)."""
    weights = unit(pictures).new_tensor(LUMA)[None, :, None, None]
    return (unit(pictures) * weights).sum(dim=1, keepdim=True)


def cut(picture: Tensor, box: Tensor) -> Tensor:
    """Crop ``picture`` (C H W) to ``box`` (left, top, right, bottom: pixels, right and bottom excluded).

    Raises:
        InputError: nothing of the box lies in the picture.
    """
    height, width = picture.shape[-2:]
    left, top, right, bottom = (round(float(edge)) for edge in box)
    part = picture[..., max(top, 0) : min(bottom, height), max(left, 0) : min(right, width)]
    if part.numel() == 0:
        raise InputError(
            f"The box ({left}, {top}, {right}, {bottom}) has nothing of a picture of {width} x {height} pixels in it."
        )
    return part


def check_pair(generated: Tensor, target: Tensor) -> None:
    """Refuse two clips that cannot be compared frame by frame.

    Raises:
        InputError: they differ in frames or size, or are no RGB pictures (T 3 H W).
    """
    if generated.shape != target.shape or generated.ndim != 4 or generated.shape[1] != 3:
        raise InputError(
            "Two clips are compared frame by frame, as RGB pictures (T, 3, H, W) of one size; "
            f"found {tuple(generated.shape)} and {tuple(target.shape)}. Resize or trim one of them."
        )
