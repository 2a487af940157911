"""Motion files: safetensors with names, space, rate and licence; CSV for other programs.

The layout, version 1. Tensors: ``coefficients`` (T K) float32, ``found`` (T) uint8, ``mel`` (T 80 W) float32 where
there is speech, ``squares`` (T 2 3) float32 where a video was measured. Metadata, all text: ``format``, ``version``,
``space``, ``names`` (a JSON list), ``fps`` as "30000/1001", ``relative`` (true or false), ``license``, ``made_by``. A
reader goes by the names: it ignores unknown tensors, metadata and coefficients, and uses 0 for coefficients that the
file does not have.

Optional, since 0.2.0, where a video was measured: the tensors ``sources`` (T) int32, ``video_times`` (N) float64 and
``video_look`` (16 16) uint8, and the metadata ``video``: a JSON object with ``size``, ``stored``, ``rotation``,
``variable``, ``cuts`` and ``notes`` (see ``records.MeasuredVideo``). Earlier versions leave them out when they read.
"""

import csv
import json
import os
import re
from fractions import Fraction
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from ..errors import MediaError, MotionError
from ..media.outputs import temporary_beside
from ..records import MeasuredVideo, Motion
from ..spaces import space_named

__all__ = ["FORMAT", "load_motion", "save_motion", "write_csv"]

FORMAT, VERSION = "stylehead-motion", 1
TENSORS = ("coefficients", "found", "mel", "squares", "sources", "video_times", "video_look")
VIDEO_FIELDS = ("size", "stored", "rotation", "variable", "cuts", "notes")
PICKLES = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")  # how they begin, by protocol
RATE = r"[0-9]{1,9}(\.[0-9]{1,9}|/[0-9]{1,9})?"
LARGEST_RATE = 1000  # frames a second; a rate beyond it is a damaged file


def save_motion(motion: Motion, path: str | Path, *, license: str = "", made_by: str = "") -> None:
    """Write the file as a whole, or not at all.

    Raises:
        MediaError: it cannot be written there.
    """
    tensors = {
        "coefficients": motion.coefficients.detach().cpu().float().contiguous(),
        "found": motion.found.cpu().to(torch.uint8),
    }
    if motion.mel is not None:
        tensors["mel"] = motion.mel.detach().cpu().float().contiguous()
    if motion.squares is not None:
        tensors["squares"] = motion.squares.detach().cpu().float().contiguous()
    about = {
        "format": FORMAT,
        "version": str(VERSION),
        "space": motion.space,
        "names": json.dumps(motion.names),
        "fps": f"{motion.fps.numerator}/{motion.fps.denominator}",
        "relative": "true" if motion.relative else "false",
        "license": license,
        "made_by": made_by,
    }
    if motion.video is not None and motion.sources is not None:
        tensors["sources"] = motion.sources.cpu().to(torch.int32)
        tensors["video_times"] = motion.video.times.cpu().double().contiguous()
        if motion.video.look is not None:
            tensors["video_look"] = motion.video.look.cpu().contiguous()
        about["video"] = json.dumps({name: getattr(motion.video, name) for name in VIDEO_FIELDS})
    path = Path(path)
    try:
        part = temporary_beside(path)
        try:
            save_file(tensors, part, metadata=about)
            os.replace(part, path)
        finally:
            part.unlink(missing_ok=True)
    except (OSError, SafetensorError) as error:
        raise MediaError(f"The motion {path} cannot be written: {error}") from error


def load_motion(path: str | Path, *, space: str | None = None) -> Motion:
    """Read a motion, of this version or a later one.

    Args:
        space: refuse motions of another space.

    Raises:
        MotionError: the file is not a motion, damaged, a pickle, or of another space.
    """
    path = Path(path)
    _refuse_pickle(path)
    try:
        with safe_open(path, framework="pt") as file:
            about, kept = file.metadata() or {}, set(file.keys())
            if about.get("format") != FORMAT:
                raise MotionError(
                    f"{path.name} is a safetensors file, but no motion: its format is "
                    f"{about.get('format', 'not given')!r}, not {FORMAT!r}. "
                    "Motions are written by Save Motion, or `stylehead animate --save-motion`."
                )
            found_space = about.get("space", "")
            if space is not None and found_space != space:
                raise MotionError(
                    f"{path.name} holds a motion of the space {found_space!r}, and {space!r} is needed. "
                    "Their numbers mean different things: measure the clip again with this model."
                )
            tensors = {name: file.get_tensor(name) for name in TENSORS if name in kept}
    except (SafetensorError, OSError) as error:
        raise MotionError(f"{path.name} is no motion file, or it is damaged: {error}") from error
    try:
        return _motion(about, tensors)
    except MotionError as error:
        raise MotionError(f"{path.name}: {error}") from error
    except (LookupError, ValueError, TypeError, ZeroDivisionError, RuntimeError, RecursionError) as error:
        raise MotionError(f"{path.name} is damaged: {type(error).__name__} {error}") from error


