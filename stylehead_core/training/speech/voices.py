"""Who speaks: espeak-ng's languages and variants, at chance."""

import numpy as np

from .espeak import Voice
from .sentences import Grammar, is_held_out

__all__ = ["HELD_OUT_VARIANTS", "VARIANTS", "choose_voice", "is_new_voice"]

VARIANTS = (
    *("", "m1", "m2", "m3", "m4", "m6", "m7", "f1", "f2", "f3"),
    *("Andy", "Annie", "Lee", "Mike", "Storm", "belinda", "caleb", "edward", "grandpa", "klatt", "klatt3", "linda"),
    *("quincy", "steph", "travis", "croak", "whisper"),
)
HELD_OUT_VARIANTS = ("m5", "m8", "f4", "f5", "Alicia", "Denis", "klatt2", "shelby")


def choose_voice(grammar: Grammar, seed: int, chance: np.random.Generator) -> Voice:
    """A voice for a sentence of ``grammar``. Every second seed that is held out has one that is never learnt from."""
    variants = HELD_OUT_VARIANTS if is_held_out(seed) and seed % 2 else VARIANTS
    name = grammar.voices[chance.integers(len(grammar.voices))]
    variant = variants[chance.integers(len(variants))]
    return Voice(
        name=f"{name}+{variant}" if variant else name,
        speed=int(chance.integers(120, 215)),
        pitch=int(chance.integers(20, 81)),
        range=int(chance.integers(25, 80)),
    )


def is_new_voice(voice: Voice) -> bool:
    """Whether nothing is ever learnt from this voice."""
    return voice.name.partition("+")[2] in HELD_OUT_VARIANTS
