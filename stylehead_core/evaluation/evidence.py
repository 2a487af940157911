"""The inputs of the metrics, with the reason where one is missing."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from torch import Tensor

from .clips import Clip, at_size
from .metric_networks import ClipLandmarks, MetricNetworks

__all__ = ["Evidence", "Lacking"]


class Lacking(Exception):
    """Raised for a missing input of a metric; caught by ``measure``."""


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """All inputs that are available. Reading a missing one raises ``Lacking`` with the reason."""

    generated: Clip
    clips: dict[str, Clip] = field(default_factory=dict)
    """target, driving (the target where no other is given), unedited, original: those that were given."""
    portrait: Tensor | None = None  # (1 3 H W)
    mask: Tensor | None = None  # (T or 1, 1 H W)
    metric_networks: MetricNetworks = MetricNetworks()

    def has(self, name: str) -> bool:
        return name in self.clips if name != "source" else self.portrait is not None

    def clip(self, name: str) -> Clip:
        if name == "generated":
            return self.generated
        if name not in self.clips:
            raise Lacking(f"no {name} clip was given")
        return self.clips[name]

    @cached_property
    def source(self) -> Tensor:
        """The portrait (1 3 H W) at the size of the generated frames."""
        if self.portrait is None:
            raise Lacking("no source portrait was given")
        return at_size(self.portrait, self.generated.frames)

    @cached_property
    def still(self) -> Tensor:
        """The portrait, repeated: the output of a model that does nothing."""
        return self.source.expand(len(self.generated.frames), -1, -1, -1)

    @cached_property
    def tracks(self) -> dict[int, ClipLandmarks]:
        """Cache of tracks, by the identity of the frames."""
        return {}

    def track(self, name: str) -> ClipLandmarks:
        """Track the face in a clip, or in the ``source``; computed once."""
        frames = self.source if name == "source" else self.clip(name).frames
        if id(frames) not in self.tracks:
            self.tracks[id(frames)] = self.metric_network("track", "the face landmarker")(frames)
        found = self.tracks[id(frames)]
        if not found.found.any():
            raise Lacking(f"no face was found in the {name}{'' if name == 'source' else ' clip'}")
        return found

    def metric_network(self, name: str, words: str) -> Any:
        found = getattr(self.metric_networks, name)
        if found is None:
            raise Lacking(f"weights missing: {words}")
        return found
