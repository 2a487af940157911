"""What is behind a head: studio gradients, rooms, greenery, all drawn by chance and out of focus.

A background is (SIDE SIDE 3) float32, display values 0..1. No outside picture is in it.
"""

import cv2
import numpy as np

__all__ = ["KINDS", "draw_background"]

SIDE = 64  # pixels: everything is blurred anyway
KINDS = ("patches", "studio", "room", "outdoors", "plain")


def draw_background(chance: np.random.Generator) -> np.ndarray:
    """A background of one of the kinds."""
    kind = KINDS[int(chance.choice(len(KINDS), p=[0.25, 0.25, 0.25, 0.15, 0.1]))]
    picture = {"patches": _patches, "studio": _studio, "room": _room, "outdoors": _outdoors, "plain": _plain}[kind](
        chance
    )
    grain = chance.normal(0, chance.uniform(0, 0.012), (SIDE, SIDE, 1))
    return np.clip(picture + grain, 0.01, 1).astype(np.float32)


def _color(chance: np.random.Generator, low: float, high: float, colour: float = 0.08) -> np.ndarray:
    """(3): a grey between ``low`` and ``high`` with some colour."""
    return np.clip(chance.uniform(low, high) * (1 + chance.normal(0, colour, 3)), 0.02, 1)


def _soft(picture: np.ndarray, pixels: float) -> np.ndarray:
    return cv2.GaussianBlur(picture, (0, 0), max(pixels, 0.3), borderType=cv2.BORDER_REFLECT)


def _cells(chance: np.random.Generator, cells: int, strength: float, colour: float) -> np.ndarray:
    """Smooth patches: ``cells`` of them a side."""
    values = chance.normal(0, strength, (cells, cells, 1)) + chance.normal(0, strength * colour, (cells, cells, 3))
    return cv2.resize(values, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)


def _plain(chance: np.random.Generator) -> np.ndarray:
    return np.broadcast_to(_color(chance, 0.1, 0.95), (SIDE, SIDE, 3)).copy()


def _patches(chance: np.random.Generator) -> np.ndarray:
    """Light through who knows what."""
    return _color(chance, 0.2, 0.85) + _cells(chance, int(chance.integers(3, 9)), chance.uniform(0.02, 0.15), 0.4)


def _studio(chance: np.random.Generator) -> np.ndarray:
    """A paper roll with a lamp on it: brightest behind the head, falling off."""
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE
    centre = chance.uniform(0.2, 0.8, 2)
    distance = np.hypot(x - centre[0], y - centre[1])[..., None]
    middle = _color(chance, 0.25, 0.95)
    edge = middle * chance.uniform(0.25, 0.9)
    return edge + (middle - edge) * np.exp(-((distance / chance.uniform(0.4, 1.0)) ** 2))


def _room(chance: np.random.Generator) -> np.ndarray:
    """A wall with things before it: shelves, frames, a window, a lamp."""
    picture = np.broadcast_to(_color(chance, 0.25, 0.9), (SIDE, SIDE, 3)).copy()
    if chance.random() < 0.5:  # another wall from a corner on
        corner = int(chance.uniform(0.1, 0.9) * SIDE)
        picture[:, corner:] *= chance.uniform(0.6, 0.95)
    for _ in range(int(chance.integers(2, 9))):
        left, top = (chance.uniform(-0.2, 0.95, 2) * SIDE).astype(int)
        width, height = (chance.uniform(0.05, 0.5, 2) * SIDE).astype(int)
        picture[max(top, 0) : top + height, max(left, 0) : left + width] = _color(chance, 0.08, 0.8, 0.12)
    if chance.random() < 0.35:  # a window
        left, top = (chance.uniform(-0.1, 0.8, 2) * SIDE).astype(int)
        width, height = (chance.uniform(0.2, 0.4, 2) * SIDE).astype(int)
        picture[max(top, 0) : top + height, max(left, 0) : left + width] = _color(chance, 0.85, 1.0, 0.02)
    shade = np.linspace(chance.uniform(0.8, 1.1), chance.uniform(0.6, 1.0), SIDE)[:, None, None]
    return _soft(picture * shade, chance.uniform(0.4, 4.0))


def _outdoors(chance: np.random.Generator) -> np.ndarray:
    """Sky, leaves or houses far away, ground."""
    horizon = chance.uniform(0.2, 0.9) * SIDE
    sky, far, ground = (_color(chance, *c) for c in ((0.7, 1.0, 0.03), (0.15, 0.5, 0.05), (0.2, 0.6, 0.05)))
    sky[2], far[1] = min(sky[2] + 0.08, 1), far[1] + chance.uniform(0, 0.12)
    rows = np.arange(SIDE)[:, None, None]
    picture = np.where(rows < horizon, sky, np.where(rows < horizon + chance.uniform(8, 40), far, ground))
    leaves = _cells(chance, int(chance.integers(8, 24)), chance.uniform(0.03, 0.12), 0.3)
    return _soft(picture + leaves * (rows > horizon - 6), chance.uniform(0.8, 4.0))
