"""``stylehead measure``: measure rendered heads, or portraits, as training and benchmarks want them."""

import argparse
from pathlib import Path

from ..commands.arguments import add_landmarker_argument, add_model_argument
from ..errors import ConfigError
from ..model.files import load_stylehead

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
    add_model_argument(parser, "whose landmark prior closes the portraits' mouths")
    add_landmarker_argument(parser)


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
