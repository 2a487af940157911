"""One prepared clip is one folder: frames as JPEG, measurements as tensors, and a manifest that says what it is.

    clip.json             written last: a folder without it is not finished
    measured.safetensors  landmarks (T 478 3), coefficients (T 58), mel (80 M) where the video has sound
    frames/000000.jpg ...
    aligned/000000.jpg ...  where it was asked for: the frames cut as FFHQ portraits, and in measured.safetensors
                            aligned_landmarks (T 478 3) and aligned_coefficients (T 58)

Axes: T frames, M columns of mel (80 a second; column k is centred k / 80 seconds after the first frame's time).
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ...errors import InputError, MediaError
from ...ops.pixels import to_uint8
from ...tensor_files import read_tensors, write_tensors

__all__ = ["PreparedClip", "finish_clip", "open_clip", "open_clips", "write_frame"]

KIND, FORMAT = "prepared clip", 1
MANIFEST, MEASURED, FRAMES, ALIGNED = "clip.json", "measured.safetensors", "frames", "aligned"
QUALITY = 95  # of JPEG


@dataclass(frozen=True, kw_only=True)
class PreparedClip:
    """A clip on disk. Frames are read when they are asked for."""

    folder: Path
    video: str  # name of the file that it was cut from
    framing: str
    size: int  # pixels of the frames
    fps: Fraction
    count: int  # frames
    start: int  # frame of the video, at ``fps``
    square: tuple[tuple[float, ...], ...]  # (2 3) from pixels of the frames to pixels of the video
    sound: bool
    aligned: bool = False  # there is an aligned portrait beside each frame

    def __len__(self) -> int:
        return self.count

    def frames(self, rows: Sequence[int]) -> Tensor:
        """(n 3 S S) bytes.

        Raises:
            MediaError: a frame is missing or damaged.
        """
        return torch.stack([self._frame(row, FRAMES) for row in rows])

    def aligned_frames(self, rows: Sequence[int]) -> Tensor:
        """The same frames cut as FFHQ portraits (n 3 S S), bytes; of a clip without them the frames themselves.

        Raises:
            MediaError: a frame is missing or damaged.
        """
        return torch.stack([self._frame(row, ALIGNED if self.aligned else FRAMES) for row in rows])

    @cached_property
    def measured(self) -> dict[str, Tensor]:
        """landmarks (T 478 3) in pixels of the frames, coefficients (T 58), and mel (80 M) where there is sound."""
        return read_tensors(self.folder / MEASURED, KIND)[1]

    def _frame(self, row: int, which: str) -> Tensor:
        path = _frame_path(self.folder, row, which)
        try:
            with Image.open(path) as image:
                return torch.from_numpy(np.array(image.convert("RGB"))).permute(2, 0, 1)
        except OSError as error:
            raise MediaError(f"Frame {row} of the prepared clip cannot be read: {error}. Prepare it again.") from error


def write_frame(folder: Path, row: int, frame: Tensor, *, aligned: bool = False) -> None:
    """Write one frame (3 S S), in [-1, 1], of a clip that is being made, or its aligned portrait."""
    path = _frame_path(folder, row, ALIGNED if aligned else FRAMES)
    path.parent.mkdir(parents=True, exist_ok=True)
    levels = to_uint8(frame)
    Image.fromarray(levels.permute(1, 2, 0).contiguous().cpu().numpy()).save(path, quality=QUALITY, subsampling=0)


def finish_clip(part: Path, clip: PreparedClip, measured: dict[str, Tensor]) -> None:
    """Write what was measured and the manifest into ``part``, and give the folder its final name."""
    write_tensors(part / MEASURED, KIND, measured, {})
    about = {key: value for key, value in asdict(clip).items() if key != "folder"}
    about |= {"fps": str(clip.fps), "format": FORMAT}
    (part / MANIFEST).write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
    part.rename(clip.folder)


def open_clip(folder: str | Path) -> PreparedClip:
    """A prepared clip.

    Raises:
        InputError: the folder is no finished clip, or of a newer format.
    """
    folder = Path(folder)
    try:
        about: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        if about.pop("format") > FORMAT:
            raise InputError(f"{folder} was prepared by a newer version of StyleHead. Update it.")
        about["fps"] = Fraction(about["fps"])
        about["square"] = tuple(tuple(row) for row in about["square"])
        return PreparedClip(folder=folder, **about)
    except (OSError, ValueError, TypeError, KeyError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{folder} is no prepared clip: {error}. Make it with `stylehead prepare`.") from error


def open_clips(root: str | Path) -> list[PreparedClip]:
    """All finished clips under ``root``, in the order of their names.

    Raises:
        InputError: there is none.
    """
    folders = sorted(path.parent for path in Path(root).glob(f"*/{MANIFEST}"))
    if not folders:
        raise InputError(f"There is no prepared clip in {root}. Make some with `stylehead prepare`.")
    return [open_clip(folder) for folder in folders]


def _frame_path(folder: Path, row: int, which: str) -> Path:
    return folder / which / f"{row:06}.jpg"
