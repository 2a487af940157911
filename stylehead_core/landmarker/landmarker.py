"""Face landmarker: detects faces and measures 478 landmarks, 52 blendshapes and the head pose of each.

Axes: B pictures, N faces, K blendshapes (52, in the order of spaces.BLENDSHAPES).
"""

import math
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..ops.pose import CanonicalFace, HeadPose, fit_pose
from ..ops.regions import cut_regions, from_region
from . import detector as face_detector
from .blendshapes import POINTS, FaceBlendshapes
from .detector import FaceDetector
from .mesh import FaceMesh, FaceMesh192

__all__ = [
    "MIN_PRESENCE",
    "Detections",
    "Faces",
    "Landmarker",
    "Search",
    "concatenate_faces",
    "overlap",
    "region_of_landmarks",
]

REGION_SCALE = 1.5  # side of the crop relative to the face's box
MIN_PRESENCE = 0.5  # lowest score of a face
RELIABLE_SCORE = 0.8  # detections above this are almost always right; below it the face may be upside down
DUPLICATE_IOU = 0.3  # boxes with a larger intersection over union are one face
MAX_DETECTIONS = 16  # detections that are measured, of each kind of window
DETECTION_PX = 2048  # pixels of the longer side; detection needs no more
EYES = (33, 263)  # outer corners, at the picture's left and right
TILTS = (math.pi / 4, -math.pi / 4, math.pi / 2, -math.pi / 2, 3 * math.pi / 4, -3 * math.pi / 4, math.pi)
WINDOW_DIVISORS: dict["Windows", int] = {"halves": 2, "quarters": 4, "eighths": 8}

Windows = Literal["whole", "halves", "quarters", "eighths", "turned"]
Search = Literal["quick", "auto", "full"]


@dataclass(frozen=True, kw_only=True)
class Detections:
    """Faces detected in one picture, most certain first."""

    score: Tensor  # (N) probability
    box: Tensor  # (N 4) left, top, right, bottom in pixels
    regions: Tensor  # (N 4) rotated squares for the landmark network, see ops/regions.py

    def __len__(self) -> int:
        return len(self.score)


@dataclass(frozen=True, kw_only=True)
class Faces:
    """Measurements of N faces."""

    landmarks: Tensor  # (N 478 3) pixels of the picture; z relative, smaller is nearer
    blendshapes: Tensor  # (N 52) in 0..1, in the order of spaces.BLENDSHAPES; tongueOut, which is not measured, is 0
    score: Tensor  # (N) probability that the square contains a face
    pose: HeadPose

    def __len__(self) -> int:
        return len(self.score)

    @property
    def box(self) -> Tensor:
        """Bounding boxes (N 4) of the landmarks: left, top, right, bottom in pixels."""
        points = self.landmarks[..., :2]
        return torch.cat((points.amin(1), points.amax(1)), dim=1)

    def select(self, which: Tensor) -> "Faces":
        """Select faces by indices or a mask."""
        return Faces(
            landmarks=self.landmarks[which],
            blendshapes=self.blendshapes[which],
            score=self.score[which],
            pose=self.pose.select(which),
        )

    def replace_where(self, which: Tensor, by: "Faces") -> "Faces":
        """Replace the faces of a mask (N) by others."""
        order = torch.arange(len(self), device=which.device)
        order[which] = len(self) + torch.arange(len(by), device=which.device)
        return concatenate_faces([self, by]).select(order)


def concatenate_faces(faces: list[Faces]) -> Faces:
    """Concatenate a list of measurements."""
    return Faces(
        landmarks=torch.cat([part.landmarks for part in faces]),
        blendshapes=torch.cat([part.blendshapes for part in faces]),
        score=torch.cat([part.score for part in faces]),
        pose=HeadPose(
            rotation=torch.cat([part.pose.rotation for part in faces]),
            scale=torch.cat([part.pose.scale for part in faces]),
            centre=torch.cat([part.pose.centre for part in faces]),
        ),
    )


