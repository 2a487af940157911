"""A part of a clip in time: of its frames as they come, and of its sound."""

from collections.abc import Iterable, Iterator

import torch

from ..errors import InputError
from .sound import Sound
from .video import Frames

__all__ = ["cut_frames", "cut_sound"]

SLACK = 1e-6  # s: a frame that begins at ``start`` belongs to the part


def cut_frames(parts: Iterable[Frames], start: float, end: float | None = None) -> Iterator[Frames]:
    """The frames that begin from ``start`` to before ``end`` (None = to the end), seconds after the first frame.

    Raises:
        InputError: the clip ends before ``start``.
    """
    first, taken = None, 0
    for part in parts:
        first = part.times[0] if first is None else first
        at = torch.tensor([float(time - first) for time in part.times], dtype=torch.float64)
        if end is not None and float(at[0]) >= end - SLACK:
            break
        inside = at >= start - SLACK
        if end is not None:
            inside &= at < end - SLACK
        if inside.any():
            numbers = torch.nonzero(inside).flatten().tolist()
            taken += len(numbers)
            times = tuple(part.times[number] for number in numbers)
            yield Frames(pictures=part.pictures[inside], times=times, seconds=part.seconds)
    if not taken:
        raise InputError(f"The clip has no frame after {start:g} seconds. Begin earlier.")


def cut_sound(sound: Sound, start: float, end: float | None = None) -> Sound | None:
    """The sound from ``start`` to ``end`` seconds (none = to its end); None where it has none there."""
    first = round(start * sound.rate)
    last = sound.samples.shape[1] if end is None else round(end * sound.rate)
    return sound.cut(first, last) if sound.samples[:, first:last].shape[1] else None
