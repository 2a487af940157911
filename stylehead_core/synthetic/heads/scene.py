"""Random scene: light, camera distance and background."""

from dataclasses import dataclass

import cv2
import numpy as np

from .backgrounds import sample_background

__all__ = ["Scene", "sample_scene"]


@dataclass(frozen=True, eq=False)
class Scene:
    """Light, camera distance and background; colours are linear RGB (3)."""

    distance: float  # cm from the camera to the head
    background: np.ndarray  # (h w 3) display values 0..1, of any size
    key_direction: np.ndarray  # (3) towards the key light
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
        """Background (size size 3) as display values in 0..255."""
        return cv2.resize(self.background, (size, size), interpolation=cv2.INTER_CUBIC).clip(0, 1) * 255


def sample_scene(seed: int) -> Scene:
    """Sample the scene of a seed: mostly soft frontal light, sometimes hard, from the side, from below or coloured."""
    rng = np.random.default_rng([seed, 10])
    hard = rng.random() < 0.2
    around = rng.uniform(-1.5, 1.5) if hard else rng.uniform(-1.0, 1.0)
    height = rng.uniform(-0.35, 0.2) if rng.random() < 0.07 else rng.uniform(0.1, 0.9)
    key = np.array([np.sin(around) * np.cos(height), np.sin(height), np.cos(around) * np.cos(height)])
    warmth = rng.normal(0, 0.16 if rng.random() < 0.2 else 0.07)
    ambient = rng.uniform(0.14, 0.3) if hard else rng.uniform(0.28, 0.65)
    rim = np.array([-np.sign(key[0]) * rng.uniform(0.6, 1), rng.uniform(0.1, 0.5), -rng.uniform(0.2, 0.8)])
    rim_color = rng.uniform(0, 0.9) * (1 + rng.normal(0, 0.5 if rng.random() < 0.15 else 0.1, 3))
    background = sample_background(rng)
    around_color = 0.75 + 0.25 * background.mean((0, 1)) / max(float(background.mean()), 0.05)  # reflected by the walls
    return Scene(
        distance=float(rng.uniform(55, 110)),
        background=background,
        key_direction=key,
        key_color=rng.uniform(0.75, 1.2) * 1.9 * np.array([1 + warmth, 1, 1 - warmth]),
        rim_direction=rim / np.linalg.norm(rim),
        rim_color=np.clip(rim_color, 0, 1.5),
        sky_color=ambient * (1 + rng.normal(0, 0.05, 3)) * around_color,
        ground_color=ambient * 0.55 * np.array([1.05, 0.95, 0.88]) * around_color,
        exposure=float(rng.uniform(0.55, 0.82)),
        shadow_strength=float(rng.uniform(0.4, 0.85)),
    )
