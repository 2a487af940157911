"""Eyebrows and beards: short strands attached to the face, which move with the expression.

Axes: N strands, K points of a strand, V vertices.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from .facekit import FACE
from .hair import barycentric
from .head_model import HeadModel

__all__ = ["POINTS", "FaceHair", "grow_face_hair"]

POINTS = 3  # K
MAX_STRANDS = {"brow": 620, "beard": 4200}  # number of strands at density 1
CHANNEL = {"brow": 1, "beard": 2}  # of the face map


@dataclass(frozen=True)
class FaceHair:
    """Strands rooted on triangles of the face."""

    corners: np.ndarray  # (N 3) vertices of the triangle with the root
    weights: np.ndarray  # (N 3) barycentric coordinates of the root
    direction: np.ndarray  # (N 3)
    length: np.ndarray  # (N) cm
    width: np.ndarray  # (N) cm
    lift: float  # distance of a strand from the skin, as a fraction of its length

    def on(self, head: np.ndarray, normals: np.ndarray) -> np.ndarray:
        """Strands (N K 3) on a head (V 3) with any expression."""
        weights = self.weights[..., None]
        root, normal = (head[self.corners] * weights).sum(1), (normals[self.corners] * weights).sum(1)
        normal /= np.linalg.norm(normal, axis=1, keepdims=True)
        lying = self.direction - (self.direction * normal).sum(1, keepdims=True) * normal
        lying /= np.linalg.norm(lying, axis=1, keepdims=True) + 1e-6
        way = np.linspace(0, 1, POINTS, dtype=np.float32)[None, :, None]
        length, normal = self.length[:, None, None], normal[:, None]
        off = 0.015 + length * self.lift * way * (1 - 0.6 * way)
        return (root[:, None] + lying[:, None] * way * length + normal * off).astype(np.float32)


def grow_face_hair(
    model: HeadModel,
    face_map: np.ndarray,
    kind: Literal["brow", "beard"],
    rng: np.random.Generator,
    density: float = 1.0,
    length: float = 1.0,
) -> FaceHair | None:
    """Grow brows or a beard where the face map (N N 4) has them; returns None without strands."""
    kit, size = model.kit, len(face_map)
    triangles = kit.triangles[kit.group == FACE]
    corners, uv = kit.vertices[kit.vertex[triangles]], kit.uv[triangles]

    def share_at(where: np.ndarray) -> np.ndarray:
        column, row = ((where[:, k] * size).astype(int).clip(0, size - 1) for k in (0, 1))
        return face_map[row, column, CHANNEL[kind]] / 255

    areas = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    share = areas * share_at(uv.mean(1))
    count = int(MAX_STRANDS[kind] * density)
    if count == 0:
        return None
    chosen = rng.choice(len(triangles), count, p=share / share.sum())
    weights = barycentric(count, rng)
    kept = share_at((uv[chosen] * weights[..., None]).sum(1)) > rng.random(count)
    chosen, weights = chosen[kept], weights[kept]
    roots = (corners[chosen] * weights[..., None]).sum(1)
    shape = _brow if kind == "brow" else _beard
    direction, lengths, width = shape(roots, length, rng)
    return FaceHair(
        kit.vertex[triangles[chosen]],
        weights,
        direction.astype(np.float32),
        lengths.astype(np.float32),
        (width * rng.uniform(0.7, 1.2, len(roots))).astype(np.float32),
        0.22 if kind == "brow" else 0.35,
    )


def _brow(roots: np.ndarray, length: float, rng: np.random.Generator):
    """Direction, length and width: upwards at the inner end, outwards and slightly down at the outer end."""
    x = roots[:, :1]
    inner = 1 - np.clip((np.abs(x) - 1.2) / 3.5, 0, 1)
    outward = np.where(x < 0, -1.0, 1.0) * (1 - 0.75 * inner)
    upward = 0.05 + 0.75 * inner - 0.35 * (1 - inner)
    direction = np.concatenate([outward, upward, np.zeros_like(x)], axis=1)
    direction = direction + rng.normal(0, 0.12, roots.shape)
    return direction, 0.62 * length * rng.uniform(0.7, 1.2, len(roots)), 0.045


def _beard(roots: np.ndarray, length: float, rng: np.random.Generator):
    """Direction, length and width: downwards and outwards, longest on the chin."""
    outward = 0.35 * np.where(roots[:, :1] < 0, -1.0, 1.0) * np.array([1.0, 0, 0])
    direction = np.array([0, -1.0, 0.1]) + outward + rng.normal(0, 0.28, roots.shape)
    lengths = 0.55 * length * rng.uniform(0.5, 1.3, len(roots))
    return direction, lengths * np.interp(roots[:, 1], [-9, -7, -3, 1], [1.0, 1.3, 0.8, 0.45]), 0.038
