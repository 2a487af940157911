"""Landmark distance: error of the face's points against the truth."""

from torch import Tensor

from ..faces import eye_distance

__all__ = ["akd", "nme"]


def akd(generated: Tensor, target: Tensor) -> Tensor:
    """Average keypoint distance of each frame; lower is better.

    Args:
        generated: (T N 2 or more) landmarks in pixels; x and y are compared.
        target: the same shape.

    Returns:
        (T) in pixels, from 0: the mean over the points of (|dx| + |dy|) / 2. It depends on the picture's size.

    Source: the mean L1 over landmarks that first-order-model and its followers report.
    """
    return (generated[..., :2] - target[..., :2]).abs().mean(dim=(1, 2))


def nme(generated: Tensor, target: Tensor) -> Tensor:
    """Normalised mean error of each frame; lower is better.

    Args:
        generated: (T 478 2 or more) landmarks of the face landmarker in pixels.
        target: the same shape.

    Returns:
        (T) from 0: the mean distance of the points relative to the target's eye distance (outer corners). 0.05 is
        clearly visible, 0.01 is about the error of the landmarker itself.

    Source: the usual measure of the 300-W challenge, inter-ocular normalisation.
    """
    distance = (generated[..., :2] - target[..., :2]).norm(dim=-1).mean(dim=1)
    return distance / eye_distance(target)
