"""``stylehead benchmark``: a table of benchmarks, each of which measures a model on what nothing has learnt from.

A benchmark of the table is a module of this folder with ``add_arguments(parser)`` and ``run(args)``.
"""

import argparse
from importlib import import_module

__all__ = ["BENCHMARKS", "add_arguments", "run"]

BENCHMARKS = {
    "heads": (".heads_command", "rendered heads: driven by themselves and by others, flow, edits, speech"),
    "edits": (".heads_command", "rendered heads: the edits alone"),
    "photos": (".photos_command", "photo-like portraits driven by clips: expression, mouth, identity, sharpness, wall"),
    "speech": (".speech_command", "real people who speak: the mouth that is heard against the mouth that is tracked"),
    "paper-sound": (".paper_sound_command", "the paper's own way from sound to lips against the one by coefficients"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    kinds = parser.add_subparsers(dest="benchmark", required=True, metavar="BENCHMARK")
    for name, (where, purpose) in BENCHMARKS.items():
        kind = kinds.add_parser(name, help=purpose, description=f"{purpose[0].upper()}{purpose[1:]}.")
        import_module(where, __package__).add_arguments(kind)


def run(args: argparse.Namespace) -> int:
    where, _ = BENCHMARKS[args.benchmark]
    return import_module(where, __package__).run(args)
