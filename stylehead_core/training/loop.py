"""The training loop, to be read from top to bottom.

The samples of a step and its random numbers follow from the recipe's seed and the step's number alone. So a resumed run
draws what the uninterrupted one would have drawn, and several processes share one batch without talking about it.
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
from ..model.stylehead import StyleHead
from .checkpoint import Average, read_state, write_state
from .recipe import Parts, Phase, Recipe, TaskState
from .sample_sheets import write_png
from .tensorboard import Board

__all__ = ["Limits", "run"]

BAR = "{desc} {percentage:3.0f}%|{bar}| {elapsed}<{remaining}"  # on a terminal only


@dataclass(frozen=True, kw_only=True)
class Limits:
    """When a run ends, and how often it tells."""

    minutes: float | None = None  # instead of the recipe's steps; the rate then follows the clock
    checkpoint: float = 120.0  # seconds between checkpoints
    sheet: float = 240.0  # seconds between pictures
    log: int = 50  # steps between lines of the log
    tensorboard: bool = False  # the log and the sheets also go there


def run(
    recipe: Recipe, model: StyleHead, data: Any, folder: Path, limits: Limits = Limits(), resume: bool = False
) -> TaskState:
    """Train ``model`` in place by ``recipe``; it ends with the moving average of what was learnt.

    Returns:
        What the recipe's task has made, for networks that are no part of a model.

    Raises:
        StyleHeadError: the loss is no number any more, or the checkpoint belongs to another recipe.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file, log = folder / "checkpoint.pt", folder / "log.jsonl"
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(recipe.seed)
        stage = recipe.task.start(model, data)
    optimisers = {phase.name: _adam(phase, recipe) for phase in stage.phases}
    average = Average(stage.networks, recipe.ema_decay)
    step, spent = 0, 0.0  # seconds
    if resume and file.is_file():
        step, spent = _restore(read_state(file), recipe, stage, optimisers, average)
    is_main = _rank() == 0
    board = Board(folder, step) if limits.tensorboard and is_main else None
    started, told, kept, shown = time.monotonic(), time.monotonic(), time.monotonic(), time.monotonic()
    sums: Parts = {}
    bar = tqdm(total=100, unit="%", desc=recipe.name, bar_format=BAR, disable=None if is_main else True)
    while True:
        clock = spent + time.monotonic() - started
        counted = step / recipe.steps if recipe.steps else 1.0
        progress = clock / (60 * limits.minutes) if limits.minutes else counted
        if _agreed(progress) >= 1:
            break
        bar.update(100 * progress - bar.n)
        rng = torch.Generator(torch.get_default_device()).manual_seed(recipe.seed * 1_000_003 + step)
        rows = torch.randint(stage.samples, (recipe.batch,), generator=rng).chunk(_processes())[_rank()]
        for phase in stage.phases:
            optimiser = optimisers[phase.name]
            for group in optimiser.param_groups:
                group["lr"] = group["speed"] * recipe.lr * _schedule(step, progress, recipe)
            loss, parts = stage.loss(phase, rows, rng, progress)
            if not torch.isfinite(loss):
                raise StyleHeadError(
                    f"{recipe.name}: the loss of {phase.name} in step {step} is {loss.item()} ({_line(parts)}).\n"
                    "Go on from the last checkpoint with a smaller rate, or a lower clip."
                )
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            _share_gradients(phase, len(rows) / recipe.batch)
            torch.nn.utils.clip_grad_norm_(phase.parameters(), recipe.grad_clip)
            optimiser.step()
            for name, value in parts.items():
                sums[name] = sums.get(name, 0.0) + value
        step += 1
        average.update(stage.networks, step)
        if step % limits.log == 0 and is_main:
            now = time.monotonic()
            means = {name: total / limits.log for name, total in sums.items()}
            speed = limits.log * recipe.batch / (now - told)
            _tell(log, recipe, step, progress, speed, means)
            if board is not None:
                board.tell(step, {"samples_per_second": speed, **means})
            sums, told = {}, now
        if is_main and time.monotonic() - kept > limits.checkpoint:
            _keep(file, recipe, step, spent + time.monotonic() - started, stage, optimisers, average)
            kept = time.monotonic()
        if is_main and time.monotonic() - shown > limits.sheet:
            _show(folder / "sheet.png", stage, average, board, step)
            shown = time.monotonic()
    bar.close()
    if is_main:
        _keep(file, recipe, step, spent + time.monotonic() - started, stage, optimisers, average)
        _show(folder / "sheet.png", stage, average, board, step)
    if board is not None:
        board.close()
    average.swap(stage.networks)
    return stage


