"""Command line arguments that several commands have: the same name, default and help everywhere."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from ..model.manifest import DEFAULT_MODEL
from ..ops.precision import PRECISIONS
from ..shards import parse_shard

__all__ = [
    "add_choice_argument",
    "add_device_argument",
    "add_drawing_network_arguments",
    "add_landmarker_argument",
    "add_model_argument",
    "add_network_arguments",
    "add_shard_argument",
]

Parser = argparse._ActionsContainer  # a parser, or a group of its arguments


def add_model_argument(parser: Parser, help: str = "name of an embedded model, or a file") -> None:
    parser.add_argument("--model", default=DEFAULT_MODEL, help=help)


def add_landmarker_argument(parser: Parser) -> None:
    parser.add_argument("--landmarker", type=Path, metavar="FILE", help="face landmarker; default: an installed one")


def add_choice_argument(parser: Parser, name: str, choices: Sequence[str], help: str) -> None:
    """One of several words; the default is the first, which is added to the help."""
    parser.add_argument(name, choices=choices, default=choices[0], help=f"{help} (default {choices[0]})")


def add_device_argument(parser: Parser, help: str = "cpu, cuda, mps") -> None:
    parser.add_argument("--device", default="cpu", help=help)


def add_network_arguments(parser: Parser, device: str = "where the networks run (default cpu)") -> None:
    """Landmarker and device, for commands that measure faces; ``device`` is the help of the latter."""
    add_landmarker_argument(parser)
    add_device_argument(parser, device)


def add_drawing_network_arguments(parser: Parser) -> None:
    """Device, number format and landmarker, for commands that draw frames."""
    add_device_argument(parser)
    help = "of the networks that draw; auto: bfloat16 where the device computes it faster, else float32"
    add_choice_argument(parser, "--precision", PRECISIONS, help)
    add_landmarker_argument(parser)


def add_shard_argument(parser: Parser, help: str) -> None:
    """``--shard I/N``: the I-th of N parts of the work, for a job scheduler."""
    parser.add_argument("--shard", type=parse_shard, default=(1, 1), metavar="I/N", help=f"{help}, for a job scheduler")
