"""How loud a sound is at each frame, and where somebody speaks.

Axes: N samples, T frames.
"""

import math
from fractions import Fraction

import numpy as np
import torch
from torch import Tensor

from .mel import Samples
from .smoothing import smooth_over_time

__all__ = ["SILENT_DB", "loudness", "voice_activity"]

SILENT_DB = -80.0  # dB of full scale: nothing is quieter
WINDOW = 0.05  # seconds over which loudness is measured
BLOCK_FRAMES = 1024  # frames whose sound is read at once
LOUD_SHARE = 0.95  # quantile of the loudness that counts as that of the voice
BELOW_VOICE_DB = 30.0  # dB under the voice from which on there is silence
LEAST_DB = -55.0  # dB of full scale below which nothing counts as a voice
SHORTEST_PAUSE = 0.3  # seconds: within a shorter one the voice goes on
RAMP = 0.06  # seconds: standard deviation of the way from one to the other


def loudness(samples: Samples, rate: int, frames: int, fps: Fraction) -> Tensor:
    """The level (T) in dB of full scale around each frame of a sound (N); ``SILENT_DB`` beyond its ends.

    The samples are read in slices of ``BLOCK_FRAMES`` frames.
    """
    level, half = np.empty(frames, np.float32), WINDOW * rate / 2
    for start in range(0, frames, BLOCK_FRAMES):
        middle = np.arange(start, min(start + BLOCK_FRAMES, frames)) * (rate / float(fps))
        first = np.clip(middle - half, 0, len(samples)).astype(np.int64)
        last = np.clip(middle + half, 0, len(samples)).astype(np.int64)
        energy = np.append(np.square(samples[first[0] : last[-1]]), np.float32(0))
        edges = np.stack((first, last), axis=1).ravel() - first[0]
        sums = np.add.reduceat(energy, edges, dtype=np.float64)[::2]
        power = np.where(last > first, sums, 0) / max(WINDOW * rate, 1)
        level[start : start + len(middle)] = 10 * np.log10(np.maximum(power, 10 ** (SILENT_DB / 10)))
    return torch.from_numpy(level)


def voice_activity(samples: Samples, rate: int, frames: int, fps: Fraction) -> Tensor:
    """Where a sound (N) is as loud as its voice (T): 1 while it speaks, 0 in pauses, gliding in between.

    A frame counts that is at most ``BELOW_VOICE_DB`` below the voice's own level; pauses under ``SHORTEST_PAUSE`` do
    not count as such. Loudness alone decides, so music speaks, too.
    """
    level = loudness(samples, rate, frames, fps)
    heard = level > max(LEAST_DB, float(level.quantile(LOUD_SHARE)) - BELOW_VOICE_DB)
    bridge = 2 * math.floor(SHORTEST_PAUSE * float(fps) / 2) + 1
    closed = _spread(~_spread(~_spread(heard, bridge), bridge), 1)
    return smooth_over_time(closed.float()[:, None], RAMP * float(fps))[:, 0].clamp(0, 1)


def _spread(mask: Tensor, width: int) -> Tensor:
    """``mask`` (T) true wherever it is within ``width // 2`` frames."""
    if width < 2:
        return mask
    return torch.nn.functional.max_pool1d(mask.float()[None, None], width, 1, width // 2)[0, 0] > 0
