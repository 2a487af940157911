"""Rendering of many clips into a folder, in one or several processes; interrupted runs can be continued."""

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

__all__ = ["Job", "build_clip_maker", "render_clips"]

ONE_THREAD = ("LP_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")  # set to 1 in workers


@dataclass(frozen=True, kw_only=True)
class Job:
    """Settings of a worker process."""

    facekit: Path | None
    config: ClipConfig
    folder: Path


def build_clip_maker(facekit: Path | None, config: ClipConfig) -> ClipMaker:
    """Make a clip maker with its own renderer (5 s the first time, 2 s with cached maps)."""
    return ClipMaker(Renderer(HeadModel(load_facekit(facekit)), config.size), config)


def render_clips(job: Job, seeds: Sequence[int], workers: int = 1) -> Iterator[int]:
    """Render the missing clips; yields each seed when its file is complete, existing ones first."""
    first = build_clip_maker(job.facekit, job.config)
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
    del first  # frees its OpenGL context while the workers render
    for name in ONE_THREAD:  # before the workers load their libraries
        os.environ.setdefault(name, "1")
    context = multiprocessing.get_context("spawn")  # a forked process cannot use its parent's OpenGL
    with context.Pool(min(workers, len(missing)), _start, (job,)) as pool:  # leaving it ends the workers
        yield from pool.imap_unordered(_render, missing)


_job: Job
_maker: ClipMaker


def _start(job: Job) -> None:
    """Initialise a worker; Ctrl-C is handled by the parent."""
    global _job, _maker
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    import cv2
    import torch

    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    _job, _maker = job, build_clip_maker(job.facekit, job.config)


def _render(seed: int) -> int:
    write_clip(_maker.make(seed), _job.folder)
    return seed
