"""Datasets of aligned face pictures: from measured heads, prepared clips, or a folder of picture files.

Axes: B batch, S picture size.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ..errors import InputError
from ..ops.pixels import from_uint8
from .heads import Heads, load_training_heads
from .videos import VideoDataset, load_videos

__all__ = ["Pictures", "PicturesOfFiles", "PicturesOfHeads", "PicturesOfVideos", "load_pictures"]

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")


class Pictures(Protocol):
    """Dataset of aligned face pictures."""

    def __len__(self) -> int: ...

    def take(self, rows: Tensor) -> Tensor:
        """Load the pictures ``rows`` (B): (B 3 S S) in [-1, 1], on the device of ``rows``."""
        ...


@dataclass(frozen=True)
class PicturesOfHeads:
    """Pictures of measured heads."""

    heads: Heads

    def __len__(self) -> int:
        return len(self.heads.pictures)

    def take(self, rows: Tensor) -> Tensor:
        return self.heads.frames(rows)


class PicturesOfVideos:
    """All frames of prepared clips, clip by clip."""

    def __init__(self, videos: VideoDataset) -> None:
        self.videos = videos
        self.ends = torch.tensor([len(clip) for clip in videos.clips]).cumsum(0)

    def __len__(self) -> int:
        return int(self.ends[-1])

    def take(self, rows: Tensor) -> Tensor:
        clips = torch.searchsorted(self.ends, rows, right=True)
        places = [(self.videos.clips[c], int(row - self.ends[c])) for c, row in zip(clips.tolist(), rows, strict=True)]
        with torch.device("cpu"):  # where clips are read
            found = [clip.frames([len(clip) + place]) for clip, place in places]
        return from_uint8(torch.cat(found).to(rows.device))


class PicturesOfFiles:
    """Square picture files, aligned as in FFHQ; all are resized to the size of the first one."""

    def __init__(self, files: Sequence[Path]) -> None:
        self.files = files
        self.size = self._open(files[0]).width

    def __len__(self) -> int:
        return len(self.files)

    def take(self, rows: Tensor) -> Tensor:
        with torch.device("cpu"):
            found = [torch.from_numpy(np.array(self._read(self.files[row]))).permute(2, 0, 1) for row in rows.tolist()]
            pictures = torch.stack(found)
        return from_uint8(pictures.to(rows.device))

    def _read(self, file: Path) -> Image.Image:
        picture = self._open(file)
        if picture.width == self.size:
            return picture
        return picture.resize((self.size, self.size), Image.Resampling.LANCZOS)

    @staticmethod
    def _open(file: Path) -> Image.Image:
        try:
            with Image.open(file) as image:
                picture = image.convert("RGB")
        except OSError as error:
            raise InputError(f"The picture {file} cannot be read: {error}.") from error
        if picture.width != picture.height:
            raise InputError(
                f"{file} is {picture.width} x {picture.height}. A face to learn from is square, aligned as FFHQ's are."
            )
        return picture


def load_pictures(folder: Path) -> Pictures:
    """Open the pictures in ``folder``: measured heads, prepared clips, or picture files in it and its subfolders.

    Raises:
        InputError: there are none.
    """
    if any(folder.glob("*.measured.safetensors")):
        return PicturesOfHeads(load_training_heads(folder).to(torch.get_default_device()))
    if any(folder.glob("*/clip.json")):
        return PicturesOfVideos(load_videos(folder))
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    if not files:
        raise InputError(
            f"There are no pictures in {folder}: no clips of `stylehead prepare --style portrait`, no measured heads, "
            f"and no aligned faces ({', '.join(SUFFIXES)})."
        )
    return PicturesOfFiles(files)
