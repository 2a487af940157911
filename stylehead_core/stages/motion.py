"""Motions made or fitted for one portrait: the key poses of intuitive editing, and a driver of another face's size.

Axes: T frames, K coefficients, E expression coefficients.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import torch
from torch import Tensor

from ..errors import InputError, MotionError
from ..records import Motion
from ..spaces import space_named

__all__ = ["KEY_POSES", "intuitive_motion", "match_placement", "nearest_frame"]

KEY_POSES = (
    (0.0, 0.0, math.pi / 10),
    (0.0, 0.0, -math.pi / 10),
    (math.pi / 10, 0.0, 0.0),
    (-math.pi / 10, 0.0, 0.0),
    (0.0, math.pi / 8, 0.0),
    (0.0, -math.pi / 8, 0.0),
)  # pitch, yaw, roll in rad, each with a return to the middle
NEAR = (0.0, 0.0, 0.45)  # translation of the ``bfm`` key poses
TRANSITION = 10  # frames


def intuitive_motion(
    source: Tensor,
    expressions: Sequence[Mapping[str, float] | Tensor] = (),
    space: str = "bfm",
    fps: Fraction = Fraction(25),
) -> Motion:
    """Turn the head to six sides and back, then go through ``expressions``. Source: SPEC section 9.

    Args:
        source: (K), the portrait's own coefficients, where everything begins.
        expressions: each (E), or values by coefficient name (what is not named keeps the source's value).

    Returns:
        10 frames for every transition, the first and last of which stand still.
    """
    described = space_named(space)
    if source.shape != (len(described.names),):
        raise MotionError(
            f"The portrait's coefficients must be those of {space!r}, ({len(described.names)},); "
            f"found {tuple(source.shape)}."
        )
    middle = source.clone()
    middle[described.rotation] = 0
    if space == "bfm":
        middle[described.rotation.stop : described.rotation.stop + 3] = torch.tensor(NEAR)
    keys = [middle]
    for angles in KEY_POSES:
        turned = middle.clone()
        turned[described.rotation] = torch.tensor(angles)
        keys += [turned, middle]
    frames = [_linear(start, end) for start, end in pairwise(keys)]
    last = middle
    for number, expression in enumerate(expressions):
        key = middle.clone()
        key[described.expression] = _expression(expression, middle, described.names, described.expression)
        frames.append(_settle(last, key) if number == 0 else _linear(last, key))
        last = key
    return Motion(coefficients=torch.cat(frames), fps=fps, space=space)


def match_placement(motion: Motion, source: Tensor) -> Motion:
    """The motion as if the driver's head had the size and place of the portrait's.

    The driving frame that is most like the portrait says how much larger and where the driver's head is; the whole
    motion is scaled and moved by that. Without it a driver who sits nearer makes the portrait swell.

    Args:
        motion: absolute.
        source: (K), the portrait's own coefficients.

    Source: StyleHEAT's ``crop_norm_ratio``, which its code never calls (METHOD section 6.3).
    """
    if motion.relative:
        return motion  # changes have no place of their own
    if source.shape != (motion.width,):
        raise MotionError(f"The portrait has {tuple(source.shape)} coefficients, the motion ({motion.width},).")
    source = source.to(motion.coefficients)
    like = motion.coefficients[nearest_frame(motion, source)]
    matched = motion.coefficients.clone()
    names = motion.names
    for name in ("translation_x", "translation_y", "translation_z", "x", "y", "log_scale"):
        if name in names:
            i = names.index(name)
            matched[:, i] += source[i] - like[i]
    if "crop_scale" in names:
        i = names.index("crop_scale")
        if like[i] == 0:
            raise MotionError("The driver's crop scale is 0: the motion was not measured.")
        matched[:, i] *= source[i] / like[i]
    return replace(motion, coefficients=matched)


def nearest_frame(motion: Motion, source: Tensor) -> int:
    """The frame with the expression (weight 0.3) and rotation (0.7) nearest to those of ``source`` (K)."""
    apart = (motion.coefficients - source.to(motion.coefficients)).abs()
    distance = 0.3 * apart[:, motion.described.expression].mean(1) + 0.7 * apart[:, motion.described.rotation].mean(1)
    distance[~motion.found.to(distance.device)] = math.inf
    return int(distance.argmin())


def _linear(start: Tensor, end: Tensor) -> Tensor:
    progress = torch.linspace(0, 1, TRANSITION)[:, None].to(start)
    return start + progress * (end - start)


def _settle(start: Tensor, end: Tensor) -> Tensor:
    """Each frame goes the k-th part of what is left, faster and then slower: the official first expression."""
    frames = [start]
    for k in range(1, TRANSITION):
        frames.append(frames[-1] + (end - frames[-1]) * k / (TRANSITION - 1))
    return torch.stack(frames)


def _expression(
    expression: Mapping[str, float] | Tensor, middle: Tensor, names: tuple[str, ...], where: slice
) -> Tensor:
    part = names[where]
    if isinstance(expression, Tensor):
        if expression.shape != (len(part),):
            raise InputError(f"An expression has {len(part)} coefficients; found {tuple(expression.shape)}.")
        return expression.to(middle)
    if unknown := sorted(set(expression) - set(part)):
        raise InputError(f"There are no expression coefficients {', '.join(unknown)}. Known: {', '.join(part)}.")
    values = middle[where].clone()
    for name, value in expression.items():
        values[part.index(name)] = value
    return values
