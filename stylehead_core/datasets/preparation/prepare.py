"""Videos in, training clips out: two walks through each video, one to follow the faces and one to cut them.

What is finished is remembered in ``manifest.json``; a run that was stopped goes on with the first video that is not.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ...errors import ConfigError, InputError, MediaError, StyleHeadError
from ...landmarker.landmarker import Landmarker
from ...media.outputs import temporary_beside
from ...media.sound import Sound, read_sound
from ...media.video import read_frames
from ...ops.crop import cut_square
from ...ops.mel import RATE, mel_spectrogram
from ...ops.pixels import from_uint8
from ...ops.pose import fit_pose, placement
from ...shards import shard_of
from .clip_folder import PreparedClip, finish_clip, write_frame
from .follow import FaceTrack, follow_faces
from .framing import aligned_squares, coefficients_in_square, landmarks_in_square, square_for
from .styles import PrepareConfig

__all__ = ["VIDEOS", "Video", "VideoOutcome", "prepare_each", "prepare_folder", "prepare_video"]

VIDEOS = (".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v")
MANIFEST = "manifest.json"
LONGEST_NAME = 200  # bytes of a clip's folder, without its numbers; file systems take 255

Step = Callable[[str, str, int], None]
"""Called after each frame with the video's name, ``following`` or ``cutting``, and the frames done; raises to stop."""


@dataclass(frozen=True, kw_only=True)
class VideoOutcome:
    clips: tuple[str, ...]  # names of the folders
    left_out: tuple[str, ...]  # what was not taken, and why
    failed: bool = False  # for a reason outside of the video, such as a full disk: the next run tries it again


Video = tuple[Path, str]
"""A file, and its path below the folder of videos, by which it is remembered."""
Spread = Callable[[list[Video]], Iterable[tuple[str, VideoOutcome]]]
"""Prepares videos in any order, elsewhere: gives name and outcome of each as it is done."""


def prepare_folder(
    videos: str | Path,
    out: str | Path,
    landmarker: Landmarker | None,
    config: PrepareConfig,
    step: Step | None = None,
    shard: tuple[int, int] = (1, 1),
    spread: Spread | None = None,
) -> dict[str, VideoOutcome]:
    """Prepare every video of a folder that is not prepared yet.

    Args:
        videos: the folder; folders in it are looked through as well.
        out: where the clips go.
        landmarker: finds and measures the faces; None with ``spread``.
        config: of ``styles``.
        shard: (I, N), to prepare the I-th of N parts of the videos alone. Each part has a manifest of its own, so that
            several processes can fill one folder.
        spread: prepares the videos in other processes; None = here, one after the other.

    Returns:
        What became of each video, by its path below ``videos``; of earlier runs as well.

    Raises:
        InputError: there is no video.
        ConfigError: ``out`` holds clips that were made with other settings.
    """
    videos, out = Path(videos), Path(out)
    found = sorted(path for path in videos.rglob("*") if path.suffix.lower() in VIDEOS)
    if not found:
        raise InputError(f"There is no video ({', '.join(VIDEOS)}) in {videos}.")
    settings = {**asdict(config), "fps": str(config.fps)}
    manifest = out / (MANIFEST if shard == (1, 1) else f"manifest-{shard[0]}-of-{shard[1]}.json")
    state = _read_state(manifest, settings)
    waiting, sizes, failed = [], {}, {}
    for path in shard_of(found, *shard):
        name, size = path.relative_to(videos).as_posix(), path.stat().st_size
        if name not in state or state[name]["bytes"] != size:
            waiting.append((path, name))
            sizes[name] = size
    if spread is None:
        assert landmarker is not None, "without spread, videos are prepared here"
        spread = partial(prepare_each, out=out, landmarker=landmarker, config=config, step=step)
    for name, outcome in spread(waiting):
        if outcome.failed:
            failed[name] = outcome
            continue
        state[name] = {"bytes": sizes[name], "clips": outcome.clips, "left_out": outcome.left_out}
        _write_state(manifest, settings, state)
    return failed | {
        name: VideoOutcome(clips=tuple(entry["clips"]), left_out=tuple(entry["left_out"]))
        for name, entry in state.items()
    }


def prepare_each(
    videos: Iterable[Video], *, out: Path, landmarker: Landmarker, config: PrepareConfig, step: Step | None = None
) -> Iterator[tuple[str, VideoOutcome]]:
    """Prepare videos one after the other; an error becomes part of the outcome and does not end the rest."""
    for path, name in videos:
        try:
            yield name, prepare_video(path, out, landmarker, config, name=name, step=step)
        except MediaError as error:
            yield name, VideoOutcome(clips=(), left_out=(str(error),))
        except (StyleHeadError, OSError, RuntimeError, MemoryError) as error:
            yield name, VideoOutcome(clips=(), left_out=(str(error) or type(error).__name__,), failed=True)


