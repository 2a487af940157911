"""Trains encoder and generator together to reconstruct a head from its styles alone, with the edit directions.

Styles must carry what an edit changes, so neither consultation nor detail is used here. Edit directions are trained on
pairs of pictures of one head that differ in one attribute: the direction added to the styles of the first must draw the
second, for all heads.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ...datasets.heads import Heads
from ...landmarker.face_regions import FACE, region_weights
from ...media.sample_sheets import rows_of
from ...model.stylehead import StyleHead
from ...ops.pixels import from_uint8
from ..losses import pyramid_difference, weight_changes
from ..recipe import LearnsFromHeads, Parts, Phase
from .directions import make_directions_trainable

__all__ = ["StylesTask"]

SHOWN = 6  # rows of the sheet


@dataclass(frozen=True, kw_only=True)
class StylesTask(LearnsFromHeads):
    edits: float = 1.0  # weight of the edit loss: heads drawn with a direction added
    marks: float = 6.0  # additional weight of the places that an attribute changes
    generator: float = 4.0  # factor on the lr for the generator, whose weights are equalised
    size: int = 64  # pixels of the compared pictures; layers of the generator above are not run
    face: float = 1.0  # additional weight of eyes, nose and mouth
    directions: float = 10.0  # factor on the lr for the directions
    parts: tuple[str, ...] = ("encoder", "generator", "directions")

    def start(self, model: StyleHead, heads: Heads) -> "StylesState":
        return StylesState(self, model, heads)


class StylesState:
    def __init__(self, task: StylesTask, model: StyleHead, heads: Heads) -> None:
        self.task, self.model, self.heads = task, model, heads
        self.samples = len(heads.pictures)
        self.networks: dict[str, nn.Module] = {"encoder": model.encoder, "generator": model.generator}
        for network in self.networks.values():
            network.train().requires_grad_(True)
        model.generator.mapping.requires_grad_(False)  # not used here
        modules = [(model.encoder, 1.0), (model.generator, task.generator)]
        if task.edits and len(heads.edited):
            make_directions_trainable(model, heads)
            self.networks["directions"] = model.directions
            modules.append((model.directions, task.directions))
        self.phases = (Phase("redraw", modules),)

    def loss(self, phase: Phase, rows: Tensor, rng: Any, progress: float) -> tuple[Tensor, Parts]:
        pictures = self._small(self.heads.frames(rows))
        weight = region_weights(self.heads.landmarks[rows], [FACE], self.task.size, self.heads.size, 4)
        edits = self._edits(len(rows), rng) if self.task.edits and len(self.heads.edited) else None
        if edits is None:
            loss = pyramid_difference(self._redraw(pictures), pictures, 1 + self.task.face * weight)
            return loss, {"redraw": float(loss.detach())}
        # Edited pairs replace the last rows of the batch.
        before, after, change = edits
        kept = len(rows) - len(before)
        batch = torch.cat((pictures[:kept], before, after))
        styles = self._styles(batch)
        drawn = self._draw(torch.cat((styles, styles[kept : kept + len(before)] + change)))
        place = weight_changes(before, after, self.task.marks)
        weights = torch.cat((1 + self.task.face * weight[:kept], place, place))
        loss = pyramid_difference(drawn[: len(batch)], batch, weights)
        edit = pyramid_difference(drawn[len(batch) :], after, place)
        return loss + self.task.edits * edit, {"redraw": float(loss.detach()), "edit": float(edit.detach())}

    def _edits(self, batch: int, rng: Any) -> tuple[Tensor, Tensor, Tensor]:
        """Edited pairs, each in a random order (n 3 s s twice), and the change of styles from first to second (n R
        D)."""
        pick = torch.randint(len(self.heads.edited), (max(batch // 4, 1),), generator=rng)
        against = torch.rand(len(pick), generator=rng) < 0.5
        pairs = from_uint8(self.heads.edited[pick])
        pairs = torch.where(against[:, None, None, None, None], pairs.flip(1), pairs)
        change = self._directions()[self.heads.attribute[pick]] * torch.where(against, -1.0, 1.0)[:, None, None]
        before, after = (self._small(part) for part in pairs.unbind(1))
        return before, after, change

    def _directions(self) -> Tensor:
        """The directions (A R D), in the order of the heads' attributes."""
        return torch.stack([self.model.directions.shift(name) for name in self.heads.attributes])

    def _small(self, pictures: Tensor) -> Tensor:
        return self.model.resize(pictures, self.task.size)

    def _styles(self, pictures: Tensor) -> Tensor:
        return self.model.encoder(self.model.resize(pictures, self.model.config.encoder.size))

    def _draw(self, styles: Tensor) -> Tensor:
        feature, rgb = self.model.generator.lower(styles)
        return self.model.generator.upper(feature, styles, rgb, stop_at=self.task.size)

    def _redraw(self, pictures: Tensor) -> Tensor:
        return self._draw(self._styles(pictures))

    def sheet(self) -> Tensor:
        """Columns: head; reconstruction; first and second of an edited pair; the first with the direction added."""
        rows = torch.linspace(0, len(self.heads.pictures) - 1, SHOWN).long()
        pictures = self._small(self.heads.frames(rows))
        columns = [pictures, self._redraw(pictures)]
        if len(self.heads.edited):
            of = torch.linspace(0, len(self.heads.edited) - 1, SHOWN).long()
            before, after = (self._small(part) for part in from_uint8(self.heads.edited[of]).unbind(1))
            change = self._directions()[self.heads.attribute[of]]
            columns += [before, after, self._draw(self._styles(before) + change)]
        return rows_of(columns)
