"""Choice of one face among several in a picture."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from ..errors import ConfigError, FaceNotFound
from .landmarker import Faces, overlap

__all__ = ["FaceChoice", "Order", "choose_face"]

MAX_DISTANCE = 0.5  # of a face's larger side: a point this far beside it still means it

Order = Literal["largest", "surest", "left to right", "right to left", "top to bottom"]


@dataclass(frozen=True, kw_only=True)
class FaceChoice:
    """Which of several faces is meant: the one in ``box`` or at ``point`` where given, else by order and index.

    A point or box must lie on a face, or within ``MAX_DISTANCE`` of the face's own size beside it.
    """

    index: int = 0
    order: Order = "largest"
    point: tuple[float, float] | None = None  # x, y in pixels of the picture
    box: tuple[float, float, float, float] | None = None  # left, top, right, bottom in pixels of the picture

    def __post_init__(self) -> None:
        if self.index < 0:
            raise ConfigError(f"The index of a face counts from 0; found {self.index}.")


def choose_face(faces: Faces, choice: FaceChoice, picture: Tensor) -> Tensor:
    """The index (1) of the face that is meant, of those found in ``picture``.

    Raises:
        FaceNotFound: there is none, with what was searched; or none at the point or box, with where faces are.
    """
    height, width = picture.shape[-2:]
    if not len(faces):
        raise FaceNotFound(
            f"No face was found in this picture of {width} x {height} pixels, nor in its parts, nor with it turned.\n"
            "A face should be larger than about 40 pixels and a fiftieth of the picture, and turned aside by less than "
            "about 65 degrees. Try a larger picture, or cut it closer to the face."
        )
    box = faces.box
    centre = (box[:, :2] + box[:, 2:]) / 2
    if choice.box is not None:
        return _nearest(box, box.new_tensor(choice.box), "in the box " + _numbers(choice.box))
    if choice.point is not None:
        return _nearest(box, box.new_tensor(choice.point * 2), "at the point " + _numbers(choice.point))
    if choice.index >= len(faces):
        raise FaceNotFound(
            f"Face {choice.index} (counted from 0, {choice.order}) was asked for, but the picture of "
            f"{width} x {height} pixels shows {len(faces)}: {', '.join(_place(b) for b in box)}."
        )
    key = {
        "largest": -(box[:, 2:] - box[:, :2]).prod(1),
        "surest": torch.arange(len(faces), device=box.device),
        "left to right": centre[:, 0],
        "right to left": -centre[:, 0],
        "top to bottom": centre[:, 1],
    }[choice.order]
    return key.argsort(stable=True)[choice.index][None]


def _nearest(boxes: Tensor, target: Tensor, where: str) -> Tensor:
    """The index (1) of the box (N 4) that shares most with ``target`` (4), else of the one whose middle is nearest.

    A point is a box without extent: a face around it counts more than one that is only near.

    Raises:
        FaceNotFound: every face is further away than ``MAX_DISTANCE`` of its own size.
    """
    gap = torch.maximum(boxes[:, :2] - target[2:], target[:2] - boxes[:, 2:]).clamp(min=0).amax(1)  # N, pixels
    if bool((gap > MAX_DISTANCE * (boxes[:, 2:] - boxes[:, :2]).amax(1)).all()):
        raise FaceNotFound(f"There is no face {where}. Faces are here: {', '.join(map(_place, boxes))}.")
    share = overlap(target, boxes)
    within = ((boxes[:, :2] <= target[:2]) & (boxes[:, 2:] >= target[2:])).all(1)
    away = ((boxes[:, :2] + boxes[:, 2:] - target[:2] - target[2:]) / 2).norm(dim=1)
    return (share + within - away / (1 + away.max())).argmax()[None]


def _numbers(values: tuple[float, ...]) -> str:
    return ", ".join(f"{value:g}" for value in values)


def _place(box: Tensor) -> str:
    left, top, right, bottom = (round(value) for value in box.tolist())
    return f"{right - left} x {bottom - top} at ({left}, {top})"
