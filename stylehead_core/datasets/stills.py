"""Pairs for training from portraits of which there is only one picture: real mouths to learn from, without a video.

A portrait with an open mouth is the target. Its mouth, closed by the flow of the landmark prior, is the source: what
was inside is hidden there, as it is in a portrait with a closed mouth. So a network learns to open it again.

Axes: N pictures, S picture size.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import FaceNotFound, InputError
from ..landmarker.landmarker import Landmarker
from ..media.pictures import read_picture
from ..networks.landmark_prior import LandmarkPrior
from ..ops.warp import warp_bicubic
from ..records import Portrait
from ..spaces import ARKIT
from ..stages.portrait import PortraitConfig, take_portrait
from ..synthetic.heads.appearance import EDITS
from .heads import Heads, concatenate_heads, save_heads
from .measure import measure_pictures

__all__ = ["FIRST_PERSON", "load_teacher", "measure_stills", "pair_of_still"]

FIRST_PERSON = 800_000  # number of the first portrait's person; rendered heads have smaller ones
PICTURES = (".jpg", ".jpeg", ".png", ".webp")
UPPER_LIP, LOWER_LIP, FOREHEAD, CHIN = 13, 14, 10, 152  # landmarks
UPPER = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308)  # the inner lips from corner to corner
LOWER = (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308)
OUTER_UPPER = (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291)
OUTER_LOWER = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291)
MIN_OPENING = 0.02  # of the face's height between the inner lips, from which on a mouth has something inside
FLOW_CELLS, FINENESS = 256, 10  # of the flow that closes a mouth
MAX_KEPT_EXPRESSION = 0.15  # at most, of the expression that a closed mouth keeps
PORTRAITS_PER_FILE = 40  # portraits in a file
MATTE_SIZE = 256  # pixels

Matte = Callable[[Tensor], Tensor]
"""From a picture (1 3 S S) in [-1, 1] to the person's matte (1 1 S S) in 0..1."""


def load_teacher(path: Path) -> Matte:
    """MediaPipe's selfie segmentation (Apache-2.0), a TFLite file, read by OpenCV."""
    import cv2

    network = cv2.dnn.readNetFromTFLite(str(path))

    def matte(picture: Tensor) -> Tensor:
        size = picture.shape[-1]
        small = F.interpolate(picture, size=(MATTE_SIZE, MATTE_SIZE), mode="bilinear", antialias=True)
        network.setInput(((small + 1) / 2).clamp(0, 1).numpy())
        found = torch.from_numpy(network.forward()).view(1, 1, MATTE_SIZE, MATTE_SIZE)
        return F.interpolate(found, size=(size, size), mode="bilinear", align_corners=False).clamp(0, 1)

    return matte


def measure_stills(
    folder: Path, landmarker: Landmarker, prior: LandmarkPrior, teacher: Matte, out: Path, size: int = 512
) -> Iterator[Path]:
    """Write the portraits of ``folder`` as measured heads, ``PORTRAITS_PER_FILE`` in a file; yields each file.

    Every portrait is in it, for its matte; those with an open mouth also have a pair. Pictures without a face are left
    out.

    Raises:
        InputError: the folder holds no pictures.
    """
    pictures = sorted(path for path in folder.rglob("*") if path.suffix.lower() in PICTURES)
    if not pictures:
        raise InputError(f"There are no pictures in {folder}.")
    out.mkdir(parents=True, exist_ok=True)
    fine = _finer(prior)
    rng = torch.Generator().manual_seed(0)
    for start in range(0, len(pictures), PORTRAITS_PER_FILE):
        file = out / f"stills-{start:05d}.measured.safetensors"
        if not file.exists():
            heads = _measure(pictures[start : start + PORTRAITS_PER_FILE], start, landmarker, fine, teacher, size, rng)
            if heads is None:
                continue
            save_heads(heads, file)
        yield file


def _measure(
    paths: Sequence[Path],
    first: int,
    landmarker: Landmarker,
    prior: LandmarkPrior,
    teacher: Matte,
    size: int,
    rng: torch.Generator,
) -> Heads | None:
    parts = []
    for number, path in enumerate(paths):
        try:
            portrait = take_portrait(read_picture(path), landmarker, PortraitConfig(size=size))
        except FaceNotFound:
            continue
        pictures = [portrait.image]
        closed = pair_of_still(portrait, prior, rng)
        if closed is not None:
            pictures.append(closed)
        stacked = ((torch.cat(pictures) + 1) * 127.5).round().byte()
        landmarks, coefficients, found = measure_pictures(landmarker, stacked)
        if not found.all():
            continue
        pair = torch.arange(len(stacked) - 1)  # target 0, source 1; none where the mouth is closed
        cells = prior.config.flow_size // 4
        parts.append(
            Heads(
                pictures=stacked,
                landmarks=landmarks,
                coefficients=coefficients,
                weights=coefficients[:, :52].clone(),
                person=torch.full((len(stacked),), FIRST_PERSON + first + number),
                source=pair + 1,
                target=pair,
                flow=torch.zeros(len(pair), 2, cells, cells, dtype=torch.float16),
                visible=torch.zeros(len(pair), 1, cells, cells, dtype=torch.uint8),
                edited=torch.zeros(0, 2, 3, size, size, dtype=torch.uint8),
                attribute=torch.zeros(0, dtype=torch.int64),
                edited_person=torch.zeros(0, dtype=torch.int64),
                alpha=(teacher(portrait.image) * 255).round().byte().expand(len(stacked), -1, -1, -1),
                attributes=tuple(EDITS),
            )
        )
    return concatenate_heads(parts) if parts else None


def pair_of_still(portrait: Portrait, prior: LandmarkPrior, rng: torch.Generator) -> Tensor | None:
    """The portrait (1 3 S S) with its mouth closed; None where it is closed already."""
    landmarks, own = portrait.landmarks, portrait.coefficients
    assert landmarks is not None
    assert own is not None
    gap = (landmarks[LOWER_LIP] - landmarks[UPPER_LIP])[:2].norm() / (landmarks[CHIN] - landmarks[FOREHEAD])[:2].norm()
    if gap < MIN_OPENING:
        return None
    left = MAX_KEPT_EXPRESSION * torch.rand((), generator=rng)
    closed = own.clone()
    for index, name in enumerate(ARKIT.names):
        if name.startswith(("mouth", "jaw", "tongue")):
            closed[index] *= left
    size = portrait.image.shape[-1]
    here, there = own[None], closed[None]
    face = prior.move_landmarks(landmarks[None], here, there, size)
    face = face._replace(landmarks=_shut(face.landmarks))  # the basis is linear: a gap may be left
    return warp_bicubic(portrait.image, prior.find_flow(landmarks[None], face, size)[0]).clamp(-1, 1)


def _shut(landmarks: Tensor) -> Tensor:
    """``landmarks`` (1 478 3) with both inner lips where their middle is, and the outer lips moved along."""
    moved = landmarks.clone()
    upper, lower = landmarks[:, list(UPPER)], landmarks[:, list(LOWER)]
    middle = 0.45 * upper + 0.55 * lower
    moved[:, list(UPPER)], moved[:, list(LOWER)] = middle, middle
    moved[:, list(OUTER_UPPER)] += 0.6 * (middle - upper)
    moved[:, list(OUTER_LOWER)] += 0.6 * (middle - lower)
    return moved


def _finer(prior: LandmarkPrior) -> LandmarkPrior:
    """The same prior with a flow of more cells."""
    fine = LandmarkPrior(replace(prior.config, flow_size=FLOW_CELLS, fineness=FINENESS))
    fine.load_state_dict(prior.state_dict())
    return fine
