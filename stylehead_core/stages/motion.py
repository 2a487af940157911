"""Motions for one portrait: the paper's intuitive editing, and matching a driver's size and position."""

from dataclasses import replace
from fractions import Fraction

import torch
from torch import Tensor

from ..errors import ConfigError, MotionError
from ..model.stylehead import KEY_EXPRESSIONS, StyleHead
from ..ops.cross_identity import fit_to_portrait
from ..ops.intuitive import Expressions, intuitive_schedule
from ..records import Motion
from ..spaces import space_named
from .motion_sliders import intuitive_sliders, slider_motion_for_model

__all__ = ["Expressions", "intuitive_motion", "intuitive_motion_for_model", "match_placement"]

INTUITIVE_FRAMES = 190


def intuitive_motion(source: Tensor, expressions: Expressions, fps: Fraction = Fraction(25)) -> Motion:
    """Turn the head to six sides and back, then go through four expressions: 190 frames in the ``bfm`` space.

    ``intuitive_motion_for_model`` does the same for any model.

    Args:
        source: (73), the portrait's own coefficients, with which the motion starts.
    """
    _check(source, "bfm")
    return Motion(coefficients=intuitive_schedule(source, expressions), fps=fps, space="bfm")


def intuitive_motion_for_model(model: StyleHead, source: Tensor | None) -> Motion:
    """The paper's demonstration of intuitive editing: the head turns, then mouth, brows and eyes change.

    With the official key expressions this is the official schedule; otherwise the same turns and changes by sliders.

    Args:
        source: (K), the portrait's own coefficients; the official schedule starts with them.

    Raises:
        ConfigError: the model has neither key expressions nor sliders of the face.
    """
    if model.config.key_expressions and source is not None:
        expressions = Expressions(**dict(zip(KEY_EXPRESSIONS, model.key_expressions.cpu(), strict=True)))
        return intuitive_motion(source.cpu(), expressions)
    if model.config.space == "bfm" and not model.config.gestures:
        raise ConfigError(
            f"The model {model.config.name!r} holds no expressions for intuitive editing. Convert it again with the "
            "official repository's expression.pth, or with BFM_model_front.mat, beside the other files."
        )
    return slider_motion_for_model(model, intuitive_sliders(), frames=INTUITIVE_FRAMES)


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
