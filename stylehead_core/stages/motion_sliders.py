"""Motions made by hand: a few sliders in words, each one value or key frames over time."""

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor

from ..errors import ConfigError
from ..records import Motion
from ..spaces import ARKIT

__all__ = ["SLIDERS", "motion_from_sliders"]

Keys = float | Sequence[tuple[float, float]]
"""One value for all frames, or (seconds, value) in rising order."""

DEGREE = math.pi / 180

SLIDERS: dict[str, tuple[tuple[float, float], dict[str, float]]] = {
    "yaw": ((-45, 45), {"yaw": DEGREE}),
    "pitch": ((-30, 30), {"pitch": DEGREE}),
    "roll": ((-45, 45), {"roll": DEGREE}),
    "x": ((-1, 1), {"x": 1}),
    "y": ((-1, 1), {"y": 1}),
    "size": ((-0.5, 0.5), {"log_scale": 1}),
    "blink": ((0, 1), {"eyeBlinkLeft": 1, "eyeBlinkRight": 1}),
    "blink_left": ((0, 1), {"eyeBlinkLeft": 1}),
    "blink_right": ((0, 1), {"eyeBlinkRight": 1}),
    "eyes_wide": ((-1, 1), {"+eyeWideLeft": 1, "+eyeWideRight": 1, "-eyeSquintLeft": 1, "-eyeSquintRight": 1}),
    "gaze_right": (
        (-1, 1),
        {"+eyeLookOutLeft": 1, "+eyeLookInRight": 1, "-eyeLookInLeft": 1, "-eyeLookOutRight": 1},
    ),
    "gaze_up": (
        (-1, 1),
        {"+eyeLookUpLeft": 1, "+eyeLookUpRight": 1, "-eyeLookDownLeft": 1, "-eyeLookDownRight": 1},
    ),
    "brows": (
        (-1, 1),
        {"+browInnerUp": 1, "+browOuterUpLeft": 1, "+browOuterUpRight": 1, "-browDownLeft": 1, "-browDownRight": 1},
    ),
    "smile": (
        (-1, 1),
        {"+mouthSmileLeft": 1, "+mouthSmileRight": 1, "-mouthFrownLeft": 1, "-mouthFrownRight": 1},
    ),
    "jaw": ((0, 1), {"jawOpen": 1}),
    "pucker": ((0, 1), {"mouthPucker": 1}),
    "funnel": ((0, 1), {"mouthFunnel": 1}),
    "mouth_right": ((-1, 1), {"+mouthLeft": 1, "-mouthRight": 1}),
    "sneer": ((0, 1), {"noseSneerLeft": 1, "noseSneerRight": 1}),
    "cheeks": ((0, 1), {"cheekPuff": 1}),
}
"""Each slider's range, and what it moves by how much at 1. A coefficient with + or - moves with that half alone.

Angles are degrees: yaw + to the picture's right, pitch + down, roll + anticlockwise. x, y, size as in spaces.py.
"Right" is the picture's right, where the subject's left is.
"""


def motion_from_sliders(
    sliders: Mapping[str, Keys],
    *,
    frames: int = 1,
    fps: Fraction = Fraction(25),
    between: Literal["linear", "smooth"] = "smooth",
) -> Motion:
    """A relative ``arkit`` motion: the portrait's own pose and expression, and the sliders on top.

    Args:
        sliders: by name of ``SLIDERS``, or of a coefficient of the space. Before the first and after the last key a
            value is held.
        frames: how many.
        between: how a value goes from key to key; ``smooth`` starts and ends each way gently.

    Raises:
        ConfigError: an unknown slider, a value outside of its range, keys that do not rise, or no frames.
    """
    if frames < 1 or fps <= 0:
        raise ConfigError(f"A motion needs at least one frame and a rate above 0; found {frames} at {fps}.")
    seconds = torch.arange(frames, dtype=torch.float64) / float(fps)
    coefficients = torch.zeros(frames, len(ARKIT.names), dtype=torch.float64)
    for name, keys in sliders.items():
        (low, high), moved = _slider(name)
        values = _curve(name, keys, seconds, low, high, smooth=between == "smooth")
        for coefficient, gain in moved.items():
            half = {"+": values.clamp(min=0), "-": -values.clamp(max=0)}.get(coefficient[0], values)
            coefficients[:, ARKIT.names.index(coefficient.lstrip("+-"))] += gain * half
    return Motion(coefficients=coefficients.float(), fps=Fraction(fps), relative=True)


def _slider(name: str) -> tuple[tuple[float, float], dict[str, float]]:
    if name in SLIDERS:
        return SLIDERS[name]
    if name in ARKIT.names:
        return (-1.0, 1.0), {name: 1.0}
    raise ConfigError(f"There is no slider {name!r}. Known: {', '.join(SLIDERS)}, and every coefficient by its name.")


def _curve(name: str, keys: Keys, seconds: Tensor, low: float, high: float, *, smooth: bool) -> Tensor:
    """(T) values of one slider."""
    points = [(0.0, float(keys))] if isinstance(keys, (int, float)) else [(float(t), float(v)) for t, v in keys]
    if not points or any(later[0] <= earlier[0] for earlier, later in pairwise(points)):
        raise ConfigError(f"The key frames of {name!r} need (seconds, value) in rising order; found {points}.")
    outside = [value for _, value in points if not low <= value <= high]
    if outside:
        raise ConfigError(f"The slider {name!r} goes from {low:g} to {high:g}; found {outside[0]:g}.")
    times, values = torch.tensor(points, dtype=torch.float64).mT.contiguous()
    after = torch.searchsorted(times, seconds, right=True).clamp(1, max(len(times) - 1, 1))
    if len(times) == 1:
        return values.expand(len(seconds))
    share = ((seconds - times[after - 1]) / (times[after] - times[after - 1])).clamp(0, 1)
    share = share * share * (3 - 2 * share) if smooth else share
    return torch.lerp(values[after - 1], values[after], share)
