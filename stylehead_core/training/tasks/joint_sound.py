"""Calibration and the audio-driven motion generator learn together, the video-driven one fixed: the paper's stage 2b.

The video generator brings the head to where it shall be, with the wrong mouth, as in stage 1b; the sound puts the mouth
right, on the feature map; the calibrator repairs what both have moved.

Source: StyleHEAT (arXiv 2203.04036), supplement, equation (5) with beta^a L^a, L^a of equation (4).

Axes: n = 5 frames in a row of a clip, C h w feature map, S picture size.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ...datasets.videos import VideoDataset
from ...errors import ConfigError
from ...model.stylehead import StyleHead
from ...ops.warp import warp
from ..discriminator import PatchDiscriminator, discriminator_loss
from ..recipe import Parts, Phase
from ..redraw import invert_pictures
from ..sample_sheets import rows_of
from .joint import calibration_losses, face_weights
from .sound import Proxy, SoundState, SoundTask

__all__ = ["JointSoundTask"]


@dataclass(frozen=True, kw_only=True)
class JointSoundTask:
    sound: SoundTask = SoundTask()  # L^a, on the picture that the audio generator alone moves
    size: int = 512  # pixels of the pictures compared
    pixels: float = 10.0  # lambda_1^c
    domain: float = 0.01  # lambda_d^c
    adversarial: float = 0.1  # lambda_adv^c
    beta: float = 0.01  # of L^a
    motion_rate: float = 0.2  # of the audio generator, in rates of the calibrator: 2e-5 to 1e-4
    parts: tuple[str, ...] = ("calibrator", "audio_encoder", "audio_flow_field")

    def load(self, folder: Path) -> VideoDataset:
        return self.sound.load(folder)

    def start(self, model: StyleHead, videos: VideoDataset) -> "JointSoundState":
        if model.calibrator is None:
            raise ConfigError("Joint training needs a model with a calibrator.")
        return JointSoundState(self, model, videos)


class JointSoundState:
    def __init__(self, task: JointSoundTask, model: StyleHead, videos: VideoDataset) -> None:
        assert model.calibrator is not None
        self.task, self.model = task, model
        self.speaking: SoundState = task.sound.start(model, videos)  # all of the model is fixed but the audio generator
        self.samples = self.speaking.samples
        self.discriminator = PatchDiscriminator()
        model.calibrator.train().requires_grad_(True)
        self.networks: dict[str, nn.Module] = {
            "calibrator": model.calibrator,
            **self.speaking.networks,
            "discriminator": self.discriminator,
        }
        moving: list[tuple[nn.Module, float]] = [
            (network, task.motion_rate) for network in self.speaking.networks.values()
        ]
        self.phases = (
            Phase("draw", [(model.calibrator, 1.0), *moving]),
            Phase("discriminator", [(self.discriminator, 1.0)]),
        )
        self.seen: tuple[Tensor, Tensor] | None = None  # drawn and real, for the discriminator's phase

    def loss(self, phase: Phase, rows: Tensor, rng: Any, progress: float) -> tuple[Tensor, Parts]:
        if phase.name == "discriminator":
            return discriminator_loss(self.discriminator, self.seen)
        losses: dict[str, Tensor] = {}
        seen: list[tuple[Tensor, Tensor]] = []
        for clip in rows.tolist():
            for name, value in self._of_clip(clip, rng, progress, seen).items():
                losses[name] = losses.get(name, torch.zeros(())) + value / len(rows)
        drawn, real = (torch.cat(part) for part in zip(*seen, strict=True))
        self.seen = drawn, real
        loss = sum(losses.values(), torch.zeros(()))
        return loss, {name: float(value.detach()) for name, value in losses.items()}

    def _of_clip(
        self, clip: int, rng: torch.Generator, progress: float, seen: list[tuple[Tensor, Tensor]]
    ) -> dict[str, Tensor]:
        proxy = self.speaking.proxy(clip, rng)
        moved, flow = self.speaking.speak(proxy)
        plain, calibrated = self._draw(proxy, flow)
        wanted = self.model.resize(proxy.target.pictures, calibrated.shape[-1])
        seen.append((calibrated.detach(), wanted))
        face = face_weights(proxy.target, calibrated.shape[-1])
        losses = calibration_losses(self.task, self.model, self.discriminator, plain, calibrated, wanted, face)
        own = self.speaking.losses(proxy, moved, flow, progress)
        losses["sound"] = self.task.beta * sum(own.values(), torch.zeros(()))
        return losses

    def _draw(self, proxy: Proxy, flow: Tensor) -> tuple[Tensor, Tensor]:
        """The five frames drawn from the source, without and with calibration (n 3 size size)."""
        model, config, count = self.model, self.model.config, len(proxy.flow)
        with torch.no_grad():
            styles, feature, rgb = invert_pictures(model, proxy.source.pictures)

        def predict_flow(x: Tensor) -> Tensor:
            return warp(warp(x.expand(count, -1, -1, -1), proxy.flow, config.warp), flow, config.warp)

        feature = predict_flow(feature)
        if rgb is not None:
            rgb = predict_flow(rgb) if config.warp_rgb else rgb.expand(count, -1, -1, -1)
        own = proxy.source.coefficients.expand(count, -1) if config.motion_encoder.source else None
        descriptor = model.motion_encoder(proxy.posed.windows, own)
        scale, shift = model.predict_calibration(feature, descriptor, proxy.flow, proxy.visibility)
        styles, size = styles.expand(count, -1, -1), min(self.task.size, config.size)
        plain, calibrated = (
            model.resize(model.upper(one, styles, rgb), size) for one in (feature, feature * (1 + scale) + shift)
        )
        return plain, calibrated

    def sheet(self) -> Tensor:
        """Rows: five frames; columns: source, target, drawn without and with calibration."""
        proxy = self.speaking.proxy(0, torch.Generator(torch.get_default_device()).manual_seed(0))
        plain, calibrated = self._draw(proxy, self.speaking.speak(proxy)[1])
        source, target = (self.model.resize(shot.pictures, plain.shape[-1]) for shot in (proxy.source, proxy.target))
        return rows_of([source.expand_as(plain), target, plain, calibrated])
