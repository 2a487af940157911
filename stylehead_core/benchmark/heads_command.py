"""``stylehead benchmark heads`` and ``edits``: a model on measured heads that are held out."""

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from ..commands.arguments import add_landmarker_argument, add_model_argument

__all__ = ["add_arguments", "run"]

SENTENCES = 8


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("data", type=Path, help="folder of measured heads, or one file (`stylehead measure`)")
    add_model_argument(parser)
    parser.add_argument("--out", type=Path, default=Path("runs"), help="folder for benchmark.json (default runs)")
    add_landmarker_argument(parser)
    parser.add_argument(
        "--sentences", type=int, default=SENTENCES, help=f"spoken by the heads, 0 for none (default {SENTENCES})"
    )


def run(args: argparse.Namespace) -> int:
    """Print the tables as they are found; write them as JSON."""
    from ..datasets.heads import load_heads
    from ..evaluation.load_identity_network import load_features
    from ..landmarker.files import load_landmarker
    from ..model.files import load_stylehead
    from . import benchmark, text

    parts = benchmark(
        load_stylehead(args.model),
        load_heads(args.data),
        load_landmarker(args.landmarker),
        load_features(),
        sentences=args.sentences,
        titles=("edits",) if args.benchmark == "edits" else None,
        tell=lambda part: print(text(part)),
    )
    args.out.mkdir(parents=True, exist_ok=True)
    file = args.out / ("edits.json" if args.benchmark == "edits" else "benchmark.json")
    file.write_text(json.dumps([asdict(part) for part in parts], indent=2) + "\n", encoding="utf-8")
    return 0
