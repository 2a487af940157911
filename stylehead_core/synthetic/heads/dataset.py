"""Clips rendered while training runs, in the worker processes of a data loader: nothing is kept on disk."""

from collections.abc import Iterator
from pathlib import Path

from torch.utils.data import IterableDataset, get_worker_info

from ...errors import ConfigError
from .appearance import HELD_OUT
from .clips import Clip, ClipConfig
from .rendering import maker_of

__all__ = ["RenderedClips"]


class RenderedClips(IterableDataset):
    """The clips of ``seeds``, shared among the workers. Use a loader with ``multiprocessing_context="spawn"``.

    Raises:
        ConfigError: a seed is held out for measuring.
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
        maker = maker_of(self.facekit, self.config)
        for seed in self.seeds[first::step]:
            yield maker.make(seed)
