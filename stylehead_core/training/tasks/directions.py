"""Edit directions: the mean change of the styles between two pictures of a head that differ in one attribute."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ...assemble import StyleHead
from ...errors import ConfigError
from ..data import Heads, as_numbers
from ..drawing import coarse_codes, consulted
from ..recipe import Parts, Turn
from ..sheets import rows_of

__all__ = ["DirectionsTask"]

STRENGTHS = (-1.0, 0.0, 0.5, 1.0, 1.5)  # of the sheet


@dataclass(frozen=True, kw_only=True)
class DirectionsTask:
    parts: tuple[str, ...] = ("directions",)

    def start(self, model: StyleHead, heads: Heads) -> "DirectionsStage":
        return DirectionsStage(self, model, heads)


class DirectionsStage:
    """Nothing is learnt step by step: the directions are there when the stage is made."""

    def __init__(self, task: DirectionsTask, model: StyleHead, heads: Heads) -> None:
        self.model, self.heads, self.samples = model, heads, len(heads)
        self.turns: tuple[Turn, ...] = ()
        self.networks: dict[str, nn.Module] = {"directions": model.directions}
        model.eval()
        for number, name in enumerate(heads.attributes):
            pairs = heads.edited[heads.attribute == number]
            if name not in model.attributes or not len(pairs):
                raise ConfigError(
                    f"The heads show the attribute {name!r}; the model knows {', '.join(model.attributes) or 'none'}."
                )
            model.directions.get_submodule(name).get_buffer("direction").copy_(mean_change(model, pairs))

    def loss(self, turn: Turn, rows: Tensor, chance: Any, progress: float) -> tuple[Tensor, Parts]:
        raise NotImplementedError("directions are not learnt by descent")

    def sheet(self) -> Tensor:
        """A row for each attribute: strengths -1 to 1.5, then the head as rendered without and with it."""
        rows = []
        for number, name in enumerate(self.heads.attributes):
            pair = self.heads.edited[self.heads.attribute == number][:1]
            before, after = as_numbers(pair).unbind(1)
            styles, feature, residual = coarse_codes(self.model, before)
            direction = self.model.directions.named(name).direction
            drawn = []
            for strength in STRENGTHS:
                moved = styles + strength * direction
                feature, _ = consulted(self.model, self.model.generator.lower(moved)[0], residual)
                drawn.append(self.model.generator.upper(feature, moved, None))
            rows.append(rows_of([*drawn, before, after]))
        return torch.cat(rows, dim=-2)


def mean_change(model: StyleHead, pairs: Tensor, chunk: int = 32) -> Tensor:
    """(R D) of ``pairs`` (E 2 3 S S) uint8: without and with the attribute."""
    changes = []
    for part in pairs.split(chunk):
        before, after = (coarse_codes(model, as_numbers(pictures))[0] for pictures in part.unbind(1))
        changes.append(after - before)
    return torch.cat(changes).mean(0)
