"""From a portrait, and whatever moves it, to the frames of a video: one call with good defaults.

``animate`` is given an inversion and a motion; this finds both, and puts the frames back into the picture if asked.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from io import BytesIO
from math import ceil
from pathlib import Path
from typing import Literal

from torch import Tensor

from .animate import animate
from .errors import InputError
from .fitting import Fit, fit_motion
from .landmarker.face_choice import FaceChoice
from .landmarker.landmarker import Landmarker
from .media.sound import Sound
from .media.video import Frames
from .model.stylehead import StyleHead
from .records import Direction, Inversion, Motion, Portrait, Progress
from .rehearsal import REHEARSED_FRAMES
from .stages.editing import edit_style
from .stages.inversion import Method, OptimiseStep, invert
from .stages.motion_tools import describe, fit_length, join, loop, mix_regions, reverse
from .stages.paste import PasteConfig, paste_head
from .stages.portrait import PortraitConfig, native_size, take_portrait
from .stages.rendering import RenderConfig
from .stages.speech import Life, SpeechConfig, speech_motion_for_model
from .stages.tracking import TrackingConfig, motion_for_model

__all__ = ["SPOKEN", "TalkingHead", "TalkingHeadConfig", "find_motion", "talking_head"]

SPOKEN = ("lips", "jaw", "audio")  # regions that speech decides where something else moves the rest

Attribute = str | Direction
Clip = str | Path | BytesIO | Iterable[Frames]


@dataclass(frozen=True, kw_only=True)
class TalkingHeadConfig:
    method: Method = "encode"  # of the inversion
    steps: int = 250  # of method "optimise"
    edits: tuple[tuple[Attribute, float, float], ...] = ()  # attribute, strength in the first and in the last frame
    fit: Fit = "auto"
    face: FaceChoice = FaceChoice()  # in the portrait's picture
    driver: FaceChoice = FaceChoice()  # in the video
    smoothing: float = 0.5  # of the driver's head, 0..1
    fps: Fraction = Fraction(25)  # where only speech moves the portrait
    life: Life = "lively"  # likewise: whether the head nods and blinks
    seed: int = 0  # of that
    rehearsed: int = REHEARSED_FRAMES  # frames by which the motion is corrected first, see ``rehearse``
    size: int | Literal["portrait"] | None = None
    """Pixels of a side of the square that is drawn. ``portrait``: as many as it has in the picture. None: the model's
    own; for a square that is pasted back as many as the portrait was cut with, which may be more."""
    paste: bool = False  # put the head back into the picture, and give frames of the picture's size
    chunk: int = 4  # frames drawn at a time
    render: RenderConfig = RenderConfig()


@dataclass(frozen=True, kw_only=True)
class TalkingHead:
    """What a video is written from. Frames are drawn as they are asked for, and only once."""

    frames: Iterator[Tensor]  # (n 3 height width) in [-1, 1], at most ``chunk`` at a time
    count: int  # of all frames
    size: tuple[int, int]  # width, height
    fps: Fraction
    inversion: Inversion
    description: str  # of what moves the portrait, for a person


def talking_head(
    model: StyleHead,
    picture: Tensor,
    landmarker: Landmarker,
    *,
    video: Clip | None = None,
    speech: Sound | None = None,
    motion: Motion | None = None,
    config: TalkingHeadConfig = TalkingHeadConfig(),
    progress: Progress | None = None,
    on_step: Callable[[OptimiseStep], None] | None = None,
) -> TalkingHead:
    """Let the face in ``picture`` talk.

    Args:
        picture: (1 3 H W) in [-1, 1], with a face somewhere.
        video: somebody who moves. With ``motion`` it is not looked at.
        speech: what the lips say. It decides the length; what else moves goes on there and back.
        motion: instead of a video.
        progress: called with frames (done, total) while the video is followed, and again while frames are rehearsed.
        on_step: called while the inversion is optimised.

    Raises:
        InputError: nothing moves the portrait.
        FaceNotFound: no face in the picture or the video.
        ConfigError: speech is given, and the model does not listen.
    """
    if video is None and speech is None and motion is None:
        raise InputError("Nothing moves the portrait: give a video, speech, or a motion.")
    cut = PortraitConfig.for_model(model.config, face=config.face)
    portrait = take_portrait(picture.to(model.device), landmarker, cut)
    inversion = invert(model, portrait, method=config.method, steps=config.steps, on_step=on_step)
    for attribute, strength, end in config.edits:
        inversion = edit_style(model, inversion, attribute, strength, end=end)
    moving, description = find_motion(
        model, portrait, landmarker, video=video, speech=speech, motion=motion, config=config, progress=progress
    )
    size = native_size(portrait) if config.size == "portrait" else config.size
    if size is None:
        size = portrait.image.shape[-1] if config.paste else model.config.size
    frames = animate(
        model,
        inversion,
        moving,
        landmarker=landmarker,
        rehearsed=config.rehearsed,
        chunk=config.chunk,
        config=replace(config.render, size=size),
        on_rehearsal=progress,
    )
    shown = (size, size)
    if config.paste:
        frames = _paste(frames, portrait)
        shown = (picture.shape[-1], picture.shape[-2])
    return TalkingHead(
        frames=frames, count=len(moving), size=shown, fps=moving.fps, inversion=inversion, description=description
    )


def find_motion(
    model: StyleHead,
    portrait: Portrait,
    landmarker: Landmarker,
    *,
    video: Clip | None,
    speech: Sound | None,
    motion: Motion | None,
    config: TalkingHeadConfig,
    progress: Progress | None = None,
) -> tuple[Motion, str]:
    """What moves the portrait, fitted to it, and words that say what it is."""
    base, words = motion, "the motion"
    if base is None and video is not None:
        tracking = TrackingConfig(face=config.driver, smoothing=config.smoothing)
        base, words = motion_for_model(model, video, landmarker, tracking, progress=progress), "the video"
    if base is not None:
        fitted = fit_motion(base, portrait, config.fit)
        base, words = fitted.motion, f"{words} ({fitted.description})"
    if speech is None:
        assert base is not None
        return base, f"{words}: {describe(base)}"
    fps = config.fps if base is None else base.fps
    life: Life = config.life if base is None else "still"
    spoken = speech_motion_for_model(
        model, speech, fps, config=SpeechConfig(life=life, seed=config.seed), progress=progress
    )
    if base is None:
        return spoken, f"lips by speech: {describe(spoken)}"
    return mix_regions(_there_and_back(base, len(spoken)), spoken, SPOKEN), f"{words}, lips by speech"


def _there_and_back(motion: Motion, frames: int) -> Motion:
    """``motion`` forwards, backwards and so on, for ``frames`` frames."""
    if len(motion) < frames:
        turn = join(motion, reverse(motion))
        motion = loop(turn, ceil(frames / len(turn)))
    return fit_length(motion, frames)


def _paste(frames: Iterator[Tensor], portrait: Portrait) -> Iterator[Tensor]:
    for part in frames:
        yield paste_head(part, portrait, config=PasteConfig())[0]
