"""Splits a list of work over several processes or machines that do not talk to one another."""

import argparse
from collections.abc import Sequence
from typing import TypeVar

__all__ = ["parse_shard", "shard_of"]

Item = TypeVar("Item")


def parse_shard(text: str) -> tuple[int, int]:
    """``2/8`` as (2, 8), for a command's option.

    Raises:
        argparse.ArgumentTypeError: it is not I/N with I from 1 to N.
    """
    number, _, count = text.partition("/")
    if not (number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count)):
        raise argparse.ArgumentTypeError(f"expected I/N such as 2/8, with I from 1 to N; found {text!r}")
    return int(number), int(count)


def shard_of(items: Sequence[Item], number: int, count: int) -> list[Item]:
    """The ``number``-th of ``count`` contiguous parts, from 1 on, whose lengths differ by one at most."""
    start, end = ((number - 1 + i) * len(items) // count for i in (0, 1))
    return list(items[start:end])
