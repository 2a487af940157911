"""Speech stage: from sound to a motion with mel windows, and with lip coefficients if the model predicts them.

Axes: T frames, F mel bands (80), W mel columns of a window.
"""

import math
from collections.abc import Callable
from fractions import Fraction

import torch
from torch import Tensor

from ..errors import InputError
from ..media.sound import Sound
from ..ops.mel import RATE, mel_spectrogram
from ..ops.windows import mel_windows
from ..records import Motion
from ..spaces import space_named

__all__ = ["SpeechNetwork", "hear", "motion_from_speech"]

WINDOW = 32  # mel columns, 0.4 s: the input of the official audio network
SHORTEST = 0.001  # seconds

SpeechNetwork = Callable[[Tensor], dict[str, Tensor]]
"""Mel windows (T 80 W) -> values (T) in 0..1 by coefficient name."""


def hear(sound: Sound, fps: Fraction, *, frames: int | None = None, window: int = WINDOW) -> Tensor:
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
    if fps <= 0:
        raise InputError(f"The frame rate must be above 0; found {fps}.")
    if sound.seconds < SHORTEST:
        raise InputError(f"The sound is {sound.seconds * 1000:.2f} ms long. Take at least 1 ms.")
    if frames is None:
        frames = math.ceil(Fraction(sound.samples.shape[1], sound.rate) * fps)
    return mel_windows(mel_spectrogram(sound.mono(RATE)), frames, fps, window=window)


def motion_from_speech(
    sound: Sound,
    fps: Fraction = Fraction(25),
    *,
    space: str = "arkit",
    frames: int | None = None,
    window: int = WINDOW,
    network: SpeechNetwork | None = None,
) -> Motion:
    """Make a motion from speech: mel windows for every frame, and lip coefficients if a ``network`` is given.

    All other coefficients are 0, and the motion is relative: the portrait keeps its own pose and expression.

    Args:
        sound: the speech.
        fps: of the motion; it has ceil(seconds * fps) frames.
        space: the motion space of the model.
        frames: another number of frames, such as that of a driving video.
        network: the model's ``speech`` network; None leaves the lips to the flow predicted from the mel windows.
    """
    mel = hear(sound, fps, frames=frames, window=window)
    names = space_named(space).names
    coefficients = torch.zeros(len(mel), len(names))
    if network is not None:
        for name, values in network(mel).items():
            coefficients[:, names.index(name)] = values.to(coefficients)
    return Motion(coefficients=coefficients, fps=fps, space=space, mel=mel, relative=True)
