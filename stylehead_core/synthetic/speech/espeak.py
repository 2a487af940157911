"""espeak-ng through ctypes: a sentence becomes sound, and says when each of its sounds begins.

The library comes with the package ``espeakng-loader`` or with the system. It remembers what it has spoken, and
speaks the next sentence a little differently. So every sentence is spoken by a library that has just been opened:
that costs half a millisecond, and makes the sound a function of what is asked for.
"""

import _ctypes
import atexit
import ctypes
import ctypes.util
import functools
import os
import shutil
import sys
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from ...errors import ConfigError
from ...media.sound import Sound
from ...ops.mel import RATE

__all__ = ["Phoneme", "SpokenText", "Voice", "find_espeak", "say"]

HELP = "Install it with: pip install 'stylehead[heads]' (or the system package espeak-ng)."

# Numbers of espeak-ng's speak_lib.h
SYNCHRONOUS = 2  # output: to the callback, while Synth runs
WITH_PHONEMES, IPA = 1, 2  # options of Initialize
UTF8 = 1  # flag of Synth
PHONEME, LAST = 7, 0  # types of events
SPEED, PITCH, RANGE = 1, 3, 4  # parameters

_turn = threading.Lock()  # the library is one per process


@dataclass(frozen=True, kw_only=True)
class Voice:
    """Who speaks, and how."""

    name: str = "en-us"  # a language of espeak-ng, with ``+`` and one of its variants: ``de+f3``
    speed: int = 165  # words a minute, 80..450
    pitch: int = 50  # 0..99
    range: int = 50  # 0..99: how much the pitch rises and falls
    variant: str = ""  # the lines of a variant of one's own; ``name`` then is a language alone


@dataclass(frozen=True)
class Phoneme:
    start: float  # seconds
    name: str  # IPA, with its marks of stress and length; empty for a pause


@dataclass(frozen=True, kw_only=True)
class SpokenText:
    sound: Sound  # one channel, 16 kHz
    phonemes: tuple[Phoneme, ...]  # in order of time; the last one ends with the sound


class _Id(ctypes.Union):
    _fields_ = (("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8))


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),  # ms
        ("sample", ctypes.c_int),  # since the beginning
        ("user", ctypes.c_void_p),
        ("id", _Id),
    )


_Listener = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
)  # samples, how many, events


def find_espeak() -> tuple[str, str | None]:
    """The library, and the folder of its voices (none: where the system keeps them).

    Raises:
        ConfigError: there is none.
    """
    try:
        import espeakng_loader
    except ImportError:
        library = ctypes.util.find_library("espeak-ng")
        if library is None:
            raise ConfigError(f"Synthetic speech needs espeak-ng, which is not installed. {HELP}") from None
        return library, None
    return espeakng_loader.get_library_path(), espeakng_loader.get_data_path()


def say(text: str, voice: Voice = Voice()) -> SpokenText:
    """Speak ``text``.

    Raises:
        ConfigError: espeak-ng is missing, does not know the voice, or has nothing to say.
    """
    parts: list[np.ndarray] = []
    events: list[tuple[int, str]] = []

    def listen(samples, count: int, told) -> int:
        if samples and count > 0:
            parts.append(np.ctypeslib.as_array(samples, (count,)).copy())
        i = 0
        while told[i].type != LAST:
            if told[i].type == PHONEME:  # names are cut at 8 bytes, which may be within a mark
                events.append((told[i].sample, told[i].id.string.decode("utf-8", "ignore")))
            i += 1
        return 0  # go on

    with _turn:
        espeak = _Espeak()
        try:
            rate = espeak.speak(text, voice, _Listener(listen))
        finally:
            espeak.close()
    if not parts or not events:
        raise ConfigError(f"espeak-ng has nothing to say: {text!r} with the voice {voice.name!r}.")
    samples = np.concatenate(parts).astype(np.float32) / 32768
    sound = Sound(samples=torch.from_numpy(samples)[None], rate=rate).resampled(RATE)
    return SpokenText(sound=sound, phonemes=tuple(Phoneme(sample / rate, name) for sample, name in events))


class _Espeak:
    """The library, newly opened."""

    def __init__(self) -> None:
        path, self.data = find_espeak()
        self.library = ctypes.CDLL(path)

    def speak(self, text: str, voice: Voice, listener) -> int:
        """Speak to ``listener``; gives the rate of the samples."""
        library, name = self.library, voice.name
        rate = self.start(self.data)
        if voice.variant:
            folder = _writable(self.folder())
            own = f"own{os.getpid()}"
            (folder / "voices" / "!v" / own).write_text(voice.variant, encoding="utf-8")
            library.espeak_Terminate()
            rate, name = self.start(str(folder)), f"{name}+{own}"
        library.espeak_SetSynthCallback(listener)
        if library.espeak_SetVoiceByName(name.encode()) != 0:
            raise ConfigError(f"espeak-ng knows no voice {voice.name!r}. `espeak-ng --voices` lists them.")
        for parameter, value in ((SPEED, voice.speed), (PITCH, voice.pitch), (RANGE, voice.range)):
            library.espeak_SetParameter(parameter, value, 0)
        spoken = text.encode() + b"\0"
        library.espeak_Synth(spoken, len(spoken), 0, 1, 0, UTF8, None, None)
        library.espeak_Synchronize()
        return rate

    def start(self, data: str | None) -> int:
        """Begin with the folder ``data``; gives the rate of the samples."""
        path = os.fsencode(data) if data else None
        rate = self.library.espeak_Initialize(SYNCHRONOUS, 0, path, WITH_PHONEMES | IPA)
        if rate <= 0:
            raise ConfigError(f"espeak-ng does not start: it finds no voices in {data or 'its own folder'}.")
        return rate

    def folder(self) -> Path:
        """Where the started library keeps its voices."""
        path = ctypes.c_char_p()
        self.library.espeak_Info(ctypes.byref(path))
        return Path(os.fsdecode(path.value or b""))

    def close(self) -> None:
        self.library.espeak_Terminate()
        close = _ctypes.FreeLibrary if sys.platform == "win32" else _ctypes.dlclose
        close(self.library._handle)


@functools.cache
def _writable(data: Path) -> Path:
    """A copy of the folder ``data`` for as long as Python runs: variants are read from there and nowhere else."""
    copy = Path(tempfile.mkdtemp(prefix="espeak-"))
    atexit.register(shutil.rmtree, copy, ignore_errors=True)
    return Path(shutil.copytree(data, copy, dirs_exist_ok=True))
