"""From a picture with a face somewhere to one aligned portrait, and the way back to the picture."""

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import ConfigError, FaceNotFound, InputError
from ..models.landmarker import Faces, Landmarker, Search, region_of_landmarks
from ..ops.align import ffhq_square, five_points, square_to_affine
from ..ops.crop import apply_affine, cut_square, invert_affine
from ..ops.face_masks import face_mask
from ..ops.pose import placement
from ..records import Portrait

__all__ = ["FaceChoice", "PortraitConfig", "choose_face", "face_coefficients", "take_portrait"]

Order = Literal["largest", "surest", "left to right", "right to left", "top to bottom"]


@dataclass(frozen=True, kw_only=True)
class FaceChoice:
    """Which of several faces is meant: the one at ``point`` or in ``box`` where given, else by order and index."""

    index: int = 0
    order: Order = "largest"
    point: tuple[float, float] | None = None  # x, y in pixels of the picture
    box: tuple[float, float, float, float] | None = None  # left, top, right, bottom in pixels of the picture

    def __post_init__(self) -> None:
        if self.index < 0:
            raise ConfigError(f"The index of a face counts from 0; found {self.index}.")


@dataclass(frozen=True, kw_only=True)
class PortraitConfig:
    size: int = 256  # pixels of the aligned picture
    align: Literal["ffhq", "none"] = "ffhq"  # none: the picture is one aligned square already, and stays as it is
    face: FaceChoice = FaceChoice()
    search: Search = "auto"

    def __post_init__(self) -> None:
        if self.size < 16:
            raise ConfigError(f"A portrait needs at least 16 pixels on a side; found {self.size}.")


def take_portrait(
    picture: Tensor, landmarker: Landmarker | None, config: PortraitConfig = PortraitConfig()
) -> Portrait:
    """Find the face that is meant and cut it out.

    Args:
        picture: (1 3 H W) in [-1, 1], any size.
        landmarker: none is allowed with ``align="none"``; the portrait then has no landmarks, mask and coefficients.

    Raises:
        FaceNotFound: no face, or fewer than ``config.face.index`` asks for.
        InputError: the picture is not (1 3 H W), or is to be taken as aligned and is not square.
    """
    if picture.ndim != 4 or picture.shape[:2] != (1, 3):
        raise InputError(f"A portrait is taken from one picture (1, 3, H, W); found {tuple(picture.shape)}.")
    if config.align == "none":
        image, crop = _as_it_is(picture, config.size)
        if landmarker is None:
            return Portrait(image=image, crop=crop, original=picture)
        faces = landmarker.find(image, search=config.search)
    else:
        if landmarker is None:
            raise ConfigError("Aligning a portrait needs the face landmarker. Load it, or pass an aligned picture.")
        faces = landmarker.find(picture, search=config.search)
        faces = faces.only(choose_face(faces, config.face, picture))
        centre, arm = ffhq_square(*five_points(faces.landmarks))
        crop = square_to_affine(centre, arm, config.size)[0]
        image = cut_square(picture, crop, config.size)
        faces = _measured_again(landmarker, image, faces, crop)
    faces = faces.only(choose_face(faces, FaceChoice(), image))
    return Portrait(
        image=image,
        crop=crop,
        original=picture,
        landmarks=faces.landmarks[0],
        mask=face_mask(faces.landmarks, config.size),
        coefficients=face_coefficients(faces, config.size, landmarker)[0],
    )


def choose_face(faces: Faces, choice: FaceChoice, picture: Tensor) -> Tensor:
    """The index (1) of the face that is meant, of those found in ``picture``.

    Raises:
        FaceNotFound: there is none, with what was searched.
    """
    height, width = picture.shape[-2:]
    if not len(faces):
        raise FaceNotFound(
            f"No face was found in this picture of {width} x {height} pixels, nor in its parts, nor with it turned.\n"
            "A face should be larger than about 40 pixels, and show both eyes or a clear profile. "
            "Try a larger picture, or cut it closer to the face."
        )
    box = faces.box
    centre = (box[:, :2] + box[:, 2:]) / 2
    if choice.point is not None or choice.box is not None:
        target = choice.point or ((choice.box[0] + choice.box[2]) / 2, (choice.box[1] + choice.box[3]) / 2)  # type: ignore[index]
        return (centre - centre.new_tensor(target)).norm(dim=1).argmin()[None]
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


def face_coefficients(faces: Faces, size: int, landmarker: Landmarker) -> Tensor:
    """The ``arkit`` coefficients (N 58) of faces measured in an aligned picture of ``size`` pixels."""
    return torch.cat((faces.blendshapes, faces.pose.angles, placement(faces.pose, size, landmarker.canonical)), dim=1)


def _as_it_is(picture: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """The square itself where it has the size, else resized; and the affine to it."""
    height, width = picture.shape[-2:]
    if height != width:
        raise InputError(
            f"A picture that is aligned already must be square; found {width} x {height}. Let it be aligned instead."
        )
    step = width / size
    crop = picture.new_tensor(((step, 0, (step - 1) / 2), (0, step, (step - 1) / 2)))
    if width == size:
        return picture, crop
    return F.interpolate(picture, size=(size, size), mode="bicubic", antialias=True).clamp(-1, 1), crop


def _measured_again(landmarker: Landmarker, image: Tensor, faces: Faces, crop: Tensor) -> Faces:
    """The same face measured in the aligned picture, which is what the networks see."""
    expected = apply_affine(invert_affine(crop), faces.landmarks)
    return landmarker.measure(image, region_of_landmarks(expected))


def _place(box: Tensor) -> str:
    left, top, right, bottom = (round(value) for value in box.tolist())
    return f"{right - left} x {bottom - top} at ({left}, {top})"
