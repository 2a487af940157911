"""Texture maps of the face: masks of lips, brows, beard, lids, liner, blush, wrinkles and scalp.

They are painted around the 68 landmarks of the mean head, in cm. Axes: N texels per side.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from .curves import spline
from .facekit import LANDMARKS_68, FaceKit
from .geometry import smoothstep

__all__ = ["hairline", "paint_maps"]

PLAN_SCALE, PLAN_SIZE = 40.0, 1280  # pixels per cm, and pixels, of the frontal projection in which outlines are filled
PLAN_ORIGIN = np.array([16.0, 20.0])  # cm
GUTTER = 6  # texels by which maps are dilated at the face's edge, against seams
OUTER_BROWS = (range(17, 22), range(26, 21, -1))  # landmarks from outside to inside
EYES = (  # upper lid, lower lid, outer corner, side
    ((36, 37, 38, 39), (39, 40, 41, 36), 36, -1),
    ((45, 44, 43, 42), (42, 47, 46, 45), 45, 1),
)


def hairline(x, y, z, recede: float):
    """Height (cm) above the hairline, which ``recede`` moves up, most at the temples."""
    del z  # the hairline is defined in frontal projection
    heights = [9.9 + recede, 9.7 + recede * 1.35, 9.1 + recede * 1.2, 7.2 + recede * 0.5, 4.6, 2.6, 0.0]
    return y - np.interp(np.abs(x), [0, 2, 4, 5.6, 6.6, 7.4, 8.2], heights)


@dataclass(frozen=True)
class Face:
    """Position map of the mean face, on which the masks are painted."""

    points: np.ndarray  # (N N 3) cm
    covered: np.ndarray  # (N N) bool
    landmarks: np.ndarray  # (68 3) cm

    def inside(self, outline: np.ndarray) -> np.ndarray:
        """Signed distance (cm) of each texel to a closed frontal outline (P 2), positive inside."""
        plan = np.zeros((PLAN_SIZE, PLAN_SIZE), np.uint8)
        cv2.fillPoly(plan, [np.round((outline + PLAN_ORIGIN) * PLAN_SCALE).astype(np.int32)], (255,))
        depth = cv2.distanceTransform(plan, cv2.DIST_L2, 5) - cv2.distanceTransform(255 - plan, cv2.DIST_L2, 5)
        x, y = ((self.points[..., k] + PLAN_ORIGIN[k]) * np.float32(PLAN_SCALE) for k in (0, 1))
        return cv2.remap(depth, x.astype(np.float32), y.astype(np.float32), cv2.INTER_LINEAR) / PLAN_SCALE

    def along(self, line) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Distance (cm) of each texel to a curve through points (P 3), position along it in 0..1, height above it."""
        line = spline(line, 12).astype(np.float32)
        x, y = self.points[..., 0], self.points[..., 1]
        low, high = line.min(0) - 3, line.max(0) + 3
        near = (x > low[0]) & (x < high[0]) & (y > low[1]) & (y < high[1]) & self.covered
        points = self.points[near]
        best = np.full(len(points), 1e9, np.float32)
        way, above = np.zeros(len(points), np.float32), np.zeros(len(points), np.float32)
        for i, p in enumerate(line):
            distance = ((points - p) ** 2).sum(1)
            closer = distance < best
            best[closer] = distance[closer]
            way[closer] = i / (len(line) - 1)
            above[closer] = points[closer, 1] - p[1]
        maps = [np.full(x.shape, fill, np.float32) for fill in (1e9, 0, 0)]
        for target, values in zip(maps, (np.sqrt(best), way, above), strict=True):
            target[near] = values
        return maps[0], maps[1], maps[2]


