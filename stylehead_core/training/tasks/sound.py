"""Stage 1b of the paper: the audio-driven motion generator learns from talking videos with sound.

The trained video generator first makes a proxy picture: the source, moved to the target's pose with the expression of
another moment, so that the head is right and the mouth is wrong. From the proxy and the sound around the target, the
audio generator finds the flow that corrects the mouth. The video generator also knows the whole movement; its flow is a
label for both flows together (the supplement speaks of pseudo-labels and says no more).

Source: StyleHEAT (arXiv 2203.04036), supplement, equations (1) to (4).

Axes: B clips of the batch, n = 5 frames in a row of each, S picture size, h w flow size.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from tqdm import tqdm

from ...datasets.videos import Shot, VideoDataset, load_videos
from ...errors import ConfigError
from ...evaluation.load_metric_networks import load_syncnet
from ...landmarker.face_regions import MOUTH
from ...media.sample_sheets import rows_of
from ...model.stylehead import StyleHead
from ...networks.syncnet import FRAMES, sync_loss
from ...ops.masks import mouth_box
from ...ops.mouths import cut_mouths, mouth_affines
from ...ops.warp import compose_flows, warp
from ..losses import perceptual_difference
from ..recipe import Parts, Phase, TrainingTask
from ..redraw import invert_pictures, redraw
from .video import find_motion

__all__ = ["Proxy", "SoundState", "SoundTask"]

SYNC_MEL = 16  # columns of mel that the expert hears


@dataclass(frozen=True, kw_only=True)
class SoundTask(TrainingTask):
    data_stage: ClassVar[int] = 1  # of the paper, which takes another data set in its stage 2
    size: int = 256  # pixels that the clips' frames have at least
    pixels: float = 10.0  # lambda_1^a: L1 in the mouth's mask, where the perceptual loss counts 1
    outside: float = 0.1  # lambda_r^a: what is outside the mask stays like the proxy
    sync: float = 1.0  # lambda_s^a: of the expert's loss over five frames
    sync_ramp: float = 0.0  # share of the run over which the sync loss rises from 0; published: none
    label: float = 10.0  # of the flow label; falls to a tenth over the run
    proxies: int = 0  # of each clip, drawn once and used again and again, where drawing takes long; 0: ever new ones
    expert: Path | None = None  # file of a sync network; without one the sync loss is left out, and a line says so
    parts: tuple[str, ...] = ("audio_encoder", "audio_flow_field")

    def load(self, folder: Path) -> VideoDataset:
        return load_videos(folder, self.size, sound=True)

    def for_debugging(self, size: int) -> "SoundTask":
        return replace(self, size=size)

    def start(self, model: StyleHead, videos: VideoDataset) -> "SoundState":
        if model.audio_encoder is None or model.audio_flow_field is None:
            raise ConfigError(f"The model {model.config.name!r} has no audio generator that could learn from sound.")
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
    codes: tuple[Tensor, Tensor, Tensor | None] | None  # of the inverted source, where a generator draws
    mask: Tensor | None  # (1 1 h w): where on the source the flow from sound acts, as ``StyleHead.audio_mask`` says


class SoundState:
    """The stage itself, and what stage 2b shares with it.

    Args:
        drawing: the generator draws the proxy pictures, from an aligned portrait that was inverted: stage 2b. Otherwise
            they are warped pictures of the video.
    """

    def __init__(self, task: SoundTask, model: StyleHead, videos: VideoDataset, *, drawing: bool = False) -> None:
        self.task, self.model, self.videos, self.drawing = task, model, videos, drawing
        self.samples = len(videos)
        self._kept: dict[tuple[int, int], Proxy] = {}
        model.eval().requires_grad_(False)
        assert model.audio_encoder is not None
        assert model.audio_flow_field is not None
        self.encoder, self.field = model.audio_encoder, model.audio_flow_field
        self.expert = None if task.expert is None else load_syncnet(task.expert).to(model.device)
        if self.expert is None and task.sync:
            tqdm.write(
                "No sync expert is given, so that the sync loss (lambda_s) is left out. `stylehead train sync_expert` "
                "makes one from prepared clips; give its file, or Wav2Lip's lipsync_expert.pth, with --expert."
            )
        self.networks: dict[str, nn.Module] = {"audio_encoder": self.encoder, "audio_flow_field": self.field}
        for network in self.networks.values():
            network.train().requires_grad_(True)
        self.phases = (Phase("speak", [(network, 1.0) for network in self.networks.values()]),)

    def loss(self, phase: Phase, rows: Tensor, rng: Any, progress: float) -> tuple[Tensor, Parts]:
        losses: dict[str, Tensor] = {}
        for clip in rows.tolist():
            proxy = self._take_proxy(clip, rng)
            moved = self.move(proxy)
            flow = self.speak(proxy, moved)
            for name, value in self.losses(proxy, moved, self._warp(moved, flow), flow, progress).items():
                losses[name] = losses.get(name, torch.zeros(())) + value / len(rows)
        loss = sum(losses.values(), torch.zeros(()))
        return loss, {name: float(value.detach()) for name, value in losses.items()}

    def losses(self, proxy: Proxy, moved: Tensor, drawn: Tensor, flow: Tensor, progress: float) -> dict[str, Tensor]:
        """L^a, the weighted losses of five frames in a row.

        Args:
            moved: (n 3 P P), the proxy pictures I_v.
            drawn: (n 3 P P), these after the flow from sound, I_a.
            flow: (n 2 h w), that flow.
            progress: of the run, 0..1.
        """
        target = proxy.target
        wanted = self.model.resize(target.pictures, drawn.shape[-1])
        scale = drawn.shape[-1] / target.pictures.shape[-1]
        points = (target.landmarks[:, list(MOUTH), :2] + 0.5) * scale - 0.5
        mask = mouth_box(points, (drawn.shape[-2], drawn.shape[-1]))
        losses = {"pixels": self.task.pixels * ((drawn - wanted).abs() * mask).mean()}
        if self.model.perceptual is not None:
            losses["mouth"] = perceptual_difference(self.model.perceptual, drawn, wanted, mask=mask)
            losses["outside"] = self.task.outside * perceptual_difference(
                self.model.perceptual, drawn, moved, mask=1 - mask
            )
        else:
            losses["outside"] = self.task.outside * ((drawn - moved).abs() * (1 - mask)).mean()
        if self.task.label:
            small = F.interpolate(mask, size=flow.shape[-2:], mode="bilinear", align_corners=False)
            whole = compose_flows(proxy.flow, flow)
            losses["label"] = self.task.label * (1 - 0.9 * progress) * ((whole - proxy.whole).abs() * small).mean()
        if self.expert is not None and self.task.sync:
            mouths = cut_mouths(drawn, mouth_affines((target.landmarks + 0.5) * scale - 0.5))  # n 3 48 96
            heard = self.videos.shot(proxy.clip, [proxy.middle], self.model.config.window, SYNC_MEL).mel
            assert heard is not None
            ramp = min(1.0, progress / self.task.sync_ramp) if self.task.sync_ramp else 1.0
            losses["sync"] = self.task.sync * ramp * sync_loss(self.expert(mouths[None], heard))
        return losses

    def _take_proxy(self, clip: int, rng: torch.Generator) -> Proxy:
        """A new proxy of the clip, or one of those that are kept; which of them there are follows from their number."""
        if not self.task.proxies:
            return self.proxy(clip, rng)
        number = int(torch.randint(self.task.proxies, (1,), generator=rng))
        if (clip, number) not in self._kept:
            own = torch.Generator(rng.device).manual_seed(clip * self.task.proxies + number)
            self._kept[clip, number] = self.proxy(clip, own)
        return self._kept[clip, number]

    @torch.no_grad()
    def proxy(self, clip: int, rng: torch.Generator) -> Proxy:
        """Five frames in a row of a clip, and a source with the right head and the wrong mouth for them."""
        length, window = len(self.videos.clips[clip]), self.model.config.window
        first = int(torch.randint(length - FRAMES + 1, (1,), generator=rng))
        other = int(torch.randint(length, (1,), generator=rng))
        source = self.videos.shot(clip, [other], window, aligned=self.drawing)
        target = self.videos.shot(clip, list(range(first, first + FRAMES)), window, self.encoder.config.window)
        expression = self.model.config.motion_space.expression
        wrong = target.windows.clone()
        wrong[:, expression] = source.coefficients[:, expression, None]
        posed, whole = (
            Shot(target.pictures, target.landmarks, windows[..., windows.shape[-1] // 2], windows)
            for windows in (wrong, target.windows)
        )
        codes = None
        if self.drawing:
            codes = invert_pictures(self.model, source.pictures)
            source = source.shown_as(redraw(self.model, source.pictures, codes))
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
            mask=self.model.audio_mask(source.landmarks, source.pictures.shape[-1]),
            codes=codes,
        )

    def move(self, proxy: Proxy) -> Tensor:
        """The proxy pictures I_v (n 3 P P): the source's pixels or, in stage 2, its feature map, moved by the video
        generator's flow; the latter is what the network sees in use (``stages.warping``)."""
        if proxy.codes is not None:
            with torch.no_grad():
                feature, rgb = self.warp_codes(proxy, None)
                drawn = self.model.upper(feature, proxy.codes[0].expand(len(feature), -1, -1), rgb)
                return self.model.resize(drawn, self.field.config.image_size)
        small = self.model.resize(proxy.source.pictures, self.field.config.image_size)
        return warp(small.expand(len(proxy.flow), -1, -1, -1), proxy.flow, self.model.config.warp)

    def warp_codes(self, proxy: Proxy, flow: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """The source's feature map (n C h w) and the RGB sum below it, moved by the proxy's flow and by ``flow``."""
        assert proxy.codes is not None
        config, count = self.model.config, len(proxy.flow)
        _, feature, rgb = proxy.codes

        def move(x: Tensor) -> Tensor:
            once = warp(x.expand(count, -1, -1, -1), proxy.flow, config.warp)
            return once if flow is None else warp(once, flow, config.warp)

        if rgb is not None:
            rgb = move(rgb) if config.warp_rgb else rgb.expand(count, -1, -1, -1)
        return move(feature), rgb

    def speak(self, proxy: Proxy, moved: Tensor) -> Tensor:
        """The flow from sound (n 2 h w) for the proxy pictures ``moved`` (n 3 P P), where it may act."""
        assert proxy.target.mel is not None
        flow, _ = self.field(moved, self.encoder(proxy.target.mel))
        return self.model.confine_audio_flow(flow, proxy.flow, proxy.mask)

    def _warp(self, moved: Tensor, flow: Tensor) -> Tensor:
        return warp(moved, flow, self.model.config.warp)

    def sheet(self) -> Tensor:
        """Rows: five frames; columns: source, proxy, with the sound's flow, target."""
        proxy = self.proxy(0, torch.Generator(torch.get_default_device()).manual_seed(0))
        moved = self.move(proxy)
        drawn = self._warp(moved, self.speak(proxy, moved))
        source, target = (self.model.resize(shot.pictures, drawn.shape[-1]) for shot in (proxy.source, proxy.target))
        return rows_of([source.expand_as(drawn), moved, drawn, target])
