"""The square that is cut out of a video for one face, the same in every frame."""

import torch
from torch import Tensor

from ...ops.align import ffhq_square, five_points, square_to_affine
from ...ops.crop import apply_affine, invert_affine
from ...ops.pose import CanonicalFace, HeadPose, placement
from .follow import FaceTrack
from .styles import PrepareConfig

__all__ = ["aligned_squares", "coefficients_in_square", "landmarks_in_square", "square_for"]


def square_for(track: FaceTrack, config: PrepareConfig) -> Tensor:
    """(2 3) from pixels of the cut square to pixels of the video; upright."""
    if config.framing == "portrait":
        centre, arm = ffhq_square(*five_points(track.landmarks[:1]))
        return _upright(centre, arm.norm(dim=1), config.size)
    boxes = track.boxes
    low, high = boxes[:, :2].amin(dim=0), boxes[:, 2:].amax(dim=0)
    half = (high - low).max() * (1 + 2 * config.room) / 2
    return _upright(((low + high) / 2)[None], half[None], config.size)


def aligned_squares(track: FaceTrack, size: int) -> Tensor:
    """(T 2 3) from pixels of the FFHQ portrait of ``size`` pixels to pixels of the video, for every frame."""
    centre, arm = ffhq_square(*five_points(track.landmarks))
    return square_to_affine(centre, arm, size)


def landmarks_in_square(track: FaceTrack, square: Tensor) -> Tensor:
    """The track's landmarks (T 478 3) in pixels of the cut square (2 3), or of each frame's own (T 2 3)."""
    return apply_affine(invert_affine(square), track.landmarks)


def coefficients_in_square(track: FaceTrack, square: Tensor, size: int, canonical: CanonicalFace) -> Tensor:
    """The ``arkit`` coefficients (T 58) of the face as the cut square shows it.

    The square is upright, so the angles are those of the video; only place and size change.
    """
    centre = apply_affine(invert_affine(square), track.pose.centre)
    pose = HeadPose(rotation=track.pose.rotation, scale=track.pose.scale / square[0, 0], centre=centre)
    return torch.cat((track.blendshapes, pose.angles, placement(pose, size, canonical)), dim=1)


def _upright(centre: Tensor, half: Tensor, size: int) -> Tensor:
    arm = torch.stack((half, torch.zeros_like(half)), dim=1)
    return square_to_affine(centre, arm, size)[0]
