"""Audio augmentation: room reverberation, microphone response, noise, music.

Every function takes and returns samples (N), float32 at 16 kHz in -1..1.
"""

from collections.abc import Callable

import numpy as np

from ...ops.mel import RATE

__all__ = ["add_noise", "apply_microphone", "damage", "make_chords", "reverberate", "set_level", "voiceless"]

REVERB_SECONDS = 0.3  # seconds of a room's impulse response


def damage(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Apply a random subset of all augmentations."""
    if rng.random() < 0.6:
        samples = apply_microphone(samples, rng)
    if rng.random() < 0.4:
        samples = reverberate(samples, rng)
    if rng.random() < 0.1:
        music = make_chords(len(samples), rng)
        samples = samples + music * _rms(samples) / max(_rms(music), 1e-6) * 10 ** (-rng.uniform(15, 25) / 20)
    if rng.random() < 0.6:
        samples = add_noise(samples, rng)
    return set_level(samples, rng)


def set_level(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Scale the peak to a random level of -20 to 0 dB."""
    peak = float(np.abs(samples).max())
    return (samples * (10 ** (-rng.uniform(0, 20) / 20) / max(peak, 1e-6))).astype(np.float32)


def add_noise(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Add noise between white and brown, 15 to 45 dB below the voice."""
    fall = rng.uniform(0, 1)
    white = rng.standard_normal(len(samples), np.float32)
    noise = _filter(white, lambda frequency: np.maximum(frequency, 5) ** -fall)
    level = _rms(samples) * 10 ** (-rng.uniform(15, 45) / 20)
    return (samples + noise * level / max(_rms(noise), 1e-9)).astype(np.float32)


def apply_microphone(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Apply a random microphone response: up to +-9 dB per octave, sometimes limited to the band of a telephone."""
    bands = rng.uniform(-9, 9, 9)  # dB of the octaves above 50 Hz
    telephone = rng.uniform((100, 3200), (300, 6000)) if rng.random() < 0.2 else (0, RATE)  # Hz

    def response(frequency: np.ndarray) -> np.ndarray:
        decibels = np.interp(np.log2(np.maximum(frequency, 50) / 50), np.arange(9), bands)
        decibels -= 30 * ((frequency < telephone[0]) | (frequency > telephone[1]))
        return 10 ** (decibels / 20)

    return _filter(samples, response)


def reverberate(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Apply a random room: an impulse response of decaying noise, 3 to 15 dB below the direct sound."""
    time = np.arange(int(REVERB_SECONDS * RATE)) / RATE
    answer = rng.standard_normal(len(time)) * np.exp(-time / rng.uniform(0.02, 0.08))
    answer *= 10 ** (-rng.uniform(3, 15) / 20) / np.linalg.norm(answer)
    answer[0] += 1
    size = _fft_size(len(samples) + len(answer))
    together = np.fft.rfft(samples, size) * np.fft.rfft(answer, size)
    return np.fft.irfft(together, size)[: len(samples)].astype(np.float32)


def make_chords(length: int, rng: np.random.Generator) -> np.ndarray:
    """Synthesise music (``length`` samples): make_chords of three plucked tones with overtones."""
    samples, start = np.zeros(length, np.float32), 0
    while start < length:
        time = np.arange(min(int(rng.uniform(0.25, 1.0) * RATE), length - start)) / RATE
        root = 110 * 2 ** (rng.integers(0, 24) / 12)  # Hz
        for step in (0, rng.integers(3, 5), 7):
            for overtone in range(1, 7):
                tone = np.sin(2 * np.pi * root * 2 ** (step / 12) * overtone * time + rng.uniform(0, 6.28))
                samples[start : start + len(time)] += tone / overtone**1.5 * np.exp(-3 * overtone**0.5 * time)
        start += len(time)
    return samples / max(float(np.abs(samples).max()), 1e-6)


def voiceless(length: int, rng: np.random.Generator) -> np.ndarray:
    """Sound to which nobody moves a lip: white noise, rumble, the hum of a machine, or make_chords."""
    kind = rng.integers(4)
    if kind == 3:
        return make_chords(length, rng)
    if kind == 0:
        samples = rng.standard_normal(length)
    elif kind == 1:
        walk = np.cumsum(rng.standard_normal(length))
        samples = walk - np.linspace(walk[0], walk[-1], length)
    else:
        phase = 2 * np.pi * rng.uniform(45, 500) * np.arange(length) / RATE
        samples = np.zeros(length) + sum(
            rng.uniform() / k * np.sin(k * phase + rng.uniform(0, 6.28)) for k in range(1, 12)
        )
    return (samples / max(float(np.abs(samples).max()), 1e-6)).astype(np.float32)


def _filter(samples: np.ndarray, response: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Filter ``samples`` by a frequency response (of Hz)."""
    size = _fft_size(len(samples))
    weights = response(np.fft.rfftfreq(size, 1 / RATE))
    return np.fft.irfft(np.fft.rfft(samples, size) * weights, size)[: len(samples)].astype(np.float32)


def _fft_size(length: int) -> int:
    """FFT size: the next power of two, since sizes with large prime factors take ten times as long."""
    return 1 << (length - 1).bit_length()


def _rms(samples: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(samples))))
