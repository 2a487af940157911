"""From a head, or an inversion alone, to its pictures: a few at a time, each drawn only from what changes in it.

Axes: T frames of the clip, n of a chunk, C h w the feature map, S size of the picture.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import ConfigError, InputError, OutOfMemory
from ..model.config import StyleHeadConfig
from ..model.stylehead import Layers, StyleHead
from ..networks.generator import PreparedStyles
from ..ops.acceleration import SPEEDS, Speed, accelerate
from ..ops.colour import ColourMatch, match_colours
from ..ops.disk_tensor import DiskTensor
from ..ops.edits import edit_styles, position_in_clip, strengths_at
from ..ops.freed_memory import keep_freed_memory
from ..ops.transfer import to_device
from ..ops.wall import person_and_wall
from ..ops.warp import compose_flows, warp
from ..records import Head, Inversion

__all__ = ["RenderConfig", "portrait_layers", "render", "render_parts"]

BATCH_SIZE = {"cuda": 4}  # frames by the kind of device; on all others 1
LARGE_FRAME = 512  # pixels that the generator draws, from which on freed memory is worth keeping

MIN_SIZE_PX, MAX_SIZE_PX = 16, 2048  # pixels of a frame's side

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class RenderConfig:
    rgb: Literal["model", "still", "warped"] = "model"
    """The RGB sum from below the feature map stays, or moves with it. ``model`` is as the file says."""
    edited: Literal["as inverted", "moved", "consulted"] = "as inverted"
    """How an edit reaches the feature map: by the difference that it makes below (``moved``), or by asking the
    consultation again, as the paper does; an edited clip then has the encoder's codes, also where they were optimised
    afterwards. ``as inverted`` is what the inversion was made with.
    Compared in docs/notes/0004-how-edits-reach-the-feature-map.md."""
    colour: Literal["as drawn", "matched"] = "as drawn"
    """``matched`` gives every frame the change that brings the redrawn portrait to the portrait's own colours."""
    size: int | None = None
    """Pixels of the frames; None = the model's own size. Larger frames get the portrait's own finer detail."""
    stop_at: int | None = None  # pixels: a quick preview of one of the generator's sizes, whatever ``size`` says
    speed: Speed = "plain"
    """What makes drawing faster where the machine can: a compiler, CUDA graphs, or both (``ops.acceleration``).
    Where it cannot, a message says so and frames are drawn as ever. Compiled frames differ by rounding."""
    batch_size: int | None = None
    """Frames drawn as one batch; None = 1 on a processor, which gains nothing by more, and 4 on a GPU. Batches are
    always of this size, the last one filled up, so that no frame depends on the chunk: see note 0081."""

    def __post_init__(self) -> None:
        if self.rgb not in ("model", "still", "warped") or self.edited not in ("as inverted", "moved", "consulted"):
            raise ConfigError(
                f"rgb is 'model', 'still' or 'warped', edited is 'as inverted', 'moved' or 'consulted'; found {self}."
            )
        if self.colour not in ("as drawn", "matched"):
            raise ConfigError(f"colour is 'as drawn' or 'matched'; found {self.colour!r}.")
        if self.size is not None and not MIN_SIZE_PX <= self.size <= MAX_SIZE_PX:
            raise ConfigError(f"Frames have {MIN_SIZE_PX} to {MAX_SIZE_PX} pixels a side; found {self.size}.")
        if self.speed not in SPEEDS:
            raise ConfigError(f"speed is one of {', '.join(map(repr, SPEEDS))}; found {self.speed!r}.")
        if self.batch_size is not None and self.batch_size < 1:
            raise ConfigError(f"At least one frame is drawn at once; found a batch_size of {self.batch_size}.")

    def frame_size(self, model: StyleHeadConfig) -> int:
        """Pixels of a side of the frames of ``model``."""
        return self.stop_at or self.size or model.size


