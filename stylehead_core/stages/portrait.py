"""Portrait stage: finds a face in a picture and cuts out one aligned portrait, with the affine back to the picture."""

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import ConfigError, InputError
from ..landmarker.face_choice import FaceChoice, choose_face
from ..landmarker.landmarker import Faces, Landmarker, Search, region_of_landmarks
from ..model.config import StyleHeadConfig
from ..ops.align import ffhq_square, five_points, square_to_affine
from ..ops.crop import apply_affine, cut_square, invert_affine
from ..ops.face_masks import face_mask
from ..ops.pose import placement
from ..records import Portrait

__all__ = [
    "FaceChoice",
    "PortraitConfig",
    "choose_face",
    "describe_portrait",
    "face_coefficients",
    "native_size",
    "take_portrait",
]

MAX_SIZE_PX = 1024  # pixels of a side: finer detail of a portrait is not kept
NATIVE_SIZES = (64, MAX_SIZE_PX)  # pixels: the range of ``native_size``


@dataclass(frozen=True, kw_only=True)
class PortraitConfig:
    size: int = 256  # pixels of the aligned picture
    largest: int | None = None
    """Where the face's square has more than ``size`` pixels in the picture, the aligned picture has as many, up to
    this. None = ``size`` in any case."""
    align: Literal["ffhq", "none"] = "ffhq"  # none: the picture is already an aligned square and stays as it is
    face: FaceChoice = FaceChoice()
    search: Search = "auto"

    def __post_init__(self) -> None:
        if self.size < 16:
            raise ConfigError(f"A portrait needs at least 16 pixels on a side; found {self.size}.")
        if self.largest is not None and self.largest < self.size:
            raise ConfigError(f"The largest size of a portrait is at least its size {self.size}; found {self.largest}.")

    @classmethod
    def for_model(
        cls,
        model: StyleHeadConfig,
        *,
        align: Literal["ffhq", "none"] = "ffhq",
        face: FaceChoice = FaceChoice(),
    ) -> "PortraitConfig":
        """As a model wants its portraits: in its own size, or larger where it draws the portrait's own detail."""
        largest = None if model.compositor is None else max(model.size, MAX_SIZE_PX)
        return cls(size=model.size, largest=largest, align=align, face=face)

    def cut_size(self, native: float) -> int:
        """Pixels of the aligned picture of a square that has ``native`` pixels in the picture."""
        return self.size if self.largest is None else min(max(self.size, _even(native)), self.largest)


def take_portrait(
    picture: Tensor, landmarker: Landmarker | None, config: PortraitConfig = PortraitConfig()
) -> Portrait:
    """Find the chosen face and cut it out.

    Args:
        picture: (1 3 H W) in [-1, 1], any size.
        landmarker: may be None with ``align="none"``; the portrait then has no landmarks, mask and coefficients.

    Raises:
        FaceNotFound: no face, or fewer than ``config.face.index`` asks for.
        InputError: the picture is not (1 3 H W), or is said to be aligned and is not square.
    """
    if picture.ndim != 4 or picture.shape[:2] != (1, 3):
        raise InputError(f"A portrait is taken from one picture (1, 3, H, W); found {tuple(picture.shape)}.")
    if config.align == "none":
        size = config.cut_size(picture.shape[-1])
        image, crop = _as_it_is(picture, size)
        if landmarker is None:
            return Portrait(image=image, crop=crop, original=picture)
        faces = landmarker.find(image, search=config.search)
    else:
        if landmarker is None:
            raise ConfigError("Aligning a portrait needs the face landmarker. Load it, or pass an aligned picture.")
        faces = landmarker.find(picture, search=config.search)
        faces = faces.select(choose_face(faces, config.face, picture))
        centre, arm = ffhq_square(*five_points(faces.landmarks))
        size = config.cut_size(2 * float(arm.norm()))
        crop = square_to_affine(centre, arm, size)[0]
        image = cut_square(picture, crop, size)
        faces = _measure_again(landmarker, image, faces, crop)
    faces = faces.select(choose_face(faces, FaceChoice(), image))
    return Portrait(
        image=image,
        crop=crop,
        original=picture,
        landmarks=faces.landmarks[0],
        mask=face_mask(faces.landmarks, size),
        coefficients=face_coefficients(faces, size, landmarker)[0],
    )


def describe_portrait(portrait: Portrait) -> str:
    """One line for a person: how large the cut-out square is in the picture, and how large it is handed on."""
    size = portrait.image.shape[-1]
    if portrait.crop is None or portrait.original is None:
        return f"{size} x {size} pixels"
    side = size * float(portrait.crop[:, 0].norm())  # of the square in the picture
    height, width = portrait.original.shape[-2:]
    return f"cut out of {width} x {height} pixels: a square of {side:.0f}, taken as {size} x {size}"


def native_size(portrait: Portrait) -> int:
    """Pixels of a side that the portrait's square has in the picture that it was cut from, even, 64 to 1024."""
    step = 1.0 if portrait.crop is None else float(portrait.crop[:, 0].norm())
    smallest, largest = NATIVE_SIZES
    return min(max(_even(step * portrait.image.shape[-1]), smallest), largest)


def _even(pixels: float) -> int:
    return 2 * round(pixels / 2)


def face_coefficients(faces: Faces, size: int, landmarker: Landmarker) -> Tensor:
    """Compute ``arkit`` coefficients (N 58) of faces measured in an aligned picture of ``size`` pixels."""
    return torch.cat((faces.blendshapes, faces.pose.angles, placement(faces.pose, size, landmarker.canonical)), dim=1)


def _as_it_is(picture: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """Resize the square if needed; returns it with its affine."""
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


def _measure_again(landmarker: Landmarker, image: Tensor, faces: Faces, crop: Tensor) -> Faces:
    """Measure the face again in the aligned picture, which is what the networks see."""
    expected = apply_affine(invert_affine(crop), faces.landmarks)
    return landmarker.measure(image, region_of_landmarks(expected))
