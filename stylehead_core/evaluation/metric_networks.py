"""The networks that some metrics need, each of which may be missing."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction

import torch
from torch import Tensor, nn

from ..landmarker.landmarker import MIN_PRESENCE, Landmarker, region_of_landmarks
from ..media.sound import Sound
from ..model.stylehead import StyleHead
from ..ops.align import ffhq_square, five_points, square_to_affine
from ..ops.pose import placement
from ..records import SQUARE
from ..spaces import BFM
from ..stages.tracking import measure_bfm

__all__ = ["ClipLandmarks", "MetricNetworks", "follow_landmarks", "track_in_bfm"]


@dataclass(frozen=True, kw_only=True)
class ClipLandmarks:
    """One face over time, as measured by the face landmarker."""

    landmarks: Tensor  # (T 478 3) pixels of the clip
    coefficients: Tensor  # (T K) of ``space``
    found: Tensor  # (T) bool
    space: str = "arkit"

    def __len__(self) -> int:
        return len(self.found)

    def repeated(self, count: int) -> "ClipLandmarks":
        """Repeat a track of one frame for ``count`` frames; a longer one stays as it is."""
        if len(self) != 1:
            return self
        every = torch.zeros(count, dtype=torch.int64)
        return replace(
            self, landmarks=self.landmarks[every], coefficients=self.coefficients[every], found=self.found[every]
        )


@dataclass(frozen=True, kw_only=True)
class MetricNetworks:
    """The loaded networks. A metric whose network is missing says so instead of giving a number."""

    track: Callable[[Tensor], ClipLandmarks] | None = None
    """Frames (T 3 H W) in [-1, 1], or bytes -> track of the face: landmarks, expression, pose."""
    identity: nn.Module | None = None
    """Aligned or equally cut pictures (B 3 S S) in [-1, 1] -> identity embeddings (B D)."""
    likeness: nn.Module | None = None
    """The same, by a network trained on rendered heads only."""
    perceptual: nn.Module | None = None
    """Two pictures (B 3 S S) in [-1, 1] -> distance (B): LPIPS."""
    features: nn.Module | None = None
    """Pictures (B 3 S S) in [-1, 1] -> features (B D) for the Fréchet distance: Inception's for what is called FID."""
    sync: Callable[[Tensor, Tensor, Sound, Fraction], tuple[Tensor, Tensor]] | None = None
    """Frames, landmarks (T 478 3), the sound, frames a second -> one embedding (W D) each of picture and sound for
    every window of the clip."""


def track_in_bfm(track: Callable[[Tensor], ClipLandmarks], model: StyleHead, frames: Tensor) -> ClipLandmarks:
    """``track`` of ``frames`` (T 3 H W), with the coefficients that ``model`` measures in its own space ``bfm``.

    As the official pipeline does, all frames are told in the FFHQ square of the first face.
    """
    seen = track(frames)
    assert model.coefficients is not None
    coefficients = torch.zeros(len(frames), len(BFM.names))
    first = seen.landmarks[seen.found][:1]
    if len(first):
        square = square_to_affine(*ffhq_square(*five_points(first)), SQUARE)[0]
        for i in torch.nonzero(seen.found).flatten().tolist():
            points = seen.landmarks[i]
            coefficients[i] = measure_bfm(
                frames[i : i + 1], points, square, model.coefficients, model.face_points.cpu()
            )
    return replace(seen, coefficients=coefficients, space=BFM.name)


@torch.no_grad()
def follow_landmarks(landmarker: Landmarker, frames: Tensor) -> ClipLandmarks:
    """Track the most certain face of the first frame through a clip.

    Args:
        landmarker: from ``load_landmarker``.
        frames: (T 3 H W) in [-1, 1], or bytes.

    Returns:
        One entry a frame. Where no face is found, ``found`` is False and the values are those of the frame before
        (zeros at the start).
    """
    height, width = frames.shape[-2:]
    landmarks = torch.zeros(len(frames), 478, 3)
    coefficients = torch.zeros(len(frames), 58)
    found = torch.zeros(len(frames), dtype=torch.bool)
    region = None
    for i, frame in enumerate(frames.split(1)):
        picture = frame.to(landmarker.device)
        faces = landmarker.measure(picture, region) if region is not None else landmarker.find(picture, search="quick")
        if region is not None and faces.score[0] <= MIN_PRESENCE:
            faces = landmarker.find(picture, search="quick")
        if len(faces) == 0:
            region = None
            if i:
                landmarks[i], coefficients[i] = landmarks[i - 1], coefficients[i - 1]
            continue
        face = faces.select(torch.tensor([0]))
        place = placement(face.pose, (width, height), landmarker.canonical)
        landmarks[i] = face.landmarks[0].cpu()
        coefficients[i] = torch.cat((face.blendshapes, face.pose.angles, place), dim=1)[0].cpu()
        found[i] = True
        region = region_of_landmarks(face.landmarks)
    return ClipLandmarks(landmarks=landmarks, coefficients=coefficients, found=found)
