"""Catmull-Rom splines."""

import numpy as np

__all__ = ["spline"]


def spline(points, steps: int = 24, closed: bool = False) -> np.ndarray:
    """Catmull-Rom spline through ``points`` (P D), with ``steps`` samples per segment; the end point is left out."""
    points = np.asarray(points, np.float64)
    count = len(points)
    pieces = np.arange(count if closed else count - 1)

    def at(index: np.ndarray) -> np.ndarray:
        return points[index % count if closed else index.clip(0, count - 1)][:, None]

    a, b, c, d = at(pieces - 1), at(pieces), at(pieces + 1), at(pieces + 2)
    t = np.linspace(0, 1, steps, endpoint=False)[None, :, None]
    curve = 2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3
    return (curve / 2).reshape(-1, points.shape[1])
