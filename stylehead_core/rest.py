"""The face at rest in a motion: mouth closed, eyes open, head straight. All code that needs it asks ``find_rest``.

Axes: T frames, K coefficients.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from .records import Motion

__all__ = ["Rest", "describe_rest", "find_rest", "neutral_frame"]

EXPRESSION_WEIGHT, ROTATION_WEIGHT = 0.3, 0.7  # of METHOD section 6.3, for the frame nearest to a face at rest
CLOSED_JAW = 0.15  # of jawOpen: below it a mouth is closed; talking mouths reach 0.3 to 0.9
OPEN_LIDS = 0.25  # of a blink, above the person's own lowest: below it the eyes are open
SHUT_LIDS = 0.5  # of a blink: above it eyes are shut, whoever it is; looking down gives 0.3 to 0.5
RESTING_LIPS = 0.4  # of any lip coefficient, above the person's own lowest: below it the lips make no sound or smile
LOWEST = 0.1  # quantile of a coefficient over the clip that is taken for the person's own lowest value
LIDS = ("eyeBlinkLeft", "eyeBlinkRight")
JAW = "jawOpen"


@dataclass(frozen=True, kw_only=True)
class Rest:
    """The face at rest of the person in a motion."""

    frame: int  # that comes nearest to it
    coefficients: Tensor  # (K): of that frame if it is shown there, else an estimate from the whole clip
    shown: bool  # whether that frame shows it: the mouth is closed and the eyes are open


def find_rest(motion: Motion) -> Rest:
    """Find the face at rest in a clip.

    Of the frames with a closed mouth, open eyes and quiet lips, the one with the lowest 0.3 * mean|expression| + 0.7 *
    mean|rotation|. Where there is none, frames with busy lips count, too. Where no frame has a closed mouth and open
    eyes, the rest is estimated: each expression coefficient has the person's lowest value over the clip, jaw and lids
    are 0, which is shut and open for everybody, and the head is that of the frame whose mouth is least open. Spaces
    other than ``arkit`` have no jaw to look at, and take the frame nearest to the median of the clip.
    """
    if motion.space != "arkit":
        frame = neutral_frame(motion, _median(motion))
        return Rest(frame=frame, coefficients=motion.coefficients[frame], shown=True)
    names, values = motion.names, motion.coefficients
    measured = motion.found if motion.found.any() else torch.ones_like(motion.found)
    expression = motion.described.expression
    floor = torch.zeros_like(values[0]) if motion.relative else values[measured].quantile(LOWEST, dim=0)
    floor = floor.clamp(min=0)
    lids = [names.index(name) for name in LIDS]
    lips = [names.index(name) for name in motion.described.regions["lips"]]
    jaw = values[:, names.index(JAW)]
    closed = measured & (jaw < CLOSED_JAW)
    open_lids = ((values - floor)[:, lids] < OPEN_LIDS) & (values[:, lids] <= SHUT_LIDS)
    awake = closed & open_lids.all(1)
    quiet = awake & ((values - floor)[:, lips] < RESTING_LIPS).all(1)
    cost = _distance(motion, torch.zeros_like(floor))
    for wanted in (quiet, awake):
        if wanted.any():
            frame = int(cost.masked_fill(~wanted, torch.inf).argmin())
            return Rest(frame=frame, coefficients=values[frame], shown=True)
    if closed.any():
        frame = int(cost.masked_fill(~closed, torch.inf).argmin())
    else:
        frame = int((cost + jaw).masked_fill(~measured, torch.inf).argmin())
    estimate = values[frame].clone()
    estimate[expression] = floor[expression]
    estimate[[names.index(JAW), *lids]] = 0.0
    return Rest(frame=frame, coefficients=estimate, shown=False)


def neutral_frame(motion: Motion, source: Tensor | None = None) -> int:
    """The frame that is nearest to a face at rest, or to ``source``.

    Args:
        source: (K), the portrait's coefficients; the measure is 0.3 * mean|expression| + 0.7 * mean|rotation| away from
            it. None: see ``find_rest``.
    """
    if source is None:
        return find_rest(motion).frame
    measured = motion.found if motion.found.any() else torch.ones_like(motion.found)
    return int(_distance(motion, source).masked_fill(~measured, torch.inf).argmin())


def describe_rest(motion: Motion) -> str:
    """A sentence for a person where a clip never shows the face at rest; else empty."""
    rest = find_rest(motion)
    if rest.shown or motion.relative:
        return ""
    return (
        "No frame shows the mouth closed and the eyes open: the face at rest is estimated from the whole clip. "
        f"Frame {rest.frame} comes nearest to it."
    )


def _distance(motion: Motion, source: Tensor) -> Tensor:
    """(T): how far each frame is from ``source`` (K), in expression and rotation."""
    space, away = motion.described, (motion.coefficients - source).abs()
    return EXPRESSION_WEIGHT * away[:, space.expression].mean(1) + ROTATION_WEIGHT * away[:, space.rotation].mean(1)


def _median(motion: Motion) -> Tensor:
    """(K): the median of each coefficient over the frames that show the face."""
    return motion.coefficients[motion.found].median(0).values if motion.found.any() else motion.coefficients[0]
