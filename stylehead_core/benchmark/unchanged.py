"""What a model does when it is asked for nothing: no movement and no edit must give the inversion back.

Axes: N heads, S picture size.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from ..datasets.heads import Heads
from ..evaluation.metrics.psnr import psnr
from ..model.stylehead import StyleHead
from ..records import Motion
from ..spaces import ARKIT
from ..stages.calibration import calibrate
from ..stages.editing import edit_style
from ..stages.inversion import invert
from ..stages.rendering import render
from ..stages.warping import warp_features
from .driven import RATE, portrait_of

__all__ = ["NothingRow", "nothing"]


@dataclass(frozen=True, kw_only=True)
class NothingRow:
    """What was asked for, and how far the picture is from the inversion that nothing was asked of."""

    way: str
    largest: float  # difference of any colour of any pixel of any head, in levels of 255; 0 is the inversion itself
    psnr: float  # dB, to the portrait
    heads: int


@torch.no_grad()
def nothing(model: StyleHead, heads: Heads) -> list[NothingRow]:
    firsts = [int(torch.nonzero(heads.person == person)[0, 0]) for person in heads.person.unique()]
    largest: dict[str, float] = {}
    quality: dict[str, list[float]] = {}
    for row in firsts:
        inversion = invert(model, portrait_of(heads, row))
        before = _only(render(model, inversion))
        still = Motion(coefficients=torch.zeros(1, len(ARKIT.names)), fps=RATE, relative=True)
        head = warp_features(model, inversion, still)
        pictures = {"inversion": before}
        pictures["no motion"] = _only(render(model, head if model.calibrator is None else calibrate(model, head)))
        if model.attributes:  # all of them in one graph
            unedited = inversion
            for name in model.attributes:
                unedited = edit_style(model, unedited, name, 0.0)
            pictures["no edit"] = _only(render(model, unedited))
        for way, picture in pictures.items():
            off = float((picture - before).abs().max()) * 127.5
            largest[way] = max(largest.get(way, 0.0), off)
            quality.setdefault(way, []).append(float(psnr(picture, inversion.portrait.image).mean()))
    return [
        NothingRow(way=way, largest=off, psnr=sum(quality[way]) / len(firsts), heads=len(firsts))
        for way, off in largest.items()
    ]


def _only(frames) -> Tensor:
    (picture,) = frames
    return picture.cpu()