def render(
    model: StyleHead,
    source: Head | Inversion,
    chunk: int = 4,
    frames: Iterable[int] | None = None,
    config: RenderConfig = RenderConfig(),
) -> Iterator[Tensor]:
    """Draw ``source``, in order, ``chunk`` frames at a time.

    The same frame is the same picture for any chunk, on any number of runs. A chunk decides how much is held at once,
    and how soon a run that is stopped stops.

    Args:
        source: a head gives as many frames as its motion; an inversion one.
        frames: numbers of the frames to draw; None = all.

    Yields:
        (n 3 S S) in [-1, 1], float32, on the model's device.

    Raises:
        InputError: a chunk below 1, a frame that there is not.
        ConfigError: a setting that the model or the inversion does not allow.
        OutOfMemory: not even one frame has room on the device. Where it is only the chunk that has none, it is halved.
    """
    _check_chunk(chunk)
    total = len(source) if isinstance(source, Head) else 1
    numbers = list(range(total)) if frames is None else list(frames)
    if wrong := [number for number in numbers if not 0 <= number < total]:
        raise InputError(f"There are the frames 0 to {total - 1}; found {wrong[0]}.")
    head, inversion = (source, source.inversion) if isinstance(source, Head) else (None, source)
    return FrameRenderer(model, inversion, config).render(head, numbers, chunk)


def render_parts(
    model: StyleHead, parts: Iterable[Head], chunk: int = 4, config: RenderConfig = RenderConfig()
) -> Iterator[Tensor]:
    """Draw a clip whose head comes in blocks, in order: as ``render``, with what the blocks share made once."""
    _check_chunk(chunk)
    parts = iter(parts)
    first = next(parts)
    renderer = FrameRenderer(model, first.inversion, config)
    return chain.from_iterable(renderer.render(part, range(len(part)), chunk) for part in chain((first,), parts))


def _check_chunk(chunk: int) -> None:
    if chunk < 1:
        raise InputError(f"A chunk has at least one frame; found {chunk}.")


def portrait_layers(
    model: StyleHead,
    inversion: Inversion,
    drawn: tuple[Tensor, Tensor] | None = None,
    *,
    edited: bool = False,
    size: int | None = None,
) -> Layers:
    """The layers that frames of an inversion are made from.

    Args:
        drawn: still and detail (1 3 s s each) at the generator's size, edits included; None = without edits.
        edited: ``drawn`` differs from the portrait by an edit, which the larger layers then get too.
        size: pixels of the frames; layers are never smaller than the model's own.
    """
    device = model.device
    picture = inversion.redrawn.to(device, torch.float32)
    if drawn is None:
        assert inversion.detail is not None
        still = model.resize(picture, model.config.generator.size)
        drawn = still, inversion.detail.to(device, torch.float32)
    if model.compositor is None or inversion.matte is None:
        return Layers(*drawn)
    size = max(size or 0, model.config.size)
    if size > picture.shape[-1]:
        picture = model.resize(inversion.portrait.image.to(device, torch.float32), size)
    matte = model.resize(inversion.matte.to(device, torch.float32), size)
    if edited:
        change = drawn[0] - model.resize(picture, drawn[0].shape[-1])
        picture = (picture + model.resize(change, size)).clamp(-1, 1)
    person, wall = person_and_wall(picture, matte)
    return Layers(*drawn, picture, person, matte, wall)


@dataclass(frozen=True, kw_only=True)
class Codes:
    """What stays the same from frame to frame while the edits do."""

    strengths: tuple[float, ...]
    feature: Tensor  # (1 C h w)
    rgb: Tensor | None  # (1 3 h/2 w/2)
    prepared: PreparedStyles
    layers: Layers | None  # of the portrait, edits included, where a model warps its pixels


class Moves(NamedTuple):
    """What changes from frame to frame: of each a batch."""

    flow: Tensor  # (n 2 h w)
    audio_flow: Tensor | None
    visibility: Tensor | None  # (n 1 h w)
    descriptor: Tensor | None  # (n D)
    guides: Tensor | None  # (n G h w)
    irises: Tensor | None  # (n 2 8)


