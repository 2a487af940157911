"""``stylehead benchmark paper-sound``: lips by the paper's audio generator against lips by coefficients."""

import argparse
import json
from dataclasses import asdict
from pathlib import Path

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("data", type=Path, help="prepared clips with sound, such as `stylehead talking-heads` makes")
    parser.add_argument("--model", required=True, help="a file with an audio generator, made by small_paper_sound")
    parser.add_argument("--out", type=Path, default=Path("runs"), help="folder for paper-sound.json (default runs)")
    parser.add_argument("--landmarker", type=Path, metavar="FILE", help="face landmarker; default: an installed one")


def run(args: argparse.Namespace) -> int:
    """Print the table; write it as JSON."""
    from ..datasets.videos import load_videos
    from ..landmarker.files import load_landmarker
    from ..model.files import load_stylehead
    from . import Part, text
    from .paper_sound import paper_sound

    model = load_stylehead(args.model)
    rows = paper_sound(model, load_videos(args.data, sound=True), load_landmarker(args.landmarker))
    part = Part(title="paper's sound", rows=tuple(rows))
    print(text(part))
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "paper-sound.json").write_text(json.dumps(asdict(part), indent=2) + "\n", encoding="utf-8")
    return 0
