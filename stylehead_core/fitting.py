"""How somebody else's motion is taken over by a portrait."""

from dataclasses import dataclass
from typing import Literal, get_args

from .errors import ConfigError, InputError
from .records import Motion, Portrait
from .rest import find_rest
from .stages.motion import match_placement
from .stages.motion_tools import make_relative

__all__ = ["FITS", "Fit", "FittedMotion", "fit_motion"]

Fit = Literal["auto", "changes only", "pose and face", "everything"]
FITS: tuple[Fit, ...] = get_args(Fit)


@dataclass(frozen=True)
class FittedMotion:
    motion: Motion
    description: str  # for a person: what was done


def fit_motion(motion: Motion, portrait: Portrait | None, fit: Fit = "auto") -> FittedMotion:
    """Fit ``motion`` to ``portrait``.

    Args:
        portrait: with its own coefficients; only ``pose and face`` looks at them.
        fit: ``changes only`` adds the changes against the driver's neutral frame to the portrait's own pose and
            expression. ``pose and face`` takes the driver's pose and expression at the portrait's size and place.
            ``everything`` takes where the driver's head is, too. ``auto`` is ``changes only``, but where the clip shows
            no face at rest, the changes are those against the estimate of ``find_rest``: changes against an open mouth
            would press shut lips into one another.

    Raises:
        ConfigError: there is no such fit.
        InputError: ``pose and face`` needs the portrait's own coefficients, which were not measured.
    """
    if fit not in FITS:
        raise ConfigError(f"A motion is fitted by one of {', '.join(map(repr, FITS))}; found {fit!r}.")
    if motion.relative:
        return FittedMotion(motion, "changes, added to the portrait's own pose")
    if fit == "everything":
        return FittedMotion(motion, "pose, face and place of the driver")
    if fit == "pose and face":
        if portrait is None or portrait.coefficients is None:
            raise InputError("To fit a driver's pose to the portrait, the portrait's own is needed: measure it.")
        return FittedMotion(match_placement(motion, portrait.coefficients), "pose and face of the driver")
    rest = find_rest(motion)
    at = f"changes against frame {rest.frame} of the driver"
    if fit == "changes only" or rest.shown:
        return FittedMotion(make_relative(motion, rest.frame), at)
    return FittedMotion(make_relative(motion), f"{at}; jaw and eyelids as measured, since no frame shows them at rest")
