"""The option ``--size``: how many pixels frames have."""

import argparse

from ..records import Portrait
from ..stages.portrait import native_size

__all__ = ["AS_PORTRAIT", "add_size_argument", "frame_size"]

AS_PORTRAIT = "portrait"


def add_size_argument(parser: argparse._ActionsContainer, default: str) -> None:
    """Add ``--size`` to a parser or a group of one; ``default`` says in words what happens without it."""
    parser.add_argument(
        "--size",
        type=size_choice,
        metavar="PIXELS",
        help=f"of a side of the frames, such as 256, 512 or 1024; or {AS_PORTRAIT}: as many as the face has in its "
        f"picture (default: {default})",
    )


def size_choice(text: str) -> int | str:
    """``512``, or ``portrait``."""
    if text == AS_PORTRAIT:
        return text
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a number of pixels or {AS_PORTRAIT}, found {text!r}") from None


def frame_size(choice: int | str | None, portrait: Portrait) -> int | None:
    """Pixels of the frames; None where nothing was asked for."""
    return native_size(portrait) if isinstance(choice, str) else choice
