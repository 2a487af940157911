"""Matches the size and position of a driver's head to the portrait's."""

from dataclasses import replace

import torch
from torch import Tensor

from ..errors import MotionError
from ..ops.cross_identity import fit_to_portrait
from ..records import Motion
from ..spaces import space_named

__all__ = ["match_placement"]


def match_placement(motion: Motion, source: Tensor) -> Motion:
    """Match size and position of the driver's head to the portrait's.

    The driving frame nearest to the portrait gives the differences in size and position, by which the whole motion is
    scaled and shifted. Without this, a driver who sits nearer enlarges the portrait. A relative motion has no position
    of its own and is returned unchanged.

    Args:
        source: (K), the portrait's own coefficients.
    """
    if motion.relative:
        return motion
    _check(source, motion.space)
    source = source.to(motion.coefficients)
    fitted = fit_to_portrait(motion.coefficients, source, motion.described, motion.found)
    if not torch.isfinite(fitted).all():
        raise MotionError("The driver's crop scale is 0 in the frame that is most like the portrait: not measured.")
    return replace(motion, coefficients=fitted)


def _check(source: Tensor, space: str) -> None:
    width = len(space_named(space).names)
    if source.shape != (width,):
        raise MotionError(
            f"The portrait's coefficients must be those of {space!r}, ({width},); found {tuple(source.shape)}."
        )
