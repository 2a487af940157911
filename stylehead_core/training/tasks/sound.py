"""The audio-driven motion generator learns from talking videos with sound, as in the paper: stage 1b.

A frame is first given the right head and the wrong mouth: the video generator moves the source to the target's pose
with the expression of another moment. From that proxy and the sound around the target the audio generator must find
the flow that puts the mouth right. Since the video generator also knows the whole movement, its flow is a label for
the composition of both ("pseudo-labels" in the supplement).

Source: StyleHEAT (arXiv 2203.04036), supplement, equations (1) to (4).

Axes: B samples, n = 5 frames in a row of each, S picture size, h w flow size.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...assemble import StyleHead
from ...errors import ConfigError
from ...evaluation.load_judges import load_syncnet
from ...models.syncnet import FRAMES, sync_loss
from ...ops.masks import confine_to_lower_face, mouth_box
from ...ops.mouths import mouth_affines, mouth_pictures
from ...ops.warp import compose_flows, warp
from ..films import Films, Shot, load_films
from ..losses import perceived
from ..recipe import Parts, Turn
from ..regions import MOUTH
from ..sheets import rows_of
from .video import find_motion

__all__ = ["SoundTask"]

SYNC_MEL = 16  # columns of mel that the expert hears


@dataclass(frozen=True, kw_only=True)
class SoundTask:
    pixels: float = 10.0  # lambda_1^a: L1 in the mouth's mask, where the perceptual loss counts 1
    outside: float = 0.1  # lambda_r^a: what is outside the mask stays like the proxy
    sync: float = 1.0  # lambda_s^a: the expert's opinion, where there is one; it rises from 0 over the run
    label: float = 10.0  # of the flow label; falls to a tenth over the run
    expert: Path | None = None  # file of a sync network; none leaves the sync loss out
    parts: tuple[str, ...] = ("audio_encoder", "audio_flow_field")

    def load(self, folder: Path) -> Films:
        films = load_films(folder)
        return Films(tuple(clip for clip in films.clips if clip.sound and len(clip) >= FRAMES))

    def start(self, model: StyleHead, films: Films) -> "SoundStage":
        if model.audio_encoder is None or model.audio_flow_field is None or not len(films):
            raise ConfigError("Learning from sound needs a model with an audio generator, and clips with sound.")
        return SoundStage(self, model, films)


class SoundStage:
    def __init__(self, task: SoundTask, model: StyleHead, films: Films) -> None:
        self.task, self.model, self.films = task, model, films
        self.samples = len(films)
        model.eval().requires_grad_(False)
        assert model.audio_encoder is not None
        assert model.audio_flow_field is not None
        self.encoder, self.field = model.audio_encoder, model.audio_flow_field
        self.expert = None if task.expert is None else load_syncnet(task.expert)
        self.networks: dict[str, nn.Module] = {"audio_encoder": self.encoder, "audio_flow_field": self.field}
        for network in self.networks.values():
            network.train().requires_grad_(True)
        self.turns = (Turn("speak", [(network, 1.0) for network in self.networks.values()]),)

    def loss(self, turn: Turn, rows: Tensor, chance: Any, progress: float) -> tuple[Tensor, Parts]:
        losses: dict[str, Tensor] = {}
        for clip in rows.tolist():
            for name, value in self._of_clip(clip, chance, progress).items():
                losses[name] = losses.get(name, torch.zeros(())) + value / len(rows)
        loss = sum(losses.values(), torch.zeros(()))
        return loss, {name: float(value.detach()) for name, value in losses.items()}

    def _of_clip(self, clip: int, chance: torch.Generator, progress: float) -> dict[str, Tensor]:
        """The weighted losses of five frames in a row."""
        source, proxy, full, target, middle = self._proxy(clip, chance)
        assert target.mel is not None
        drawn, flow = self._speak(source, proxy, target.mel)
        wanted = self.model.fit(target.pictures, drawn.shape[-1])
        scale = drawn.shape[-1] / target.pictures.shape[-1]
        points = (target.landmarks[:, list(MOUTH), :2] + 0.5) * scale - 0.5
        mask = mouth_box(points, (drawn.shape[-2], drawn.shape[-1]))
        moved = warp(self.model.fit(source, drawn.shape[-1]).expand_as(drawn), proxy)
        losses = {"pixels": self.task.pixels * ((drawn - wanted).abs() * mask).mean()}
        if self.model.perceptual is not None:
            losses["mouth"] = perceived(self.model.perceptual, drawn, wanted, mask=mask)
            losses["outside"] = self.task.outside * perceived(self.model.perceptual, drawn, moved, mask=1 - mask)
        else:
            losses["outside"] = self.task.outside * ((drawn - moved).abs() * (1 - mask)).mean()
        small = F.interpolate(mask, size=flow.shape[-2:], mode="bilinear", align_corners=False)
        whole = compose_flows(proxy, flow)
        losses["label"] = self.task.label * (1 - 0.9 * progress) * ((whole - full).abs() * small).mean()
        if self.expert is not None and self.task.sync:
            mouths = mouth_pictures(drawn, mouth_affines((target.landmarks + 0.5) * scale - 0.5))  # n 3 48 96
            heard = self.films.shot(clip, [middle], self.model.config.window, SYNC_MEL).mel
            assert heard is not None
            losses["sync"] = self.task.sync * progress * sync_loss(self.expert(mouths[None], heard))
        return losses

    @torch.no_grad()
    def _proxy(self, clip: int, chance: torch.Generator) -> tuple[Tensor, Tensor, Tensor, Shot, int]:
        """A source (1 3 S S), the proxy's flow and the whole one (n 2 h w), the targets, and their middle frame."""
        length, window = len(self.films.clips[clip]), self.model.config.window
        first = int(torch.randint(length - FRAMES + 1, (1,), generator=chance))
        other = int(torch.randint(length, (1,), generator=chance))
        source = self.films.shot(clip, [other], window)
        target = self.films.shot(clip, list(range(first, first + FRAMES)), window, self.encoder.config.window)
        expression = self.model.config.motion_space.expression
        wrong = target.windows.clone()
        wrong[:, expression] = source.coefficients[:, expression, None]
        flows = []
        for windows in (wrong, target.windows):
            coefficients = windows[..., windows.shape[-1] // 2]
            moved = Shot(target.pictures, target.landmarks, coefficients, windows)
            flows.append(find_motion(self.model, source, moved)[0])
        return source.pictures, flows[0], flows[1], target, first + FRAMES // 2

    def _speak(self, source: Tensor, proxy: Tensor, mel: Tensor) -> tuple[Tensor, Tensor]:
        """The source moved by the proxy's flow and then by the sound's (n 3 P P), and the latter (n 2 h w)."""
        moved = warp(self.model.fit(source, self.field.config.image_size).expand(len(proxy), -1, -1, -1), proxy)
        flow, _ = self.field(moved, self.encoder(mel))
        flow = confine_to_lower_face(flow)
        return warp(moved, flow), flow

    def sheet(self) -> Tensor:
        """Rows: five frames; columns: source, proxy, with the sound's flow, target."""
        source, proxy, _, target, _ = self._proxy(0, torch.Generator().manual_seed(0))
        assert target.mel is not None
        drawn, _ = self._speak(source, proxy, target.mel)
        small = self.model.fit(source, drawn.shape[-1]).expand_as(drawn)
        return rows_of([small, warp(small, proxy), drawn, self.model.fit(target.pictures, drawn.shape[-1])])
