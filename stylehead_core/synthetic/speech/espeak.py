"""Speech synthesis with espeak-ng through ctypes: sound with the start times of its phonemes.

The library comes with the package ``espeakng-loader`` or with the system. It has internal state, so that a sentence
sounds slightly different depending on those before it. The library is therefore loaded anew for every sentence, which
costs half a millisecond, and the noise of breathy voices gets a fixed seed: the sound is deterministic.
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

# Constants of espeak-ng's speak_lib.h.
SYNCHRONOUS = 2  # output: to the callback, while Synth runs
WITH_PHONEMES, IPA = 1, 2  # options of Initialize
UTF8 = 1  # flag of Synth
PHONEME, LAST = 7, 0  # types of events
NOISE_SEED = 1  # of breath; without one espeak-ng takes the time
SPEED, PITCH, RANGE = 1, 3, 4  # parameters

_lock = threading.Lock()  # the library has one global state per process


@dataclass(frozen=True, kw_only=True)
class Voice:
    """Voice of espeak-ng."""

    name: str = "en-us"  # language, optionally with ``+`` and a variant: ``de+f3``
    speed: int = 165  # words per minute, 80..450
    pitch: int = 50  # 0..99
    range: int = 50  # pitch range, 0..99
    variant: str = ""  # text of a custom variant; ``name`` then is the language only


@dataclass(frozen=True)
class Phoneme:
    """Phoneme with its start time; it lasts until the next one."""

    start: float  # seconds
    name: str  # IPA, with marks of stress and length; empty for a pause


@dataclass(frozen=True, kw_only=True)
class SpokenText:
    """Synthesised speech."""

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
    """Path of the library, and of the folder of its voices (None for the system's).

    Raises:
        ConfigError: espeak-ng is not installed.
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
    """Synthesise ``text``.

    Raises:
        ConfigError: espeak-ng is missing, the voice is unknown, or the result is empty.
    """
    parts: list[np.ndarray] = []
    events: list[tuple[int, str]] = []

    def listen(samples, count: int, told) -> int:
        if samples and count > 0:
            parts.append(np.ctypeslib.as_array(samples, (count,)).copy())
        i = 0
        while told[i].type != LAST:
            if told[i].type == PHONEME:  # names are truncated to 8 bytes, possibly within a character
                events.append((told[i].sample, told[i].id.string.decode("utf-8", "ignore")))
            i += 1
        return 0  # continue

    with _lock:
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
    """Newly loaded library."""

    def __init__(self) -> None:
        path, self.data = find_espeak()
        self.library = ctypes.CDLL(path)

    def speak(self, text: str, voice: Voice, listener) -> int:
        """Synthesise ``text`` into the callback ``listener``; returns the sample rate."""
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
        """Initialise the library with the voices in ``data``; returns the sample rate."""
        path = os.fsencode(data) if data else None
        rate = self.library.espeak_Initialize(SYNCHRONOUS, 0, path, WITH_PHONEMES | IPA)
        if rate <= 0:
            raise ConfigError(f"espeak-ng does not start: it finds no voices in {data or 'its own folder'}.")
        if hasattr(self.library, "espeak_ng_SetRandSeed"):  # since 1.52
            self.library.espeak_ng_SetRandSeed(ctypes.c_long(NOISE_SEED))
        return rate

    def folder(self) -> Path:
        """Folder of the initialised library's voices."""
        path = ctypes.c_char_p()
        self.library.espeak_Info(ctypes.byref(path))
        return Path(os.fsdecode(path.value or b""))

    def close(self) -> None:
        """Unload the library."""
        self.library.espeak_Terminate()
        close = _ctypes.FreeLibrary if sys.platform == "win32" else _ctypes.dlclose
        close(self.library._handle)


@functools.cache
def _writable(data: Path) -> Path:
    """Temporary copy of the folder ``data`` until Python exits, since variants are read from the data folder only."""
    copy = Path(tempfile.mkdtemp(prefix="espeak-"))
    atexit.register(shutil.rmtree, copy, ignore_errors=True)
    return Path(shutil.copytree(data, copy, dirs_exist_ok=True))
