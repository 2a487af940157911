"""How somebody else's motion is taken over by a portrait.

Axes: T frames, K coefficients.
"""

from dataclasses import dataclass, replace
from typing import Literal, get_args

import torch
from torch import Tensor

from .errors import ConfigError, InputError
from .records import Motion, Portrait
from .spaces import REGIONS
from .stages.motion import match_placement
from .stages.motion_tools import make_relative, neutral_frame

__all__ = ["FITS", "Fit", "FittedMotion", "fit_motion"]

Fit = Literal["auto", "changes only", "pose and face", "everything"]
FITS: tuple[Fit, ...] = get_args(Fit)

JAW_AT_REST = 0.2  # jawOpen up to which a mouth counts as shut; talking mouths reach 0.3 to 0.9
LIDS_AT_REST = 0.5  # eyeBlink up to which eyes count as open; looking down gives 0.3 to 0.5
CALMEST = 0.1  # quantile over the clip that counts as a lip's rest where no frame shows a face at rest
LIDS = ("eyeBlinkLeft", "eyeBlinkRight")


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
            no face at rest, mouth and lids are taken as they were measured: changes against an open mouth would press
            shut lips into one another.

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
    neutral = neutral_frame(motion)
    at = f"changes against frame {neutral} of the driver"
    if fit == "changes only" or is_at_rest(motion, neutral):
        return FittedMotion(make_relative(motion, neutral), at)
    rest = resting_values(motion, neutral)
    changes = replace(motion, coefficients=motion.coefficients - rest, relative=True)
    return FittedMotion(changes, f"{at}; mouth and eyelids as measured, since no frame shows them at rest")


def is_at_rest(motion: Motion, frame: int) -> bool:
    """Whether the mouth is shut and the eyes are open in ``frame``. Spaces other than ``arkit`` cannot say: True."""
    if motion.space != "arkit":
        return True
    values = dict(zip(motion.names, motion.coefficients[frame].tolist(), strict=True))
    return values["jawOpen"] <= JAW_AT_REST and max(values[lid] for lid in LIDS) <= LIDS_AT_REST


def resting_values(motion: Motion, neutral: int) -> Tensor:
    """Coefficients (K) of the driver's face at rest, put together where no frame shows it (``arkit``).

    Lids and jaw rest at 0, lips at the calmest tenth of the clip, all else at frame ``neutral``.
    """
    rest = motion.coefficients[neutral].clone()
    measured = motion.coefficients[motion.found] if motion.found.any() else motion.coefficients
    calm = torch.minimum(measured.quantile(CALMEST, dim=0), rest)
    for number, name in enumerate(motion.names):
        if name in LIDS or name in REGIONS["jaw"]:
            rest[number] = 0
        elif name in REGIONS["lips"]:
            rest[number] = calm[number]
    return rest
