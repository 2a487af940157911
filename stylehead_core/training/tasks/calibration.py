"""The calibrator learns to draw what the portrait does not show: the inside of a mouth, an eye that opens, the ground
behind a head that turns.

Everything else is fixed, and the calibrator's gate keeps it away from what is seen, so that it cannot make pictures
softer. It begins with the exact flow, where all that is wrong is its own business, and ends with the predicted one.
"""

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...datasets.heads import Heads
from ...model.stylehead import StyleHead
from ...ops.warp import warp
from ..discriminator import Judge, judge_turn
from ..losses import adversarial, pyramid_difference, region_weights
from ..recipe import LearnsFromHeads, Parts, Turn
from ..redraw import coarse_codes, consulted
from ..regions import EYES, MOUTH
from ..sample_sheets import rows_of
from .motion import carried, described

__all__ = ["CalibrationTask", "drawn_along"]

SHOWN = 8


@dataclass(frozen=True, kw_only=True)
class CalibrationTask(LearnsFromHeads):
    exact_until: float = 0.35  # progress up to which the exact flow is used
    features: float = 4.0  # how much more eyes and mouth count than the rest
    hidden: float = 2.0  # how much more what the portrait does not show counts
    adversarial: float = 0.02  # weight of the judge's opinion
    judged_from: float = 0.5  # progress at which the judge is first asked
    parts: tuple[str, ...] = ("calibrator",)

    def start(self, model: StyleHead, heads: Heads) -> "CalibrationStage":
        return CalibrationStage(self, model, heads)


class CalibrationStage:
    def __init__(self, task: CalibrationTask, model: StyleHead, heads: Heads) -> None:
        assert model.calibrator is not None, "this stage makes the model's calibrator"
        self.task, self.model, self.heads = task, model, heads
        self.samples = len(heads)
        model.eval().requires_grad_(False)
        self.calibrator = model.calibrator.train().requires_grad_(True)
        self.judge = Judge()
        self.networks: dict[str, nn.Module] = {"calibrator": self.calibrator, "judge": self.judge}
        self.turns = (Turn("mend", [(self.calibrator, 1.0)]), Turn("judge", [(self.judge, 0.5)]))
        self.seen: tuple[Tensor, Tensor] | None = None  # drawn and real, for the judge's turn

    def loss(self, turn: Turn, rows: Tensor, chance: Any, progress: float) -> tuple[Tensor, Parts]:
        if turn.name == "judge":
            return judge_turn(self.judge, self.seen)
        drawn, visibility = self._draw(rows, exact=progress < self.task.exact_until)
        target, size = self.heads.target[rows], self.heads.size
        pictures = self.heads.frames(target)
        features = region_weights(self.heads.landmarks[target], [MOUTH, *EYES], size, size, 3)
        hidden = F.interpolate(1 - visibility, size=size, mode="bilinear", align_corners=False)
        weight = 1 + self.task.features * features + self.task.hidden * hidden
        loss = redraw = pyramid_difference(drawn, pictures, weight)
        parts = {"redraw": float(redraw.detach())}
        self.seen = (drawn.detach(), pictures)
        if self.task.adversarial and progress > self.task.judged_from:
            opinion = adversarial(self.judge(drawn))
            loss, parts = loss + self.task.adversarial * opinion, parts | {"opinion": float(opinion.detach())}
        return loss, parts

    def _draw(self, rows: Tensor, *, exact: bool, mended: bool = True) -> tuple[Tensor, Tensor]:
        """The targets as the generator draws them from their sources (B 3 S S), and what is visible (B 1 h w)."""
        model, heads = self.model, self.heads
        with torch.no_grad():
            flow, visibility = heads.flow[rows].float(), heads.visible[rows].float()
            if not exact:
                flow, told, _ = carried(model, heads, rows)
                visibility = visibility if told is None else told
        return drawn_along(model, heads, rows, flow, visibility, mended=mended), visibility

    def sheet(self) -> Tensor:
        """Columns: source; target; drawn by the predicted flow without and with mending; by the exact flow; what is
        seen."""
        rows = torch.linspace(0, len(self.heads) - 1, SHOWN).long()
        columns = [self.heads.frames(which[rows]) for which in (self.heads.source, self.heads.target)]
        columns.append(self._draw(rows, exact=False, mended=False)[0])
        drawn, visibility = self._draw(rows, exact=False)
        columns += [drawn, self._draw(rows, exact=True)[0]]
        columns.append(F.interpolate(2 * visibility - 1, size=self.heads.size))
        return rows_of(columns)


def drawn_along(
    model: StyleHead, heads: Heads, rows: Tensor, flow: Tensor, visibility: Tensor, *, mended: bool
) -> Tensor:
    """The targets of the pairs ``rows`` as the generator draws them from their sources along ``flow`` (B 3 S S)."""
    with torch.no_grad():
        styles, feature, residual = coarse_codes(model, heads.frames(heads.source[rows]))
        feature, _ = consulted(model, feature, residual)
        feature = warp(feature, flow)
    if mended:
        here, there = (heads.coefficients[which[rows]] for which in (heads.source, heads.target))
        scale, shift = model.mend(feature, described(model, here, there), flow, visibility)
        feature = feature * (1 + scale) + shift
    return model.generator.upper(feature, styles, None)