def prepare_video(
    path: Path,
    out: Path,
    landmarker: Landmarker,
    config: PrepareConfig,
    *,
    name: str | None = None,
    step: Step | None = None,
) -> VideoOutcome:
    """Cut every face of one video that stays long enough and is large enough."""
    name = name or path.name
    tracks = follow_faces(_frames(path, config.fps, name, "following", step), landmarker, config)
    left_out = [] if tracks else [f"no face stays for {config.shortest} frames"]
    sound = read_sound(path)
    cuts = []
    for track in tracks:
        square = square_for(track, config)
        side = float(square[0, 0]) * config.size
        if side < config.smallest:
            left_out.append(
                f"frames {track.first} to {track.frames[-1]}: the face's square has {side:.0f} pixels, "
                f"fewer than {config.smallest}"
            )
            continue
        folder = out / f"{_plain(name)}-{track.first:06}-{len(cuts):02}"
        aligned = aligned_squares(track, config.size) if config.aligned else None
        cuts.append(Cut(track=track, square=square, folder=folder, aligned=aligned))
    for cut in cuts:
        for leftover in (cut.part, cut.folder):
            shutil.rmtree(leftover, ignore_errors=True)
    for number, frame in enumerate(_frames(path, config.fps, name, "cutting", step) if cuts else ()):
        for cut in cuts:
            if number in cut.track.frames:
                picture = cut_square(from_uint8(frame[None]), cut.square, config.size)
                row = number - cut.track.first
                write_frame(cut.part, row, picture[0])
                if cut.aligned is not None:
                    portrait = cut_square(from_uint8(frame[None]), cut.aligned[row], config.size)
                    write_frame(cut.part, row, portrait[0], aligned=True)
                if number == cut.track.frames[-1]:
                    _finish(cut, name, sound, landmarker, config)
    return VideoOutcome(clips=tuple(cut.folder.name for cut in cuts), left_out=tuple(left_out))


@dataclass(frozen=True, kw_only=True)
class Cut:
    track: FaceTrack
    square: Tensor  # (2 3)
    folder: Path
    aligned: Tensor | None  # (T 2 3), the squares of the aligned portraits

    @property
    def part(self) -> Path:
        return self.folder.with_name(f".{self.folder.name}.part")


def _finish(cut: Cut, name: str, sound: Sound | None, landmarker: Landmarker, config: PrepareConfig) -> None:
    track = cut.track
    measured = {
        "landmarks": landmarks_in_square(track, cut.square),
        "coefficients": coefficients_in_square(track, cut.square, config.size, landmarker.canonical),
    }
    if cut.aligned is not None:
        landmarks = landmarks_in_square(track, cut.aligned)
        pose = fit_pose(landmarks, landmarker.canonical)
        place = placement(pose, config.size, landmarker.canonical)
        measured["aligned_landmarks"] = landmarks
        measured["aligned_coefficients"] = torch.cat((track.blendshapes, pose.angles, place), dim=1)
    if sound is not None:
        samples = sound.mono(RATE)
        start, end = (round(frame / config.fps * RATE) for frame in (track.first, track.first + len(track)))
        measured["mel"] = mel_spectrogram(samples[start:end])
    clip = PreparedClip(
        folder=cut.folder,
        video=name,
        framing=config.framing,
        size=config.size,
        fps=config.fps,
        count=len(track),
        start=track.first,
        square=tuple(tuple(row) for row in cut.square.tolist()),
        sound=sound is not None,
        aligned=cut.aligned is not None,
    )
    finish_clip(cut.part, clip, measured)


def _frames(path: Path, fps: Fraction, name: str, what: str, step: Step | None) -> Iterator[Tensor]:
    done = 0
    for part in read_frames(path, fps=fps):
        for frame in part.pictures:
            yield frame
            done += 1
            if step is not None:
                step(name, what, done)


def _plain(name: str) -> str:
    """A folder's name for a video: letters, digits and dashes."""
    stem = name.rsplit(".", 1)[0]
    plain = "".join(c if c.isalnum() or c in "-_" else "-" for c in stem)
    if len(plain.encode()) <= LONGEST_NAME:
        return plain
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]  # tells long names apart that begin alike
    return f"{plain.encode()[:LONGEST_NAME].decode(errors='ignore')}-{digest}"


def _read_state(path: Path, settings: dict[str, Any]) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        made_with, state = {"aligned": False, **found["settings"]}, found["videos"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} cannot be read: {error}. Take another folder, or delete it to begin anew.") from error
    if made_with != settings:
        other = ", ".join(f"{k} {made_with.get(k)} (now {v})" for k, v in settings.items() if made_with.get(k) != v)
        raise ConfigError(f"The clips in {path.parent} were made with other settings: {other}. Take another folder.")
    return state


def _write_state(path: Path, settings: dict[str, Any], state: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = temporary_beside(path)
    part.write_text(json.dumps({"settings": settings, "videos": state}, indent=2) + "\n", encoding="utf-8")
    os.replace(part, path)
