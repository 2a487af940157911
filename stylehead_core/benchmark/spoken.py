"""How well lips follow sentences that no network has heard, and whether the rest of the head keeps still.

The truth is the opening that the sentence was made with. Beside it stands the model when it is told the true curves:
what is lost there is lost in drawing, not in hearing.

Axes: T frames, L coefficients of ``LIPS``.
"""

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from ..datasets.heads import Heads
from ..evaluation.faces import eye_distance, lip_opening
from ..model.stylehead import StyleHead
from ..networks.speech_coefficients import SpeechCoefficients
from ..ops.face_masks import lower_face_mask
from ..records import Inversion, Motion
from ..spaces import ARKIT
from ..stages.calibration import calibrate
from ..stages.inversion import invert
from ..stages.rendering import render
from ..stages.speech import speech_motion_for_model
from ..stages.warping import warp_features
from ..synthetic.speech.sentences import HELD_OUT
from ..synthetic.speech.sheet import lip_opening as opening_of_curves
from ..synthetic.speech.utterances import Utterance, make_utterance
from ..synthetic.speech.visemes import LIPS
from .driven import portrait_of
from .measures import Measured, Measures, correlation

__all__ = ["SPOKEN_WAYS", "SpeechRow", "held_out_utterances", "speech"]

SPOKEN_WAYS = ("still", "speech", "true curves")
JAW_MARGIN = 0.3  # eye distances by which an opened jaw reaches beyond the lower face
UPPER = (33, 133, 159, 145, 263, 362, 386, 374, 70, 105, 107, 300, 334, 336, 168, 6, 4)  # eyes, brows, nose


@dataclass(frozen=True, kw_only=True)
class SpeechRow:
    """Means over sentences, each spoken by another head."""

    way: str
    opening: float  # correlation of the lips' measured opening with the truth, to 1; more is better
    worst: float  # the same of the sentence with the lowest
    pose: float  # degrees that the head turns to and fro (deviation); less is better
    upper_face: float  # movement of eyes, brows and nose (deviation) in percent of the eye distance; less is better
    outside: float  # change of the picture outside the lower face from its first frame, levels of 255; less is better
    sentences: int


@torch.no_grad()
def speech(model: StyleHead, heads: Heads, measures: Measures, utterances: Iterable[Utterance]) -> list[SpeechRow]:
    """The table of ``SPOKEN_WAYS``: each of ``talks`` by one head, in turn."""
    assert model.speech is not None
    firsts = [int(torch.nonzero(heads.person == person)[0, 0]) for person in heads.person.unique()]
    found: dict[str, list[tuple[float, ...]]] = {way: [] for way in SPOKEN_WAYS}
    for number, utterance in enumerate(utterances):
        inversion = invert(model, portrait_of(heads, firsts[number % len(firsts)]))
        heard = speech_motion_for_model(model, utterance.sound, utterance.fps, frames=len(utterance.curves))
        told = _true_coefficients(model.speech, utterance.curves, heard.coefficients)
        truth = opening_of_curves(utterance.curves, LIPS)
        for way, coefficients in (("speech", heard.coefficients), ("true curves", told)):
            motion = Motion(coefficients=coefficients, fps=utterance.fps, relative=True)
            drawn = _draw(model, inversion, motion)
            found[way].append(_measure(drawn, measures.measure(drawn), inversion, truth))
        still = inversion.portrait.image
        seen = measures.measure(still).select(torch.zeros(len(truth), dtype=torch.int64))
        found["still"].append(_measure(still.expand(len(truth), -1, -1, -1), seen, inversion, truth))
    return [_row(way, numbers) for way, numbers in found.items()]


def held_out_utterances(count: int) -> Iterator[Utterance]:
    """The first sentences that nothing has learnt from; music is passed over. Speaks with espeak-ng."""
    utterances = (make_utterance(seed) for seed in itertools.count(HELD_OUT))
    return itertools.islice((utterance for utterance in utterances if utterance.voice is not None), count)


def _true_coefficients(network: SpeechCoefficients, curves: Tensor, like: Tensor) -> Tensor:
    """Coefficients as of ``network``, had it heard the true ``curves`` (T L)."""
    names = network.config.names
    true = torch.stack([curves[:, LIPS.index(name)] for name in names], dim=1)
    told = torch.zeros_like(like)
    told[:, [ARKIT.names.index(name) for name in names]] = (true @ network.scale.cpu()).clamp(0, 1)
    return told


def _draw(model: StyleHead, inversion: Inversion, motion: Motion) -> Tensor:
    head = warp_features(model, inversion, motion)
    if model.calibrator is not None:
        head = calibrate(model, head)
    return torch.cat(list(render(model, head))).cpu()


def _measure(drawn: Tensor, seen: Measured, inversion: Inversion, truth: Tensor) -> tuple[float, ...]:
    """Opening, pose, upper face, outside."""
    there = seen.found
    opening, wanted = lip_opening(seen.landmarks)[there], truth[there]
    pose = _deviation(seen.coefficients[there][:, ARKIT.rotation]) * 180 / torch.pi
    points = seen.landmarks[there]
    upper = _deviation(points[:, list(UPPER), :2]) / float(eye_distance(points).mean())
    assert inversion.portrait.landmarks is not None
    lower = lower_face_mask(inversion.portrait.landmarks[None], drawn.shape[-1], grow=JAW_MARGIN)
    change = (drawn - drawn[:1]).abs().mean(1, keepdim=True) * 127.5
    return (
        correlation(opening, wanted),
        pose,
        100 * upper,
        float((change * (1 - lower)).mean() / (1 - lower).mean()),
    )


def _deviation(values: Tensor) -> float:
    """How far ``values`` (T ...) go to and fro over time, on average."""
    return float((values - values.mean(0)).square().mean(0).sqrt().mean())


def _row(way: str, numbers: list[tuple[float, ...]]) -> SpeechRow:
    opening, pose, upper, outside = torch.tensor(numbers).unbind(1)
    return SpeechRow(
        way=way,
        opening=float(opening.mean()),
        worst=float(opening.min()),
        pose=float(pose.mean()),
        upper_face=float(upper.mean()),
        outside=float(outside.mean()),
        sentences=len(numbers),
    )
