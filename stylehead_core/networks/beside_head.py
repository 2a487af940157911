"""The flow beside a moved head: hair goes along, and what the head uncovers is fetched from beside it.

The portrait shows the head where it was. A place that the head has left would show it once more if nothing moved there.
So what is fetched for a place lies as far outside of the portrait's head as the place lies outside of the moved one.

Axes: B batch, h w a grid of places.
Frames: the picture's (pixels, y down) and the head's (centimetres, y up); see ``ops.pose``.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ..ops.face_masks import FACE_OVAL, signed_distance
from ..ops.pose import HeadPose
from .skull import SKULL_AXES, SKULL_CENTRE, outline_at, smoothstep

__all__ = ["OWN_DEPTH_CM", "BesideHead", "FaceEdges"]

# In skull radii: hair beside the head moves with it up to the first, nothing beyond the second.
HALO_RADII = (0.98, 1.18)
BESIDE_RADII = 1.08  # at which a place is beside the head for sure; long hair reaches farther
HALO_FADE_CM = (8.0, 18.0)  # cm below the skull's centre between which the halo ends
MIN_RADIUS = 0.1  # skull radii: nearer to the centre there is no way out
EDGE_CELLS = 32  # of a side of the picture, for distances from the face
EDGE_RANGE_CM = 1.8  # distance from the face beyond which a place is outside of it for sure
OWN_DEPTH_CM = 0.6  # by which a place of the skull may come out of the face, since it lies deeper
EDGE_STEPS = 2  # in which what is fetched leaves the face, since the way out bends
MIN_SLOPE = 0.1  # of the steepest; in the face's middle there is no way out


@dataclass(frozen=True, kw_only=True)
class FaceEdges:
    """Distances from the edge of the face, cm, positive inside: (B 1 h w) each, over the whole picture."""

    before: Tensor
    after: Tensor

    @classmethod
    def measure(cls, before: Tensor, after: Tensor, here: HeadPose, there: HeadPose, size: float) -> "FaceEdges":
        """From landmarks (B or 1, 478 3; and B 478 3) in pixels of a square of ``size``."""
        return cls(before=_inside_face(before, here, size), after=_inside_face(after, there, size))


@dataclass(frozen=True, kw_only=True)
class BesideHead:
    """A head before and after it moves, as seen from the places beside it."""

    here: HeadPose
    there: HeadPose
    outline: Tensor | None  # of skull and hair, see ``skull.fit_outline``; None = the mean skull's
    size: float  # pixels of a side of the picture
    edges: FaceEdges | None  # None = what the head uncovers is not looked at

    def halo(self, place: Tensor) -> Tensor:
        """The flow (B 2 h w, pixels) at places (2 h w): it follows the head's rotation, scale and shift, then fades."""
        here, there = self.here, self.there
        start, away = _centre(here), place - _centre(there)
        flow = start + _rotate_roll(away, there, here) * (here.scale / there.scale)[:, None, None, None] - place
        radius, below = self._on_skull(away, there)
        inside = smoothstep(radius, HALO_RADII[1], HALO_RADII[0])
        return self.uncover(place, flow * (inside * _fade(below))[:, None])

    def uncover(self, place: Tensor, flow: Tensor, depth: Tensor | float = 0.0) -> Tensor:
        """The ``flow`` (B 2 h w, pixels) at places (B or none, 2 h w), without fetching the head where it was.

        Where nothing moves it stays as it is, bit for bit. ``depth``: cm by which what is fetched may lie farther
        inside the face than the place does.
        """
        if self.edges is None:
            return flow
        start = _centre(self.here)
        fetched = place + flow
        radius, below = self._on_skull(place - _centre(self.there), self.there)
        own, _ = self._on_skull(fetched - start, self.here)
        wider = (radius.clamp_max(BESIDE_RADII) / own.clamp_min(MIN_RADIUS)).clamp_min(1) - 1
        flow = flow + (fetched - start) * (wider * _fade(below))[:, None]
        wanted = self._at(self.edges.after, place).clamp_min(-EDGE_RANGE_CM)
        slope = torch.cat(torch.gradient(self.edges.before, dim=(3, 2)), dim=1)
        steep = slope.norm(dim=1, keepdim=True)
        slope = slope / steep.clamp_min(MIN_SLOPE * steep.amax((2, 3), keepdim=True))
        for _ in range(EDGE_STEPS):
            fetched = place + flow
            inside = (self._at(self.edges.before, fetched) - wanted - depth).clamp_min(0)
            flow = flow - self._at(slope, fetched) * inside * self.here.scale[:, None, None, None]
        return flow

    def _on_skull(self, away: Tensor, pose: HeadPose) -> tuple[Tensor, Tensor]:
        """Of places ``away`` from the skull's centre (B 2 h w, pixels): its radii, and cm below it (B h w each)."""
        level = _rotate_roll(away, pose, None) / pose.scale[:, None, None, None]  # cm, with the head's roll removed
        radius = torch.hypot(level[:, 0] / SKULL_AXES[0], level[:, 1] / SKULL_AXES[1])
        if self.outline is not None:
            radius = radius / outline_at(self.outline, level[:, 0], -level[:, 1])
        return radius, level[:, 1]

    def _at(self, planes: Tensor, place: Tensor) -> Tensor:
        """``planes`` (B C h w) of the whole picture at places (B or none, 2 h w)."""
        grid = ((place + 0.5) * (2 / self.size) - 1).expand(len(planes), -1, -1, -1).permute(0, 2, 3, 1)
        return F.grid_sample(planes, grid, padding_mode="border", align_corners=False)


def _inside_face(landmarks: Tensor, pose: HeadPose, size: float) -> Tensor:
    """Distance from the edge of the face (B 1 h w), cm, positive inside."""
    oval = (landmarks[:, list(FACE_OVAL), :2] + 0.5) * (EDGE_CELLS / size) - 0.5
    return signed_distance(oval, EDGE_CELLS)[:, None] * (size / EDGE_CELLS / pose.scale[:, None, None, None])


def _centre(pose: HeadPose) -> Tensor:
    """The skull's centre (B 2 1 1), pixels."""
    return pose.pose(pose.scale.new_tensor(SKULL_CENTRE).expand(len(pose.scale), 1, 3))[:, 0, :2, None, None]


def _fade(below: Tensor) -> Tensor:
    """How much places so many cm below the skull's centre are beside the head, not beside the shoulders."""
    return smoothstep(below, HALO_FADE_CM[1], HALO_FADE_CM[0])


def _rotate_roll(vectors: Tensor, off: HeadPose, on: HeadPose | None) -> Tensor:
    """Rotate ``vectors`` (B 2 h w; y down) from the roll of ``off`` to that of ``on``."""
    roll = off.angles[:, 2] - (0 if on is None else on.angles[:, 2])
    cos, sin = roll.cos()[:, None, None], roll.sin()[:, None, None]
    x, y = vectors.unbind(1)
    return torch.stack((cos * x - sin * y, sin * x + cos * y), dim=1)
