"""Random blurred backgrounds: studio gradients, rooms, greenery.

A background is (SIDE SIDE 3) float32, display values 0..1, entirely procedural.
"""

import cv2
import numpy as np

__all__ = ["KINDS", "sample_background"]

SIDE = 64  # pixels; enough, since backgrounds are blurred
KINDS = ("patches", "studio", "room", "outdoors", "plain")


def sample_background(rng: np.random.Generator) -> np.ndarray:
    """Sample a background (SIDE SIDE 3) of a random kind."""
    kind = KINDS[int(rng.choice(len(KINDS), p=[0.25, 0.25, 0.25, 0.15, 0.1]))]
    picture = {"patches": _patches, "studio": _studio, "room": _room, "outdoors": _outdoors, "plain": _plain}[kind](rng)
    grain = rng.normal(0, rng.uniform(0, 0.012), (SIDE, SIDE, 1))
    return np.clip(picture + grain, 0.01, 1).astype(np.float32)


def _color(rng: np.random.Generator, low: float, high: float, colour: float = 0.08) -> np.ndarray:
    """Sample a colour (3): grey between ``low`` and ``high`` with saturation of deviation ``colour``."""
    return np.clip(rng.uniform(low, high) * (1 + rng.normal(0, colour, 3)), 0.02, 1)


def _soft(picture: np.ndarray, pixels: float) -> np.ndarray:
    return cv2.GaussianBlur(picture, (0, 0), max(pixels, 0.3), borderType=cv2.BORDER_REFLECT)


def _cells(rng: np.random.Generator, cells: int, strength: float, colour: float) -> np.ndarray:
    """Smooth noise with ``cells`` cells per side."""
    values = rng.normal(0, strength, (cells, cells, 1)) + rng.normal(0, strength * colour, (cells, cells, 3))
    return cv2.resize(values, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)


def _plain(rng: np.random.Generator) -> np.ndarray:
    return np.broadcast_to(_color(rng, 0.1, 0.95), (SIDE, SIDE, 3)).copy()


def _patches(rng: np.random.Generator) -> np.ndarray:
    """Smooth patches of colour."""
    return _color(rng, 0.2, 0.85) + _cells(rng, int(rng.integers(3, 9)), rng.uniform(0.02, 0.15), 0.4)


def _studio(rng: np.random.Generator) -> np.ndarray:
    """Studio backdrop: a radial gradient."""
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE
    centre = rng.uniform(0.2, 0.8, 2)
    distance = np.hypot(x - centre[0], y - centre[1])[..., None]
    middle = _color(rng, 0.25, 0.95)
    edge = middle * rng.uniform(0.25, 0.9)
    return edge + (middle - edge) * np.exp(-((distance / rng.uniform(0.4, 1.0)) ** 2))


def _room(rng: np.random.Generator) -> np.ndarray:
    """Wall with rectangles in front of it, such as shelves, frames, a window."""
    picture = np.broadcast_to(_color(rng, 0.25, 0.9), (SIDE, SIDE, 3)).copy()
    if rng.random() < 0.5:  # a corner between two walls
        corner = int(rng.uniform(0.1, 0.9) * SIDE)
        picture[:, corner:] *= rng.uniform(0.6, 0.95)
    for _ in range(int(rng.integers(2, 9))):
        left, top = (rng.uniform(-0.2, 0.95, 2) * SIDE).astype(int)
        width, height = (rng.uniform(0.05, 0.5, 2) * SIDE).astype(int)
        picture[max(top, 0) : top + height, max(left, 0) : left + width] = _color(rng, 0.08, 0.8, 0.12)
    if rng.random() < 0.35:  # a window
        left, top = (rng.uniform(-0.1, 0.8, 2) * SIDE).astype(int)
        width, height = (rng.uniform(0.2, 0.4, 2) * SIDE).astype(int)
        picture[max(top, 0) : top + height, max(left, 0) : left + width] = _color(rng, 0.85, 1.0, 0.02)
    shade = np.linspace(rng.uniform(0.8, 1.1), rng.uniform(0.6, 1.0), SIDE)[:, None, None]
    return _soft(picture * shade, rng.uniform(0.4, 4.0))


def _outdoors(rng: np.random.Generator) -> np.ndarray:
    """Sky, a distant strip of leaves or houses, ground."""
    horizon = rng.uniform(0.2, 0.9) * SIDE
    sky, far, ground = (_color(rng, *c) for c in ((0.7, 1.0, 0.03), (0.15, 0.5, 0.05), (0.2, 0.6, 0.05)))
    sky[2], far[1] = min(sky[2] + 0.08, 1), far[1] + rng.uniform(0, 0.12)
    rows = np.arange(SIDE)[:, None, None]
    picture = np.where(rows < horizon, sky, np.where(rows < horizon + rng.uniform(8, 40), far, ground))
    leaves = _cells(rng, int(rng.integers(8, 24)), rng.uniform(0.03, 0.12), 0.3)
    return _soft(picture + leaves * (rows > horizon - 6), rng.uniform(0.8, 4.0))
