"""Trains the correction of the landmark prior's linear movement.

The landmarker predicts expressions from landmarks with a small network. So the expression of moved landmarks can be
measured without drawing the face, and compared with the driving one. Faces are rendered heads and portraits. The
driving expressions are changes between two pictures of another head, and sliders. Two pictures of one rendered head
also give the true movement of its landmarks.

Axes: B batch, N pictures, K coefficients.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...datasets.heads import Heads, make_rng
from ...datasets.speech_pairs import find_pairs, read_pair, split_pairs
from ...evaluation.faces import eye_distance
from ...landmarker.blendshapes import POINTS
from ...model.stylehead import StyleHead
from ...records import Motion
from ...rest import find_rest
from ...spaces import ARKIT
from ..recipe import LearnsFromHeads, Parts, Phase

__all__ = [
    "MEASURED",
    "PriorState",
    "PriorTask",
    "compare_expressions",
    "read_expression",
    "weigh_coefficients",
]

EYES = (33, 263)  # landmarks: outer corners
MEASURED = 51  # coefficients that the landmarker reads; the last, tongueOut, it does not
JAW_OPEN = ARKIT.names.index("jawOpen")
MOUTH_CLOSE = ARKIT.names.index("mouthClose")
MAX_JAW = 0.6  # of a vowel
MAX_LIPS = {"mouthFunnel": 0.6, "mouthPucker": 1.0, "mouthRollUpper": 0.7, "mouthRollLower": 0.4, "jawForward": 0.4}
LIP_SHARE = 0.4  # of vowels that show each shape of the lips
PURSED_SHARE = 0.15  # of vowels whose lips stay closed though the jaw is lowered
MIN_CLOSURE = 0.7  # of these, in parts of the jaw's opening
LOOKED_AT = {"jawOpen": 2.5, "eyeBlinkLeft": 2.5, "eyeBlinkRight": 2.5, "mouthSmileLeft": 8.0, "mouthSmileRight": 8.0}
"""How much more the errors of these count, at which people look first."""
CHANGE_FLOOR = 0.02  # added to the change of a coefficient that its error is compared with
READ_BETA = 0.03  # error of a coefficient up to which its square counts
SEEN = 0.03  # a coefficient below it, or as near to 1, cannot be told from none, or from a full one
LOGIT_WEIGHT = 0.03  # of the error of a coefficient's logit, beside that of the coefficient
ROUNDING = 1e-7  # to 0 or 1, of the landmarker's sigmoids
SHOWN = 8


@dataclass(frozen=True, kw_only=True)
class PriorTask(LearnsFromHeads):
    sliders: float = 0.2  # share of the changes that are one or two sliders
    faces: float = 0.2  # share that ends in the expression of another picture
    vowels: float = 0.3  # share that lowers the jaw and shapes the lips, on any face: a smile must outlast it
    talking: float = 0.6  # share of the others that a real talker has shown, where there are any
    told: float = 1.0  # weight of the error of the expression that the landmarker reads from moved landmarks
    truth: float = 4.0  # weight of where landmarks truly go, in eye distances
    small: float = 0.02  # weight of the squared correction, cm
    smooth: float = 0.5  # weight of its squared differences between neighbours, cm
    real: Path | None = None  # folder of real speech with tracked faces: what people have shown is asked for, too
    parts: tuple[str, ...] = ("prior",)

    def start(self, model: StyleHead, heads: Heads) -> "PriorState":
        return PriorState(self, model, heads)


class PriorState:
    def __init__(self, task: PriorTask, model: StyleHead, heads: Heads) -> None:
        from ...landmarker.files import load_landmarker

        assert model.prior is not None, "this stage makes the model's landmark prior"
        assert model.prior.bend is not None, "which has a correction to learn"
        self.task, self.prior, self.heads = task, model.prior, heads
        self.reader = load_landmarker().blendshapes.eval().requires_grad_(False).to(heads.landmarks.device)
        self.samples = len(heads.pictures)
        self.pairs = torch.nonzero(heads.rendered[heads.target]).flatten()
        model.eval().requires_grad_(False)
        self.bend = model.prior.bend.train().requires_grad_(True)
        self.networks: dict[str, nn.Module] = {"bend": self.bend}
        self.phases = (Phase("bend", [(self.bend, 1.0)]),)
        corners = model.prior.triangles
        shown = torch.zeros(0, 52) if task.real is None else changes_of_talkers(task.real)
        self.shown = shown.to(heads.landmarks.device)
        self.edges = torch.cat((corners[:, :2], corners[:, 1:])).unique(dim=0)

    def loss(self, phase: Phase, rows: Tensor, rng: Any, progress: float) -> tuple[Tensor, Parts]:
        heads, task, rng = self.heads, self.task, make_rng(rows, rng)
        own = heads.coefficients[rows]
        asked = self.ask(own, rng)
        moved = self.prior.move_landmarks(heads.landmarks[rows], own, asked, heads.size).landmarks
        read = read_expression(self.reader, moved)
        wrong = compare_expressions(read, asked[:, :MEASURED])
        still = (own - asked)[:, :MEASURED].abs().mean(0)
        told = (wrong * weigh_coefficients(still)).mean()
        front = self.prior.frontalise(heads.landmarks[rows], own, heads.size)
        bent = self.bend(front, own[:, :52], asked[:, :52])
        steps = bent[:, self.edges[:, 0]] - bent[:, self.edges[:, 1]]
        pairs = self.pairs[torch.randint(len(self.pairs), (len(rows),), generator=rng)]
        source, target = heads.source[pairs], heads.target[pairs]
        there = self.prior.move_landmarks(
            heads.landmarks[source], heads.coefficients[source], heads.coefficients[target], heads.size
        ).landmarks
        wanted = heads.landmarks[target]
        astray = ((there - wanted)[..., :2] / eye_distance(wanted)[:, None, None]).abs().mean()
        loss = task.told * told + task.truth * astray
        loss = loss + task.small * bent.square().mean() + task.smooth * steps.square().mean()
        change = (read - asked[:, :MEASURED]).abs().mean() / (own - asked)[:, :MEASURED].abs().mean()
        parts = {"told": told, "astray": astray, "bent": bent.abs().mean(), "error": change}
        return loss, {name: float(value.detach()) for name, value in parts.items()}

    def ask(self, own: Tensor, rng: torch.Generator) -> Tensor:
        """What is asked (B K) of faces with ``own`` coefficients: their pose, and another expression."""
        batch = len(own)
        pairs = self.pairs[torch.randint(len(self.pairs), (batch,), generator=rng)]
        change = self.heads.coefficients[self.heads.target[pairs]] - self.heads.coefficients[self.heads.source[pairs]]
        change = change[:, :52]
        if len(self.shown):
            real = self.shown[torch.randint(len(self.shown), (batch,), generator=rng)]
            real = torch.where(torch.rand(batch, 1, generator=rng) < 0.5, real[:, _MIRROR], real)
            change = torch.where(torch.rand(batch, 1, generator=rng) < self.task.talking, real, change)
        change = change * (0.4 + 0.8 * torch.rand(batch, 1, generator=rng))
        slider = torch.zeros_like(change)
        for _ in range(2):
            which = torch.randint(52, (batch, 1), generator=rng)
            slider.scatter_(1, which, torch.rand(batch, 1, generator=rng))
        slider = slider + slider[:, _MIRROR] * (torch.rand(batch, 1, generator=rng) < 0.5)
        kind = torch.rand(batch, 1, generator=rng)
        change = torch.where(kind < self.task.sliders, slider.clamp(0, 1), change)
        vowel = torch.zeros_like(change)
        vowel[:, JAW_OPEN] = jaw = MAX_JAW * torch.rand(batch, generator=rng)
        for name, most in MAX_LIPS.items():
            shown = torch.rand(batch, generator=rng) < LIP_SHARE
            vowel[:, ARKIT.names.index(name)] = shown * most * torch.rand(batch, generator=rng)
        pursed = torch.rand(batch, generator=rng) < PURSED_SHARE
        vowel[:, MOUTH_CLOSE] = pursed * jaw * (MIN_CLOSURE + (1 - MIN_CLOSURE) * torch.rand(batch, generator=rng))
        change = torch.where(kind > 1 - self.task.vowels, vowel, change)
        other = self.heads.coefficients[torch.randint(self.samples, (batch,), generator=rng), :52]
        shared = (kind > self.task.sliders) & (kind < self.task.sliders + self.task.faces)
        change = torch.where(shared, other - own[:, :52], change)
        return torch.cat(((own[:, :52] + change).clamp(0, 1), own[:, 52:]), dim=1)

    def sheet(self) -> Tensor:
        """For some faces the landmarks before, moved linearly, and moved with the correction."""
        rng = torch.Generator(self.heads.landmarks.device).manual_seed(0)
        rows = torch.linspace(0, self.samples - 1, SHOWN).long()
        own = self.heads.coefficients[rows]
        asked, landmarks = self.ask(own, rng), self.heads.landmarks[rows]
        bend, self.prior.bend = self.prior.bend, None
        linear = self.prior.move_landmarks(landmarks, own, asked, self.heads.size).landmarks
        self.prior.bend = bend
        bent = self.prior.move_landmarks(landmarks, own, asked, self.heads.size).landmarks
        columns = [self._plot(points) for points in (landmarks, linear, bent)]
        return torch.cat([torch.cat(row, dim=-1) for row in zip(*columns, strict=True)], dim=-2)

    def _plot(self, landmarks: Tensor) -> list[Tensor]:
        """Pictures (3 256 256) of landmarks as white dots."""
        places = (landmarks[..., :2] * (256 / self.heads.size)).round().long().clamp(0, 255)
        pictures = torch.full((len(landmarks), 3, 256, 256), -1.0)
        for picture, points in zip(pictures, places, strict=True):
            picture[:, points[:, 1], points[:, 0]] = 1.0
        return list(pictures)


_MIRROR = [
    ARKIT.names.index(name[:-4] + "Right" if name.endswith("Left") else name[:-5] + "Left")
    if name.endswith(("Left", "Right")) and name not in ("jawLeft", "jawRight", "mouthLeft", "mouthRight")
    else index
    for index, name in enumerate(ARKIT.names[:52])
]  # of each coefficient the one of the other side


def weigh_coefficients(change: Tensor) -> Tensor:
    """How much the error of each coefficient (K) counts, by its usual ``change`` (K): the less, the larger that is.

    Only by its root, so that a jaw, which changes most, still counts more than what hardly changes. What people look at
    first counts more.
    """
    weights = (CHANGE_FLOOR + change).rsqrt() * (CHANGE_FLOOR + change.mean()).rsqrt()
    for name, weight in LOOKED_AT.items():
        weights[ARKIT.names.index(name)] *= weight
    return weights


def compare_expressions(read: Tensor, asked: Tensor) -> Tensor:
    """The error (B K) of each coefficient that was ``asked`` for (B K), when the landmarker has ``read`` another (B K).

    The landmarker's answers are sigmoids. Where they are near 0, as those of most shapes of the lips on a face at rest,
    their differences have hardly a gradient; so the differences of the logits count, too.
    """
    limit = math.log((1 - SEEN) / SEEN)
    wanted = asked.logit(SEEN)
    logits = read.logit(ROUNDING)
    logits = torch.where(asked < SEEN, logits.clamp_min(-limit), logits)
    logits = torch.where(asked > 1 - SEEN, logits.clamp_max(limit), logits)
    wrong = F.smooth_l1_loss(read, asked, beta=READ_BETA, reduction="none")
    return wrong + LOGIT_WEIGHT * F.smooth_l1_loss(logits, wanted, reduction="none")


def changes_of_talkers(folder: Path) -> Tensor:
    """Changes of expression (n 52) that real talkers show, from the rest of a clip and from its other moments.

    ``folder``: see datasets/speech_pairs.py.
    """
    rng, changes = torch.Generator("cpu").manual_seed(0), []
    for file in split_pairs(find_pairs(folder))[0]:
        pair = read_pair(file)
        coefficients = pair.coefficients[pair.found]
        rest = find_rest(Motion(coefficients=coefficients, fps=pair.fps)).coefficients
        expressions = coefficients[:, :52]
        order = torch.randperm(len(expressions), generator=rng, device="cpu")
        changes += [expressions - rest[:52], expressions - expressions[order]]
    return torch.cat(changes)


def read_expression(reader: nn.Module, landmarks: Tensor) -> Tensor:
    """The expression (B 51) that the landmarker reads from ``landmarks`` (B 478 2+), with its eyes turned level."""
    points = landmarks[..., :2]
    eyes = points[:, EYES[1]] - points[:, EYES[0]]
    angle = torch.atan2(eyes[:, 1], eyes[:, 0])
    cos, sin = angle.cos()[:, None], angle.sin()[:, None]
    x, y = points[:, list(POINTS)].unbind(-1)
    level = torch.stack((x * cos + y * sin, y * cos - x * sin), dim=-1)
    return reader(level)[:, 1:]
