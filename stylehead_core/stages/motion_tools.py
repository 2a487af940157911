"""Edits motions: makes them relative, stronger, smoother, longer; mixes parts of several.

Every function takes motions and gives a new one, at the rate of the first. Axes: T frames, K coefficients.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, Literal

import torch
from torch import Tensor

from ..errors import ConfigError, MotionError
from ..ops.memory import available_memory
from ..ops.smoothing import sample_at, smooth_over_time
from ..records import Motion, Progress
from ..rest import find_rest, neutral_frame
from ..spaces import REGIONS

__all__ = [
    "BEYOND",
    "Beyond",
    "MotionAdjustment",
    "Play",
    "adjust_motion",
    "blend",
    "describe",
    "describe_left_out",
    "describe_longer",
    "describe_unmixed",
    "fit_length",
    "go_on_at_rest",
    "join",
    "lengthen",
    "loop",
    "make_relative",
    "mix_regions",
    "mouth_at_rest",
    "numbers_beyond",
    "resample",
    "retime",
    "reverse",
    "scale_motion",
    "smooth",
    "speak_over",
    "trim",
]

REST_SECONDS = 0.5  # in which a head goes back to rest where its motion has ended
LIP_OPENING = ("jawOpen", "mouthLowerDownLeft", "mouthLowerDownRight", "mouthUpperUpLeft", "mouthUpperUpRight")
REST_SHARE = 0.1  # share of a clip's frames, those with the lips nearest to each other, that count as its mouth at rest
MOOD = ("mouthSmile", "mouthFrown", "mouthDimple", "mouthLeft", "mouthRight", "cheek")  # of the mouth, but not speech
MOOD_SIGMA_SECONDS = 0.5  # seconds: standard deviation of the smoothing that leaves the mood without the words
COPIES = 2  # of a looped motion that are held while it is made
Play = Literal["forwards", "backwards", "there and back"]
Beyond = Literal["there and back", "hold"]
BEYOND: tuple[Beyond, ...] = ("there and back", "hold")
"""What a motion does beyond its end: turn round, and round again at its beginning; or hold its last frame."""


def make_relative(motion: Motion, neutral: int | None = None) -> Motion:
    """Changes against the face at rest, to be added to the portrait's own pose and expression.

    Args:
        neutral: the frame that counts as rest; None = ``find_rest``.
    """
    if motion.relative:
        return motion
    if neutral is not None and not 0 <= neutral < len(motion):
        raise ConfigError(f"The neutral frame must be one of 0 to {len(motion) - 1}; found {neutral}.")
    rest = find_rest(motion).coefficients if neutral is None else motion.coefficients[neutral]
    return replace(motion, coefficients=motion.coefficients - rest, relative=True)


def scale_motion(motion: Motion, *, expression: float = 1.0, pose: float = 1.0) -> Motion:
    """A stronger (above 1), weaker (below 1) or no (0) expression, and movement of the head.

    Of an absolute motion the pose is scaled about its neutral frame, and ``arkit`` weights stay within 0..1.
    """
    space = motion.described
    values = motion.coefficients.clone()
    rest = torch.zeros_like(values[0])
    if not motion.relative:
        rest = values[neutral_frame(motion)].clone()
        if motion.space == "arkit":
            rest[space.expression] = 0
    factor = torch.full_like(rest, pose)
    factor[space.expression] = expression
    values = torch.where(factor == 1, values, rest + factor * (values - rest))
    if motion.space == "arkit" and not motion.relative and expression != 1:
        values[:, space.expression] = values[:, space.expression].clamp(0, 1)
    return replace(motion, coefficients=values)


def mix_regions(base: Motion, other: Motion, regions: Iterable[str], *, strength: float = 1.0) -> Motion:
    """``base`` with some parts of the face from ``other``, which is resampled, and held or cut to the same length.

    Where one is relative and the other absolute, the other is made to fit: changes are added to the base's neutral
    frame, absolute values become changes against their own.

    Args:
        regions: names of the space's regions, names of coefficients, or ``audio``: what is heard. In ``bfm``, lips and
            jaw are what is heard too: the flow from sound moves them, no coefficient does.
        strength: 0 keeps the base, 1 takes the other. Coefficients are mixed; sound and the square of the video are
            not, they are the other's whole above 0 (``describe_unmixed`` says so).

    Raises:
        ConfigError: the space has no such region.
        MotionError: the motions have different spaces, or the mouth shall come from sound and ``other`` has none.
    """
    _same_space(base, other)
    wanted, space = set(regions), base.described
    names = {name for region in wanted - space.sound_regions for name in _region(region, base)}
    heard = wanted & space.sound_regions
    if other.mel is None and heard - {"audio"}:
        raise MotionError(
            f"In the space {base.space!r} {' and '.join(sorted(heard - {'audio'}))} are moved by sound alone, and the "
            "motion that they shall come from has none. Take one that is made from speech, or mix the whole "
            "'expression' instead."
        )
    if strength == 0:
        return base
    other = fit_length(resample(other, base.fps), len(base))
    values = other.coefficients
    if base.relative and not other.relative:
        values = values - find_rest(other).coefficients
    elif other.relative and not base.relative:
        values = values + find_rest(base).coefficients
    chosen = torch.tensor([name in names for name in base.names])
    mixed = torch.where(chosen, torch.lerp(base.coefficients, values, strength), base.coefficients)
    return replace(
        base,
        coefficients=mixed,
        mel=other.mel if heard else base.mel,
        **_place_in_video(other if "pose" in wanted else base),
    )


def _place_in_video(motion: Motion) -> dict[str, Any]:
    """What of a motion says where in which video it was measured."""
    kept: dict[str, Any] = {"squares": motion.squares, "sources": motion.sources, "video": motion.video}
    return kept if motion.squares is None else {**kept, "found": motion.found}


def describe_unmixed(base: Motion, other: Motion, regions: Iterable[str], strength: float) -> str:
    """What ``mix_regions`` takes from ``other`` whole although only a part is asked for; empty where it is nothing."""
    if not 0 < strength < 1:
        return ""
    wanted = set(regions)
    whole = []
    if wanted & base.described.sound_regions and not (base.mel is None and other.mel is None):
        whole.append("what is heard")
    if "pose" in wanted and not (base.squares is None and other.squares is None):
        whole.append("the place in the video")
    return f"Mixed by {strength:.0%}; not mixed but the second's: {' and '.join(whole)}." if whole else ""


def mouth_at_rest(motion: Motion) -> Tensor:
    """The coefficients (K) of the frames in which the lips are nearest to each other, their mean; space ``arkit``."""
    seen = motion.coefficients[motion.found] if motion.found.any() else motion.coefficients
    parted = seen[:, [motion.names.index(name) for name in LIP_OPENING]].sum(1)
    count = max(1, round(REST_SHARE * len(seen)))
    return seen[parted.topk(count, largest=False).indices].mean(0)


def speak_over(base: Motion, spoken: Motion, *, speaking: Tensor, own: Tensor | None = None) -> Motion:
    """``base``, somebody in a video, with the lips and the jaw of other speech.

    The new lips start from the base's own mouth at rest. The mood of the mouth (smile, corners) goes on as in the
    video, without the movements of its words. Where nobody speaks, the video's own mouth shows.

    Args:
        spoken: relative, as from speech; resampled, and held or cut to the same length.
        speaking: (T) 0..1, how much the new speech decides the mouth; it glides into and out of pauses.
        own: (T) 0..1, where the video's own voice speaks; None = everywhere. There its mouth stays at rest in the
            pauses of the new speech, instead of saying what is no longer heard.

    Raises:
        MotionError: ``spoken`` is not relative, or the motions have different spaces.
    """
    _same_space(base, spoken)
    if not spoken.relative:
        raise MotionError("The lips of speech are added to a mouth at rest: the motion must be relative.")
    spoken = fit_length(resample(spoken, base.fps), len(base))
    if base.space != "arkit":  # its coefficients do not tell the mouth from the rest of the expression
        return mix_regions(base, spoken, ("lips", "jaw", "audio"))
    names = base.names
    mouth = torch.tensor([name in (*REGIONS["lips"], *REGIONS["jaw"]) for name in names])
    mood = torch.tensor([name.startswith(MOOD) for name in names])
    calm = smooth_over_time(base.coefficients, MOOD_SIGMA_SECONDS * float(base.fps))
    rest = torch.where(mood, calm, mouth_at_rest(base))
    told = rest + speaking[:, None] * spoken.coefficients
    if not base.relative:
        told[:, base.described.expression].clamp_(0, 1)
    silent = torch.zeros(len(base)) if own is None else (1 - speaking) * (1 - own)
    told = torch.lerp(told, base.coefficients, silent[:, None])
    return replace(base, coefficients=torch.where(mouth, told, base.coefficients), mel=spoken.mel)


def blend(base: Motion, other: Motion, share: float) -> Motion:
    """Between two motions: ``share`` 0 is the base, 1 the other (resampled, and held or cut to the base's length)."""
    _same_space(base, other)
    if base.relative != other.relative:
        raise MotionError("One motion is relative and the other is not. Make both the same before they are blended.")
    other = fit_length(resample(other, base.fps), len(base))
    found = base.found & other.found if 0 < share < 1 else (base.found if share <= 0 else other.found)
    return replace(base, coefficients=torch.lerp(base.coefficients, other.coefficients, share), found=found)


def smooth(motion: Motion, seconds: float, regions: Iterable[str] = ("pose",)) -> Motion:
    """Calm some parts of the face: a Gaussian over time, without delay.

    Args:
        seconds: its standard deviation; 0.04 calms trembling, 0.2 makes slow motion of everything.
        regions: names of the space's regions or of coefficients.
    """
    if seconds < 0:
        raise ConfigError(f"Smoothing needs a time of at least 0 seconds; found {seconds}.")
    names = {name for region in regions for name in _region(region, motion)}
    chosen = torch.tensor([name in names for name in motion.names])
    calm = smooth_over_time(motion.coefficients, seconds * float(motion.fps))
    return replace(motion, coefficients=torch.where(chosen, calm, motion.coefficients))


def resample(motion: Motion, fps: Fraction) -> Motion:
    """The same movement at another rate: linear between frames, and a copy wherever a frame falls on another.

    It has round(frames * new rate / old rate) frames; a rate that is a multiple comes back bit for bit.
    """
    fps = Fraction(fps)
    if fps <= 0:
        raise ConfigError(f"The frame rate must be above 0; found {fps}.")
    if fps == motion.fps:
        return motion
    count = max(1, round(len(motion) * fps / motion.fps))
    return replace(_at(motion, [i * motion.fps / fps for i in range(count)]), fps=fps)


def retime(motion: Motion, speed: float | Fraction) -> Motion:
    """Faster (above 1) or slower (below 1) at the same frame rate; what is heard no longer fits, and is dropped."""
    speed = Fraction(speed).limit_denominator(10_000)
    if speed <= 0:
        raise ConfigError(f"The speed must be above 0; found {speed}. To play backwards, reverse the motion.")
    if speed == 1:
        return motion
    count = max(1, math.ceil(len(motion) / speed))
    return replace(_at(motion, [i * speed for i in range(count)]), mel=None)


def trim(motion: Motion, start: float = 0.0, end: float | None = None) -> Motion:
    """The part from ``start`` to ``end`` seconds (None = to the end); negative times count from the end."""
    first, last = _frame(motion, start), len(motion) if end is None else _frame(motion, end)
    if last <= first:
        raise MotionError(
            f"Nothing is left between {start} and {end} seconds of a motion that lasts {float(motion.seconds):.3f}."
        )
    return _pick(motion, torch.arange(first, last))


def reverse(motion: Motion) -> Motion:
    """Backwards; what is heard is dropped, since speech does not go backwards."""
    return replace(_pick(motion, torch.arange(len(motion) - 1, -1, -1)), mel=None)


def loop(motion: Motion, times: int, *, crossfade: float = 0.0, progress: Progress | None = None) -> Motion:
    """The motion ``times`` times in a row, in time and memory that grow with the result alone.

    Args:
        crossfade: seconds over which the end of each turn goes over into the next; they are lost once a turn.
        progress: called with (turns done, turns in all); raises to stop.

    Raises:
        ConfigError: fewer than one turn, or more than there is memory for.
    """
    if times < 1:
        raise ConfigError(f"A motion can be looped once or more often; found {times}.")
    if times == 1:
        return motion
    _check_memory(motion, times)
    shared = min(round(max(crossfade, 0) * motion.fps), len(motion))
    share = ((torch.arange(shared) + 1) / (shared + 1))[:, None]
    head = len(motion) - shared
    parts, tail = [motion.coefficients[:head]], motion.coefficients[head:]
    for turn in range(1, times):
        if progress is not None:
            progress(turn, times)
        between = torch.lerp(tail, motion.coefficients[:shared], share)
        turned = torch.cat((between, motion.coefficients[shared:])) if shared else motion.coefficients
        parts.append(turned[:head])
        tail = turned[head:]
    frames = torch.cat((torch.arange(head).repeat(times - 1), torch.arange(len(motion))))
    return replace(_pick(motion, frames), coefficients=torch.cat((*parts, tail)))


def _check_memory(motion: Motion, times: int) -> None:
    """Refuse a loop that has no room in memory.

    Raises:
        ConfigError: with how often it could be looped.
    """
    kept = (motion.coefficients, motion.found, motion.mel, motion.squares, motion.sources)
    size = sum(tensor.numel() * tensor.element_size() for tensor in kept if tensor is not None)
    free = available_memory()
    if free is not None and COPIES * size * times > free:
        raise ConfigError(
            f"{times} times {len(motion)} frames need {COPIES * size * times / 2**30:.1f} GiB of memory; "
            f"{free / 2**30:.1f} GiB are free. Loop it at most {max(1, int(free // (COPIES * size)))} times."
        )


def join(first: Motion, second: Motion, *, crossfade: float = 0.0) -> Motion:
    """One after the other at the first one's rate; for ``crossfade`` seconds one goes over into the other."""
    _same_space(first, second)
    if first.relative != second.relative:
        raise MotionError("One motion is relative and the other is not. Make both the same before they are joined.")
    second = resample(second, first.fps)
    shared = min(round(max(crossfade, 0) * first.fps), len(first), len(second))
    share = ((torch.arange(shared) + 1) / (shared + 1))[:, None]
    between = torch.lerp(first.coefficients[len(first) - shared :], second.coefficients[:shared], share)
    head = len(first) - shared
    mel = None
    if first.mel is not None and second.mel is not None:
        mel = torch.cat((first.mel[:head], second.mel))
    squares = None
    if first.squares is not None and second.squares is not None:
        squares = torch.cat((first.squares[:head], second.squares))
    sources = None
    if first.sources is not None and second.sources is not None and first.video is second.video:
        sources = torch.cat((first.sources[:head], second.sources))
    return replace(
        first,
        coefficients=torch.cat((first.coefficients[:head], between, second.coefficients[shared:])),
        found=torch.cat((first.found[:head], second.found)),
        mel=mel,
        squares=squares,
        sources=sources,
        video=None if sources is None else first.video,
    )


def fit_length(motion: Motion, frames: int, beyond: Beyond = "hold") -> Motion:
    """Exactly ``frames`` frames: cut, or continued beyond the end."""
    if frames == len(motion):
        return motion
    picked = _pick(motion, numbers_beyond(len(motion), frames, beyond))
    return replace(picked, mel=None) if beyond == "there and back" and frames > len(motion) else picked


def numbers_beyond(length: int, frames: int, beyond: Beyond) -> Tensor:
    """(frames) int64: which frame of a clip of ``length`` is shown at each of ``frames`` that go on beyond its end."""
    numbers = torch.arange(frames)
    if beyond == "there and back" and length > 1:
        period = 2 * (length - 1)
        numbers = torch.minimum(numbers % period, period - numbers % period)
    return numbers.clamp(max=length - 1)


def lengthen(motion: Motion, other: Motion, beyond: Beyond) -> Motion:
    """The motion, continued until ``other`` has ended; as it is where it lasts longer."""
    frames = len(resample(other, motion.fps))
    return fit_length(motion, frames, beyond) if frames > len(motion) else motion


def describe_longer(first: Motion, second: Motion, cut: bool) -> str:
    """A sentence for a person where the second of two motions lasts longer than the first; else empty."""
    if len(resample(second, first.fps)) <= len(first):
        return ""
    told = f"The second lasts longer, {float(second.seconds):.2f} s and {float(first.seconds):.2f} s:"
    return f"{told} {'the rest of it is cut' if cut else 'the first is continued'}."


@dataclass(frozen=True, kw_only=True)
class MotionAdjustment:
    """What ``adjust_motion`` does, in this order: cut, rest, strength, smoothing, speed, direction, repetition."""

    start: float = 0.0  # seconds: what is before is cut away
    end: float | None = None  # seconds: what is after is cut away; None keeps all
    relative: bool = False  # changes against the face at rest
    neutral: int | None = None  # frame of what is kept that counts as rest; None finds it
    expression: float = 1.0  # how strongly the face moves
    pose: float = 1.0  # how strongly the head moves
    smoothing: float = 0.0  # seconds, of the whole motion
    speed: float = 1.0
    play: Play = "forwards"
    times: int = 1
    crossfade: float = 0.0  # seconds over which each turn goes over into the next


def adjust_motion(motion: Motion, change: MotionAdjustment, *, progress: Progress | None = None) -> Motion:
    """Change a motion in several ways at once; ``progress`` is called while it is looped, and raises to stop.

    Raises:
        ConfigError, MotionError: as the single functions do.
    """
    motion = trim(motion, change.start, change.end)
    if change.relative:
        motion = make_relative(motion, change.neutral)
    motion = scale_motion(motion, expression=change.expression, pose=change.pose)
    motion = retime(smooth(motion, change.smoothing, ("expression", "pose")), change.speed)
    if change.play != "forwards":
        back = reverse(motion)
        motion = back if change.play == "backwards" else join(motion, back)
    return loop(motion, change.times, crossfade=change.crossfade, progress=progress)


def go_on_at_rest(motion: Motion, frames: int) -> Motion:
    """At least ``frames`` frames: after its end the head goes back to rest, within half a second, and stays there.

    Rest is the portrait's own pose and expression where the motion is relative, else the neutral frame. Nothing of it
    was measured in a video, so the further frames count as not found.
    """
    count = frames - len(motion)
    if count <= 0:
        return motion
    rest = torch.zeros_like(motion.coefficients[0])
    if not motion.relative:
        rest = motion.coefficients[neutral_frame(motion)]
    share = ((torch.arange(count) + 1) / (REST_SECONDS * float(motion.fps))).clamp(max=1)[:, None]
    share = share * share * (3 - 2 * share)
    longer = fit_length(motion, frames)
    coefficients = longer.coefficients.clone()
    coefficients[len(motion) :] = torch.lerp(motion.coefficients[-1:], rest[None], share)
    found = longer.found.clone()
    found[len(motion) :] = False
    return replace(longer, coefficients=coefficients, found=found)


def describe_left_out(motion: Motion, heard: float | Fraction) -> str:
    """What of a sound of ``heard`` seconds the shorter ``motion`` leaves out; empty where it is less than a frame."""
    left = heard - motion.seconds
    if left < 1 / motion.fps:
        return ""
    lasts = f"The sound lasts {float(heard):.2f} s, the motion {float(motion.seconds):.2f} s"
    return f"{lasts}: {float(left):.2f} s are left out."


def describe(motion: Motion) -> str:
    """One line for a person: how long, what of, and what was odd in its video."""
    missing = int((~motion.found).sum())
    gaps = f", {missing} without a face (filled in between)" if missing else ""
    notes = "".join(f"; {note}" for note in (motion.video.notes if motion.video is not None else ()))
    kind = "changes" if motion.relative else "absolute"
    heard = ", with speech" if motion.mel is not None else ""
    return (
        f"{len(motion)} frames at {float(motion.fps):.6g} a second, {float(motion.seconds):.2f} s, "
        f"{motion.space} ({kind}){heard}{gaps}{notes}"
    )


def _at(motion: Motion, positions: list[Fraction]) -> Motion:
    """The motion at fractional frames; what is found and heard is taken from the nearest one."""
    places = torch.tensor([float(position) for position in positions], dtype=torch.float64)
    nearest = places.round().long().clamp(max=len(motion) - 1)
    before, shots = places.long().clamp(max=len(motion) - 1), motion.shots
    after = (before + 1).clamp(max=len(motion) - 1)
    within = torch.where(shots[before] == shots[after], places, nearest.double())  # a square never glides over a cut
    return replace(
        motion,
        sources=None if motion.sources is None else motion.sources[nearest],
        coefficients=sample_at(motion.coefficients, places),
        found=motion.found[nearest],
        mel=None if motion.mel is None else motion.mel[nearest],
        squares=None if motion.squares is None else sample_at(motion.squares, within),
    )


def _pick(motion: Motion, frames: Tensor) -> Motion:
    return replace(
        motion,
        coefficients=motion.coefficients[frames],
        found=motion.found[frames],
        mel=None if motion.mel is None else motion.mel[frames],
        squares=None if motion.squares is None else motion.squares[frames],
        sources=None if motion.sources is None else motion.sources[frames],
    )


def _frame(motion: Motion, seconds: float) -> int:
    frame = round(Fraction(seconds) * motion.fps)
    return min(max(frame + len(motion) if seconds < 0 else frame, 0), len(motion))


def _region(region: str, motion: Motion) -> tuple[str, ...]:
    """The coefficients that a region, or the name of one coefficient, stands for."""
    space = motion.described
    if region in space.regions:
        return space.regions[region]
    if region == "audio":
        return ()
    if region in motion.names:
        return (region,)
    raise ConfigError(
        f"The space {motion.space!r} has no region {region!r}. "
        f"Known: {', '.join(sorted({*space.regions, *space.sound_regions}))}, or a coefficient."
    )


def _same_space(first: Motion, second: Motion) -> None:
    if first.space != second.space:
        raise MotionError(
            f"These motions have different spaces, {first.space!r} and {second.space!r}, whose numbers mean different "
            "things. Measure both with the same model."
        )
