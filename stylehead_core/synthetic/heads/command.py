"""``stylehead heads``: render the synthetic training set."""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from tqdm import tqdm

from ...errors import ConfigError
from .appearance import HELD_OUT
from .clips import ClipConfig
from .expressions import EXPRESSIONS
from .rendering import Job, render_clips

__all__ = ["HELP", "add_arguments", "run"]

HELP = "Render synthetic heads with exact labels: the training set."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    default = ClipConfig()
    parser.add_argument("--out", type=Path, required=True, help="Folder of the clips. A run that was stopped goes on.")
    parser.add_argument("--facekit", type=Path, help="ICT-FaceKit: the folder FaceXModel, or the compact npz.")
    parser.add_argument("--people", type=int, default=100, help="How many people, one clip each. (100)")
    parser.add_argument(
        "--first-seed", type=int, default=0, help=f"Of the first person; from {HELD_OUT} on held out. (0)"
    )
    parser.add_argument("--frames", type=int, default=default.frames, help=f"Of each clip, even. ({default.frames})")
    parser.add_argument("--size", type=int, default=default.size, help=f"Pixels of a picture's side. ({default.size})")
    parser.add_argument("--flow", type=int, default=default.flow, help=f"Cells of the flow's side. ({default.flow})")
    parser.add_argument("--no-edits", action="store_true", help="Leave out the paired attribute edits.")
    parser.add_argument("--clean", action="store_true", help="No camera noise, blur or compression.")
    parser.add_argument("--expressions", metavar="A,B,...", help=f"Mix only these, of: {', '.join(EXPRESSIONS)}. (all)")
    parser.add_argument("--workers", type=int, default=1, help="Processes that render side by side. (1)")


def run(arguments: argparse.Namespace) -> int:
    config = ClipConfig(size=arguments.size, frames=arguments.frames, flow=arguments.flow)
    config = replace(config, edits=not arguments.no_edits, faults=0.0 if arguments.clean else config.faults)
    if arguments.expressions is not None:
        config = replace(config, expressions=tuple(name.strip() for name in arguments.expressions.split(",")))
    seeds = range(arguments.first_seed, arguments.first_seed + arguments.people)
    if len(seeds) < 1 or seeds[0] < 0:
        raise ConfigError(f"Take at least one person, from seed 0 on; found {len(seeds)} from {arguments.first_seed}.")
    if seeds[0] < HELD_OUT <= seeds[-1]:
        raise ConfigError(f"Seeds below {HELD_OUT} train, those from it on are held out: render them apart.")
    job = Job(facekit=arguments.facekit, config=config, folder=arguments.out)
    try:
        for _ in tqdm(render_clips(job, seeds, arguments.workers), total=len(seeds), unit=" clips"):
            pass
    except KeyboardInterrupt:
        print("Stopped. The same command goes on where this one was.", file=sys.stderr)
        return 130
    return 0
