"""Warping stage: predicts the flow that moves the feature map, for every frame of a motion.

Axes: T frames of the clip, n of a chunk, K coefficients, N descriptor, h w the feature map, P size of the picture that
the flow field sees.
"""

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..errors import InputError, MotionError
from ..model.stylehead import StyleHead
from ..ops.disk_tensor import DiskTensor
from ..ops.warp import warp
from ..ops.windows import motion_windows
from ..records import Head, Inversion, Motion, Progress

__all__ = ["FLOW_BATCH", "warp_features", "warp_in_blocks"]

BLOCK_FRAMES = 128  # whose flow is held in memory at once, with what goes with it 48 to 130 KiB each
FLOW_BATCH = 16  # frames whose flow is found at once
ROWS = ("flow", "audio_flow", "visibility", "guides", "irises", "descriptor")  # what a head has of every frame


def warp_features(
    model: StyleHead,
    inversion: Inversion,
    motion: Motion,
    chunk: int = FLOW_BATCH,
    progress: Progress | None = None,
    frames: range | None = None,
    folder: str | Path | None = None,
) -> Head:
    """Find the flow of every frame of ``motion``.

    Args:
        motion: in the model's space, absolute or relative to the portrait's own coefficients. Where it holds mel
            windows and the model a network for them, a second flow lets the mouth follow the sound.
        chunk: frames that are worked on at once.
        progress: called with frames (done, total); may raise to stop.
        frames: in a row, the part of the motion whose flow is asked for; None = all. What is joined from parts is the
            same as the whole, bit for bit, where each part begins at a multiple of ``chunk``.
        folder: where the flow of more than a block of frames is kept, in files that vanish with the head; None = where
            the system keeps temporary files.

    Returns:
        The head, not calibrated. Its flows are on the CPU, whatever the device of the model.

    Raises:
        MotionError: the motion is of another space than the model's, or has no mel windows of the right size.
        InputError: the motion or the model needs the portrait's own coefficients or landmarks, and there are none.
        MediaError: the folder has no room for the flow of a long clip.
    """
    frames = range(len(motion)) if frames is None else frames
    blocks = warp_in_blocks(model, inversion, motion, chunk, progress, frames)
    first = next(blocks)
    if len(first) == len(frames):
        return first
    rows: dict[str, Any] = {}
    for block in chain((first,), blocks):
        for name in ROWS:
            if (part := getattr(block, name)) is not None:
                rows.setdefault(name, DiskTensor(folder)).add(part)
    return Head(inversion=inversion, motion=motion, first=frames.start, **rows)


