"""Rehearsal: a few frames are drawn and measured, and what the portrait missed in them is asked for once more.

How far a portrait follows depends on its face: who smiles already loses the smile when the jaw opens, small eyes shut
later. The landmarker sees that in a handful of frames of the clip. What it misses there is added to what is asked, and
frames between them get what the most similar ones got.

Axes: T frames of the motion, N rehearsed frames, M what is measured: 51 blendshapes and three angles, K what of it is
corrected.
"""

from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from .errors import InputError
from .landmarker.landmarker import MIN_PRESENCE, Landmarker, region_of_landmarks
from .model.stylehead import StyleHead
from .records import Inversion, Motion, Progress
from .spaces import ARKIT
from .stages.calibration import calibrate
from .stages.portrait import face_coefficients
from .stages.rendering import RenderConfig, render
from .stages.warping import warp_features

__all__ = ["REHEARSED_FRAMES", "can_rehearse", "rehearse"]

REHEARSED_FRAMES = 16
MEASURED = [*range(51), *range(52, 55)]  # all blendshapes but tongueOut, and the angles
DEAF = ("mouthClose", "mouthPucker", "mouthRollLower", "mouthRollUpper")
"""Of what is asked for more of these, less than a twentieth is shown."""
CORRECTED = [index for index in MEASURED if ARKIT.names[index] not in DEAF]
MOST = 1.1  # largest coefficient that is asked
STEPS = (0.7, 0.5)  # parts of the measured error by which each round goes on,
LIMITS = (0.3, 0.4)  # and the largest correction after it, in coefficients and rad
WORSE = 0.01  # error by which a coefficient may get worse before half of its correction is taken back
APART = 0.02  # distance of expressions below which another frame shows nothing new
WIDTH = 0.7  # of the weights of similar frames, in distances from a rehearsed frame to the next
LITTLE = 0.1  # change of expression at which a correction acts by two thirds


def can_rehearse(model: StyleHead) -> bool:
    """Whether the model is moved by what the landmarker measures, frame by frame."""
    return model.config.space == ARKIT.name and model.prior is not None and model.config.window == 1


@torch.no_grad()
def rehearse(
    model: StyleHead,
    inversion: Inversion,
    motion: Motion,
    landmarker: Landmarker,
    *,
    frames: int = REHEARSED_FRAMES,
    strength: float | None = None,
    progress: Progress | None = None,
) -> Motion:
    """Correct ``motion`` by how the portrait follows it.

    Args:
        motion: absolute or relative. A frame in which nothing changes stays as it is.
        frames: that are drawn, twice: those that differ most. 0 returns the motion unchanged.
        strength: of the calibration, 0..1; None is full strength if the model has a calibrator.
        progress: called with (done, total) of the drawn frames; may raise to stop.

    Returns:
        A motion of the same kind. Its blendshapes are within 0..1.1 and at most 0.4 from those asked for, as far as
        these are within 0..1; angles likewise, in rad.

    Raises:
        InputError: the model is not moved by blendshapes; a negative number of frames; a portrait without landmarks.
    """
    if frames < 0:
        raise InputError(f"A rehearsal has 0 or more frames; found {frames}.")
    if frames == 0:
        return motion
    if not can_rehearse(model):
        raise InputError(
            f"The model {model.config.name!r} is not moved by what the landmarker measures: it cannot rehearse. Switch "
            "that off, or take 0 frames."
        )
    own = inversion.portrait.coefficients
    if own is None or inversion.portrait.landmarks is None:
        raise InputError("A rehearsal compares with the portrait's own coefficients: cut it with stages.portrait.")
    inversion = replace(inversion, edits=())  # what an edit changes is not to be undone
    own = own.cpu().float()
    asked = motion.coefficients.cpu().float() + (own if motion.relative else 0)
    wanted = asked.clone()
    wanted[:, :52] = wanted[:, :52].clamp(0, 1)
    change = wanted[:, MEASURED] - own[MEASURED]
    chosen = _most_different(change, frames)
    rounds = len(STEPS)
    correction, first = torch.zeros(len(chosen), len(CORRECTED)), None
    for number, (step, limit) in enumerate(zip(STEPS, LIMITS, strict=True)):
        told = None if progress is None else partial(_count_on, progress, number * len(chosen), rounds * len(chosen))
        seen = _perform(model, inversion, landmarker, _ask(motion, own, wanted, chosen, correction), strength, told)
        missed = (wanted[chosen][:, CORRECTED] - seen).nan_to_num()  # where no face is found, nothing is corrected
        first = missed if first is None else first
        worse = missed.abs() > first.abs() + WORSE
        correction = torch.where(worse, correction / 2, correction + step * missed).clamp(-limit, limit)
    correction = _share(change, chosen, correction)
    return _ask(motion, own, wanted, list(range(len(motion))), correction)


