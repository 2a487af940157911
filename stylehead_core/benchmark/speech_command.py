"""``stylehead benchmark speech FOLDER``: the mouth that a model hears against the mouth of real people."""

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from ..commands.arguments import add_model_argument
from ..errors import InputError
from ..landmarker.files import load_landmarker
from ..model.files import load_stylehead
from ..stages.speech import SpeechConfig
from . import table
from .heard import compare_clip, summarize, tracked_clips

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "folder",
        type=Path,
        help="films of one talking person each, with their sound; or NAME.flac beside NAME.npz (tracked before)",
    )
    add_model_argument(parser)
    parser.add_argument("--last", type=int, metavar="N", help="only the last N clips by name")
    parser.add_argument("--lips", type=float, default=1.0, metavar="STRENGTH", help="of the lips, 0 to 2 (default 1)")
    parser.add_argument("--out", type=Path, metavar="FILE.json", help="also write every clip's numbers")


def run(args: argparse.Namespace) -> int:
    model = load_stylehead(args.model)
    clips = tracked_clips(args.folder, model, load_landmarker, last=args.last)
    scores = [score for clip in clips for score in compare_clip(model, clip, SpeechConfig(strength=args.lips))]
    if not scores:
        raise InputError(f"No clip of {args.folder} shows a mouth that moves while it is heard.")
    print(table(summarize(scores)))
    if args.out is not None:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(json.dumps([asdict(score) for score in scores], indent=1) + "\n", encoding="utf-8")
    return 0
