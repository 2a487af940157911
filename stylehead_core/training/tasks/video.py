"""Stage 1a of the paper: the video-driven motion generator learns from talking videos.

Of two random frames of a clip, the first is warped to the second and compared with it. The pictures are the video's
own; the generator is not used here.

Source: StyleHEAT (arXiv 2203.04036), supplement; the sampling and the perceptual loss follow PIRenderer (arXiv
2109.08379).
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...datasets.videos import Shot, VideoDataset, load_videos
from ...media.sample_sheets import rows_of
from ...model.stylehead import StyleHead
from ...ops.warp import warp
from ..losses import perceptual_difference
from ..recipe import Parts, Phase, TrainingTask

__all__ = ["VideoTask", "find_motion", "motion_losses", "warp_to_target"]

SHOWN = 4


@dataclass(frozen=True, kw_only=True)
class VideoTask(TrainingTask):
    data_stage: ClassVar[int] = 1  # of the paper, which takes another data set in its stage 2
    size: int = 256  # pixels that the clips' frames have at least
    pixels: float = 10.0  # lambda_1: of the mean absolute difference, where the perceptual loss counts 1
    both_directions: bool = False
    """Also warp the second frame to the first, as PIRenderer does: twice as many pictures as the batch says."""
    parts: tuple[str, ...] = ("motion_encoder", "flow_field")

    def load(self, folder: Path) -> VideoDataset:
        return load_videos(folder, self.size)

    def for_debugging(self, size: int) -> "VideoTask":
        return replace(self, size=size)

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
        source, target = self.videos.pairs(rows, rng, self.model.config.window, both=self.task.both_directions)
        drawn = warp_to_target(self.model, source, target)
        losses = motion_losses(self.task, self.model, drawn, self.model.resize(target.pictures, drawn.shape[-1]))
        loss = sum(losses.values(), torch.zeros(()))
        return loss, {name: float(value.detach()) for name, value in losses.items()}

    def sheet(self) -> Tensor:
        """Columns: source, target, the source warped to the target."""
        rng = torch.Generator(torch.get_default_device()).manual_seed(0)
        rows = torch.arange(SHOWN) % len(self.videos)
        source, target = self.videos.pairs(rows, rng, self.model.config.window)
        drawn = warp_to_target(self.model, source, target)
        size = drawn.shape[-1]
        return rows_of([self.model.resize(source.pictures, size), self.model.resize(target.pictures, size), drawn])


def motion_losses(task: VideoTask, model: StyleHead, drawn: Tensor, wanted: Tensor) -> dict[str, Tensor]:
    """L^v, the weighted losses of a video-driven picture ``drawn`` against ``wanted`` (B 3 S S each)."""
    losses = {"pixels": task.pixels * F.l1_loss(drawn, wanted)}
    if model.perceptual is not None:
        losses["perceptual"] = perceptual_difference(model.perceptual, drawn, wanted)
    return losses


def find_motion(model: StyleHead, source: Shot, target: Shot) -> tuple[Tensor, Tensor | None]:
    """Flow (B 2 h w) and visibility with which ``source`` (B or 1 frames) moves to where ``target`` (B) is."""
    own = source.coefficients.expand(len(target.windows), -1)
    descriptor = model.motion_encoder(target.windows, own if model.config.motion_encoder.source else None)
    size = source.pictures.shape[-1]
    flow, visibility, *_ = model.predict_flow(
        source.pictures, descriptor, source.landmarks, own, target.coefficients, size
    )
    return flow, visibility


def warp_to_target(model: StyleHead, source: Shot, target: Shot) -> Tensor:
    """The source's pictures warped by the flow that the model finds to ``target``, at the flow field's size."""
    flow, _ = find_motion(model, source, target)
    return warp(model.resize(source.pictures, model.config.flow_field.image_size), flow, model.config.warp)
