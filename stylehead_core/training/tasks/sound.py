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

from ...datasets.videos import Shot, VideoDataset, load_videos
from ...errors import ConfigError
from ...evaluation.load_metric_networks import load_syncnet
from ...model.stylehead import StyleHead
from ...networks.syncnet import FRAMES, sync_loss
from ...ops.masks import confine_to_lower_face, mouth_box
from ...ops.mouths import mouth_affines, mouth_pictures
from ...ops.warp import compose_flows, warp
from ..losses import perceptual_difference
from ..recipe import Parts, Phase
from ..regions import MOUTH
from ..sample_sheets import rows_of
from .video import find_motion

__all__ = ["Proxy", "SoundState", "SoundTask"]

SYNC_MEL = 16  # columns of mel that the expert hears


@dataclass(frozen=True, kw_only=True)
class SoundTask:
    pixels: float = 10.0  # lambda_1^a: L1 in the mouth's mask, where the perceptual loss counts 1
    outside: float = 0.1  # lambda_r^a: what is outside the mask stays like the proxy
    sync: float = 1.0  # lambda_s^a: the expert's opinion, where there is one; it rises from 0 over the run
    label: float = 10.0  # of the flow label; falls to a tenth over the run
    expert: Path | None = None  # file of a sync network; none leaves the sync loss out
    parts: tuple[str, ...] = ("audio_encoder", "audio_flow_field")

    def load(self, folder: Path) -> VideoDataset:
        videos = load_videos(folder)
        return VideoDataset(tuple(clip for clip in videos.clips if clip.sound and len(clip) >= FRAMES))

    def start(self, model: StyleHead, videos: VideoDataset) -> "SoundState":
        if model.audio_encoder is None or model.audio_flow_field is None or not len(videos):
            raise ConfigError("Learning from sound needs a model with an audio generator, and clips with sound.")
        return SoundState(self, model, videos)


@dataclass(frozen=True, kw_only=True)
class Proxy:
    """Five frames in a row of a clip, and what stands in for the source while only the mouth is wrong."""

    clip: int
    middle: int  # frame of the clip in the middle of the five
    source: Shot  # one frame
    target: Shot
    posed: Shot  # the target's motion with the source's expression
    flow: Tensor  # (n 2 h w): from the source to that
    visibility: Tensor | None  # (n 1 h w)
    whole: Tensor  # (n 2 h w): from the source to the target, by the video generator


