"""Trains the calibrator, which draws what the portrait does not show: the inside of a mouth, an opening eye, the
background behind a turning head.

All other networks are fixed. The calibrator's gate closes where the portrait shows the place, so that the calibrator
cannot make pictures softer. Training starts with the exact flow, where only the calibrator can reduce the error, and
ends with the predicted one.
"""

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...datasets.heads import Heads
from ...datasets.pair_flow import describe_motion, predict_flow
from ...landmarker.face_regions import EYES, MOUTH, region_weights
from ...media.sample_sheets import rows_of
from ...model.stylehead import StyleHead
from ...ops.warp import warp
from ..discriminator import PatchDiscriminator, discriminator_loss
from ..losses import adversarial_loss, pyramid_difference
from ..recipe import LearnsFromHeads, Parts, Phase
from ..redraw import apply_consultation, coarse_codes

__all__ = ["CalibrationTask", "draw_along_flow"]

SHOWN = 8


@dataclass(frozen=True, kw_only=True)
class CalibrationTask(LearnsFromHeads):
    exact_until: float = 0.35  # progress up to which the exact flow is used
    features: float = 4.0  # how much more eyes and mouth count than the rest
    hidden: float = 2.0  # how much more what the portrait does not show counts
    adversarial: float = 0.02  # weight of the adversarial loss
    adversarial_from: float = 0.5  # progress at which the discriminator is first used
    parts: tuple[str, ...] = ("calibrator",)

    def start(self, model: StyleHead, heads: Heads) -> "CalibrationState":
        return CalibrationState(self, model, heads)


class CalibrationState:
    def __init__(self, task: CalibrationTask, model: StyleHead, heads: Heads) -> None:
        assert model.calibrator is not None, "this stage makes the model's calibrator"
        self.task, self.model, self.heads = task, model, heads
        self.samples = len(heads)
        model.eval().requires_grad_(False)
        self.calibrator = model.calibrator.train().requires_grad_(True)
        self.discriminator = PatchDiscriminator()
        self.networks: dict[str, nn.Module] = {"calibrator": self.calibrator, "discriminator": self.discriminator}
        self.phases = (
            Phase("calibrate", [(self.calibrator, 1.0)]),
            Phase("discriminator", [(self.discriminator, 0.5)]),
        )
        self.seen: tuple[Tensor, Tensor] | None = None  # drawn and real, for the discriminator's phase

    def loss(self, phase: Phase, rows: Tensor, rng: Any, progress: float) -> tuple[Tensor, Parts]:
        if phase.name == "discriminator":
            return discriminator_loss(self.discriminator, self.seen)
        drawn, visibility = self._draw(rows, exact=progress < self.task.exact_until)
        target, size = self.heads.target[rows], self.heads.size
        pictures = self.heads.frames(target)
        features = region_weights(self.heads.landmarks[target], [MOUTH, *EYES], size, size, 3)
        hidden = F.interpolate(1 - visibility, size=size, mode="bilinear", align_corners=False)
        weight = 1 + self.task.features * features + self.task.hidden * hidden
        loss = redraw = pyramid_difference(drawn, pictures, weight)
        parts = {"redraw": float(redraw.detach())}
        self.seen = (drawn.detach(), pictures)
        if self.task.adversarial and progress > self.task.adversarial_from:
            adversarial_term = adversarial_loss(self.discriminator(drawn))
            loss, parts = (
                loss + self.task.adversarial * adversarial_term,
                parts | {"adversarial": float(adversarial_term.detach())},
            )
        return loss, parts

    def _draw(self, rows: Tensor, *, exact: bool, calibrated: bool = True) -> tuple[Tensor, Tensor]:
        """The targets as the generator draws them from their sources (B 3 S S), and what is visible (B 1 h w)."""
        model, heads = self.model, self.heads
        with torch.no_grad():
            flow, visibility = heads.flow[rows].float(), heads.visible[rows].float()
            if not exact:
                flow, told = predict_flow(model, heads, rows)[:2]
                visibility = visibility if told is None else told
        return draw_along_flow(model, heads, rows, flow, visibility, calibrated=calibrated), visibility

    def sheet(self) -> Tensor:
        """Columns: source; target; drawn by the predicted flow without and with calibration; by the exact flow; what is
        seen."""
        rows = torch.linspace(0, len(self.heads) - 1, SHOWN).long()
        columns = [self.heads.frames(which[rows]) for which in (self.heads.source, self.heads.target)]
        columns.append(self._draw(rows, exact=False, calibrated=False)[0])
        drawn, visibility = self._draw(rows, exact=False)
        columns += [drawn, self._draw(rows, exact=True)[0]]
        columns.append(F.interpolate(2 * visibility - 1, size=self.heads.size))
        return rows_of(columns)


def draw_along_flow(
    model: StyleHead, heads: Heads, rows: Tensor, flow: Tensor, visibility: Tensor, *, calibrated: bool
) -> Tensor:
    """The targets of the pairs ``rows`` as the generator draws them from their sources along ``flow`` (B 3 S S)."""
    with torch.no_grad():
        styles, feature, residual = coarse_codes(model, heads.frames(heads.source[rows]))
        feature, _ = apply_consultation(model, feature, residual)
        feature = warp(feature, flow)
    if calibrated:
        here, there = (heads.coefficients[which[rows]] for which in (heads.source, heads.target))
        scale, shift = model.predict_calibration(feature, describe_motion(model, here, there), flow, visibility)
        feature = feature * (1 + scale) + shift
    return model.generator.upper(feature, styles, None)
