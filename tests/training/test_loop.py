"""A run is decided by its recipe alone: by its seed, not by when it was stopped or how many processes share it."""

import os
import sys
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import ClassVar

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as multiprocessing
from torch import nn

from stylehead_core.errors import ConfigError, StyleHeadError
from stylehead_core.model.presets import debug
from stylehead_core.training.checkpoint import Average, read_checkpoint, write_checkpoint
from stylehead_core.training.loop import Limits, run
from stylehead_core.training.recipe import Phase, Recipe


@dataclass(frozen=True)
class Line:
    """Learns y = 2 x - 1 from points."""

    spoiled_at: float = 2.0  # progress from which the loss is no number
    parts: tuple[str, ...] = ()

    def start(self, model, heads):
        return LineState(self)


class LineState:
    samples = 64

    def __init__(self, task):
        self.task, self.line = task, nn.Linear(1, 1)
        self.networks = {"line": self.line}
        self.phases = (Phase("learn", [(self.line, 1.0)]),)
        self.x = torch.linspace(-1, 1, self.samples)[:, None]

    def loss(self, phase, rows, rng, progress):
        loss = (self.line(self.x[rows]) - (2 * self.x[rows] - 1)).square().mean()
        loss = loss * float("nan") if progress >= self.task.spoiled_at else loss
        return loss, {"squared": float(loss.detach())}

    def sheet(self):
        return torch.zeros(3, 2, 2)


RECIPE = Recipe(name="line", model=debug(), task=Line(), steps=20, batch=8, lr=0.05, warmup_steps=2, ema_decay=0.9)


def learnt(recipe, folder, limits=Limits(), resume=False):
    run(recipe, None, None, folder, limits, resume)
    return read_checkpoint(folder / "checkpoint.pt")


def same(one, other, tolerance=0.0):
    for name, value in one["networks"]["line"].items():
        torch.testing.assert_close(value, other["networks"]["line"][name], rtol=0, atol=tolerance)
    for name, value in one["average"].items():
        torch.testing.assert_close(value, other["average"][name], rtol=0, atol=tolerance)


def test_it_learns(tmp_path):
    state = learnt(replace(RECIPE, steps=400), tmp_path)
    torch.testing.assert_close(state["average"]["line.weight"], torch.tensor([[2.0]]), rtol=0, atol=0.02)
    torch.testing.assert_close(state["average"]["line.bias"], torch.tensor([-1.0]), rtol=0, atol=0.02)


def test_a_resumed_run_equals_an_uninterrupted_one(tmp_path):
    whole = learnt(RECIPE, tmp_path / "whole")

    class Stop(Exception):
        pass

    class Interrupted(Line):
        def start(self, model, heads):
            stage = LineState(self)
            loss, calls = stage.loss, [0]

            def stopped(*arguments):
                calls[0] += 1
                if calls[0] > 11:
                    raise Stop
                return loss(*arguments)

            stage.loss = stopped
            return stage

    keep_all = Limits(checkpoint=-1.0)
    with pytest.raises(Stop):
        learnt(replace(RECIPE, task=Interrupted()), tmp_path / "parts", keep_all)
    same(whole, learnt(RECIPE, tmp_path / "parts", resume=True))


def test_a_loss_that_is_no_number_stops_the_run(tmp_path):
    with pytest.raises(StyleHeadError, match="the loss of learn in step 10 is nan"):
        learnt(replace(RECIPE, task=Line(spoiled_at=0.5)), tmp_path)


def test_another_recipes_checkpoint_is_refused(tmp_path):
    learnt(RECIPE, tmp_path)
    with pytest.raises(StyleHeadError, match="'line'"):
        learnt(replace(RECIPE, name="curve"), tmp_path, resume=True)


def _share(rank, folder, port):
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    torch.set_num_threads(1)
    dist.init_process_group("gloo", rank=rank, world_size=2)
    run(RECIPE, None, None, folder)
    dist.barrier()  # neither leaves while the other still waits for it
    dist.destroy_process_group()


