"""Calibration stage: sets how strongly the calibrator repairs the warped feature map."""

from dataclasses import replace

from ..errors import ConfigError, InputError
from ..model.stylehead import StyleHead
from ..records import Head

__all__ = ["calibrate"]


def calibrate(model: StyleHead, head: Head, strength: float = 1.0) -> Head:
    """Set the ``strength`` of calibration of a head: 0 is off, 1 is as trained. It is applied while rendering.

    Raises:
        ConfigError: the model has no calibrator.
        InputError: a strength outside 0..1, or a head without motion descriptors.
    """
    if not 0 <= strength <= 1:
        raise InputError(f"The strength of the calibration goes from 0 (off) to 1 (as trained); found {strength}.")
    if strength and model.calibrator is None:
        raise ConfigError(f"The model {model.config.name!r} has no calibrator: leave the strength at 0.")
    if strength and head.descriptor is None:
        raise InputError("This head has no motion descriptor to calibrate by. Make it with warp_features.")
    return replace(head, strength=float(strength))
