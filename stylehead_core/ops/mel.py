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
HOP = RATE // MEL_RATE  # 200 samples
WINDOW = 800  # samples, 50 ms
LOWEST, HIGHEST = 55, 7600  # Hz
EMPHASIS = 0.97
FLOOR = 1e-5  # magnitude of silence: -100 dB
REFERENCE = 20  # dB
RANGE = 100  # dB between silence and full


def mel_spectrogram(samples: np.ndarray) -> Tensor:
    """``samples`` (N) at 16 kHz, full scale 1 -> (80, 1 + N // 200) in -4..4; column k is centred at k / 80 seconds."""
    import librosa

    if len(samples) == 0:
        return torch.full((BANDS, 1), SILENCE)
    emphasised = samples.astype(np.float32)
    emphasised[1:] -= EMPHASIS * samples[:-1].astype(np.float32)
    # Reflection needs half a window of sound; constant padding changes only the outer two columns.
    spectrum = np.abs(librosa.stft(y=np.pad(emphasised, WINDOW // 2), n_fft=WINDOW, hop_length=HOP, center=False))
    filters = librosa.filters.mel(sr=RATE, n_fft=WINDOW, n_mels=BANDS, fmin=LOWEST, fmax=HIGHEST)
    decibels = 20 * np.log10(np.maximum(FLOOR, filters @ spectrum)) - REFERENCE
    scaled = 2 * -SILENCE * (decibels + RANGE) / RANGE + SILENCE
    return torch.from_numpy(np.clip(scaled, SILENCE, -SILENCE).astype(np.float32))
