"""Trains the flow field: a correction of the landmark prior's flow, and the visibility of each cell in the portrait.

The target is the renderer's exact flow from target to source. Where the source does not show a point the flow has a
small weight. Brows, eyes and mouth have a large one: they are a small part of the picture, but what people look at.
"""

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...datasets.heads import Heads
from ...datasets.pair_flow import predict_flow
from ...landmarker.face_regions import BROWS, EYES, MOUTH, region_weights
from ...media.sample_sheets import rows_of
from ...model.stylehead import StyleHead
from ...ops.warp import warp
from ..landmark_prior import fit_basis
from ..losses import endpoint_error, pyramid_difference
from ..recipe import LearnsFromHeads, Parts, Phase

__all__ = ["MotionTask", "flow_loss"]

SHOWN = 8


@dataclass(frozen=True, kw_only=True)
class MotionTask(LearnsFromHeads):
    features: float = 8.0  # weight of the cells around brows, eyes and mouth, against 1
    hidden: float = 0.15  # weight of the cells that the source does not show
    visibility: float = 0.5  # weight of the visibility loss
    picture: float = 2.0  # weight of the photometric loss: the source warped along the flow
    parts: tuple[str, ...] = ("prior", "motion_encoder", "flow_field")

    def start(self, model: StyleHead, heads: Heads) -> "MotionState":
        return MotionState(self, model, heads)


class MotionState:
    def __init__(self, task: MotionTask, model: StyleHead, heads: Heads) -> None:
        self.task, self.model, self.heads = task, model, heads
        self.samples = len(heads)
        if model.prior is not None:
            fit_basis(model.prior, heads)
        self.networks: dict[str, nn.Module] = {"motion_encoder": model.motion_encoder, "flow_field": model.flow_field}
        for network in self.networks.values():
            network.train().requires_grad_(True)
        self.phases = (Phase("move", [(network, 1.0) for network in self.networks.values()]),)

    def loss(self, phase: Phase, rows: Tensor, rng: Any, progress: float) -> tuple[Tensor, Parts]:
        return flow_loss(self.task, self.model, self.heads, rows)

    def sheet(self) -> Tensor:
        """Columns: source; target; source warped by the prior, by the whole flow, by the exact flow; visibilities."""
        rows = torch.linspace(0, len(self.heads) - 1, SHOWN).long()
        flow, visibility, _, prior, _ = predict_flow(self.model, self.heads, rows)
        pictures = self.heads.frames(self.heads.source[rows])
        columns = [pictures, self.heads.frames(self.heads.target[rows])]
        columns += [warp(pictures, one) for one in (prior, flow, self.heads.flow[rows].float()) if one is not None]
        if visibility is not None:
            seen = self.heads.visible[rows].float()
            columns += [F.interpolate(2 * plane - 1, size=self.heads.size) for plane in (visibility, seen)]
        return rows_of(columns)


def flow_loss(task: MotionTask, model: StyleHead, heads: Heads, rows: Tensor) -> tuple[Tensor, Parts]:
    """How far the flow of the pairs ``rows`` (B) is from what the renderer knows, as ``task`` weighs it."""
    flow, visibility = predict_flow(model, heads, rows)[:2]
    exact, seen = heads.flow[rows].float(), heads.visible[rows].float()
    target = heads.target[rows]
    landmarks, rings = heads.landmarks[target], [MOUTH, *EYES, *BROWS]
    features = region_weights(landmarks, rings, flow.shape[-1], heads.size, 3)
    place = torch.where(seen > 0, 1.0, task.hidden) * (1 + (task.features - 1) * features)
    error = endpoint_error(flow, exact, place)
    loss, parts = error, {"flow": float(error.detach())}
    if visibility is not None:
        told = F.binary_cross_entropy(visibility.clamp(1e-4, 1 - 1e-4), seen)
        loss, parts = loss + task.visibility * told, parts | {"told": float(told.detach())}
    if task.picture:
        size = flow.shape[-1]
        small = model.resize(heads.frames(heads.source[rows]), size)
        wanted = model.resize(heads.frames(target), size)
        looks = pyramid_difference(warp(small, flow), wanted, seen, levels=2)
        loss, parts = loss + task.picture * looks, parts | {"looks": float(looks.detach())}
    return loss, parts
