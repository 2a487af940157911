"""Measures the motion of one person in a video: follows the face from frame to frame, and across cuts.

Axes: T frames of the clip, n frames of a chunk, N faces, K coefficients.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from ..errors import ConfigError, FaceNotFound, InputError
from ..landmarker.face_choice import FaceChoice, choose_face
from ..landmarker.landmarker import MIN_PRESENCE, Faces, Landmarker, overlap, region_of_landmarks
from ..media.video import Frames, VideoInfo, frame_rate, read_frames, read_info
from ..model.identity_network import EMBEDDED, IdentityOfHeads, load_features
from ..model.stylehead import StyleHead
from ..networks.coefficients import Coefficients
from ..ops.align import LANDMARKS_68, ffhq_square, five_points, square_to_affine
from ..ops.crop import apply_affine, cut_square, invert_affine
from ..ops.cuts import CutDetector, thumbnails
from ..ops.deep3d_align import crop_face
from ..ops.following import smooth_squares, static_square
from ..ops.memory import frames_that_fit
from ..ops.pixels import from_uint8
from ..ops.pose import fit_pose, placement
from ..ops.regions import average_blocks
from ..ops.smoothing import fill_gaps, per_shot, sample_at, smooth_over_time, unwrap
from ..records import LOOK, SQUARE, MeasuredVideo, Motion, Progress
from ..spaces import ARKIT, BFM, MotionSpace

__all__ = [
    "Likeness",
    "Track",
    "TrackingConfig",
    "bfm_motion_from_video",
    "check_measurable",
    "embedded_likeness",
    "frames_of",
    "measure_bfm",
    "motion_for_model",
    "motion_from_track",
    "motion_from_video",
    "track_face",
]

MAX_PASSES = 3  # measurements of one frame at most
REMEASURE_DISTANCE = 0.04  # of the square's side (and rad, and log size): a face that moved further is measured again
MAX_JUMP = 1.0  # of the face's size: it may jump so far from frame to frame and still be the same face
PIECE_FRAMES = 1024  # frames whose measures are kept in one piece of memory
SEARCH_EVERY = 25  # frames: parts and turned views of a picture take a second to search, so every so many are
LOST_SECONDS = 1.0  # after which the face is looked for anywhere in the picture
POSE_BATCH = 128  # frames whose pose is computed at once, so that a long clip needs little memory beside itself
CALM = Fraction(8, 100)  # seconds: the filter's standard deviation at smoothing 1
SAME_PERSON_COSINE = 0.65  # cosine of two identity embeddings: measured 0.76 and more within a clip, 0.4 between people
SAMPLE_EVERY = 10  # frames: how often the person's look is noted down
MAX_SAMPLES = 24  # looks that are kept
SAMPLE_PIXELS = 64  # of a side: what the identity network looks at

Square = Literal["still", "follows"]
OnFrame = Callable[[int, Tensor, Tensor | None], None]
"""Called with frame number, picture (3 H W) uint8 and landmarks (478 3), or None where no face is."""
Likeness = Callable[[Tensor], Tensor]
"""Aligned pictures (B 3 S S) in [-1, 1] -> unit vectors (B D), near for pictures of one person."""


@dataclass(frozen=True, kw_only=True)
class TrackingConfig:
    face: FaceChoice = FaceChoice()  # in the first frame that shows one
    smoothing: float = 0.5
    """0..1: a Gaussian over time on rotation and place, 80 ms wide at 1. Mouth, eyes and brows stay as measured: they
    are fast, and a blink or the closing of the lips for a "p" would be gone."""
    chunk: int = 8  # frames measured in one go; fewer where frames are larger than 1080p
    square: Square = "still"
    """In what place and size are told. ``still``: one square for the whole clip, in which the head moves. ``follows``:
    a square that goes along with the face, for drawing it there and pasting it back into the same video. ``bfm`` motion
    is always told in the square of the first face, as the official code does."""
    search: bool = True  # search parts of the first frames and turned views where no face is seen at first

    def __post_init__(self) -> None:
        if not 0 <= self.smoothing <= 1:
            raise ConfigError(f"Smoothing goes from 0 (off) to 1; found {self.smoothing}.")
        if self.chunk < 1:
            raise ConfigError(f"A chunk needs at least one frame; found {self.chunk}.")


@dataclass(frozen=True, kw_only=True)
class Track:
    """What was measured in every frame of a clip; zeros where the person was not found."""

    landmarks: Tensor  # (T 478 3), pixels of the video as shown
    blendshapes: Tensor  # (T 52)
    found: Tensor  # (T) bool
    times: tuple[Fraction, ...]  # seconds
    fps: Fraction
    size: tuple[int, int]  # width, height of the video as shown
    shots: Tensor = field(default=None)  # type: ignore[assignment]  # (T) int64: number of the shot; not given: one
    video: MeasuredVideo | None = None

    def __post_init__(self) -> None:
        if self.shots is None:
            object.__setattr__(self, "shots", torch.zeros(len(self.found), dtype=torch.int64))

    def __len__(self) -> int:
        return len(self.found)

    def squares(self, kind: Square = "still") -> Tensor:
        """(T 2 3): where the square of SQUARE pixels lies in each frame of the video."""
        if kind == "follows":
            return smooth_squares(self.landmarks, self.found, SQUARE, fps=float(self.fps), shots=self.shots)
        return static_square(self.landmarks, self.found, SQUARE).expand(len(self), -1, -1)


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
    check_measurable(model)
    if model.config.space == ARKIT.name:
        return motion_from_video(source, landmarker, config, progress=progress, on_frame=on_frame)
    network, points = model.coefficients, model.face_points.cpu()
    assert network is not None
    return bfm_motion_from_video(source, landmarker, network, points, config, progress=progress, on_frame=on_frame)


def check_measurable(model: StyleHead) -> None:
    """Refuse a model that is moved by coefficients which it cannot measure in a video.

    Raises:
        ConfigError: the network for it is missing; says how to get it.
    """
    if model.config.space != ARKIT.name and model.coefficients is None:
        raise ConfigError(
            f"The model {model.config.name!r} is moved by {model.config.space!r} coefficients and has not the network "
            "that measures them in a video: Deep3DFaceRecon's epoch_20.pth, with similarity_Lm3D_all.mat.\n"
            "  1. Put both into the folder of the official checkpoints, and convert it again:\n"
            "     stylehead convert CHECKPOINT_DIR -o models/stylehead/styleheat-1024.safetensors\n"
            "     Where to get them: weights/README.md.\n"
            "  2. Or load a motion file of that space (Load Motion, or --motion)."
        )


def motion_from_video(
    source: str | Path | BytesIO | Iterable[Frames],
    landmarker: Landmarker,
    config: TrackingConfig = TrackingConfig(),
    **options: Any,
) -> Motion:
    """The ``arkit`` motion of one person in a video; arguments, and errors, are those of ``track_face``."""
    track = track_face(source, landmarker, config, **options)
    return motion_from_track(track, landmarker, smoothing=config.smoothing, square=config.square)


def bfm_motion_from_video(
    source: str | Path | BytesIO | Iterable[Frames],
    landmarker: Landmarker,
    network: Coefficients,
    standard: Tensor,
    config: TrackingConfig = TrackingConfig(),
    *,
    on_frame: OnFrame | None = None,
    **options: Any,
) -> Motion:
    """The ``bfm`` motion of one person in a video, as the official pipeline measures it.

    The FFHQ square of the first face cuts every frame (256 pixels); there the 224 crop is made and measured.

    Args:
        network: Deep3DFaceRecon's.
        standard: (5 3), the five points of the face model that go with it.
        source, landmarker, config, on_frame, options: as in ``track_face``.
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
        rows.append(measure_bfm(picture[None], landmarks, square[0], network, standard))

    track = track_face(source, landmarker, config, on_frame=measure, **options)
    coefficients = torch.stack([torch.zeros(len(BFM.names)) if row is None else row for row in rows])
    return _motion(coefficients, track, BFM, square[0].expand(len(track), -1, -1), config.smoothing)


