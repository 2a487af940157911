"""Inputs and outputs that several nodes share: one thing has the same range, step and words on all of them."""

from collections.abc import Sequence
from functools import partial

from comfy_api.latest import io

from . import sockets

PLOT_HELP = "The motion as curves over time; frames in which no face was found are marked."
FPS_HELP = "Frames a second of the film. 29.97 and the like are taken as exactly 30000/1001."
LONGEST = 86400.0  # s


def amount_input(
    name: str, default: float, tooltip: str, *, min: float = 0.0, max: float = 1.0, step: float = 0.05, **fields
) -> io.Input:
    """How much of something: from nothing to all of it, unless ``min`` and ``max`` say otherwise."""
    return io.Float.Input(name, default=default, min=min, max=max, step=step, tooltip=tooltip, **fields)


def count_input(name: str, default: int, tooltip: str, *, min: int = 0, max: int, **fields) -> io.Input:
    """A whole number."""
    return io.Int.Input(name, default=default, min=min, max=max, tooltip=tooltip, **fields)


def optional_input(kind, name: str, tooltip: str) -> io.Input:
    """An input that may stay unwired."""
    return kind.Input(name, optional=True, tooltip=tooltip)


def choice_input(name: str, options: Sequence[str], tooltip: str, *, advanced: bool = False, **fields) -> io.Input:
    """One of several words, at first the first of them."""
    make = partial(sockets.advanced, io.Combo) if advanced else io.Combo.Input
    return make(name, options=list(options), default=options[0], tooltip=tooltip, **fields)


def rehearse_input(tooltip: str, *, default: bool) -> io.Input:
    """Whether a few frames are drawn first to see how the face follows."""
    return io.Boolean.Input(
        "rehearse", default=default, label_on="first", label_off="no", optional=True, tooltip=tooltip
    )


def edit_input(name: str, tooltip: str) -> io.Input:
    """How strongly an attribute of the face is changed; negative strengths give its opposite."""
    return amount_input(name, 1.0, tooltip, min=-3.0, max=3.0)


def seconds_input(name: str, tooltip: str, **fields) -> io.Input:
    """A moment of a clip."""
    return amount_input(name, 0.0, tooltip, max=LONGEST, step=0.01, **fields)


def fps_input(tooltip: str = FPS_HELP, **fields) -> io.Input:
    return io.Float.Input("fps", default=25.0, min=1.0, max=120.0, step=0.001, tooltip=tooltip, **fields)


def frames_input() -> io.Input:
    return count_input("frames", 1, "How long: 1 for a still picture.", min=1, max=100_000)


def key_frames_input(tooltip: str) -> io.Input:
    """Moments of a motion as text; ``tooltip`` goes on where the format has been explained."""
    text = "What changes over time, one moment a line: the second, then sliders and their values, such as 0.5: "
    return io.String.Input("key_frames", default="", multiline=True, tooltip=f"{text}smile 1, yaw 20. {tooltip}")


def motion_outputs(tooltip: str) -> list[io.Output]:
    """A motion, and its picture."""
    return [
        sockets.Motion.Output(display_name="motion", tooltip=tooltip),
        io.Image.Output(display_name="plot", tooltip=PLOT_HELP),
    ]
