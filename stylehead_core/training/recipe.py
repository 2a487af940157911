"""What a training run is: one frozen value from which everything follows.

A recipe is made by a Python function in ``recipes``; a variation calls it and changes two fields.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from ..datasets.heads import Heads, load_heads
from ..errors import ConfigError, InputError
from ..model.config import StyleHeadConfig
from ..model.stylehead import StyleHead
from ..synthetic.heads.appearance import HELD_OUT

__all__ = ["LearnsFromHeads", "Parts", "Phase", "Recipe", "TaskState", "TrainingTask"]

Parts = dict[str, float]
"""The terms of a loss by name, as numbers for the log."""


@dataclass(frozen=True)
class Phase:
    """One player's step: whose parameters, and the loss that they go down."""

    name: str
    players: list[tuple[nn.Module, float]]  # each with its rate, in rates of the recipe

    def parameters(self) -> list[nn.Parameter]:
        return [parameter for group in self.groups() for parameter in group["params"]]

    def groups(self) -> list[dict[str, Any]]:
        """Parameters and ``speed`` of each player, as an optimiser takes them."""
        groups = []
        for player, speed in self.players:
            parameters = [parameter for parameter in player.parameters() if parameter.requires_grad]
            groups.append({"params": parameters, "speed": speed})
        return groups


@runtime_checkable
class TaskState(Protocol):
    """What is learnt: made by its task for one model and one set of heads."""

    samples: int  # how many there are to draw from
    phases: tuple[Phase, ...]  # taken one after the other in every step
    networks: dict[str, nn.Module]  # everything that learns, by name: what a checkpoint keeps

    def loss(self, phase: Phase, rows: Tensor, rng: Any, progress: float) -> tuple[Tensor, Parts]:
        """The loss of ``phase`` on the samples ``rows``; ``progress`` is how far the run is, 0..1."""
        ...

    def sheet(self) -> Tensor:
        """A picture (3 H W) in [-1, 1] for people who want to see how it goes."""
        ...


class TrainingTask(Protocol):
    """The configuration of a stage."""

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts of the model that the stage makes."""
        ...

    def load(self, folder: Path) -> Any:
        """What the stage learns from."""
        ...

    def start(self, model: StyleHead, data: Any) -> TaskState:
        """Make the stage; what can be computed without descent is done here."""
        ...


class LearnsFromHeads:
    """The tasks whose data are measured heads."""

    def load(self, folder: Path) -> Heads:
        """All measured heads of a folder.

        Raises:
            InputError: there are none, or one of them is held out for measuring.
        """
        heads = load_heads(folder).to(torch.get_default_device())
        if int(heads.person.max()) >= HELD_OUT:
            raise InputError(
                f"{folder} holds heads with seeds from {HELD_OUT} on, which are for measuring and never learnt from. "
                "Train with another folder."
            )
        return heads


@dataclass(frozen=True, kw_only=True)
class Recipe:
    name: str
    model: StyleHeadConfig
    task: Any = None  # a Task; none learns nothing and only brings parts together
    needs: tuple[str, ...] = ()  # recipes whose parts this one starts from, where a given model does not bring them
    steps: int = 1000  # where no minutes are given; 0 where the stage has done all when it is made
    batch: int = 12  # samples a step, over all processes together
    lr: float = 1e-3  # of Adam
    betas: tuple[float, float] = (0.9, 0.99)
    warmup_steps: int = 100  # steps from nothing to the full rate, linear
    final_lr_ratio: float = 0.02  # of the full one, at the end of a half cosine; 1 = constant
    grad_clip: float = 2.0  # the gradient's norm, at most
    ema_decay: float = 0.999  # how much of the moving average each step keeps; its first steps keep less
    time_share: float = 1.0  # of the minutes, where several recipes share them
    seed: int = 0

    def __post_init__(self) -> None:
        if min(self.batch, self.warmup_steps + 1) < 1 or self.steps < 0 or self.lr <= 0 or self.grad_clip <= 0:
            raise ConfigError(f"A recipe needs a batch, a rate and a clip above 0, and steps from 0 up; found {self}.")
        if not 0 <= self.ema_decay < 1:
            raise ConfigError(
                f"The moving average keeps 0 or more of itself, but less than all; found {self.ema_decay}."
            )
