"""Quality of an inversion: PSNR, a verdict in words, and a heat map of the error."""

import math
from dataclasses import dataclass
from typing import Literal

import torch.nn.functional as F
from torch import Tensor

from .drawing import draw_error
from .records import Inversion

__all__ = ["Quality", "inversion_quality"]

GOOD, USABLE = 24.0, 20.0  # dB; a stranger's face of the same pose is near 12
BEST = 100.0  # dB, for equal pictures

Verdict = Literal["good", "usable", "outside what this model knows"]


@dataclass(frozen=True, kw_only=True)
class Quality:
    psnr: float  # dB between the portrait and the redrawn picture; higher is better
    verdict: Verdict
    heat: Tensor  # (1 3 S S): heat map of the difference


def inversion_quality(inversion: Inversion) -> Quality:
    """Compare the portrait with the generator's picture, without the portrait's detail that is added to it.

    Both are compared at the size that the generator draws, where the model's frames are larger.
    """
    drawn, detail = inversion.redrawn, inversion.detail
    portrait = inversion.portrait.image.to(drawn)
    if detail is not None:
        drawn, portrait = (_reduce(picture, detail.shape[-1]) for picture in (drawn, portrait))
        drawn = drawn - detail.to(drawn)
    error = float((portrait - drawn).square().mean()) / 4  # of [0, 1]
    psnr = BEST if error == 0 else min(BEST, -10 * math.log10(error))
    verdict: Verdict = "good" if psnr >= GOOD else "usable" if psnr >= USABLE else "outside what this model knows"
    return Quality(psnr=psnr, verdict=verdict, heat=draw_error(portrait, drawn))


def _reduce(picture: Tensor, size: int) -> Tensor:
    """``picture`` (1 3 S S) at ``size`` pixels a side; as it is where it has that size."""
    if picture.shape[-1] == size:
        return picture
    return F.interpolate(picture, (size, size), mode="bicubic", antialias=True, align_corners=False)
