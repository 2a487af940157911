"""Renders many clips into a folder, in one process or several; a run that was stopped goes on where it was."""

import multiprocessing
import os
import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from .clips import ClipConfig, ClipMaker
from .facekit import load_facekit
from .head_model import HeadModel
from .renderer import Renderer
from .shards import check_manifest, clip_path, write_clip

__all__ = ["Job", "maker_of", "render_clips"]

ONE_THREAD = ("LP_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")  # of each worker


@dataclass(frozen=True, kw_only=True)
class Job:
    """Everything that a worker process needs."""

    facekit: Path | None
    config: ClipConfig
    folder: Path


def maker_of(facekit: Path | None, config: ClipConfig) -> ClipMaker:
    """A clip maker with its own renderer (5 s the first time, 2 s with the maps in the cache)."""
    return ClipMaker(Renderer(HeadModel(load_facekit(facekit)), config.size), config)


def render_clips(job: Job, seeds: Sequence[int], workers: int = 1) -> Iterator[int]:
    """Render the clips that are not there yet; yields each seed as its file is complete, those there first."""
    first = maker_of(job.facekit, job.config)
    check_manifest(job.folder, job.config, first.renderer.model.kit.digest, first.renderer.name)
    missing = []
    for seed in seeds:
        if clip_path(job.folder, seed).exists():
            yield seed
        else:
            missing.append(seed)
    if workers <= 1 or len(missing) < 2:
        for seed in missing:
            write_clip(first.make(seed), job.folder)
            yield seed
        return
    del first  # its context would only take memory while the workers draw
    for name in ONE_THREAD:  # children read it before they load their libraries
        os.environ.setdefault(name, "1")
    context = multiprocessing.get_context("spawn")  # a forked process cannot use its parent's OpenGL
    with context.Pool(min(workers, len(missing)), _start, (job,)) as pool:  # leaving it ends the workers
        yield from pool.imap_unordered(_render, missing)


_job: Job
_maker: ClipMaker


def _start(job: Job) -> None:
    """In a worker: Ctrl-C is the parent's to handle."""
    global _job, _maker
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    import cv2
    import torch

    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    _job, _maker = job, maker_of(job.facekit, job.config)


def _render(seed: int) -> int:
    write_clip(_maker.make(seed), _job.folder)
    return seed
