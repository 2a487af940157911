"""Stage 2b of the paper: the calibrator and the audio-driven motion generator learn together on the final picture.

The video-driven generator is fixed. It moves the head to its target pose, with the wrong mouth, as in stage 1b; the
flow from sound corrects the mouth on the feature map; the calibrator corrects what both warps have damaged.

Source: StyleHEAT (arXiv 2203.04036), supplement, equation (5) with beta^a L^a, L^a of equation (4).

Axes: n = 5 frames in a row of a clip, C h w feature map, S picture size.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from ...datasets.videos import VideoDataset, load_videos
from ...errors import ConfigError
from ...media.sample_sheets import rows_of
from ...model.stylehead import StyleHead
from ..adversary import Adversary, AdversaryConfig, small_discriminator
from ..recipe import Parts, Phase, TrainingTask
from .joint import Region, calibration_losses, face_region
from .sound import Proxy, SoundState, SoundTask

__all__ = ["JointSoundTask"]


@dataclass(frozen=True, kw_only=True)
class JointSoundTask(TrainingTask):
    data_stage: ClassVar[int] = 2
    sound: SoundTask = SoundTask(label=0.0)  # L^a as in equation (4): the flow label is no part of it
    size: int = 512  # pixels of the pictures compared, and of the clips' frames at least
    region: Region = "face"
    pixels: float = 10.0  # lambda_1^c
    domain: float = 0.01  # lambda_d^c
    adversarial: float = 0.1  # lambda_adv^c
    adversary: AdversaryConfig = AdversaryConfig()
    beta: float = 0.01  # beta^a: of L^a, on the picture without calibration, at the audio network's size
    motion_rate: float = 0.2  # of the audio generator, in rates of the calibrator: 2e-5 to 1e-4
    parts: tuple[str, ...] = ("calibrator", "audio_encoder", "audio_flow_field")

    def load(self, folder: Path) -> VideoDataset:
        return load_videos(folder, self.size, sound=True, aligned=True)

    def for_debugging(self, size: int) -> "JointSoundTask":
        return replace(self, size=size, adversary=AdversaryConfig(network=small_discriminator(size)))

    def start(self, model: StyleHead, videos: VideoDataset) -> "JointSoundState":
        if model.calibrator is None or model.audio_flow_field is None:
            raise ConfigError("Joint training with sound needs a model with a calibrator and an audio generator.")
        return JointSoundState(self, model, videos)


class JointSoundState:
    def __init__(self, task: JointSoundTask, model: StyleHead, videos: VideoDataset) -> None:
        assert model.calibrator is not None
        self.task, self.model = task, model
        self.speaking = SoundState(task.sound, model, videos, drawing=True)  # fixes all but the audio generator
        self.samples = self.speaking.samples
        self.adversary = Adversary(task.adversary)
        model.calibrator.train().requires_grad_(True)
        self.networks: dict[str, nn.Module] = {
            "calibrator": model.calibrator,
            **self.speaking.networks,
            "discriminator": self.adversary,
        }
        moving: list[tuple[nn.Module, float]] = [
            (network, task.motion_rate) for network in self.speaking.networks.values()
        ]
        self.phases = (Phase("draw", [(model.calibrator, 1.0), *moving]), *self.adversary.phases())

    def loss(self, phase: Phase, rows: Tensor, rng: Any, progress: float) -> tuple[Tensor, Parts]:
        if phase.name == "discriminator":
            return self.adversary.loss()
        losses: dict[str, Tensor] = {}
        seen: list[tuple[Tensor, Tensor]] = []
        for clip in rows.tolist():
            for name, value in self._losses_of_clip(clip, rng, progress, seen).items():
                losses[name] = losses.get(name, torch.zeros(())) + value / len(rows)
        drawn, real = (torch.cat(part) for part in zip(*seen, strict=True))
        self.adversary.remember(drawn, real)
        loss = sum(losses.values(), torch.zeros(()))
        return loss, {name: float(value.detach()) for name, value in losses.items()}

    def _losses_of_clip(
        self, clip: int, rng: torch.Generator, progress: float, seen: list[tuple[Tensor, Tensor]]
    ) -> dict[str, Tensor]:
        proxy = self.speaking.proxy(clip, rng)
        moved = self.speaking.move(proxy)
        flow = self.speaking.speak(proxy, moved)
        plain, calibrated = self._draw(proxy, flow)
        wanted = self.model.resize(proxy.target.pictures, calibrated.shape[-1])
        seen.append((calibrated.detach(), wanted))
        face = face_region(self.task.region, proxy.target, calibrated.shape[-1])
        losses = calibration_losses(self.task, self.model, self.adversary, plain, calibrated, wanted, face)
        own = self.speaking.losses(proxy, moved, self.model.resize(plain, moved.shape[-1]), flow, progress)
        losses["sound"] = self.task.beta * sum(own.values(), torch.zeros(()))
        return losses

    def _draw(self, proxy: Proxy, flow: Tensor) -> tuple[Tensor, Tensor]:
        """The five frames drawn from the source, without and with calibration (n 3 size size)."""
        model, config, count = self.model, self.model.config, len(proxy.flow)
        assert proxy.codes is not None
        feature, rgb = self.speaking.warp_codes(proxy, flow)
        own = proxy.source.coefficients.expand(count, -1) if config.motion_encoder.source else None
        descriptor = model.motion_encoder(proxy.posed.windows, own)
        scale, shift = model.predict_calibration(feature, descriptor, proxy.flow, proxy.visibility)
        styles, size = proxy.codes[0].expand(count, -1, -1), min(self.task.size, config.size)
        plain, calibrated = (
            model.resize(model.upper(one, styles, rgb), size) for one in (feature, feature * (1 + scale) + shift)
        )
        return plain, calibrated

    def sheet(self) -> Tensor:
        """Rows: five frames; columns: source, target, drawn without and with calibration."""
        proxy = self.speaking.proxy(0, torch.Generator(torch.get_default_device()).manual_seed(0))
        plain, calibrated = self._draw(proxy, self.speaking.speak(proxy, self.speaking.move(proxy)))
        source, target = (self.model.resize(shot.pictures, plain.shape[-1]) for shot in (proxy.source, proxy.target))
        return rows_of([source.expand_as(plain), target, plain, calibrated])
