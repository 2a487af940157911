"""``stylehead prepare``: a folder of talking videos becomes training data."""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from tqdm import tqdm

from ...commands.arguments import add_network_arguments, add_shard_argument
from ...landmarker.files import load_landmarker
from .prepare import prepare_folder
from .styles import hdtf, portrait, voxceleb

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
    add_network_arguments(parser, "where the faces are measured (default cpu)")


def run(args: argparse.Namespace) -> int:
    given = {name: getattr(args, name) for name in ("shortest", "smallest") if getattr(args, name) is not None}
    config = replace(STYLES[args.style](), **given)
    landmarker = load_landmarker(args.landmarker, args.device)
    with tqdm(unit="frame", file=sys.stderr, disable=None) as bar:

        def show(name: str, what: str, done: int) -> None:
            bar.set_description(f"{name}: {what}", refresh=False)
            bar.update()

        outcomes = prepare_folder(args.videos, args.out, landmarker, config, show, args.shard)
    for name, outcome in outcomes.items():
        print(f"{name}: {len(outcome.clips)} clips")
        for reason in outcome.left_out:
            print(f"  left out: {reason}")
    return 0 if any(outcome.clips for outcome in outcomes.values()) else 1
