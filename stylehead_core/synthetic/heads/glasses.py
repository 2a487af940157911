"""Glasses: meshes of tubes for rims, bridge and temples, fitted to a head.

Axes: N points of the mesh, F triangles.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from .facekit import LANDMARKS_68

__all__ = ["SHAPES", "Glasses", "make_glasses"]

# Half width and half height in cm, exponent of the superellipse (2 round, 4 nearly rectangular), radius of the tube.
SHAPES: Mapping[str, tuple[float, float, float, float]] = MappingProxyType(
    {
        "round": (2.2, 2.1, 2.0, 0.09),
        "oval": (2.45, 1.7, 2.2, 0.11),
        "square": (2.5, 1.85, 4.0, 0.17),
        "narrow": (2.55, 1.25, 3.5, 0.12),
        "large": (2.7, 2.35, 2.8, 0.15),
    }
)
SIDES = 6  # of a tube's cross section
AROUND = 40  # points of a rim
DISTANCE_TO_EYES_CM = 0.9  # cm
# X in inner widths; up, forward: cm.
BRIDGE = ((-1.0, 0.0, 0.0), (-0.5, 0.22, 0.08), (0.5, 0.22, 0.08), (1.0, 0.0, 0.0))
EAR = np.array([7.7, 2.6, -0.5])  # cm: end of a temple, at the mean head's ear


@dataclass(frozen=True)
class Glasses:
    """Mesh of glasses."""

    points: np.ndarray  # (N 3) float32 cm, head frame
    normals: np.ndarray  # (N 3) float32
    triangles: np.ndarray  # (F 3) int32


def make_glasses(neutral: np.ndarray, shape: str, size: float = 1.0) -> Glasses:
    """Make glasses that fit the neutral head (V 3). They rest on the nose, which no expression moves."""
    half_width, half_height, power, tube = SHAPES[shape]
    marks = neutral[LANDMARKS_68]
    eyes = np.stack([marks[36:42].mean(0), marks[42:48].mean(0)])
    middle, apart = eyes.mean(0), (eyes[1, 0] - eyes[0, 0]) / 2
    half_width, half_height = half_width * size, half_height * size
    front = max(eyes[:, 2].max() + DISTANCE_TO_EYES_CM, marks[27, 2] + 0.15)  # landmark 27: between the eyes
    centre_x = max(apart, half_width + 0.55)  # room for the nose
    angle = np.linspace(0, 2 * np.pi, AROUND, endpoint=False)
    across = np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** (2 / power) * half_width
    up = np.sign(np.sin(angle)) * np.abs(np.sin(angle)) ** (2 / power) * half_height
    parts = []
    for side in (-1, 1):
        x = middle[0] + side * centre_x + across
        bent = front - 0.035 * (x - middle[0]) ** 2  # the frame follows the face
        parts.append(_tube(np.stack([x, middle[1] - 0.25 + up, bent], axis=1), tube, closed=True))
        hinge_x = middle[0] + side * (centre_x + half_width)
        hinge = np.array([hinge_x, middle[1] + 0.45 * half_height, front - 0.035 * (hinge_x - middle[0]) ** 2])
        ear = EAR * (side, 1, 1) + (middle[0], middle[1] - 3.0, 0)
        outwards = np.array([side * 0.35, 0, -1.2])
        temple = [hinge, hinge + outwards, (hinge + outwards + 2 * ear) / 3, ear]
        parts.append(_tube(np.array(temple), tube * 0.8, closed=False))
    inner = centre_x - half_width
    bridge = [(middle[0] + x * inner, middle[1] + 0.15 + lift, front + out) for x, lift, out in BRIDGE]
    parts.append(_tube(np.array(bridge), tube, closed=False))
    points, normals, triangles = [], [], []
    count = 0
    for own, outward, corners in parts:
        points.append(own)
        normals.append(outward)
        triangles.append(corners + count)
        count += len(own)
    return Glasses(*(np.concatenate(a).astype(t) for a, t in ((points, "f4"), (normals, "f4"), (triangles, "i4"))))


def _tube(line: np.ndarray, radius: float, closed: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Tube around a polyline (P 3): points, normals, triangles."""
    ahead = np.roll(line, -1, 0) - np.roll(line, 1, 0) if closed else np.gradient(line, axis=0)
    ahead /= np.linalg.norm(ahead, axis=1, keepdims=True)
    first = np.cross(ahead, np.where(np.abs(ahead[:, 2:]) < 0.9, [[0, 0, 1.0]], [[0, 1.0, 0]]))
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    second = np.cross(ahead, first)
    angle = np.arange(SIDES) * 2 * np.pi / SIDES
    normals = first[:, None] * np.cos(angle)[:, None] + second[:, None] * np.sin(angle)[:, None]  # P SIDES 3
    points = line[:, None] + radius * normals
    rings = np.arange(len(line) if closed else len(line) - 1)[:, None]
    around = np.arange(SIDES)[None]
    a, b = rings * SIDES + around, rings * SIDES + (around + 1) % SIDES
    c, d = ((rings + 1) % len(line) * SIDES + where for where in (around, (around + 1) % SIDES))
    triangles = np.stack([np.stack([a, b, c], -1), np.stack([b, d, c], -1)], axis=2)
    return points.reshape(-1, 3), normals.reshape(-1, 3), triangles.reshape(-1, 3)
