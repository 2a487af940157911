"""Who speaks: espeak-ng's languages, with its variants or with throats that nobody has, at random."""

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
INVENTED = 0.6  # share of the voices learnt from that no variant has
WHISPER, KLATT = 0.08, 0.15  # shares of the invented ones: without a voice, and by espeak-ng's other synthesizer
KLATTS = (1, 3)  # of its forms; another one is held out


def choose_voice(grammar: Grammar, seed: int, rng: np.random.Generator) -> Voice:
    """A voice for a sentence of ``grammar``. Every second seed that is held out has one that is never learnt from.

    Those that are learnt from are for the larger part invented: of 27 variants a network learns the 27.
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
    if is_held_out(seed) or rng.random() >= INVENTED:
        return voice
    return replace(voice, name=name, variant=invent_variant(rng))


def invent_variant(rng: np.random.Generator) -> str:
    """A throat as lines of a variant: a length, nine resonances around it, a pitch, how rough and how breathy.

    Numbers are percent of the language's own voice; a resonance has a frequency, a loudness and a width.
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
    if kind < WHISPER:
        lines += [f"voicing {rng.integers(0, 35)}", f"breath {breath}", f"breathw {widths}"]
    elif kind < WHISPER + KLATT:
        lines.append(f"klatt {rng.choice(KLATTS)}")
    elif kind < 0.5:
        lines += [f"voicing {rng.integers(60, 130)}", f"breath {breath}", f"breathw {widths}"]
    return "\n".join(lines) + "\n"


def is_new_voice(voice: Voice) -> bool:
    """Whether nothing is ever learnt from this voice."""
    return voice.name.partition("+")[2] in HELD_OUT_VARIANTS
