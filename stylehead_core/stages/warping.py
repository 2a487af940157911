"""Warping stage: predicts the flow that moves the feature map, for every frame of a motion.

Axes: T frames of the clip, n of a chunk, K coefficients, N descriptor, h w the feature map, P size of the picture that
the flow field sees.
"""

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

__all__ = ["warp_features"]

HELD = 128  # frames whose flow stays in memory: 48 to 130 KiB each, with visibility and guides


def warp_features(
    model: StyleHead,
    inversion: Inversion,
    motion: Motion,
    chunk: int = 16,
    progress: Progress | None = None,
    frames: range | None = None,
    folder: str | Path | None = None,
) -> Head:
    """Predict the flow of every frame of ``motion``.

    Args:
        motion: in the model's space, absolute or relative to the portrait's own coefficients. If it has mel
            windows and the model a network for them, a second flow makes the mouth follow the sound.
        chunk: frames in a batch.
        progress: called with frames (done, total); may raise to stop.
        frames: the part of the motion whose flow is wanted, in a row; None = all. Parts that begin at multiples of
            ``chunk`` give the same as the whole, bit for bit.
        folder: where the flow of more than ``HELD`` frames is kept, in files that vanish with the head; None = the
            system's folder for temporary files.

    Returns:
        The head, not calibrated. Its flows are on the CPU, whatever the device of the model.

    Raises:
        MotionError: the motion is not in the model's space, or has no mel windows of the right size.
        InputError: the motion or the model needs the portrait's own coefficients or landmarks, and they are missing.
        MediaError: the disk is full.
    """
    if chunk < 1:
        raise InputError(f"A chunk has at least one frame; found {chunk}.")
    frames = range(len(motion)) if frames is None else frames
    if not frames or frames.step != 1 or frames.start < 0 or frames.stop > len(motion):
        raise InputError(
            f"A part of this motion is some of its frames 0 to {len(motion) - 1}, in a row; found {frames}."
        )
    store = Store(len(frames), folder)
    with torch.no_grad():
        _warp_features(model, inversion, motion, chunk, progress, frames, store)
    return Head(inversion=inversion, motion=motion, first=frames.start, **store.taken())


class Store:
    """Collects flow, visibility and guides: in memory, or on disk for a long clip."""

    def __init__(self, frames: int, folder: str | Path | None) -> None:
        self.long, self.folder = frames > HELD, folder
        self.held: dict[str, list[Tensor]] = {}
        self.disk_tensors: dict[str, DiskTensor] = {}

    def add(self, name: str, rows: Tensor | None) -> None:
        if rows is None:
            return
        if not self.long:
            self.held.setdefault(name, []).append(rows.cpu())
            return
        if name not in self.disk_tensors:
            self.disk_tensors[name] = DiskTensor(self.folder)
        self.disk_tensors[name].add(rows)

    def taken(self) -> dict[str, Any]:
        return {**{name: torch.cat(rows) for name, rows in self.held.items()}, **self.disk_tensors}


def _warp_features(
    model: StyleHead,
    inversion: Inversion,
    motion: Motion,
    chunk: int,
    progress: Progress | None,
    part: range,
    store: Store,
) -> None:
    config, device = model.config, model.device
    if motion.space != config.space:
        raise MotionError(
            f"The model {config.name!r} is moved by coefficients of the space {config.space!r}; this motion is in "
            f"{motion.space!r}. Measure it again with this model; for sliders, give them this model."
        )
    source = _source_coefficients(model, inversion, motion)
    coefficients = motion.coefficients.to(device, torch.float32)
    if motion.relative and source is not None:
        coefficients = coefficients + source
    landmarks = _landmarks(model, inversion)
    picture = model.resize(inversion.redrawn.to(device, torch.float32), config.flow_field.image_size)
    listens = motion.mel is not None and model.audio_encoder is not None
    speaker = Speaker(model, inversion, motion) if listens else None

    for start in range(part.start, part.stop, chunk):
        frames = slice(start, min(start + chunk, part.stop))
        windows = motion_windows(coefficients, motion.fps, window=config.window, rate=config.rate, frames=frames)
        own = source.expand(len(windows), -1) if source is not None else None
        descriptor = model.motion_encoder(windows, own if config.motion_encoder.source else None)
        size = inversion.portrait.image.shape[-1]
        found = model.predict_flow(picture, descriptor, landmarks, own, coefficients[frames], size)
        store.add("flow", found.flow)
        store.add("descriptor", descriptor)
        store.add("visibility", found.visibility)
        store.add("guides", found.guides)
        if speaker is not None:
            store.add("audio_flow", speaker.flow(frames, found.flow))
        if progress:
            progress(frames.stop, len(motion))


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
