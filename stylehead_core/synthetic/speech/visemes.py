"""From the sounds of speech to the shape of the mouth.

A sound is known by the letters of its IPA name that stand here, so that stress, length and other marks do not
matter. Vowels are shaped by where they stand in the IPA's chart of vowels, consonants by where they are made.
Weights are those of ICT-FaceKit's shapes, of which the rendered heads are made: a ``jawOpen`` of 1 is a yawn.
"""

import unicodedata
from dataclasses import dataclass, field

import numpy as np

from ...spaces import SPEECH_BLENDSHAPES

__all__ = ["LIPS", "OPENING", "REST", "Viseme", "visemes_of"]

LIPS = SPEECH_BLENDSHAPES  # in the order of the curves

OPENING = ("jawOpen", *(f"mouth{lip}{side}" for lip in ("LowerDown", "UpperUp") for side in ("Left", "Right")))
"""Those that part the lips."""


@dataclass(frozen=True)
class Viseme:
    """What the mouth aims at during a sound."""

    name: str
    weights: dict[str, float] = field(default_factory=dict)  # a name without its side is both sides
    jaw: float = 1.0  # how much the sound insists on how far the lips part, against its neighbours
    lips: float = 1.0  # the same of their shape
    closed: bool = False  # the lips meet

    def aim(self) -> np.ndarray:
        """(L) weights in the order of ``LIPS``."""
        return np.array([self.weights.get(n, self.weights.get(_without_side(n), 0.0)) for n in LIPS], np.float32)

    def insistence(self) -> np.ndarray:
        """(L): how much the sound insists on each of them."""
        return np.array([self.jaw if n in OPENING else self.lips for n in LIPS], np.float32)


def _without_side(name: str) -> str:
    return name.removesuffix("Left").removesuffix("Right")


REST = Viseme("rest", jaw=0.5, lips=0.4)


def _vowel(name: str, open_: float, front: float, rounded: float) -> Viseme:
    """A vowel of the IPA chart: ``open_`` 0 close .. 1 open, ``front`` 0 back .. 1 front, ``rounded`` 0 or 1."""
    spread = front * (1 - rounded)
    weights = {
        "jawOpen": 0.1 + 0.4 * open_ - 0.04 * rounded,
        "mouthFunnel": rounded * (0.25 + 0.35 * open_),
        "mouthPucker": rounded * 0.75 * (1 - open_),
        "mouthLowerDown": (0.12 + 0.1 * open_) * (1 - 0.6 * rounded),
        "mouthUpperUp": (0.04 + 0.08 * open_) * (1 - 0.6 * rounded),
        "mouthStretch": spread * 0.35 * (1 - 0.5 * open_),
        "mouthSmile": spread * 0.2 * (1 - open_),
    }
    return Viseme(name, weights, jaw=1.0, lips=1.0 if rounded or front > 0.8 else 0.6)


VOWELS = {
    # letters: (open, front, rounded)
    "iɪ": (0.05, 1.0, 0),
    "e": (0.35, 1.0, 0),
    "ɛ": (0.6, 0.9, 0),
    "æ": (0.85, 0.9, 0),
    "aä": (1.0, 0.5, 0),
    "ɑɒʌɐ": (0.85, 0.1, 0),
    "ɔ": (0.65, 0.0, 1),
    "o": (0.4, 0.0, 1),
    "uʊʉ": (0.05, 0.2, 1),
    "yʏ": (0.05, 0.9, 1),
    "øɵ": (0.35, 0.8, 1),
    "œ": (0.6, 0.8, 1),
    "əɜɘɚɝᵊᵻ": (0.4, 0.5, 0),
    "ɨɯ": (0.1, 0.5, 0),
    "ɤ": (0.4, 0.1, 0),
}

CONSONANTS = {
    "pbmɓ": Viseme(
        "lips together", {"mouthPress": 0.5, "mouthRollLower": 0.3, "mouthRollUpper": 0.2}, jaw=6, lips=0.8, closed=True
    ),
    "fvɱʋ": Viseme(
        "lip to teeth",
        {"jawOpen": 0.05, "mouthRollLower": 0.55, "mouthUpperUp": 0.2, "mouthShrugUpper": 0.15},
        jaw=3,
        lips=1.5,
    ),
    "ɸβ": Viseme("lips near", {"jawOpen": 0.05, "mouthFunnel": 0.2, "mouthPress": 0.15}, jaw=2, lips=1),
    "wɥʍ": Viseme("round", {"jawOpen": 0.08, "mouthPucker": 0.75, "mouthFunnel": 0.3}, jaw=1.5, lips=2),
    "θð": Viseme("tongue to teeth", {"jawOpen": 0.14, "mouthLowerDown": 0.2}, jaw=1.2, lips=0.3),
    "tdnlɾrɗɬɫ": Viseme(
        "tongue behind teeth", {"jawOpen": 0.1, "mouthLowerDown": 0.2, "mouthUpperUp": 0.06}, jaw=0.8, lips=0.2
    ),
    "ʈɖɳɭɽ": Viseme("tongue curled", {"jawOpen": 0.12, "mouthLowerDown": 0.18}, jaw=0.7, lips=0.2),
    "szʦʣ": Viseme(
        "teeth together",
        {"jawOpen": 0.04, "mouthStretch": 0.28, "mouthLowerDown": 0.28, "mouthUpperUp": 0.1},
        jaw=1.8,
        lips=0.5,
    ),
    "ʃʒʂʐɕʑʧʤ": Viseme(
        "hushing", {"jawOpen": 0.06, "mouthFunnel": 0.55, "mouthLowerDown": 0.2, "mouthUpperUp": 0.18}, jaw=1.8, lips=1
    ),
    "ɹɻ": Viseme("r", {"jawOpen": 0.1, "mouthFunnel": 0.35, "mouthPucker": 0.25}, jaw=0.8, lips=0.8),
    "jʝç": Viseme(
        "tongue to palate", {"jawOpen": 0.1, "mouthStretch": 0.25, "mouthSmile": 0.12, "mouthLowerDown": 0.15}, lips=0.6
    ),
    "cɟɲʎ": Viseme("tongue on palate", {"jawOpen": 0.12, "mouthStretch": 0.15, "mouthLowerDown": 0.15}, lips=0.4),
    "kɡgŋxɣχʁqɢʀ": Viseme("tongue back", {"jawOpen": 0.16, "mouthLowerDown": 0.12}, jaw=0.5, lips=0.15),
    "hɦʔʕħ": Viseme("throat", {"jawOpen": 0.15, "mouthLowerDown": 0.12}, jaw=0.3, lips=0.1),
}

_VISEMES = {letter: viseme for letters, viseme in CONSONANTS.items() for letter in letters} | {
    letter: _vowel(letters[0], *place) for letters, place in VOWELS.items() for letter in letters
}
_FRICATIVES = "szʃʒʂʐɕʑ"


def visemes_of(phoneme: str) -> tuple[Viseme, ...]:
    """What the mouth does in turn during a sound, by the sound's IPA name.

    Mostly one viseme; two for a diphthong; of an affricate the second half, of a breathed stop the stop; of a pause
    ``REST``. Empty for a mark that stands for itself and belongs to the sound before it.
    """
    if not phoneme.strip():
        return (REST,)
    letters = [letter for letter in unicodedata.normalize("NFD", phoneme) if letter in _VISEMES]
    if len(letters) > 1 and letters[0] in "td" and letters[1] in _FRICATIVES:
        del letters[0]
    return tuple(_VISEMES[letter] for i, letter in enumerate(letters) if i == 0 or letter not in "hɦ")
