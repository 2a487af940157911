"""Trains the edit directions, which are added to the styles, and the face editor, which changes places of the face.

A direction starts as ``StylesTask`` has left it, or as the mean change of styles between two rendered pictures of a
head that differ in the attribute alone. The loss compares the drawn edit with the rendered one. All other networks are
fixed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ...datasets.heads import Heads
from ...errors import ConfigError
from ...media.sample_sheets import rows_of
from ...model.stylehead import StyleHead
from ...ops.pixels import from_uint8
from ..losses import pyramid_difference, roughness_difference, weight_changes
from ..recipe import LearnsFromHeads, Parts, Phase
from ..redraw import apply_consultation, coarse_codes, draw_edited

__all__ = ["DirectionsTask", "make_directions_trainable", "mean_change"]

STRENGTHS = (-1.0, 0.0, 0.5, 1.0, 1.5)  # of the sheet


@dataclass(frozen=True, kw_only=True)
class DirectionsTask(LearnsFromHeads):
    marks: float = 4.0  # additional weight of the places that the attribute changes
    rough: float = 4.0  # weight of the roughness difference to the rendered edit: a beard is not a shadow
    half: float = 0.5  # weight of the loss at half strength, against the mean of both pictures
    rate: float = 2.5  # factor on the lr for the directions; the editor's weights are equalised
    parts: tuple[str, ...] = ("directions", "editor")

    def start(self, model: StyleHead, heads: Heads) -> "DirectionsState":
        return DirectionsState(self, model, heads)


class DirectionsState:
    def __init__(self, task: DirectionsTask, model: StyleHead, heads: Heads) -> None:
        self.task, self.model, self.heads = task, model, heads
        self.samples = len(heads.edited)
        model.eval().requires_grad_(False)
        make_directions_trainable(model, heads)
        with torch.no_grad():
            for number, name in enumerate(heads.attributes):
                direction, pairs = model.directions.shift(name), heads.edited[heads.attribute == number]
                if not direction.any() and len(pairs):
                    direction.copy_(mean_change(model, pairs))
        self.networks: dict[str, nn.Module] = {"directions": model.directions}
        modules: list[tuple[nn.Module, float]] = [(model.directions, task.rate)]
        if model.editor is not None:
            model.editor.train().requires_grad_(True)
            self.networks["editor"] = model.editor
            modules.append((model.editor, 1.0))
        self.phases = (Phase("edit", modules),)
        self.portrait = _portraits(heads)

    def loss(self, phase: Phase, rows: Tensor, rng: Any, progress: float) -> tuple[Tensor, Parts]:
        against = torch.rand((), generator=rng) < 0.5  # a beard is grown, or shaved off
        pairs = from_uint8(self.heads.edited[rows])
        before, after = (pairs.flip(1) if against else pairs).unbind(1)
        sign = -1.0 if against else 1.0
        draw = self._drawing(rows, before)
        place = weight_changes(before, after, self.task.marks)
        drawn = draw(sign)
        whole, rough = pyramid_difference(drawn, after, place), roughness_difference(drawn, after, place)
        loss, parts = whole + self.task.rough * rough, {"whole": float(whole.detach()), "rough": float(rough.detach())}
        if self.task.half:
            half = pyramid_difference(draw(0.5 * sign), (before + after) / 2, place)
            loss, parts = loss + self.task.half * half, parts | {"half": float(half.detach())}
        return loss, parts

    def _drawing(self, rows: Tensor, pictures: Tensor) -> Callable[[float], Tensor]:
        """Function that draws ``pictures`` (B 3 S S) of the pairs ``rows`` with their attribute at a given strength."""
        model, names = self.model, [self.heads.attributes[number] for number in self.heads.attribute[rows].tolist()]
        with torch.no_grad():
            codes = coarse_codes(model, pictures)
            own = apply_consultation(model, *codes[1:])[0]
            detail: Tensor | float = 0.0
            if model.config.carry_detail:
                detail = pictures - model.generator.upper(own, codes[0], None).clamp(-1, 1)
        change = torch.stack([model.directions.shift(name) for name in names])
        places, pixels = self._places(names, rows, own, pictures)

        def draw(strength: float) -> Tensor:
            drawn = draw_edited(model, codes, own, strength * change, strength * places)
            return drawn.clamp(-1, 1) + detail + strength * pixels

        return draw

    def _places(
        self, names: list[str], rows: Tensor, own: Tensor, pictures: Tensor
    ) -> tuple[Tensor | float, Tensor | float]:
        """What the face editor adds for ``names`` to the feature maps ``own`` and to the pixels of the pairs
        ``rows``."""
        model, heads, shown = self.model, self.heads, self.portrait[rows]
        if model.editor is None:
            return 0.0, 0.0
        assert model.prior is not None
        with torch.no_grad():
            where = model.prior.find_face_positions(heads.landmarks[shown], heads.coefficients[shown], heads.size)
        each = zip(names, *(part.split(1) for part in (own, pictures, *where)), strict=True)
        places, pixels = zip(*(model.editor(*one) for one in each), strict=True)
        return torch.cat(places), 0.0 if pixels[0] is None else torch.cat(pixels)

    def sheet(self) -> Tensor:
        """A row per attribute: strengths -1 to 1.5, then the rendered head without and with the attribute."""
        rows = []
        for number in self.heads.attribute.unique().tolist():
            row = torch.nonzero(self.heads.attribute == number).flatten()[:1]
            before, after = from_uint8(self.heads.edited[row]).unbind(1)
            draw = self._drawing(row, before)
            rows.append(rows_of([*(draw(strength).clamp(-1, 1) for strength in STRENGTHS), before, after]))
        return torch.cat(rows, dim=-2)


def _portraits(heads: Heads) -> Tensor:
    """Index (E) of the picture that each edited pair was made from: the first of its person."""
    first = {int(person): number for number, person in reversed(list(enumerate(heads.person.tolist())))}
    return torch.tensor([first[person] for person in heads.edited_person.tolist()])


def make_directions_trainable(model: StyleHead, heads: Heads) -> None:
    """Turn the model's directions from buffers into parameters of the same names.

    Raises:
        ConfigError: the heads show no edits, or an attribute that the model does not know.
    """
    unknown = [name for name in heads.attributes if name not in model.attributes]
    if unknown or not len(heads.edited):
        raise ConfigError(
            f"The heads show {', '.join(heads.attributes) or 'no attributes'} in {len(heads.edited)} pairs; "
            f"the model knows {', '.join(model.attributes) or 'none'}."
        )
    for name in heads.attributes:
        holder = model.directions.get_submodule(name)
        start = model.directions.shift(name).detach().clone()
        del holder.direction
        holder.direction = nn.Parameter(start)


def mean_change(model: StyleHead, pairs: Tensor, chunk: int = 32) -> Tensor:
    """The mean change of the styles (R D) over ``pairs`` (E 2 3 S S) uint8: without and with the attribute."""
    changes = []
    for part in pairs.split(chunk):
        before, after = (coarse_codes(model, from_uint8(pictures))[0] for pictures in part.unbind(1))
        changes.append(after - before)
    return torch.cat(changes).mean(0)
