"""What happens to a voice on its way to a listener: rooms, microphones, noise, music.

Every function takes and gives samples (N) float32 at 16 kHz, full scale 1, and its chance as a generator.
"""

import numpy as np

from ...ops.mel import RATE

__all__ = ["add_noise", "chords", "colour", "damage", "reverberate", "set_level"]

TAIL = 0.3  # seconds of a room's answer


def damage(samples: np.ndarray, chance: np.random.Generator) -> np.ndarray:
    """A recording of ``samples``: half of them near to perfect, the others through anything that happens."""
    if chance.random() < 0.6:
        samples = colour(samples, chance)
    if chance.random() < 0.4:
        samples = reverberate(samples, chance)
    if chance.random() < 0.1:
        music = chords(len(samples), chance)
        samples = samples + music * _rms(samples) / max(_rms(music), 1e-6) * 10 ** (-chance.uniform(15, 25) / 20)
    if chance.random() < 0.6:
        samples = add_noise(samples, chance)
    return set_level(samples, chance)


def set_level(samples: np.ndarray, chance: np.random.Generator) -> np.ndarray:
    """Bring the loudest sample to somewhere between -20 and 0 dB of full scale."""
    peak = float(np.abs(samples).max())
    return (samples * (10 ** (-chance.uniform(0, 20) / 20) / max(peak, 1e-6))).astype(np.float32)


def add_noise(samples: np.ndarray, chance: np.random.Generator) -> np.ndarray:
    """Noise from white to brown, 15 to 45 dB below the voice."""
    spectrum = np.fft.rfft(chance.standard_normal(len(samples)))
    spectrum /= np.maximum(np.arange(len(spectrum)), 20) ** chance.uniform(0, 1)
    noise = np.fft.irfft(spectrum, len(samples))
    level = _rms(samples) * 10 ** (-chance.uniform(15, 45) / 20)
    return (samples + noise * level / max(_rms(noise), 1e-9)).astype(np.float32)


def colour(samples: np.ndarray, chance: np.random.Generator) -> np.ndarray:
    """A microphone: up to 9 dB more or less, smoothly over the octaves, and sometimes the band of a telephone."""
    frequency = np.fft.rfftfreq(len(samples), 1 / RATE)
    octaves = np.log2(np.maximum(frequency, 50) / 50)
    decibels = np.interp(octaves, np.arange(9), chance.uniform(-9, 9, 9))
    if chance.random() < 0.2:
        low, high = chance.uniform(100, 300), chance.uniform(3200, 6000)  # Hz
        decibels -= 30 * ((frequency < low) | (frequency > high))
    return np.fft.irfft(np.fft.rfft(samples) * 10 ** (decibels / 20), len(samples)).astype(np.float32)


def reverberate(samples: np.ndarray, chance: np.random.Generator) -> np.ndarray:
    """A room: noise that dies away, 3 to 15 dB below the voice itself."""
    time = np.arange(int(TAIL * RATE)) / RATE
    answer = chance.standard_normal(len(time)) * np.exp(-time / chance.uniform(0.02, 0.08))
    answer *= 10 ** (-chance.uniform(3, 15) / 20) / np.linalg.norm(answer)
    answer[0] += 1
    size = len(samples) + len(answer)
    return np.fft.irfft(np.fft.rfft(samples, size) * np.fft.rfft(answer, size), size)[: len(samples)].astype(np.float32)


def chords(length: int, chance: np.random.Generator) -> np.ndarray:
    """Music of a kind, to which nobody moves a lip: chords of three plucked tones with overtones."""
    samples, start = np.zeros(length, np.float32), 0
    while start < length:
        time = np.arange(min(int(chance.uniform(0.25, 1.0) * RATE), length - start)) / RATE
        root = 110 * 2 ** (chance.integers(0, 24) / 12)  # Hz
        for step in (0, chance.integers(3, 5), 7):
            for overtone in range(1, 7):
                tone = np.sin(2 * np.pi * root * 2 ** (step / 12) * overtone * time + chance.uniform(0, 6.28))
                samples[start : start + len(time)] += tone / overtone**1.5 * np.exp(-3 * overtone**0.5 * time)
        start += len(time)
    return samples / max(float(np.abs(samples).max()), 1e-6)


def _rms(samples: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(samples))))
