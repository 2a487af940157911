"""The 80-band mel spectrogram on which lip-sync networks are trained.

16 kHz, pre-emphasis 0.97, windows of 50 ms every 12.5 ms (80 columns a second), 55 to 7600 Hz on Slaney's scale,
decibels of the magnitude scaled to -4 (silence) .. 4. Source: METHOD section 3.1 (Wav2Lip's recipe).
"""

import numpy as np
import torch
from torch import Tensor

from .windows import MEL_RATE, SILENCE

__all__ = ["BANDS", "RATE", "mel_spectrogram"]

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


def mel_spectrogram(samples: np.ndarray) -> Tensor:
    """Mel spectrogram (80, 1 + N // 200) in -4..4 of ``samples`` (N) at 16 kHz in -1..1.

    Column k is centred at k / 80 seconds.
    """
    import librosa

    if len(samples) == 0:
        return torch.full((BANDS, 1), SILENCE)
    emphasised = samples.astype(np.float32)
    emphasised[1:] -= PRE_EMPHASIS * samples[:-1].astype(np.float32)
    # Reflection needs half a window of sound; constant padding changes only the outer two columns.
    padded = np.pad(emphasised, WINDOW_SAMPLES // 2)
    filters = librosa.filters.mel(sr=RATE, n_fft=WINDOW_SAMPLES, n_mels=BANDS, fmin=LOWEST_HZ, fmax=HIGHEST_HZ)
    parts, columns = [], 1 + len(samples) // HOP_SAMPLES
    for first in range(0, columns, CHUNK_COLUMNS):
        last = min(first + CHUNK_COLUMNS, columns) - 1
        part = padded[first * HOP_SAMPLES : last * HOP_SAMPLES + WINDOW_SAMPLES]
        spectrum = np.abs(librosa.stft(y=part, n_fft=WINDOW_SAMPLES, hop_length=HOP_SAMPLES, center=False))
        decibels = 20 * np.log10(np.maximum(MIN_MAGNITUDE, filters @ spectrum)) - REFERENCE_DB
        scaled = 2 * -SILENCE * (decibels + RANGE_DB) / RANGE_DB + SILENCE
        parts.append(np.clip(scaled, SILENCE, -SILENCE).astype(np.float32))
    return torch.from_numpy(np.concatenate(parts, axis=1))
