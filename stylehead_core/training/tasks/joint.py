"""Calibration and the video-driven motion generator learn together on the final picture, as in the paper: stage 2a.

Source: StyleHEAT (arXiv 2203.04036), supplement, equation (5):
loss = perceptual + lambda_1 L1 + lambda_d domain + lambda_adv adversarial + beta^v L^v.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...datasets.videos import Films, Shot, load_films
from ...errors import ConfigError
from ...model.stylehead import StyleHead
from ...ops.warp import warp
from ..discriminator import Judge, judge_turn
from ..losses import adversarial, perceived, region_weights
from ..recipe import Parts, Turn
from ..redraw import inverted
from ..regions import EYES, MOUTH
from ..sample_sheets import rows_of
from .video import find_motion, joined

__all__ = ["JointTask", "face_weights", "mending_losses"]

MARGIN = 8  # pixels of 256 around the parts of the face that are compared
SHOWN = 4


@dataclass(frozen=True, kw_only=True)
class JointTask:
    size: int = 512  # pixels of the pictures compared
    pixels: float = 10.0  # lambda_1^c: L1 at eyes and mouth, where the perceptual loss counts 1
    domain: float = 0.01  # lambda_d^c: outside them the picture stays like the one without calibration
    adversarial: float = 0.1  # lambda_adv^c
    video: float = 0.01  # beta^v: of the picture without calibration against the target; 0 fixes the generator
    motion_rate: float = 0.2  # of the motion generator, in rates of the calibrator: 2e-5 to 1e-4
    parts: tuple[str, ...] = ("calibrator", "motion_encoder", "flow_field")

    def load(self, folder: Path) -> Films:
        return load_films(folder)

    def start(self, model: StyleHead, films: Films) -> "JointStage":
        return JointStage(self, model, films)


class JointStage:
    def __init__(self, task: JointTask, model: StyleHead, films: Films) -> None:
        if model.calibrator is None:
            raise ConfigError("Joint training needs a model with a calibrator.")
        self.task, self.model, self.films = task, model, films
        self.samples = len(films)
        model.eval().requires_grad_(False)
        self.judge = Judge()
        moving = [model.motion_encoder, model.flow_field] if task.video else []
        self.networks: dict[str, nn.Module] = {
            "calibrator": model.calibrator,
            "motion_encoder": model.motion_encoder,
            "flow_field": model.flow_field,
            "judge": self.judge,
        }
        for network in (model.calibrator, *moving):
            network.train().requires_grad_(True)
        players: list[tuple[nn.Module, float]] = [(network, task.motion_rate) for network in moving]
        self.turns = (Turn("draw", [(model.calibrator, 1.0), *players]), Turn("judge", [(self.judge, 1.0)]))
        self.seen: tuple[Tensor, Tensor] | None = None  # drawn and real, for the judge's turn

    def loss(self, turn: Turn, rows: Tensor, chance: Any, progress: float) -> tuple[Tensor, Parts]:
        if turn.name == "judge":
            return judge_turn(self.judge, self.seen)
        first, second = self.films.pairs(rows, chance, self.model.config.window)
        source, target = joined(first, second), joined(second, first)
        plain, mended = self._draw(source, target)
        wanted = self.model.fit(target.pictures, mended.shape[-1])
        face = face_weights(target, mended.shape[-1])
        self.seen = (mended.detach(), wanted)
        losses = mending_losses(self.task, self.model, self.judge, plain, mended, wanted, face)
        if self.model.perceptual is None:
            losses["video"] = self.task.video * F.l1_loss(plain, wanted)
        else:
            losses["video"] = self.task.video * perceived(self.model.perceptual, plain, wanted)
        loss = sum(losses.values(), torch.zeros(()))
        return loss, {name: float(value.detach()) for name, value in losses.items()}

    def _draw(self, source: Shot, target: Shot) -> tuple[Tensor, Tensor]:
        """The target as the model draws it from the source, without and with calibration (B 3 size size)."""
        model, config = self.model, self.model.config
        with torch.no_grad():
            styles, feature, rgb = inverted(model, source.pictures)
        flow, visibility = find_motion(model, source, target)
        feature = warp(feature, flow, config.warp)
        if rgb is not None and config.warp_rgb:
            rgb = warp(rgb, flow, config.warp)
        own = source.coefficients if config.motion_encoder.source else None
        scale, shift = model.mend(feature, model.motion_encoder(target.windows, own), flow, visibility)
        small = min(self.task.size, config.size)
        pictures = (model.upper(one, styles, rgb) for one in (feature, feature * (1 + scale) + shift))
        plain, mended = (model.fit(picture, small) for picture in pictures)
        return plain, mended

    def sheet(self) -> Tensor:
        """Columns: source, target, drawn without and with calibration."""
        rows = torch.arange(SHOWN) % len(self.films)
        source, target = self.films.pairs(
            rows, torch.Generator(torch.get_default_device()).manual_seed(0), self.model.config.window
        )
        plain, mended = self._draw(source, target)
        fitted = [self.model.fit(shot.pictures, plain.shape[-1]) for shot in (source, target)]
        return rows_of([*fitted, plain, mended])


class Weights(Protocol):
    """How much each term of equation (5) counts, beside the motion generator's own."""

    @property
    def pixels(self) -> float: ...

    @property
    def domain(self) -> float: ...

    @property
    def adversarial(self) -> float: ...


def face_weights(target: Shot, size: int) -> Tensor:
    """1 at the eyes and the mouth of ``target``'s pictures, for drawings of ``size`` pixels: (B 1 size size)."""
    frame = target.pictures.shape[-1]
    return region_weights(target.landmarks, [MOUTH, *EYES], size, frame, MARGIN * frame / 256)


def mending_losses(
    weights: Weights, model: StyleHead, judge: Judge, plain: Tensor, mended: Tensor, wanted: Tensor, face: Tensor
) -> dict[str, Tensor]:
    """The terms of equation (5) that the calibrator is judged by.

    Args:
        plain, mended: (B 3 S S), drawn without and with calibration.
        wanted: (B 3 S S).
        face: (B 1 S S), 1 where the parts of the face are.
    """
    losses = {
        "pixels": weights.pixels * ((mended - wanted).abs() * face).mean(),
        "adversarial": weights.adversarial * adversarial(judge(mended)),
    }
    if model.perceptual is None:
        losses["domain"] = weights.domain * ((mended - plain.detach()).abs() * (1 - face)).mean()
    else:
        losses["perceptual"] = perceived(model.perceptual, mended, wanted, mask=face)
        losses["domain"] = weights.domain * perceived(model.perceptual, mended, plain.detach(), mask=1 - face)
    return losses
