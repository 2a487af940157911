"""The light on a head and what is behind it, drawn from a seed."""

from dataclasses import dataclass

import cv2
import numpy as np

__all__ = ["Scene", "draw_scene"]


@dataclass(frozen=True, eq=False)
class Scene:
    distance: float  # cm from the camera to the head
    background: np.ndarray  # (h w 3) display values 0..1, of any size
    key_direction: np.ndarray  # (3) towards the lamp
    key_color: np.ndarray
    rim_direction: np.ndarray
    rim_color: np.ndarray
    sky_color: np.ndarray
    ground_color: np.ndarray
    exposure: float
    shadow_strength: float

    @property
    def uniforms(self) -> dict:
        names = ("key_direction", "key_color", "rim_direction", "rim_color", "sky_color", "ground_color")
        values = {name: getattr(self, name) for name in (*names, "exposure", "shadow_strength")}
        return {**values, "camera_distance": self.distance}

    def backdrop(self, size: int) -> np.ndarray:
        """The background (size size 3) as display values 0..255."""
        return cv2.resize(self.background, (size, size), interpolation=cv2.INTER_CUBIC).clip(0, 1) * 255


def draw_scene(seed: int) -> Scene:
    """The scene of a seed."""
    chance = np.random.default_rng([seed, 10])
    around, height = chance.uniform(-1.1, 1.1), chance.uniform(0.1, 0.9)
    key = np.array([np.sin(around) * np.cos(height), np.sin(height), np.cos(around) * np.cos(height)])
    warmth = chance.normal(0, 0.08)
    ambient = chance.uniform(0.28, 0.6)
    rim = np.array([-np.sign(key[0]) * chance.uniform(0.6, 1), chance.uniform(0.1, 0.5), -chance.uniform(0.2, 0.8)])
    return Scene(
        distance=float(chance.uniform(55, 110)),
        background=_blurred_room(chance),
        key_direction=key,
        key_color=chance.uniform(0.75, 1.15) * 1.9 * np.array([1 + warmth, 1, 1 - warmth]),
        rim_direction=rim / np.linalg.norm(rim),
        rim_color=chance.uniform(0, 0.9) * (1 + chance.normal(0, 0.1, 3)),
        sky_color=ambient * (1 + chance.normal(0, 0.05, 3)),
        ground_color=ambient * 0.55 * np.array([1.05, 0.95, 0.88]),
        exposure=float(chance.uniform(0.60, 0.80)),
        shadow_strength=float(chance.uniform(0.4, 0.75)),
    )


def _blurred_room(chance: np.random.Generator) -> np.ndarray:
    """Soft patches of light, a little colour, darker or lighter towards the floor."""
    grey = chance.uniform(0.04, 0.8) * (1 + chance.normal(0, 0.10, 3))
    strength = chance.uniform(0.01, 0.10)
    patches = chance.normal(0, strength, (6, 6, 1)) + chance.normal(0, strength * 0.35, (6, 6, 3))
    slope = np.linspace(1, -1, 6)[:, None, None] * chance.normal(0, 0.10)
    return (np.clip(patches + grey + slope, 0.015, 1) ** (1 / 1.6)).astype(np.float32)
