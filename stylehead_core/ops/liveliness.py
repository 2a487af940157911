"""What a speaking head does besides its lips: it sways, nods where the voice is loud, raises its brows, and blinks.

Everything is a function of time, of the voice's loudness and of a seed: the frame rate and the length of the sound do
not change what happens when. Axes: T frames.
"""

import math
from fractions import Fraction

import numpy as np
import torch
from torch import Tensor

from .smoothing import smooth_over_time

__all__ = ["BLINKS_PER_MINUTE", "lively_face", "lively_rotation"]

DEGREE = math.pi / 180
SWAY_DEGREES = {"pitch": 0.9, "yaw": 1.3, "roll": 0.7}  # standard deviation
SWAY_HZ = (0.08, 0.45)  # slower than words
SWAYS = 5  # sines that are added
NOD_DEGREES = 2.0  # downward, where the voice is NOD_DB louder than around
NOD_DB = 12.0
NOD_SIGMA_SECONDS = 0.12  # seconds: standard deviation of the loudness at a moment
CONTEXT_SIGMA_SECONDS = 0.8  # seconds: the same of the loudness around it
NOD_DELAY_SECONDS = 0.04  # seconds after the loudness
RISE_SECONDS = 0.8  # seconds in which movement begins, from the portrait as it is
BROW_RAISE = 0.12  # of browInnerUp, with a full nod

BLINKS_PER_MINUTE = 17.0  # of somebody who talks
MIN_BLINK_GAP_SECONDS = 0.7  # seconds from a blink to the next
LIDS_CLOSE_SECONDS, LIDS_SHUT_SECONDS, LIDS_OPEN_SECONDS = 0.08, 0.04, 0.16  # seconds of a blink


def lively_rotation(level: Tensor, fps: Fraction, seed: int) -> dict[str, Tensor]:
    """Small turns of the head: (T) radians of pitch (+ down), yaw and roll by name.

    Args:
        level: (T) loudness of the voice in dB.
        fps: of the frames.
        seed: the same one moves the same way.
    """
    rng = np.random.default_rng([3, seed])
    seconds = torch.arange(len(level), dtype=torch.float64) / float(fps)
    rise = _smooth_step(seconds / RISE_SECONDS)
    turns = {}
    for name, degrees in SWAY_DEGREES.items():
        frequency, phase = rng.uniform(*SWAY_HZ, SWAYS), rng.uniform(0, 2 * math.pi, SWAYS)
        waves = [torch.sin(2 * math.pi * f * seconds + p) for f, p in zip(frequency, phase, strict=True)]
        turns[name] = torch.stack(waves).sum(0) * (degrees * DEGREE * math.sqrt(2 / SWAYS))
    turns["pitch"] = turns["pitch"] + NOD_DEGREES * DEGREE * _emphasis(level, fps)
    return {name: (turn * rise).float() for name, turn in turns.items()}


def lively_face(level: Tensor, fps: Fraction, seed: int) -> dict[str, Tensor]:
    """Blinks, and brows that rise with emphasis: (T) values in 0..1 of ``arkit`` blendshapes by name.

    Arguments as in ``lively_rotation``.
    """
    blink = _blinks(len(level), fps, np.random.default_rng([5, seed]))
    seconds = torch.arange(len(level), dtype=torch.float64) / float(fps)
    brows = (BROW_RAISE * _emphasis(level, fps).clamp(0, 1) * _smooth_step(seconds / RISE_SECONDS)).float()
    return {"eyeBlinkLeft": blink, "eyeBlinkRight": blink, "browInnerUp": brows}


def _emphasis(level: Tensor, fps: Fraction) -> Tensor:
    """(T) float64 in -1..1: how much louder the voice is than around, a moment ago."""
    level = level.double().clamp(min=float(level.max()) - 3 * NOD_DB)[:, None]
    rate = float(fps)
    louder = smooth_over_time(level, NOD_SIGMA_SECONDS * rate) - smooth_over_time(level, CONTEXT_SIGMA_SECONDS * rate)
    late = min(round(NOD_DELAY_SECONDS * rate), len(level) - 1)
    louder = torch.cat((louder[:1].expand(late, -1), louder[: len(louder) - late]))
    return torch.tanh(louder[:, 0] / NOD_DB)


def _blinks(frames: int, fps: Fraction, rng: np.random.Generator) -> Tensor:
    """(T) how far the eyes are shut, 0..1; gaps between blinks are exponential beyond the shortest one."""
    seconds = torch.arange(frames, dtype=torch.float64) / float(fps)
    shut, length = torch.zeros(frames, dtype=torch.float64), LIDS_CLOSE_SECONDS + LIDS_SHUT_SECONDS + LIDS_OPEN_SECONDS
    mean = 60 / BLINKS_PER_MINUTE - length - MIN_BLINK_GAP_SECONDS
    start = MIN_BLINK_GAP_SECONDS + rng.exponential(mean)
    while start < frames / float(fps):
        after = seconds - start
        closing = after / LIDS_CLOSE_SECONDS
        opening = (after - LIDS_CLOSE_SECONDS - LIDS_SHUT_SECONDS) / LIDS_OPEN_SECONDS
        shut = torch.maximum(shut, _smooth_step(closing) * (1 - _smooth_step(opening)))
        start += length + MIN_BLINK_GAP_SECONDS + rng.exponential(mean)
    return shut.float()


def _smooth_step(share: Tensor) -> Tensor:
    """0 up to 0, 1 from 1 on, with a smooth way in between."""
    share = share.clamp(0, 1)
    return share * share * (3 - 2 * share)
