"""Trains the matte network: on rendered heads with their exact mattes, on portraits with those of another network.

Axes: B batch, N pictures, S picture size.
"""

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...datasets.heads import Heads, jitter_colours, make_rng
from ...errors import InputError
from ...media.sample_sheets import rows_of
from ...model.stylehead import StyleHead
from ...ops.face_masks import face_mask
from ..precision import fast_convolutions
from ..recipe import LearnsFromHeads, Parts, Phase

__all__ = ["MatteTask"]

SHOWN = 8


@dataclass(frozen=True, kw_only=True)
class MatteTask(LearnsFromHeads):
    stills: float = 0.7  # share of the pictures that are portraits, where there are any
    light: float = 0.6  # how much contrast and colours change
    zoom: float = 0.25  # how much larger pictures are shown, at most
    pasted: float = 0.35  # share of the people who are put before another picture, upside down
    blind: float = 0.1  # share of the pictures of which the network is not told where the face is
    edges: float = 4.0  # how much more the outline counts than the rest
    slopes: float = 2.0  # weight of the matte's slopes, which make it sharp
    parts: tuple[str, ...] = ("matte",)

    def start(self, model: StyleHead, heads: Heads) -> "MatteState":
        if heads.alpha is None:
            raise InputError("The matte network learns from heads with mattes. Measure the clips again.")
        return MatteState(self, model, heads)


class MatteState:
    def __init__(self, task: MatteTask, model: StyleHead, heads: Heads) -> None:
        assert model.matte is not None, "this stage makes the model's matte network"
        size = model.matte.config.size
        self.task, self.heads = task, heads.resized(size)
        self.faces = torch.cat(
            [face_mask(part, size).mul(255).round().byte() for part in self.heads.landmarks.split(32)]
        )
        self.pools = [torch.nonzero(which).flatten() for which in (heads.rendered, ~heads.rendered)]
        self.samples = len(heads.pictures)
        model.eval().requires_grad_(False)
        self.network = model.matte.train().requires_grad_(True)
        self.networks: dict[str, nn.Module] = {"matte": self.network}
        self.phases = (Phase("cut", [(self.network, 1.0)]),)

    def loss(self, phase: Phase, rows: Tensor, rng: Any, progress: float) -> tuple[Tensor, Parts]:
        rng, task = make_rng(rows, rng), self.task
        if all(map(len, self.pools)):  # rendered heads are many, portraits few
            still = torch.rand(len(rows), generator=rng) < task.stills
            rows = torch.where(still, *(pool[rows % len(pool)] for pool in self.pools[::-1]))
        pictures, mattes, faces = self._take(rows, rng)
        with fast_convolutions(rows.device):
            logits = self.network(pictures, faces).float()
        outline = F.max_pool2d(mattes, 9, 1, 4) + F.max_pool2d(-mattes, 9, 1, 4)
        weight = 1 + task.edges * outline
        told = (F.binary_cross_entropy_with_logits(logits, mattes, reduction="none") * weight).mean()
        found = torch.sigmoid(logits)
        slopes = sum(((found - mattes).diff(dim=axis).abs().mean() for axis in (-1, -2)), logits.new_zeros(()))
        return told + task.slopes * slopes, {"told": float(told.detach()), "slopes": float(slopes.detach())}

    def _take(self, rows: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Pictures (B 3 S S), mattes and faces (B 1 S S), zoomed, mirrored and in other light."""
        heads, batch = self.heads, len(rows)
        assert heads.alpha is not None
        pictures, mattes = heads.frames(rows), heads.alpha[rows].float() / 255
        other = heads.frames(torch.randint(len(heads.pictures), (batch,), generator=rng)).flip(2)
        pasted = (torch.rand(batch, 1, 1, 1, generator=rng) < self.task.pasted).float()
        pictures = torch.lerp(pictures, mattes * pictures + (1 - mattes) * other, pasted)
        pictures = jitter_colours(pictures, rng, self.task.light)
        known = (torch.rand(batch, 1, 1, 1, generator=rng) >= self.task.blind).float()
        planes = torch.cat((pictures, mattes, known * self.faces[rows].float() / 255), dim=1)
        zoom = 1 - self.task.zoom * torch.rand(batch, 1, 1, generator=rng)
        mirror = torch.where(torch.rand(batch, 1, 1, generator=rng) < 0.5, -1.0, 1.0)
        shift = (1 - zoom) * (2 * torch.rand(batch, 2, 1, generator=rng) - 1)
        phase = torch.diag_embed(torch.cat((zoom * mirror, zoom), dim=1)[..., 0])
        grid = F.affine_grid(torch.cat((phase, shift), dim=2), list(planes.shape), align_corners=False)
        planes = F.grid_sample(planes, grid, padding_mode="border", align_corners=False)
        return planes[:, :3], planes[:, 3:4].clamp(0, 1), planes[:, 4:].clamp(0, 1)

    def sheet(self) -> Tensor:
        """Columns: picture, matte asked for, matte found; portraits, where there are any."""
        pool = self.pools[1] if len(self.pools[1]) else self.pools[0]
        rows = pool[torch.linspace(0, len(pool) - 1, SHOWN).long()]
        pictures = self.heads.frames(rows)
        assert self.heads.alpha is not None
        faces = self.faces[rows].float() / 255
        wanted = self.heads.alpha[rows].float() / 127.5 - 1
        return rows_of([pictures, wanted, 2 * torch.sigmoid(self.network(pictures, faces)) - 1])
