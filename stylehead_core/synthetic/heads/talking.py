"""Talking heads: rendered videos of synthetic speech with lip motion, blinks, gaze and head motion.

Axes: T frames, W the 52 ARKit weights.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from ..speech.utterances import Utterance, make_utterance
from ..speech.visemes import LIPS
from .appearance import sample_appearance
from .camera import CameraFaults, apply_faults, sample_faults
from .curves import spline
from .expressions import gaze
from .geometry import Crop, Pose, ffhq_crop
from .head_model import WEIGHT, weights_of
from .person import Person
from .renderer import Renderer
from .scene import Scene, sample_scene

__all__ = ["Talking", "sample_performance", "talking_frames"]

BLINK = (0.5, 1.0, 0.9, 0.45, 0.1)  # closedness of the lids during a blink, at BLINK_RATE
BLINK_RATE = 25  # frames per second
NOD_RAD = 0.25  # rad of pitch per unit of loudness: speakers nod on stressed syllables


@dataclass(frozen=True, kw_only=True, eq=False)
class Talking:
    """Sound and head motion of a clip, before rendering."""

    seed: int
    utterance: Utterance  # sound at 16 kHz, phonemes with their times, lip curves
    weights: np.ndarray  # (T W) float32
    poses: tuple[Pose, ...]  # (T)

    def __len__(self) -> int:
        return len(self.poses)


def sample_performance(seed: int, fps: Fraction = Fraction(25), utterance: Utterance | None = None) -> Talking:
    """Sample the motion of a head that speaks ``utterance``, or the utterance of ``seed``; nothing is rendered."""
    utterance = utterance or make_utterance(seed, fps)
    rng = np.random.default_rng([seed, 30])
    count = len(utterance.curves)
    loud = _loudness(utterance, count)
    weights = np.zeros((count, len(WEIGHT)), np.float32)
    weights[:, [WEIGHT[name] for name in LIPS]] = utterance.curves.numpy()
    blinks = _blinks(count, utterance.fps, rng)
    raised = np.clip(_wander(count, utterance.fps, 1.2, 0.25, rng) + 1.5 * loud, 0, 1)
    mood = _wander(count, utterance.fps, 3.0, 0.2, rng).clip(0, 1) * rng.uniform(0, 1)
    looks = _glances(count, utterance.fps, rng)
    for frame in range(count):
        both = {"eyeBlink": blinks[frame], "browOuterUp": 0.6 * raised[frame], "mouthSmile": mood[frame]}
        named = {f"{name}{side}": value for name, value in both.items() for side in ("Left", "Right")}
        weights[frame] += weights_of({**named, **gaze(*looks[frame]), "browInnerUp": raised[frame]})
    poses = _poses(count, utterance.fps, loud, rng)
    return Talking(seed=seed, utterance=utterance, weights=weights.clip(0, 1), poses=poses)


def talking_frames(renderer: Renderer, talking: Talking, person: Person | None = None) -> Iterator[np.ndarray]:
    """Render a talking clip; yields its pictures (S S 3, uint8) in the first frame's FFHQ crop."""
    rng = np.random.default_rng([talking.seed, 31])
    person = person or renderer.person(sample_appearance(talking.seed))
    scene = sample_scene(talking.seed)
    crop = first_crop(renderer, person, talking, scene)
    faults: CameraFaults = sample_faults(rng, 1.0)
    for frame, (weights, pose) in enumerate(zip(talking.weights, talking.poses, strict=True)):
        drawn = renderer.render(person, weights, pose, scene, crop)
        yield apply_faults(drawn.picture, replace(faults, seed=faults.seed + frame))


def first_crop(renderer: Renderer, person: Person, talking: Talking, scene: Scene) -> Crop:
    """FFHQ crop of the first frame, which is used for all frames."""
    head = renderer.model.express(person.neutral, talking.weights[0])
    return ffhq_crop(renderer.landmarks(head, talking.poses[0]), scene.distance)


def _wander(count: int, fps: Fraction, period: float, amount: float, rng: np.random.Generator) -> np.ndarray:
    """Smooth noise (T) around 0 with a knot every ``period`` seconds and standard deviation ``amount``."""
    knots = rng.normal(0, amount, int(count / float(fps) / period) + 5)
    curve = spline(np.stack([np.arange(len(knots)), knots], axis=1), 40)[:, 1]
    where = 40 * (1 + np.arange(count) / float(fps) / period)
    return np.interp(where, np.arange(len(curve)), curve)


def _loudness(utterance: Utterance, count: int) -> np.ndarray:
    """Loudness (T) of each frame relative to the clip's mean, smoothed over a syllable."""
    sound = utterance.sound.samples[0].numpy()
    edges = np.linspace(0, len(sound), count + 1).astype(int)
    level = np.array([np.sqrt(np.mean(sound[a:b] ** 2)) if b > a else 0.0 for a, b in itertools.pairwise(edges)])
    level = np.convolve(level, np.ones(5) / 5, "same")
    return level - level.mean()


def _blinks(count: int, fps: Fraction, rng: np.random.Generator) -> np.ndarray:
    """Closedness (T) of the lids in 0..1: a blink every 1.6 to 4 seconds."""
    closed, seconds = np.zeros(count), np.arange(count) / float(fps)
    shape = np.array([0.0, *BLINK, 0.0])
    start = rng.uniform(0.5, 1.5)
    while start < count / float(fps):
        closed = np.maximum(closed, np.interp((seconds - start) * BLINK_RATE, np.arange(len(shape)), shape))
        start += rng.uniform(1.6, 4)
    return closed


def _glances(count: int, fps: Fraction, rng: np.random.Generator) -> np.ndarray:
    """Gaze (T 2) to the right and up: fixations of 0.8 seconds with saccades between."""
    rests = rng.normal(0, 0.18, (int(count / float(fps) / 0.8) + 2, 2))
    which = (np.arange(count) / float(fps) / 0.8).astype(int)
    return np.stack(
        [np.convolve(np.pad(rests[which, k], 1, "edge"), (0.25, 0.5, 0.25), "valid") for k in (0, 1)], axis=1
    )


def _poses(count: int, fps: Fraction, loud: np.ndarray, rng: np.random.Generator) -> tuple[Pose, ...]:
    """Head poses: slow random motion, with nods where the voice is loud."""
    angles = [_wander(count, fps, period, amount, rng) for period, amount in ((1.1, 0.05), (1.6, 0.11), (1.9, 0.035))]
    angles[0] = angles[0] + NOD_RAD * loud
    shifts = [_wander(count, fps, period, amount, rng) for period, amount in ((1.5, 0.35), (1.5, 0.2), (2.0, 0.4))]
    rows = np.stack([*angles, *shifts], axis=1).tolist()
    return tuple(Pose(angles=(p, y, r), shift=(a, b, c)) for p, y, r, a, b, c in rows)
