"""``stylehead measure``: measure rendered heads with the face landmarker, as training and benchmarks want them."""

import argparse
from pathlib import Path

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("data", type=Path, help="folder of rendered clips (`stylehead heads`)")
    parser.add_argument("--out", type=Path, help="folder for the measured heads (default: the same)")
    parser.add_argument("--landmarker", type=Path, metavar="FILE", help="face landmarker; default: an installed one")


def run(args: argparse.Namespace) -> int:
    """Print the measured files; files that are there already are left alone."""
    from ..landmarker.files import load_landmarker
    from ..synthetic.heads.shards import find_clips
    from .measure import measure_folder

    for file in measure_folder(find_clips(args.data), load_landmarker(args.landmarker), args.out or args.data):
        print(file)
    return 0
