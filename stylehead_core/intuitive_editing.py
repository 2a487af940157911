"""The paper's intuitive editing: a motion that turns the head and then changes the face."""

from fractions import Fraction

from torch import Tensor

from .errors import ConfigError, MotionError
from .model.stylehead import KEY_EXPRESSIONS, StyleHead
from .ops.intuitive import Expressions, intuitive_schedule
from .records import Motion
from .spaces import BFM
from .stages.motion_sliders import intuitive_sliders, slider_motion_for_model

__all__ = ["Expressions", "intuitive_motion", "intuitive_motion_for_model"]

INTUITIVE_FRAMES = 190


def intuitive_motion(source: Tensor, expressions: Expressions, fps: Fraction = Fraction(25)) -> Motion:
    """Turn the head to six sides and back, then go through four expressions: 190 frames in the ``bfm`` space.

    ``intuitive_motion_for_model`` does the same for any model.

    Args:
        source: (73), the portrait's own coefficients, with which the motion starts.
    """
    if source.shape != (len(BFM.names),):
        raise MotionError(
            f"The portrait's coefficients must be ({len(BFM.names)},) of 'bfm'; found {tuple(source.shape)}."
        )
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