def test_a_checkpoint_of_version_01_opens(tmp_path):
    class OldLine(Line):
        def start(self, model, heads):
            state = LineState(self)
            state.networks = {"discriminator": state.line}
            state.phases = (Phase("calibrate", [(state.line, 1.0)]),)
            return state

    recipe = replace(RECIPE, task=OldLine(), steps=10)
    run(recipe, None, None, tmp_path)
    checkpoint = read_checkpoint(tmp_path / "checkpoint.pt")
    for group in checkpoint["optimisers"]["calibrate"]["param_groups"]:
        group["speed"] = group.pop("lr_factor")
    old = checkpoint | {
        "networks": {"judge": checkpoint["networks"]["discriminator"]},
        "optimisers": {"mend": checkpoint["optimisers"]["calibrate"]},
        "average": {name.replace("discriminator", "judge"): value for name, value in checkpoint["average"].items()},
    }
    write_checkpoint(tmp_path / "checkpoint.pt", old)
    run(replace(recipe, steps=12), None, None, tmp_path, resume=True)
    resumed = read_checkpoint(tmp_path / "checkpoint.pt")
    assert resumed["step"] == 12
    assert resumed["networks"].keys() == {"discriminator"}
    assert resumed["optimisers"].keys() == {"calibrate"}
    assert not torch.equal(resumed["average"]["discriminator.weight"], checkpoint["average"]["discriminator.weight"])


def test_two_processes_equal_one(tmp_path):
    one = learnt(RECIPE, tmp_path / "one")
    multiprocessing.spawn(_share, (tmp_path / "two", 29500 + os.getpid() % 1000), nprocs=2)
    same(one, read_checkpoint(tmp_path / "two" / "checkpoint.pt"), tolerance=1e-5)


def test_the_average_moves_towards_what_is_learnt():
    line = nn.Linear(1, 1)
    nn.init.zeros_(line.weight)
    average = Average({"line": line}, keep=0.75)
    nn.init.ones_(line.weight)
    for _ in range(3):
        average.update({"line": line}, step=100)
    assert average.values["line.weight"].item() == pytest.approx(1 - 0.75**3)


def test_a_checkpoint_is_whole_or_not_there(tmp_path):
    write_checkpoint(tmp_path / "checkpoint.pt", {"step": 3})
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.pt"]
    (tmp_path / "checkpoint.pt").write_bytes(b"cut short")
    with pytest.raises(StyleHeadError, match="cannot be read"):
        read_checkpoint(tmp_path / "checkpoint.pt")


def test_a_recipe_without_a_batch_is_refused():
    with pytest.raises(ConfigError, match="batch"):
        replace(RECIPE, batch=0)


class Writer:
    """Stands in for TensorBoard's."""

    made: ClassVar[list] = []

    def __init__(self, folder, purge_step):
        self.folder, self.numbers, self.closed = folder, [], False
        Writer.made.append(self)

    def add_scalar(self, name, value, step):
        self.numbers.append((name, step))

    def add_image(self, name, picture, step):
        assert picture.min() >= 0
        self.numbers.append((name, step))

    def close(self):
        self.closed = True


def test_tensorboard_gets_the_log_and_the_sheets(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", SimpleNamespace(SummaryWriter=Writer))
    learnt(RECIPE, tmp_path, Limits(tensorboard=True, log=10))
    (writer,) = Writer.made
    assert writer.closed
    assert writer.folder == str(tmp_path / "tensorboard")
    told = [(name, step) for name, step in writer.numbers if name != "samples_per_second"]
    assert told == [("squared", 10), ("squared", 20), ("sheet", 20)]


def test_without_tensorboard_a_run_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)  # as if it were not there
    with pytest.raises(ConfigError, match="pip install"):
        learnt(RECIPE, tmp_path, Limits(tensorboard=True))