class Landmarker(nn.Module):
    """Detector, mesh and blendshape networks, with the canonical face for the pose. Built by landmarker/files.py."""

    canonical_vertices: Tensor
    canonical_indices: Tensor
    canonical_weights: Tensor

    def __init__(self, mesh: FaceMesh | FaceMesh192, *, basis: int = 33) -> None:
        super().__init__()
        self.detector = FaceDetector()
        self.mesh = mesh
        self.blendshapes = FaceBlendshapes()
        self.register_buffer("canonical_vertices", torch.zeros(468, 3))
        self.register_buffer("canonical_indices", torch.zeros(basis, dtype=torch.int64))
        self.register_buffer("canonical_weights", torch.zeros(basis))

    @property
    def canonical(self) -> CanonicalFace:
        return CanonicalFace(
            vertices=self.canonical_vertices, indices=self.canonical_indices, weights=self.canonical_weights
        )

    @property
    def device(self) -> torch.device:
        return self.canonical_vertices.device

    @torch.no_grad()
    def detect(self, pictures: Tensor, *, threshold: float = 0.5, windows: Windows = "whole") -> list[Detections]:
        """Detect face candidates in each picture; ``measure`` decides whether they are faces.

        Args:
            pictures: (B 3 H W), float in [-1, 1] or uint8.
            threshold: the lowest probability of a face.
            windows: ``whole`` is the whole picture, which misses faces below a tenth of its size and faces tilted by
                more than about 60 degrees; ``halves``, ``quarters`` and ``eighths`` of the longer side are overlapping
                squares for smaller faces; ``turned`` is the whole picture in seven other rotations.
        """
        height, width = pictures.shape[-2:]
        longest = float(max(width, height))
        if windows in WINDOW_DIVISORS:
            views = _parts(width, height, longest / WINDOW_DIVISORS[windows])
        else:  # a rotated view is larger, to include the corners
            tilts = TILTS if windows == "turned" else (0.0,)
            views = [[width / 2, height / 2, longest * (1.2 if tilt else 1.0), tilt] for tilt in tilts]
        return self._detect_views(pictures, views, threshold) if views else [_merge(*self._no_faces())] * len(pictures)

    def find(self, picture: Tensor, *, search: Search = "auto") -> Faces:
        """Detect and measure all faces of one picture (1 3 H W), most certain first, each once.

        Args:
            picture: (1 3 H W), float in [-1, 1] or uint8.
            search: ``quick`` runs on the whole picture once; ``auto`` continues with smaller parts and rotated views
                until a certain face is found; ``full`` searches all parts, for small faces beside a large one, and
                rotated views if nothing certain was found.
        """
        order: tuple[Windows, ...] = ("whole",) if search == "quick" else ("whole", *WINDOW_DIVISORS, "turned")
        shrink = max(1, max(picture.shape[-2:]) // DETECTION_PX)
        small = F.avg_pool2d(picture.float(), shrink).to(picture.dtype) if shrink > 1 else picture
        score, faces = torch.zeros(0, device=picture.device), []
        for windows in order:
            (seen,) = self.detect(small, windows=windows)
            regions = seen.regions[:MAX_DETECTIONS] * shrink
            regions = regions + regions.new_tensor(((shrink - 1) / 2, (shrink - 1) / 2, 0, 0))
            regions[:, 3] = seen.regions[:MAX_DETECTIONS, 3]
            score = torch.cat((score, seen.score[:MAX_DETECTIONS]))
            faces.append(self.measure(picture, regions, passes=2))
            surest = score.argsort(descending=True)
            found = concatenate_faces(faces).select(surest)
            kept = _merge_duplicates(found)
            sure = len(kept) > 0 and score[surest][kept[0]] > RELIABLE_SCORE
            if sure and (search != "full" or windows == "eighths"):
                break
        return found.select(kept)

    @torch.no_grad()
    def measure(self, pictures: Tensor, regions: Tensor, *, of: Tensor | None = None, passes: int = 1) -> Faces:
        """Measure one face in each region.

        Args:
            pictures: (B 3 H W), float in [-1, 1] or uint8.
            regions: (N 4), of ``Detections`` or of ``region_of_landmarks`` on the frame before.
            of: (N) which picture each region belongs to; None: one region a picture, or all of the only picture.
            passes: 2 measures again in the square of the first landmarks, which is steadier after a detection.
        """
        for last in range(passes - 1, -1, -1):
            squares = cut_regions(pictures, regions, self.mesh.size, of=of, outside="border")
            if squares.device.type == "cpu":  # a quarter faster on a CPU; landmarks differ by less than 1e-3 pixels
                squares = squares.contiguous(memory_format=torch.channels_last)
            inside, presence = self.mesh(squares)
            landmarks = from_region(inside, regions, self.mesh.size)
            if last:
                regions = region_of_landmarks(landmarks)
        # In the upright square, not in the picture as in MediaPipe, so that tilt does not change the expression.
        # It moves weights by up to 0.012 at a tilt of 6 degrees.
        weights = self.blendshapes(inside[:, list(POINTS), :2])[:, 1:]  # without _neutral
        return Faces(
            landmarks=landmarks,
            blendshapes=torch.cat((weights, torch.zeros_like(weights[:, :1])), dim=1),
            score=presence.sigmoid(),
            pose=fit_pose(landmarks, self.canonical),
        )

    def _no_faces(self) -> tuple[Tensor, Tensor]:
        return torch.zeros(0, device=self.device), torch.zeros(0, 8, 2, device=self.device)

    def _detect_views(self, pictures: Tensor, windows: list[list[float]], threshold: float) -> list[Detections]:
        """Run the detector on the same windows (as regions) of every picture, and merge duplicates."""
        views = torch.tensor(windows, device=pictures.device).reshape(-1, 4)
        of = torch.arange(len(pictures), device=pictures.device).repeat_interleave(len(views))
        regions = views.repeat(len(pictures), 1)
        size = face_detector.SIZE
        squares = cut_regions(pictures, regions, size, of=of, outside="zeros")
        scores, boxes = face_detector.decode(*self.detector(squares * 2 - 1))
        found = []
        for i in range(len(pictures)):
            sure = scores[of == i] > threshold  # windows, anchors
            view, anchor = sure.nonzero(as_tuple=True)
            points = from_region(boxes[of == i][view, anchor], views[view], size)  # M 8 2: corners, six points
            found.append(_merge(scores[of == i][view, anchor], points))
        return found


def region_of_landmarks(landmarks: Tensor) -> Tensor:
    """The square (N 4) in which to measure these landmarks (N 478 2+) again, for example in the next frame."""
    points = landmarks[..., :2]
    eyes = points[:, EYES[1]] - points[:, EYES[0]]
    angle = torch.atan2(eyes[:, 1], eyes[:, 0])
    cos, sin = angle.cos()[:, None], angle.sin()[:, None]
    along, down = points[..., 0] * cos + points[..., 1] * sin, points[..., 1] * cos - points[..., 0] * sin
    (left, right), (top, bottom) = (along.amin(1), along.amax(1)), (down.amin(1), down.amax(1))
    side = REGION_SCALE * torch.maximum(right - left, bottom - top)
    x, y = (left + right) / 2, (top + bottom) / 2
    return torch.stack((x * cos[:, 0] - y * sin[:, 0], x * sin[:, 0] + y * cos[:, 0], side, angle), dim=1)


def overlap(box: Tensor, others: Tensor) -> Tensor:
    """Intersection over union (M) in 0..1 of ``box`` (4) with each of ``others`` (M 4)."""
    shared = (torch.minimum(box[2:], others[:, 2:]) - torch.maximum(box[:2], others[:, :2])).clamp(min=0).prod(1)
    area, areas = (box[2:] - box[:2]).prod(), (others[:, 2:] - others[:, :2]).prod(1)
    return shared / (area + areas - shared).clamp(min=1e-9)


def _merge_duplicates(faces: Faces) -> Tensor:
    """Indices of the real faces; later ones at the same position are duplicates."""
    kept: list[int] = []
    for i in (faces.score > MIN_PRESENCE).nonzero()[:, 0].tolist():
        if not kept or overlap(faces.box[i], faces.box[kept]).max() < DUPLICATE_IOU:
            kept.append(i)
    return torch.tensor(kept, dtype=torch.int64, device=faces.score.device)


def _parts(width: int, height: int, side: float) -> list[list[float]]:
    """Overlapping squares of ``side`` that cover the picture; empty if the detector would have to enlarge them."""
    if side < face_detector.SIZE:
        return []
    return [[x, y, side, 0.0] for y in _centres(height, side) for x in _centres(width, side)]


def _centres(length: int, side: float) -> list[float]:
    """Centres of windows of ``side`` that cover ``length``, overlapping by half or more."""
    if length <= side:
        return [length / 2]
    count = math.ceil((length - side) / (side / 2)) + 1
    return [side / 2 + i * (length - side) / (count - 1) for i in range(count)]


def _merge(score: Tensor, points: Tensor) -> Detections:
    """Merge detections: the mean of those that overlap the most certain one, weighted by probability.

    Args:
        score: (M), points: (M 8 2) two corners and six points, in pixels of the picture.
    """
    middle = points[:, :2].mean(1)
    half = (points[:, 1] - points[:, 0]).norm(dim=1, keepdim=True) / math.sqrt(8)  # square, but may be rotated
    box = torch.cat((middle - half, middle + half), dim=1)
    eyes = F.normalize(points[:, 3] - points[:, 2])
    left = score.argsort(descending=True)
    kept: list[tuple[Tensor, Tensor, Tensor]] = []
    while len(left):
        first = left[0]
        same = (overlap(box[first], box[left]) > DUPLICATE_IOU) & (eyes[left] @ eyes[first] > 0.5)
        same[0] = True
        group = left[same]
        weight = (score[group] / score[group].sum())[:, None]
        mean = (box[group] * weight).sum(0)
        across, down = (eyes[group] * weight).sum(0)
        x_y, side = (mean[:2] + mean[2:]) / 2, REGION_SCALE * (mean[2] - mean[0])
        kept.append((score[first], mean, torch.stack((*x_y, side, torch.atan2(down, across)))))
        left = left[~same]
    if not kept:
        return Detections(score=score[:0], box=points.new_zeros(0, 4), regions=points.new_zeros(0, 4))
    scores, boxes, regions = (torch.stack(column) for column in zip(*kept, strict=True))
    return Detections(score=scores, box=boxes, regions=regions)
