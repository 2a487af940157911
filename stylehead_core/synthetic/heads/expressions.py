"""Random expressions: mixtures of named expressions with jaw opening, blinks and gaze.

Axes: W the 52 ARKit weights.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np

from .head_model import WEIGHT, weights_of

__all__ = ["EXPRESSIONS", "gaze", "sample_expression"]


def _both(**weights: float) -> dict[str, float]:
    """Expand weights to the left and the right side of the face."""
    return {f"{name}{side}": value for name, value in weights.items() for side in ("Left", "Right")}


EXPRESSIONS: Mapping[str, np.ndarray] = MappingProxyType(
    {
        "neutral": weights_of({}),
        "smile": weights_of(
            _both(mouthSmile=0.75, cheekSquint=0.45, eyeSquint=0.25, mouthUpperUp=0.3, mouthLowerDown=0.15)
            | {"jawOpen": 0.06}
        ),
        "closed smile": weights_of(_both(mouthSmile=0.55, cheekSquint=0.2)),
        "one-sided smile": weights_of({"mouthSmileLeft": 0.6, "mouthDimpleLeft": 0.4, "cheekSquintLeft": 0.2}),
        "laugh": weights_of(
            _both(mouthSmile=0.9, cheekSquint=0.7, eyeSquint=0.5, mouthUpperUp=0.4, mouthLowerDown=0.3)
            | {"jawOpen": 0.35}
        ),
        "ah": weights_of(_both(mouthLowerDown=0.2) | {"jawOpen": 0.5}),
        "oo": weights_of({"mouthPucker": 0.7, "mouthFunnel": 0.45, "jawOpen": 0.12}),
        "oh": weights_of({"mouthFunnel": 0.6, "mouthPucker": 0.15, "jawOpen": 0.32}),
        "ee": weights_of(
            _both(mouthStretch=0.5, mouthSmile=0.25, mouthLowerDown=0.3, mouthUpperUp=0.2) | {"jawOpen": 0.12}
        ),
        "pursed": weights_of({"jawOpen": 0.5, "mouthClose": 0.5, "mouthPucker": 0.5}),
        "sour": weights_of(
            _both(mouthFrown=0.3)
            | {"jawOpen": 0.55, "mouthClose": 0.55, "mouthPucker": 0.7, "mouthRollUpper": 0.9, "mouthRollLower": 0.7}
        ),
        "pressed": weights_of(_both(mouthPress=0.6) | {"mouthRollLower": 0.4, "mouthRollUpper": 0.3}),
        "surprise": weights_of(_both(browOuterUp=0.7, eyeWide=0.7) | {"jawOpen": 0.45, "browInnerUp": 0.8}),
        "brows up": weights_of(_both(browOuterUp=0.7) | {"browInnerUp": 0.7}),
        "worry": weights_of(_both(mouthFrown=0.4) | {"browInnerUp": 0.8, "mouthShrugLower": 0.3}),
        "frown": weights_of(_both(browDown=0.8, mouthFrown=0.6, noseSneer=0.3)),
        "disgust": weights_of(_both(noseSneer=0.7, mouthUpperUp=0.5, eyeSquint=0.4, browDown=0.4)),
        "squint": weights_of(_both(eyeSquint=0.8, browDown=0.3)),
        "puff": weights_of({"cheekPuff": 0.7, "mouthPucker": 0.2}),
        "aside": weights_of({"mouthLeft": 0.5, "jawLeft": 0.3}),
        "other aside": weights_of({"mouthRight": 0.5, "jawRight": 0.3}),
    }
)


def gaze(right: float, up: float) -> dict[str, float]:
    """Weights of a gaze to the picture's ``right`` and ``up``, each in -1..1."""
    return {
        "eyeLookOutLeft": max(right, 0),
        "eyeLookInRight": max(right, 0),
        "eyeLookInLeft": max(-right, 0),
        "eyeLookOutRight": max(-right, 0),
        **_both(eyeLookUp=max(up, 0), eyeLookDown=max(-up, 0)),
    }


def sample_expression(
    rng: np.random.Generator, strength: float = 1.0, names: Sequence[str] = tuple(EXPRESSIONS)
) -> np.ndarray:
    """Sample weights (W) in 0..1: one or two of ``names`` in ``EXPRESSIONS``, with additional jaw, blink and gaze."""
    weights = np.zeros(len(WEIGHT), np.float32)
    for _ in range(int(rng.integers(1, 3))):
        weights += EXPRESSIONS[names[int(rng.integers(len(names)))]] * np.float32(rng.uniform(0.3, 1.15))
    if rng.random() < 0.5:
        weights[WEIGHT["jawOpen"]] = max(weights[WEIGHT["jawOpen"]], 0.7 * rng.beta(1, 3))
    if rng.random() < 0.25:
        weights += weights_of(_both(eyeBlink=float(rng.random())))
    if rng.random() < 0.4:  # people who talk, laugh and shout: what is inside a mouth is seldom seen else
        weights[WEIGHT["jawOpen"]] = max(weights[WEIGHT["jawOpen"]], float(rng.uniform(0.15, 0.75)))
        if rng.random() < 0.3:
            weights[WEIGHT["tongueOut"]] = float(rng.uniform(0.1, 0.7))
    weights += weights_of(gaze(*(float(v) for v in rng.normal(0, 0.3, 2))))
    return np.clip(weights * np.float32(strength), 0, 1)
