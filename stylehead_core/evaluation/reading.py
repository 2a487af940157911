"""Reads clips for the metrics, as bytes, since a clip is kept in memory as a whole."""

from fractions import Fraction
from pathlib import Path

import torch
from torch import Tensor

from ..errors import MediaError
from ..media.pictures import read_picture
from ..media.sound import read_sound
from ..media.video import frame_rate, read_frames, read_info
from ..ops.pixels import to_uint8
from .clips import Clip

__all__ = ["read_clip"]

PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".bmp")
STILLS_FPS = Fraction(25)


def read_clip(path: str | Path, *, fps: Fraction | None = None, frames: int | None = None) -> Clip:
    """Read a video with its sound, a folder of pictures in the order of their names, or one picture.

    Args:
        path: where it is.
        fps: a video is resampled to this rate (frames are repeated or left out); None keeps its own. Pictures are taken
            to have this rate; None means 25.
        frames: at most so many, from the start.

    Raises:
        MediaError: there is nothing, or it cannot be read, or the pictures of a folder differ in size.
    """
    path = Path(path)
    if path.is_dir():
        names = sorted(name for name in path.iterdir() if name.suffix.lower() in PICTURES)[:frames]
        if not names:
            raise MediaError(f"The folder {path} has no pictures ({', '.join(PICTURES)}).")
        pictures = [_bytes(read_picture(name)) for name in names]
        odd = next((name for name, p in zip(names, pictures, strict=True) if p.shape != pictures[0].shape), None)
        if odd is not None:
            raise MediaError(f"The pictures in {path} differ in size: {odd.name} is not like {names[0].name}.")
        return Clip(frames=torch.cat(pictures), fps=fps or STILLS_FPS)
    if path.suffix.lower() in PICTURES:
        return Clip(frames=_bytes(read_picture(path)), fps=fps or STILLS_FPS)
    return _read_video(path, fps, frames)


def _read_video(path: Path, fps: Fraction | None, frames: int | None) -> Clip:
    pictures, times, shown = [], [], Fraction(0)
    for part in read_frames(path, fps=fps):
        pictures.append(part.pictures)
        times += part.times
        shown = part.seconds
        if frames is not None and len(times) >= frames:
            break
    rate = fps or frame_rate(times, shown, read_info(path).fps)
    return Clip(frames=torch.cat(pictures)[:frames], fps=rate, sound=read_sound(path))


def _bytes(pictures: Tensor) -> Tensor:
    return to_uint8(pictures)
