"""Damage as disks, downloads and curious people do it: from a seed, to bytes in memory."""

import random
from collections.abc import Callable, Iterator
from typing import Any

SPLICES = (b"", b"\x00" * 8, b"\xff" * 8, b"1e999", b"-1", b"null", b"[]", b"{}", b'"', b"NaN", b"99999999999999999999")


def outcome(work: Callable[[], Any], *errors: type[Exception]) -> Any:
    """What ``work`` returns, or the error of these kinds that it raises; any other goes on its way."""
    try:
        return work()
    except errors as error:
        return error


def damaged(whole: bytes, cases: int, seed: int, header: int) -> Iterator[bytes]:
    """``cases`` damaged copies of ``whole``; most of the damage falls into its first ``header`` bytes."""
    rng = random.Random(seed)
    for _ in range(cases):
        data = bytearray(whole)
        for _ in range(rng.choice((1, 1, 1, 2, 5))):
            _hit(data, rng, header)
        yield bytes(data)


def _hit(data: bytearray, rng: random.Random, header: int) -> None:
    place = rng.randrange(max(1, min(len(data), header if rng.random() < 0.9 else len(data))))
    kind = rng.randrange(6)
    if kind == 0:  # one bit
        data[place : place + 1] = bytes(byte ^ 1 << rng.randrange(8) for byte in data[place : place + 1])
    elif kind == 1:  # one byte
        data[place : place + 1] = bytes([rng.randrange(256)])
    elif kind == 2:  # a digit for a digit: the header stays JSON
        digits = [i for i, byte in enumerate(data[:header]) if 48 <= byte <= 57]
        if digits:
            data[rng.choice(digits)] = 48 + rng.randrange(10)
    elif kind == 3:  # another value, and the length of the header told accordingly
        new = rng.choice(SPLICES)
        place = max(8, place)
        data[place : place + len(new)] = new
    elif kind == 4:  # cut short
        del data[rng.randrange(len(data) + 1) :]
    else:  # a piece twice, or away
        end = place + rng.randrange(1, 32)
        data[place:end] = data[place:end] * rng.choice((0, 2))
