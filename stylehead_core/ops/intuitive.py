"""The official demo motion without a driving video: the head turns each way, then the expression changes.

Axes: T frames. Coefficients are those of the ``bfm`` space.
"""

import math
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from ..spaces import BFM

__all__ = ["TRANSITION", "Expressions", "intuitive_schedule"]

TRANSITION = 10  # frames from one key to the next, both included
DEPTH_UNITS = 0.45  # z translation of all frames, in units of the face model

ROLL = PITCH = math.pi / 10
YAW = math.pi / 8
CENTRE = (0.0, 0.0, 0.0)
POSES = (
    *(CENTRE, (0, 0, ROLL), CENTRE, (0, 0, -ROLL)),
    *(CENTRE, (PITCH, 0, 0), CENTRE, (-PITCH, 0, 0)),
    *(CENTRE, (0, YAW, 0), CENTRE, (0, -YAW, 0), CENTRE),
)
"""Pitch, yaw and roll (rad) of the key poses, with one transition from each to the next."""


@dataclass(frozen=True, kw_only=True)
class Expressions:
    """Key expressions, (64) each."""

    centre: Tensor
    mouth: Tensor
    eyebrow: Tensor
    eyes: Tensor


def intuitive_schedule(source: Tensor, expressions: Expressions) -> Tensor:
    """Coefficients (190 73): twelve transitions between poses, then seven between expressions.

    The first expression does not change linearly, because the official code blends every frame with the one before it
    instead of with the source. It looks like easing, and is kept.

    Args:
        source: (73), the portrait's own coefficients. Its expression stays while the head turns, its crop throughout.
        expressions: what the face changes to.

    Source: SPEC section 9.
    """
    centre, places = expressions.centre, torch.linspace(0, 1, TRANSITION)
    keys = (centre, expressions.mouth, centre, expressions.eyebrow, centre, expressions.eyes, centre)

    turning = source.repeat((len(POSES) - 1) * TRANSITION, 1)
    turning[:, BFM.rotation] = torch.cat(
        [_between(torch.tensor(a), torch.tensor(b), places) for a, b in pairwise(POSES)]
    )
    changing = source.repeat(len(keys) * TRANSITION, 1)
    changing[:, BFM.rotation] = 0
    left = torch.cumprod(1 - places, dim=0)  # remaining weight of the source's expression
    changing[:, BFM.expression] = torch.cat(
        [
            _between(source[BFM.expression], keys[0], 1 - left),
            *(_between(a, b, places) for a, b in pairwise(keys)),
        ]
    )
    motion = torch.cat((turning, changing))
    motion[:, 67:70] = torch.tensor((0, 0, DEPTH_UNITS))
    return motion


def _between(first: Tensor, last: Tensor, places: Tensor) -> Tensor:
    """Interpolate (T K) from ``first`` to ``last`` (K) at ``places`` (T) in 0..1."""
    return torch.lerp(first.to(places), last.to(places), places[:, None])
