"""Where the points of a head are in the picture: turning about the neck, the camera, the FFHQ crop.

The head's frame: cm, x to the picture's right, y up, z towards the camera. Angles are pitch, yaw, roll in radians, with
the signs of ``ops/pose.py``. A crop is where the camera's picture plane is cut: its frame has y down, as pictures have.

Axes: P points.
"""

from dataclasses import dataclass

import numpy as np
import torch

from ...ops.align import ffhq_square, five_points_68
from ...ops.pose import angles_to_matrix

__all__ = ["PIVOT", "Crop", "Pose", "ffhq_crop", "place", "rotation_matrix", "smoothstep"]

PIVOT = np.array([0.0, -4.5, -1.0], np.float32)  # cm: the head turns about this point of the neck
SHOULDERS, JAW = -15.0, -6.0  # cm: heights of the neutral head between which the neck follows more and more


@dataclass(frozen=True, kw_only=True)
class Pose:
    """How a head is turned and moved; the shoulders only move."""

    angles: tuple[float, float, float] = (0.0, 0.0, 0.0)  # pitch, yaw, roll in rad
    shift: tuple[float, float, float] = (0.0, 0.0, 0.0)  # cm


@dataclass(frozen=True, kw_only=True)
class Crop:
    """A square of the picture plane (x / depth, y / depth), as it is cut: possibly turned."""

    centre: np.ndarray  # (2) of the plane, y up
    matrix: np.ndarray  # (2 2): (plane - centre) -> the crop's own frame, -1..1, y up

    def of(self, points: np.ndarray, distance: float) -> np.ndarray:
        """Points (... 3) in cm before a camera ``distance`` cm away -> (... 2) in -1..1, x right, y down."""
        plane = points[..., :2] / (distance - points[..., 2:3])
        framed = (plane - self.centre) @ self.matrix.T
        return framed * np.array([1, -1], framed.dtype)

    def pixels(self, points: np.ndarray, distance: float, size: int) -> np.ndarray:
        """Points (... 3) in cm -> (... 2) pixels of a picture of ``size``; (0, 0) is the centre of the first pixel."""
        return (self.of(points, distance) + 1) * (size / 2) - 0.5


def smoothstep(start: float, end: float, x: np.ndarray) -> np.ndarray:
    """0 before ``start``, 1 after ``end``, smooth between; ``start`` may be the larger one."""
    x = np.clip((x - start) / (end - start), 0, 1)
    return x * x * (3 - 2 * x)


def rotation_matrix(pose: Pose) -> np.ndarray:
    """(3 3) float32."""
    return angles_to_matrix(torch.tensor(pose.angles, dtype=torch.float64)).numpy().astype(np.float32)


def place(points: np.ndarray, heights: np.ndarray, pose: Pose) -> np.ndarray:
    """Points (P 3) of the head's frame, turned and moved. ``heights`` (P): y of the same points of the neutral head."""
    follows = smoothstep(SHOULDERS, JAW, heights)[:, None].astype(np.float32)
    turned = (points - PIVOT) @ rotation_matrix(pose).T + PIVOT
    return points * (1 - follows) + turned * follows + np.asarray(pose.shift, np.float32)


def ffhq_crop(landmarks: np.ndarray, distance: float, wider: float = 1.0, shift: tuple[float, float] = (0, 0)) -> Crop:
    """The FFHQ crop around 68 placed landmarks (68 3), ``wider`` times as wide, moved by ``shift`` half sides.

    ``shift`` is x right, y down: where the crop's centre goes, so that the face goes the other way.
    """
    plane = landmarks[:, :2] / (distance - landmarks[:, 2:3]) * np.array([1, -1])  # y down, as ffhq_square has it
    centre, arm = (t[0].double().numpy() for t in ffhq_square(*five_points_68(torch.from_numpy(plane)[None])))
    arm = arm * wider
    down = np.array([-arm[1], arm[0]])
    centre = centre + arm * shift[0] + down * shift[1]
    axes = np.stack([arm * (1, -1), -down * (1, -1)]) / (arm**2).sum()  # y up again
    return Crop(centre=centre * (1, -1), matrix=axes)
