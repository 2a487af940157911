"""Calibration and the audio-driven motion generator learn together, the video-driven one fixed: the paper's stage 2b.

The video generator brings the head to where it shall be, with the wrong mouth, as in stage 1b; the sound puts the mouth
right, on the feature map; the calibrator mends what both have moved.

Source: StyleHEAT (arXiv 2203.04036), supplement, equation (5) with beta^a L^a, L^a of equation (4).

Axes: n = 5 frames in a row of a clip, C h w feature map, S picture size.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ...datasets.videos import Films
from ...errors import ConfigError
from ...model.stylehead import StyleHead
from ...ops.warp import warp
from ..discriminator import Judge, judge_turn
from ..recipe import Parts, Turn
from ..redraw import inverted
from ..sample_sheets import rows_of
from .joint import face_weights, mending_losses
from .sound import Proxy, SoundStage, SoundTask

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

    def load(self, folder: Path) -> Films:
        return self.sound.load(folder)

    def start(self, model: StyleHead, films: Films) -> "JointSoundStage":
        if model.calibrator is None:
            raise ConfigError("Joint training needs a model with a calibrator.")
        return JointSoundStage(self, model, films)


class JointSoundStage:
    def __init__(self, task: JointSoundTask, model: StyleHead, films: Films) -> None:
        assert model.calibrator is not None
        self.task, self.model = task, model
        self.speaking: SoundStage = task.sound.start(model, films)  # all of the model is fixed but the audio generator
        self.samples = self.speaking.samples
        self.judge = Judge()
        model.calibrator.train().requires_grad_(True)
        self.networks: dict[str, nn.Module] = {
            "calibrator": model.calibrator,
            **self.speaking.networks,
            "judge": self.judge,
        }
        moving: list[tuple[nn.Module, float]] = [
            (network, task.motion_rate) for network in self.speaking.networks.values()
        ]
        self.turns = (Turn("draw", [(model.calibrator, 1.0), *moving]), Turn("judge", [(self.judge, 1.0)]))
        self.seen: tuple[Tensor, Tensor] | None = None  # drawn and real, for the judge's turn

    def loss(self, turn: Turn, rows: Tensor, chance: Any, progress: float) -> tuple[Tensor, Parts]:
        if turn.name == "judge":
            return judge_turn(self.judge, self.seen)
        losses: dict[str, Tensor] = {}
        seen: list[tuple[Tensor, Tensor]] = []
        for clip in rows.tolist():
            for name, value in self._of_clip(clip, chance, progress, seen).items():
                losses[name] = losses.get(name, torch.zeros(())) + value / len(rows)
        drawn, real = (torch.cat(part) for part in zip(*seen, strict=True))
        self.seen = drawn, real
        loss = sum(losses.values(), torch.zeros(()))
        return loss, {name: float(value.detach()) for name, value in losses.items()}

    def _of_clip(
        self, clip: int, chance: torch.Generator, progress: float, seen: list[tuple[Tensor, Tensor]]
    ) -> dict[str, Tensor]:
        proxy = self.speaking.proxy(clip, chance)
        moved, flow = self.speaking.speak(proxy)
        plain, mended = self._draw(proxy, flow)
        wanted = self.model.fit(proxy.target.pictures, mended.shape[-1])
        seen.append((mended.detach(), wanted))
        face = face_weights(proxy.target, mended.shape[-1])
        losses = mending_losses(self.task, self.model, self.judge, plain, mended, wanted, face)
        own = self.speaking.losses(proxy, moved, flow, progress)
        losses["sound"] = self.task.beta * sum(own.values(), torch.zeros(()))
        return losses

    def _draw(self, proxy: Proxy, flow: Tensor) -> tuple[Tensor, Tensor]:
        """The five frames drawn from the source, without and with calibration (n 3 size size)."""
        model, config, count = self.model, self.model.config, len(proxy.flow)
        with torch.no_grad():
            styles, feature, rgb = inverted(model, proxy.source.pictures)

        def carried(x: Tensor) -> Tensor:
            return warp(warp(x.expand(count, -1, -1, -1), proxy.flow, config.warp), flow, config.warp)

        feature = carried(feature)
        if rgb is not None:
            rgb = carried(rgb) if config.warp_rgb else rgb.expand(count, -1, -1, -1)
        own = proxy.source.coefficients.expand(count, -1) if config.motion_encoder.source else None
        descriptor = model.motion_encoder(proxy.posed.windows, own)
        scale, shift = model.mend(feature, descriptor, proxy.flow, proxy.visibility)
        styles, size = styles.expand(count, -1, -1), min(self.task.size, config.size)
        plain, mended = (
            model.fit(model.upper(one, styles, rgb), size) for one in (feature, feature * (1 + scale) + shift)
        )
        return plain, mended

    def sheet(self) -> Tensor:
        """Rows: five frames; columns: source, target, drawn without and with calibration."""
        proxy = self.speaking.proxy(0, torch.Generator(torch.get_default_device()).manual_seed(0))
        plain, mended = self._draw(proxy, self.speaking.speak(proxy)[1])
        source, target = (self.model.fit(shot.pictures, plain.shape[-1]) for shot in (proxy.source, proxy.target))
        return rows_of([source.expand_as(plain), target, plain, mended])
