"""Synthetic utterances: sound with lip curves, sampled from a seed.

Axes: N samples, T frames, L coefficients of ``LIPS``.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import IterableDataset, get_worker_info

from ...media.sound import Sound
from ...ops.mel import RATE
from .curves import lip_curves
from .damage import damage, make_chords, set_level, voiceless
from .espeak import Phoneme, Voice, say
from .flite import FLITE_VOICES, HELD_OUT_FLITE_VOICE, say_with_flite
from .reshape import reshape_voice
from .sentences import GRAMMARS, is_held_out, nonsense, sentence
from .visemes import LIPS
from .voices import choose_voice

__all__ = ["FliteUtterances", "Utterance", "Utterances", "make_flite_utterance", "make_utterance", "speak"]

MUSIC_SHARE = 0.05  # share of seeds with music only
NONSENSE_SHARE = 0.5  # share of pseudo-words in the training set, against overfitting to the phrases
VOICELESS_SHARE = 0.1  # share of flite's seeds: noise, hum and music
STRETCH_RATIOS = (0.85, 1.3)  # times as long as flite speaks by itself
RESHAPED_SHARE = 0.7  # share of flite's utterances that get another speaker's pitch and formants
PITCH_RATIOS, FORMANT_RATIOS = (0.65, 1.6), (0.85, 1.2)  # of other speakers, relative to flite's voices
MAX_THROAT_CHANGE = 0.14  # largest relative change of the vocal tract's length


@dataclass(frozen=True, kw_only=True)
class Utterance:
    """Sound with lip curves."""

    sound: Sound  # one channel, 16 kHz
    curves: Tensor  # (T L), weights of ``LIPS`` on the rendered heads' scale; T = ceil(seconds * fps)
    fps: Fraction
    phonemes: tuple[Phoneme, ...] = ()
    text: str = ""  # empty for music
    voice: Voice | None = None


def speak(
    text: str, voice: Voice = Voice(), fps: Fraction = Fraction(25), before: float = 0.2, after: float = 0.3
) -> Utterance:
    """Synthesise ``text`` as clean sound with lip curves, with silence (seconds) before and after."""
    utterance = say(text, voice)
    samples = utterance.sound.samples[0].numpy()
    samples = np.pad(samples, (round(before * RATE), round(after * RATE)))
    start = round(before * RATE) / RATE
    phonemes = tuple(Phoneme(phoneme.start + start, phoneme.name) for phoneme in utterance.phonemes)
    curves = lip_curves((Phoneme(0.0, ""), *phonemes), len(samples) / RATE, fps)
    return Utterance(sound=_sound(samples), curves=curves, fps=fps, phonemes=phonemes, text=text, voice=voice)


def make_utterance(seed: int, fps: Fraction = Fraction(25)) -> Utterance:
    """Sample the utterance of ``seed``: an augmented sentence by a random voice, or music.

    Seeds from 900000 on are the test set.
    """
    rng = np.random.default_rng([7, seed])
    if rng.random() < MUSIC_SHARE:
        samples = set_level(make_chords(int(rng.uniform(2, 4) * RATE), rng), rng)
        frames = math.ceil(Fraction(len(samples), RATE) * fps)
        return Utterance(sound=_sound(samples), curves=torch.zeros(frames, len(LIPS)), fps=fps)
    grammar = GRAMMARS[rng.integers(len(GRAMMARS))]
    text, voice = sentence(grammar, seed, rng), choose_voice(grammar, seed, rng)
    if not is_held_out(seed) and rng.random() < NONSENSE_SHARE:
        text = nonsense(grammar, rng)
    utterance = _scale_throat(
        speak(text, voice, fps, *rng.uniform(0.1, 0.6, 2)), 1 + rng.uniform(-MAX_THROAT_CHANGE, MAX_THROAT_CHANGE)
    )
    samples = damage(utterance.sound.samples[0].numpy(), rng)
    return replace(utterance, sound=_sound(samples))


def _scale_throat(utterance: Utterance, factor: float) -> Utterance:
    """Scale the vocal tract's length by ``factor``: resampling makes the voice slower and deeper."""
    rate = round(RATE / factor)
    sound = Sound(samples=utterance.sound.samples, rate=rate).resampled(RATE)
    phonemes = tuple(Phoneme(phoneme.start * RATE / rate, phoneme.name) for phoneme in utterance.phonemes)
    curves = lip_curves((Phoneme(0.0, ""), *phonemes), sound.seconds, utterance.fps)
    return replace(utterance, sound=sound, curves=curves, phonemes=phonemes)


def _sound(samples: np.ndarray) -> Sound:
    return Sound(samples=torch.from_numpy(samples)[None], rate=RATE)


def make_flite_utterance(seed: int, fps: Fraction = Fraction(25)) -> Utterance:
    """Talk number ``seed`` in English by a voice of flite or somebody made of it; or sound without a voice."""
    rng = np.random.default_rng([13, seed])
    if rng.random() < VOICELESS_SHARE:
        samples = damage(voiceless(int(rng.uniform(2, 4) * RATE), rng), rng)
        frames = math.ceil(Fraction(len(samples), RATE) * fps)
        return Utterance(sound=_sound(samples), curves=torch.zeros(frames, len(LIPS)), fps=fps)
    english = GRAMMARS[0]
    text = (
        nonsense(english, rng)
        if not is_held_out(seed) and rng.random() < NONSENSE_SHARE
        else sentence(english, seed, rng)
    )
    voice = HELD_OUT_FLITE_VOICE if is_held_out(seed) else FLITE_VOICES[seed % len(FLITE_VOICES)]
    utterance = say_with_flite(text, voice, stretch=rng.uniform(*STRETCH_RATIOS))
    before, after = rng.uniform(0.1, 0.6, 2)
    samples = np.pad(utterance.sound.samples[0].numpy(), (round(before * RATE), round(after * RATE)))
    phonemes = tuple(Phoneme(phoneme.start + before, phoneme.name) for phoneme in utterance.phonemes)
    if rng.random() < RESHAPED_SHARE:
        pitch = float(np.exp(rng.uniform(*np.log(PITCH_RATIOS))))
        formants = float(np.clip(pitch**0.3 * np.exp(rng.normal(0, 0.06)), *FORMANT_RATIOS))
        samples = reshape_voice(samples, pitch=pitch, formants=formants)
    curves = lip_curves((Phoneme(0.0, ""), *phonemes), len(samples) / RATE, fps)
    return Utterance(sound=_sound(damage(samples, rng)), curves=curves, fps=fps, phonemes=phonemes, text=text)


class Utterances(IterableDataset):
    """Torch dataset of the utterances of ``seeds``, divided among the workers of a data loader."""

    def __init__(self, seeds: range, fps: Fraction = Fraction(25)) -> None:
        self.seeds, self.fps = seeds, fps

    def __len__(self) -> int:
        return len(self.seeds)

    def __iter__(self) -> Iterator[Utterance]:
        worker = get_worker_info()
        first, step = (0, 1) if worker is None else (worker.id, worker.num_workers)
        for seed in self.seeds[first::step]:
            yield make_utterance(seed, self.fps)


class FliteUtterances(Utterances):
    """The same by the voices of flite, in one worker."""

    def __iter__(self) -> Iterator[Utterance]:
        for seed in self.seeds:
            yield make_flite_utterance(seed, self.fps)
