"""Trains the encoder to find styles that reconstruct a face and that the generator can still edit.

It begins with one style for all rows. The rows are then freed one after the other, with a penalty on their distance
from the first. A discriminator separates the styles from those that the mapping network makes of noise. The generator
is fixed.

Source: e4e (arXiv 2102.02766) and its authors' settings for faces. Their pool of fifty earlier styles for the
discriminator is left out, since it would be lost when a run resumes; so is Ranger, for which Adam, the warm-up and the
moving average of the weights stand in.

Axes: B batch, R D styles, S picture size.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ...datasets.heads import make_rng
from ...datasets.images import Pictures, load_pictures
from ...media.sample_sheets import rows_of
from ...model.stylehead import StyleHead
from ...networks.encoder import Encoder
from ...networks.generator import Generator
from ...networks.identity import Identity
from ..augmentation import mirror_randomly
from ..likeness import Likeness, LikenessLoss
from ..losses import adversarial_loss, logistic_loss
from ..recipe import Parts, Phase, TrainingTask

__all__ = ["EncoderState", "EncoderTask", "StyleDiscriminator"]

SHOWN = 4
DRAWN, TIMES = 10_000, 10  # random styles whose mean the encoder's codes are added to


@dataclass(frozen=True, kw_only=True)
class EncoderTask(TrainingTask):
    likeness: Likeness = Likeness()
    first: float = 0.1  # of the run with one style for all rows: 20 of 200 thousand steps
    every: float = 0.01  # of the run until the next row goes its own way: 2 thousand steps
    deltas: float = 2e-4  # of how far each row is from the first: the sum of the rows' mean lengths
    adversarial: float = 0.1  # of the adversarial loss
    discriminator: float = 0.2  # its rate in rates of the encoder: 2e-5 to 1e-4
    r1: float = 10.0  # gamma: half of it times the R1 penalty at real styles
    r1_every: int = 16  # steps, on average
    backbone: bool = True  # the encoder's residual units begin as ArcFace's, where the likeness names its file
    parts: tuple[str, ...] = ("encoder",)

    def load(self, folder: Path) -> Pictures:
        return load_pictures(folder)

    def start(self, model: StyleHead, pictures: Pictures) -> "EncoderState":
        return EncoderState(self, model, pictures)


class StyleDiscriminator(nn.Module):
    """Tells styles that the mapping network makes from those that an encoder finds."""

    def __init__(self, width: int) -> None:
        super().__init__()
        hidden = (layer for _ in range(3) for layer in (nn.Linear(width, width), nn.LeakyReLU(0.2)))
        self.layers = nn.Sequential(*hidden, nn.Linear(width, 1))

    def forward(self, styles: Tensor) -> Tensor:
        """(... D) to (... 1)."""
        return self.layers(styles)


class EncoderState:
    def __init__(self, task: EncoderTask, model: StyleHead, pictures: Pictures) -> None:
        self.task, self.model, self.pictures = task, model, pictures
        self.samples = len(pictures)
        self.compare = LikenessLoss(task.likeness)
        self.encoder, self.discriminator = model.encoder, StyleDiscriminator(model.config.generator.style_dim)
        model.eval().requires_grad_(False)
        self.encoder.mean_styles.copy_(_mean_style(model.generator))
        if task.backbone and self.compare.arcface is not None:
            _copy_residual_units(self.encoder, self.compare.arcface)
        self.networks: dict[str, nn.Module] = {"encoder": self.encoder, "discriminator": self.discriminator}
        for network in self.networks.values():
            network.train().requires_grad_(True)
        self.phases = (
            Phase("redraw", [(self.encoder, 1.0)]),
            Phase("discriminator", [(self.discriminator, task.discriminator)]),
        )
        self.seen: Tensor | None = None  # styles found, for the discriminator's phase

    def loss(self, phase: Phase, rows: Tensor, rng: Any, progress: float) -> tuple[Tensor, Parts]:
        penalised = bool(torch.rand((), generator=rng) < 1 / self.task.r1_every)
        own = make_rng(rows, rng)
        if phase.name == "discriminator":
            return self._discriminator_loss(own, penalised)
        pictures = mirror_randomly(self.pictures.take(rows), own)
        styles, deltas = self.find(pictures, progress)
        self.seen = styles.detach()
        losses = self.compare(self.model, self.model.generator(styles), pictures)
        losses["deltas"] = self.task.deltas * _lengths(deltas).mean(0).sum()
        losses["adversarial"] = self.task.adversarial * adversarial_loss(self.discriminator(styles))
        loss = sum(losses.values(), torch.zeros(()))
        return loss, {name: float(value.detach()) for name, value in losses.items()}

    def find(self, pictures: Tensor, progress: float = 1.0) -> tuple[Tensor, Tensor]:
        """The styles of ``pictures`` (B R D), and by how much each row differs from the first."""
        codes = self.encoder.codes(self.model.resize(pictures, self.encoder.config.size))
        free = torch.arange(codes.shape[1]) <= self.free_rows(progress)
        deltas = torch.where(free[:, None], codes - codes[:, :1], 0.0)
        return self.encoder.mean_styles + codes[:, :1] + deltas, deltas

    def free_rows(self, progress: float) -> int:
        """How many rows beyond the first have a style of their own."""
        beyond = round((progress - self.task.first) / self.task.every, 6)  # 0.11 - 0.1 shall be 0.01
        return max(0, int(beyond) + 1) if beyond >= 0 else 0

    def _discriminator_loss(self, rng: torch.Generator, penalised: bool) -> tuple[Tensor, Parts]:
        assert self.seen is not None
        generator = self.model.generator
        count = self.seen[..., 0].numel()
        with torch.no_grad():
            real = generator.map(torch.randn(count, generator.config.style_dim, generator=rng))
        logits = self.discriminator(real.requires_grad_(penalised))
        loss = logistic_loss(logits, self.discriminator(self.seen))
        parts = {"discriminator": float(loss.detach())}
        if penalised and self.task.r1:
            (gradient,) = torch.autograd.grad(logits.sum(), real, create_graph=True)
            penalty = gradient.square().sum(1).mean()
            parts["r1"] = float(penalty.detach())
            loss = loss + self.task.r1 / 2 * self.task.r1_every * penalty
        return loss, parts

    def sheet(self) -> Tensor:
        """Columns: a picture, redrawn."""
        pictures = self.pictures.take(torch.linspace(0, self.samples - 1, SHOWN).long())
        drawn = self.model.generator(self.find(pictures)[0]).clamp(-1, 1)
        return rows_of([self.model.resize(pictures, drawn.shape[-1]), drawn])


@torch.no_grad()
def _mean_style(generator: Generator) -> Tensor:
    """The mean (D) of what the mapping network makes of noise."""
    width = generator.config.style_dim
    return torch.stack([generator.map(torch.randn(DRAWN, width)).mean(0) for _ in range(TIMES)]).mean(0)


def _lengths(deltas: Tensor) -> Tensor:
    """(B R D) to (B R), with a gradient of 0 where the length is 0."""
    squares = deltas.square().sum(-1)
    return torch.where(squares > 0, squares.clamp_min(1e-12).sqrt(), 0.0)


def _copy_residual_units(encoder: Encoder, arcface: Identity) -> None:
    """Give the encoder the residual units of the face recognition network. Source: pSp."""
    for own, other in ((encoder.stem, arcface.stem), (encoder.stages, arcface.stages)):
        own.load_state_dict(other.state_dict())