@torch.no_grad()
def measure_bfm(picture: Tensor, landmarks: Tensor, square: Tensor, network: Coefficients, standard: Tensor) -> Tensor:
    """The ``bfm`` coefficients (73) of the face in ``picture`` (1 3 H W), told in the square of SQUARE pixels that
    ``square`` (2 3) cuts out of it.

    Args:
        landmarks: (478 3), pixels of the picture.
        network, standard: as in ``bfm_motion_from_video``.
    """
    floats = picture if picture.is_floating_point() else from_uint8(picture)
    aligned = cut_square(floats, square.to(floats), SQUARE)[0].cpu()
    points = apply_affine(invert_affine(square), landmarks[list(LANDMARKS_68)])[:, :2]
    face = crop_face(aligned, points, standard)
    place = next(network.parameters())
    measured = network(face.picture[None].to(place))
    return measured.motion(face.crop[None].to(place))[0].float().cpu()


def track_face(
    source: str | Path | BytesIO | Iterable[Frames],
    landmarker: Landmarker,
    config: TrackingConfig = TrackingConfig(),
    *,
    progress: Progress | None = None,
    on_frame: OnFrame | None = None,
    likeness: Likeness | None = None,
) -> Track:
    """Follow one person through a clip, a few frames at a time.

    From frame to frame, the next place must be near the last. At a cut, and where the face is lost for a second, it is
    looked for anew, and the person is recognised by likeness: a shot of somebody else is a shot without a face. Without
    an identity network the face that is nearest counts after a cut, and ``config.face`` after a second.

    Args:
        source: a video file, in memory or not, or frames as ``read_frames`` or ``frames_of`` give them.
        progress: called after each chunk with (frames done, frames in all as the file says, or done again).
        on_frame: called with every frame; for a preview.
        likeness: identity network; None takes the embedded one.

    Raises:
        FaceNotFound: no frame shows a face.
        InputError: there is no frame.
    """
    info: VideoInfo | None = None
    if isinstance(source, (str, Path, BytesIO)):
        info = read_info(source)
        source = read_frames(source, chunk=frames_that_fit(config.chunk, info.width, info.height))
    follower = _Follower(landmarker, config, likeness=likeness)
    times: list[Fraction] = []
    cuts: list[int] = []
    detector, look = CutDetector(), None
    last, size, lost = Fraction(1, 25), (0, 0), 0
    for part in source:
        size = part.pictures.shape[-1], part.pictures.shape[-2]
        look = _look(part.pictures[:1]) if look is None else look
        new_shots = detector(part.pictures)
        cuts += [len(times) + i for i, cut in enumerate(new_shots) if cut]
        for i, landmarks in enumerate(follower.follow(part, new_shots)):
            if on_frame is not None:
                on_frame(len(times) + i, part.pictures[i], landmarks)
        times += part.times
        last, lost = part.seconds, part.lost
        if progress is not None:
            progress(len(times), max((info.frames if info else None) or 0, len(times)))
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
    fps = frame_rate(times, last, info.fps if info else 1 / last)
    seconds = torch.tensor([float(time - times[0]) for time in times], dtype=torch.float64)
    video = MeasuredVideo(
        size=size,
        stored=info.stored if info else size,
        rotation=info.rotation if info else 0,
        times=seconds,
        variable=not _is_steady(seconds, fps),
        cuts=tuple(cuts),
        look=look,
        notes=_notes(info, len(times), lost),
    )
    return Track(
        landmarks=follower.landmarks.gather(),
        blendshapes=follower.blendshapes.gather(),
        found=found,
        times=tuple(times),
        fps=fps,
        size=size,
        shots=torch.searchsorted(torch.tensor(cuts, dtype=torch.int64), torch.arange(len(times)), right=True),
        video=video,
    )


