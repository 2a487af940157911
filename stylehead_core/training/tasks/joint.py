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

from ...datasets.videos import Shot, VideoDataset, load_videos
from ...errors import ConfigError
from ...model.stylehead import StyleHead
from ...ops.warp import warp
from ..discriminator import PatchDiscriminator, discriminator_loss
from ..losses import adversarial_loss, perceptual_difference, region_weights
from ..recipe import Parts, Phase
from ..redraw import invert_pictures
from ..regions import EYES, MOUTH
from ..sample_sheets import rows_of
from .video import find_motion, joined

__all__ = ["JointTask", "calibration_losses", "face_weights"]

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

    def load(self, folder: Path) -> VideoDataset:
        return load_videos(folder)

    def start(self, model: StyleHead, videos: VideoDataset) -> "JointState":
        return JointState(self, model, videos)


class JointState:
    def __init__(self, task: JointTask, model: StyleHead, videos: VideoDataset) -> None:
        if model.calibrator is None:
            raise ConfigError("Joint training needs a model with a calibrator.")
        self.task, self.model, self.videos = task, model, videos
        self.samples = len(videos)
        model.eval().requires_grad_(False)
        self.discriminator = PatchDiscriminator()
        moving = [model.motion_encoder, model.flow_field] if task.video else []
        self.networks: dict[str, nn.Module] = {
            "calibrator": model.calibrator,
            "motion_encoder": model.motion_encoder,
            "flow_field": model.flow_field,
            "discriminator": self.discriminator,
        }
        for network in (model.calibrator, *moving):
            network.train().requires_grad_(True)
        modules: list[tuple[nn.Module, float]] = [(network, task.motion_rate) for network in moving]
        self.phases = (
            Phase("draw", [(model.calibrator, 1.0), *modules]),
            Phase("discriminator", [(self.discriminator, 1.0)]),
        )
        self.seen: tuple[Tensor, Tensor] | None = None  # drawn and real, for the discriminator's phase

    def loss(self, phase: Phase, rows: Tensor, rng: Any, progress: float) -> tuple[Tensor, Parts]:
        if phase.name == "discriminator":
            return discriminator_loss(self.discriminator, self.seen)
        first, second = self.videos.pairs(rows, rng, self.model.config.window)
        source, target = joined(first, second), joined(second, first)
        plain, calibrated = self._draw(source, target)
        wanted = self.model.resize(target.pictures, calibrated.shape[-1])
        face = face_weights(target, calibrated.shape[-1])
        self.seen = (calibrated.detach(), wanted)
        losses = calibration_losses(self.task, self.model, self.discriminator, plain, calibrated, wanted, face)
        if self.model.perceptual is None:
            losses["video"] = self.task.video * F.l1_loss(plain, wanted)
        else:
            losses["video"] = self.task.video * perceptual_difference(self.model.perceptual, plain, wanted)
        loss = sum(losses.values(), torch.zeros(()))
        return loss, {name: float(value.detach()) for name, value in losses.items()}

    def _draw(self, source: Shot, target: Shot) -> tuple[Tensor, Tensor]:
        """The target as the model draws it from the source, without and with calibration (B 3 size size)."""
        model, config = self.model, self.model.config
        with torch.no_grad():
            styles, feature, rgb = invert_pictures(model, source.pictures)
        flow, visibility = find_motion(model, source, target)
        feature = warp(feature, flow, config.warp)
        if rgb is not None and config.warp_rgb:
            rgb = warp(rgb, flow, config.warp)
        own = source.coefficients if config.motion_encoder.source else None
        scale, shift = model.predict_calibration(feature, model.motion_encoder(target.windows, own), flow, visibility)
        small = min(self.task.size, config.size)
        pictures = (model.upper(one, styles, rgb) for one in (feature, feature * (1 + scale) + shift))
        plain, calibrated = (model.resize(picture, small) for picture in pictures)
        return plain, calibrated

    def sheet(self) -> Tensor:
        """Columns: source, target, drawn without and with calibration."""
        rows = torch.arange(SHOWN) % len(self.videos)
        source, target = self.videos.pairs(
            rows, torch.Generator(torch.get_default_device()).manual_seed(0), self.model.config.window
        )
        plain, calibrated = self._draw(source, target)
        fitted = [self.model.resize(shot.pictures, plain.shape[-1]) for shot in (source, target)]
        return rows_of([*fitted, plain, calibrated])


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


def calibration_losses(
    weights: Weights,
    model: StyleHead,
    discriminator: PatchDiscriminator,
    plain: Tensor,
    calibrated: Tensor,
    wanted: Tensor,
    face: Tensor,
) -> dict[str, Tensor]:
    """The terms of equation (5) that the calibrator is judged by.

    Args:
        plain, mended: (B 3 S S), drawn without and with calibration.
        wanted: (B 3 S S).
        face: (B 1 S S), 1 where the parts of the face are.
    """
    losses = {
        "pixels": weights.pixels * ((calibrated - wanted).abs() * face).mean(),
        "adversarial": weights.adversarial * adversarial_loss(discriminator(calibrated)),
    }
    if model.perceptual is None:
        losses["domain"] = weights.domain * ((calibrated - plain.detach()).abs() * (1 - face)).mean()
    else:
        losses["perceptual"] = perceptual_difference(model.perceptual, calibrated, wanted, mask=face)
        losses["domain"] = weights.domain * perceptual_difference(
            model.perceptual, calibrated, plain.detach(), mask=1 - face
        )
    return losses
