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
WINDOW_SECONDS = 0.05  # seconds over which loudness is measured
BLOCK_FRAMES = 256  # frames whose sound is read at once
VOICE_QUANTILE = 0.95  # quantile of the loudness that counts as that of the voice
BELOW_VOICE_DB = 30.0  # dB under the voice from which on there is silence
MIN_VOICE_DB = -55.0  # dB of full scale below which nothing counts as a voice
MIN_PAUSE_SECONDS = 0.3  # seconds: within a shorter one the voice goes on
RAMP_SIGMA_SECONDS = 0.06  # seconds: standard deviation of the way from one to the other


def loudness(samples: Samples, rate: int, frames: int, fps: Fraction) -> Tensor:
    """The level (T) in dB of full scale around each frame of a sound (N); ``SILENT_DB`` beyond its ends.

    The samples are read in slices of ``BLOCK_FRAMES`` frames.
    """
    level, half = np.empty(frames, np.float32), WINDOW_SECONDS * rate / 2
    for start in range(0, frames, BLOCK_FRAMES):
        middle = np.arange(start, min(start + BLOCK_FRAMES, frames)) * (rate / float(fps))
        first = np.clip(middle - half, 0, len(samples)).astype(np.int64)
        last = np.clip(middle + half, 0, len(samples)).astype(np.int64)
        energy = np.append(np.square(samples[first[0] : last[-1]]), np.float32(0))
        edges = np.stack((first, last), axis=1).ravel() - first[0]
        sums = np.add.reduceat(energy, edges, dtype=np.float64)[::2]
        power = np.where(last > first, sums, 0) / max(WINDOW_SECONDS * rate, 1)
        level[start : start + len(middle)] = 10 * np.log10(np.maximum(power, 10 ** (SILENT_DB / 10)))
    return torch.from_numpy(level)


def voice_activity(samples: Samples, rate: int, frames: int, fps: Fraction) -> Tensor:
    """Where a sound (N) is as loud as its voice (T): 1 while it speaks, 0 in pauses, gliding in between.

    A frame counts that is at most ``BELOW_VOICE_DB`` below the voice's own level; pauses under ``MIN_PAUSE_SECONDS`` do
    not count as such. Loudness alone decides, so music speaks, too.
    """
    level = loudness(samples, rate, frames, fps)
    heard = level > max(MIN_VOICE_DB, float(level.quantile(VOICE_QUANTILE)) - BELOW_VOICE_DB)
    bridge = 2 * math.floor(MIN_PAUSE_SECONDS * float(fps) / 2) + 1
    closed = _spread(~_spread(~_spread(heard, bridge), bridge), 1)
    return smooth_over_time(closed.float()[:, None], RAMP_SIGMA_SECONDS * float(fps))[:, 0].clamp(0, 1)


def _spread(mask: Tensor, width: int) -> Tensor:
    """``mask`` (T) true wherever it is within ``width // 2`` frames."""
    if width < 2:
        return mask
    return torch.nn.functional.max_pool1d(mask.float()[None, None], width, 1, width // 2)[0, 0] > 0
