"""Motions from sliders: pose and expression by name, each a constant value or key frames over time.

A line of text such as ``smile 0.6, yaw 20`` sets sliders; ``0.5: smile 1`` sets them at a moment, in seconds.
"""

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any, Literal

import torch
from torch import Tensor

from ..errors import ConfigError
from ..model.stylehead import StyleHead
from ..records import Motion
from ..spaces import ARKIT, BFM, space_named

__all__ = [
    "EXPRESSIONS",
    "HOLDS",
    "SLIDERS",
    "beyond_hold",
    "intuitive_sliders",
    "motion_from_sliders",
    "read_expression",
    "read_key_frames",
    "slider_motion_for_model",
    "write_expression",
]

Keys = float | Sequence[tuple[float, float]]
"""One value for all frames, or (seconds, value) in rising order."""

DEGREE = math.pi / 180
KEY_SECONDS = 0.4  # from one key of the demonstration of intuitive editing to the next

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
"""Range of each slider, and the coefficients that it moves at 1. A coefficient with + or - follows only that half.

Angles are degrees: yaw + to the picture's right, pitch + down, roll + anticlockwise. x, y, size as in spaces.py.
"Right" is the picture's right, where the subject's left is.
"""

HOLDS: dict[str, tuple[float, float]] = {"yaw": (-25, 25), "pitch": (-20, 20), "roll": (-30, 30), "jaw": (0, 0.8)}
"""Limits within which pictures of the embedded model hold, where they are narrower than the range: beyond 25 degrees of
yaw the far side of the jaw tears, since the portrait does not show it."""

EXPRESSIONS: dict[str, dict[str, float]] = {
    "smile": {"smile": 0.7, "cheekSquintLeft": 0.4, "cheekSquintRight": 0.4, "eyes_wide": -0.2},
    "surprise": {"brows": 0.7, "eyes_wide": 0.4, "jaw": 0.4, "funnel": 0.2},
    "wink": {"blink_right": 1, "smile": 0.4, "mouth_right": -0.2, "brows": 0.2},
    "talk": {"jaw": 0.35, "funnel": 0.25, "brows": 0.2},
    "sad": {"smile": -0.7, "browInnerUp": 0.7, "gaze_up": -0.3, "pitch": 5},
    "angry": {"brows": -0.9, "sneer": 0.6, "eyes_wide": -0.4, "mouthPressLeft": 0.4, "mouthPressRight": 0.4},
    "kiss": {"pucker": 0.9, "blink": 0.6, "pitch": -4},
}
"""Presets: sliders by the name of the expression."""


BFM_HEAD: dict[str, dict[str, float]] = {
    **{name: {name: DEGREE} for name in ("yaw", "pitch", "roll")},
    "x": {"crop_x": 128},  # half the picture of 256 pixels in which the crop is told
    "y": {"crop_y": -128},  # which counts upwards
}
"""What the sliders of the head move in ``bfm``. Its size is a factor there, which no added number changes."""


def slider_motion_for_model(model: StyleHead, sliders: Mapping[str, Keys], **how: Any) -> Motion:
    """``motion_from_sliders`` in the space of ``model``, with the expressions that its file holds for the sliders."""
    return motion_from_sliders(sliders, space=model.config.space, expressions=model.slider_expressions, **how)


def motion_from_sliders(
    sliders: Mapping[str, Keys],
    *,
    frames: int = 1,
    fps: Fraction = Fraction(25),
    between: Literal["linear", "smooth"] = "smooth",
    space: str = "arkit",
    expressions: Mapping[str, Tensor] | None = None,
) -> Motion:
    """Make a relative motion: the sliders are added to the portrait's own pose and expression.

    Args:
        sliders: by name of ``SLIDERS``, or of a coefficient of the space. Before the first and after the last key a
            value is held. A slider that stays at 0 may be one that the space does not have.
        frames: how many.
        between: interpolation between keys; ``smooth`` eases in and out.
        space: of the motion.
        expressions: what further sliders add to the expression coefficients (64) at 1, for a space whose coefficients
            have no names.

    Raises:
        ConfigError: an unknown slider, a value outside of its range, keys that do not rise, or no frames.
    """
    described, expressions = space_named(space), expressions or {}
    if frames < 1 or fps <= 0:
        raise ConfigError(f"A motion needs at least one frame and a rate above 0; found {frames} at {fps}.")
    seconds = torch.arange(frames, dtype=torch.float64) / float(fps)
    coefficients = torch.zeros(frames, len(described.names), dtype=torch.float64)
    for name, keys in sliders.items():
        if space == BFM.name and name not in BFM.names and name not in BFM_HEAD:
            if not _stays(keys):
                values = _curve(name, keys, seconds, *_bfm_range(name, expressions), smooth=between == "smooth")
                coefficients[:, BFM.expression] += values[:, None] * expressions[name].cpu().double()
            continue
        (low, high), moved = _slider(name, space)
        values = _curve(name, keys, seconds, low, high, smooth=between == "smooth")
        for coefficient, gain in moved.items():
            half = {"+": values.clamp(min=0), "-": -values.clamp(max=0)}.get(coefficient[0], values)
            coefficients[:, described.names.index(coefficient.lstrip("+-"))] += gain * half
    return Motion(coefficients=coefficients.float(), fps=Fraction(fps), space=space, relative=True)


