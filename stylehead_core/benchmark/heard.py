"""How well a speech network follows real people: the mouth that it hears against the mouth that was tracked.

Axes: T frames, K coefficients of the ``arkit`` space.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import torch
from torch import Tensor

from ..datasets.speech_pairs import find_pairs, read_pair
from ..errors import InputError
from ..landmarker.landmarker import Landmarker
from ..media.sound import Sound, read_sound
from ..model.stylehead import StyleHead
from ..spaces import ARKIT
from ..stages.speech import SpeechConfig, speech_motion_for_model
from ..stages.tracking import TrackingConfig, motion_for_model

__all__ = ["MEASURES", "ClipScore", "SpeechScore", "TrackedClip", "compare_clip", "summarize", "tracked_clips"]

VIDEOS = (".mp4", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".m4v")
MOST_LAG = 0.2  # seconds that are tried either way
MOVES = 1e-3  # standard deviation below which a curve stands still
FEWEST = 10  # frames with a face in a row that a correlation needs
REST, WIDE = 0.05, 0.95  # quantiles of a clip that count as a closed and as a wide open mouth
SHUT = 0.25  # share of that way from which on the mouth begins to count as closed

MEASURES = ("opening", "rounding", "closure")
"""``opening``: jawOpen. ``rounding``: mouthPucker. ``closure``: 1 where the jaw is shut, 0 from a quarter of the clip's
own range on, so that it tells closures of the lips from small openings."""


@dataclass(frozen=True, kw_only=True)
class TrackedClip:
    """Somebody who speaks: the sound, and the coefficients that were tracked without smoothing."""

    name: str
    sound: Sound
    coefficients: Tensor  # (T K)
    found: Tensor  # (T) bool
    fps: Fraction


@dataclass(frozen=True, kw_only=True)
class ClipScore:
    """One measure of one clip."""

    clip: str
    measure: str
    correlation: float  # Pearson's, of heard and tracked; to 1, more is better
    strength: float  # standard deviation of what is heard by that of what is tracked; 1 is as lively as the person
    lag: float  # seconds by which the heard mouth is late where both agree best


@dataclass(frozen=True, kw_only=True)
class SpeechScore:
    """Medians over clips."""

    measure: str
    correlation: float
    strength: float
    lag: float  # seconds
    clips: int


def tracked_clips(
    folder: Path, model: StyleHead, landmarker: Callable[[], Landmarker], *, last: int | None = None
) -> Iterator[TrackedClip]:
    """The clips of a folder: films with sound, which are tracked, or pairs that were tracked before.

    Args:
        landmarker: called where a film is to be tracked.
        last: only so many, the last ones by name.

    Raises:
        InputError: the folder holds neither.
    """
    videos = [file for file in sorted(folder.glob("*")) if file.suffix.lower() in VIDEOS]
    if not videos:
        for file in find_pairs(folder)[-last if last else None :]:
            pair = read_pair(file)
            yield TrackedClip(
                name=pair.name, sound=pair.sound, coefficients=pair.coefficients, found=pair.found, fps=pair.fps
            )
        return
    tracker = landmarker()
    for film in videos[-last if last else None :]:
        sound = read_sound(film)
        if sound is None:
            continue
        motion = motion_for_model(model, film, tracker, TrackingConfig(smoothing=0))
        yield TrackedClip(
            name=film.stem, sound=sound, coefficients=motion.coefficients, found=motion.found, fps=motion.fps
        )


def compare_clip(model: StyleHead, clip: TrackedClip, config: SpeechConfig = SpeechConfig()) -> list[ClipScore]:
    """Every measure of ``MEASURES`` that moves in ``clip``.

    Raises:
        InputError: the model is not moved by ``arkit`` coefficients that its speech network tells.
    """
    if model.speech is None or model.config.space != ARKIT.name:
        raise InputError(f"The model {model.config.name!r} has no network that hears arkit coefficients.")
    heard = speech_motion_for_model(model, clip.sound, clip.fps, frames=len(clip.coefficients), config=config)
    if int(clip.found.sum()) < FEWEST:
        return []
    scores = []
    for measure in MEASURES:
        told, true = (_curve(measure, values) for values in (heard.coefficients, clip.coefficients))
        if true[clip.found].std() < MOVES:
            continue
        spread = float(told[clip.found].std() / true[clip.found].std())
        lag = best_lag(told, true, clip.found, round(MOST_LAG * float(clip.fps)))
        scores.append(
            ClipScore(
                clip=clip.name,
                measure=measure,
                correlation=_correlation(told[clip.found], true[clip.found]),
                strength=spread,
                lag=lag / float(clip.fps),
            )
        )
    return scores


def best_lag(told: Tensor, true: Tensor, known: Tensor, most: int) -> int:
    """The frames by which ``told`` (T) is late against ``true`` (T) where both agree best; 0 of several alike."""
    agreement = {}
    for lag in sorted(range(-most, most + 1), key=abs):
        late, early = slice(max(lag, 0), len(told) + min(lag, 0)), slice(max(-lag, 0), len(true) + min(-lag, 0))
        both = known[early]
        if int(both.sum()) >= FEWEST:
            agreement[lag] = _correlation(told[late][both], true[early][both])
    return max(agreement, key=lambda lag: agreement[lag], default=0)


def summarize(scores: Iterable[ClipScore]) -> list[SpeechScore]:
    """A row for each measure."""
    listed = list(scores)
    rows = []
    for measure in MEASURES:
        own = [score for score in listed if score.measure == measure]
        if own:
            middle = torch.tensor([[s.correlation, s.strength, s.lag] for s in own]).quantile(0.5, dim=0).tolist()
            rows.append(
                SpeechScore(measure=measure, correlation=middle[0], strength=middle[1], lag=middle[2], clips=len(own))
            )
    return rows


def _curve(measure: str, coefficients: Tensor) -> Tensor:
    name = "mouthPucker" if measure == "rounding" else "jawOpen"
    values = coefficients[:, ARKIT.names.index(name)]
    if measure != "closure":
        return values
    rest, wide = values.quantile(REST), values.quantile(WIDE)
    return 1 - ((values - rest) / (SHUT * (wide - rest)).clamp(min=MOVES)).clamp(0, 1)


def _correlation(one: Tensor, other: Tensor) -> float:
    if one.std() < MOVES or other.std() < MOVES:
        return 0.0
    return float(torch.corrcoef(torch.stack((one, other)))[0, 1])
