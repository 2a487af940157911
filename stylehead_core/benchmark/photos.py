"""How well photo-like portraits are animated: expression, mouth, identity, sharpness, wall, speed.

Each portrait does what pieces of driving clips show, as changes against each clip's calmest frame. What was asked for
is compared with what the face landmarker measures in the frames. No truth is needed, so any portrait will do.

Axes: T frames of the motion, K coefficients of ``arkit``.
"""

import math
import re
import statistics
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from fractions import Fraction
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from ..animate import animate
from ..errors import FaceNotFound, InputError, MediaError
from ..evaluation.metrics.csim import csim
from ..evaluation.reading import PICTURES
from ..evaluation.sheets import contact_sheet
from ..landmarker.landmarker import Landmarker
from ..media.pictures import read_picture
from ..model.stylehead import StyleHead
from ..networks.feature_network import FeatureNetwork
from ..ops.pixels import to_uint8
from ..records import Inversion, Motion, Portrait
from ..rehearsal import REHEARSED_FRAMES
from ..rest import neutral_frame
from ..spaces import ARKIT, space_named
from ..stages.inversion import invert
from ..stages.motion_tools import make_relative
from ..stages.portrait import PortraitConfig, take_portrait
from ..stages.tracking import motion_for_model, motion_from_video
from .measures import correlation
from .photo_measures import DlibIdentity, MatteNetwork, fine_contrast, mouth_cavity

__all__ = [
    "Clip",
    "Observers",
    "PhotoResult",
    "PhotoRow",
    "Probe",
    "find_portraits",
    "measure_photo",
    "medians",
    "probe",
    "sheet_of_photo",
    "sheet_of_photos",
    "sheet_of_turns",
]

SIZE = 512  # pixels at which every frame is measured
EVERY = 4  # frames, of which one is measured
CLIP_FRAMES = 60  # of a clip, where nothing else is asked for
OPEN_JAW = 0.25  # asked change of jawOpen from which the mouth should show its inside
OUTSIDE = 0.05  # share of a person in a pixel below which it is wall
SMALLEST_WALL_PX = 2000
ACROSS = 5  # pictures in a line of a sheet of one portrait
MOMENTS = {  # title of a column -> the coefficient whose largest (or, with -1, smallest) asked value it shows
    "jaw": ("jawOpen", 1),
    "blink": ("eyeBlinkLeft", 1),
    "smile": ("mouthSmileLeft", 1),
    "pucker": ("mouthPucker", 1),
    "yaw +": ("yaw", 1),
    "yaw -": ("yaw", -1),
    "pitch +": ("pitch", 1),
    "pitch -": ("pitch", -1),
}
TURNED_FPS = Fraction(25)  # of motions that are single frames
TURNED = {  # title of a column -> pitch, yaw and roll, degrees
    "yaw -25": (0, -25, 0),
    "yaw +25": (0, 25, 0),
    "yaw -25, down": (10, -25, 0),
    "yaw +25, up": (-10, 25, 0),
    "roll +25": (0, 0, 25),
}


@dataclass(frozen=True, kw_only=True)
class Clip:
    """A piece of a driving video."""

    path: Path
    start: int = 0  # frame
    length: int = CLIP_FRAMES  # frames

    @classmethod
    def parse(cls, text: str) -> "Clip":
        """``CLIP`` or ``CLIP:START:LENGTH``, in frames."""
        found = re.fullmatch(r"(.+?)(?::(\d+):(\d+))?", text)
        assert found is not None
        path, start, length = found.groups()
        return cls(path=Path(path), start=int(start or 0), length=int(length or CLIP_FRAMES))


@dataclass(frozen=True, kw_only=True)
class Probe:
    """What every portrait is asked to do."""

    motion: Motion  # relative, in the model's space
    asked: Tensor  # (T 58) arkit: the same changes, as the landmarker measures them


@dataclass(frozen=True, kw_only=True)
class Observers:
    """Who looks at the frames."""

    landmarker: Landmarker
    features: FeatureNetwork  # the pack's own identity embedding
    dlib: DlibIdentity | None = None
    matte: MatteNetwork | None = None


