"""Landmark prior: a flow for a change of pose and expression, computed from landmarks without a trained network.

The portrait's 478 landmarks are rotated to the front, moved by a linear model of the expression, and rotated to the
driving pose. The surface between them moves with the triangles of the landmarker's canonical face, the rest of the head
with an ellipsoid, the neck with a cylinder that turns less and less. The flow already nods, blinks and opens the jaw; a
network corrects it for hair, cheeks and shadows.

Axes: B batch, P points, T triangles, K expression coefficients, C values, h w flow size.
Frames: the picture's (pixels, y down, z away) and the head's (centimetres, y up, z to the camera); see ``ops.pose``.
"""

from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import torch
import torch.nn.functional as F
from einops import rearrange, reduce
from torch import Tensor, nn

from ..errors import ConfigError
from ..ops.face_masks import signed_distance
from ..ops.pose import CanonicalFace, HeadPose, fit_pose, pose_from_coefficients
from .beside_head import OWN_DEPTH_CM, BesideHead, FaceEdges
from .silhouette import fit_silhouette, pull_inside
from .skull import MAX_SKULL, Outline, fit_outline, scale_outline, skull_and_neck

__all__ = ["GUIDES", "LandmarkPrior", "LandmarkPriorConfig", "MovedFace"]

LANDMARKS, VERTICES, TRIANGLES, BASIS = 478, 468, 898, 33

INNER_LIPS = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308, 324, 318, 402, 317, 14, 87, 178, 88, 95)
# The inner edges of the lips from one corner to the other, without the corners.
UPPER_EDGE = (191, 80, 81, 82, 13, 312, 311, 310, 415)
LOWER_EDGE = (95, 88, 178, 87, 14, 317, 402, 318, 324)
EYES = (
    (33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246),
    (263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466),
)
NOSE_BASE, CHIN, UPPER_LIP, LOWER_LIP = 2, 152, 13, 14
IRISES = (468, 473)  # the middle of each, in the order of EYES
IRIS_RIMS = ((469, 470, 471, 472), (474, 475, 476, 477))
EYE_CORNERS = ((33, 133), (263, 362))

MAX_COEFFICIENT = 1.1  # largest expression coefficient that the correction accepts
SHAPE_CM = 5.0  # cm: unit of the correction's output

GUIDES = 5  # planes: inside the mouth, inside an eye, and three for the teeth
OPENING_RANGE_CELLS = 3.0  # cells from the edge of an opening at which the distance saturates

MAX_FINENESS = 16  # each triangle is sampled at the square of this many points
IRIS_FADE = 0.5, 1.25  # radii, and parts of its own movement, beyond the rim of an iris over which that fades
IRIS_RADIUS_CM = 0.62  # cm: radius around the centre in which the iris' own movement acts
TEETH_DEPTH_CM = 1.4  # cm: the teeth, behind the point where the nose meets the lip
# Cm from the middle of the teeth, and from the resting lips, at which the guides saturate.
TEETH_RANGE_X_CM, TEETH_RANGE_Y_CM = 3.0, 1.5
FACE_OFFSET_CM = 1.0  # cm by which the measured face lies in front of the estimated skull
OCCLUSION_DEPTH_CM = 1.2  # cm behind the nearest surface of its cell from which a point is hidden
FRONT_CENTRE, FRONT_HALF = (0.0, 1.0), 15.0  # cm of the head's frame: the square of a plan of the face
MIN_AREA_PX = 0.02  # twice the area below which a triangle is seen edge-on
NEWS_SHARE = 0.3  # of its size by which a triangle has come into view for sure: nothing of it is fetched from the wall
FULL_COVER_WEIGHT = 0.5  # total weight of points that covers a cell
NEIGHBOUR_WEIGHT = 0.02  # weight of the neighbouring cells, for cells that no point fell into


@dataclass(frozen=True, kw_only=True)
class LandmarkPriorConfig:
    flow_size: int = 64  # pixels of the flow
    expression: int = 52  # number of expression coefficients; pitch, yaw, roll, x, y and log_scale follow them
    fineness: int = 3  # each triangle is sampled at fineness^2 points
    hidden: int = 0  # hidden width of the network that corrects the linear movement for a face; 0 = no network
    lips_meet: bool = False  # whether moved lips stop where they touch; else they pass each other
    uncovers: bool = False  # whether what a head uncovers is fetched from beside it; else the head is seen there again

    def __post_init__(self) -> None:
        if min(self.flow_size, self.expression, self.fineness, self.hidden + 1) < 1 or self.fineness > MAX_FINENESS:
            raise ConfigError(
                f"A landmark prior needs at least one of everything, and a fineness of at most {MAX_FINENESS}; "
                f"found {self}."
            )


