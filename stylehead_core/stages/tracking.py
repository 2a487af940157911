"""From a driving video to its motion: one person's face, followed from frame to frame.

Axes: T frames of the clip, n frames of a chunk, N faces, K coefficients.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from ..errors import ConfigError, FaceNotFound, InputError
from ..landmarker.face_choice import FaceChoice, choose_face
from ..landmarker.landmarker import PRESENT, Faces, Landmarker, overlap, region_of_landmarks
from ..media.video import Frames, frame_rate, read_frames, read_info
from ..model.stylehead import StyleHead
from ..networks.coefficients import Coefficients
from ..ops.align import LANDMARKS_68, ffhq_square, five_points, square_to_affine
from ..ops.crop import apply_affine, cut_square, invert_affine
from ..ops.deep3d_align import crop_face
from ..ops.following import following_squares, still_square
from ..ops.pixels import from_uint8
from ..ops.pose import fit_pose, placement
from ..ops.smoothing import fill_gaps, sample_at, smooth_over_time, unwrap
from ..records import SQUARE, Motion, Progress
from ..spaces import ARKIT, BFM, MotionSpace

__all__ = [
    "Track",
    "TrackingConfig",
    "bfm_motion_from_video",
    "frames_of",
    "motion_for_model",
    "motion_from_track",
    "motion_from_video",
    "track_face",
]

PASSES = 3  # looks at one frame at most
MOVED = 0.04  # of the square's side (and rad, and size): a face that moved further is looked at again
NEAR = 1.0  # of the face's size: it may jump so far and still be the same face
PIECE = 1024  # frames of which measures are kept in one piece of memory
PATIENCE = 25  # frames: parts and turned views are looked at in every so many, since that takes a second
LOST = 1.0  # seconds after which the face is looked for anew, as in the first frame
SOME = 128  # frames whose pose is told at once, so that a long clip needs little memory beside itself
CALM = Fraction(8, 100)  # seconds: the filter's standard deviation at smoothing 1

Square = Literal["still", "follows"]
OnFrame = Callable[[int, Tensor, Tensor | None], None]
"""Called with frame number, picture (3 H W) uint8 and landmarks (478 3), or none where no face is."""


@dataclass(frozen=True, kw_only=True)
class TrackingConfig:
    face: FaceChoice = FaceChoice()  # in the first frame that shows one
    smoothing: float = 0.5
    """0..1: a Gaussian over time on rotation and place, 80 ms wide at 1. Mouth, eyes and brows stay as measured: they
    are fast, and a blink or the closing of the lips for a "p" would be gone."""
    chunk: int = 8  # frames looked at in one go
    square: Square = "still"
    """In what place and size are told. ``still``: one square for the whole clip, in which the head moves. ``follows``:
    a square that goes along with the face, for drawing it there and pasting it back into the same video. ``bfm`` motion
    is always told in the square of the first face, as the official code does."""
    search: bool = True  # look at parts of the first frames and at turned views where no face is seen at first

    def __post_init__(self) -> None:
        if not 0 <= self.smoothing <= 1:
            raise ConfigError(f"Smoothing goes from 0 (off) to 1; found {self.smoothing}.")
        if self.chunk < 1:
            raise ConfigError(f"A chunk needs at least one frame; found {self.chunk}.")


@dataclass(frozen=True, kw_only=True)
class Track:
    """What was measured in every frame of a clip; zeros where no face was found."""

    landmarks: Tensor  # (T 478 3), pixels of the video
    blendshapes: Tensor  # (T 52)
    found: Tensor  # (T) bool
    times: tuple[Fraction, ...]  # seconds
    fps: Fraction
    size: tuple[int, int]  # width, height of the video

    def __len__(self) -> int:
        return len(self.found)

    def squares(self, kind: Square = "still") -> Tensor:
        """(T 2 3): where the square of SQUARE pixels lies in each frame of the video."""
        if kind == "follows":
            return following_squares(self.landmarks, self.found, SQUARE, fps=float(self.fps))
        return still_square(self.landmarks, self.found, SQUARE).expand(len(self), -1, -1)


def motion_for_model(
    model: StyleHead,
    source: str | Path | BytesIO | Iterable[Frames],
    landmarker: Landmarker,
    config: TrackingConfig = TrackingConfig(),
    *,
    progress: Progress | None = None,
    on_frame: OnFrame | None = None,
) -> Motion:
    """The motion of one person in a video, in the space by which ``model`` is moved; arguments as in ``track_face``.

    Raises:
        ConfigError: the model is moved by coefficients that it cannot measure itself.
    """
    if model.config.space == ARKIT.name:
        return motion_from_video(source, landmarker, config, progress=progress, on_frame=on_frame)
    if model.coefficients is None:
        raise ConfigError(
            f"The model {model.config.name!r} is moved by {model.config.space!r} coefficients and has not the network "
            "that measures them in a video: Deep3DFaceRecon's epoch_20.pth, with similarity_Lm3D_all.mat.\n"
            "  1. Put both into the folder of the official checkpoints, and convert it again:\n"
            "     stylehead convert CHECKPOINT_DIR -o models/stylehead/styleheat-1024.safetensors\n"
            "     Where to get them: weights/README.md.\n"
            "  2. Or load a motion file of that space (Load Motion, or --motion)."
        )
    network, points = model.coefficients, model.face_points.cpu()
    return bfm_motion_from_video(source, landmarker, network, points, config, progress=progress, on_frame=on_frame)


def motion_from_video(
    source: str | Path | BytesIO | Iterable[Frames],
    landmarker: Landmarker,
    config: TrackingConfig = TrackingConfig(),
    *,
    progress: Progress | None = None,
    on_frame: OnFrame | None = None,
) -> Motion:
    """The ``arkit`` motion of one person in a video; arguments as in ``track_face``."""
    track = track_face(source, landmarker, config, progress=progress, on_frame=on_frame)
    return motion_from_track(track, landmarker, smoothing=config.smoothing, square=config.square)


def bfm_motion_from_video(
    source: str | Path | BytesIO | Iterable[Frames],
    landmarker: Landmarker,
    network: Coefficients,
    standard: Tensor,
    config: TrackingConfig = TrackingConfig(),
    *,
    progress: Progress | None = None,
    on_frame: OnFrame | None = None,
) -> Motion:
    """The ``bfm`` motion of one person in a video, as the official pipeline measures it.

    The FFHQ square of the first face cuts every frame (256 pixels); there the 224 crop is made and measured.

    Args:
        network: Deep3DFaceRecon's.
        standard: (5 3), the five points of the face model that go with it.
        source, landmarker, config, progress, on_frame: as in ``track_face``.
    """
    square: list[Tensor] = []
    rows: list[Tensor | None] = []

    def measure(frame: int, picture: Tensor, landmarks: Tensor | None) -> None:
        if on_frame is not None:
            on_frame(frame, picture, landmarks)
        if landmarks is None:
            rows.append(None)
            return
        if not square:
            square.append(square_to_affine(*ffhq_square(*five_points(landmarks[None])), SQUARE)[0])
        floats = picture[None] if picture.is_floating_point() else from_uint8(picture[None])
        aligned = cut_square(floats, square[0].to(floats), SQUARE)[0].cpu()
        points = apply_affine(invert_affine(square[0]), landmarks[list(LANDMARKS_68)])[:, :2]
        face = crop_face(aligned, points, standard)
        place = next(network.parameters())
        with torch.no_grad():
            measured = network(face.picture[None].to(place))
        rows.append(measured.motion(face.crop[None].to(place))[0].float().cpu())

    track = track_face(source, landmarker, config, progress=progress, on_frame=measure)
    coefficients = torch.stack([torch.zeros(len(BFM.names)) if row is None else row for row in rows])
    return _motion(coefficients, track, BFM, square[0].expand(len(track), -1, -1), config.smoothing)


def track_face(
    source: str | Path | BytesIO | Iterable[Frames],
    landmarker: Landmarker,
    config: TrackingConfig = TrackingConfig(),
    *,
    progress: Progress | None = None,
    on_frame: OnFrame | None = None,
) -> Track:
    """Follow one face through a clip, a few frames at a time.

    It stays with the person: the next place must be near the last. Where the face is lost for a second, it is looked
    for anew by ``config.face``.

    Args:
        source: a video file, in memory or not, or frames as ``read_frames`` or ``frames_of`` give them.
        progress: called after each chunk with (frames done, frames in all as the file says, or done again).
        on_frame: called with every frame; for a preview.

    Raises:
        FaceNotFound: no frame shows a face.
        InputError: there is no frame.
    """
    declared, total = None, None
    if isinstance(source, (str, Path, BytesIO)):
        info = read_info(source)
        declared, total = info.fps, info.frames
        source = read_frames(source, chunk=config.chunk)
    follower = _Follower(landmarker, config)
    times: list[Fraction] = []
    last, size = Fraction(1, 25), (0, 0)
    for part in source:
        size = part.pictures.shape[-1], part.pictures.shape[-2]
        for i, landmarks in enumerate(follower.follow(part)):
            if on_frame is not None:
                on_frame(len(times) + i, part.pictures[i], landmarks)
        times += part.times
        last = part.seconds
        if progress is not None:
            progress(len(times), max(total or 0, len(times)))
    if not times:
        raise InputError("The clip has no frames.")
    found = torch.tensor(follower.landmarks.found)
    if not found.any() and follower.most:
        raise FaceNotFound(
            f"Face {config.face.index} (counted from 0, {config.face.order}) was asked for, but no frame of this clip "
            f"was seen to show more than {follower.most}."
        )
    if not found.any():
        raise FaceNotFound(
            f"No face was found in any of {len(times)} frames of {size[0]} x {size[1]} pixels.\n"
            "A face should be larger than about 40 pixels, and turned aside by less than about 65 degrees."
        )
    return Track(
        landmarks=follower.landmarks.gathered(),
        blendshapes=follower.blendshapes.gathered(),
        found=found,
        times=tuple(times),
        fps=frame_rate(times, last, declared or 1 / last),
        size=size,
    )


def motion_from_track(
    track: Track, landmarker: Landmarker, *, smoothing: float = 0.5, square: Square = "still"
) -> Motion:
    """The ``arkit`` motion of a track, at an exact rate; frames without a face are filled and marked.

    Place and size are told in ``track.squares(square)``. Where the video's rate is variable, the motion has as many
    frames, evenly spaced over the same time.
    """
    canonical = landmarker.canonical
    squares = track.squares(square)
    coefficients = torch.zeros(len(track), len(ARKIT.names))
    for some in torch.nonzero(track.found).flatten().split(SOME):
        inside = apply_affine(invert_affine(squares[some]), track.landmarks[some]).to(landmarker.device)
        pose = fit_pose(inside, canonical)
        moved = torch.cat((pose.angles, placement(pose, SQUARE, canonical)), dim=1).cpu()
        coefficients[some] = torch.cat((track.blendshapes[some], moved), dim=1)
    return _motion(coefficients, track, ARKIT, squares, smoothing)


def _motion(coefficients: Tensor, track: Track, space: MotionSpace, squares: Tensor, smoothing: float) -> Motion:
    """Gaps filled, at even times, rotation and place calmed."""
    rotation = space.rotation
    coefficients[track.found, rotation.start : rotation.stop] = unwrap(coefficients[track.found][:, rotation])
    coefficients = fill_gaps(coefficients, track.found)
    even, nearest = _even_positions(track)
    coefficients, found = sample_at(coefficients, even), track.found[nearest]
    head = slice(rotation.start, space.placement.stop)
    coefficients[:, head] = smooth_over_time(coefficients[:, head], smoothing * float(CALM * track.fps))
    squares = sample_at(squares, even)
    return Motion(coefficients=coefficients, fps=track.fps, space=space.name, found=found, squares=squares)


def frames_of(pictures: Tensor, fps: Fraction, *, chunk: int = 8) -> Iterator[Frames]:
    """Frames that are in memory already, (T 3 H W) uint8 or floats in [-1, 1], as a file would give them."""
    for start in range(0, len(pictures), chunk):
        part = pictures[start : start + chunk]
        times = tuple((start + i) / Fraction(fps) for i in range(len(part)))
        yield Frames(pictures=part, times=times, seconds=1 / Fraction(fps))


def _even_positions(track: Track) -> tuple[Tensor, Tensor]:
    """For each frame of the motion, where it is between the frames of the video (T), and the nearest of them (T)."""
    times = torch.tensor([float(time - track.times[0]) for time in track.times], dtype=torch.float64)
    even = torch.arange(len(track), dtype=torch.float64) / float(track.fps)
    if ((times - even).abs() * float(track.fps)).max() < 0.5:  # a steady rate, if coarsely written
        frames = torch.arange(len(track))
        return frames.double(), frames
    after = torch.searchsorted(times, even).clamp(1, len(track) - 1)
    start, end = times[after - 1], times[after]
    positions = after - 1 + ((even - start) / (end - start)).clamp(0, 1)
    return positions, positions.round().long()


@dataclass
class _Follower:
    """The state of a track: what was measured so far, and where the face was last."""

    landmarker: Landmarker
    config: TrackingConfig
    landmarks: "_Rows" = field(default_factory=lambda: _Rows(478, 3))
    blendshapes: "_Rows" = field(default_factory=lambda: _Rows(52))
    last: Tensor | None = None  # (478 3)
    seen: Fraction | None = None  # seconds, when it was last seen
    most: int = 0  # faces that one frame showed while the one that is meant was looked for

    def follow(self, part: Frames) -> list[Tensor | None]:
        """Measure the face in a chunk; its landmarks (478 3) in each frame, or none."""
        pictures = part.pictures.to(self.landmarker.device)
        before = len(self.landmarks)
        start = 0
        while start < len(part):
            if self.last is None or self._lost(part.times[start]):
                start = self._find(pictures, part, start)
            else:
                start = self._go_on(pictures, part, start)
        return self.landmarks.since(before)

    def _lost(self, time: Fraction) -> bool:
        return self.seen is not None and time - self.seen > LOST

    def _keep(self, faces: Faces | None, time: Fraction) -> None:
        self.landmarks.append(None if faces is None else faces.landmarks[0].cpu())
        self.blendshapes.append(None if faces is None else faces.blendshapes[0].cpu())
        if faces is not None:
            self.last, self.seen = faces.landmarks[0], time

    def _find(self, pictures: Tensor, part: Frames, start: int) -> int:
        """Look for the face that is meant from frame ``start`` on; the frame after the first that shows it."""
        quick = self.landmarker.detect(pictures[start:])
        for i, seen in enumerate(quick, start):
            picture = pictures[i : i + 1]
            thorough = self.config.search and len(self.landmarks) % PATIENCE == 0
            faces = None
            if len(seen) or thorough:
                faces = self.landmarker.find(picture, search="auto" if thorough else "quick")
            self.most = max(self.most, 0 if faces is None else len(faces))
            if faces is not None and len(faces) > self.config.face.index:
                self._keep(faces.only(choose_face(faces, self.config.face, picture)), part.times[i])
                return i + 1
            self._keep(None, part.times[i])
        return len(part)

    def _go_on(self, pictures: Tensor, part: Frames, start: int) -> int:
        """Measure the rest of the chunk around the last place, up to where the face is lost."""
        assert self.last is not None
        rest = pictures[start:]
        faces = self._settle(rest, region_of_landmarks(self.last[None]).expand(len(rest), -1))
        for i in range(len(rest)):
            time = part.times[start + i]
            one = faces.only(torch.tensor([i], device=faces.score.device))
            if not self._same(one):
                one = self._again(rest[i : i + 1])
            if one is None:
                self._keep(None, time)
                if self._lost(time):
                    return start + i + 1
                continue
            self._keep(one, time)
        return len(part)

    def _settle(self, pictures: Tensor, regions: Tensor) -> Faces:
        """Measure in ``regions`` (n 4), and once more around what was found wherever the face moved."""
        faces = self.landmarker.measure(pictures, regions)
        for _ in range(PASSES - 1):
            own = region_of_landmarks(faces.landmarks)
            shift = (own[:, :2] - regions[:, :2]).norm(dim=1) / regions[:, 2]
            turn = torch.remainder(own[:, 3] - regions[:, 3] + torch.pi, 2 * torch.pi) - torch.pi
            moved = torch.stack((shift, turn.abs(), (own[:, 2] / regions[:, 2]).log().abs())).amax(0) > MOVED
            moved &= faces.score > PRESENT / 5
            if not moved.any():
                break
            regions = torch.where(moved[:, None], own, regions)
            again = self.landmarker.measure(pictures[moved], regions[moved])
            faces = faces.replaced(moved, again)
        return faces

    def _same(self, one: Faces) -> bool:
        """A face is there, and near enough to where it was to be the same."""
        if one.score[0] < PRESENT or self.last is None:
            return False
        before, now = _box(self.last), one.box[0]
        return bool(overlap(before, now[None])[0] > 0) or _distance(before, now) < NEAR

    def _again(self, picture: Tensor) -> Faces | None:
        """The face nearest to the last place, where following failed; none where none is near."""
        assert self.last is not None
        faces = self.landmarker.find(picture, search="quick")
        if not len(faces):
            return None
        before = _box(self.last)
        near = torch.stack([torch.tensor(_distance(before, box)) for box in faces.box])
        best = near.argmin()
        return faces.only(best[None]) if near[best] < NEAR else None


def _box(landmarks: Tensor) -> Tensor:
    return torch.cat((landmarks[:, :2].amin(0), landmarks[:, :2].amax(0)))


def _distance(box: Tensor, other: Tensor) -> float:
    """Between the middles of two boxes, in sides of the first."""
    side = (box[2:] - box[:2]).max()
    return float(((box[:2] + box[2:]) / 2 - (other[:2] + other[2:]) / 2).norm() / side)


class _Rows:
    """One row for each frame, or none, in large pieces: thousands of small ones would leave the memory in shreds."""

    def __init__(self, *shape: int) -> None:
        self.shape = shape
        self.pieces: list[Tensor] = []
        self.found: list[bool] = []

    def __len__(self) -> int:
        return len(self.found)

    def append(self, row: Tensor | None) -> None:
        if len(self) == len(self.pieces) * PIECE:
            self.pieces.append(torch.zeros(PIECE, *self.shape))
        if row is not None:
            self.pieces[-1][len(self) % PIECE] = row
        self.found.append(row is not None)

    def since(self, start: int) -> list[Tensor | None]:
        """The rows from ``start`` on."""
        numbers = range(start, len(self))
        return [self.pieces[i // PIECE][i % PIECE] if self.found[i] else None for i in numbers]

    def gathered(self) -> Tensor:
        """All rows (T ...), zeros for none. They are given away: a long clip would be held twice."""
        gathered = torch.empty(len(self), *self.shape)
        for start in range(0, len(self), PIECE):
            part = gathered[start : start + PIECE]
            part.copy_(self.pieces.pop(0)[: len(part)])
        return gathered
