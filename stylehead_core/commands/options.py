"""Options that several commands have, checked before any work is done."""

import argparse
from fractions import Fraction

import torch

from ..errors import ConfigError
from ..media.sound import Sound
from ..records import Motion
from ..rehearsal import REHEARSED_FRAMES
from ..stages.motion_tools import Beyond, describe_left_out, fit_length, go_on_at_rest

__all__ = [
    "add_longer_argument",
    "add_rehearsal_argument",
    "check_device",
    "frame_rate",
    "frames_for",
    "lengthen",
    "trim_sound",
]

LARGEST_RATE = 1000  # frames a second
DIGITS = 20  # of a rate, at most
LONGER = ("cut", "rest", "there-and-back", "hold")


def add_rehearsal_argument(parser: argparse._ActionsContainer) -> None:
    parser.add_argument(
        "--rehearse",
        type=_rehearsed_frames,
        default=REHEARSED_FRAMES,
        metavar="FRAMES",
        help="that are drawn and measured first, to ask for more where the portrait follows less; 0: none "
        f"(default {REHEARSED_FRAMES})",
    )


def _rehearsed_frames(text: str) -> int:
    """A number of frames, 0 or more."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"expected a number of frames, 0 or more, found {text!r}")
    return int(text)


def frame_rate(text: str) -> Fraction:
    """A frame rate as it is typed: ``25``, ``29.97`` or ``30000/1001``."""
    try:
        if len(text) > DIGITS or "e" in text.lower():
            raise ValueError(text)
        rate = Fraction(text)
    except (ValueError, ZeroDivisionError) as error:
        raise argparse.ArgumentTypeError(f"expected a rate such as 25 or 30000/1001, found {text!r}") from error
    if not 0 < rate <= LARGEST_RATE:
        raise argparse.ArgumentTypeError(f"expected a rate above 0 and up to {LARGEST_RATE}, found {text!r}")
    return rate


def check_device(name: str) -> None:
    """Refuse a device that this machine or this build of torch does not have.

    Raises:
        ConfigError: with those that there are.
    """
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:  # torch has no single error for it
        there = ["cpu"]
        if torch.cuda.is_available():
            there += [f"cuda:{number}" for number in range(torch.cuda.device_count())]
        if torch.backends.mps.is_available():
            there.append("mps")
        raise ConfigError(f"There is no device {name!r} here. Found: {', '.join(there)}.") from error


def add_longer_argument(parser: argparse._ActionsContainer, *, default: str, ways: tuple[str, ...] = LONGER) -> None:
    parser.add_argument(
        "--longer",
        choices=ways,
        default=default,
        help="where the speech lasts longer than the video: cut the speech, go on with the head at rest, play the "
        f"video there and back, or hold its last frame (default {default})",
    )


def frames_for(sound: Sound, fps: Fraction) -> int:
    """How many whole frames a sound lasts, at least one."""
    return max(1, Fraction(sound.samples.shape[1], sound.rate) * fps // 1)


def lengthen(motion: Motion, sound: Sound, longer: str) -> tuple[Motion, str]:
    """The motion made as long as the speech where it is shorter, and what a person is told of it (or nothing)."""
    frames = frames_for(sound, motion.fps)
    if frames <= len(motion):
        return motion, ""
    if longer == "rest":
        return go_on_at_rest(motion, frames), ""
    if longer == "cut":
        told = describe_left_out(motion, Fraction(sound.samples.shape[1], sound.rate))
        return motion, f"{told} Take --longer rest to go on with the head at rest; or there-and-back, or hold."
    ways: dict[str, tuple[Beyond, str]] = {
        "there-and-back": ("there and back", "it is played there and back"),
        "hold": ("hold", "its last frame is held"),
    }
    beyond, words = ways[longer]
    told = (
        f"The speech lasts longer than the video, {sound.seconds:.2f} s and {float(motion.seconds):.2f} s: {words} "
        "(--longer chooses)."
    )
    return fit_length(motion, frames, beyond), told


def trim_sound(sound: Sound | None, motion: Motion) -> Sound | None:
    """The sound no longer than the motion."""
    if sound is None:
        return None
    end = round(motion.seconds * sound.rate)
    return sound.cut(0, end) if 0 < end < sound.samples.shape[1] else sound
