"""The training loop.

The samples and random numbers of a step follow from the recipe's seed and the step's number alone. A resumed run
therefore draws what the uninterrupted one would have drawn, and several processes split a batch without exchanging it.
"""

import json
import math
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from tqdm import tqdm

from ..errors import StyleHeadError
from ..media.sample_sheets import write_png
from ..model.stylehead import StyleHead
from .checkpoint import Average, read_checkpoint, write_checkpoint
from .recipe import Parts, Phase, Recipe, TaskState
from .tensorboard import Board

__all__ = ["Limits", "run"]

BAR = "{desc} {percentage:3.0f}%|{bar}| {elapsed}<{remaining}"  # on a terminal only


@dataclass(frozen=True, kw_only=True)
class Limits:
    """When a run ends, and how often it saves and logs."""

    minutes: float | None = None  # instead of the recipe's steps; the learning rate then follows the clock
    checkpoint: float = 120.0  # seconds between checkpoints
    sheet: float = 240.0  # seconds between sample sheets
    log: int = 50  # steps between log lines
    tensorboard: bool = False  # also write the log and the sheets for TensorBoard


def run(
    recipe: Recipe, model: StyleHead, data: Any, folder: Path, limits: Limits = Limits(), resume: bool = False
) -> TaskState:
    """Train ``model`` in place by ``recipe``; at the end it holds the moving average of the weights.

    Args:
        data: what ``recipe.task.load`` returns.
        folder: for the checkpoint, the log and the sample sheet.
        resume: continue from the checkpoint in ``folder``, where there is one.

    Returns:
        The state of the recipe's task: its networks include those that are no part of a model.

    Raises:
        StyleHeadError: the loss is not finite, or the checkpoint belongs to another recipe.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file, log = folder / "checkpoint.pt", folder / "log.jsonl"
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(recipe.seed)
        state = recipe.task.start(model, data)
    optimisers = {phase.name: _adam(phase, recipe) for phase in state.phases}
    average = Average(state.networks, recipe.ema_decay)
    step, spent = 0, 0.0  # seconds
    if resume and file.is_file():
        step, spent = _load_checkpoint(read_checkpoint(file), recipe, state, optimisers, average)
    is_main = _rank() == 0
    board = Board(folder, step) if limits.tensorboard and is_main else None
    started, logged, saved, sampled = (time.monotonic(),) * 4
    sums: Parts = {}
    bar = tqdm(total=100, unit="%", desc=recipe.name, bar_format=BAR, disable=None if is_main else True)
    while True:
        clock = spent + time.monotonic() - started
        counted = step / recipe.steps if recipe.steps else 1.0
        progress = clock / (60 * limits.minutes) if limits.minutes else counted
        if _broadcast_progress(progress) >= 1:
            break
        bar.update(100 * progress - bar.n)
        rng = torch.Generator(torch.get_default_device()).manual_seed(recipe.seed * 1_000_003 + step)
        rows = torch.randint(state.samples, (recipe.batch,), generator=rng).chunk(_world_size())[_rank()]
        for phase in state.phases:
            optimiser = optimisers[phase.name]
            for group in optimiser.param_groups:
                group["lr"] = group["lr_factor"] * recipe.lr * _schedule(step, progress, recipe)
            loss, parts = state.loss(phase, rows, rng, progress)
            if not torch.isfinite(loss):
                raise StyleHeadError(
                    f"{recipe.name}: the loss of {phase.name} in step {step} is {loss.item()} ({_line(parts)}).\n"
                    "Resume from the last checkpoint with a smaller lr or grad_clip."
                )
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            _average_gradients(phase, len(rows) / recipe.batch)
            torch.nn.utils.clip_grad_norm_(phase.parameters(), recipe.grad_clip)
            optimiser.step()
            for name, value in parts.items():
                sums[name] = sums.get(name, 0.0) + value
        step += 1
        average.update(state.networks, step)
        if step % limits.log == 0 and is_main:
            now = time.monotonic()
            means = {name: total / limits.log for name, total in sums.items()}
            speed = limits.log * recipe.batch / (now - logged)
            _log(log, recipe, step, progress, speed, means)
            if board is not None:
                board.log(step, {"samples_per_second": speed, **means})
            sums, logged = {}, now
        if is_main and time.monotonic() - saved > limits.checkpoint:
            save_checkpoint(file, recipe, step, spent + time.monotonic() - started, state, optimisers, average)
            saved = time.monotonic()
        if is_main and time.monotonic() - sampled > limits.sheet:
            save_samples(folder / "sheet.png", state, average, board, step)
            sampled = time.monotonic()
    bar.close()
    if is_main:
        save_checkpoint(file, recipe, step, spent + time.monotonic() - started, state, optimisers, average)
        save_samples(folder / "sheet.png", state, average, board, step)
    if board is not None:
        board.close()
    average.swap(state.networks)
    return state


def _schedule(step: int, progress: float, recipe: Recipe) -> float:
    """Factor of the full learning rate: linear warm-up by steps, then half a cosine by progress."""
    rise = min(1.0, (step + 1) / (recipe.warmup_steps + 1))
    return rise * (
        recipe.final_lr_ratio + (1 - recipe.final_lr_ratio) * 0.5 * (1 + math.cos(math.pi * min(progress, 1.0)))
    )


def _adam(phase: Phase, recipe: Recipe) -> torch.optim.Adam:
    return torch.optim.Adam(phase.groups(), lr=recipe.lr, betas=recipe.betas)


# Checkpoints, logs and samples


def save_checkpoint(
    file: Path, recipe: Recipe, step: int, spent: float, state: TaskState, optimisers: dict, average: Average
):
    checkpoint = {
        "recipe": recipe.name,
        "step": step,
        "seconds": spent,
        "networks": {name: network.state_dict() for name, network in state.networks.items()},
        "optimisers": {name: optimiser.state_dict() for name, optimiser in optimisers.items()},
        "average": average.values,
    }
    write_checkpoint(file, checkpoint)


def _load_checkpoint(
    checkpoint: dict, recipe: Recipe, state: TaskState, optimisers: dict, average: Average
) -> tuple[int, float]:
    if checkpoint["recipe"] != recipe.name:
        raise StyleHeadError(
            f"The checkpoint is of the recipe {checkpoint['recipe']!r}, not of {recipe.name!r}: give another folder."
        )
    networks = _rename_keys(state.networks, checkpoint["networks"])
    for name, network in state.networks.items():
        network.load_state_dict(_rename_keys(network.state_dict(), networks[name]))
    saved = _rename_keys(optimisers, checkpoint["optimisers"])
    for name, optimiser in optimisers.items():
        for group in saved[name]["param_groups"]:
            group["lr_factor"] = group.pop("speed", group.get("lr_factor"))  # its name in version 0.1
        optimiser.load_state_dict(saved[name])
    average.values = _rename_keys(average.values, checkpoint["average"])
    return checkpoint["step"], checkpoint["seconds"]


def _rename_keys(current: dict, found: dict) -> dict:
    """``found`` under the keys of ``current``: version 0.1 had other names for some parts, in the same order."""
    return found if found.keys() == current.keys() else dict(zip(current, found.values(), strict=True))


def _log(log: Path, recipe: Recipe, step: int, progress: float, speed: float, means: Parts) -> None:
    with log.open("a", encoding="utf-8") as file:
        file.write(json.dumps({"step": step, "progress": progress, "samples_per_second": speed, **means}) + "\n")
    tqdm.write(f"{recipe.name}  {progress:4.0%}  step {step}  {speed:.1f}/s  {_line(means)}")
    sys.stdout.flush()  # it may be a file that somebody follows


def _line(parts: Parts) -> str:
    return "  ".join(f"{name} {value:.4f}" for name, value in parts.items())


def save_samples(path: Path, state: TaskState, average: Average, board: Board | None, step: int) -> None:
    average.swap(state.networks)
    modes = {network: network.training for network in state.networks.values()}
    try:
        for network in modes:
            network.eval()
        with torch.no_grad():
            sheet = state.sheet()
        write_png(path, sheet)
        if board is not None:
            board.log_samples(step, sheet)
    finally:
        for network, mode in modes.items():
            network.train(mode)
        average.swap(state.networks)


# Several processes


def _world_size() -> int:
    return dist.get_world_size() if dist.is_initialized() else 1


def _rank() -> int:
    return dist.get_rank() if dist.is_initialized() else 0


def _broadcast_progress(progress: float) -> float:
    """Progress of rank 0: clocks differ, and all processes must stop in the same step."""
    if not dist.is_initialized():
        return progress
    value = torch.tensor(progress, dtype=torch.float64)
    dist.broadcast(value, 0)
    return float(value)


def _average_gradients(phase: Phase, weight: float) -> None:
    """All-reduce the gradients; ``weight`` is this process' share of the batch."""
    if not dist.is_initialized():
        return
    for parameter in phase.parameters():
        gradient: Tensor = parameter.grad if parameter.grad is not None else torch.zeros_like(parameter)
        parameter.grad = gradient * weight
        dist.all_reduce(parameter.grad)