class SoundState:
    def __init__(self, task: SoundTask, model: StyleHead, videos: VideoDataset) -> None:
        self.task, self.model, self.videos = task, model, videos
        self.samples = len(videos)
        model.eval().requires_grad_(False)
        assert model.audio_encoder is not None
        assert model.audio_flow_field is not None
        self.encoder, self.field = model.audio_encoder, model.audio_flow_field
        self.expert = None if task.expert is None else load_syncnet(task.expert)
        self.networks: dict[str, nn.Module] = {"audio_encoder": self.encoder, "audio_flow_field": self.field}
        for network in self.networks.values():
            network.train().requires_grad_(True)
        self.phases = (Phase("speak", [(network, 1.0) for network in self.networks.values()]),)

    def loss(self, phase: Phase, rows: Tensor, rng: Any, progress: float) -> tuple[Tensor, Parts]:
        losses: dict[str, Tensor] = {}
        for clip in rows.tolist():
            proxy = self.proxy(clip, rng)
            for name, value in self.losses(proxy, *self.speak(proxy), progress).items():
                losses[name] = losses.get(name, torch.zeros(())) + value / len(rows)
        loss = sum(losses.values(), torch.zeros(()))
        return loss, {name: float(value.detach()) for name, value in losses.items()}

    def losses(self, proxy: Proxy, drawn: Tensor, flow: Tensor, progress: float) -> dict[str, Tensor]:
        """The weighted losses of five frames in a row, ``drawn`` (n 3 P P) by the sound's ``flow`` (n 2 h w)."""
        target = proxy.target
        wanted = self.model.resize(target.pictures, drawn.shape[-1])
        scale = drawn.shape[-1] / target.pictures.shape[-1]
        points = (target.landmarks[:, list(MOUTH), :2] + 0.5) * scale - 0.5
        mask = mouth_box(points, (drawn.shape[-2], drawn.shape[-1]))
        moved = warp(self.model.resize(proxy.source.pictures, drawn.shape[-1]).expand_as(drawn), proxy.flow)
        losses = {"pixels": self.task.pixels * ((drawn - wanted).abs() * mask).mean()}
        if self.model.perceptual is not None:
            losses["mouth"] = perceptual_difference(self.model.perceptual, drawn, wanted, mask=mask)
            losses["outside"] = self.task.outside * perceptual_difference(
                self.model.perceptual, drawn, moved, mask=1 - mask
            )
        else:
            losses["outside"] = self.task.outside * ((drawn - moved).abs() * (1 - mask)).mean()
        small = F.interpolate(mask, size=flow.shape[-2:], mode="bilinear", align_corners=False)
        whole = compose_flows(proxy.flow, flow)
        losses["label"] = self.task.label * (1 - 0.9 * progress) * ((whole - proxy.whole).abs() * small).mean()
        if self.expert is not None and self.task.sync:
            mouths = mouth_pictures(drawn, mouth_affines((target.landmarks + 0.5) * scale - 0.5))  # n 3 48 96
            heard = self.videos.shot(proxy.clip, [proxy.middle], self.model.config.window, SYNC_MEL).mel
            assert heard is not None
            losses["sync"] = self.task.sync * progress * sync_loss(self.expert(mouths[None], heard))
        return losses

    @torch.no_grad()
    def proxy(self, clip: int, rng: torch.Generator) -> Proxy:
        """Five frames in a row of a clip, and a source with the right head and the wrong mouth for them."""
        length, window = len(self.videos.clips[clip]), self.model.config.window
        first = int(torch.randint(length - FRAMES + 1, (1,), generator=rng))
        other = int(torch.randint(length, (1,), generator=rng))
        source = self.videos.shot(clip, [other], window)
        target = self.videos.shot(clip, list(range(first, first + FRAMES)), window, self.encoder.config.window)
        expression = self.model.config.motion_space.expression
        wrong = target.windows.clone()
        wrong[:, expression] = source.coefficients[:, expression, None]
        posed, whole = (
            Shot(target.pictures, target.landmarks, windows[..., windows.shape[-1] // 2], windows)
            for windows in (wrong, target.windows)
        )
        flow, visibility = find_motion(self.model, source, posed)
        return Proxy(
            clip=clip,
            middle=first + FRAMES // 2,
            source=source,
            target=target,
            posed=posed,
            flow=flow,
            visibility=visibility,
            whole=find_motion(self.model, source, whole)[0],
        )

    def speak(self, proxy: Proxy) -> tuple[Tensor, Tensor]:
        """The source moved by the proxy's flow and then by the sound's (n 3 P P), and the latter (n 2 h w)."""
        assert proxy.target.mel is not None
        small = self.model.resize(proxy.source.pictures, self.field.config.image_size)
        moved = warp(small.expand(len(proxy.flow), -1, -1, -1), proxy.flow)
        flow, _ = self.field(moved, self.encoder(proxy.target.mel))
        flow = confine_to_lower_face(flow)
        return warp(moved, flow), flow

    def sheet(self) -> Tensor:
        """Rows: five frames; columns: source, proxy, with the sound's flow, target."""
        proxy = self.proxy(0, torch.Generator(torch.get_default_device()).manual_seed(0))
        drawn, _ = self.speak(proxy)
        small = self.model.resize(proxy.source.pictures, drawn.shape[-1]).expand_as(drawn)
        return rows_of(
            [small, warp(small, proxy.flow), drawn, self.model.resize(proxy.target.pictures, drawn.shape[-1])]
        )
