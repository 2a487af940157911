"""Real talking videos, as the paper's stages draw from them: ``stylehead prepare`` makes the folder.

Axes: B samples, n frames of a sample, S picture size, W motion window, K coefficients, M mel columns.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from ..ops.pixels import from_uint8
from ..ops.windows import mel_windows, motion_windows
from .preparation.clip_folder import PreparedClip, open_clips

__all__ = ["Shot", "VideoDataset", "load_videos"]


@dataclass(frozen=True)
class Shot:
    """Some frames of one clip, and what was measured in them."""

    pictures: Tensor  # (n 3 S S) in [-1, 1]
    landmarks: Tensor  # (n 478 3) pixels
    coefficients: Tensor  # (n K)
    windows: Tensor  # (n K W) the motion around each
    mel: Tensor | None = None  # (n 80 M) the sound around each


@dataclass(frozen=True)
class VideoDataset:
    clips: tuple[PreparedClip, ...]

    def __len__(self) -> int:
        return len(self.clips)

    def shot(self, clip: int, frames: list[int], window: int, mel: int = 0) -> Shot:
        """Frames of a clip; ``window`` frames of motion and ``mel`` columns of sound around each (0 = no sound).

        Clips lie in files, and what is drawn from them is put onto the device of the training.
        """
        device = torch.get_default_device()
        with torch.device("cpu"):
            shot = self._shot(clip, frames, window, mel)
        return replace(shot, **{name: value.to(device) for name, value in vars(shot).items() if value is not None})

    def _shot(self, clip: int, frames: list[int], window: int, mel: int) -> Shot:
        film = self.clips[clip]
        measured = film.measured
        rows = torch.tensor(frames)
        heard = None
        if mel:
            heard = mel_windows(measured["mel"], len(film), film.fps, window=mel)[rows]
        return Shot(
            pictures=from_uint8(film.frames(frames)),
            landmarks=measured["landmarks"][rows],
            coefficients=measured["coefficients"][rows],
            windows=motion_windows(measured["coefficients"], film.fps, window=window, frames=rows),
            mel=heard,
        )

    def pairs(self, rows: Tensor, rng: torch.Generator, window: int) -> tuple[Shot, Shot]:
        """Two frames at random of each of the clips ``rows``, as one batch of sources and one of targets."""
        shots = []
        for clip in rows.tolist():
            frames = torch.randint(len(self.clips[clip]), (2,), generator=rng).tolist()
            shots.append(self.shot(clip, frames, window))
        return tuple(  # type: ignore[return-value]
            Shot(*(torch.stack([getattr(shot, name)[which] for shot in shots]) for name in SHARED)) for which in (0, 1)
        )


SHARED = ("pictures", "landmarks", "coefficients", "windows")


def load_videos(folder: Path) -> VideoDataset:
    """All prepared clips of a folder."""
    return VideoDataset(tuple(open_clips(folder)))