def embedded_likeness(device: torch.device) -> Likeness | None:
    """The identity network of the pack; None where its file is not there."""
    return _load_likeness(device) if EMBEDDED.is_file() else None


@cache
def _load_likeness(device: torch.device) -> Likeness:
    with torch.inference_mode(False):
        return IdentityOfHeads(load_features(device=device))


def _look(picture: Tensor) -> Tensor:
    """(LOOK LOOK) uint8: a grey thumbnail of ``picture`` (1 3 H W)."""
    return thumbnails(picture, LOOK, LOOK)[0].mean(0).round().clamp(0, 255).to(torch.uint8).cpu()


def _notes(info: VideoInfo | None, frames: int, lost: int) -> tuple[str, ...]:
    """Sentences for a person about what is odd in a file and was mended."""
    notes = []
    if lost:
        notes.append(f"{lost} of {frames + lost} frames are damaged and left out")
    if info is not None and info.hdr is not None:
        notes.append(f"HDR ({info.hdr}) is tone-mapped to SDR")
    if info is not None and info.pixel_aspect != 1:
        notes.append(f"pixels of {info.pixel_aspect} are taken as square ones")
    return tuple(notes)


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
    for some in torch.nonzero(track.found).flatten().split(POSE_BATCH):
        inside = apply_affine(invert_affine(squares[some]), track.landmarks[some]).to(landmarker.device)
        pose = fit_pose(inside, canonical)
        moved = torch.cat((pose.angles, placement(pose, SQUARE, canonical)), dim=1).cpu()
        coefficients[some] = torch.cat((track.blendshapes[some], moved), dim=1)
    return _motion(coefficients, track, ARKIT, squares, smoothing)