class FrameRenderer:
    """Draws the frames of one portrait, keeping what they share, and alone decides how many at once.

    ``batch_size`` frames are drawn in one go. Where the device has no memory for them, batches and chunks are halved,
    for all frames to come.
    """

    def __init__(self, model: StyleHead, inversion: Inversion, config: RenderConfig) -> None:
        self.model, self.config = model.for_inference(), config
        self.consults = "consulted" in (config.edited, inversion.edited) and config.edited != "moved"
        if self.consults and inversion.edits and inversion.encoded is not None:
            inversion = replace(inversion.encoded, edits=inversion.edits)
        self.inversion = inversion
        self._check()
        device = model.device
        self.changing = any(len({strength for _, strength in edit.curve}) > 1 for edit in inversion.edits)
        if device.type == "cpu" and model.config.generator.size >= LARGE_FRAME:
            keep_freed_memory()
        self.batch_size = config.batch_size or BATCH_SIZE.get(device.type, 1)
        self.largest_chunk: int | None = None  # frames given out at once, since the device ran out of memory
        if self.changing:
            self.batch_size = 1  # each frame has weights of its own
            if config.speed != "plain":
                log.warning("The edits change from frame to frame: drawing plainly, since nothing can be made ready.")
        self.styles = inversion.styles.to(device, torch.float32)
        self.feature = inversion.feature[None].to(device, torch.float32)
        self.detail = None if inversion.detail is None else inversion.detail.to(device, torch.float32)
        self.rgb = None if inversion.rgb is None else inversion.rgb[None].to(device, torch.float32)
        self.warps_rgb = model.config.warp_rgb if config.rgb == "model" else config.rgb == "warped"
        self.codes: Codes | None = None
        self.draw_batch: Callable[..., Tensor] | None = None  # by ``codes`` and the strength of the calibration
        self.strength = 0.0
        self.unedited: tuple[Tensor, Tensor | None] | None = None
        self.places: dict[int, tuple[Tensor, Tensor | None]] = {}  # by the number of the edit: ``edit_places``
        with torch.no_grad():
            self.colours = self._colours() if config.colour == "matched" else None

    def _check(self) -> None:
        model, inversion, generator = self.model, self.inversion, self.model.config.generator
        waist = (generator.channels[generator.waist], generator.waist, generator.waist)
        expected = ((generator.rows, generator.style_dim), waist)
        found = (tuple(inversion.styles.shape), tuple(inversion.feature.shape))
        if found != expected:
            raise InputError(
                f"This inversion is of another model than {model.config.name!r}.\n"
                f"  expected  styles {expected[0]}, feature {expected[1]}\n"
                f"  found     styles {found[0]}, feature {found[1]}"
            )
        if self.consults and inversion.edits and inversion.residual is None:
            raise ConfigError(
                "Edits can ask the consultation again only with a model that has a consultation network. "
                "Take edited='moved'."
            )
        sizes = generator.preview_sizes
        if self.config.stop_at is not None and self.config.stop_at not in sizes:
            raise ConfigError(
                f"A preview of this model has {', '.join(map(str, sizes))} pixels; found {self.config.stop_at}."
            )

    def render(self, head: Head | None, numbers: Sequence[int], chunk: int) -> Iterator[Tensor]:
        """Draw the frames ``numbers`` of ``head``, in order; None draws the inversion.

        Yields:
            (n 3 S S), ``chunk`` frames at a time, or fewer where the device has no memory for so many.

        Raises:
            OutOfMemory: there is none for a single frame.
        """
        done, waiting = 0, []  # frames drawn; batches that are not given out yet
        while done < len(numbers) or waiting:
            size = min(chunk, self.largest_chunk or chunk)
            held = sum(map(len, waiting))
            if held >= size or (waiting and done == len(numbers)):
                pictures = waiting[0] if len(waiting) == 1 else torch.cat(waiting)
                waiting = [pictures[size:]] if held > size else []
                yield pictures[:size]
                continue
            try:
                with torch.no_grad():
                    batch = self.draw(head, numbers[done : done + self.batch_size])
            except torch.cuda.OutOfMemoryError as error:
                if self.batch_size == 1 and not waiting:
                    raise OutOfMemory(
                        f"The device {self.model.device} has no memory left for a single frame of {self.size} pixels. "
                        "Free some: close other programs, unload other models, draw in bfloat16, or take a smaller "
                        "preview."
                    ) from error
                batch = None  # the next try comes after this block, when the error holds no tensors any more
            if batch is None:
                self._halve(min(size, len(numbers)))
                continue
            waiting.append(batch)
            done += len(batch)

    def _halve(self, chunk: int) -> None:
        """Draw half as many frames at once from here on, and give out half of ``chunk``."""
        if self.model.device.type == "cuda":
            torch.cuda.empty_cache()  # what the failed try has left behind
        self.batch_size, self.largest_chunk = max(1, self.batch_size // 2), max(1, chunk // 2)
        log.warning(
            "The device has no memory for that many frames at once: going on with chunk %d.", self.largest_chunk
        )

    def draw(self, head: Head | None, frames: Sequence[int]) -> Tensor:
        """The frames of these numbers (n 3 S S), at most ``batch_size`` of them."""
        codes = self._codes_at(head, frames[0])
        if head is None:
            layers = codes.layers
            if layers is None:
                picture = self._picture(codes.feature, codes.prepared, codes.rgb)
            else:
                picture = layers.still if layers.picture is None else layers.picture
            picture = self._resize(picture)
        else:
            # Filled up, or the last ones would be rounded differently.
            filled = [*frames, *[frames[-1]] * (self.batch_size - len(frames))]
            if self.draw_batch is None or head.strength != self.strength:
                self.draw_batch, self.strength = self._batch_function(codes, head.strength), head.strength
            picture = self.draw_batch(*self._moves(head, filled))[: len(frames)]
        return picture if self.colours is None else self.colours(picture)

    def _moves(self, head: Head, frames: Sequence[int]) -> Moves:
        def taken(rows: Tensor | DiskTensor | None) -> Tensor | None:
            return None if rows is None else to_device(rows[frames], self.model.device)

        return Moves(
            flow=to_device(head.flow[frames], self.model.device),
            audio_flow=taken(head.audio_flow),
            visibility=taken(head.visibility),
            descriptor=taken(head.descriptor),
            guides=taken(head.guides),
            irises=taken(head.irises),
        )

    def _batch_function(self, codes: Codes, strength: float) -> Callable[..., Tensor]:
        """What draws a batch from its ``Moves``, with all else worked in. It makes nothing on the CPU and waits for
        nothing, so that it can be recorded."""
        model, convention, layers = self.model, self.model.config.warp, codes.layers

        def moved(x: Tensor, flow: Tensor, audio_flow: Tensor | None) -> Tensor:
            x = warp(x, flow, convention)
            # Twice, not by the sum of both: what the second fetches is already where the first has put it.
            return x if audio_flow is None else warp(x, audio_flow, convention)

        def draw_batch(
            flow: Tensor,
            audio_flow: Tensor | None,
            visibility: Tensor | None,
            descriptor: Tensor | None,
            guides: Tensor | None,
            irises: Tensor | None,
        ) -> Tensor:
            feature, rgb = moved(codes.feature, flow, audio_flow), codes.rgb
            if feature.device.type == "cpu":  # as all that follows computes with it
                feature = feature.contiguous(memory_format=torch.channels_last)
            if rgb is not None and self.warps_rgb:
                rgb = moved(rgb, flow, audio_flow)
            if strength and descriptor is not None:
                scale, shift = model.predict_calibration(feature, descriptor, flow, visibility)
                feature = torch.addcmul(feature.add(shift, alpha=strength), scale, feature, value=strength)
            picture = self._picture(feature, codes.prepared, rgb)
            if layers is not None:
                flow = flow if audio_flow is None else compose_flows(flow, audio_flow)
                picture = model.refine(picture, layers, flow, visibility, descriptor, guides, irises)
            return self._resize(picture)

        return draw_batch if self.changing else accelerate(draw_batch, self.config.speed, self.model.device)

    def _picture(self, feature: Tensor, prepared: PreparedStyles, rgb: Tensor | None) -> Tensor:
        """What the generator draws (n 3 size size)."""
        picture = self.model.generator.draw(feature, prepared, rgb, stop_at=self.config.stop_at)
        return picture.float().clamp_(-1, 1)  # in place: nobody else holds it

    @property
    def size(self) -> int:
        """Pixels of the frames."""
        return self.config.frame_size(self.model.config)

    def _resize(self, picture: Tensor) -> Tensor:
        """``picture`` (n 3 S S) at the size of the frames."""
        if picture.shape[-1] == self.size:
            return picture
        size = (self.size, self.size)
        return F.interpolate(picture, size=size, mode="bicubic", antialias=True, align_corners=False).clamp(-1, 1)

    def _codes_at(self, head: Head | None, frame: int) -> Codes:
        first, total = (head.first, len(head.motion)) if head is not None else (0, 1)
        strengths = strengths_at(self.inversion.edits, position_in_clip(first + frame, total))
        if self.codes is None or self.codes.strengths != strengths:
            self.codes, self.draw_batch = self._make_codes(strengths), None
        return self.codes

    def _make_codes(self, strengths: tuple[float, ...]) -> Codes:
        feature, rgb, detail = self.feature, self.rgb, self.detail
        styles = edit_styles(self.styles, self.inversion.edits, strengths)
        if styles is not self.styles:
            feature, rgb = self._edited_feature(styles[None])
        for number, (edit, strength) in enumerate(zip(self.inversion.edits, strengths, strict=True)):
            if edit.places and strength:
                places, pixels = self._places_of(number)
                feature = feature + strength * places
                if detail is not None and pixels is not None:
                    detail = detail + strength * pixels
        feature, prepared = feature.to(self.model.dtype), self.model.generator.prepare(styles[None])
        layers = None
        if detail is not None:
            drawn = self._picture(feature, prepared, rgb)
            detail = self.model.resize(detail, drawn.shape[-1])
            layers = self._make_layers((drawn + detail).clamp(-1, 1), detail, edited=any(strengths))
        return Codes(strengths=strengths, feature=feature, rgb=rgb, prepared=prepared, layers=layers)

    def _make_layers(self, still: Tensor, detail: Tensor, *, edited: bool) -> Layers:
        if self.config.stop_at is not None:
            return Layers(still, detail)
        return portrait_layers(self.model, self.inversion, (still, detail), edited=edited, size=self.size)

    def _edited_feature(self, styles: Tensor) -> tuple[Tensor, Tensor | None]:
        """Feature map and RGB sum of the inversion under edited ``styles`` (1 R D)."""
        model = self.model
        feature, rgb = model.lower(styles)
        if not self.consults:
            if self.unedited is None:
                self.unedited = model.lower(self.styles[None])
            before, rgb_before = self.unedited
            if rgb is not None and rgb_before is not None and self.rgb is not None:
                rgb = self.rgb + (rgb - rgb_before)
            return self.feature + (feature - before), rgb
        residual = self.inversion.residual
        assert residual is not None
        residual = redrawn = residual.to(model.device, torch.float32)
        if model.aligner is not None:  # it alone looks at the edited face
            redrawn = model.resize(model.upper(feature, styles, rgb).clamp(-1, 1), residual.shape[-1])
        scale, shift = model.consult(residual, redrawn)
        return feature * (1 + scale) + shift, rgb

    def _places_of(self, number: int) -> tuple[Tensor, Tensor | None]:
        """What the edit of this number adds to the feature map (1 C h w) and to the pixels (1 3 S S) at strength 1."""
        if number not in self.places:
            self.places[number] = self._find_places(self.inversion.edits[number].name)
        return self.places[number]

    def _find_places(self, name: str) -> tuple[Tensor, Tensor | None]:
        portrait, device = self.inversion.portrait, self.model.device
        if portrait.landmarks is None or portrait.coefficients is None:
            raise InputError(
                f"The attribute {name!r} changes places of the face, and this portrait has no landmarks to tell where "
                "they are. Give a portrait of stages.portrait."
            )
        landmarks, own = (x[None].to(device, torch.float32) for x in (portrait.landmarks, portrait.coefficients))
        picture = self.inversion.redrawn.to(device, torch.float32)
        picture = self.model.resize(picture, self.model.config.generator.size)
        return self.model.edit_places(name, self.feature, picture, landmarks, own, portrait.image.shape[-1])

    def _colours(self) -> ColourMatch:
        portrait, redrawn = self.inversion.portrait, self.inversion.redrawn
        image = self.model.resize(portrait.image.to(redrawn), redrawn.shape[-1])
        mask = None if portrait.mask is None else self.model.resize(portrait.mask.to(redrawn), redrawn.shape[-1])
        return match_colours(redrawn, image, mask)
