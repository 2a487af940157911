"""Edit directions: what is added to the styles of any head so that it is drawn with another attribute.

Each begins as the styles' stage has left it, or else as the mean change of the styles between two rendered pictures of
a head that differ in the attribute alone, and goes down from there what the drawn edit differs from the rendered one.
Beside it learns what the attribute changes at places of the face. All else of the model is fixed.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ...assemble import StyleHead
from ...errors import ConfigError
from ..data import Heads, as_numbers
from ..drawing import coarse_codes, consulted, edited
from ..losses import changed, pyramid_difference
from ..recipe import LearnsFromHeads, Parts, Turn
from ..sheets import rows_of

__all__ = ["DirectionsTask", "let_directions_learn", "mean_change"]

STRENGTHS = (-1.0, 0.0, 0.5, 1.0, 1.5)  # of the sheet


@dataclass(frozen=True, kw_only=True)
class DirectionsTask(LearnsFromHeads):
    marks: float = 6.0  # how much more the places count that the attribute changes
    half: float = 0.5  # weight of an edit of half the strength, which must look like half of the way
    rate: float = 2.5  # of the directions, in rates of the face editor, whose weights are equalised
    parts: tuple[str, ...] = ("directions", "editor")

    def start(self, model: StyleHead, heads: Heads) -> "DirectionsStage":
        return DirectionsStage(self, model, heads)


class DirectionsStage:
    def __init__(self, task: DirectionsTask, model: StyleHead, heads: Heads) -> None:
        self.task, self.model, self.heads = task, model, heads
        self.samples = len(heads.edited)
        model.eval().requires_grad_(False)
        let_directions_learn(model, heads)
        with torch.no_grad():
            for number, name in enumerate(heads.attributes):
                direction = model.directions.shift(name)
                if not direction.any():
                    direction.copy_(mean_change(model, heads.edited[heads.attribute == number]))
        self.networks: dict[str, nn.Module] = {"directions": model.directions}
        players: list[tuple[nn.Module, float]] = [(model.directions, task.rate)]
        if model.editor is not None:
            model.editor.train().requires_grad_(True)
            self.networks["editor"] = model.editor
            players.append((model.editor, 1.0))
        self.turns = (Turn("edit", players),)
        self.portrait = _portraits(heads)

    def loss(self, turn: Turn, rows: Tensor, chance: Any, progress: float) -> tuple[Tensor, Parts]:
        against = torch.rand((), generator=chance) < 0.5  # a beard is grown, or shaved off
        pairs = as_numbers(self.heads.edited[rows])
        before, after = (pairs.flip(1) if against else pairs).unbind(1)
        sign = -1.0 if against else 1.0
        codes, own = self._codes(before)
        change, places = sign * self._directions(rows), sign * self._places(rows, own)
        place = changed(before, after, self.task.marks)
        whole = pyramid_difference(edited(self.model, codes, own, change, places), after, place)
        loss, parts = whole, {"whole": float(whole.detach())}
        if self.task.half:
            drawn = edited(self.model, codes, own, 0.5 * change, 0.5 * places)
            half = pyramid_difference(drawn, (before + after) / 2, place)
            loss, parts = loss + self.task.half * half, parts | {"half": float(half.detach())}
        return loss, parts

    @torch.no_grad()
    def _codes(self, pictures: Tensor) -> tuple[tuple[Tensor, Tensor, Tensor], Tensor]:
        """``coarse_codes``, and the feature map with what the consultation adds."""
        codes = coarse_codes(self.model, pictures)
        return codes, consulted(self.model, *codes[1:])[0]

    def _places(self, rows: Tensor, own: Tensor) -> Tensor:
        """What the attributes of the pairs ``rows`` add to their feature maps ``own`` at places of the face."""
        model, heads = self.model, self.heads
        if model.editor is None:
            return torch.zeros(len(rows), 1, 1, 1)
        assert model.prior is not None
        shown = self.portrait[rows]
        with torch.no_grad():
            places = model.prior.places(heads.landmarks[shown], heads.coefficients[shown], heads.size)
        names = [heads.attributes[number] for number in heads.attribute[rows].tolist()]
        each = zip(names, *(part.split(1) for part in (own, *places)), strict=True)
        return torch.cat([model.editor(*one) for one in each])

    def _directions(self, rows: Tensor) -> Tensor:
        """(B R D) of the pairs ``rows``."""
        names = [self.heads.attributes[number] for number in self.heads.attribute[rows].tolist()]
        return torch.stack([self.model.directions.shift(name) for name in names])

    def sheet(self) -> Tensor:
        """A row for each attribute: strengths -1 to 1.5, then the head as rendered without and with it."""
        rows = []
        for number in range(len(self.heads.attributes)):
            row = torch.nonzero(self.heads.attribute == number).flatten()[:1]
            before, after = as_numbers(self.heads.edited[row]).unbind(1)
            (codes, own), direction = self._codes(before), self._directions(row)
            places = self._places(row, own)
            drawn = [edited(self.model, codes, own, strength * direction, strength * places) for strength in STRENGTHS]
            rows.append(rows_of([*drawn, before, after]))
        return torch.cat(rows, dim=-2)


def _portraits(heads: Heads) -> Tensor:
    """The picture (E) that each edited pair is made of: the first of the person."""
    first = {int(person): number for number, person in reversed(list(enumerate(heads.person.tolist())))}
    return torch.tensor([first[person] for person in heads.edited_person.tolist()])


def let_directions_learn(model: StyleHead, heads: Heads) -> None:
    """Make parameters of the model's directions, which are buffers otherwise, under the same names.

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
        before, after = (coarse_codes(model, as_numbers(pictures))[0] for pictures in part.unbind(1))
        changes.append(after - before)
    return torch.cat(changes).mean(0)