def _motion(coefficients: Tensor, track: Track, space: MotionSpace, squares: Tensor, smoothing: float) -> Motion:
    """Fill gaps, bring the frames to even times, smooth rotation and place; nothing is smoothed across a cut."""
    rotation = space.rotation
    coefficients[track.found, rotation.start : rotation.stop] = unwrap(coefficients[track.found][:, rotation])
    coefficients = fill_gaps(coefficients, track.found, track.shots)
    even, nearest = _even_positions(track)
    coefficients, found = sample_at(coefficients, even), track.found[nearest]
    head = slice(rotation.start, space.placement.stop)
    sigma = smoothing * float(CALM * track.fps)
    coefficients[:, head] = per_shot(
        lambda part: smooth_over_time(part, sigma), coefficients[:, head], shots=track.shots[nearest]
    )
    squares = sample_at(squares, even)
    sources = None if track.video is None else _shown_frames(track)
    return Motion(
        coefficients=coefficients,
        fps=track.fps,
        space=space.name,
        found=found,
        squares=squares,
        sources=sources,
        video=track.video,
    )


def frames_of(pictures: Tensor, fps: Fraction, *, chunk: int = 8) -> Iterator[Frames]:
    """Frames that are in memory already, (T 3 H W) uint8 or floats in [-1, 1], as a file would give them."""
    for start in range(0, len(pictures), chunk):
        part = pictures[start : start + chunk]
        times = tuple((start + i) / Fraction(fps) for i in range(len(part)))
        yield Frames(pictures=part, times=times, seconds=1 / Fraction(fps))


def _is_steady(times: Tensor, fps: Fraction) -> bool:
    """Whether frames at ``times`` (T) seconds, from 0, are those of a constant rate, if coarsely written."""
    even = torch.arange(len(times), dtype=torch.float64) / float(fps)
    return bool(((times - even).abs() * float(fps)).max() < 0.5)


def _even_positions(track: Track) -> tuple[Tensor, Tensor]:
    """For each frame of the motion, where it is between the frames of the video (T), and the nearest of them (T).

    A frame between two shots is the nearest one, not a mixture.
    """
    times = torch.tensor([float(time - track.times[0]) for time in track.times], dtype=torch.float64)
    if _is_steady(times, track.fps):
        frames = torch.arange(len(track))
        return frames.double(), frames
    even = torch.arange(len(track), dtype=torch.float64) / float(track.fps)
    after = torch.searchsorted(times, even).clamp(1, len(track) - 1)
    start, end = times[after - 1], times[after]
    positions = after - 1 + ((even - start) / (end - start)).clamp(0, 1)
    nearest = positions.round().long()
    positions = torch.where(track.shots[after - 1] == track.shots[after], positions, nearest.double())
    return positions, nearest


def _shown_frames(track: Track) -> Tensor:
    """(T) int64: for each frame of the motion, the video's frame that is on the screen in the middle of it."""
    times = torch.tensor([float(time - track.times[0]) for time in track.times], dtype=torch.float64)
    if _is_steady(times, track.fps):
        return torch.arange(len(track))
    middles = (torch.arange(len(track), dtype=torch.float64) + 0.5) / float(track.fps)
    return (torch.searchsorted(times, middles, right=True) - 1).clamp(0, len(track) - 1)


