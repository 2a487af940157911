"""Another person's motion brought to the size and place of the portrait, in the ``bfm`` space.

Axes: T frames.
"""

from torch import Tensor

from ..spaces import BFM

__all__ = ["crop_ratio", "fit_to_portrait", "nearest_frame"]

EXPRESSION_WEIGHT, ROTATION_WEIGHT = 0.3, 0.7
TRANSLATION, CROP_SCALE = slice(67, 70), 70


def nearest_frame(driving: Tensor, source: Tensor) -> int:
    """The frame of ``driving`` (T 73) whose pose and expression are most like those of ``source`` (73)."""
    expression = (driving[:, BFM.expression] - source[BFM.expression]).abs().mean(1)
    rotation = (driving[:, BFM.rotation] - source[BFM.rotation]).abs().mean(1)
    return int((EXPRESSION_WEIGHT * expression + ROTATION_WEIGHT * rotation).argmin())


def crop_ratio(driving: Tensor, source: Tensor) -> float:
    """How much larger the portrait's crop scale is than that of the nearest driving frame; 1 for the same size.

    Source: METHOD section 6.3, PIRenderer's rule. The official StyleHEAT code holds it and never calls it.
    """
    return (source[CROP_SCALE] / driving[nearest_frame(driving, source), CROP_SCALE]).item()


def fit_to_portrait(driving: Tensor, source: Tensor) -> Tensor:
    """The motion ``driving`` (T 73) with the portrait's crop scale and place at the frame nearest to it.

    The crop scales are multiplied by ``crop_ratio``, the translations shifted.
    """
    nearest = driving[nearest_frame(driving, source)]
    fitted = driving.clone()
    fitted[:, CROP_SCALE] *= crop_ratio(driving, source)
    fitted[:, TRANSLATION] += source[TRANSLATION] - nearest[TRANSLATION]
    return fitted
