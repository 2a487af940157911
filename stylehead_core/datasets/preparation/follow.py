"""Follows every face of a video for as long as it stays near where it began.

Axes: T frames of a track, N faces.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor

from ...landmarker.landmarker import MIN_PRESENCE, Faces, Landmarker, overlap, region_of_landmarks
from ...ops.pose import HeadPose
from .styles import PrepareConfig

__all__ = ["FaceTrack", "follow_faces"]

LOOK_EVERY = 25  # frames between two looks for faces that came in
THUMBNAIL_PX = 32  # pixels
SAME_FACE_OVERLAP = 0.1  # overlap from which on a face that is found is one that is followed already


@dataclass(frozen=True, kw_only=True)
class FaceTrack:
    """One face in consecutive frames, in pixels of the video."""

    first: int  # frame of the video
    landmarks: Tensor  # (T 478 3)
    blendshapes: Tensor  # (T 52)
    pose: HeadPose  # of T

    def __len__(self) -> int:
        return len(self.landmarks)

    @property
    def frames(self) -> range:
        return range(self.first, self.first + len(self))

    @property
    def boxes(self) -> Tensor:
        """(T 4) left, top, right, bottom of the landmarks."""
        points = self.landmarks[..., :2]
        return torch.cat((points.amin(1), points.amax(1)), dim=1)


@dataclass
class Following:
    """A face that is being followed: what was measured so far."""

    first: int
    measured: list[Faces] = field(default_factory=list)  # one face each

    @property
    def region(self) -> Tensor:
        return region_of_landmarks(self.measured[-1].landmarks)

    @property
    def began(self) -> Tensor:
        return self.measured[0].box[0]

    def to_track(self) -> FaceTrack:
        poses = [faces.pose for faces in self.measured]
        return FaceTrack(
            first=self.first,
            landmarks=torch.cat([faces.landmarks for faces in self.measured]).cpu(),
            blendshapes=torch.cat([faces.blendshapes for faces in self.measured]).cpu(),
            pose=HeadPose(
                rotation=torch.cat([pose.rotation for pose in poses]).cpu(),
                scale=torch.cat([pose.scale for pose in poses]).cpu(),
                centre=torch.cat([pose.centre for pose in poses]).cpu(),
            ),
        )


@torch.no_grad()
def follow_faces(frames: Iterable[Tensor], landmarker: Landmarker, config: PrepareConfig) -> list[FaceTrack]:
    """All faces of a video, each in pieces in which it stays near where the piece began.

    A piece ends where the face is lost, where its box shares less than ``config.overlap`` with the first one, at a cut
    and after ``config.longest`` frames; the face may begin a new piece there. Short pieces are not given.

    Args:
        frames: one (3 H W) after the other, bytes or in [-1, 1].
        landmarker: finds and measures.
        config: how long and how steady.
    """
    done: list[Following] = []
    active: list[Following] = []
    before: Tensor | None = None
    for number, frame in enumerate(frames):
        picture = frame[None].to(landmarker.device)
        thumbnail = _thumbnail(picture)
        if before is not None and (thumbnail - before).abs().mean() > config.cut:
            done, active = [*done, *active], []
        before = thumbnail
        lost = []
        if active:
            faces = landmarker.measure(picture, torch.cat([face.region for face in active]))
            for i, face in enumerate(active):
                here = faces.select(torch.tensor([i], device=faces.score.device))
                near = overlap(face.began, here.box)[0] >= config.overlap
                if here.score[0] <= MIN_PRESENCE or not near or len(face.measured) >= config.longest:
                    lost.append(face)
                else:
                    face.measured.append(here)
            active = [face for face in active if face not in lost]
            done += lost
        if lost or not active or number % LOOK_EVERY == 0:
            active += _new_faces(landmarker, picture, number, active)
    return [face.to_track() for face in [*done, *active] if len(face.measured) >= config.shortest]


def _new_faces(landmarker: Landmarker, picture: Tensor, number: int, active: list[Following]) -> list[Following]:
    """Faces of this frame that nobody follows yet."""
    found = landmarker.find(picture, search="quick")
    new = []
    for i in range(len(found)):
        face = found.select(torch.tensor([i], device=found.score.device))
        known = [overlap(other.measured[-1].box[0], face.box)[0] for other in active]
        if not any(shared > SAME_FACE_OVERLAP for shared in known):
            new.append(Following(first=number, measured=[face]))
    return new


def _thumbnail(picture: Tensor) -> Tensor:
    """The picture (1 3 H W) in a few pixels, 0..1: enough to see a cut."""
    values = (picture.float() + 1) / 2 if picture.is_floating_point() else picture.float() / 255
    return F.adaptive_avg_pool2d(values, THUMBNAIL_PX)