@dataclass
class _Follower:
    """The state of a track: what was measured so far, where the face was last, and what the person looks like."""

    landmarker: Landmarker
    config: TrackingConfig
    likeness: Likeness | None = None  # None: the embedded one, loaded when it is needed
    landmarks: "_Rows" = field(default_factory=lambda: _Rows(478, 3))
    blendshapes: "_Rows" = field(default_factory=lambda: _Rows(52))
    last: Tensor | None = None  # (478 3)
    seen: Fraction | None = None  # seconds, when it was last seen
    lost: bool = True  # whether the face is to be looked for anywhere: before the first find, after a cut or a second
    cut: bool = False  # whether it was lost by a cut
    most: int = 0  # faces that one frame showed while the one that is meant was looked for
    looks: list[Tensor] = field(default_factory=list)  # (1 3 SAMPLE_PIXELS SAMPLE_PIXELS) of the person, in [-1, 1]
    found: int = 0  # frames so far in which the person was found

    def follow(self, part: Frames, new_shots: list[bool] | None = None) -> list[Tensor | None]:
        """Measure the face in a chunk; its landmarks (478 3) in each frame, or None.

        Args:
            new_shots: for each frame of the chunk, whether a shot begins with it; None: nowhere.
        """
        pictures = part.pictures.to(self.landmarker.device)
        before = len(self.landmarks)
        shots = [i for i, new in enumerate(new_shots or ()) if new]
        for start, end in pairwise(sorted({0, *shots, len(part)})):
            if start in shots and self.last is not None:
                self.lost = self.cut = True
            while start < end:
                if self.seen is not None and part.times[start] - self.seen > LOST_SECONDS:
                    self.lost = True
                step = self._find if self.lost else self._go_on
                start = step(pictures, part, start, end)
        return self.landmarks.since(before)

    def _keep(self, faces: Faces | None, time: Fraction, picture: Tensor) -> None:
        self.landmarks.append(None if faces is None else faces.landmarks[0].cpu())
        self.blendshapes.append(None if faces is None else faces.blendshapes[0].cpu())
        if faces is None:
            return
        self.last, self.seen, self.lost, self.cut = faces.landmarks[0], time, False, False
        if self.found % SAMPLE_EVERY == 0:
            self.looks = [*self.looks[-MAX_SAMPLES + 1 :], _align(picture, faces.landmarks[0])]
        self.found += 1

    def _find(self, pictures: Tensor, part: Frames, start: int, end: int) -> int:
        """Look for the person from frame ``start`` up to ``end``; returns the frame after the first that shows them."""
        quick = self.landmarker.detect(pictures[start:end])
        for i, seen in enumerate(quick, start):
            picture = pictures[i : i + 1]
            thorough = self.config.search and len(self.landmarks) % SEARCH_EVERY == 0
            faces = None
            if len(seen) or thorough:
                faces = self.landmarker.find(picture, search="auto" if thorough else "quick")
            person = self._recognise(faces, picture) if faces is not None and len(faces) else None
            self._keep(person, part.times[i], picture)
            if person is not None:
                return i + 1
        return end

    def _recognise(self, faces: Faces, picture: Tensor) -> Faces | None:
        """The person among ``faces``, by choice at first, by likeness later; None where they are not among them."""
        if self.last is None:
            self.most = max(self.most, len(faces))
            if len(faces) <= self.config.face.index:
                return None
            return faces.select(choose_face(faces, self.config.face, picture))
        network = self.likeness or embedded_likeness(self.landmarker.device)
        if network is None and self.cut:
            return self._nearest(faces)
        if network is None:
            return (
                None
                if len(faces) <= self.config.face.index
                else faces.select(choose_face(faces, self.config.face, picture))
            )
        with torch.no_grad():
            known = network(torch.cat(self.looks).to(picture.device))
            shown = network(torch.cat([_align(picture, landmarks) for landmarks in faces.landmarks]))
        alike = (shown @ known.mT).amax(1)  # the most alike of the looks, since a head turns
        best = alike.argmax()
        return faces.select(best[None]) if alike[best] > SAME_PERSON_COSINE else None

    def _go_on(self, pictures: Tensor, part: Frames, start: int, end: int) -> int:
        """Measure up to ``end`` around the last place; returns earlier where the face is lost."""
        assert self.last is not None
        rest = pictures[start:end]
        faces = self._settle(rest, region_of_landmarks(self.last[None]).expand(len(rest), -1))
        for i in range(len(rest)):
            time = part.times[start + i]
            measured = faces.select(torch.tensor([i], device=faces.score.device))
            one = measured if self._same(measured) else self._again(rest[i : i + 1])
            self._keep(one, time, rest[i : i + 1])
            if one is None and self.seen is not None and time - self.seen > LOST_SECONDS:
                self.lost = True
                return start + i + 1
        return end

    def _settle(self, pictures: Tensor, regions: Tensor) -> Faces:
        """Measure in ``regions`` (n 4), and once more around what was found wherever the face moved."""
        faces = self.landmarker.measure(pictures, regions)
        for _ in range(MAX_PASSES - 1):
            own = region_of_landmarks(faces.landmarks)
            shift = (own[:, :2] - regions[:, :2]).norm(dim=1) / regions[:, 2]
            turn = torch.remainder(own[:, 3] - regions[:, 3] + torch.pi, 2 * torch.pi) - torch.pi
            moved = (
                torch.stack((shift, turn.abs(), (own[:, 2] / regions[:, 2]).log().abs())).amax(0) > REMEASURE_DISTANCE
            )
            moved &= faces.score > MIN_PRESENCE / 5
            if not moved.any():
                break
            regions = torch.where(moved[:, None], own, regions)
            again = self.landmarker.measure(pictures[moved], regions[moved])
            faces = faces.replace_where(moved, again)
        return faces

    def _same(self, one: Faces) -> bool:
        """Whether a face is there, and near enough to where it was to be the same."""
        if one.score[0] < MIN_PRESENCE or self.last is None:
            return False
        before, now = _box(self.last), one.box[0]
        return bool(overlap(before, now[None])[0] > 0) or _distance(before, now) < MAX_JUMP

    def _again(self, picture: Tensor) -> Faces | None:
        """The face nearest to the last place, where following failed; None where none is near."""
        faces = self.landmarker.find(picture, search="quick")
        return self._nearest(faces) if len(faces) else None

    def _nearest(self, faces: Faces) -> Faces | None:
        """The one of ``faces`` that is nearest to the last place; None where none is near."""
        assert self.last is not None
        before = _box(self.last)
        near = torch.tensor([_distance(before, box) for box in faces.box])
        best = near.argmin()
        return faces.select(best[None].to(faces.score.device)) if near[best] < MAX_JUMP else None