@torch.no_grad()
def warp_in_blocks(
    model: StyleHead, inversion: Inversion, motion: Motion, chunk: int, progress: Progress | None, frames: range
) -> Iterator[Head]:
    """Find the flow of ``motion`` a block at a time, so that memory does not grow with the clip.

    Arguments and errors are those of ``warp_features``; errors come with the first block.

    Yields:
        Heads of ``BLOCK_FRAMES`` frames each, rounded to whole chunks, in order.
    """
    if chunk < 1:
        raise InputError(f"A chunk has at least one frame; found {chunk}.")
    if not frames or frames.step != 1 or frames.start < 0 or frames.stop > len(motion):
        raise InputError(
            f"A part of this motion is some of its frames 0 to {len(motion) - 1}, in a row; found {frames}."
        )
    finder = FlowFinder(model, inversion, motion)
    length = chunk * max(1, BLOCK_FRAMES // chunk)
    for first in range(frames.start, frames.stop, length):
        rows: dict[str, list[Tensor]] = {}
        stop = min(first + length, frames.stop)
        for start in range(first, stop, chunk):
            batch = slice(start, min(start + chunk, stop))
            for name, part in finder.find(batch).items():
                rows.setdefault(name, []).append(part.cpu())
            if progress:
                progress(batch.stop, len(motion))
        joined: dict[str, Any] = {name: torch.cat(parts) for name, parts in rows.items()}
        yield Head(inversion=inversion, motion=motion, first=first, **joined)


class FlowFinder:
    """Finds the flow of any frames of one motion, keeping what they share."""

    def __init__(self, model: StyleHead, inversion: Inversion, motion: Motion) -> None:
        config, device = model.config, model.device
        if motion.space != config.space:
            raise MotionError(
                f"The model {config.name!r} is moved by coefficients of the space {config.space!r}; this motion is in "
                f"{motion.space!r}. Measure it again with this model; for sliders, give them this model."
            )
        self.model, self.motion = model, motion
        self.source = _source_coefficients(model, inversion, motion)
        self.coefficients = motion.coefficients.to(device, torch.float32)
        if motion.relative and self.source is not None:
            self.coefficients = self.coefficients + self.source
        self.landmarks, self.size = _landmarks(model, inversion), inversion.portrait.image.shape[-1]
        self.picture = model.resize(inversion.redrawn.to(device, torch.float32), config.flow_field.image_size)
        matte = None if inversion.matte is None else inversion.matte.to(device, torch.float32)
        own = None if self.source is None else self.source[None]
        self.outline = model.fit_outline(matte, self.landmarks, own, self.size)
        listens = motion.mel is not None and model.audio_encoder is not None
        self.speaker = Speaker(model, inversion, motion) if listens else None

    def find(self, frames: slice) -> dict[str, Tensor]:
        """What a head has of ``frames``, by the names of ``ROWS``."""
        model, config, motion = self.model, self.model.config, self.motion
        windows = motion_windows(self.coefficients, motion.fps, window=config.window, rate=config.rate, frames=frames)
        own = self.source.expand(len(windows), -1) if self.source is not None else None
        descriptor = model.motion_encoder(windows, own if config.motion_encoder.source else None)
        driving = self.coefficients[frames]
        found = model.predict_flow(self.picture, descriptor, self.landmarks, own, driving, self.size, self.outline)
        rows = {
            "flow": found.flow,
            "audio_flow": None if self.speaker is None else self.speaker.flow(frames, found.flow),
            "visibility": found.visibility,
            "guides": found.guides,
            "irises": found.irises,
            "descriptor": descriptor,
        }
        return {name: part for name, part in rows.items() if part is not None}


def _source_coefficients(model: StyleHead, inversion: Inversion, motion: Motion) -> Tensor | None:
    """The portrait's own coefficients (K), if they are needed."""
    own = inversion.portrait.coefficients
    if own is None:
        if motion.relative or model.config.motion_encoder.source or model.prior is not None:
            who = "A relative motion" if motion.relative else f"The model {model.config.name!r}"
            raise InputError(
                f"{who} needs the pose and expression of the portrait itself in the space {motion.space!r}, which were "
                "not measured. "
                "Give a portrait with coefficients: stages.portrait measures them."
            )
        return None
    return own.to(model.device, torch.float32)


def _landmarks(model: StyleHead, inversion: Inversion) -> Tensor | None:
    """The portrait's landmarks (1 478 3), if the model has a landmark prior."""
    if model.prior is None:
        return None
    landmarks = inversion.portrait.landmarks
    if landmarks is None:
        raise InputError(
            f"The model {model.config.name!r} needs the landmarks of the portrait, which were not measured. "
            "Give a portrait with landmarks: stages.portrait measures them."
        )
    return landmarks.to(model.device, torch.float32)[None]


class Speaker:
    """The second flow: from sound, on the picture warped by the first. Source: SPEC section 5."""

    def __init__(self, model: StyleHead, inversion: Inversion, motion: Motion) -> None:
        assert model.audio_encoder is not None and model.audio_flow_field is not None and motion.mel is not None  # noqa: PT018
        self.model, self.mel = model, motion.mel
        self.encoder, self.field = model.audio_encoder, model.audio_flow_field
        expected = (self.encoder.config.bands, self.encoder.config.window)
        if self.mel.shape[1:] != expected:
            raise MotionError(
                f"The model {model.config.name!r} hears windows of (bands, columns) {expected}; "
                f"this motion has {tuple(self.mel.shape[1:])}."
            )
        self.feature = inversion.feature[None].to(model.device, model.dtype)
        self.rgb = None if inversion.rgb is None else inversion.rgb[None].to(model.device, torch.float32)
        self.prepared = model.generator.prepare(inversion.styles[None].to(model.device))
        landmarks = inversion.portrait.landmarks
        landmarks = None if landmarks is None else landmarks[None].to(self.feature.device)
        self.lower_face = model.audio_mask(landmarks, inversion.portrait.image.shape[-1])  # 1 1 h w

    def flow(self, frames: slice, flow: Tensor) -> Tensor:
        """Predict the flow (n 2 h w) to be applied after ``flow`` (n 2 h w)."""
        descriptors = self.encoder(self.mel[frames].to(self.model.device, torch.float32))
        moved = [
            self.field(self._moved_picture(flow[i : i + 1]), descriptors[i : i + 1])[0] for i in range(len(flow))
        ]  # one by one, since each is a whole picture
        second = torch.cat(moved)
        return self.model.confine_audio_flow(second, flow, self.lower_face)

    def _moved_picture(self, flow: Tensor) -> Tensor:
        config, generator = self.model.config, self.model.generator
        rgb = self.rgb
        if rgb is not None and config.warp_rgb:
            rgb = warp(rgb, flow, config.warp)
        picture = generator.draw(warp(self.feature, flow, config.warp), self.prepared, rgb).float()
        return self.model.resize(picture, self.field.config.image_size)
