"""Where the square around a face lies in each frame of a clip: one for all frames, or one that follows the face.

A square is an affine (2 3) from its own pixels to pixels of the video. Axes: T frames.
"""

import torch
from torch import Tensor

from .align import ffhq_square, five_points, square_to_affine
from .smoothing import fill_gaps, hold_nearest, per_shot, smooth_over_time, unwrap

__all__ = ["resize_square", "smooth_squares", "static_square"]

SMOOTHING_SECONDS = 0.1  # seconds: sigma of the temporal filter


def static_square(landmarks: Tensor, found: Tensor, size: int) -> Tensor:
    """The one FFHQ-like square (2 3) of a whole clip, upright as the camera.

    Position and size are medians over the frames, so that one bad frame does not move it.

    Args:
        landmarks: (T 478 3), pixels of the video.
        found: (T) bool: frames with a face.
        size: of the square, pixels.
    """
    centres, arms = ffhq_square(*five_points(landmarks[found]))
    centre, length = centres.median(0).values, arms.norm(dim=1).median()
    angle = torch.atan2(arms[:, 1].median(), arms[:, 0].median())
    upright = torch.round(angle / (torch.pi / 2)) * torch.pi / 2  # a clip filmed sideways is rotated
    arm = length * torch.stack((upright.cos(), upright.sin()))
    return square_to_affine(centre[None], arm[None], size)[0]


def smooth_squares(
    landmarks: Tensor,
    found: Tensor,
    size: int,
    *,
    fps: float,
    smoothing_seconds: float = SMOOTHING_SECONDS,
    shots: Tensor | None = None,
) -> Tensor:
    """(T 2 3): the FFHQ square of every frame, smoothed over time, each shot on its own.

    Centre, size and turn are smoothed apart, size and turn three times as much as the centre, since their trembling
    shows most (Tzaban et al. 2022, "Stitch it in Time"). Frames without a face are filled in between; a shot without
    any face has the square of the nearest frame that shows one.

    Args:
        landmarks, found, size: as in ``static_square``.
        smoothing_seconds: seconds, the standard deviation of the filter on size and rotation.
        shots: (T) number of the shot that each frame belongs to; None: there is no cut.
    """
    centre, arm = ffhq_square(*five_points(landmarks[found]))
    angle = unwrap(torch.atan2(arm[:, 1], arm[:, 0])[:, None])
    square = torch.zeros(len(found), 4, dtype=landmarks.dtype, device=landmarks.device)
    square[found] = torch.cat((centre, arm.norm(dim=1, keepdim=True).log(), angle), dim=1)
    elsewhere = hold_nearest(square, found)

    def smooth(square: Tensor, found: Tensor, elsewhere: Tensor) -> Tensor:
        if not found.any():
            return elsewhere
        square = fill_gaps(square, found)
        centre = smooth_over_time(square[:, :2], smoothing_seconds * fps / 3)
        return torch.cat((centre, smooth_over_time(square[:, 2:], smoothing_seconds * fps)), dim=1)

    if shots is None:
        shots = torch.zeros(len(found), dtype=torch.int64)
    centre, length, angle = per_shot(smooth, square, found, elsewhere, shots=shots).split((2, 1, 1), dim=1)
    arm = length.exp() * torch.cat((angle.cos(), angle.sin()), dim=1)
    return square_to_affine(centre, arm, size)


def resize_square(square: Tensor, before: int, after: int) -> Tensor:
    """The affine (... 2 3) of the same square at ``after`` instead of ``before`` pixels."""
    step = before / after
    resized = torch.tensor([[step, 0, (step - 1) / 2], [0, step, (step - 1) / 2], [0, 0, 1]], dtype=torch.float64)
    return (square.double().cpu() @ resized).to(square)