def _align(picture: Tensor, landmarks: Tensor) -> Tensor:
    """(1 3 SAMPLE_PIXELS SAMPLE_PIXELS) in [-1, 1]: the face with these ``landmarks`` (478 3), cut out of ``picture``
    (1 3 H W), uint8 or floats."""
    affine = square_to_affine(*ffhq_square(*five_points(landmarks[None])), SAMPLE_PIXELS)[0]
    shrink = int(affine[:, 0].norm() / 2)
    if not picture.is_floating_point() and shrink >= 2:  # a large face is made small first, which is quicker
        picture = average_blocks(picture, shrink)
        affine = torch.cat((affine[:, :2], affine[:, 2:] - (shrink - 1) / 2), dim=1) / shrink
        floats = picture / 127.5 - 1
    else:
        floats = picture if picture.is_floating_point() else from_uint8(picture)
    return cut_square(floats, affine.to(floats), SAMPLE_PIXELS)


def _box(landmarks: Tensor) -> Tensor:
    return torch.cat((landmarks[:, :2].amin(0), landmarks[:, :2].amax(0)))


def _distance(box: Tensor, other: Tensor) -> float:
    """Between the middles of two boxes, in sides of the first."""
    side = (box[2:] - box[:2]).max()
    return float(((box[:2] + box[2:]) / 2 - (other[:2] + other[2:]) / 2).norm() / side)


class _Rows:
    """One row for each frame, or None, in large pieces: thousands of small ones would fragment the memory."""

    def __init__(self, *shape: int) -> None:
        self.shape = shape
        self.pieces: list[Tensor] = []
        self.found: list[bool] = []

    def __len__(self) -> int:
        return len(self.found)

    def append(self, row: Tensor | None) -> None:
        if len(self) == len(self.pieces) * PIECE_FRAMES:
            self.pieces.append(torch.zeros(PIECE_FRAMES, *self.shape))
        if row is not None:
            self.pieces[-1][len(self) % PIECE_FRAMES] = row
        self.found.append(row is not None)

    def since(self, start: int) -> list[Tensor | None]:
        """The rows from ``start`` on, None for those that are missing."""
        numbers = range(start, len(self))
        return [self.pieces[i // PIECE_FRAMES][i % PIECE_FRAMES] if self.found[i] else None for i in numbers]

    def gather(self) -> Tensor:
        """All rows (T ...), zeros for missing ones. They are given away: a long clip would be held twice."""
        rows = torch.empty(len(self), *self.shape)
        for start in range(0, len(self), PIECE_FRAMES):
            part = rows[start : start + PIECE_FRAMES]
            part.copy_(self.pieces.pop(0)[: len(part)])
        return rows
