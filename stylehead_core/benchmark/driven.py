"""How well a model drives heads that it has never seen, against the portrait kept still and against warping alone.

Same identity: of every pair of pictures of a head the first is the portrait, the second gives the motion and is the
truth. Cross identity: the next head's clip gives the motion, as changes against its own first picture, and nobody knows
the truth; so what is asked for is compared with what is measured in the drawing.

Everything is drawn by the stages that a user's picture goes through.

Axes: N pictures, S picture size, K coefficients.
"""

from dataclasses import dataclass, replace
from fractions import Fraction

import torch
from torch import Tensor

from ..datasets.heads import Heads
from ..evaluation.faces import eye_distance, mouth_boxes
from ..evaluation.metrics.psnr import psnr
from ..evaluation.metrics.sharpness import sharpness
from ..evaluation.metrics.ssim import ssim
from ..model.stylehead import StyleHead
from ..ops.warp import warp
from ..records import Motion, Portrait
from ..spaces import ARKIT
from ..stages.calibration import calibrate
from ..stages.inversion import invert
from ..stages.rendering import RenderConfig, render
from ..stages.warping import warp_features
from .measures import Measured, Measures, correlation, mouth_sharpness

__all__ = ["CROSS_WAYS", "WAYS", "CrossRow", "Row", "cross_identity", "portrait_of", "same_identity"]

MODEL = "the model"  # what a user gets
WAYS = ("still", "warp only", "not calibrated", "calibrated", MODEL, "truth, inverted")
CROSS_WAYS = ("still", "warp only", MODEL)
RATE = Fraction(25)  # frames a second, of motions that are pictures in no order


@dataclass(frozen=True, kw_only=True)
class Row:
    """One way to draw the targets. Means over all pairs."""

    way: str
    psnr: float  # dB, more is better
    ssim: float  # to 1, more is better
    mouth_psnr: float  # dB, in the mouth's box
    mouth_sharpness: float  # in parts of the truth's; 1 is as sharp
    expression: float  # mean absolute difference of the measured expression coefficients; less is better
    eyes: float  # the same of those of the eyes alone
    brows: float
    mouth: float  # with the jaw
    pose: float  # degrees, mean absolute difference of pitch, yaw and roll; less is better
    landmarks: float  # mean distance of the landmarks in parts of the eye distance; less is better
    identity: float  # distance from the truth in parts of strangers' distance; less is better
    found: float  # share of pictures in which the landmarker finds a face


@dataclass(frozen=True, kw_only=True)
class CrossRow:
    """One way to let heads do what others do. Means over all frames."""

    way: str
    expression: float  # mean absolute difference of the change of expression from the one asked for; less is better
    pose: float  # degrees, the same of pitch, yaw and roll; less is better
    follows: float  # correlation of the measured changes of expression with those asked for, to 1; more is better
    identity: float  # distance from the portrait in parts of strangers' distance; less is better
    mouth_sharpness: float  # in parts of the portrait's
    found: float


def same_identity(model: StyleHead, heads: Heads, measures: Measures) -> list[Row]:
    """The table of ``WAYS``, on all pairs of ``heads``."""
    drawn: dict[str, Tensor] = {}
    for source in heads.source.unique().tolist():
        rows = torch.nonzero(heads.source == source).flatten()
        for way, pictures in _draw(model, heads, source, heads.coefficients[heads.target[rows]]).items():
            drawn.setdefault(way, torch.empty(len(heads), *heads.pictures.shape[1:]))[rows] = pictures
    targets = heads.target.unique()
    redrawn = torch.empty(heads.pictures.shape)
    for target in targets.tolist():  # by the generator alone: with the detail it is the picture itself
        inversion = replace(invert(model, portrait_of(heads, target)), detail=None)
        redrawn[target] = next(render(model, inversion, config=RenderConfig(size=heads.size)))[0].clamp(-1, 1).cpu()
    drawn["truth, inverted"] = redrawn[heads.target]
    true = measures.measure(heads.frames(targets))
    own = torch.searchsorted(targets, heads.target)
    return [_measure(way, drawn[way], heads, true.select(own), measures) for way in WAYS]


def cross_identity(model: StyleHead, heads: Heads, measures: Measures) -> list[CrossRow]:
    """The table of ``CROSS_WAYS``: each head does what the next one does."""
    firsts = [int(torch.nonzero(heads.person == person)[0, 0]) for person in heads.person.unique()]
    drawn: dict[str, list[Tensor]] = {way: [] for way in CROSS_WAYS}
    sources, wanted = [], []
    for i, source in enumerate(firsts):
        driver = firsts[(i + 1) % len(firsts)]
        clip = torch.nonzero(heads.person == heads.person[driver]).flatten()[1:]
        changes = heads.coefficients[clip] - heads.coefficients[driver]
        found = _draw(model, heads, source, changes, relative=True)
        for way, pictures in drawn.items():
            pictures.append(found[way])
        sources += [source] * len(clip)
        wanted.append(changes)
    rows, own = torch.tensor(sources).unique(return_inverse=True)
    portraits = measures.measure(heads.frames(rows)).select(own)
    return [
        _measure_crossing(way, torch.cat(drawn[way]), heads, rows[own], portraits, torch.cat(wanted), measures)
        for way in CROSS_WAYS
    ]


