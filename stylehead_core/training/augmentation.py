"""Adaptive discriminator augmentation (ADA): keeps a discriminator from overfitting a small data set.

Every change is applied with a probability that rises while the discriminator is too sure of real pictures. A change
that is applied to some of the pictures only does not leak into what the generator draws.

Axes: B batch, S picture size.

Source: adaptive discriminator augmentation (arXiv 2006.06676), its geometric and colour changes.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["Augmentation", "augment", "mirror_randomly", "tilt_randomly"]

SHIFT_SIDES = 0.125  # of the side
SCALE_LOG2 = 0.2  # deviation of log2 of the factor
TURN = math.pi  # rad, at most
BRIGHTNESS_DEVIATION = 0.2  # deviation, where colours go from -1 to 1
CONTRAST, SATURATION = 0.5, 1.0  # deviations of log2 of the factors


class Augmentation(nn.Module):
    """Augments pictures with a probability that follows the discriminator and is part of the checkpoint."""

    probability: Tensor  # ()

    def __init__(self, target: float = 0.6, pictures: int = 500_000) -> None:
        """``target``: wanted mean sign of the logits of real pictures; ``pictures``: in how many it can go
        from 0 to 1."""
        super().__init__()
        self.target, self.pictures = target, pictures
        self.register_buffer("probability", torch.zeros(()))

    @torch.no_grad()
    def update(self, real: Tensor) -> None:
        """Adjust the probability to the logits (B 1) of real pictures."""
        direction = torch.sign(real.sign().mean() - self.target)
        self.probability.add_(direction.to(self.probability) * len(real) / self.pictures).clamp_(0, 1)

    def forward(self, pictures: Tensor, rng: torch.Generator) -> Tensor:
        return augment(pictures, float(self.probability), rng)


def augment(pictures: Tensor, often: float, rng: torch.Generator) -> Tensor:
    """Apply each of the changes to a share ``often`` of ``pictures`` (B 3 S S). Differentiable."""
    if often <= 0:
        return pictures
    batch = len(pictures)

    def some(*shape: int) -> Tensor:  # 1 where a change happens
        return (torch.rand(batch, *shape, generator=rng) < often).float()

    def normal(deviation: float) -> Tensor:
        return deviation * torch.randn(batch, generator=rng)

    mirror = 1 - 2 * some() * (torch.rand(batch, generator=rng) < 0.5)
    angle = some() * TURN * (2 * torch.rand(batch, generator=rng) - 1)
    grow = torch.exp2(some() * normal(SCALE_LOG2))
    move = some(1) * 2 * SHIFT_SIDES * (2 * torch.rand(batch, 2, generator=rng) - 1)
    cos, sin = angle.cos() * grow, angle.sin() * grow
    rotation = torch.stack((torch.stack((cos * mirror, -sin), dim=1), torch.stack((sin * mirror, cos), dim=1)), dim=1)
    theta = torch.cat((rotation, move[..., None]), dim=2).to(pictures)  # B 2 3
    grid = F.affine_grid(theta, list(pictures.shape), align_corners=False)
    moved = F.grid_sample(pictures, grid, padding_mode="reflection", align_corners=False)

    def each(values: Tensor) -> Tensor:
        return values[:, None, None, None].to(pictures)

    brighter = moved + each(some() * normal(BRIGHTNESS_DEVIATION))
    contrasted = brighter * each(torch.exp2(some() * normal(CONTRAST)))
    grey = contrasted.mean(1, keepdim=True)
    return grey + (contrasted - grey) * each(torch.exp2(some() * normal(SATURATION)))


def mirror_randomly(pictures: Tensor, rng: torch.Generator) -> Tensor:
    """Mirror half of ``pictures`` (B 3 S S) left to right."""
    which = torch.rand(len(pictures), 1, 1, 1, generator=rng) < 0.5
    return torch.where(which, pictures.flip(-1), pictures)


def tilt_randomly(pictures: Tensor, often: float, most: float, rng: torch.Generator) -> Tensor:
    """Tilt a share ``often`` of ``pictures`` (B C S S) in space, by a homography; black outside.

    Args:
        most: how far each corner moves inwards, across and down, at most: in halves of the side.
    """
    corners = torch.tensor([(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)], device=pictures.device)  # x y
    inwards = most * torch.rand(len(pictures), 4, 2, generator=rng).to(pictures)
    inwards = inwards * (torch.rand(len(pictures), 1, 1, generator=rng) < often).to(pictures)
    size = pictures.shape[-1]
    line = (torch.arange(size, device=pictures.device) * 2 + 1) / size - 1
    points = torch.stack((*torch.meshgrid(line, line, indexing="xy"), torch.ones(size, size, device=line.device)), -1)
    found = points @ _planes(corners * (1 - inwards), corners)[:, None].transpose(-1, -2)  # B S S 3
    return F.grid_sample(pictures, (found[..., :2] / found[..., 2:]).to(pictures), align_corners=False)


def _planes(seen: Tensor, corners: Tensor) -> Tensor:
    """The homographies (B 3 3) from ``seen`` (B 4 2) to ``corners`` (4 2)."""
    one, none = torch.ones_like(seen[..., :1]), torch.zeros_like(seen)
    point, zero = torch.cat((seen, one), -1), torch.cat((none, 0 * one), -1)  # B 4 3
    goal = corners.expand_as(seen)
    rows = [torch.cat((point, zero, -goal[..., :1] * seen), -1), torch.cat((zero, point, -goal[..., 1:] * seen), -1)]
    entries = torch.linalg.solve(torch.cat(rows, 1), torch.cat((goal[..., 0], goal[..., 1]), 1))  # B 8
    return torch.cat((entries, one[:, 0]), 1).view(-1, 3, 3)