def read_expression(text: str) -> dict[str, float]:
    """``smile 0.6, yaw 20`` as sliders and their values; an empty text is the face at rest.

    Raises:
        ConfigError: it does not read so, or names a slider twice.
    """
    values: dict[str, float] = {}
    for part in text.replace("\n", ",").split(","):
        if not part.strip():
            continue
        try:
            name, amount = part.split()
            value = float(amount)
        except ValueError as error:
            raise ConfigError(f"An expression reads like 'smile 0.6, yaw 20'; found {part.strip()!r}.") from error
        if name in values:
            raise ConfigError(f"The expression names {name!r} twice: {text.strip()!r}.")
        values[name] = value
    return values


def write_expression(sliders: Mapping[str, float]) -> str:
    """The text that ``read_expression`` reads; sliders at 0 are left out."""
    return ", ".join(f"{name} {value:g}" for name, value in sliders.items() if value)


def read_key_frames(text: str, sliders: Mapping[str, float]) -> dict[str, float | list[tuple[float, float]]]:
    """Lines such as ``0.5: smile 1, yaw 20`` as key frames of these sliders; others keep the one value of ``sliders``.

    Raises:
        ConfigError: a line that does not read so.
    """
    keys: dict[str, list[tuple[float, float]]] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            moment, values = line.split(":")
            for name, amount in read_expression(values).items():
                keys.setdefault(name, []).append((float(moment), amount))
        except (ValueError, ConfigError) as error:
            raise ConfigError(
                f"Line {number} of the key frames does not read like '0.5: smile 1, yaw 20': {line.strip()!r}."
            ) from error
    started = {
        name: points if points[0][0] <= 0 else [(0.0, sliders.get(name, 0.0)), *points] for name, points in keys.items()
    }
    return {**sliders, **started}


def beyond_hold(sliders: Mapping[str, Keys]) -> str:
    """Words that warn of values beyond ``HOLDS``; empty where there are none."""
    far = []
    for name, keys in sliders.items():
        values = [float(keys)] if isinstance(keys, (int, float)) else [value for _, value in keys]
        low, high = HOLDS.get(name, (-math.inf, math.inf))
        worst = next((value for value in values if not low <= value <= high), None)
        if worst is not None:
            far.append(f"{name} {worst:g} is beyond {high if worst > high else low:g}, where pictures still hold")
    return "; ".join(far)


def intuitive_sliders(mouth: str = "jaw", brows: str = "brows", eyes: str = "blink") -> dict[str, Keys]:
    """The paper's demonstration of intuitive editing as key frames of 7.6 seconds, for any model.

    The head turns to six sides (roll and pitch by 18 degrees, yaw by 22.5), then mouth, brows and eyes change, each
    with a return to the portrait's own.
    """
    turns = (("roll", 18.0), ("roll", -18.0), ("pitch", 18.0), ("pitch", -18.0), ("yaw", 22.5), ("yaw", -22.5))
    changes = ((mouth, 1.0), (brows, 1.0), (eyes, 1.0))
    keys: dict[str, dict[float, float]] = {}
    for number, (name, value) in enumerate((*turns, *changes)):
        first = 2 * number + (number >= len(turns))  # the face changes after a pause
        moments = keys.setdefault(name, {})
        for step, amount in enumerate((0.0, value, 0.0)):
            moments[(first + step) * KEY_SECONDS] = amount
    return {name: list(moments.items()) for name, moments in keys.items()}


def _stays(keys: Keys) -> bool:
    return keys == 0 if isinstance(keys, (int, float)) else all(value == 0 for _, value in keys)


def _bfm_range(name: str, expressions: Mapping[str, Tensor]) -> tuple[float, float]:
    """The range of a slider of the face in ``bfm``."""
    if name in expressions:
        return SLIDERS[name][0] if name in SLIDERS else (-1.0, 1.0)
    known = ", ".join([*BFM_HEAD, *expressions])
    if name not in SLIDERS:
        raise ConfigError(f"There is no slider {name!r}. For a model of the space 'bfm': {known}, and coefficients.")
    raise ConfigError(
        f"This model, of the space 'bfm', has no slider {name!r}. It has {known}. "
        "A model that was converted with BFM_model_front.mat beside the other files also has smile, jaw, brows, blink "
        "and pucker; one with the official expression.pth has mouth, eyebrow and eyes."
    )


def _slider(name: str, space: str) -> tuple[tuple[float, float], dict[str, float]]:
    if space == BFM.name:
        return (SLIDERS[name][0], BFM_HEAD[name]) if name in BFM_HEAD else ((-10.0, 10.0), {name: 1.0})
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
