"""Trains the generator to draw from noise, against a discriminator, as StyleGAN2 does.

Source: StyleGAN2 (arXiv 1912.04958): non-saturating loss, R1 penalty (arXiv 1801.04406), path length, style mixing. The
penalties are computed in every n-th step only, with n times the weight.

Axes: B batch, R D styles, S picture size.
"""

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ...datasets.heads import make_rng
from ...datasets.images import Pictures, load_pictures
from ...errors import ConfigError
from ...media.sample_sheets import rows_of
from ...model.stylehead import StyleHead
from ...networks.discriminator import Discriminator, DiscriminatorConfig
from ..adversary import small_discriminator
from ..augmentation import Augmentation
from ..losses import adversarial_loss, logistic_loss, r1_penalty
from ..recipe import Parts, Phase, TrainingTask

__all__ = ["GeneratorState", "GeneratorTask"]

SHOWN = 4  # rows and columns of the sheet
REMEMBERED = 0.99  # of the mean path length, in every step that asks for it


@dataclass(frozen=True, kw_only=True)
class GeneratorTask(TrainingTask):
    discriminator: DiscriminatorConfig | None = None  # none: the official channels at the generator's size
    r1: float = 10.0  # gamma: half of it times the squared gradient of the discriminator on real pictures
    r1_every: int = 16  # steps, on average
    path: float = 2.0  # of the squared distance of path lengths from their mean
    path_every: int = 4
    mixed: float = 0.9  # share of batches whose upper rows have another style
    sure: float = 0.6  # mean sign of the logits of real pictures above which augmentation increases
    pictures: int = 500_000  # in which changing them may go from never to always; 0 never changes them
    parts: tuple[str, ...] = ("generator",)

    def load(self, folder: Path) -> Pictures:
        return load_pictures(folder)

    def for_debugging(self, size: int) -> "GeneratorTask":
        return replace(self, discriminator=small_discriminator(size))

    def start(self, model: StyleHead, pictures: Pictures) -> "GeneratorState":
        return GeneratorState(self, model, pictures)


class PathLength(nn.Module):
    """How far a picture moves for a step of its styles: the mean over the run so far."""

    mean: Tensor  # ()

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(()))


class GeneratorState:
    def __init__(self, task: GeneratorTask, model: StyleHead, pictures: Pictures) -> None:
        self.task, self.model, self.pictures = task, model, pictures
        self.samples = len(pictures)
        size = model.config.generator.size
        config = task.discriminator or DiscriminatorConfig(size=size)
        if config.size != size:
            raise ConfigError(f"The generator draws {size} pixels, and the discriminator looks at {config.size}.")
        self.generator, self.discriminator = model.generator, Discriminator(config)
        self.augmentation = Augmentation(task.sure, task.pictures)
        self.path = PathLength()
        self.networks: dict[str, nn.Module] = {
            "generator": self.generator,
            "discriminator": self.discriminator,
            "augmentation": self.augmentation,
            "path": self.path,
        }
        model.eval().requires_grad_(False)
        for network in (self.generator, self.discriminator):
            network.train().requires_grad_(True)
        self.phases = (Phase("draw", [(self.generator, 1.0)]), Phase("discriminator", [(self.discriminator, 1.0)]))

    def loss(self, phase: Phase, rows: Tensor, rng: Any, progress: float) -> tuple[Tensor, Parts]:
        penalised = [bool(torch.rand((), generator=rng) < 1 / n) for n in (self.task.path_every, self.task.r1_every)]
        own = make_rng(rows, rng)
        if phase.name == "draw":
            return self._draw(len(rows), own, penalised[0])
        return self._discriminator_loss(rows, own, penalised[1])

    def _draw(self, batch: int, rng: torch.Generator, penalised: bool) -> tuple[Tensor, Parts]:
        drawn = self.generator(self._styles(batch, rng))
        loss = adversarial_loss(self.discriminator(self._augment(drawn, rng)))
        parts = {"draw": float(loss.detach())}
        if penalised and self.task.path:
            penalty = self._path_penalty(max(batch // 2, 1), rng)
            parts["path"] = float(penalty.detach())
            loss = loss + self.task.path * self.task.path_every * penalty
        return loss, parts

    def _discriminator_loss(self, rows: Tensor, rng: torch.Generator, penalised: bool) -> tuple[Tensor, Parts]:
        with torch.no_grad():
            drawn = self._augment(self.generator(self._styles(len(rows), rng)), rng)
        real = self.model.resize(self.pictures.take(rows), self.discriminator.config.size)
        real = self._augment(real, rng).requires_grad_(penalised)
        logits = self.discriminator(real)
        loss = logistic_loss(logits, self.discriminator(drawn))
        parts = {"discriminator": float(loss.detach())}
        if self.task.pictures:
            self.augmentation.update(logits)
            parts["changed"] = float(self.augmentation.probability)
        if penalised and self.task.r1:
            penalty = r1_penalty(real, logits)
            parts["r1"] = float(penalty.detach())
            loss = loss + self.task.r1 / 2 * self.task.r1_every * penalty
        return loss, parts

    def _styles(self, batch: int, rng: torch.Generator) -> Tensor:
        """Random styles (B R D); in most batches the rows from some row on are those of other ones."""
        rows, width = self.generator.rows, self.generator.config.style_dim
        one, other = self.generator.map(torch.randn(2 * batch, width, generator=rng)).chunk(2)
        cut = rows
        if torch.rand((), generator=rng) < self.task.mixed:
            cut = int(torch.randint(1, rows, (), generator=rng))
        return torch.stack([one] * cut + [other] * (rows - cut), dim=1)

    def _augment(self, pictures: Tensor, rng: torch.Generator) -> Tensor:
        return self.augmentation(pictures, rng) if self.task.pictures else pictures

    def _path_penalty(self, batch: int, rng: torch.Generator) -> Tensor:
        """The squared distance of the path lengths from what they were so far: 0 is best."""
        styles = self._styles(batch, rng)
        drawn = self.generator(styles)
        noise = torch.randn(drawn.shape, generator=rng) / math.sqrt(drawn[0, 0].numel())
        (gradient,) = torch.autograd.grad((drawn * noise).sum(), styles, create_graph=True)
        lengths = gradient.square().sum(2).mean(1).sqrt()  # B
        with torch.no_grad():
            self.path.mean.lerp_(lengths.mean(), 1 - REMEMBERED)
        return (lengths - self.path.mean).square().mean()

    def sheet(self) -> Tensor:
        """Pictures of the same random styles every time."""
        z = torch.randn(
            SHOWN**2,
            self.generator.config.style_dim,
            generator=torch.Generator(torch.get_default_device()).manual_seed(0),
        )
        styles = self.generator.map(z)[:, None].expand(-1, self.generator.rows, -1)
        return rows_of(self.generator(styles).clamp(-1, 1).split(SHOWN))
