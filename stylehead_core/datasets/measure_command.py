"""``stylehead measure``: measure rendered heads, or portraits, as training and benchmarks want them."""

import argparse
from pathlib import Path

from ..errors import ConfigError
from ..model.files import load_stylehead
from ..model.manifest import DEFAULT_MODEL

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("data", type=Path, help="folder of rendered clips (`stylehead heads`)")
    parser.add_argument("--out", type=Path, help="folder for the measured heads (default: the same)")
    parser.add_argument(
        "--stills",
        type=Path,
        metavar="MATTE",
        help="the folder holds portraits instead; MATTE is MediaPipe's selfie_segmentation.tflite, which cuts them out",
    )
    parser.add_argument("--model", default=DEFAULT_MODEL, help="whose landmark prior closes the portraits' mouths")
    parser.add_argument("--landmarker", type=Path, metavar="FILE", help="face landmarker; default: an installed one")


def run(args: argparse.Namespace) -> int:
    """Print the measured files; files that are there already are left alone."""
    from ..landmarker.files import load_landmarker
    from ..synthetic.heads.shards import find_clips
    from .measure import measure_folder
    from .stills import load_teacher, measure_stills

    if args.stills:
        prior, landmarker = load_stylehead(args.model).prior, load_landmarker(args.landmarker)
        if prior is None:
            raise ConfigError(f"The model {args.model!r} has no landmark prior, which closes mouths.")
        for file in measure_stills(args.data, landmarker, prior, load_teacher(args.stills), args.out or args.data):
            print(file)
        return 0
    for file in measure_folder(find_clips(args.data), load_landmarker(args.landmarker), args.out or args.data):
        print(file)
    return 0
