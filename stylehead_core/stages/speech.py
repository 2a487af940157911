"""Speech stage: from sound to a motion with mel windows, lip coefficients and the small movements of a lively head.

Axes: T frames, F mel bands (80), W mel columns of a window.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, get_args

import torch
from torch import Tensor

from ..errors import ConfigError, InputError
from ..media.sound import MonoSamples, Sound
from ..model.stylehead import StyleHead
from ..ops.liveliness import lively_face, lively_rotation
from ..ops.mel import BANDS, HOP_SAMPLES, RATE, mel_spectrogram
from ..ops.voice_activity import loudness
from ..ops.windows import mel_columns, mel_windows
from ..records import Motion, Progress
from ..spaces import space_named

__all__ = ["Life", "SpeechConfig", "SpeechNetwork", "hear", "motion_from_speech", "speech_motion_for_model"]

WINDOW_COLUMNS = 32  # mel columns, 0.4 s: the input of the official audio network
MIN_SOUND_SECONDS = 0.001  # seconds
MAX_STRENGTH = 2.0
CHUNK = 256  # frames whose sound is read, analysed and heard at once

SpeechNetwork = Callable[[Tensor], dict[str, Tensor]]
"""Mel windows (T 80 W) -> values (T) in 0..1 by coefficient name."""

Life = Literal["still", "lively"]
"""What speech alone does to the head: nothing, or small nods, raised brows and blinks."""


@dataclass(frozen=True, kw_only=True)
class SpeechConfig:
    """How speech becomes motion."""

    strength: float = 1.0  # of lips and jaw, 0 to MAX_STRENGTH; 1 = as learnt
    life: Life = "still"
    seed: int = 0  # of "lively": the same one moves and blinks the same way

    def __post_init__(self) -> None:
        if not 0 <= self.strength <= MAX_STRENGTH:
            raise ConfigError(f"The strength of the lips goes from 0 to {MAX_STRENGTH:g}; found {self.strength}.")
        if self.life not in get_args(Life):
            raise ConfigError(f"A head that speaks is {' or '.join(get_args(Life))}; found {self.life!r}.")
        if self.seed < 0:
            raise ConfigError(f"The seed must be 0 or more; found {self.seed}.")


def hear(sound: Sound, fps: Fraction, *, frames: int | None = None, window: int = WINDOW_COLUMNS) -> Tensor:
    """Mel windows around each frame, with silence beyond the ends.

    Args:
        sound: any rate and number of channels; NaN becomes silence, loud samples are clipped.
        fps: of the frames.
        frames: how many; None = the length of the sound, rounded up.
        window: W, mel columns.

    Returns:
        (T 80 W) in -4..4.

    Raises:
        InputError: the sound is shorter than a millisecond, or the rate is not above 0.
    """
    count = _frames(sound, fps, frames)
    heard, samples = torch.empty(count, BANDS, window), MonoSamples(sound, RATE)
    for part in _parts(count):
        heard[part.start : part.stop] = _windows(samples, part, fps, window)
    return heard


def motion_from_speech(
    sound: Sound,
    fps: Fraction = Fraction(25),
    *,
    space: str = "arkit",
    frames: int | None = None,
    window: int = WINDOW_COLUMNS,
    network: SpeechNetwork | None = None,
    config: SpeechConfig = SpeechConfig(),
    keep_mel: bool = True,
    progress: Progress | None = None,
) -> Motion:
    """Make a motion from speech: mel windows for every frame, and lip coefficients if a ``network`` is given.

    The motion is relative: the portrait keeps its own pose and expression. Coefficients that neither the network nor
    ``config.life`` moves are 0.

    Args:
        sound: the speech.
        fps: of the motion; it has ceil(seconds * fps) frames.
        space: the motion space of the model.
        frames: another number of frames, such as that of a driving video.
        network: the model's ``speech`` network; None leaves the lips to the flow predicted from the mel windows.
        config: the strength acts on what the network predicts; a lively head blinks in the ``arkit`` space only.
        keep_mel: whether the motion keeps the windows, for a flow that listens itself. They take half a gigabyte for
            twenty minutes.
        progress: called with frames (done, total) while the sound is heard; raises to stop.
    """
    count = _frames(sound, fps, frames)
    samples = MonoSamples(sound, RATE)
    names = space_named(space).names
    coefficients = torch.zeros(count, len(names))
    heard = torch.empty(count, BANDS, window) if keep_mel else None
    for part in _parts(count if keep_mel or network is not None else 0):
        windows = _windows(samples, part, fps, window)
        if heard is not None:
            heard[part.start : part.stop] = windows
        if network is not None:
            for name, values in network(windows).items():
                coefficients[part.start : part.stop, names.index(name)] = values.to(coefficients) * config.strength
        if progress is not None:
            progress(part.stop, count)
    if config.life == "lively":
        level = loudness(samples, RATE, count, fps)
        moved = lively_rotation(level, fps, config.seed)
        if space == "arkit":
            moved |= lively_face(level, fps, config.seed)
        for name, values in moved.items():
            coefficients[:, names.index(name)] = values
    return Motion(coefficients=coefficients, fps=fps, space=space, mel=heard, relative=True)


def speech_motion_for_model(
    model: StyleHead,
    sound: Sound,
    fps: Fraction = Fraction(25),
    *,
    frames: int | None = None,
    config: SpeechConfig = SpeechConfig(),
    progress: Progress | None = None,
) -> Motion:
    """The motion of speech in the space by which ``model`` is moved, heard by the network that the model has for it.

    A model whose flow listens itself gets the mel windows with the motion; for others they are left out.

    Raises:
        ConfigError: the model does not listen.
    """
    listener = model.config.speech or model.config.audio_encoder
    if listener is None:
        raise ConfigError(f"The model {model.config.name!r} does not listen. Take another, or drive it by a video.")
    return motion_from_speech(
        sound,
        fps,
        space=model.config.space,
        frames=frames,
        window=listener.window,
        network=model.speech,
        config=config,
        keep_mel=model.config.audio_encoder is not None,
        progress=progress,
    )


def _parts(count: int) -> Iterator[range]:
    """The numbers of ``count`` frames, ``CHUNK`` at a time."""
    for first in range(0, count, CHUNK):
        yield range(first, min(first + CHUNK, count))


def _windows(samples: MonoSamples, frames: range, fps: Fraction, window: int) -> Tensor:
    """Mel windows (n 80 W) around ``frames``; of the sound only what they cover is read."""
    needed, last = mel_columns(frames, fps, window=window), len(samples) // HOP_SAMPLES
    columns = range(min(max(needed.start, 0), last), min(max(needed.stop, 1), last + 1))
    return mel_windows(mel_spectrogram(samples, columns), frames, fps, window=window, start=columns.start)


def _frames(sound: Sound, fps: Fraction, frames: int | None) -> int:
    """How many frames a sound has, where nobody says so.

    Raises:
        InputError: the sound is shorter than a millisecond, or the rate is not above 0.
    """
    if fps <= 0:
        raise InputError(f"The frame rate must be above 0; found {fps}.")
    if sound.seconds < MIN_SOUND_SECONDS:
        raise InputError(f"The sound is {sound.seconds * 1000:.2f} ms long. Take at least 1 ms.")
    return math.ceil(Fraction(sound.samples.shape[1], sound.rate) * fps) if frames is None else frames
