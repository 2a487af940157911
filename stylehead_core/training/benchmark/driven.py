"""How well a model redraws and drives heads that it has never seen, against doing nothing and against warping alone.

Every number is a mean over all pairs of pictures of the held-out heads: the first is the portrait, the second gives the
motion and is the truth.

Axes: B pairs, S picture size.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ..assemble import StyleHead
from ..evaluation.faces import eye_distance, mouth_boxes
from ..evaluation.metrics.psnr import psnr
from ..evaluation.metrics.sharpness import sharpness
from ..evaluation.metrics.ssim import ssim
from ..models.landmarker import Landmarker
from ..ops.warp import warp
from ..spaces import ARKIT
from .data import Heads
from .drawing import coarse_codes, consulted
from .measure import measure_pictures
from .tasks.motion import carried

__all__ = ["Row", "benchmark", "table"]

TOGETHER = 16  # pairs
WAYS = (
    *("still", "still, redrawn", "warp only", "not calibrated", "calibrated"),
    *("calibrated, with detail", "truth, redrawn"),
)  # the last but one is what a user gets from a model that carries detail


@dataclass(frozen=True, kw_only=True)
class Row:
    """One way to draw the targets."""

    way: str
    psnr: float  # dB, more is better
    ssim: float  # to 1, more is better
    mouth_psnr: float  # dB, in the mouth's box
    mouth_sharpness: float  # in parts of the truth's; 1 is as sharp
    expression: float  # mean absolute difference of the measured expression coefficients; less is better
    pose: float  # degrees, mean absolute difference of pitch, yaw and roll; less is better
    landmarks: float  # mean distance of the landmarks in parts of the eye distance; less is better
    found: float  # share of pictures in which the landmarker finds a face


@torch.no_grad()
def benchmark(model: StyleHead, heads: Heads, landmarker: Landmarker) -> list[Row]:
    """The table of ``WAYS``, on all pairs of ``heads``."""
    rows = torch.arange(len(heads))
    parts = [_draw(model, heads, part) for part in rows.split(TOGETHER)]
    drawn = {way: torch.cat([part[way] for part in parts]) for way in WAYS if way in parts[0]}
    return [_judge(way, pictures, heads, landmarker) for way, pictures in drawn.items()]


def _draw(model: StyleHead, heads: Heads, rows: Tensor) -> dict[str, Tensor]:
    source, target = heads.frames(heads.source[rows]), heads.frames(heads.target[rows])

    def inverted(pictures: Tensor) -> tuple[Tensor, Tensor]:
        styles, feature, residual = coarse_codes(model, pictures)
        return styles, consulted(model, feature, residual)[0]

    styles, feature = inverted(source)
    flow, visibility, _ = carried(model, heads, rows)
    moved = warp(feature, flow)
    ways = {
        "still": source,
        "still, redrawn": model.generator.upper(feature, styles, None),
        "warp only": warp(source, flow),
        "not calibrated": model.generator.upper(moved, styles, None),
    }
    detail = source - ways["still, redrawn"].clamp(-1, 1)
    here, there = heads.coefficients[heads.source[rows]], heads.coefficients[heads.target[rows]]
    scale, shift = model.mend(moved, model.motion_encoder(there[..., None], here), flow, visibility)
    ways["calibrated"] = model.generator.upper(moved * (1 + scale) + shift, styles, None)
    if model.config.carry_detail:
        carried_detail = model.carry(detail, flow, visibility)
        ways["calibrated, with detail"] = ways["calibrated"].clamp(-1, 1) + carried_detail
    styles, feature = inverted(target)
    ways["truth, redrawn"] = model.generator.upper(feature, styles, None)
    return {way: pictures.clamp(-1, 1) for way, pictures in ways.items()}


def _judge(way: str, drawn: Tensor, heads: Heads, landmarker: Landmarker) -> Row:
    truth, landmarks = heads.frames(heads.target), heads.landmarks[heads.target]
    boxes = mouth_boxes(landmarks)
    points, coefficients, found = measure_pictures(landmarker, ((drawn + 1) * 127.5).round().byte())
    change = (coefficients - heads.coefficients[heads.target]).abs()[found]
    apart = (points - landmarks)[..., :2].norm(dim=-1).mean(1) / eye_distance(landmarks)
    mean: Callable[[Tensor], float] = lambda values: float(values.mean())
    return Row(
        way=way,
        psnr=mean(psnr(drawn, truth)),
        ssim=mean(ssim(drawn, truth)),
        mouth_psnr=mean(
            torch.cat([psnr(*_cut(pair, box)) for pair, box in zip(zip(drawn, truth, strict=True), boxes, strict=True)])
        ),
        mouth_sharpness=mean(sharpness(drawn, boxes)) / mean(sharpness(truth, boxes)),
        expression=mean(change[:, ARKIT.expression]),
        pose=mean(change[:, ARKIT.rotation].rad2deg()),
        landmarks=mean(apart[found]),
        found=mean(found.float()),
    )


def _cut(pair: tuple[Tensor, Tensor], box: Tensor) -> tuple[Tensor, Tensor]:
    size = pair[0].shape[-1]
    left, top, right, bottom = (int(value) for value in box.round().clamp(0, size))
    first, second = (picture[None, :, top : bottom + 1, left : right + 1] for picture in pair)
    return first, second


def table(rows: list[Row]) -> str:
    """As text for a document."""
    names = list(Row.__dataclass_fields__)
    lines = [" | ".join(names), " | ".join("---" for _ in names)]
    for row in rows:
        values = [getattr(row, name) for name in names]
        lines.append(" | ".join(value if isinstance(value, str) else f"{value:.3f}" for value in values))
    return "\n".join(f"| {line} |" for line in lines)