@dataclass(frozen=True, kw_only=True)
class PhotoRow:
    """One portrait. None: not measured, since what it needs is missing."""

    name: str
    size: int  # pixels of the frames
    expression: float  # mean |error| of the 52 measured coefficients, in parts of the still portrait's; less is better
    jaw: float  # correlation over the frames of the measured jawOpen with what was asked, to 1; more is better
    blink: float  # the same of eyeBlinkLeft
    smile: float  # the same of mouthSmileLeft
    pose: float  # degrees, mean error of pitch, yaw and roll; less is better
    identity_embedded: float  # cosine with the portrait by the pack's identity embedding, to 1; more is better
    identity_dlib: float | None  # the same by dlib's
    sharpness: float  # fine contrast of the face at 512 pixels, in parts of the portrait's own; 1 is as sharp
    cavity: float | None  # how much darker the opened mouth is than the lips: see ``mouth_cavity``
    wall: float | None  # mean difference to the portrait outside of both mattes, levels of 255; less is better
    lost: float  # share of frames in which no face is found; less is better
    fps: float  # frames a second, from the picture to the frames, with the networks loaded


@dataclass(frozen=True, kw_only=True)
class PhotoResult:
    row: PhotoRow
    moments: Mapping[str, Tensor]  # title -> picture (3 512 512) uint8: the portrait, extremes, the worst frame
    turns: Mapping[str, Tensor]  # likewise: the portrait, turned far


@dataclass(frozen=True, kw_only=True)
class _Frame:
    """One measured frame."""

    number: int
    picture: Tensor  # (3 512 512) uint8
    coefficients: Tensor | None  # (58); None where no face is found
    sharpness: float = math.nan
    cavity: float | None = None
    wall: float | None = None
    embedded: Tensor | None = None  # (D)
    dlib: Tensor | None = None  # (128)


def find_portraits(places: Iterable[Path]) -> list[Path]:
    """Picture files, and those of folders in the order of their names.

    Raises:
        MediaError: there are none.
    """
    found: list[Path] = []
    for place in places:
        inside = sorted(path for path in place.iterdir() if path.suffix.lower() in PICTURES) if place.is_dir() else []
        found += inside if place.is_dir() else [place]
    if not found:
        raise MediaError(f"There are no pictures ({', '.join(PICTURES)}) in {', '.join(map(str, places))}.")
    return found


def probe(model: StyleHead, landmarker: Landmarker, clips: Sequence[Clip]) -> Probe:
    """The pieces of ``clips``, one after the other, as one relative motion.

    Raises:
        InputError: a clip is shorter than the piece that is asked of it.
    """
    motions, asked, rates = [], [], []
    for clip in clips:
        measured = motion_from_video(clip.path, landmarker)
        neutral = neutral_frame(measured)
        own = measured if model.config.space == ARKIT.name else motion_for_model(model, clip.path, landmarker)
        part = slice(clip.start, clip.start + clip.length)
        if clip.length < 1 or part.stop > len(measured):
            raise InputError(
                f"{clip.path.name} has the frames 0 to {len(measured) - 1}; asked for {clip.length} from {clip.start} "
                "on. Write CLIP:START:LENGTH."
            )
        asked.append(make_relative(measured, neutral).coefficients[part])
        motions.append(make_relative(own, neutral).coefficients[part])
        rates.append(measured.fps)
    joined = Motion(coefficients=torch.cat(motions), fps=rates[0], space=model.config.space, relative=True)
    return Probe(motion=joined, asked=torch.cat(asked))


@torch.no_grad()
def measure_photo(
    model: StyleHead, path: Path, probe: Probe, observers: Observers, rehearsed: int = REHEARSED_FRAMES
) -> PhotoResult:
    """Animate one portrait by ``probe``, ``rehearsed`` as by the command, and measure every fourth frame.

    Raises:
        FaceNotFound: the picture shows no face.
        MediaError: it cannot be read.
    """
    picture = read_picture(path)
    source = _take(picture, observers.landmarker, PortraitConfig(size=SIZE))
    still = _Still.of(source, observers)
    started = time.perf_counter()
    portrait = _take(picture, observers.landmarker, PortraitConfig.for_model(model.config))
    inversion = invert(model, portrait)
    moved = animate(model, inversion, probe.motion, landmarker=observers.landmarker, rehearsed=rehearsed)
    drawn = _frames(moved)
    frames, total, size, seconds = [], 0, 0, 0.0
    while (frame := next(drawn, None)) is not None:
        seconds += time.perf_counter() - started
        if total % EVERY == 0:
            frames.append(_measure_frame(total, frame, still, probe, observers))
        total, size = total + 1, frame.shape[-1]
        started = time.perf_counter()
    row = _row(path.stem, frames, still, probe, size=size, fps=total / seconds)
    return PhotoResult(row=row, moments=_moments(frames, source, still, probe), turns=_turn(model, inversion))


