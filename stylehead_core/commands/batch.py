"""``stylehead batch``: every portrait of a folder by every driver of another, each pair one video.

Networks, portraits and motions are loaded once. Videos that exist already are skipped, so a batch that was stopped goes
on where it was; a pair that fails does not end the rest. ``--shard`` and ``--ray`` spread a batch over machines.
"""

import argparse
import copy
import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ..cluster import add_cluster_arguments, check_workers, map_on_ray
from ..errors import InputError, StyleHeadError
from ..shards import shard_of
from .animate import Animator, add_drawing_arguments
from .arguments import add_model_argument, add_shard_argument
from .bars import bar

__all__ = ["Pair", "add_arguments", "pairs_of", "run"]

PICTURES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"}
SOUNDS = {".wav", ".mp3", ".flac", ".ogg", ".opus", ".m4a", ".aac"}
VIDEOS = {".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v", ".ts"}
MOTIONS = {".safetensors"}


@dataclass(frozen=True)
class Pair:
    """One video of a batch."""

    portrait: Path
    driver: Path
    output: Path

    @property
    def kind(self) -> Literal["motion", "audio", "video"]:
        """How ``animate`` takes the driver, by the ending of its name."""
        ending = self.driver.suffix.lower()
        return "motion" if ending in MOTIONS else "audio" if ending in SOUNDS else "video"


@dataclass(frozen=True)
class Outcome:
    pair: Pair
    error: str = ""  # empty where the video was made


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--portraits", type=Path, nargs="+", required=True, help="pictures, or folders of them")
    parser.add_argument(
        "--drivers", type=Path, nargs="+", required=True, help="videos, sounds and motion files, or folders of them"
    )
    parser.add_argument(
        "-o", "--output", type=Path, required=True, metavar="FOLDER", help="gets PORTRAIT--DRIVER.mp4 for each pair"
    )
    add_model_argument(parser)
    spread = parser.add_argument_group("several machines")
    add_shard_argument(spread, "make the I-th of N parts alone")
    add_cluster_arguments(spread)
    add_drawing_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Make the videos; 1 where one of them failed."""
    check_workers(args)
    pairs = pairs_of(files_of(args.portraits, PICTURES), files_of(args.drivers, MOTIONS | SOUNDS | VIDEOS), args.output)
    mine = shard_of(pairs, *args.shard)
    waiting = [pair for pair in mine if not pair.output.exists()]
    args.output.mkdir(parents=True, exist_ok=True)
    outcomes: Iterator[Outcome] = _here(args, waiting)
    if args.ray is not None:
        gpu = args.device.startswith("cuda")
        outcomes = map_on_ray(Worker, (args,), waiting, address=args.ray, workers=args.workers, gpu=gpu)
    failed = 0
    with bar("videos", len(waiting)) as progress:
        for done, outcome in enumerate(outcomes, start=1):
            if outcome.error:
                failed += 1
                print(f"{outcome.pair.output.name}: {outcome.error}", file=sys.stderr)
            progress(done, len(waiting))
    counts = {"made": len(waiting) - failed, "skipped": len(mine) - len(waiting), "failed": failed}
    print(json.dumps(counts))
    return int(failed > 0)


def files_of(places: Iterable[Path], endings: set[str]) -> list[Path]:
    """Files with one of ``endings`` in ``places``, which are files or folders, sorted by name and each once.

    Raises:
        InputError: a place is missing, a file has another ending, or nothing is found.
    """
    found: dict[Path, None] = {}
    for place in places:
        if place.is_dir():
            found |= dict.fromkeys(sorted(file for file in place.iterdir() if file.suffix.lower() in endings))
        elif not place.is_file():
            raise InputError(f"{place} is not there.")
        elif place.suffix.lower() not in endings:
            raise InputError(f"{place.name} is not of a kind that is taken here: {', '.join(sorted(endings))}.")
        else:
            found[place] = None
    if not found:
        raise InputError(f"No file in {', '.join(map(str, places))} ends in {', '.join(sorted(endings))}.")
    return list(found)


def pairs_of(portraits: list[Path], drivers: list[Path], folder: Path) -> list[Pair]:
    """Every portrait by every driver, ordered by driver so that its motion is measured once.

    Raises:
        InputError: two pairs would write the same file.
    """
    pairs = [
        Pair(portrait, driver, folder / f"{portrait.stem}--{driver.stem}.mp4")
        for driver in drivers
        for portrait in portraits
    ]
    outputs: dict[Path, Pair] = {}
    for pair in pairs:
        other = outputs.setdefault(pair.output, pair)
        if other is not pair:
            raise InputError(
                f"{pair.output.name} would be written twice: for {other.portrait} with {other.driver}, and for "
                f"{pair.portrait} with {pair.driver}. Rename one of the files."
            )
    return pairs


class Worker:
    """Networks in one process, and what they have measured so far."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.args, self.animator = args, Animator(args)

    def make(self, pair: Pair) -> Outcome:
        """Make one video; an error becomes part of the outcome."""
        args = copy.copy(self.args)
        for name in ("portraits", "drivers", "shard", "ray", "workers"):  # not told by the video's metadata
            delattr(args, name)
        args.portrait, args.output = pair.portrait, pair.output
        args.video = args.motion = args.audio = args.save_motion = args.neutral = None
        args.intuitive, args.driver = False, 0
        setattr(args, pair.kind, pair.driver)
        try:
            self.animator.make(args)
        except (StyleHeadError, OSError, RuntimeError, MemoryError) as error:
            return Outcome(pair, str(error) or type(error).__name__)
        return Outcome(pair)


def _here(args: argparse.Namespace, pairs: list[Pair]) -> Iterator[Outcome]:
    if pairs:
        worker = Worker(args)
        yield from map(worker.make, pairs)
