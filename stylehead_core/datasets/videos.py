"""Dataset of real talking videos, from a folder made by ``stylehead prepare``.

Axes: B samples, n frames of a sample, S picture size, W motion window, K coefficients, M mel columns.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from ..errors import InputError
from ..ops.pixels import from_uint8
from ..ops.windows import mel_windows, motion_windows
from .preparation.clip_folder import PreparedClip, open_clips

__all__ = ["Shot", "VideoDataset", "load_videos"]

SOUND_FRAMES = 5  # frames in a row that are drawn together where sound is heard


@dataclass(frozen=True)
class Shot:
    """Frames of one clip with their measurements."""

    pictures: Tensor  # (n 3 S S) in [-1, 1]
    landmarks: Tensor  # (n 478 3) pixels
    coefficients: Tensor  # (n K)
    windows: Tensor  # (n K W) motion window around each frame
    mel: Tensor | None = None  # (n 80 M) mel window around each frame

    def shown_as(self, pictures: Tensor) -> "Shot":
        """The same frames drawn otherwise (n 3 S' S'), at any size."""
        scale = pictures.shape[-1] / self.pictures.shape[-1]
        return replace(self, pictures=pictures, landmarks=(self.landmarks + 0.5) * scale - 0.5)


@dataclass(frozen=True)
class VideoDataset:
    """Prepared clips."""

    clips: tuple[PreparedClip, ...]

    def __len__(self) -> int:
        return len(self.clips)

    def shot(self, clip: int, frames: list[int], window: int, mel: int = 0, *, aligned: bool = False) -> Shot:
        """Frames of a clip; ``window`` frames of motion and ``mel`` columns of sound around each (0 = no sound).

        ``aligned`` gives the portrait that is cut out of each frame, with what is measured there. Clips lie in files;
        what is read from them is moved to the device of the training.
        """
        device = torch.get_default_device()
        with torch.device("cpu"):
            shot = self._shot(clip, frames, window, mel, aligned)
        return replace(shot, **{name: value.to(device) for name, value in vars(shot).items() if value is not None})

    def _shot(self, clip: int, frames: list[int], window: int, mel: int, aligned: bool) -> Shot:
        film = self.clips[clip]
        aligned = aligned and film.aligned  # a clip that is framed as a portrait is aligned as it is
        measured = film.measured
        landmarks, coefficients = (
            measured[f"aligned_{name}" if aligned else name] for name in ("landmarks", "coefficients")
        )
        rows = torch.tensor(frames)
        heard = None
        if mel:
            heard = mel_windows(measured["mel"], len(film), film.fps, window=mel)[rows]
        return Shot(
            pictures=from_uint8(film.aligned_frames(frames) if aligned else film.frames(frames)),
            landmarks=landmarks[rows],
            coefficients=coefficients[rows],
            windows=motion_windows(coefficients, film.fps, window=window, frames=rows),
            mel=heard,
        )

    def pairs(
        self,
        rows: Tensor,
        rng: torch.Generator,
        window: int,
        *,
        aligned: bool = False,
        both: bool = False,
    ) -> tuple[Shot, Shot]:
        """Two random frames of each of the clips ``rows``, as one batch of sources and one of targets.

        Args:
            aligned: the sources are the portraits that are cut out of the frames.
            both: each pair is there twice, the second time from target to source.
        """
        sources, targets = [], []
        for clip in rows.tolist():
            first, second = torch.randint(len(self.clips[clip]), (2,), generator=rng).tolist()
            for one, other in ((first, second), (second, first))[: 1 + both]:
                sources.append(self.shot(clip, [one], window, aligned=aligned))
                targets.append(self.shot(clip, [other], window))
        return _join(sources), _join(targets)


def _join(shots: list[Shot]) -> Shot:
    return Shot(*(torch.cat([getattr(shot, name) for shot in shots]) for name in SHARED))


SHARED = ("pictures", "landmarks", "coefficients", "windows")


def load_videos(folder: Path, size: int = 0, *, sound: bool = False, aligned: bool = False) -> VideoDataset:
    """All prepared clips of a folder.

    Args:
        size: pixels that their frames must have at least.
        sound: only those with sound, of five frames and more.
        aligned: they must be portraits, or hold an aligned portrait beside each frame.

    Raises:
        InputError: there is none, or they are not what is asked for; says how to prepare them.
    """
    clips = open_clips(folder)
    small = [clip for clip in clips if clip.size < size]
    if small:
        raise InputError(
            f"Pictures of {size} pixels are compared here, and {len(small)} of the {len(clips)} clips in {folder} have "
            f"{small[0].size}: they would be compared with enlarged pictures. Prepare them with --style "
            f"{'hdtf' if aligned else 'voxceleb'}, or give other clips."
        )
    loose = [clip for clip in clips if clip.framing == "track" and not clip.aligned] if aligned else []
    if loose:
        raise InputError(
            f"Portraits are inverted here, and {len(loose)} of the {len(clips)} clips in {folder} hold no aligned "
            "portrait beside their frames. Prepare them with --style hdtf (or --style portrait)."
        )
    if sound:
        clips = [clip for clip in clips if clip.sound and len(clip) >= SOUND_FRAMES]
        if not clips:
            raise InputError(
                f"No clip in {folder} has sound and {SOUND_FRAMES} frames or more, as learning from sound needs."
            )
    return VideoDataset(tuple(clips))