def _most_different(change: Tensor, count: int) -> list[int]:
    """Numbers of up to ``count`` frames: that of the largest ``change`` (T M), then each time the most different."""
    chosen = [int(change.norm(dim=1).argmax())]
    away = (change - change[chosen]).norm(dim=1)
    while len(chosen) < count and away.max() > APART:
        chosen.append(int(away.argmax()))
        away = torch.minimum(away, (change - change[chosen[-1]]).norm(dim=1))
    return chosen


def _ask(motion: Motion, own: Tensor, wanted: Tensor, frames: list[int], correction: Tensor) -> Motion:
    """``motion`` at ``frames`` with the ``correction`` (N K) of each."""
    coefficients = wanted[frames].clone()
    coefficients[:, CORRECTED] += correction
    coefficients[:, :52] = coefficients[:, :52].clamp(0, MOST)
    if motion.relative:
        coefficients = coefficients - own
    coefficients = coefficients.to(motion.coefficients)
    if len(frames) == len(motion):
        return replace(motion, coefficients=coefficients)
    return Motion(coefficients=coefficients, fps=motion.fps, space=motion.space, relative=motion.relative)


def _perform(
    model: StyleHead,
    inversion: Inversion,
    landmarker: Landmarker,
    motion: Motion,
    strength: float | None,
    progress: Progress | None,
) -> Tensor:
    """What the landmarker measures in the frames of ``motion`` (N K), NaN where it finds no face."""
    size, portrait = model.config.size, inversion.portrait
    assert model.prior is not None
    assert portrait.landmarks is not None
    assert portrait.coefficients is not None
    own = portrait.coefficients.to(portrait.landmarks)
    asked = motion.coefficients.to(own) + (own if motion.relative else 0)
    if strength is None:
        strength = 0.0 if model.calibrator is None else 1.0
    head = calibrate(model, warp_features(model, inversion, motion), strength)
    shown = portrait.image.shape[-1]
    seen = []
    for row, frame in enumerate(render(model, head, chunk=1, config=RenderConfig(size=size))):
        # The face is where the prior moves it; to search for it would take twice as long as to measure it.
        expected = model.prior.move_landmarks(portrait.landmarks[None], own[None], asked[row : row + 1], shown)
        regions = region_of_landmarks(expected.landmarks * (size / shown))
        faces = landmarker.measure(frame, regions)
        found = bool(faces.score > MIN_PRESENCE)
        coefficients = face_coefficients(faces, size, landmarker)[0].cpu()[CORRECTED]
        seen.append(coefficients if found else torch.full_like(coefficients, torch.nan))
        if progress:
            progress(len(seen), len(motion))
    return torch.stack(seen)


def _share(change: Tensor, chosen: list[int], correction: Tensor) -> Tensor:
    """The ``correction`` (T K) of all frames: of the most similar of the ``chosen`` (N); at rest there is none."""
    known = torch.cat((change[chosen], torch.zeros_like(change[:1])))
    correction = torch.cat((correction, torch.zeros_like(correction[:1])))
    between = torch.cdist(known, known).fill_diagonal_(torch.inf)
    width = WIDTH * between.amin(1).median().clamp_min(APART)
    weights = (-0.5 * (torch.cdist(change, known) / width).square()).softmax(dim=1)
    changed = change.norm(dim=1, keepdim=True)
    return (weights @ correction) * (1 - torch.exp(-(changed / LITTLE).square()))


def _count_on(progress: Progress, before: int, total: int, done: int, _: int) -> None:
    """Tell ``progress`` what is done of a part, ``before`` which there were others."""
    progress(before + done, total)
