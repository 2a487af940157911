"""Chooses the number format in which a device draws fastest.

bfloat16 halves the time of a convolution on processors with AMX or AVX-512 BF16 and on most GPUs. Elsewhere it is
emulated and slower than float32, so the choice is confirmed by a short timing.
"""

import time
from functools import cache
from typing import Literal, get_args

import torch
import torch.nn.functional as F

from ..errors import ConfigError

__all__ = ["PRECISIONS", "Precision", "dtype_of", "fastest_dtype"]

Precision = Literal["auto", "float32", "bfloat16", "float16"]
PRECISIONS: tuple[str, ...] = get_args(Precision)

CHANNELS, SIZE = 64, 64  # of the timed convolution: those of the embedded model's feature map
TIMED_SECONDS = 0.05  # per number format
LEAST_GAIN = 1.2  # ratio of the times from which bfloat16 is taken; below it float32's accuracy is worth more


def dtype_of(precision: str, device: str | torch.device = "cpu") -> torch.dtype:
    """The number format behind a choice of precision.

    Args:
        precision: one of ``PRECISIONS``; ``auto`` is ``fastest_dtype`` of the device.

    Raises:
        ConfigError: there is no such precision.
    """
    if precision == "auto":
        return fastest_dtype(torch.device(device).type)
    if precision not in PRECISIONS:
        raise ConfigError(f"The precision is one of {', '.join(PRECISIONS)}; found {precision!r}.")
    return getattr(torch, precision)


@cache
def fastest_dtype(kind: str) -> torch.dtype:
    """bfloat16 where a device of this ``kind`` ("cpu", "cuda" ...) computes faster with it, float32 elsewhere.

    Asked once per process: torch says whether the instructions exist, and a timing of ``TIMED_SECONDS`` for each format
    says whether they pay.
    """
    if kind == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float32
    if kind != "cpu" or not _has_bfloat16_instructions():
        return torch.float32
    return torch.bfloat16 if _seconds(torch.float32) > LEAST_GAIN * _seconds(torch.bfloat16) else torch.float32


def _has_bfloat16_instructions() -> bool:
    names = ("_is_amx_tile_supported", "_is_avx512_bf16_supported")  # of torch 2.4 and newer
    return any(getattr(torch.cpu, name)() for name in names if hasattr(torch.cpu, name))


def _seconds(dtype: torch.dtype) -> float:
    """Shortest time of a 3x3 convolution in ``dtype``: the minimum is what a busy machine disturbs least."""
    x = torch.zeros(1, CHANNELS, SIZE, SIZE, dtype=dtype).contiguous(memory_format=torch.channels_last)
    weight = torch.zeros(CHANNELS, CHANNELS, 3, 3, dtype=dtype).contiguous(memory_format=torch.channels_last)
    times = []
    end = time.perf_counter() + TIMED_SECONDS
    with torch.no_grad():
        F.conv2d(x, weight, padding=1)  # chooses its kernel
        while not times or time.perf_counter() < end:
            start = time.perf_counter()
            F.conv2d(x, weight, padding=1)
            times.append(time.perf_counter() - start)
    return min(times)
