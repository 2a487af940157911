"""``stylehead convert``: the official StyleHEAT checkpoints become one safetensors file."""

import argparse
from pathlib import Path

from ..convert.official import NOTICE, convert_official

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", metavar="CHECKPOINT_DIR", type=Path, help="folder with the official files")
    parser.add_argument("-o", "--output", metavar="FILE.safetensors", required=True, type=Path, help="file to write")


def run(args: argparse.Namespace) -> None:
    print(NOTICE)
    made = convert_official(args.folder, args.output)
    for name, purpose in made.absent.items():
        print(f"Not there, and so left out: {name} ({purpose}).")
    attributes = ", ".join(direction.name for direction in made.config.directions) or "none"
    print(f"{made.path}: {made.path.stat().st_size / 1e6:.0f} MB, attributes: {attributes}.")
