"""Head pose: rotations, and the pose fitted to 478 landmarks.

Two coordinate frames are used. The picture's: x to the right, y down, pixels. The head's: x to the picture's right, y
up, z towards the camera, centimetres of the canonical face. Angles are (pitch, yaw, roll) in radians: pitch + looks
down, yaw + to the picture's right, roll + anticlockwise.

Axes: N heads, P points.
"""

import math
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from .align import ffhq_square, five_points

__all__ = [
    "CanonicalFace",
    "HeadPose",
    "angles_to_matrix",
    "fit_pose",
    "matrix_to_angles",
    "placement",
    "pose_from_coefficients",
]

_FLIP_YZ = (1.0, -1.0, -1.0)  # between picture frame and head frame: y and z change sign


@dataclass(frozen=True, kw_only=True)
class CanonicalFace:
    """The reference face for the pose fit, and the weights of its points."""

    vertices: Tensor  # (468 3), cm, the head's frame
    indices: Tensor  # (P) int64: the vertices that hardly move with the expression
    weights: Tensor  # (P)

    @cached_property
    def reach(self) -> float:
        """Half a side of the FFHQ crop around this face, in cm: the head size at ``log_scale`` 0."""
        return ffhq_square(*five_points(self.vertices[None] * self.vertices.new_tensor(_FLIP_YZ)))[1].norm().item()


@dataclass(frozen=True, kw_only=True)
class HeadPose:
    """Similarity from canonical points to the picture: centre + scale * flip(rotation @ point)."""

    rotation: Tensor  # (N 3 3), the head's frame
    scale: Tensor  # (N) pixels per cm
    centre: Tensor  # (N 3) pixels: where the canonical face's origin (inside the head) is; z on the landmarks' scale

    @property
    def angles(self) -> Tensor:
        """(N 3) pitch, yaw, roll in rad."""
        return matrix_to_angles(self.rotation)

    def select(self, which: Tensor) -> "HeadPose":
        """Select heads by indices or a mask."""
        return HeadPose(rotation=self.rotation[which], scale=self.scale[which], centre=self.centre[which])

    def pose(self, points: Tensor) -> Tensor:
        """Transform ``points`` (N P 3) from head frame (cm) to picture frame (pixels)."""
        flip = points.new_tensor(_FLIP_YZ)
        return self.centre[:, None] + self.scale[:, None, None] * (points @ self.rotation.mT) * flip

    def unpose(self, points: Tensor) -> Tensor:
        """Transform ``points`` (N P 3) from picture frame (pixels) to head frame (cm): the inverse of ``pose``."""
        flip = points.new_tensor(_FLIP_YZ)
        return ((points - self.centre[:, None]) * flip / self.scale[:, None, None]) @ self.rotation


def angles_to_matrix(angles: Tensor) -> Tensor:
    """Rotation matrices (... 3 3) for pitch, yaw, roll (... 3) in rad: Rz(roll) Ry(yaw) Rx(pitch), head frame."""
    (cx, cy, cz), (sx, sy, sz) = angles.cos().unbind(-1), angles.sin().unbind(-1)
    rows = (
        torch.stack((cz * cy, cz * sy * sx - sz * cx, cz * sy * cx + sz * sx), dim=-1),
        torch.stack((sz * cy, sz * sy * sx + cz * cx, sz * sy * cx - cz * sx), dim=-1),
        torch.stack((-sy, cy * sx, cy * cx), dim=-1),
    )
    return torch.stack(rows, dim=-2)


def matrix_to_angles(rotation: Tensor) -> Tensor:
    """Pitch, yaw, roll (... 3) in rad for rotation matrices (... 3 3); yaw is in -pi/2..pi/2."""
    pitch = torch.atan2(rotation[..., 2, 1], rotation[..., 2, 2])
    yaw = torch.asin(rotation[..., 2, 0].neg().clamp(-1, 1))
    roll = torch.atan2(rotation[..., 1, 0], rotation[..., 0, 0])
    return torch.stack((pitch, yaw, roll), dim=-1)


def fit_pose(landmarks: Tensor, canonical: CanonicalFace) -> HeadPose:
    """Fit the canonical face to ``landmarks`` (N 478 3, pixels) by weighted least squares.

    Source: Kabsch 1976, Umeyama 1991, with the face landmarker's weights. The fit is scaled orthographic: no camera is
    assumed, since a portrait rarely says which one it was taken with. Computed on the CPU in float64, which not every
    accelerator has.
    """
    flip = torch.tensor(_FLIP_YZ, dtype=torch.float64)
    weights = canonical.weights.cpu().double()[:, None]
    weights = weights / weights.sum()
    indices = canonical.indices.cpu()
    target = landmarks.cpu()[:, indices].double() * flip  # N P 3
    source = canonical.vertices.cpu()[indices].double()  # P 3
    target_middle, source_middle = (target * weights).sum(1), (source * weights).sum(0)
    target, source = target - target_middle[:, None], source - source_middle
    u, strength, v = torch.linalg.svd((target * weights).mT @ source)
    sign = torch.ones_like(strength)
    sign[:, 2] = torch.linalg.det(u @ v).sign()  # a rotation, never a reflection
    rotation = (u * sign[:, None]) @ v
    scale = (strength * sign).sum(1) / (weights * source.square()).sum()
    centre = (target_middle - scale[:, None] * (rotation @ source_middle)) * flip
    return HeadPose(rotation=rotation.to(landmarks), scale=scale.to(landmarks), centre=centre.to(landmarks))


def placement(pose: HeadPose, size: float | tuple[float, float], canonical: CanonicalFace) -> Tensor:
    """The ``arkit`` placement (N 3) x, y, log_scale of a head in a picture of ``size`` (width, height) pixels.

    x, y: the head's centre relative to the picture's, in half sides, x right, y down. log_scale: natural logarithm of
    the head's size; 0 where the head is as large in the picture as in its FFHQ crop.
    """
    width, height = (size, size) if isinstance(size, (int, float)) else size
    half = math.sqrt(width * height) / 2
    middle = pose.centre.new_tensor(((width - 1) / 2, (height - 1) / 2))
    x_y = (pose.centre[:, :2] - middle) / half
    log_scale = (pose.scale * canonical.reach / half).log()
    return torch.cat((x_y, log_scale[:, None]), dim=1)


def pose_from_coefficients(coefficients: Tensor, size: float, canonical: CanonicalFace) -> HeadPose:
    """Poses (N) in a square of ``size`` pixels for ``arkit`` pitch, yaw, roll, x, y, log_scale (N 6)."""
    half = size / 2
    x_y = coefficients[:, 3:5] * half + (size - 1) / 2
    return HeadPose(
        rotation=angles_to_matrix(coefficients[:, :3]),
        scale=coefficients[:, 5].exp() * half / canonical.reach,
        centre=torch.cat((x_y, torch.zeros_like(x_y[:, :1])), dim=1),
    )
