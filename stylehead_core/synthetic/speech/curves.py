"""From phonemes with their times to curves of the lips and the jaw.

Axes: T frames, N steps of time (200 a second), L coefficients of ``LIPS``.
"""

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import torch
from torch import Tensor

from .espeak import Phoneme
from .visemes import LIPS, OPENING, REST, Viseme, visemes_of

__all__ = ["lip_curves"]

STEPS_PER_SECOND = 200  # a second
MOUTH_LEAD_SECONDS = 0.03  # seconds that the mouth is ahead of the sound
SPREAD_SECONDS = 0.035  # seconds: standard deviation of a sound's influence on its neighbours
CLOSURE_SPREAD_SECONDS = 0.014  # seconds: the same of a lip closure, which is quicker
MIN_PAUSE_SECONDS = 0.08  # seconds: a shorter one is part of the sound before
MIN_CLOSURE_SECONDS = 0.06  # seconds: lips that meet stay together at least so long
CLOSURE_GAIN = 1.25  # a closure is complete where it acts to 1 / CLOSURE_GAIN

Span = tuple[float, float, Viseme]
"""Start and end (seconds), and what the mouth aims at."""


def lip_curves(phonemes: Sequence[Phoneme], seconds: float, fps: Fraction = Fraction(25)) -> Tensor:
    """The weights of ``LIPS`` at each frame of a sound that lasts ``seconds``.

    A sound's aim acts before and after it, the more the more it insists, and the mean of all that act is taken
    (coarticulation as in Cohen and Massaro 1993, with Gaussian dominance). Lips that meet do so completely.

    Returns:
        (T L), T = ceil(seconds * fps), frame k at k / fps seconds.
    """
    steps = math.ceil(seconds * STEPS_PER_SECOND) + 1
    aims, insistence = np.zeros((steps, len(LIPS))), np.zeros((steps, len(LIPS)))
    closed = np.zeros(steps)
    for start, end, viseme in mouth_spans(phonemes, seconds):
        here = _steps(start, end, steps)
        aims[here], insistence[here] = viseme.aim(), viseme.insistence()
        if viseme.closed:
            longer = max(0.0, MIN_CLOSURE_SECONDS - (end - start)) / 2
            closed[_steps(start - longer, end + longer, steps)] = 1
    curves = _blur(aims * insistence, SPREAD_SECONDS) / _blur(insistence, SPREAD_SECONDS)
    opening = [LIPS.index(name) for name in (*OPENING, "mouthFunnel")]
    curves[:, opening] *= 1 - np.clip(CLOSURE_GAIN * _blur(closed[:, None], CLOSURE_SPREAD_SECONDS), 0, 1)
    frames = math.ceil(round(seconds * float(fps), 6))
    at = np.arange(frames) * (STEPS_PER_SECOND / float(fps))
    sampled = [np.interp(at, np.arange(steps), curve) for curve in curves.T]
    return torch.from_numpy(np.stack(sampled, axis=1).astype(np.float32))


def mouth_spans(phonemes: Sequence[Phoneme], seconds: float) -> list[Span]:
    """What the mouth aims at from when to when, without gaps from 0 to ``seconds``; it is ahead of the sound."""
    spans: list[Span] = [(0.0, seconds, REST)]
    for phoneme, end in zip(phonemes, [*(p.start for p in phonemes[1:]), seconds], strict=True):
        visemes = visemes_of(phoneme.name)
        if not visemes or (visemes == (REST,) and end - phoneme.start < MIN_PAUSE_SECONDS):
            continue  # the sound before lasts longer
        for i, viseme in enumerate(visemes):
            start = phoneme.start + (end - phoneme.start) * i / len(visemes)
            spans[-1] = (spans[-1][0], max(spans[-1][0], start - MOUTH_LEAD_SECONDS), spans[-1][2])
            spans.append((max(0.0, start - MOUTH_LEAD_SECONDS), seconds, viseme))
    return [span for span in spans if span[1] > span[0]]


def _steps(start: float, end: float, steps: int) -> slice:
    """The steps of a span; never none."""
    first = min(max(round(start * STEPS_PER_SECOND), 0), steps - 1)
    last = steps if end * STEPS_PER_SECOND >= steps - 1 else round(end * STEPS_PER_SECOND)
    return slice(first, max(last, first + 1))


def _blur(values: np.ndarray, sigma: float) -> np.ndarray:
    """``values`` (N K) under a Gaussian of ``sigma`` seconds; the ends go on as they are."""
    reach = math.ceil(3 * sigma * STEPS_PER_SECOND)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / (sigma * STEPS_PER_SECOND)) ** 2)
    kernel /= kernel.sum()
    padded = np.pad(values, ((reach, reach), (0, 0)), mode="edge")
    return np.stack([np.convolve(column, kernel, "valid") for column in padded.T], axis=1)
