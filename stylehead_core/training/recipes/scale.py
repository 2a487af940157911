"""Scale of a family of recipes: its name and model, and how its batches and steps differ from the recipes' own.

A recipe is a function of the scale: ``mini_styles(MINI)`` is the run of the embedded model, ``mini_styles(DEBUG)`` the
same run with networks that learn nothing useful, in a moment.
"""

from dataclasses import dataclass
from typing import Any

from ...model.config import StyleHeadConfig
from ..recipe import Recipe, TrainingTask

__all__ = ["DEBUG_STEPS", "Scale"]

DEBUG_STEPS = 2


@dataclass(frozen=True, kw_only=True)
class Scale:
    name: str  # first part of the recipes' names
    model: StyleHeadConfig
    batch: int | None = None  # of every recipe; None = the recipe's own
    longer: int = 1  # factor on the recipe's own steps
    debug: bool = False  # tasks of their debug size, and at most DEBUG_STEPS steps

    def names(self, *parts: str) -> tuple[str, ...]:
        """Names of recipes at this scale."""
        return tuple(f"{self.name}_{part}" for part in parts)

    def recipe(
        self, part: str, *, steps: int, batch: int = 12, task: TrainingTask | None = None, **settings: Any
    ) -> Recipe:
        """The recipe for a part of the model; ``settings`` are the other fields of ``Recipe``."""
        (name,) = self.names(part)
        if self.debug:
            steps = min(steps, DEBUG_STEPS)
            task = task and task.for_debugging(self.model.generator.size)
        return Recipe(
            name=name,
            model=self.model,
            task=task,
            steps=self.longer * steps,
            batch=self.batch or batch,
            **settings,
        )
