"""A record of the core with the model that made it: what the sockets for inversions and heads transport.

So later nodes need no ``model`` wire of their own. The core's records do not hold a model: they are small and can be
saved.
"""

from dataclasses import dataclass
from typing import Generic, TypeVar

from ..stylehead_core.model.stylehead import StyleHead
from ..stylehead_core.records import Head, Inversion
from . import models
from .bridge import Managed

Record = TypeVar("Record", Inversion, Head)


@dataclass(frozen=True, eq=False)
class ModelRecord(Generic[Record]):
    record: Record
    model: Managed[StyleHead]


def model_for(wired: Managed[StyleHead] | None, source: ModelRecord | None = None) -> Managed[StyleHead]:
    """The model that a node works with: the wired one, else the one that made ``source``, else the embedded one."""
    if wired is not None:
        return wired
    return models.embedded() if source is None else source.model
