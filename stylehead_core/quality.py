"""How well a portrait came through its inversion, as one number, one word and one picture."""

import math
from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from .drawing import draw_error
from .records import Inversion

__all__ = ["Quality", "inversion_quality"]

GOOD, USABLE = 24.0, 20.0  # dB; a stranger's face of the same pose is near 12
BEST = 100.0  # dB: what equal pictures are given

Verdict = Literal["good", "usable", "outside what this model knows"]


@dataclass(frozen=True, kw_only=True)
class Quality:
    psnr: float  # dB between the portrait and how it is redrawn; higher is better
    verdict: Verdict
    heat: Tensor  # (1 3 S S): where the two differ


def inversion_quality(inversion: Inversion) -> Quality:
    """Compare the portrait with how the generator redraws it, without the pixels that are only carried along."""
    drawn = (
        inversion.redrawn if inversion.detail is None else inversion.redrawn - inversion.detail.to(inversion.redrawn)
    )
    portrait = inversion.portrait.image.to(drawn)
    error = float((portrait - drawn).square().mean()) / 4  # of [0, 1]
    psnr = BEST if error == 0 else min(BEST, -10 * math.log10(error))
    verdict: Verdict = "good" if psnr >= GOOD else "usable" if psnr >= USABLE else "outside what this model knows"
    return Quality(psnr=psnr, verdict=verdict, heat=draw_error(portrait, drawn))
