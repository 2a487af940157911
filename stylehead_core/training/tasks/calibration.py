"""The calibrator learns to draw what the portrait does not show: the inside of a mouth, an eye that opens, the ground
behind a head that turns.

Everything else is fixed, and the calibrator's gate keeps it away from what is seen, so that it cannot make pictures
softer. It begins with the exact flow, where all that is wrong is its own business, and ends with the predicted one.
The refiner learns beside it to join what is drawn with the portrait's own pixels. Asked for the truth pixel by pixel
it would draw softly, since no flow is exact. So where the portrait shows the place, truth is asked for at half the size
and below, and the detail finer than that shall be the portrait's own.
"""

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...assemble import StyleHead
from ...ops.warp import warp, warp_sharply
from ..data import Heads
from ..drawing import coarse_codes, consulted
from ..losses import adversarial, fine_detail, pyramid_difference, region_weights
from ..recipe import LearnsFromHeads, Parts, Turn
from ..regions import EYES, MOUTH
from ..sheets import rows_of
from .judge import Judge, judge_turn
from .motion import carried

__all__ = ["CalibrationTask"]

SHOWN = 8


@dataclass(frozen=True, kw_only=True)
class CalibrationTask(LearnsFromHeads):
    exact_until: float = 0.35  # progress up to which the exact flow is used
    features: float = 4.0  # how much more eyes and mouth count than the rest
    hidden: float = 2.0  # how much more what the portrait does not show counts
    detail: float = 1.0  # weight of the portrait's fine detail, where a refiner shall keep it
    drawn: float = 0.5  # weight of the frame as the generator draws it, where a refiner makes another of it
    adversarial: float = 0.02  # weight of the judge's opinion
    judged_from: float = 0.5  # progress at which the judge is first asked
    parts: tuple[str, ...] = ("calibrator", "refiner")

    def start(self, model: StyleHead, heads: Heads) -> "CalibrationStage":
        return CalibrationStage(self, model, heads)


class CalibrationStage:
    def __init__(self, task: CalibrationTask, model: StyleHead, heads: Heads) -> None:
        assert model.calibrator is not None, "this stage makes the model's calibrator"
        self.task, self.model, self.heads = task, model, heads
        self.samples = len(heads)
        model.eval().requires_grad_(False)
        learners: dict[str, nn.Module] = {"calibrator": model.calibrator}
        if model.refiner is not None:
            learners["refiner"] = model.refiner
        for network in learners.values():
            network.train().requires_grad_(True)
        self.judge = Judge()
        self.networks = {**learners, "judge": self.judge}
        self.turns = (
            Turn("mend", [(network, 1.0) for network in learners.values()]),
            Turn("judge", [(self.judge, 0.5)]),
        )
        self.seen: tuple[Tensor, Tensor] | None = None  # drawn and real, for the judge's turn

    def loss(self, turn: Turn, rows: Tensor, chance: Any, progress: float) -> tuple[Tensor, Parts]:
        if turn.name == "judge":
            return judge_turn(self.judge, self.seen)
        drawn, frames, carried_pictures, visibility = self._draw(rows, exact=progress < self.task.exact_until)
        target, size = self.heads.target[rows], self.heads.size
        pictures = self.heads.frames(target)
        features = region_weights(self.heads.landmarks[target], [MOUTH, *EYES], size, size, 3)
        hidden = F.interpolate(1 - visibility, size=size, mode="bilinear", align_corners=False)
        weight = 1 + self.task.features * features + self.task.hidden * hidden
        if self.model.refiner is None:
            loss = redraw = pyramid_difference(frames, pictures, weight)
            parts = {"redraw": float(redraw.detach())}
        else:
            plain = pyramid_difference(drawn, pictures, weight)
            smaller = (F.avg_pool2d(each, 2) for each in (frames, pictures, weight))
            redraw = pyramid_difference(*smaller, levels=2) + pyramid_difference(
                frames, pictures, weight * hidden, levels=1
            )
            unlike = fine_detail(frames) - fine_detail(carried_pictures)
            detail = (unlike.abs() * weight * (1 - hidden)).mean()
            loss = redraw + self.task.drawn * plain + self.task.detail * detail
            each = {"redraw": redraw, "drawn": plain, "detail": detail}
            parts = {name: float(value.detach()) for name, value in each.items()}
        self.seen = (frames.detach(), pictures)
        if self.task.adversarial and progress > self.task.judged_from:
            opinion = adversarial(self.judge(frames))
            loss, parts = loss + self.task.adversarial * opinion, parts | {"opinion": float(opinion.detach())}
        return loss, parts

    def _draw(self, rows: Tensor, *, exact: bool, mended: bool = True) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The targets as the generator draws them from their sources, the whole frames, the sources carried along
        the flow (B 3 S S), and what is visible (B 1 h w)."""
        model, heads = self.model, self.heads
        with torch.no_grad():
            pictures = heads.frames(heads.source[rows])
            styles, feature, residual = coarse_codes(model, pictures)
            feature, _ = consulted(model, feature, residual)
            detail = pictures - model.generator.upper(feature, styles, None).clamp(-1, 1)
            descriptor = self._descriptor(rows)
            flow, visibility = heads.flow[rows].float(), heads.visible[rows].float()
            if not exact:
                flow, told, _ = carried(model, heads, rows)
                visibility = visibility if told is None else told
            feature = warp(feature, flow)
        if mended:
            scale, shift = model.mend(feature, descriptor, flow, visibility)
            feature = feature * (1 + scale) + shift
        drawn = model.generator.upper(feature, styles, None)
        along = warp_sharply(pictures, flow)
        if not model.config.carry_detail:
            return drawn, drawn, along, visibility
        return drawn, model.finish(drawn, feature, pictures, detail, flow, visibility), along, visibility

    def _descriptor(self, rows: Tensor) -> Tensor:
        here, there = (self.heads.coefficients[which[rows]] for which in (self.heads.source, self.heads.target))
        return self.model.motion_encoder(there[..., None], here if self.model.motion_encoder.config.source else None)

    def sheet(self) -> Tensor:
        """Columns: source; target; drawn by the predicted flow without and with mending; the whole frame; the same by
        the exact flow; what is seen."""
        rows = torch.linspace(0, len(self.heads) - 1, SHOWN).long()
        columns = [self.heads.frames(which[rows]) for which in (self.heads.source, self.heads.target)]
        columns.append(self._draw(rows, exact=False, mended=False)[0])
        drawn, frames, _, visibility = self._draw(rows, exact=False)
        columns += [drawn, frames, self._draw(rows, exact=True)[1]]
        columns.append(F.interpolate(2 * visibility - 1, size=self.heads.size))
        return rows_of(columns)
