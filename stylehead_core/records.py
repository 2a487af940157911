"""What the stages hand to one another: small frozen recipes from which every frame can be drawn again.

Axes: R style rows, D style width, C channels of the moved feature, h w its size, S picture size, T frames,
K coefficients.
Pictures are RGB in [-1, 1]. Positions are pixels: x to the right, y down, (0, 0) the centre of the first pixel.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor

from .errors import InputError, MotionError
from .ops.disk_tensor import DiskTensor
from .spaces import MotionSpace, space_named

__all__ = ["LOOK", "SQUARE", "Direction", "Edit", "Head", "Inversion", "MeasuredVideo", "Motion", "Portrait"]

DIGITS = 40  # of a frame rate that is given as text, at most
SQUARE = 256  # pixels of a side of the squares that a motion was measured in
LOOK = 16  # pixels of a side of a video's thumbnail
LOOSE = 1.05  # a resized picture may overshoot a little


def _refuse_odd(what: str, values: Tensor | None, shape: tuple[int | None, ...]) -> None:
    """Refuse ``values`` of another shape (None = any length but 0), or that are not all finite numbers."""
    if values is None:
        return
    found = tuple(values.shape)
    fits = len(found) == len(shape) and all(n > 0 and n == (m or n) for n, m in zip(found, shape, strict=True))
    if not fits:
        expected = ", ".join("any" if n is None else str(n) for n in shape)
        raise InputError(f"A portrait's {what} have the shape ({expected}); found {found}.")
    if not (values.amin().isfinite() & values.amax().isfinite()):  # of every value takes two copies of the picture
        raise InputError(f"A portrait's {what} hold values that are no numbers.")


@dataclass(frozen=True, kw_only=True)
class Portrait:
    """One aligned face, and the way back to the picture that it was cut from."""

    image: Tensor  # (1 3 S S) in [-1, 1]
    crop: Tensor | None = None  # (2 3): pixel of the original = crop @ (x, y, 1) of the aligned picture
    original: Tensor | None = None  # (1 3 H W) in [-1, 1], what ``crop`` leads back to
    landmarks: Tensor | None = None  # (478 3) of the face landmarker, pixels of the aligned picture; z too
    mask: Tensor | None = None  # (1 1 S S) in 0..1: the face, with soft edge
    coefficients: Tensor | None = None  # (K) the portrait's own pose and expression, in the model's space

    def __post_init__(self) -> None:
        shape = tuple(self.image.shape)
        if len(shape) != 4 or shape[:2] != (1, 3) or shape[2] != shape[3] or not shape[3]:
            raise InputError(f"A portrait is one square picture (1, 3, S, S); found {shape}.")
        if not self.image.is_floating_point():
            raise InputError(f"A portrait's values are floating numbers from -1 to 1; found {self.image.dtype}.")
        low, high = (float(value) for value in self.image.aminmax())
        if not -LOOSE <= low <= high <= LOOSE:  # also refuses what is no number
            raise InputError(f"A portrait's values go from -1 (black) to 1; found {low:.4g} to {high:.4g}.")
        size = shape[3]
        _refuse_odd("crop", self.crop, (2, 3))
        _refuse_odd("original", self.original, (1, 3, None, None))
        _refuse_odd("landmarks", self.landmarks, (None, 3))
        _refuse_odd("mask", self.mask, (1, 1, size, size))
        _refuse_odd("coefficients", self.coefficients, (None,))


@dataclass(frozen=True, kw_only=True)
class Direction:
    """Where an attribute lies in style space. Strength 1 of it is the full edit, -1 its opposite."""

    name: str
    direction: Tensor  # (R D)
    target: Literal["shift", "coordinate"] = "shift"
    """``shift`` adds strength * direction. ``coordinate`` moves the face's coordinate on a principal component from
    where it is (strength 0) to ``goal`` (strength 1): GANSpace, SPEC section 9. It needs ``mean`` and ``axis``."""
    mean: Tensor | None = None  # (D), of the styles
    axis: Tensor | None = None  # (D): the coordinate is (first style row - mean) @ axis
    goal: float = 0.0
    places: bool = False  # the model of which it comes also changes places of the face by its name

    def __post_init__(self) -> None:
        if self.direction.ndim != 2 or not torch.isfinite(self.direction).all():
            raise InputError(
                f"The direction {self.name!r} must hold finite numbers (rows, width); "
                f"found shape {tuple(self.direction.shape)}."
            )
        if self.target == "coordinate" and (self.mean is None or self.axis is None):
            raise InputError(f"The direction {self.name!r} needs the mean and the axis of its coordinate.")


@dataclass(frozen=True, kw_only=True)
class Edit(Direction):
    """A direction, and how strongly it acts over the clip."""

    curve: tuple[tuple[float, float], ...]  # (position in the clip 0..1, strength), rising positions

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.curve or any(a[0] > b[0] for a, b in pairwise(self.curve)):
            raise InputError(
                f"The curve of the edit {self.name!r} needs points (position 0..1, strength) in rising order; "
                f"found {self.curve}."
            )
        if not all(math.isfinite(number) for point in self.curve for number in point):
            raise InputError(f"The curve of the edit {self.name!r} holds values that are no numbers: {self.curve}.")

    def strength(self, position: float) -> float:
        """The strength at ``position`` of the clip (0 first frame, 1 last frame): linear between the points."""
        points = self.curve
        if position <= points[0][0]:
            return points[0][1]
        for (x0, y0), (x1, y1) in pairwise(points):
            if position <= x1:
                return y1 if x1 == x0 else y0 + (y1 - y0) * (position - x0) / (x1 - x0)
        return points[-1][1]


@dataclass(frozen=True, kw_only=True)
class Inversion:
    """The codes that redraw a portrait, and the edits that are asked for."""

    portrait: Portrait
    styles: Tensor  # (R D), w+, without the edits
    feature: Tensor  # (C h w): the map that is moved, complete with consultation or optimisation
    rgb: Tensor | None  # (3 h/2 w/2): the RGB sum of the rows below the feature; none where there is no RGB below it
    redrawn: Tensor  # (1 3 S S): the generator's picture of the above
    detail: Tensor | None = None  # (1 3 s s): what the generator misses of the portrait, where a model carries it
    matte: Tensor | None = None  # (1 1 S S) in 0..1: the person, where a model cuts it out
    residual: Tensor | None = None  # (1 3 P P): what the styles alone do not redraw; of a consulted feature
    edits: tuple[Edit, ...] = ()
    edited: Literal["moved", "consulted"] = "moved"  # how edits reach the feature map: see ``RenderConfig.edited``
    encoded: "Inversion | None" = None  # the encoder's own codes, of an inversion that was optimised from them

    def with_edit(self, edit: Edit) -> "Inversion":
        """The same inversion with one more edit."""
        return replace(self, edits=(*self.edits, edit))


@dataclass(frozen=True, kw_only=True)
class MeasuredVideo:
    """What is known of the video that a motion was measured in, so that a head can be pasted back into its frames."""

    size: tuple[
        int, int
    ]  # width, height as shown: turned by the rotation flag, square pixels. Squares are told in these
    stored: tuple[int, int]  # width, height of a decoded frame, before both
    rotation: int = 0  # degrees anticlockwise by which a decoded frame is turned to be shown
    times: Tensor  # (N) float64: seconds of every decoded frame, the first at 0
    variable: bool = (
        False  # whether these times are uneven: the motion's frames are even, and not the video's one by one
    )
    cuts: tuple[int, ...] = ()  # frames with which a new shot begins
    look: Tensor | None = (
        None  # (LOOK LOOK) uint8: grey thumbnail of the first frame as shown, to tell what way up it is
    )
    notes: tuple[str, ...] = ()  # sentences for a person about what was odd in the file

    def __post_init__(self) -> None:
        if self.times.ndim != 1 or not len(self.times) or not torch.isfinite(self.times).all():
            raise MotionError(f"The times of a video's frames are (N) finite seconds; found {tuple(self.times.shape)}.")
        if min(*self.size, *self.stored) < 1 or self.rotation % 90:
            raise MotionError(
                f"A video has at least one pixel and is turned by quarters; found {self.size}, {self.stored} and "
                f"{self.rotation} degrees."
            )
        if self.look is not None and self.look.shape != (LOOK, LOOK):
            raise MotionError(f"The thumbnail of a video is ({LOOK}, {LOOK}); found {tuple(self.look.shape)}.")


@dataclass(frozen=True, kw_only=True)
class Motion:
    """Pose and expression over time, with an exact frame rate.

    Raises:
        MotionError: no frames, a rate that is not positive, a width that is not the space's, values that are no
            numbers.
    """

    coefficients: Tensor  # (T K) float32
    fps: Fraction
    space: str = "arkit"  # see spaces.py
    found: Tensor = field(default=None)  # type: ignore[assignment]  # (T) bool: a face was measured here; not given: all
    mel: Tensor | None = None  # (T 80 W): windows centred on each frame, where speech drives
    relative: bool = False  # coefficients are changes against the source's own, not absolute values
    squares: Tensor | None = None
    """(T 2 3): where place and size are told in, frame by frame: pixels of a square of SQUARE -> pixels of the video
    that was measured. So a head that is drawn in the square can be pasted back. None: not from a video."""
    sources: Tensor | None = None  # (T) int64: the frame of ``video`` that is on the screen at each frame of the motion
    video: MeasuredVideo | None = None  # None: not from a video, or from a file of an earlier version

    def __post_init__(self) -> None:
        if self.coefficients.ndim != 2 or len(self.coefficients) == 0:
            raise MotionError(
                f"A motion needs coefficients (frames, {self.width}); found {tuple(self.coefficients.shape)}. "
                "Take at least one frame."
            )
        if self.coefficients.shape[1] != self.width:
            raise MotionError(
                f"The motion space {self.space!r} has {self.width} coefficients a frame; "
                f"found {self.coefficients.shape[1]}."
            )
        if not self.coefficients.is_floating_point():
            raise MotionError(f"The coefficients of a motion are floating numbers; found {self.coefficients.dtype}.")
        if not torch.isfinite(self.coefficients).all():
            frames = torch.nonzero(~torch.isfinite(self.coefficients).all(1)).flatten().tolist()
            raise MotionError(f"The motion holds values that are no numbers, first in frame {frames[0]}.")
        try:
            if isinstance(self.fps, str) and (len(self.fps) > DIGITS or "e" in self.fps.lower()):
                raise ValueError("1e999999999 would never end")
            fps = Fraction(self.fps)
        except (TypeError, ValueError, OverflowError, ZeroDivisionError) as error:
            raise MotionError(
                f"The frame rate must be a number above 0, such as 25 or 30000/1001; found {self.fps!r}."
            ) from error
        if fps <= 0:
            raise MotionError(f"The frame rate must be above 0; found {fps}.")
        object.__setattr__(self, "fps", fps)
        found: Tensor | None = self.found
        if found is None:
            found = torch.ones(len(self.coefficients), dtype=torch.bool)
            object.__setattr__(self, "found", found)
        frames = len(self.coefficients)
        if found.ndim != 1 or found.dtype != torch.bool:
            raise MotionError(f"The marks of found faces are (T) of bool; found {tuple(found.shape)} of {found.dtype}.")
        if len(found) != frames:
            raise MotionError(f"{frames} frames, but {len(found)} marks of found faces.")
        if self.squares is not None and self.squares.shape != (frames, 2, 3):
            raise MotionError(
                f"The squares of {frames} frames are ({frames}, 2, 3); found {tuple(self.squares.shape)}."
            )
        if self.squares is not None and not torch.isfinite(self.squares).all():
            raise MotionError("The squares of the motion hold values that are no numbers.")
        if self.squares is None and self.sources is not None and len(self.sources) != frames:
            # Scripts of version 0.1 replace coefficients and squares, and know nothing of a video that comes with them.
            object.__setattr__(self, "sources", None)
            object.__setattr__(self, "video", None)
        if (self.sources is None) != (self.video is None):
            raise MotionError("A motion that knows its video knows which frame of it each of its own is.")
        if self.sources is not None and self.video is not None:
            last = len(self.video.times) - 1
            if self.sources.shape != (frames,) or self.sources.is_floating_point():
                raise MotionError(f"The sources of {frames} frames are ({frames},); found {tuple(self.sources.shape)}.")
            if self.sources.min() < 0 or self.sources.max() > last:
                raise MotionError(f"The sources of a motion are frames 0 to {last} of its video.")
        if self.mel is None:
            return
        if self.mel.ndim != 3:
            raise MotionError(f"The mel windows are (frames, bands, columns); found {tuple(self.mel.shape)}.")
        if len(self.mel) != frames:
            raise MotionError(f"{frames} frames, but {len(self.mel)} mel windows.")
        if not torch.isfinite(self.mel).all():
            raise MotionError("The mel windows hold values that are no numbers.")

    def __len__(self) -> int:
        return len(self.coefficients)

    @property
    def width(self) -> int:
        return len(self.names)

    @property
    def names(self) -> tuple[str, ...]:
        return self.described.names

    @property
    def described(self) -> MotionSpace:
        return space_named(self.space)

    @property
    def seconds(self) -> Fraction:
        return len(self) / self.fps

    @property
    def shots(self) -> Tensor:
        """(T) int64: the number of the shot, between two cuts of the video, that each frame is from."""
        if self.video is None or self.sources is None:
            return torch.zeros(len(self), dtype=torch.int64)
        cuts = torch.tensor(self.video.cuts, dtype=torch.int64)
        return torch.searchsorted(cuts, self.sources.long(), right=True)


@dataclass(frozen=True, kw_only=True)
class Head:
    """An inversion with a motion, and the flow that carries it there: everything a frame is drawn from."""

    inversion: Inversion
    motion: Motion
    # Of a long clip these lie on the disk: a ``DiskTensor`` is asked for rows as a tensor is.
    flow: Tensor | DiskTensor  # (n 2 h w), pixels of the feature map: where each point fetches from (x right, y down)
    audio_flow: Tensor | DiskTensor | None = None  # (n 2 h w), applied after ``flow``
    visibility: Tensor | DiskTensor | None = (
        None  # (n 1 h w) in 0..1: 0 where the portrait does not show what is to be seen
    )
    guides: Tensor | DiskTensor | None = None  # (n G h w) in -1..1: what is inside an open mouth or eye
    irises: Tensor | DiskTensor | None = None  # (n 2 8), see ``ops.irises.IRIS_VALUES``
    descriptor: Tensor | DiskTensor | None = None  # (n D) of the motion encoder
    strength: float = 0.0  # of the calibration, 0 = off
    first: int = 0  # the frame of the motion that ``flow`` begins with, where the head is a part of the clip

    def __post_init__(self) -> None:
        frames = len(self.flow) if self.flow.ndim else 0
        if not frames or self.first < 0 or self.first + frames > len(self.motion):
            raise InputError(
                f"A head has the flow of frames of its motion, 0 to {len(self.motion) - 1}; "
                f"found {frames} from {self.first} on."
            )
        for what, values, ndim in (
            ("flow", self.flow, 4),
            ("flow from sound", self.audio_flow, 4),
            ("visibility", self.visibility, 4),
            ("guides", self.guides, 4),
            ("irises", self.irises, 3),
            ("descriptors", self.descriptor, 2),
        ):
            if values is not None and (values.ndim != ndim or len(values) != frames):
                raise InputError(
                    f"The {what} of a head must have {ndim} axes and {frames} frames, as many as its flow; "
                    f"found {tuple(values.shape)}."
                )

    def __len__(self) -> int:
        return len(self.flow)


Progress = Callable[[int, int], None]
"""Called with (done, total); raises to stop a run."""