def paint_maps(kit: FaceKit, points: np.ndarray, covered: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Paint face map (N N 4: lips, brows, beard, lids) and detail map (liner, blush, wrinkles, scalp), uint8."""
    face = Face(points, covered, kit.vertices[LANDMARKS_68])
    x, y, z = (points[..., k] for k in range(3))
    in_lips = face.inside(spline(face.landmarks[48:60, :2], 16, closed=True))
    lips = smoothstep(-0.10, 0.06, in_lips) * (z > 7.5)
    lids, liner = _lids(face)
    above = np.where(z > -3.5, hairline(x, y, z, 0.0), 1.0)
    scalp = smoothstep(-0.5, 0.5, above) * (1 - smoothstep(8.15, 8.6, np.abs(x))) * (np.abs(x) <= 7.75)
    face_map = _texels(lips, _brows(face), _beard(face, in_lips), lids)
    detail_map = _texels(liner, _blush(face), _wrinkles(face), scalp)
    return _dilate(face_map, covered), _dilate(detail_map, covered)


def _texels(*maps: np.ndarray) -> np.ndarray:
    return np.stack([(np.clip(m, 0, 1) * 255).astype(np.uint8) for m in maps], axis=-1)


def _dilate(texels: np.ndarray, covered: np.ndarray) -> np.ndarray:
    """Dilate a map beyond the face's edge."""
    kernel = np.ones((3, 3), np.uint8)
    for _ in range(GUTTER):
        texels = np.where(covered[..., None], texels, cv2.dilate(texels, kernel))
        covered = cv2.dilate(covered.astype(np.uint8), kernel) > 0
    return texels


def _brows(face: Face) -> np.ndarray:
    brows = np.zeros(face.covered.shape, np.float32)
    for side in OUTER_BROWS:
        distance, way, _ = face.along(face.landmarks[list(side)] + (0, -0.12, 0))
        width = 0.10 + 0.36 * smoothstep(0, 0.75, way) * (1 - 0.25 * smoothstep(0.85, 1, way))
        brows = np.maximum(brows, 1 - smoothstep(0.45, 1.0, distance / width))
    return brows


def _lids(face: Face) -> tuple[np.ndarray, np.ndarray]:
    lids, liner = (np.zeros(face.covered.shape, np.float32) for _ in range(2))
    for upper, lower, _, _ in EYES:
        distance, _, above = face.along(face.landmarks[list(upper)])
        below, _, _ = face.along(face.landmarks[list(lower)])
        lids = np.maximum(lids, (1 - smoothstep(0.15, 1.15, distance)) * (above > -0.25))
        line = np.maximum(1 - smoothstep(0.06, 0.2, distance), 0.6 * (1 - smoothstep(0.04, 0.14, below)))
        liner = np.maximum(liner, line)
    return lids, liner


def _blush(face: Face) -> np.ndarray:
    x, y, z = (face.points[..., k] for k in range(3))
    cheeks = np.exp(-(((np.abs(x) - 4.6) / 1.9) ** 2 + ((y - 0.6) / 1.5) ** 2)) * (z > 4)
    nose = np.exp(-((x / 1.1) ** 2 + ((y - 0.2) / 0.9) ** 2)) * (z > 11)
    return cheeks + 0.6 * nose


def _beard(face: Face, in_lips: np.ndarray) -> np.ndarray:
    """Mask of the beard: cheeks, moustache, chin and jaw, fading out on the neck."""
    x, y, z = np.abs(face.points[..., 0]), face.points[..., 1], face.points[..., 2]
    top = np.interp(x, [0, 1.2, 2.8, 4.0, 5.5, 6.6, 7.6], [-1.25, -1.35, -2.3, -2.4, -1.6, -0.2, 3.2])
    beard = smoothstep(-0.1, 0.7, top - y) * smoothstep(-10.6, -8.3, y) * smoothstep(0.5, 2.5, z)
    beard *= 1 - smoothstep(-0.25, -0.02, in_lips)
    beard *= 1 - 0.75 * np.exp(-(((x - 0.95) / 0.45) ** 2 + ((y + 5.0) / 0.5) ** 2))  # bare beside the soul patch
    return beard * (1 - smoothstep(7.9, 8.3, x))


def _wrinkles(face: Face) -> np.ndarray:
    """Depth of wrinkles in 0..1: forehead, frown, crow's feet, bags, nasolabial folds, neck."""
    x, y, z = (face.points[..., k] for k in range(3))
    marks, wrinkles = face.landmarks, np.zeros(face.covered.shape, np.float32)

    def furrow(line, width: float, depth: float, fading: float = 0.0) -> None:
        nonlocal wrinkles
        distance, way, _ = face.along(line)
        wrinkles = np.maximum(wrinkles, depth * np.exp(-((distance / width) ** 2)) * (1 - fading * way))

    for _, lower, outer, side in EYES:
        furrow(marks[list(lower)] + (0, -0.75, 0.1), 0.16, 0.8)
        for slope in (0.55, 0.15, -0.25, -0.6):
            reach = [(side * (0.35 + 1.3 * q), slope * (0.3 + 1.1 * q), -1.1 * q) for q in (0, 0.5, 1)]
            furrow(marks[outer] + np.array(reach), 0.09, 0.6, fading=0.6)
        nostril, corner = marks[31 if side < 0 else 35], marks[48 if side < 0 else 54]
        fold = np.stack([nostril, corner, corner, corner])
        fold += np.array(((0.75, 0.55, -0.2), (1.15, 1.7, -0.1), (0.85, 0.1, -0.1), (0.6, -1.1, -0.1))) * (side, 1, 1)
        furrow(fold, 0.17, 1.0, fading=0.5)
        inner_brow = marks[21 if side < 0 else 22]
        furrow(inner_brow + np.array([(-side * 0.55, q, 0.1) for q in (-0.3, 0.4, 1.2)]), 0.09, 0.7)
    for k, height in enumerate((7.4, 8.3, 9.2, 10.1)):
        bend = 0.16 * np.cos(x * 0.9 + k) + 0.05 * np.sin(x * 3.1 + 2 * k)
        reach = (1 - smoothstep(3.2, 5.6, np.abs(x))) * (z > 5)
        wrinkles = np.maximum(wrinkles, (0.7 - 0.10 * k) * np.exp(-(((y - height - bend) / 0.13) ** 2)) * reach)
    for height in (-9.3, -10.6):
        reach = 1 - smoothstep(3, 5.5, np.abs(x))
        wrinkles = np.maximum(wrinkles, 0.7 * np.exp(-(((y - height - 0.1 * np.cos(x)) / 0.12) ** 2)) * reach)
    return wrinkles