def portrait_of(heads: Heads, row: int) -> Portrait:
    """A picture as the portrait that a user would give."""
    return Portrait(
        image=heads.frames(torch.tensor([row])),
        landmarks=heads.landmarks[row],
        coefficients=heads.coefficients[row],
    )


@torch.no_grad()
def _draw(
    model: StyleHead, heads: Heads, source: int, coefficients: Tensor, relative: bool = False
) -> dict[str, Tensor]:
    """The picture ``source`` with each of ``coefficients`` (N K), in every way but the inverted truth: (N 3 S S)."""
    portrait = portrait_of(heads, source)
    inversion = invert(model, portrait)
    motion = Motion(coefficients=coefficients, fps=RATE, relative=relative)
    head = warp_features(model, inversion, motion)
    generated = replace(head, inversion=replace(inversion, detail=None))  # by the generator alone
    calibrated = calibrate if model.calibrator is not None else lambda _, given: given
    heads_of = {"not calibrated": generated, "calibrated": calibrated(model, generated), MODEL: calibrated(model, head)}
    size = RenderConfig(size=heads.size)
    ways = {way: torch.cat(list(render(model, one, config=size))).cpu() for way, one in heads_of.items()}
    ways["still"] = portrait.image.expand(len(coefficients), -1, -1, -1)
    ways["warp only"] = warp(ways["still"].contiguous(), head.flow[:])
    return {way: pictures.clamp(-1, 1) for way, pictures in ways.items()}


def _measure(way: str, drawn: Tensor, heads: Heads, true: Measured, measures: Measures) -> Row:
    truth, landmarks = heads.frames(heads.target), heads.landmarks[heads.target]
    boxes = mouth_boxes(landmarks)
    seen = measures.measure(drawn)
    change = (seen.coefficients - heads.coefficients[heads.target]).abs()[seen.found]
    identity_distance = (seen.landmarks - landmarks)[..., :2].norm(dim=-1).mean(1) / eye_distance(landmarks)
    pairs = zip(drawn, truth, boxes, strict=True)
    return Row(
        way=way,
        psnr=float(psnr(drawn, truth).mean()),
        ssim=float(ssim(drawn, truth).mean()),
        mouth_psnr=float(torch.cat([psnr(_cut(a, box), _cut(b, box)) for a, b, box in pairs]).mean()),
        mouth_sharpness=float(sharpness(drawn, boxes).mean() / sharpness(truth, boxes).mean()),
        expression=float(change[:, ARKIT.expression].mean()),
        eyes=_mean_of(change, "eye"),
        brows=_mean_of(change, "brow"),
        mouth=_mean_of(change, "mouth", "jaw"),
        pose=float(change[:, ARKIT.rotation].rad2deg().mean()),
        landmarks=float(identity_distance[seen.found].mean()),
        identity=measures.identity_distance(seen, true),
        found=float(seen.found.float().mean()),
    )


def _mean_of(change: Tensor, *parts: str) -> float:
    """The mean of ``change`` (N K) over the coefficients of some parts of the face."""
    return float(change[:, [i for i, name in enumerate(ARKIT.names) if name.startswith(parts)]].mean())


def _measure_crossing(
    way: str, drawn: Tensor, heads: Heads, sources: Tensor, portraits: Measured, wanted: Tensor, measures: Measures
) -> CrossRow:
    seen = measures.measure(drawn)
    change = (seen.coefficients - heads.coefficients[sources])[seen.found]
    off = (change - wanted[seen.found]).abs()
    change, asked = change[:, ARKIT.expression], wanted[seen.found][:, ARKIT.expression]
    return CrossRow(
        way=way,
        expression=float(off[:, ARKIT.expression].mean()),
        pose=float(off[:, ARKIT.rotation].rad2deg().mean()),
        follows=correlation(change, asked),
        identity=measures.identity_distance(seen, portraits),
        mouth_sharpness=mouth_sharpness(drawn, seen) / mouth_sharpness(heads.frames(sources), portraits),
        found=float(seen.found.float().mean()),
    )


def _cut(picture: Tensor, box: Tensor) -> Tensor:
    """A box of a picture (3 S S) as (1 3 h w)."""
    left, top, right, bottom = (int(value) for value in box.round().clamp(0, picture.shape[-1]))
    return picture[None, :, top : bottom + 1, left : right + 1]
