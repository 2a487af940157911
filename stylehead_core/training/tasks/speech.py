"""A small network learns which lips and jaw belong to a sound, from synthetic speech with known curves.

The curves are on the renderer's scale. A linear map, fitted on rendered heads, brings them to what the face landmarker
would have measured, since that is the scale on which all other motion comes.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...datasets.heads import Heads
from ...datasets.utterances import load_utterances
from ...errors import ConfigError
from ...model.stylehead import StyleHead
from ...networks.speech_coefficients import SpeechCoefficients
from ...spaces import BLENDSHAPES
from ...synthetic.speech.sentences import HELD_OUT
from ...synthetic.speech.sheet import draw_curves, lip_opening
from ...synthetic.speech.utterances import Utterances
from ...synthetic.speech.visemes import LIPS, OPENING
from ..landmark_prior import within_persons
from ..recipe import LearnsFromHeads, Parts, Phase

__all__ = ["SpeechTask", "measured_scale", "set_measured_scale"]

GAIN = 0.5  # mel units: 6 dB louder or softer
COLOUR = 0.4  # mel units: 5 dB more or less, smoothly over the bands
KNOTS = 7  # of that
TILT = 1.0  # mel units that noise lies lower or higher at either end of the bands
DEAF, LOST = 0.3, 12  # share of samples that lack a range of bands, and the most that are lost
LOUDEST_FLOOR, SILENCE = -2.0, -4.0  # mel values: noise that covers all that is softer
STILL = 0.02  # a coefficient that moves less than this does not count more for it
SHOWN = 200  # frames of the sheet
RIDGE = 3e-4  # of the number of pictures


@dataclass(frozen=True, kw_only=True)
class SpeechTask(LearnsFromHeads):
    utterances: int = 20_000  # of about 5 seconds
    first: int = 0  # seed of the first talk
    length: int = 3  # frames of a sample, between which velocities are compared
    opening: float = 2.0  # how much more what parts the lips counts than their shape
    gap: float = 1.0  # weight of how far the lips are apart, of all that parts them together
    velocity: float = 2.0  # weight of the change from frame to frame
    parts: tuple[str, ...] = ("speech",)

    def __post_init__(self) -> None:
        if self.utterances < 1 or self.length < 2 or not 0 <= self.first <= HELD_OUT - self.utterances:
            raise ConfigError(
                f"Speech is learnt from talks with seeds from 0 to below {HELD_OUT}, in samples of 2 frames or more; "
                f"found {self}."
            )

    def load(self, folder: Path) -> Heads | None:
        """The measured heads that tell the landmarker's scale; none leaves the renderer's."""
        return super().load(folder) if any(folder.glob("*.measured.safetensors")) else None

    def for_debugging(self, size: int) -> "SpeechTask":
        return replace(self, utterances=2)

    def start(self, model: StyleHead, heads: Heads | None) -> "SpeechState":
        return SpeechState(self, model, heads)


class SpeechState:
    def __init__(self, task: SpeechTask, model: StyleHead, heads: Heads | None) -> None:
        if model.speech is None or model.speech.config.names != LIPS:
            raise ConfigError("The stage of speech makes a speech network whose names are LIPS; this model has none.")
        self.task, self.network = task, model.speech
        self.networks: dict[str, nn.Module] = {"speech": self.network.train().requires_grad_(True)}
        if heads is not None:
            set_measured_scale(self.network, heads)
        self.hearing = load_utterances(
            Utterances(range(task.first, task.first + task.utterances)), self.network.config.window, task.length
        )
        counts = torch.tensor([task.opening if name in OPENING else 1.0 for name in LIPS])
        self.weight = counts / (self.hearing.curves.std(0) + STILL)
        gap = lip_opening(torch.eye(len(LIPS)), LIPS)
        both = torch.stack((gap, self.network.scale @ gap), dim=1)  # L 2: the renderer's, and as the landmarker sees it
        self.gap = both / ((self.hearing.curves @ both).std(0) + STILL)
        self.samples = len(self.hearing.run)
        self.phases = (Phase("speak", [(self.network, 1.0)]),)

    def loss(self, phase: Phase, rows: Tensor, rng: Any, progress: float) -> tuple[Tensor, Parts]:
        frames = self.hearing.run[rows, None] + torch.arange(self.task.length)  # B n
        mel = _recorded(self.hearing.windows(frames.flatten()).unflatten(0, frames.shape), rng)
        told = self.network.predict(mel.flatten(0, 1)).unflatten(0, frames.shape)
        wrong = told - self.hearing.curves[frames]  # B n L
        error, gap = wrong * self.weight, wrong @ self.gap
        position, velocity = error.square().mean(), error.diff(dim=1).square().mean()
        apart = gap.square().mean() + self.task.velocity * gap.diff(dim=1).square().mean()
        loss = position + self.task.velocity * velocity + self.task.gap * apart
        parts = {"position": position, "velocity": velocity, "gap": apart}
        return loss, {name: float(part.detach()) for name, part in parts.items()}

    def sheet(self) -> Tensor:
        """The first frames' opening of the lips and each coefficient: as it should be, and as it is told."""
        frames = torch.arange(min(SHOWN, len(self.hearing.curves)))
        told = self.network.predict(self.hearing.windows(frames))
        return draw_curves(LIPS, {"wanted": self.hearing.curves[frames], "told": told})


def _recorded(mel: Tensor, rng: torch.Generator) -> Tensor:
    """Samples (B n F W) louder or softer, coloured, deaf to some bands, and under noise, each in its own way."""
    count, bands = len(mel), mel.shape[2]

    def draw(*shape: int) -> Tensor:
        return torch.rand(count, *shape, generator=rng)

    colour = F.interpolate(2 * draw(1, KNOTS) - 1, bands, mode="linear", align_corners=True)[..., None]  # B 1 F 1
    heard = mel + (2 * draw(1, 1, 1) - 1) * GAIN + colour * COLOUR
    first = draw(1, 1, 1) * (bands - LOST)
    last = first + draw(1, 1, 1) * LOST * (draw(1, 1, 1) < DEAF)
    band = torch.arange(bands)[:, None]
    heard = heard.masked_fill((band >= first) & (band < last), SILENCE)
    floor = SILENCE + (LOUDEST_FLOOR - SILENCE) * draw(1, 1, 1).square()
    tilt = (2 * draw(1, 1, 1) - 1) * TILT * torch.linspace(-1, 1, bands)[:, None]
    return torch.maximum(heard, floor + tilt).clamp(SILENCE, -SILENCE)


def set_measured_scale(network: SpeechCoefficients, heads: Heads) -> None:
    """Let the network tell what the landmarker would measure."""
    names = torch.tensor([BLENDSHAPES.index(name) for name in network.config.names])
    network.scale.copy_(measured_scale(heads)[names][:, names])


def measured_scale(heads: Heads) -> Tensor:
    """(52 52): the change of rendered weights @ this = that of the measured ones, by ridge regression."""
    rendered, measured = within_persons(heads.person, heads.weights, heads.coefficients[:, : len(BLENDSHAPES)])
    square = rendered.T @ rendered
    ridge = RIDGE * len(rendered) * torch.eye(len(square), dtype=square.dtype)
    return torch.linalg.solve(square + ridge, rendered.T @ measured).float()
