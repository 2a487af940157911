"""Jitter of the face's landmarks."""

from torch import Tensor

from ...errors import InputError
from ..faces import eye_distance

__all__ = ["jitter"]


def jitter(landmarks: Tensor) -> Tensor:
    """Acceleration of the landmarks; lower is better.

    Args:
        landmarks: (T 478 2 or more), pixels, at least three frames.

    Returns:
        (T-2) from 0: the mean length of the second difference over time, in percent of the eye distance. Steady motion
        gives 0. A real face has some: compare with the driving clip at the same frame rate, not with 0.

    Source: second differences (discrete acceleration), the usual measure of jitter of tracked points.
    """
    if len(landmarks) < 3:
        raise InputError(f"Jitter needs at least three frames; found {len(landmarks)}.")
    points = landmarks[..., :2]
    acceleration = points[2:] - 2 * points[1:-1] + points[:-2]  # T-2 N 2
    return 100 * acceleration.norm(dim=-1).mean(dim=1) / eye_distance(landmarks).mean()
