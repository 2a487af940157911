"""A training run as one frozen value: model, task, optimiser settings and seed.

A recipe is made by a Python function in ``recipes``, for a ``Scale``: the full size, a larger one, or a debug size.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from ..datasets.heads import Heads, load_training_heads
from ..errors import ConfigError
from ..model.config import StyleHeadConfig
from ..model.files import save_stylehead
from ..model.stylehead import StyleHead

__all__ = ["MODEL", "LearnsFromHeads", "Parts", "Phase", "Recipe", "TaskState", "TrainingTask"]

MODEL = "model.safetensors"  # name of the file of a whole model

Parts = dict[str, float]
"""The terms of a loss by name, as plain numbers for the log."""


@dataclass(frozen=True)
class Phase:
    """One optimiser step of an iteration, such as that of the generator or of the discriminator."""

    name: str
    modules: list[tuple[nn.Module, float]]  # what is optimised, each with a factor on the recipe's lr

    def parameters(self) -> list[nn.Parameter]:
        return [parameter for group in self.groups() for parameter in group["params"]]

    def groups(self) -> list[dict[str, Any]]:
        """Parameter groups for an optimiser; ``lr_factor`` of each multiplies the recipe's ``lr``."""
        groups = []
        for module, factor in self.modules:
            parameters = [parameter for parameter in module.parameters() if parameter.requires_grad]
            groups.append({"params": parameters, "lr_factor": factor})
        return groups


@runtime_checkable
class TaskState(Protocol):
    """A task in progress: one model, its data and everything that is being trained. Made by ``TrainingTask.start``."""

    samples: int  # in the data set
    phases: tuple[Phase, ...]  # run one after the other in every step
    networks: dict[str, nn.Module]  # everything that is trained, by name: the content of a checkpoint

    def loss(self, phase: Phase, rows: Tensor, rng: Any, progress: float) -> tuple[Tensor, Parts]:
        """The loss of ``phase`` on the samples ``rows`` (B) int64; ``progress`` of the run is 0..1."""
        ...

    def sheet(self) -> Tensor:
        """A sample sheet: a picture (3 H W) in [-1, 1] that shows the present quality."""
        ...


class TrainingTask(ABC):
    """What a recipe trains: a frozen configuration that loads its data and starts its state."""

    parts: tuple[str, ...]  # names of the model's sub-modules that the task trains
    output: ClassVar[str] = MODEL  # file in the run's folder that a finished run leaves

    @abstractmethod
    def load(self, folder: Path) -> Any:
        """The training data in ``folder``."""

    @abstractmethod
    def start(self, model: StyleHead, data: Any) -> TaskState:
        """Set up training; what has a closed form is computed here."""

    def for_debugging(self, size: int) -> "TrainingTask":
        """The same task at a size that runs in a moment, for a model of ``size`` pixels; by default as it is."""
        return self

    def save(self, state: Any, model: StyleHead, folder: Path, recipe: str) -> None:
        """Write the result into ``folder``: by default the whole model.

        Args:
            state: of the task, as the run has left it.
            recipe: name of the recipe, for the header.
        """
        save_stylehead(model, folder / self.output, recipe=recipe)


class LearnsFromHeads(TrainingTask):
    """Base of the tasks whose data are rendered and measured heads."""

    def load(self, folder: Path) -> Heads:
        """All measured heads in ``folder``.

        Raises:
            InputError: there are none, or one of them is held out for measuring.
        """
        return load_training_heads(folder).to(torch.get_default_device())


@dataclass(frozen=True, kw_only=True)
class Recipe:
    name: str
    model: StyleHeadConfig
    task: Any = None  # a TrainingTask; None trains nothing and only joins the parts of other recipes
    needs: tuple[str, ...] = ()  # recipes whose parts this one starts from, unless a given model has them
    steps: int = 1000  # where no minutes are given; 0 for a task that is finished by ``start``
    batch: int = 12  # samples per step, over all processes together
    lr: float = 1e-3  # learning rate of Adam
    betas: tuple[float, float] = (0.9, 0.99)
    warmup_steps: int = 100  # linear rise of the learning rate from 0
    final_lr_ratio: float = 0.02  # learning rate at the end of a half cosine, relative to ``lr``; 1 = constant
    grad_clip: float = 2.0  # largest norm of the gradient
    ema_decay: float = 0.999  # of the moving average of the weights; smaller in the first steps
    time_share: float = 1.0  # relative share of ``--minutes``, where several recipes run in one command
    seed: int = 0

    def __post_init__(self) -> None:
        if min(self.batch, self.warmup_steps + 1) < 1 or self.steps < 0 or self.lr <= 0 or self.grad_clip <= 0:
            raise ConfigError(f"A recipe needs batch, lr and grad_clip above 0, and steps from 0 up; found {self}.")
        if not 0 <= self.ema_decay < 1:
            raise ConfigError(
                f"The moving average keeps 0 or more of itself, but less than all; found {self.ema_decay}."
            )
