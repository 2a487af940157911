"""Clips to measure, cut to the same length and resized to the same size.

Axes: T frames, H W their size.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import InputError
from ..media.sound import Sound
from .pictures import unit

__all__ = ["Clip", "at_size", "by_chunks", "side_by_side"]

CHUNK = 16  # frames processed together


@dataclass(frozen=True, kw_only=True)
class Clip:
    """Frames with a frame rate, and their sound if there is one."""

    frames: Tensor  # (T 3 H W) in [-1, 1], or bytes
    fps: Fraction = Fraction(25)
    sound: Sound | None = None

    def __post_init__(self) -> None:
        if self.frames.ndim != 4 or self.frames.shape[1] != 3 or len(self.frames) == 0:
            raise InputError(f"A clip is at least one RGB frame (T, 3, H, W); found {tuple(self.frames.shape)}.")


def side_by_side(generated: Clip, clips: dict[str, Clip | None]) -> tuple[Clip, dict[str, Clip], tuple[str, ...]]:
    """Cut clips to one length and resize all but the driving one to the generated one; returns notes on what was
    done.
    """
    notes = []
    given = {name: clip for name, clip in clips.items() if clip is not None}
    for name, clip in given.items():
        if clip.fps != generated.fps:
            raise InputError(
                f"The generated clip has {generated.fps} frames a second, the {name} clip {clip.fps}: frames of one "
                "moment cannot be compared. Bring both to one rate first."
            )
    count = min(len(clip.frames) for clip in (generated, *given.values()))
    for name, clip in {"generated": generated, **given}.items():
        if len(clip.frames) > count:
            notes.append(f"Only the first {count} of {len(clip.frames)} frames of the {name} clip were compared.")
    generated = replace(generated, frames=generated.frames[:count])
    size = tuple(generated.frames.shape[-2:])
    cut = {name: replace(clip, frames=clip.frames[:count]) for name, clip in given.items()}
    for name, clip in cut.items():
        if name != "driving" and tuple(clip.frames.shape[-2:]) != size:
            notes.append(f"The {name} clip was resized from {_size(clip.frames)} to {_size(generated.frames)}.")
            cut[name] = replace(clip, frames=at_size(clip.frames, generated.frames))
    return generated, cut, tuple(notes)


def _size(frames: Tensor) -> str:
    return f"{frames.shape[-1]} x {frames.shape[-2]}"


def at_size(frames: Tensor, like: Tensor) -> Tensor:
    """Resize ``frames`` to the size of ``like``, as bytes; unchanged where they have that size."""
    if frames.shape[-2:] == like.shape[-2:]:
        return frames
    size = tuple(like.shape[-2:])
    resize = lambda part: F.interpolate(unit(part), size=size, mode="bilinear", antialias=True, align_corners=False)
    return torch.cat([(resize(part) * 255).round().byte() for part in frames.split(CHUNK)])


def by_chunks(function: Callable[..., Tensor], *clips: Tensor) -> Tensor:
    """Apply ``function`` to a few frames at a time, so that memory does not grow with the clip."""
    parts = zip(*(clip.split(CHUNK) for clip in clips), strict=True)
    return torch.cat([function(*part) for part in parts])
