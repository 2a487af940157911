"""Collision shape of the skull, which keeps hair outside of it."""

import cv2
import numpy as np

from .facekit import BACK, FACE, SKIN_END
from .head_model import HeadModel

__all__ = ["Collider"]

CENTRE = np.array([0, 4.0, 1.0], np.float32)  # cm: centre, from which the skull is star-shaped
ROWS, COLUMNS = 64, 128  # of the map of radii over all directions
WRAP = 8  # columns repeated at either end for the smoothing


class Collider:
    """Radius of a head, without its ears, in every direction from ``CENTRE``."""

    def __init__(self, model: HeadModel, head: np.ndarray) -> None:
        vertices = model.vertices_of(FACE, BACK)
        points = head[vertices[vertices < SKIN_END]]
        ears = (np.abs(points[:, 0]) > 7.6) & (points[:, 1] < 5) & (points[:, 1] > -3)
        points = points[~ears]
        row, column, radius = self._to_map(points)
        radii = np.zeros((ROWS, COLUMNS), np.float32)
        cell = (row * ROWS).astype(int).clip(0, ROWS - 1), (column * COLUMNS).astype(int).clip(0, COLUMNS - 1)
        np.maximum.at(radii, cell, radius)
        radii = self._fill_holes(radii)
        wrapped = np.concatenate([radii[:, -WRAP:], radii, radii[:, :WRAP]], axis=1)
        smooth = cv2.GaussianBlur(wrapped, (0, 0), 1.2, borderType=cv2.BORDER_REPLICATE)[:, WRAP:-WRAP]
        self._radii = np.concatenate([smooth[:, -1:], smooth, smooth[:, :1]], axis=1)

    @staticmethod
    def _to_map(points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Row and column of the map, each in 0..1, and distance from the centre."""
        offset = points - CENTRE
        radius = np.linalg.norm(offset, axis=-1) + 1e-6
        row = np.arccos(np.clip(offset[..., 1] / radius, -1, 1)) / np.pi
        return row, np.arctan2(offset[..., 0], offset[..., 2]) / (2 * np.pi) + 0.5, radius

    @staticmethod
    def _fill_holes(radii: np.ndarray) -> np.ndarray:
        """Fill directions without a vertex with the mean of their neighbours."""
        for _ in range(40):
            empty = radii == 0
            if not empty.any():
                break
            edge = np.pad(radii, ((1, 1), (0, 0)), mode="edge")
            edge = np.concatenate([edge[:, -1:], edge, edge[:, :1]], axis=1)
            around = np.stack([edge[i : i + ROWS, j : j + COLUMNS] for i in range(3) for j in range(3)])
            known = (around > 0).sum(0)
            radii = np.where(empty & (known > 0), around.sum(0) / np.maximum(known, 1), radii)
        return radii.astype(np.float32)

    def __call__(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Unit directions from the centre (P 3), distances (P), and the head's radii (P) for points (P 3)."""
        row, column, radius = self._to_map(points)
        x, y = (column * COLUMNS + 0.5).astype(np.float32)[None], (row * ROWS - 0.5).astype(np.float32)[None]
        own = cv2.remap(self._radii, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)[0]
        return (points - CENTRE) / radius[:, None], radius, own
