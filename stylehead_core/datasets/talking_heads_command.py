"""``stylehead talking-heads``: rendered heads that speak, as prepared clips."""

import argparse
from pathlib import Path

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", type=Path, required=True, help="folder of the clips; those that are there are kept")
    parser.add_argument("--clips", type=int, default=24, metavar="N", help="one person and one sentence each (24)")
    parser.add_argument("--frames", type=int, default=60, help="of a clip at most, at 25 a second (60)")
    parser.add_argument("--size", type=int, default=128, help="pixels of a frame's side (128)")
    parser.add_argument("--held-out", action="store_true", help="people and sentences from which nothing is learnt")
    parser.add_argument("--facekit", type=Path, help="ICT-FaceKit: the folder FaceXModel, or the compact npz")
    parser.add_argument("--landmarker", type=Path, metavar="FILE", help="face landmarker; default: an installed one")


def run(args: argparse.Namespace) -> int:
    from tqdm import tqdm

    from ..landmarker.files import load_landmarker
    from ..synthetic.heads.facekit import load_facekit
    from ..synthetic.heads.head_model import HeadModel
    from ..synthetic.heads.renderer import Renderer
    from .talking_heads import TalkingHeadsConfig, write_talking_heads

    config = TalkingHeadsConfig(size=args.size, frames=args.frames, held_out=args.held_out)
    renderer = Renderer(HeadModel(load_facekit(args.facekit)), args.size)
    clips = write_talking_heads(args.out, range(args.clips), renderer, load_landmarker(args.landmarker), config)
    made = sum(clip is not None for clip in tqdm(clips, total=args.clips, unit=" clips"))
    print(f"{made} clips in {args.out}")
    return 0