def write_csv(motion: Motion, path: str | Path) -> None:
    """Write CSV with one line a frame: number, seconds, found (1 or 0), then every coefficient under its name.

    Raises:
        MediaError: it cannot be written there.
    """
    try:
        with Path(path).open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(("frame", "seconds", "found", *motion.names))
            for i, values in enumerate(motion.coefficients.tolist()):
                seconds = f"{float(i / motion.fps):.6f}"
                writer.writerow((i, seconds, int(motion.found[i]), *(f"{value:.6g}" for value in values)))
    except OSError as error:
        raise MediaError(f"The table {path} cannot be written: {error}") from error


def _motion(about: dict[str, str], tensors: dict[str, Tensor]) -> Motion:
    space = space_named(about["space"])
    names = json.loads(about["names"])
    stored = tensors["coefficients"]
    if not isinstance(names, list) or stored.ndim != 2 or len(names) != stored.shape[1]:
        raise MotionError(f"There are {len(names)} names for coefficients of shape {tuple(stored.shape)}.")
    if not stored.is_floating_point():
        raise MotionError(f"Coefficients must be floating numbers; found {stored.dtype}.")
    columns = {name: i for i, name in enumerate(names)}
    if not columns.keys() & set(space.names):
        raise MotionError(f"None of its coefficients is one of the space {space.name!r}.")
    coefficients = torch.zeros(len(stored), len(space.names))
    for i, name in enumerate(space.names):
        if name in columns:
            coefficients[:, i] = stored[:, columns[name]].float()
    if not re.fullmatch(RATE, about["fps"]):  # Fraction also takes 1e999999999, and is lost in it
        raise MotionError(f"The rate is written as 25 or 30000/1001; found {about['fps'][:40]!r}.")
    fps = Fraction(about["fps"])
    if not 0 < fps <= LARGEST_RATE:
        raise MotionError(f"A rate of {about['fps']} frames a second cannot be.")
    found, mel, squares = (tensors.get(name) for name in ("found", "mel", "squares"))
    if (found is not None and found.ndim != 1) or (mel is not None and (mel.ndim != 3 or mel.shape[1] != 80)):
        raise MotionError("The marks of found faces must be (T) and the mel windows (T, 80, W).")
    if mel is not None and not torch.isfinite(mel).all():
        raise MotionError("The mel windows hold values that are no numbers.")
    video = _video(about, tensors)
    return Motion(
        coefficients=coefficients,
        fps=fps,
        space=space.name,
        sources=None if video is None else tensors["sources"].long(),
        video=video,
        found=torch.ones(len(stored), dtype=torch.bool) if found is None else found != 0,
        mel=None if mel is None else mel.float(),
        relative=about.get("relative") == "true",
        squares=None if squares is None else squares.float(),
    )


def _video(about: dict[str, str], tensors: dict[str, Tensor]) -> MeasuredVideo | None:
    """The video that was measured, where the file tells all of it."""
    if "video" not in about or "sources" not in tensors or "video_times" not in tensors:
        return None
    told = json.loads(about["video"])
    return MeasuredVideo(
        size=(int(told["size"][0]), int(told["size"][1])),
        stored=(int(told["stored"][0]), int(told["stored"][1])),
        rotation=int(told.get("rotation", 0)),
        times=tensors["video_times"].double(),
        variable=bool(told.get("variable", False)),
        cuts=tuple(sorted(int(frame) for frame in told.get("cuts", ()))),
        look=tensors.get("video_look"),
        notes=tuple(str(note) for note in told.get("notes", ())),
    )


def _refuse_pickle(path: Path) -> None:
    try:
        with path.open("rb") as file:
            start = file.read(9)
    except OSError as error:
        raise MotionError(f"The motion {path} cannot be read: {error}") from error
    if start[8:] == b"{":  # a safetensors file, also where the length of its header looks like a pickle's beginning
        return
    if start.startswith((b"PK\x03\x04", *PICKLES)):
        raise MotionError(
            f"{path.name} is a pickle (or a zip, such as .pt and .npz files are). A pickle can run any program while "
            "it is read, so it is never opened here. Motions are safetensors files."
        )
