"""The 80-band mel spectrogram on which lip-sync networks are trained.

16 kHz, pre-emphasis 0.97, windows of 50 ms every 12.5 ms (80 columns a second), 55 to 7600 Hz on Slaney's scale,
decibels of the magnitude scaled to -4 (silence) .. 4. Source: METHOD section 3.1 (Wav2Lip's recipe).
"""

from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from .windows import MEL_RATE, SILENCE

__all__ = ["BANDS", "RATE", "Samples", "mel_spectrogram"]

RATE = 16_000  # samples a second
BANDS = 80
HOP_SAMPLES = RATE // MEL_RATE  # 200 samples
WINDOW_SAMPLES = 800  # samples, 50 ms
LOWEST_HZ, HIGHEST_HZ = 55, 7600  # Hz
PRE_EMPHASIS = 0.97
MIN_MAGNITUDE = 1e-5  # magnitude of silence: -100 dB
REFERENCE_DB = 20  # dB
RANGE_DB = 100  # dB between silence and full
CHUNK_COLUMNS = 4096  # of the spectrum that are held at once: 51 seconds


class Samples(Protocol):
    """One channel (N) in -1..1 that is read in slices: an array, or a ``MonoSamples`` that computes what is read."""

    def __len__(self) -> int: ...

    def __getitem__(self, part: slice, /) -> np.ndarray: ...


def mel_spectrogram(samples: Samples, columns: range | None = None) -> Tensor:
    """Mel spectrogram (80, 1 + N // 200) in -4..4 of ``samples`` (N) at 16 kHz in -1..1.

    Column k is centred at k / 80 seconds.

    Args:
        samples: read in slices of 51 seconds.
        columns: those to compute, of all that there are; None = all.
    """
    import librosa

    count = 1 + len(samples) // HOP_SAMPLES
    asked = range(count) if columns is None else columns
    if not 0 <= asked.start <= asked.stop <= count:
        raise ValueError(f"A sound of {len(samples)} samples has columns 0 to {count}; asked for {asked}.")
    spectrogram = torch.full((BANDS, len(asked)), SILENCE)
    filters = librosa.filters.mel(sr=RATE, n_fft=WINDOW_SAMPLES, n_mels=BANDS, fmin=LOWEST_HZ, fmax=HIGHEST_HZ)
    for first in range(asked.start, asked.stop if len(samples) else asked.start, CHUNK_COLUMNS):
        last = min(first + CHUNK_COLUMNS, asked.stop)
        part = _emphasise(samples, first * HOP_SAMPLES, (last - 1) * HOP_SAMPLES)
        spectrum = np.abs(librosa.stft(y=part, n_fft=WINDOW_SAMPLES, hop_length=HOP_SAMPLES, center=False))
        decibels = 20 * np.log10(np.maximum(MIN_MAGNITUDE, filters @ spectrum)) - REFERENCE_DB
        scaled = 2 * -SILENCE * (decibels + RANGE_DB) / RANGE_DB + SILENCE
        clipped = np.clip(scaled, SILENCE, -SILENCE).astype(np.float32)
        spectrogram[:, first - asked.start : last - asked.start] = torch.from_numpy(clipped)
    return spectrogram


def _emphasise(samples: Samples, first: int, last: int) -> np.ndarray:
    """The samples with pre-emphasis from half a window before ``first`` to half a window after ``last``.

    What is beyond the ends is 0. Reflection would need half a window of sound; 0 changes only the outer two columns.
    """
    begin, end = first - WINDOW_SAMPLES // 2, last + WINDOW_SAMPLES // 2
    heard = samples[max(begin - 1, 0) : min(end, len(samples))].astype(np.float32)  # one more, before the first
    emphasised = heard.copy()
    emphasised[1:] -= PRE_EMPHASIS * heard[:-1]
    return np.pad(emphasised[1 if begin > 0 else 0 :], (max(-begin, 0), max(end - len(samples), 0)))
