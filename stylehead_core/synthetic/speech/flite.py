"""Speech by flite, whose voices are made from recordings of people, with the time of each of its sounds.

flite (BSD-like licence, package ``flite``) is run as a command; its phones are those of American English in ARPAbet
letters, which are told here by their IPA names, as ``espeak`` tells its own.
"""

import shutil
import subprocess
import tempfile
from pathlib import Path

from ...errors import ConfigError
from ...media.sound import read_sound
from ...ops.mel import RATE
from .espeak import Phoneme, SpokenText

__all__ = ["FLITE_VOICES", "HELD_OUT_FLITE_VOICE", "find_flite", "say_with_flite"]

FLITE_VOICES = ("slt", "awb", "kal16")  # a woman and two men, one of them from Scotland
HELD_OUT_FLITE_VOICE = "rms"  # another man; nothing is learnt from him
PAUSE = "pau"

IPA = {
    **{"aa": "ɑ", "ae": "æ", "ah": "ʌ", "ao": "ɔ", "aw": "aʊ", "ax": "ə", "axr": "ɚ", "ay": "aɪ", "b": "b"},
    **{"ch": "tʃ", "d": "d", "dh": "ð", "dx": "ɾ", "eh": "ɛ", "el": "əl", "em": "m", "en": "n", "er": "ɝ"},
    **{"ey": "eɪ", "f": "f", "g": "ɡ", "hh": "h", "hv": "h", "ih": "ɪ", "ix": "ɨ", "iy": "i", "jh": "dʒ"},
    **{"k": "k", "l": "l", "m": "m", "n": "n", "nx": "n", "ng": "ŋ", "ow": "oʊ", "oy": "ɔɪ", "p": "p", "r": "ɹ"},
    **{"s": "s", "sh": "ʃ", "t": "t", "th": "θ", "uh": "ʊ", "uw": "u", "v": "v", "w": "w", "y": "j", "z": "z"},
    **{"zh": "ʒ", PAUSE: "", "brth": "", "ssil": "", "h#": ""},
}
"""ARPAbet letters as flite writes them -> IPA names; pauses and breaths are empty."""


def find_flite() -> str:
    """The command.

    Raises:
        ConfigError: it is not installed.
    """
    found = shutil.which("flite")
    if found is None:
        raise ConfigError("flite is not installed: the package of that name has it (Debian, Homebrew).")
    return found


def say_with_flite(text: str, voice: str = FLITE_VOICES[0], *, stretch: float = 1.0) -> SpokenText:
    """Speak English ``text``.

    Args:
        voice: one of ``FLITE_VOICES``, or another that this flite was built with.
        stretch: how many times as long as usual every sound lasts.

    Raises:
        ConfigError: flite is missing, does not know the voice, or has nothing to say.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "speech.wav"
        command = [find_flite(), "-voice", voice, "-psdur", "--setf", f"duration_stretch={stretch}", "-o", str(file)]
        run = subprocess.run([*command, "-t", text], capture_output=True, text=True, check=False)
        sound = read_sound(file) if run.returncode == 0 and file.is_file() else None
    phonemes = _phonemes(run.stdout)
    if sound is None or not phonemes:
        raise ConfigError(f"flite has nothing to say: {text!r} with the voice {voice!r}. {run.stderr.strip()}")
    return SpokenText(sound=sound.resampled(RATE), phonemes=phonemes)


def _phonemes(printed: str) -> tuple[Phoneme, ...]:
    """The sounds of ``hh:0.255 ax:0.304 ...``, where a number is the end (seconds): each begins where the last ends.

    Raises:
        ConfigError: a phone that is not in ``IPA``.
    """
    phonemes, start = [], 0.0
    for word in printed.split():
        phone, _, end = word.rpartition(":")
        if phone not in IPA:
            raise ConfigError(f"flite speaks a phone that has no IPA name here: {phone!r}.")
        phonemes.append(Phoneme(start, IPA[phone]))
        start = float(end)
    return tuple(phonemes)
