"""A small network learns which lips and jaw belong to a sound, from synthetic speech with known curves.

The curves are on the renderer's scale. A linear map, fitted on rendered heads, brings them to what the face landmarker
would have measured, since that is the scale on which all other motion comes.
"""

import math
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...assemble import StyleHead
from ...spaces import BLENDSHAPES
from ...stages.speech import hear
from ..data import Heads
from ..landmark_prior import within_persons
from ..recipe import Parts, Turn
from ..speech.talks import make_talk
from ..speech.visemes import LIPS

__all__ = ["SpeechTask", "measured_scale", "talk_windows"]

OPENING = ("jawOpen", "mouthLowerDownLeft", "mouthLowerDownRight")
SHOWN = 200  # frames of the sheet
LINE = 24  # pixels of its rows


@dataclass(frozen=True, kw_only=True)
class SpeechTask:
    talks: int = 240  # sentences
    opening: float = 3.0  # how much more the opening of the lips counts than their shape
    parts: tuple[str, ...] = ("speech",)

    def start(self, model: StyleHead, heads: Heads) -> "SpeechStage":
        return SpeechStage(self, model, heads)


class SpeechStage:
    def __init__(self, task: SpeechTask, model: StyleHead, heads: Heads) -> None:
        assert model.speech is not None, "this stage makes the model's speech network"
        self.task, self.model = task, model
        self.networks: dict[str, nn.Module] = {"speech": model.speech.train().requires_grad_(True)}
        scale = measured_scale(heads)
        window = model.speech.config.window
        windows, curves = zip(*(talk_windows(seed, window) for seed in range(task.talks)), strict=True)
        self.mel = torch.cat(windows)
        names = model.speech.config.names
        self.wanted = on_measured_scale(torch.cat(curves), scale, names)
        self.weight = torch.tensor([task.opening if name in OPENING else 1.0 for name in names])
        self.samples = len(self.mel)
        self.turns = (Turn("speak", [(model.speech, 1.0)]),)

    def loss(self, turn: Turn, rows: Tensor, chance: Any, progress: float) -> tuple[Tensor, Parts]:
        assert self.model.speech is not None
        told = self.model.speech.predict(self.mel[rows])
        loss = ((told - self.wanted[rows]).square() * self.weight).mean()
        return loss, {"squared": float(loss.detach())}

    def sheet(self) -> Tensor:
        """Rows of two: each coefficient over time as it should be, and as it is told; bright is 1."""
        assert self.model.speech is not None
        told = self.model.speech.predict(self.mel[:SHOWN])
        pairs = torch.stack((self.wanted[:SHOWN], told), dim=-1).flatten(1).T  # 2N T
        return F.interpolate(pairs[None, None], scale_factor=(LINE, 4.0))[0].expand(3, -1, -1) * 2 - 1


def talk_windows(seed: int, window: int) -> tuple[Tensor, Tensor]:
    """Mel windows (T 80 W) and curves (T L) of a talk."""
    talk = make_talk(seed)
    return hear(talk.sound, talk.fps, frames=len(talk.curves), window=window), talk.curves


def measured_scale(heads: Heads) -> Tensor:
    """(52 52): rendered weights @ this = the change of the measured coefficients, by ridge regression."""
    rendered, measured = within_persons(heads.person, heads.weights, heads.coefficients[:, : len(BLENDSHAPES)])
    square = rendered.T @ rendered
    ridge = math.sqrt(len(rendered)) * torch.eye(len(square), dtype=square.dtype)
    return torch.linalg.solve(square + ridge, rendered.T @ measured).float()


def on_measured_scale(curves: Tensor, scale: Tensor, names: tuple[str, ...]) -> Tensor:
    """Curves (T L) of ``LIPS`` as the landmarker would measure the coefficients ``names``: (T N) in 0..1."""
    rows = torch.tensor([BLENDSHAPES.index(name) for name in LIPS])
    columns = torch.tensor([BLENDSHAPES.index(name) for name in names])
    return (curves @ scale[rows][:, columns]).clamp(0, 1)
