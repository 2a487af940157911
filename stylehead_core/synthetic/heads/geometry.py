"""Geometry of rendering: head pose about the neck, pinhole camera, FFHQ crop.

Head frame: cm, x to the picture's right, y up, z towards the camera. Angles are pitch, yaw, roll in radians, with the
signs of ``ops/pose.py``. A crop is a square of the image plane; its own coordinates have y down.

Axes: P points.
"""

from dataclasses import dataclass

import numpy as np
import torch

from ...ops.align import ffhq_square, five_points_68
from ...ops.pose import angles_to_matrix

__all__ = ["PIVOT", "Crop", "Pose", "ffhq_crop", "place", "rotation_matrix", "smoothstep"]

PIVOT = np.array([0.0, -4.5, -1.0], np.float32)  # cm: centre of the head's rotation, in the neck
SHOULDERS, JAW = -15.0, -6.0  # cm: heights of the neutral head between which the rotation fades in


@dataclass(frozen=True, kw_only=True)
class Pose:
    """Rotation and translation of a head; the shoulders are only translated."""

    angles: tuple[float, float, float] = (0.0, 0.0, 0.0)  # pitch, yaw, roll in rad
    shift: tuple[float, float, float] = (0.0, 0.0, 0.0)  # cm


@dataclass(frozen=True, kw_only=True)
class Crop:
    """Square of the image plane (x / depth, y / depth), possibly rotated."""

    centre: np.ndarray  # (2) in the plane, y up
    matrix: np.ndarray  # (2 2): maps plane - centre to the crop's coordinates -1..1, y up

    def of(self, points: np.ndarray, distance: float) -> np.ndarray:
        """Project points (... 3) in cm to (... 2) in -1..1, x right, y down; the camera is ``distance`` cm away."""
        plane = points[..., :2] / (distance - points[..., 2:3])
        framed = (plane - self.centre) @ self.matrix.T
        return framed * np.array([1, -1], framed.dtype)

    def pixels(self, points: np.ndarray, distance: float, size: int) -> np.ndarray:
        """Project points (... 3) in cm to pixels (... 2) of a picture of ``size``; (0, 0) is the first one's centre."""
        return (self.of(points, distance) + 1) * (size / 2) - 0.5


def smoothstep(start: float, end: float, x: np.ndarray) -> np.ndarray:
    """Smoothstep from 0 at ``start`` to 1 at ``end``; ``start`` may be larger than ``end``."""
    x = np.clip((x - start) / (end - start), 0, 1)
    return x * x * (3 - 2 * x)


def rotation_matrix(pose: Pose) -> np.ndarray:
    """Rotation matrix (3 3, float32) of a pose."""
    return angles_to_matrix(torch.tensor(pose.angles, dtype=torch.float64)).numpy().astype(np.float32)


def place(points: np.ndarray, heights: np.ndarray, pose: Pose) -> np.ndarray:
    """Apply a pose to points (P 3) of the head frame. ``heights`` (P): y of these points on the neutral head."""
    follows = smoothstep(SHOULDERS, JAW, heights)[:, None].astype(np.float32)
    turned = (points - PIVOT) @ rotation_matrix(pose).T + PIVOT
    return points * (1 - follows) + turned * follows + np.asarray(pose.shift, np.float32)


def ffhq_crop(landmarks: np.ndarray, distance: float, wider: float = 1.0, shift: tuple[float, float] = (0, 0)) -> Crop:
    """FFHQ crop around 68 landmarks (68 3) in cm, after the pose, scaled by ``wider``.

    ``shift`` moves the crop's centre by half sides, x right, y down; the face moves the other way.
    """
    plane = landmarks[:, :2] / (distance - landmarks[:, 2:3]) * np.array([1, -1])  # y down, as ffhq_square has it
    centre, arm = (t[0].double().numpy() for t in ffhq_square(*five_points_68(torch.from_numpy(plane)[None])))
    arm = arm * wider
    down = np.array([-arm[1], arm[0]])
    centre = centre + arm * shift[0] + down * shift[1]
    axes = np.stack([arm * (1, -1), -down * (1, -1)]) / (arm**2).sum()  # y up again
    return Crop(centre=centre * (1, -1), matrix=axes)
