"""Random voices: espeak-ng's languages with its own variants, or with random ones."""

from dataclasses import replace

import numpy as np

from .espeak import Voice
from .sentences import Grammar, is_held_out

__all__ = ["HELD_OUT_VARIANTS", "VARIANTS", "choose_voice", "invent_variant", "is_new_voice"]

VARIANTS = (
    *("", "m1", "m2", "m3", "m4", "m6", "m7", "f1", "f2", "f3"),
    *("Andy", "Annie", "Lee", "Mike", "Storm", "belinda", "caleb", "edward", "grandpa", "klatt", "klatt3", "linda"),
    *("quincy", "steph", "travis", "croak", "whisper"),
)
HELD_OUT_VARIANTS = ("m5", "m8", "f4", "f5", "Alicia", "Denis", "klatt2", "shelby")
INVENTED_SHARE = 0.6  # share of random variants in the training set
WHISPER_SHARE, KLATT_SHARE = 0.08, 0.15  # shares of whispering and of the Klatt synthesiser among the random variants
KLATTS = (1, 3)  # Klatt models of the training set


def choose_voice(grammar: Grammar, seed: int, rng: np.random.Generator) -> Voice:
    """Sample a voice for a sentence of ``grammar``. Every second seed of the test set has a voice of its own.

    Most voices of the training set are random variants, since a network overfits to espeak-ng's 27 variants.
    """
    variants = HELD_OUT_VARIANTS if is_held_out(seed) and seed % 2 else VARIANTS
    name = grammar.voices[rng.integers(len(grammar.voices))]
    variant = variants[rng.integers(len(variants))]
    voice = Voice(
        name=f"{name}+{variant}" if variant else name,
        speed=int(rng.integers(120, 215)),
        pitch=int(rng.integers(20, 81)),
        range=int(rng.integers(25, 80)),
    )
    if is_held_out(seed) or rng.random() >= INVENTED_SHARE:
        return voice
    return replace(voice, name=name, variant=invent_variant(rng))


def invent_variant(rng: np.random.Generator) -> str:
    """Sample the text of a variant: vocal tract length, nine formants, pitch, roughness, breathiness.

    Values are percent of the language's default voice; a formant has a frequency, a level and a width.
    """
    throat, fall = rng.uniform(82, 130), rng.uniform(-6, 3)
    low = rng.uniform(65, 230)  # Hz
    lines = [
        "language variant",
        "name invented",
        f"pitch {low:.0f} {low * rng.uniform(1.1, 1.6):.0f}",
        f"flutter {rng.integers(0, 21)}",
        f"roughness {rng.integers(0, 6)}",
        f"consonants {rng.uniform(60, 140):.0f} {rng.uniform(60, 140):.0f}",
    ]
    for number in range(9):
        frequency = throat * rng.uniform(0.93, 1.07)
        loudness = max(10.0, rng.uniform(70, 115) + fall * number)
        lines.append(f"formant {number} {frequency:.0f} {loudness:.0f} {rng.uniform(70, 180):.0f}")
    kind = rng.random()
    breath = " ".join(f"{value:.0f}" for value in rng.uniform(0, 75, 6))
    widths = " ".join(f"{value:.0f}" for value in rng.uniform(100, 400, 6))
    if kind < WHISPER_SHARE:
        lines += [f"voicing {rng.integers(0, 35)}", f"breath {breath}", f"breathw {widths}"]
    elif kind < WHISPER_SHARE + KLATT_SHARE:
        lines.append(f"klatt {rng.choice(KLATTS)}")
    elif kind < 0.5:
        lines += [f"voicing {rng.integers(60, 130)}", f"breath {breath}", f"breathw {widths}"]
    return "\n".join(lines) + "\n"


def is_new_voice(voice: Voice) -> bool:
    """Whether the voice belongs to the test set only."""
    return voice.name.partition("+")[2] in HELD_OUT_VARIANTS