class MovedFace(NamedTuple):
    """Landmarks of a portrait moved to a driving expression and pose."""

    landmarks: Tensor  # (B 478 3), pixels
    source_pose: HeadPose
    driving_pose: HeadPose


class ExpressionCorrection(nn.Module):
    """Correction of the linear expression model: non-additive expressions, and faces of other shape."""

    def __init__(self, expression: int, hidden: int) -> None:
        super().__init__()
        self.shape = nn.Linear(2 * LANDMARKS, hidden, bias=False)
        self.expression = nn.Linear(2 * expression, hidden)
        self.mix = nn.Linear(hidden, hidden)
        self.last = nn.Linear(hidden, 3 * LANDMARKS, bias=False)
        nn.init.zeros_(self.last.weight)

    def forward(self, shape: Tensor, source: Tensor, driving: Tensor) -> Tensor:
        """Additional movement of the landmarks (B 478 3), cm; zero for equal expressions.

        Args:
            shape: (B 478 3) cm, the frontal face.
            source, driving: (B K), its expression and the driving one.
        """
        face = self.shape(shape[..., :2].flatten(1) / SHAPE_CM)

        def correct(driving: Tensor) -> Tensor:
            x = F.silu(face + self.expression(torch.cat((source, driving - source), dim=1)))
            return self.last(F.silu(self.mix(x))).unflatten(1, (-1, 3))

        return correct(driving) - correct(source)


