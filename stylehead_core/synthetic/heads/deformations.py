"""Deformations of the head by femininity and age, which the identity modes do not offer.

Both are sums of Gaussian bumps at positions of the mean head, in cm.
"""

from functools import cached_property

import numpy as np

from .geometry import smoothstep

__all__ = ["Bumps", "age_face", "feminise"]

SIDES = (-1, 1)


class Bumps:
    """Gaussian vertex weights around points of the mean head; each is computed once."""

    def __init__(self, neutral: np.ndarray) -> None:
        self.neutral = neutral
        self._made: dict[tuple, np.ndarray] = {}

    def __call__(self, centre: tuple[float, float, float], reach: tuple[float, float, float]) -> np.ndarray:
        if (centre, reach) not in self._made:
            offset = (self.neutral - np.array(centre, np.float32)) / np.array(reach, np.float32)
            self._made[centre, reach] = np.exp(-(offset**2).sum(1)).astype(np.float32)
        return self._made[centre, reach]

    @cached_property
    def jaw(self) -> np.ndarray:
        """Weights (V): 1 at the jaw, 0 above the mouth and on the neck."""
        height = self.neutral[:, 1]
        return np.where(height > -9.5, smoothstep(1.0, -7.0, height), smoothstep(-12, -9.5, height))

    @cached_property
    def neck(self) -> np.ndarray:
        height = self.neutral[:, 1]
        return smoothstep(-7.5, -10, height) * smoothstep(-16, -12, height)


def feminise(bump: Bumps, head: np.ndarray, amount: float) -> np.ndarray:
    """Give ``head`` (V 3) a finer jaw, nose and brow and fuller lips; a negative amount does the opposite."""
    head = head.copy()
    head[:, 0] *= 1 - 0.085 * amount * bump.jaw
    for side in SIDES:
        head[:, 1] += 0.22 * amount * bump((side * 3.5, 6.0, 9.5), (2.5, 1.2, 3))  # brow up
        head[:, 0] -= 0.20 * side * amount * bump((side * 1.3, -0.6, 10.8), (0.9, 1.2, 2))  # nostrils in
        head[:, 0] -= 0.10 * side * amount * bump((side * 0.9, 2.2, 11.0), (0.8, 2.0, 2))  # bridge of the nose
        head[:, 2] += 0.18 * amount * bump((side * 1.0, -2.9, 11.3), (1.6, 0.6, 1.5))  # upper lip
        head[:, 2] += 0.20 * amount * bump((side * 0.8, -4.0, 11.2), (1.5, 0.6, 1.5))  # lower lip
        head[:, 2] -= 0.30 * amount * bump((side * 3.0, 5.2, 10.3), (2.4, 1.1, 2))  # ridge of the brow
        head[:, 2] += 0.18 * amount * bump((side * 4.5, 1.0, 8.5), (1.8, 1.6, 2))  # cheek bone
        head[:, 0] -= 0.22 * side * amount * bump((side * 5.2, -4.6, 6.5), (1.6, 1.8, 2.5))  # corner of the jaw
    head[:, 2] -= 0.25 * amount * bump((0, -0.6, 12.6), (1.3, 1.4, 1.5))  # a shorter nose
    head[:, 1] += 0.12 * amount * bump((0, -0.9, 12.6), (1.2, 1.0, 1.5))
    head[:, 1] += 0.40 * amount * bump((0, -7.0, 10.2), (3, 1.8, 3))  # chin
    head[:, 2] -= 0.25 * amount * bump((0, -7.0, 10.2), (2.5, 1.5, 3))
    head[:, 0] *= 1 - 0.16 * amount * bump.neck
    return head


def age_face(bump: Bumps, head: np.ndarray, age: float) -> np.ndarray:
    """Age ``head`` (V 3): sagging cheeks and lids, bags under the eyes, thin lips, a drooping nose."""
    amount = 2.1 * max(0.0, age - 0.2)
    head = head.copy()
    for side in SIDES:
        jowl = bump((side * 4.4, -5.4, 8.0), (1.8, 1.7, 2.5))
        head[:, 1] -= 0.50 * amount * jowl
        head[:, 0] += side * 0.12 * amount * jowl
        head[:, 2] += 0.22 * amount * bump((side * 3.3, -0.9, 10.2), (1.0, 1.6, 1.4))  # cheek over the fold
        head[:, 2] -= 0.16 * amount * bump((side * 2.7, -3.2, 10.6), (0.6, 1.2, 1.2))  # fold beside the mouth
        head[:, 1] -= 0.20 * amount * bump((side * 3.7, 4.5, 9.6), (1.7, 0.45, 1.2))  # hooded lid
        head[:, 2] += 0.16 * amount * bump((side * 3.2, 2.35, 9.7), (1.2, 0.35, 1))  # bag
        head[:, 2] -= 0.16 * amount * bump((side * 3.2, 1.5, 9.7), (1.4, 0.5, 1))
        head[:, 0] -= side * 0.25 * amount * bump((side * 6.6, 5.5, 6.5), (1.5, 2, 2.5))  # temple
        head[:, 0] -= side * 0.25 * amount * bump((side * 5.6, -2.0, 7.5), (1.2, 1.6, 2))  # hollow cheek
        head[:, 2] -= 0.14 * amount * bump((side * 1.0, -2.9, 11.4), (1.6, 0.5, 1))  # lips
        head[:, 2] -= 0.14 * amount * bump((side * 0.9, -4.0, 11.3), (1.5, 0.5, 1))
    head[:, 1] -= 0.18 * amount * bump((0, 0, 12.8), (1.2, 1.2, 1.2))  # tip of the nose
    return head
