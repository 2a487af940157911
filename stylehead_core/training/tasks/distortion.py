"""Trains the consultation network, which adds what styles alone do not reconstruct, with the aligner that places it.

The residual of the first reconstruction is distorted at random before the aligner sees it, and the aligner must undo
that: so it learns to fit the portrait's details to faces that an edit has moved. Encoder and generator are fixed.

Source: HFGI (arXiv 2109.06590) and its authors' settings for faces.

Axes: B batch, P pixels of the consulted picture.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...datasets.heads import make_rng
from ...datasets.images import Pictures, load_pictures
from ...errors import ConfigError
from ...media.sample_sheets import rows_of
from ...model.stylehead import StyleHead
from ..augmentation import mirror_randomly, tilt_randomly
from ..likeness import Likeness, LikenessLoss
from ..recipe import Parts, Phase, TrainingTask

__all__ = ["DistortionState", "DistortionTask"]

SHOWN = 4


@dataclass(frozen=True, kw_only=True)
class DistortionTask(TrainingTask):
    likeness: Likeness = Likeness()
    tilted: float = 0.9  # share of what is missed that is turned in space
    tilt: float = 0.15  # how far each corner moves inwards, in halves of the side, at most
    align: float = 0.1  # of the mean absolute difference of what the aligner makes of it from how it was
    parts: tuple[str, ...] = ("aligner", "consultation")

    def load(self, folder: Path) -> Pictures:
        return load_pictures(folder)

    def start(self, model: StyleHead, pictures: Pictures) -> "DistortionState":
        return DistortionState(self, model, pictures)


class DistortionState:
    def __init__(self, task: DistortionTask, model: StyleHead, pictures: Pictures) -> None:
        if model.aligner is None or model.consultation is None:
            raise ConfigError(f"The model {model.config.name!r} needs an aligner and a consultation, which learn here.")
        self.task, self.model, self.pictures = task, model, pictures
        self.samples = len(pictures)
        self.compare = LikenessLoss(task.likeness)
        self.aligner, self.consultation = model.aligner, model.consultation
        model.eval().requires_grad_(False)
        for head in (self.consultation.scale, self.consultation.shift):
            nn.init.zeros_(head.last.weight)  # it begins by adding nothing
        self.networks: dict[str, nn.Module] = {"aligner": self.aligner, "consultation": self.consultation}
        for network in self.networks.values():
            network.train().requires_grad_(True)
        self.phases = (Phase("consult", [(network, 1.0) for network in self.networks.values()]),)

    def loss(self, phase: Phase, rows: Tensor, rng: Any, progress: float) -> tuple[Tensor, Parts]:
        own = make_rng(rows, rng)
        pictures = mirror_randomly(self.pictures.take(rows), own)
        _, drawn, missed, aligned = self._redraw(pictures, own)
        losses = self.compare(self.model, drawn, pictures)
        losses["align"] = self.task.align * F.l1_loss(aligned, missed)
        loss = sum(losses.values(), torch.zeros(()))
        return loss, {name: float(value.detach()) for name, value in losses.items()}

    def _redraw(self, pictures: Tensor, rng: torch.Generator | None = None) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The redrawings without (B 3 P P) and with the consultation (B 3 S S), what the first misses (B 3 P P), and
        what the aligner makes of that; without ``rng`` it is not turned."""
        model, size = self.model, self.consultation.config.size
        with torch.no_grad():
            styles = model.encoder(model.resize(pictures, model.config.encoder.size))
            feature, rgb = model.lower(styles)
            first = model.resize(model.upper(feature, styles, rgb).clamp(-1, 1), size)
            missed = model.resize(pictures, size) - first
            turned = missed if rng is None else tilt_randomly(missed, self.task.tilted, self.task.tilt, rng)
        aligned = self.aligner(turned, first)
        scale, shift = self.consultation(aligned)
        return first, model.upper(feature * (1 + scale) + shift, styles, rgb), missed, aligned

    def sheet(self) -> Tensor:
        """Columns: a picture; from styles alone; with the consultation."""
        pictures = self.pictures.take(torch.linspace(0, self.samples - 1, SHOWN).long())
        first, drawn, _, _ = self._redraw(pictures)
        return rows_of([self.model.resize(picture, first.shape[-1]) for picture in (pictures, first, drawn)])
