"""Trains the consultation network, which adds what styles alone do not reconstruct, and the generator's upper layers.

Encoder and styles are fixed. A share of the heads is drawn from a feature map warped along the exact flow, so that the
upper layers learn to draw features that were moved by fractions of a cell.
"""

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...datasets.heads import Heads, jitter_colours
from ...landmarker.face_regions import EYES, MOUTH, region_weights
from ...media.sample_sheets import rows_of
from ...model.stylehead import StyleHead
from ...ops.warp import warp
from ..losses import pyramid_difference
from ..recipe import LearnsFromHeads, Parts, Phase
from ..redraw import apply_consultation, coarse_codes

__all__ = ["ConsultTask"]

SHOWN = 6


@dataclass(frozen=True, kw_only=True)
class ConsultTask(LearnsFromHeads):
    features: float = 3.0  # additional weight of eyes and mouth
    light: float = 0.5  # strength of random changes of light
    moved: float = 0.5  # share of samples drawn from a feature map warped along the exact flow
    parts: tuple[str, ...] = ("consultation", "generator")

    def start(self, model: StyleHead, heads: Heads) -> "ConsultState":
        return ConsultState(self, model, heads)


class ConsultState:
    def __init__(self, task: ConsultTask, model: StyleHead, heads: Heads) -> None:
        assert model.consultation is not None, "this task trains the model's consultation"
        self.task, self.model, self.heads = task, model, heads
        self.samples = len(heads)
        model.eval().requires_grad_(False)
        model.consultation.train().requires_grad_(True)
        for head in (model.consultation.scale, model.consultation.shift):
            nn.init.zeros_(head.last.weight)  # adds nothing at first
        self.upper = _upper(model)
        for layer in self.upper:
            layer.requires_grad_(True)
        self.networks: dict[str, nn.Module] = {"consultation": model.consultation, "generator": model.generator}
        self.phases = (Phase("consult", [(model.consultation, 1.0), *((layer, 2.0) for layer in self.upper)]),)

    def loss(self, phase: Phase, rows: Tensor, rng: Any, progress: float) -> tuple[Tensor, Parts]:
        kept = len(rows) - round(self.task.moved * len(rows))
        still = jitter_colours(self.heads.frames(self.heads.source[rows[:kept]]), rng, self.task.light)
        before, pictures = self._pairs(rows, kept, still)
        styles, feature, residual = coarse_codes(self.model, before)
        feature, _ = apply_consultation(self.model, feature, residual)
        flow = self.heads.flow[rows[kept:]].float()
        feature = torch.cat((feature[:kept], warp(feature[kept:], flow)))
        drawn = self.model.generator.upper(feature, styles, None)
        weight = self._weight(rows, kept)
        loss = pyramid_difference(drawn, pictures, weight)
        return loss, {"redraw": float(loss.detach())}

    def _pairs(self, rows: Tensor, kept: int, still: Tensor) -> tuple[Tensor, Tensor]:
        """Inputs and targets (B 3 S S each): ``kept`` heads that do not move, then heads that do."""
        source, target = (self.heads.frames(which[rows[kept:]]) for which in (self.heads.source, self.heads.target))
        return torch.cat((still, source)), torch.cat((still, target))

    def _weight(self, rows: Tensor, kept: int) -> Tensor:
        """Loss weights (B 1 S S): higher at eyes and mouth, 0 where the source does not show the place."""
        size = self.heads.size
        shown = torch.cat((self.heads.source[rows[:kept]], self.heads.target[rows[kept:]]))
        features = region_weights(self.heads.landmarks[shown], [MOUTH, *EYES], size, size, 3)
        seen = F.interpolate(self.heads.visible[rows[kept:]].float(), size=size, mode="bilinear", align_corners=False)
        seen = torch.cat((torch.ones(kept, *seen.shape[1:]), seen))
        return (1 + self.task.features * features) * seen

    def sheet(self) -> Tensor:
        """Columns: head; drawn from styles alone; with the consultation."""
        rows = torch.linspace(0, len(self.heads.pictures) - 1, SHOWN).long()
        pictures = self.heads.frames(rows)
        styles, feature, residual = coarse_codes(self.model, pictures)
        redrawn = self.model.generator.upper(apply_consultation(self.model, feature, residual)[0], styles, None)
        return rows_of([pictures, pictures - residual, redrawn])


def _upper(model: StyleHead) -> list[nn.Module]:
    """The generator's layers above the warped feature map."""
    config = model.generator.config
    layers: list[nn.Module] = []
    for resolution in config.resolutions:
        level = model.generator.levels[str(resolution)]
        if resolution == config.waist:
            layers += [layer for layer in (level.conv, level.rgb) if isinstance(layer, nn.Module)]
        elif resolution > config.waist:
            layers.append(level)
    return layers
