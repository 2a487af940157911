"""``stylehead landmarker``: says which face landmarker is in use, and fetches one when asked."""

import argparse
from pathlib import Path

from ..landmarker.files import download_landmarker, find_landmarker, load_landmarker

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--weights", type=Path, help="look at this file instead of the installed package")
    parser.add_argument(
        "--download",
        type=Path,
        metavar="MODELS",
        help="fetch ComfyUI's file (Apache-2.0) from Hugging Face into MODELS/detection; "
        "give ComfyUI's models folder and its nodes and ours both find it",
    )


def run(args: argparse.Namespace) -> None:
    path = download_landmarker(args.download) if args.download else args.weights or find_landmarker()
    landmarker = load_landmarker(path)  # refuses with the ways to get one where there is none
    numbers = sum(tensor.numel() for tensor in landmarker.state_dict().values())
    print(f"face landmarker: {path} ({numbers / 1e6:.1f} million numbers)")