@dataclass(frozen=True, kw_only=True)
class _Still:
    """The portrait before it moves."""

    image: Tensor  # (1 3 512 512)
    coefficients: Tensor  # (58)
    contrast: float
    matte: Tensor | None
    embedded: Tensor
    dlib: Tensor | None

    @classmethod
    def of(cls, portrait: Portrait, observers: Observers) -> "_Still":
        assert portrait.coefficients is not None
        assert portrait.mask is not None
        return cls(
            image=portrait.image,
            coefficients=portrait.coefficients,
            contrast=fine_contrast(portrait.image, portrait.mask),
            matte=None if observers.matte is None else observers.matte(portrait.image),
            embedded=observers.features(portrait.image).identity[0],
            dlib=None if observers.dlib is None else observers.dlib(portrait.image),
        )


def _frames(parts: Iterator[Tensor]) -> Iterator[Tensor]:
    """Chunks (n 3 S S) as frames (1 3 S S) on the CPU, in the 256 levels that a video keeps."""
    for part in parts:
        levels = ((part + 1) * 127.5).round().cpu()
        yield from (levels / 127.5 - 1).split(1)


def _take(picture: Tensor, landmarker: Landmarker, config: PortraitConfig) -> Portrait:
    """``take_portrait`` where the landmarker is, its result on the CPU."""
    found = take_portrait(picture.to(landmarker.device), landmarker, config)
    assert found.landmarks is not None
    assert found.mask is not None
    assert found.coefficients is not None
    return replace(
        found,
        image=found.image.cpu(),
        landmarks=found.landmarks.cpu(),
        mask=found.mask.cpu(),
        coefficients=found.coefficients.cpu(),
    )


def _at_512(frame: Tensor) -> Tensor:
    if frame.shape[-1] == SIZE:
        return frame
    return F.interpolate(frame, size=(SIZE, SIZE), mode="bicubic", antialias=True).clamp(-1, 1)


def _measure_frame(number: int, frame: Tensor, still: _Still, probe: Probe, observers: Observers) -> _Frame:
    picture = _at_512(frame)
    wall = None
    if observers.matte is not None and still.matte is not None:
        outside = torch.maximum(still.matte, observers.matte(picture)) < OUTSIDE
        if int(outside.sum()) > SMALLEST_WALL_PX:
            wall = float((picture - still.image).abs().mean(1)[0][outside].mean()) * 127.5
    try:
        seen = _take(picture, observers.landmarker, PortraitConfig(size=SIZE, align="none"))
    except FaceNotFound:
        return _Frame(number=number, picture=to_uint8(picture)[0], coefficients=None, wall=wall)
    assert seen.landmarks is not None
    assert seen.mask is not None
    opened = probe.asked[number, ARKIT.names.index("jawOpen")] > OPEN_JAW
    return _Frame(
        number=number,
        picture=to_uint8(picture)[0],
        coefficients=seen.coefficients,
        sharpness=fine_contrast(picture, seen.mask) / still.contrast,
        cavity=mouth_cavity(picture, seen.landmarks) if opened else None,
        wall=wall,
        embedded=observers.features(picture).identity[0],
        dlib=None if observers.dlib is None else observers.dlib(picture),
    )


def _row(name: str, frames: Sequence[_Frame], still: _Still, probe: Probe, *, size: int, fps: float) -> PhotoRow:
    found = [frame for frame in frames if frame.coefficients is not None]
    if not found:
        raise FaceNotFound(f"No face is found in any frame of {name}.")
    measured = torch.stack([frame.coefficients for frame in found if frame.coefficients is not None])
    wanted = _wanted(still, probe)[[frame.number for frame in found]]
    error, unmoved = (measured - wanted).abs(), (still.coefficients - wanted).abs()

    def follows(name: str) -> float:
        column = ARKIT.names.index(name)
        return correlation(measured[:, column], wanted[:, column])

    return PhotoRow(
        name=name,
        size=size,
        expression=float(error[:, ARKIT.expression].mean() / unmoved[:, ARKIT.expression].mean().clamp_min(1e-6)),
        jaw=follows("jawOpen"),
        blink=follows("eyeBlinkLeft"),
        smile=follows("mouthSmileLeft"),
        pose=math.degrees(float(error[:, ARKIT.rotation].mean())),
        identity_embedded=float(csim(_stack(frame.embedded for frame in found), still.embedded[None]).mean()),
        identity_dlib=None
        if still.dlib is None
        else float(csim(_stack(frame.dlib for frame in found), still.dlib[None]).mean()),
        sharpness=statistics.median(frame.sharpness for frame in found),
        cavity=_mean(frame.cavity for frame in found),
        wall=_mean(frame.wall for frame in frames),
        lost=1 - len(found) / len(frames),
        fps=fps,
    )


