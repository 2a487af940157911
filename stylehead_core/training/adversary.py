"""The discriminator of the joint stages: StyleGAN2's on the whole picture, or a small one on patches.

It is no part of the model. It learns along with what it judges, unless it is told to stay as its file has it.

Source: StyleGAN2 (arXiv 1912.04958), lazy R1 penalty (arXiv 1801.04406). StyleHEAT uses StyleGAN2's discriminator for
faces of 256 pixels, frozen.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..convert import discriminator as adapter
from ..convert.official import load_tensors
from ..errors import ConfigError
from ..networks.discriminator import Discriminator, DiscriminatorConfig
from .discriminator import PatchDiscriminator, discriminator_loss
from .losses import logistic_loss, r1_penalty
from .recipe import Parts, Phase

__all__ = ["Adversary", "AdversaryConfig"]


def small_discriminator(size: int) -> DiscriminatorConfig:
    """A discriminator of pictures of ``size`` pixels that runs in a moment, for tests."""
    return DiscriminatorConfig(size=size, channels={2**power: 4 for power in range(2, size.bit_length())}, group=2)


@dataclass(frozen=True, kw_only=True)
class AdversaryConfig:
    kind: Literal["stylegan2", "patches"] = "stylegan2"
    network: DiscriminatorConfig = field(default_factory=DiscriminatorConfig)  # of ``stylegan2``: 256 pixels
    weights: Path | None = None  # ``stylegan2_d_256.pth`` to begin with; None begins with random weights
    learns: bool = True  # False keeps the weights of the file, as the official code does
    lr_ratio: float = 20.0  # of its learning rate to the recipe's: 2e-3 to 1e-4, since its weights are equalised
    r1: float = 10.0  # gamma
    r1_every: int = 16  # steps

    def __post_init__(self) -> None:
        if not self.learns and (self.weights is None or self.kind == "patches"):
            raise ConfigError("A discriminator that does not learn needs the weights of one that has: give its file.")


class Adversary(nn.Module):
    """Says how real pictures look, and keeps them for its own phase."""

    steps: Tensor  # () of its own phase so far

    def __init__(self, config: AdversaryConfig = AdversaryConfig()) -> None:
        super().__init__()
        self.config = config
        self.network: nn.Module
        if config.kind == "patches":
            self.network = PatchDiscriminator()
        else:
            self.network = Discriminator(config.network)
            if config.weights is not None:
                self.network.load_state_dict(adapter.from_official(load_tensors(config.weights), config.network))
        self.network.requires_grad_(config.learns)
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))
        self._seen: tuple[Tensor, Tensor] | None = None

    def phases(self) -> tuple[Phase, ...]:
        """Its phase in each step; empty where it does not learn."""
        speed = 1.0 if self.config.kind == "patches" else self.config.lr_ratio
        return (Phase("discriminator", [(self.network, speed)]),) if self.config.learns else ()

    def forward(self, pictures: Tensor) -> Tensor:
        """Logits (B 1), or (B 1 h w) of patches, of ``pictures`` (B 3 S S) in [-1, 1]: above 0 looks real."""
        if self.config.kind == "patches":
            return self.network(pictures)
        size = self.config.network.size
        smaller = pictures.shape[-1] > size
        small = F.interpolate(pictures, size=(size, size), mode="bilinear", align_corners=False, antialias=smaller)
        rest = len(small) % self.config.network.group  # compared among themselves
        return torch.cat([self.network(part) for part in small.split([len(small) - rest, rest]) if len(part)])

    def remember(self, drawn: Tensor, real: Tensor) -> None:
        """Keep the pictures of this step (B 3 S S) for the phase that follows."""
        self._seen = drawn.detach(), real.detach()

    def loss(self) -> tuple[Tensor, Parts]:
        """The loss of its own phase, on the pictures that it remembers."""
        if self.config.kind == "patches":
            return discriminator_loss(self, self._seen)
        assert self._seen is not None
        drawn, real = self._seen
        penalised = self.config.r1 > 0 and int(self.steps) % self.config.r1_every == 0
        self.steps += 1
        real = real.requires_grad_(penalised)
        verdict = self(real)
        loss = logistic_loss(verdict, self(drawn))
        parts = {"discriminator": float(loss.detach())}
        if penalised:
            penalty = r1_penalty(real, verdict)
            parts["r1"] = float(penalty.detach())
            loss = loss + self.config.r1 / 2 * self.config.r1_every * penalty
        return loss, parts
