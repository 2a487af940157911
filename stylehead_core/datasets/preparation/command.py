"""``stylehead prepare``: a folder of talking videos becomes training data."""

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from tqdm import tqdm

from ...cluster import add_cluster_arguments, check_workers, map_on_ray
from ...commands.arguments import add_network_arguments, add_shard_argument
from ...landmarker.files import load_landmarker
from .prepare import Video, VideoOutcome, prepare_each, prepare_folder
from .styles import PrepareConfig, hdtf, portrait, voxceleb

__all__ = ["HELP", "add_arguments", "run"]

HELP = "turn a folder of talking videos into training clips"
STYLES = {"voxceleb": voxceleb, "hdtf": hdtf, "portrait": portrait}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("videos", type=Path, help="folder of videos")
    parser.add_argument("out", type=Path, help="folder for the clips; a run that was stopped goes on there")
    parser.add_argument(
        "--style",
        choices=tuple(STYLES),
        default="voxceleb",
        help="voxceleb: 256 pixels, the head moves in a fixed box, for the paper's stages 1; hdtf: the same crop at "
        "512 pixels, with an aligned portrait beside each frame, for stages 2; portrait: 512 pixels, framed as one",
    )
    parser.add_argument("--shortest", type=int, metavar="FRAMES", help="shorter clips are left out (default 64)")
    parser.add_argument("--smallest", type=int, metavar="PIXELS", help="smaller faces are left out")
    add_shard_argument(parser, "prepare the I-th of N parts of the videos alone, into the same folder")
    add_cluster_arguments(parser)
    add_network_arguments(parser, "where the faces are measured (default cpu)")


def run(args: argparse.Namespace) -> int:
    check_workers(args)
    given = {name: getattr(args, name) for name in ("shortest", "smallest") if getattr(args, name) is not None}
    config = replace(STYLES[args.style](), **given)
    landmarker = load_landmarker(args.landmarker, args.device) if args.ray is None else None
    spread = None if args.ray is None else partial(_on_ray, args, config)
    with tqdm(unit="frame", file=sys.stderr, disable=None) as bar:

        def show(name: str, what: str, done: int) -> None:
            bar.set_description(f"{name}: {what}", refresh=False)
            bar.update()

        outcomes = prepare_folder(args.videos, args.out, landmarker, config, show, args.shard, spread)
    for name, outcome in outcomes.items():
        print(f"{name}: {len(outcome.clips)} clips")
        for reason in outcome.left_out:
            print(f"  {'failed' if outcome.failed else 'left out'}: {reason}")
    failed = sum(outcome.failed for outcome in outcomes.values())
    clips = sum(len(outcome.clips) for outcome in outcomes.values())
    print(json.dumps({"videos": len(outcomes), "clips": clips, "failed": failed}))
    return int(failed > 0 or not clips)


def _on_ray(args: argparse.Namespace, config: PrepareConfig, videos: list[Video]) -> Iterator[tuple[str, VideoOutcome]]:
    settings = args.out.resolve(), config, args.landmarker, args.device
    places = [(path.resolve(), name) for path, name in videos]
    gpu = args.device.startswith("cuda")
    return map_on_ray(Worker, settings, places, address=args.ray, workers=args.workers, gpu=gpu)


class Worker:
    """The face landmarker in one process of a cluster."""

    def __init__(self, out: Path, config: PrepareConfig, landmarker: Path | None, device: str) -> None:
        self.out, self.config, self.landmarker = out, config, load_landmarker(landmarker, device)

    def make(self, video: Video) -> tuple[str, VideoOutcome]:
        """Prepare one video; its name, and what became of it."""
        return next(prepare_each([video], out=self.out, landmarker=self.landmarker, config=self.config))
