"""The video-driven motion generator learns from talking videos, as in the paper: stage 1a.

Of two frames of a clip each is carried to where the other is, and compared there. Source: StyleHEAT (arXiv 2203.04036),
supplement; the sampling and the perceptual loss follow PIRenderer (arXiv 2109.08379).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...datasets.videos import Shot, VideoDataset, load_videos
from ...model.stylehead import StyleHead
from ...ops.warp import warp
from ..losses import perceptual_difference
from ..recipe import Parts, Phase
from ..sample_sheets import rows_of

__all__ = ["VideoTask", "find_motion", "joined", "warp_by_motion"]

SHOWN = 4


@dataclass(frozen=True, kw_only=True)
class VideoTask:
    pixels: float = 10.0  # lambda_1: of the mean absolute difference, where the perceptual loss counts 1
    parts: tuple[str, ...] = ("motion_encoder", "flow_field")

    def load(self, folder: Path) -> VideoDataset:
        return load_videos(folder)

    def start(self, model: StyleHead, videos: VideoDataset) -> "VideoState":
        return VideoState(self, model, videos)


class VideoState:
    def __init__(self, task: VideoTask, model: StyleHead, videos: VideoDataset) -> None:
        self.task, self.model, self.videos = task, model, videos
        self.samples = len(videos)
        self.networks: dict[str, nn.Module] = {"motion_encoder": model.motion_encoder, "flow_field": model.flow_field}
        for network in self.networks.values():
            network.train().requires_grad_(True)
        self.phases = (Phase("move", [(network, 1.0) for network in self.networks.values()]),)

    def loss(self, phase: Phase, rows: Tensor, rng: Any, progress: float) -> tuple[Tensor, Parts]:
        first, second = self.videos.pairs(rows, rng, self.model.config.window)
        source, target = joined(first, second), joined(second, first)
        drawn = warp_by_motion(self.model, source, target)
        wanted = self.model.resize(target.pictures, drawn.shape[-1])
        pixels = F.l1_loss(drawn, wanted)
        loss, parts = self.task.pixels * pixels, {"pixels": float(pixels.detach())}
        if self.model.perceptual is not None:
            seen = perceptual_difference(self.model.perceptual, drawn, wanted)
            loss, parts = loss + seen, parts | {"perceptual": float(seen.detach())}
        return loss, parts

    def sheet(self) -> Tensor:
        """Columns: source, target, the source carried there."""
        rng = torch.Generator(torch.get_default_device()).manual_seed(0)
        rows = torch.arange(SHOWN) % len(self.videos)
        source, target = self.videos.pairs(rows, rng, self.model.config.window)
        drawn = warp_by_motion(self.model, source, target)
        size = drawn.shape[-1]
        return rows_of([self.model.resize(source.pictures, size), self.model.resize(target.pictures, size), drawn])


def joined(one: Shot, other: Shot) -> Shot:
    """Two batches as one."""
    pairs = (
        (getattr(one, name), getattr(other, name)) for name in ("pictures", "landmarks", "coefficients", "windows")
    )
    return Shot(*(torch.cat(pair) for pair in pairs))


def find_motion(model: StyleHead, source: Shot, target: Shot) -> tuple[Tensor, Tensor | None]:
    """Flow (B 2 h w) and visibility with which ``source`` (B or 1 frames) moves to where ``target`` (B) is."""
    own = source.coefficients.expand(len(target.windows), -1)
    descriptor = model.motion_encoder(target.windows, own if model.config.motion_encoder.source else None)
    prior = None
    if model.prior is not None:
        with torch.no_grad():
            prior = model.prior(source.landmarks, own, target.coefficients, source.pictures.shape[-1])
    return model.find_flow(source.pictures, descriptor, prior)


def warp_by_motion(model: StyleHead, source: Shot, target: Shot) -> Tensor:
    """The source's pictures where the model thinks that the target's motion wants them, at the flow field's size."""
    flow, _ = find_motion(model, source, target)
    return warp(model.resize(source.pictures, model.config.flow_field.image_size), flow)