def _wanted(still: _Still, probe: Probe) -> Tensor:
    """What is to be measured in each frame (T 58), within what the landmarker can say."""
    wanted = still.coefficients + probe.asked
    wanted[:, ARKIT.expression] = wanted[:, ARKIT.expression].clamp(0, 1)
    return wanted


def _stack(values: Iterable[Tensor | None]) -> Tensor:
    return torch.stack([value for value in values if value is not None])


def _mean(values: Iterable[float | None]) -> float | None:
    numbers = [value for value in values if value is not None]
    return statistics.fmean(numbers) if numbers else None


def _moments(frames: Sequence[_Frame], source: Portrait, still: _Still, probe: Probe) -> dict[str, Tensor]:
    """The portrait, the measured frames in which most is asked for, and the one whose expression is furthest off."""
    numbers = [frame.number for frame in frames]
    shown = {"portrait": to_uint8(source.image)[0]}
    for title, (name, sign) in MOMENTS.items():
        shown[title] = frames[int((sign * probe.asked[numbers, ARKIT.names.index(name)]).argmax())].picture
    wanted = _wanted(still, probe)
    errors = [
        math.inf
        if frame.coefficients is None
        else float((frame.coefficients - wanted[frame.number])[ARKIT.expression].abs().mean())
        for frame in frames
    ]
    shown["worst"] = frames[errors.index(max(errors))].picture
    return shown


def _turn(model: StyleHead, inversion: Inversion) -> dict[str, Tensor]:
    """The portrait of an inversion in each of the ``TURNED`` poses, moved by nothing else."""
    space = space_named(model.config.space)
    shown = {}
    for title, angles in TURNED.items():
        coefficients = torch.zeros(1, len(space.names))
        coefficients[0, space.rotation] = torch.tensor(angles).deg2rad()
        motion = Motion(coefficients=coefficients, fps=TURNED_FPS, space=space.name, relative=True)
        (frame,) = _frames(animate(model, inversion, motion))
        shown[title] = to_uint8(_at_512(frame))[0]
    return shown


def medians(rows: Sequence[PhotoRow], failed: int = 0) -> dict[str, float | int | None]:
    """The median of every number over the portraits, and how many there were."""
    summary: dict[str, float | int | None] = {"portraits": len(rows) + failed, "failed": failed}
    for field in fields(PhotoRow)[1:]:
        values = [asdict(row)[field.name] for row in rows]
        known = [value for value in values if value is not None]
        summary[field.name] = statistics.median(known) if known else None
    return summary


def sheet_of_photos(results: Sequence[PhotoResult]) -> Tensor:
    """A row for each portrait, a column for each moment, at a reduced size: (3 H W) in [-1, 1]."""
    columns = list(results[0].moments)
    return contact_sheet({result.row.name: list(result.moments.values()) for result in results}, columns, cell=192)


def sheet_of_turns(results: Sequence[PhotoResult]) -> Tensor:
    """A row for each portrait, a column for each turned pose: (3 H W) in [-1, 1]."""
    return contact_sheet(
        {result.row.name: list(result.turns.values()) for result in results}, list(results[0].turns), cell=320
    )


def sheet_of_photo(result: PhotoResult) -> Tensor:
    """The moments of one portrait at full size, in lines of ``ACROSS``: (3 H W) in [-1, 1]."""
    titles = list(result.moments)
    lines = [titles[start : start + ACROSS] for start in range(0, len(titles), ACROSS)]
    return contact_sheet({", ".join(line): [result.moments[title] for title in line] for line in lines}, cell=SIZE)
