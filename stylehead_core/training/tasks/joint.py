"""Stage 2a of the paper: the calibrator and the video-driven motion generator learn together on the final picture.

The source is inverted and redrawn as in use. Its feature map is warped by the flow that the motion generator finds for
the redrawn picture, and the calibrator corrects it; the generator itself is fixed.

Source: StyleHEAT (arXiv 2203.04036), supplement, equation (5):
loss = perceptual + lambda_1 L1 + lambda_d domain + lambda_adv adversarial + beta^v L^v.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol

import torch
from torch import Tensor, nn

from ...datasets.videos import Shot, VideoDataset, load_videos
from ...errors import ConfigError
from ...landmarker.face_regions import EYES, MOUTH, region_weights
from ...media.sample_sheets import rows_of
from ...model.stylehead import StyleHead
from ...ops.face_masks import face_mask
from ...ops.warp import warp
from ..adversary import Adversary, AdversaryConfig, small_discriminator
from ..losses import adversarial_loss, perceptual_difference
from ..recipe import Parts, Phase, TrainingTask
from ..redraw import invert_pictures, redraw
from .video import VideoTask, find_motion, motion_losses

__all__ = ["JointTask", "calibration_losses", "face_region"]

PARTS_MARGIN = 8  # pixels of 256 around eyes and mouth, where only these parts are compared
SHOWN = 4

Region = Literal["face", "parts"]
"""Where the reconstruction term compares: the whole face, as published, or the boxes around eyes and mouth."""


@dataclass(frozen=True, kw_only=True)
class JointTask(TrainingTask):
    data_stage: ClassVar[int] = 2
    size: int = 512  # pixels of the pictures compared, and of the clips' frames at least
    region: Region = "face"
    pixels: float = 10.0  # lambda_1^c: L1 in that region, where the perceptual loss counts 1
    domain: float = 0.01  # lambda_d^c: outside it the picture stays like the one without calibration
    adversarial: float = 0.1  # lambda_adv^c
    adversary: AdversaryConfig = AdversaryConfig()
    beta: float = 0.01  # beta^v: of L^v, the picture without calibration against the target; 0 fixes the generator
    video: VideoTask = VideoTask()  # L^v, as in stage 1a: perceptual and L1
    motion_rate: float = 0.2  # of the motion generator, in rates of the calibrator: 2e-5 to 1e-4
    parts: tuple[str, ...] = ("calibrator", "motion_encoder", "flow_field")

    def load(self, folder: Path) -> VideoDataset:
        return load_videos(folder, self.size, aligned=True)

    def for_debugging(self, size: int) -> "JointTask":
        return replace(self, size=size, adversary=AdversaryConfig(network=small_discriminator(size)))

    def start(self, model: StyleHead, videos: VideoDataset) -> "JointState":
        return JointState(self, model, videos)


class JointState:
    def __init__(self, task: JointTask, model: StyleHead, videos: VideoDataset) -> None:
        if model.calibrator is None:
            raise ConfigError("Joint training needs a model with a calibrator.")
        self.task, self.model, self.videos = task, model, videos
        self.samples = len(videos)
        model.eval().requires_grad_(False)
        self.adversary = Adversary(task.adversary)
        moving = [model.motion_encoder, model.flow_field] if task.beta else []
        self.networks: dict[str, nn.Module] = {
            "calibrator": model.calibrator,
            "motion_encoder": model.motion_encoder,
            "flow_field": model.flow_field,
            "discriminator": self.adversary,
        }
        for network in (model.calibrator, *moving):
            network.train().requires_grad_(True)
        players: list[tuple[nn.Module, float]] = [(network, task.motion_rate) for network in moving]
        self.phases = (Phase("draw", [(model.calibrator, 1.0), *players]), *self.adversary.phases())

    def loss(self, phase: Phase, rows: Tensor, rng: Any, progress: float) -> tuple[Tensor, Parts]:
        if phase.name == "discriminator":
            return self.adversary.loss()
        window, both = self.model.config.window, self.task.video.both_directions
        source, target = self.videos.pairs(rows, rng, window, aligned=True, both=both)
        plain, calibrated = self._draw(source, target)
        wanted = self.model.resize(target.pictures, calibrated.shape[-1])
        face = face_region(self.task.region, target, calibrated.shape[-1])
        self.adversary.remember(calibrated, wanted)
        losses = calibration_losses(self.task, self.model, self.adversary, plain, calibrated, wanted, face)
        small = [self.model.resize(one, self.model.config.flow_field.image_size) for one in (plain, wanted)]
        own = motion_losses(self.task.video, self.model, *small)
        losses["video"] = self.task.beta * sum(own.values(), torch.zeros(()))
        loss = sum(losses.values(), torch.zeros(()))
        return loss, {name: float(value.detach()) for name, value in losses.items()}

    def _draw(self, source: Shot, target: Shot) -> tuple[Tensor, Tensor]:
        """The target as the model draws it from the source, without and with calibration (B 3 size size)."""
        model, config = self.model, self.model.config
        codes = invert_pictures(model, source.pictures)
        styles, feature, rgb = codes
        shown = source.shown_as(redraw(model, source.pictures, codes))
        flow, visibility = find_motion(model, shown, target)
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
        rng = torch.Generator(torch.get_default_device()).manual_seed(0)
        source, target = self.videos.pairs(rows, rng, self.model.config.window, aligned=True)
        plain, calibrated = self._draw(source, target)
        pictures = [self.model.resize(shot.pictures, plain.shape[-1]) for shot in (source, target)]
        return rows_of([*pictures, plain, calibrated])


class Weights(Protocol):
    """How much each term of equation (5) counts, beside the motion generator's own."""

    @property
    def pixels(self) -> float: ...

    @property
    def domain(self) -> float: ...

    @property
    def adversarial(self) -> float: ...


def face_region(region: Region, target: Shot, size: int) -> Tensor:
    """Where drawings of ``size`` pixels are compared with ``target``'s pictures: (B 1 size size) in 0..1."""
    frame = target.pictures.shape[-1]
    if region == "parts":
        return region_weights(target.landmarks, [MOUTH, *EYES], size, frame, PARTS_MARGIN * frame / 256)
    return face_mask((target.landmarks + 0.5) * (size / frame) - 0.5, size)


def calibration_losses(
    weights: Weights,
    model: StyleHead,
    adversary: Adversary,
    plain: Tensor,
    calibrated: Tensor,
    wanted: Tensor,
    face: Tensor,
) -> dict[str, Tensor]:
    """The weighted terms of equation (5) on the calibrated picture.

    Args:
        plain, calibrated: (B 3 S S), drawn without and with calibration.
        wanted: (B 3 S S).
        face: (B 1 S S), 1 where the face is compared.
    """
    losses = {
        "pixels": weights.pixels * ((calibrated - wanted).abs() * face).mean(),
        "adversarial": weights.adversarial * adversarial_loss(adversary(calibrated)),
    }
    if model.perceptual is None:
        losses["domain"] = weights.domain * ((calibrated - plain.detach()).abs() * (1 - face)).mean()
    else:
        losses["perceptual"] = perceptual_difference(model.perceptual, calibrated, wanted, mask=face)
        losses["domain"] = weights.domain * perceptual_difference(
            model.perceptual, calibrated, plain.detach(), mask=1 - face
        )
    return losses
