"""Where somebody speaks, by loudness."""

from fractions import Fraction

import numpy as np
import pytest

from stylehead_core.ops.voice_activity import SILENT_DB, loudness, voice_activity

RATE, FPS = 16_000, Fraction(25)


def speech(*parts: tuple[float, float]) -> np.ndarray:
    """Tones of (amplitude, seconds) one after the other."""
    return np.concatenate([a * np.sin(np.arange(round(s * RATE)) / 5) for a, s in parts]).astype(np.float32)


def test_a_full_sine_is_three_decibels_below_full_scale():
    level = loudness(speech((1.0, 1.0)), RATE, 25, FPS)
    assert float(level[12]) == pytest.approx(-3.01, abs=0.1)


def test_beyond_the_sound_there_is_silence():
    assert float(loudness(speech((1.0, 0.4)), RATE, 25, FPS)[20]) == SILENT_DB


def test_a_pause_is_silent_and_a_gap_between_words_is_not():
    heard = voice_activity(speech((0.3, 1.0), (0.0, 1.0), (0.3, 0.4), (0.0, 0.12), (0.3, 0.6)), RATE, 78, FPS)
    assert float(heard[10]) == 1
    assert float(heard[37]) == 0
    assert float(heard[61]) == 1  # within the gap of 0.12 s
    assert 0 < float(heard[25]) < 1  # it glides


def test_nothing_speaks_in_silence():
    assert not voice_activity(np.zeros(RATE, np.float32), RATE, 25, FPS).any()
