"""The widgets that say which of several faces is meant."""

import math

from comfy_api.latest import io

from ..stylehead_core.errors import ConfigError
from ..stylehead_core.landmarker.face_choice import FaceChoice, Order
from . import sockets

ORDERS = ["largest", "left to right", "right to left", "top to bottom"]
POINT, BOX = 2, 4  # numbers


def face_input() -> io.Input:
    return io.Int.Input(
        "face", default=0, min=0, max=63, tooltip="Which face, where there are several: 0 is the first."
    )


def order_input(tooltip: str) -> io.Input:
    return io.Combo.Input("order", options=ORDERS, default="largest", tooltip=tooltip)


def at_input() -> io.Input:
    return sockets.advanced(
        io.String,
        "at",
        default="",
        optional=True,
        tooltip="Instead of face and order: a point on the face, such as 320, 200, or a box around it (left, top, "
        "right, bottom), in pixels.",
    )


def choice(face: int, order: Order, at: str) -> FaceChoice:
    """The face that these widgets mean.

    Raises:
        ConfigError: ``at`` is neither empty, nor two numbers, nor four.
    """
    if not at.strip():
        return FaceChoice(index=face, order=order)
    try:
        numbers = tuple(float(number) for number in at.replace(",", " ").split())
    except ValueError:
        numbers = ()
    if not all(math.isfinite(number) for number in numbers):
        numbers = ()
    if len(numbers) == POINT:
        return FaceChoice(point=numbers)
    if len(numbers) == BOX:
        return FaceChoice(box=numbers)
    raise ConfigError(f"A face is at a point, such as 320, 200, or in a box of four numbers; found {at!r}.")