def _schedule(step: int, progress: float, recipe: Recipe) -> float:
    """The part of the full rate: a linear rise by steps, then half a cosine by progress."""
    rise = min(1.0, (step + 1) / (recipe.warmup_steps + 1))
    return rise * (
        recipe.final_lr_ratio + (1 - recipe.final_lr_ratio) * 0.5 * (1 + math.cos(math.pi * min(progress, 1.0)))
    )


def _adam(phase: Phase, recipe: Recipe) -> torch.optim.Adam:
    return torch.optim.Adam(phase.groups(), lr=recipe.lr, betas=recipe.betas)


# Checkpoints and what people see


def _keep(file: Path, recipe: Recipe, step: int, spent: float, stage: TaskState, optimisers: dict, average: Average):
    state = {
        "recipe": recipe.name,
        "step": step,
        "seconds": spent,
        "networks": {name: network.state_dict() for name, network in stage.networks.items()},
        "optimisers": {name: optimiser.state_dict() for name, optimiser in optimisers.items()},
        "average": average.values,
    }
    write_state(file, state)


def _restore(state: dict, recipe: Recipe, stage: TaskState, optimisers: dict, average: Average) -> tuple[int, float]:
    if state["recipe"] != recipe.name:
        raise StyleHeadError(
            f"The checkpoint is of the recipe {state['recipe']!r}, not of {recipe.name!r}: give another folder."
        )
    for name, network in stage.networks.items():
        network.load_state_dict(state["networks"][name])
    for name, optimiser in optimisers.items():
        optimiser.load_state_dict(state["optimisers"][name])
    average.values = state["average"]
    return state["step"], state["seconds"]


def _tell(log: Path, recipe: Recipe, step: int, progress: float, speed: float, means: Parts) -> None:
    with log.open("a", encoding="utf-8") as file:
        file.write(json.dumps({"step": step, "progress": progress, "samples_per_second": speed, **means}) + "\n")
    tqdm.write(f"{recipe.name}  {progress:4.0%}  step {step}  {speed:.1f}/s  {_line(means)}")
    sys.stdout.flush()  # it may be a file that somebody follows


def _line(parts: Parts) -> str:
    return "  ".join(f"{name} {value:.4f}" for name, value in parts.items())


def _show(path: Path, stage: TaskState, average: Average, board: Board | None, step: int) -> None:
    average.swap(stage.networks)
    modes = {network: network.training for network in stage.networks.values()}
    try:
        for network in modes:
            network.eval()
        with torch.no_grad():
            sheet = stage.sheet()
        write_png(path, sheet)
        if board is not None:
            board.show(step, sheet)
    finally:
        for network, mode in modes.items():
            network.train(mode)
        average.swap(stage.networks)


# Several processes


def _processes() -> int:
    return dist.get_world_size() if dist.is_initialized() else 1


def _rank() -> int:
    return dist.get_rank() if dist.is_initialized() else 0


def _agreed(progress: float) -> float:
    """The first process' progress: clocks differ, and all must stop in the same step."""
    if not dist.is_initialized():
        return progress
    value = torch.tensor(progress, dtype=torch.float64)
    dist.broadcast(value, 0)
    return float(value)


def _share_gradients(phase: Phase, weight: float) -> None:
    """Make every process hold the gradient of the whole batch; ``weight`` is this process' part of it."""
    if not dist.is_initialized():
        return
    for parameter in phase.parameters():
        gradient: Tensor = parameter.grad if parameter.grad is not None else torch.zeros_like(parameter)
        parameter.grad = gradient * weight
        dist.all_reduce(parameter.grad)