class LandmarkPrior(nn.Module):
    """Landmarks and coefficients in, flow and visibility out.

    The basis is computed, see ``training.landmark_prior.fit_basis``; only the correction is trained by gradient
    descent.
    """

    vertices: Tensor  # (468 3) cm, the canonical face
    indices: Tensor  # (33) int64: its points that hardly move with the expression
    weights: Tensor  # (33)
    triangles: Tensor  # (898 3) int64: the canonical face's; they close the eyes and the mouth too
    basis: Tensor  # (K 478 3) cm: movement of each landmark for a coefficient of 1

    def __init__(self, config: LandmarkPriorConfig = LandmarkPriorConfig()) -> None:
        super().__init__()
        self.config = config
        self.register_buffer("vertices", torch.zeros(VERTICES, 3))
        self.register_buffer("indices", torch.zeros(BASIS, dtype=torch.int64))
        self.register_buffer("weights", torch.ones(BASIS))
        self.register_buffer("triangles", torch.zeros(TRIANGLES, 3, dtype=torch.int64))
        self.register_buffer("basis", torch.zeros(config.expression, LANDMARKS, 3))
        self.bend = ExpressionCorrection(config.expression, config.hidden) if config.hidden else None

    @property
    def canonical(self) -> CanonicalFace:
        return CanonicalFace(vertices=self.vertices, indices=self.indices, weights=self.weights)

    def move_landmarks(self, landmarks: Tensor, source: Tensor, driving: Tensor, size: float) -> MovedFace:
        """Move the landmarks.

        Args:
            landmarks: (B or 1, 478 3) of the portrait, pixels of a square of ``size``.
            source: (B or 1, K + 6) the portrait's own coefficients.
            driving: (B K + 6), the driving ones.
            size: of the square, pixels.

        Returns:
            The moved landmarks (B 478 3), and both poses. Equal coefficients move nothing, bit for bit.
        """
        batch, expression = len(driving), self.config.expression
        landmarks, source = landmarks.expand(batch, -1, -1), source.expand(batch, -1)
        here, there = (self._pose(landmarks, coefficients, size) for coefficients in (source, driving))
        front = here.unpose(landmarks)
        before, after = source[:, :expression], driving[:, :expression]
        if self.bend is not None:  # nothing is measured outside of this range, so nothing was learnt about it
            before, after = before.clamp(0, MAX_COEFFICIENT), after.clamp(0, MAX_COEFFICIENT)
        change = torch.einsum("bk,kpc->bpc", after - before, self.basis)
        if self.bend is not None:
            change = change + self.bend(front, before, after)
        if self.config.lips_meet:
            change = self._keep_lips_apart(front, change)
        return MovedFace(landmarks + (there.pose(front + change) - here.pose(front)), here, there)

    def _keep_lips_apart(self, front: Tensor, change: Tensor) -> Tensor:
        """Correct the ``change`` (B 478 3) of frontal landmarks, cm, so that lips overlap no more than before."""
        upper, lower = list(UPPER_EDGE), list(LOWER_EDGE)

        def gap(landmarks: Tensor) -> Tensor:
            return landmarks[:, upper, 1] - landmarks[:, lower, 1]

        overlap = (gap(front).clamp_max(0) - gap(front + change)).clamp_min(0)
        apart = torch.zeros_like(change[..., 1])
        apart[:, upper], apart[:, lower] = overlap / 2, -overlap / 2
        return torch.cat((change[..., :1], change[..., 1:2] + apart[..., None], change[..., 2:]), dim=-1)

    def frontalise(self, landmarks: Tensor, coefficients: Tensor, size: float) -> Tensor:
        """Landmarks (B 478 3) in pixels, and their own coefficients (B K + 6) -> frontal landmarks in cm."""
        return self._pose(landmarks, coefficients, size).unpose(landmarks)

    def _pose(self, landmarks: Tensor, coefficients: Tensor, size: float) -> HeadPose:
        """The pose of the coefficients, at the depth of the landmarks."""
        pose = pose_from_coefficients(coefficients[:, self.config.expression :], size, self.canonical)
        depth = fit_pose(landmarks, self.canonical).centre[:, 2:]
        return HeadPose(rotation=pose.rotation, scale=pose.scale, centre=torch.cat((pose.centre[:, :2], depth), dim=1))

    def forward(self, landmarks: Tensor, source: Tensor, driving: Tensor, size: float) -> tuple[Tensor, Tensor]:
        """Flow and visibility for ``driving``; arguments as in ``move_landmarks``, results as of ``find_flow``."""
        return self.find_flow(landmarks, self.move_landmarks(landmarks, source, driving, size), size)

    def find_flow(
        self, landmarks: Tensor, face: MovedFace, size: float, outline: Outline | None = None
    ) -> tuple[Tensor, Tensor]:
        """The flow to a ``face`` moved by ``move_landmarks``, and its visibility in the portrait.

        ``outline``: from ``fit_outline``; None = the mean skull's.

        Returns:
            flow (B 2 h w) in pixels of its own grid, see ``ops.warp``; visibility (B 1 h w) in 0..1: how much of
            the surface the portrait shows: 0 for hidden, 0.5 for shown at half the size.
        """
        moved, here, there = face
        edges = FaceEdges.measure(landmarks, moved, here, there, size) if self.config.uncovers else None
        head, silhouette = (None, None) if outline is None else outline
        beside = BesideHead(here=here, there=there, outline=head, size=size, edges=edges)
        surface = self._face(landmarks.expand(len(moved), -1, -1), moved, there, size, silhouette)
        hull = self._hull(beside)
        points, depth, values, front = (torch.cat(pair, dim=1) for pair in zip(surface, hull, strict=True))
        scale = self.config.flow_size / size
        places = (points + 0.5) * scale - 0.5
        dense, covered = _splat(places, depth, values, front, self.config.flow_size)
        flow = covered * dense[:, :2] + (1 - covered) * beside.halo(self._cells(size))
        return scale * flow, covered * dense[:, 2:] + (1 - covered)

    def fit_outline(self, matte: Tensor, landmarks: Tensor, coefficients: Tensor, size: float) -> Outline:
        """The outline of a portrait's head by its matte (B 1 S S), see ``skull.fit_outline``: of skull and hair, with
        the silhouette, for a prior that ``uncovers``, else of the skull.

        Args:
            landmarks: (B 478 3), pixels of a square of ``size``.
            coefficients: (B K + 6), the portrait's own.
        """
        head = fit_outline(matte, self._pose(landmarks, coefficients, size), size)
        if not self.config.uncovers:
            return Outline(head.clamp_max(MAX_SKULL))
        return Outline(head, fit_silhouette(matte, landmarks, size))

    def find_guides(self, face: MovedFace, size: float) -> Tensor:
        """Guides for the inside of mouth and eyes, where a flow can fetch nothing.

        Args:
            face: as ``move_landmarks`` returns it.
            size: of the picture, pixels.

        Returns:
            (B 5 h w) in -1..1. Distance of each cell inside the lips and inside the lids: 0 at their edge, 1 at three
            cells or more inside. Its position relative to the teeth: distance from their middle (1 at 3 cm); height
            above the line of the resting lips, as moved by the skull, which carries the upper teeth, and as moved by
            the jaw, which carries the lower ones (1 at 1.5 cm).
        """
        moved, _, there = face
        return torch.cat((self._openings(moved, size), self._teeth(moved, there, size)), dim=1)

    def find_irises(self, landmarks: Tensor, face: MovedFace, size: float) -> Tensor:
        """Where each iris is in the frame, and where in the portrait.

        Args:
            landmarks: (B or 1, 478 3) of the portrait, pixels of a square of ``size``.
            face: as ``move_landmarks`` returns it.

        Returns:
            (B 2 8), see ``ops.irises.IRIS_VALUES``.
        """
        scale = face.source_pose.scale / face.driving_pose.scale
        before, after = (
            torch.view_as_complex((points[..., :2].expand(len(scale), -1, -1).contiguous() + 0.5) / size)
            for points in (landmarks, face.landmarks)
        )
        irises = []
        for iris, rim, corners in zip(IRISES, IRIS_RIMS, EYE_CORNERS, strict=True):
            (here, was), (there, now) = (_across_and_middle(points, corners) for points in (before, after))
            turn = scale * (here / there).sgn()  # from the frame to the portrait
            radius = (before[:, list(rim)] - before[:, iris : iris + 1]).abs().mean(1) / scale
            away = ((before[:, iris] - was) / turn - (after[:, iris] - now)).abs()
            reach = radius * (1 + IRIS_FADE[0]) + IRIS_FADE[1] * away
            places = [torch.view_as_real(place) for place in (after[:, iris], before[:, iris], turn)]
            irises.append(torch.cat((*places, torch.stack((radius, reach), dim=1)), dim=1))
        return torch.stack(irises, dim=1)

    def _openings(self, moved: Tensor, size: float) -> Tensor:
        """Distance of the cells inside mouth and eyes (B 2 h w), for ``moved`` landmarks (B 478 3)."""
        cells = self.config.flow_size
        points = (moved[..., :2] + 0.5) * (cells / size) - 0.5
        mouth = signed_distance(points[:, list(INNER_LIPS)], cells)
        rings = rearrange(points[:, list(EYES)], "b eye point xy -> (b eye) point xy")
        eyes = reduce(signed_distance(rings, cells), "(b eye) h w -> b h w", "max", eye=len(EYES))
        return (torch.stack((mouth, eyes), dim=1) / OPENING_RANGE_CELLS).clamp(-1, 1)

    def _teeth(self, moved: Tensor, there: HeadPose, size: float) -> Tensor:
        """Position of the cells relative to the teeth (B 3 h w), projected along the line of sight to their plane."""
        front, rest = there.unpose(moved), self.vertices
        nose, chin = front[:, NOSE_BASE], front[:, CHIN]
        place = self._cells(size) - there.centre[:, :2, None, None]
        place = place * place.new_tensor((1.0, -1.0))[:, None, None] / there.scale[:, None, None, None]
        x, y, rotation = *place.unbind(1), there.rotation[..., None, None]  # cm, as the camera sees the head
        depth = (nose[:, 2] - TEETH_DEPTH_CM)[:, None, None]
        x, y = x - rotation[:, 0, 2] * depth, y - rotation[:, 1, 2] * depth
        narrow = rotation[:, 2, 2].clamp_min(0.2)
        across = (rotation[:, 1, 1] * x - rotation[:, 0, 1] * y) / narrow
        up = (rotation[:, 0, 0] * y - rotation[:, 1, 0] * x) / narrow
        upper = up - (nose[:, 1] + rest[UPPER_LIP, 1] - rest[NOSE_BASE, 1])[:, None, None]
        lower = up - (chin[:, 1] + rest[LOWER_LIP, 1] - rest[CHIN, 1])[:, None, None]
        across = (across - nose[:, :1, None]).abs()  # symmetric under mirroring
        planes = across / TEETH_RANGE_X_CM, upper / TEETH_RANGE_Y_CM, lower / TEETH_RANGE_Y_CM
        return torch.stack(planes, dim=1).clamp(-1, 1)

    def _cells(self, size: float) -> Tensor:
        """Positions of the cells in a picture of ``size`` (2 h w), pixels: x and y."""
        cells = self.config.flow_size
        line = torch.arange(cells, device=self.vertices.device, dtype=self.vertices.dtype)
        line = (line + 0.5) * (size / cells) - 0.5
        return torch.stack(torch.meshgrid(line, line, indexing="xy"))

    def find_face_positions(self, landmarks: Tensor, coefficients: Tensor, size: float) -> tuple[Tensor, Tensor]:
        """Position on the frontal face of each cell of a portrait.

        Args:
            landmarks: (B 478 3), pixels of a square of ``size``.
            coefficients: (B K + 6), the portrait's own.

        Returns:
            positions (B 2 h w): x to the right, y down, -1..1 in a square of 30 cm around the canonical face; and how
            much of each cell the head covers (B 1 h w) in 0..1.
        """
        pose, corners = self._pose(landmarks, coefficients, size), _samples(self.config.fineness).to(landmarks)
        surface, canonical = (
            rearrange(corners @ points, "b triangle sample xyz -> b (triangle sample) xyz")
            for points in (
                landmarks[:, self.triangles],
                self.vertices[self.triangles][None],
            )
        )
        sign = _signed_area(self.vertices[self.triangles] * self.vertices.new_tensor((1.0, -1.0, -1.0))).median().sign()
        facing = (sign * _signed_area(landmarks[:, self.triangles]) > 0).repeat_interleave(len(corners), dim=1)
        hull = skull_and_neck()[0].to(landmarks)
        around = pose.pose(hull.expand(len(landmarks), -1, -1))
        points = torch.cat((surface, around), dim=1)
        depth = -points[..., 2] / pose.scale[:, None]
        depth[:, : surface.shape[1]] += FACE_OFFSET_CM
        values = torch.cat((canonical[0], hull))[:, :2].expand(len(landmarks), -1, -1)
        seen = torch.cat((facing, facing.new_ones(len(landmarks), len(hull))), dim=1)
        cells = (points[..., :2] + 0.5) * (self.config.flow_size / size) - 0.5
        values, covered = _splat(cells, depth, values, seen, self.config.flow_size)
        centre = values.new_tensor(FRONT_CENTRE)[:, None, None]
        return (values - centre) / FRONT_HALF * values.new_tensor((1.0, -1.0))[:, None, None], covered

    def _face(
        self, landmarks: Tensor, moved: Tensor, there: HeadPose, size: float, silhouette: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Points of the face's surface: position (B P 2), depth (B P), flow and visibility (B P 3), seen (B P)."""
        before, after = landmarks[:, self.triangles], moved[:, self.triangles]  # B T 3 3
        corners = _samples(self.config.fineness).to(moved)
        start, goal = (
            rearrange(corners @ triangles, "b triangle sample xyz -> b (triangle sample) xyz")
            for triangles in (before, after)
        )
        sign = _signed_area(self.vertices[self.triangles] * self.vertices.new_tensor((1.0, -1.0, -1.0))).median().sign()
        was, now = sign * _signed_area(before), sign * _signed_area(after)  # B T, positive where it faces the camera
        each, fetched = len(corners), start[..., :2]
        if silhouette is not None:
            news = ((now - was.clamp_min(0)) / (NEWS_SHARE * now).clamp_min(MIN_AREA_PX)).clamp(0, 1)
            pulled = pull_inside(fetched, silhouette, landmarks, size)
            fetched = torch.lerp(fetched, pulled, news.repeat_interleave(each, dim=1)[..., None])
        flow = fetched - goal[..., :2]
        for ring, iris in zip(EYES, IRISES, strict=True):
            inside = self._triangles_within(ring).repeat_interleave(each)
            away = (goal[:, inside, :2] - moved[:, iris : iris + 1, :2]).norm(dim=-1)  # pixels
            away = away / (IRIS_RADIUS_CM * there.scale[:, None])
            own = torch.exp(-0.5 * away.square())[..., None]
            gaze = (landmarks - moved)[:, iris : iris + 1, :2]
            flow[:, inside] = torch.lerp(flow[:, inside], gaze.expand_as(flow[:, inside]), own)
        shown = (was.clamp_min(0) / now.clamp_min(MIN_AREA_PX)).clamp_max(1)
        values = torch.cat((flow, shown.repeat_interleave(each, dim=1)[..., None]), dim=-1)
        depth = FACE_OFFSET_CM - goal[..., 2] / there.scale[:, None]
        return goal[..., :2], depth, values, (now > 0).repeat_interleave(each, dim=1)

    def _hull(self, head: BesideHead) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Samples of skull and neck, as in ``_face``."""
        here, there = head.here, head.there
        hull, follows = (part.to(here.scale) for part in skull_and_neck())
        hull = scale_outline(hull.expand(len(here.scale), -1, -1), head.outline)
        start = here.pose(hull)
        goal = start + (there.pose(hull) - start) * follows[:, None]
        place, flow = (rearrange(each[..., :2], "b point xy -> b xy point 1") for each in (goal, start - goal))
        flow = head.uncover(place, flow, OWN_DEPTH_CM * (follows == 1)[:, None])
        seen = torch.ones_like(goal[..., 0])
        values = torch.cat((rearrange(flow, "b xy point 1 -> b point xy"), seen[..., None]), dim=-1)
        return goal[..., :2], -goal[..., 2] / there.scale[:, None], values, seen.bool()

    def _triangles_within(self, ring: tuple[int, ...]) -> Tensor:
        """Which triangles (T) lie within a ring of landmarks."""
        return torch.isin(self.triangles, torch.tensor(ring, device=self.triangles.device)).all(dim=1)


def _across_and_middle(points: Tensor, corners: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """The way (B) from one to the other of two ``corners`` of ``points`` (B P), and their middle; all are complex."""
    one, other = (points[:, corner] for corner in corners)
    return other - one, (one + other) / 2


def _splat(places: Tensor, depth: Tensor, values: Tensor, seen: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """Splat points onto a grid with a z-buffer.

    Args:
        places: (B P 2) x, y in cells.
        depth: (B P) cm to the camera.
        values: (B P C).
        seen: (B P) points that face the camera.
        size: cells of a side.

    Returns:
        The mean of ``values`` in each cell (B C h w), each point shared among the four cells around it; and how much of
        each cell is covered (B 1 h w) in 0..1. Single cells that no point fell into are filled from their neighbours.
    """
    batch, _, channels = values.shape
    first = places.floor()
    nearest = depth.new_full((batch, size * size), -torch.inf)
    shares = []
    for corner in ((0, 0), (1, 0), (0, 1), (1, 1)):
        cell = first + first.new_tensor(corner)
        share = (1 - (places - cell).abs()).prod(dim=-1)
        there = seen & ((cell >= 0) & (cell < size)).all(dim=-1)
        x, y = cell.long().clamp(0, size - 1).unbind(-1)
        index = y * size + x
        shares.append((index, share * there))
        nearest.scatter_reduce_(1, index, depth.masked_fill(~there | (share < 0.1), -torch.inf), "amax")
    total, weight = values.new_zeros(batch, size * size, channels), values.new_zeros(batch, size * size)
    for index, share in shares:
        share = share * (depth > nearest.gather(1, index) - OCCLUSION_DEPTH_CM)
        total.scatter_add_(1, index[..., None].expand(-1, -1, channels), values * share[..., None])
        weight.scatter_add_(1, index, share)
    total, weight = rearrange(total, "b (h w) c -> b c h w", h=size), rearrange(weight, "b (h w) -> b 1 h w", h=size)
    total, near = (plane + NEIGHBOUR_WEIGHT * F.avg_pool2d(plane, 3, stride=1, padding=1) for plane in (total, weight))
    covered = F.max_pool2d((weight / FULL_COVER_WEIGHT).clamp_max(1), 3, stride=1, padding=1)
    covered = -F.max_pool2d(-covered, 3, stride=1, padding=1)
    return total / near.clamp_min(1e-6), covered


def _signed_area(triangles: Tensor) -> Tensor:
    """Twice the signed area (...) of triangles (... 3 corners 2+)."""
    a, b = triangles[..., 1, :2] - triangles[..., 0, :2], triangles[..., 2, :2] - triangles[..., 0, :2]
    return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]


@cache
def _samples(fineness: int) -> Tensor:
    """Barycentric weights (samples 3): the centres of the ``fineness``^2 triangles into which a triangle is divided."""
    points = []
    for row in range(fineness):
        for column in range(fineness - row):
            points.append((row + 1 / 3, column + 1 / 3))
            if row + column < fineness - 1:
                points.append((row + 2 / 3, column + 2 / 3))
    with torch.inference_mode(False), torch.device("cpu"):  # cached
        two = torch.tensor(points) / fineness
        return torch.cat((1 - two.sum(1, keepdim=True), two), dim=1)
