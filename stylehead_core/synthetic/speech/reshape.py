"""Makes other speakers of one: the same words at another pitch, by a longer or shorter vocal tract, faster or slower.

Axes: N samples, K frequencies, C columns of a spectrogram.
"""

import numpy as np

from ...ops.mel import RATE

__all__ = ["reshape_voice"]

FFT_SAMPLES, HOP_SAMPLES = 512, 128  # samples: 32 ms, short enough for the sounds of speech
ENVELOPE_COEFFICIENTS = 30  # cepstral coefficients of the envelope: 1.9 ms, less than the period of a voice of 500 Hz
MAX_GAIN_DB = 30.0  # dB that a frequency is raised or lowered at most
MIN_MAGNITUDE = 1e-5  # magnitude


def reshape_voice(samples: np.ndarray, *, pitch: float = 1.0, formants: float = 1.0, speed: float = 1.0) -> np.ndarray:
    """``samples`` (N) at 16 kHz as spoken by somebody else.

    The sound is resampled (which moves pitch and resonances together), stretched to its length by a phase vocoder, and
    its spectral envelope, known from the low cepstrum, is moved to where the resonances belong.

    Args:
        samples: float32, full scale 1.
        pitch: times as high.
        formants: times as high resonances: above 1 a shorter vocal tract, as of a woman or a child.
        speed: times as fast.

    Returns:
        (about N / speed) float32; exactly ``samples`` where all three are 1.
    """
    import librosa

    if pitch == formants == speed == 1:
        return samples
    moved = librosa.resample(samples, orig_sr=RATE * pitch, target_sr=RATE)
    if speed != pitch:
        moved = librosa.effects.time_stretch(moved, rate=speed / pitch, n_fft=FFT_SAMPLES, hop_length=HOP_SAMPLES)
    if formants != pitch:
        spectrum = librosa.stft(moved, n_fft=FFT_SAMPLES, hop_length=HOP_SAMPLES)  # K C
        envelope = _log_envelope(np.abs(spectrum))
        frequencies = np.arange(len(envelope))
        wanted = np.stack([np.interp(frequencies * pitch / formants, frequencies, e) for e in envelope.T], axis=1)
        most = MAX_GAIN_DB / 20 * np.log(10)
        moved = librosa.istft(spectrum * np.exp(np.clip(wanted - envelope, -most, most)), hop_length=HOP_SAMPLES)
    return moved.astype(np.float32)


def _log_envelope(magnitude: np.ndarray) -> np.ndarray:
    """The smooth natural logarithm (K C) of a spectrum (K C): its cepstrum without what is finer than resonances."""
    cepstrum = np.fft.irfft(np.log(np.maximum(magnitude, MIN_MAGNITUDE)), axis=0)
    cepstrum[ENVELOPE_COEFFICIENTS : len(cepstrum) - ENVELOPE_COEFFICIENTS + 1] = 0
    return np.fft.rfft(cepstrum, axis=0).real
