"""Torch dataset of clips rendered on the fly, in the worker processes of a data loader."""

from collections.abc import Iterator
from pathlib import Path

from torch.utils.data import IterableDataset, get_worker_info

from ...errors import ConfigError
from .appearance import HELD_OUT
from .clips import Clip, ClipConfig
from .rendering import build_clip_maker

__all__ = ["RenderedClips"]


class RenderedClips(IterableDataset):
    """Clips of ``seeds``, divided among the workers. Use a loader with ``multiprocessing_context="spawn"``.

    Raises:
        ConfigError: a seed belongs to the test set.
    """

    def __init__(self, seeds: range, config: ClipConfig, facekit: Path | None = None) -> None:
        if len(seeds) and max(seeds[0], seeds[-1]) >= HELD_OUT:
            raise ConfigError(f"Seeds from {HELD_OUT} on are held out for measuring; training asked for {seeds}.")
        self.seeds, self.config, self.facekit = seeds, config, facekit

    def __len__(self) -> int:
        return len(self.seeds)

    def __iter__(self) -> Iterator[Clip]:
        worker = get_worker_info()
        first, step = (0, 1) if worker is None else (worker.id, worker.num_workers)
        maker = build_clip_maker(self.facekit, self.config)
        for seed in self.seeds[first::step]:
            yield maker.make(seed)
