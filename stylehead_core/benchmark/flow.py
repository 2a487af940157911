"""How far a model's flow is from the exact one, and how well the portrait's pixels look when they are carried along it.

Axes: B pairs, h w flow, S picture size.
"""

from collections import defaultdict
from dataclasses import dataclass

import torch
from torch import Tensor

from ..datasets.heads import Heads
from ..datasets.pair_flow import predict_flow
from ..evaluation.faces import mouth_boxes
from ..evaluation.metrics.psnr import psnr
from ..evaluation.metrics.sharpness import sharpness
from ..landmarker.face_regions import EYES, FACE, MOUTH, region_weights
from ..model.stylehead import StyleHead
from ..ops.warp import warp, warp_bicubic

__all__ = ["FlowRow", "flows"]

BATCH_PAIRS = 32  # pairs
MARGIN_PX = 3  # pixels around a place of the face
PLACES: tuple[tuple[tuple[int, ...], ...], ...] = ((FACE,), (MOUTH, *EYES))  # the rings of landmarks in each


@dataclass(frozen=True, kw_only=True)
class FlowRow:
    """One flow. Errors are mean distances in its own pixels where the portrait shows the point; less is better."""

    way: str
    everywhere: float
    head: float  # in the box around the face
    features: float  # in the boxes around eyes and mouth
    psnr: float  # dB, of the portrait carried along it, bilinear; more is better
    psnr_sharp: float  # the same, bicubic
    sharpness: float  # of the mouth, bilinear, in parts of the truth's; 1 is as sharp
    sharpness_sharp: float  # the same, bicubic


@torch.no_grad()
def flows(model: StyleHead, heads: Heads) -> list[FlowRow]:
    """No flow, the prior's where the model has one, the model's, and the exact one, on all pairs of ``heads``."""
    sums: dict[str, list[Tensor]] = defaultdict(list)
    truth = []
    for rows in torch.arange(len(heads)).split(BATCH_PAIRS):
        found, _, _, prior, _ = predict_flow(model, heads, rows)
        exact, seen = heads.flow[rows].float(), heads.visible[rows].float()
        landmarks = heads.landmarks[heads.target[rows]]
        places = [region_weights(landmarks, rings, exact.shape[-1], heads.size, MARGIN_PX) for rings in PLACES]
        source, target = (heads.frames(which[rows]) for which in (heads.source, heads.target))
        boxes = mouth_boxes(landmarks)
        truth.append(sharpness(target, boxes))
        ways = {"none": torch.zeros_like(exact), "prior": prior, "the model": found, "exact": exact}
        for way, flow in ways.items():
            if flow is None:
                continue
            distance = (flow - exact).norm(dim=1, keepdim=True)
            weights = [seen, *(seen * place for place in places)]
            errors = torch.tensor([[float((distance * weight).sum()), float(weight.sum())] for weight in weights])
            looks = [picture.clamp(-1, 1) for picture in (warp(source, flow), warp_bicubic(source, flow))]
            numbers = [psnr(picture, target).sum() for picture in looks]
            numbers += [sharpness(picture, boxes).sum() for picture in looks]
            sums[way].append(torch.cat((errors.flatten(), torch.stack(numbers))))
    total = float(torch.cat(truth).sum())
    return [_row(way, torch.stack(parts).sum(0), len(heads), total) for way, parts in sums.items()]


def _row(way: str, sums: Tensor, pairs: int, truth: float) -> FlowRow:
    everywhere, head, features = (float(error / weight) for error, weight in sums[:6].view(3, 2))
    psnr_plain, psnr_sharp, plain, sharp = sums[6:].tolist()
    return FlowRow(
        way=way,
        everywhere=everywhere,
        head=head,
        features=features,
        psnr=psnr_plain / pairs,
        psnr_sharp=psnr_sharp / pairs,
        sharpness=plain / truth,
        sharpness_sharp=sharp / truth,
    )
