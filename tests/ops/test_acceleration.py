"""What makes a function faster gives its numbers, or says why it cannot and leaves the function alone."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from stylehead_core.ops import acceleration as module
from stylehead_core.ops.acceleration import accelerate

CPU = torch.device("cpu")
ROOT = Path(__file__).parents[2]


def double(x, more=None):
    return 2 * x if more is None else 2 * x + more


def test_plain_is_the_function_itself():
    assert accelerate(double, "plain", CPU) is double


def test_without_a_gpu_graphs_are_refused_with_a_word(caplog):
    assert accelerate(double, "graphs", CPU) is double
    assert "need a CUDA device, this is 'cpu'" in caplog.text


def test_a_compiler_that_fails_is_named_once_and_left_alone(monkeypatch, caplog):
    def compiled(*_):
        raise RuntimeError("InvalidCxxCompiler: no g++\nand so on")

    monkeypatch.setattr(torch, "compile", lambda function, dynamic: compiled)
    fast = accelerate(double, "compile", CPU)
    assert [float(fast(torch.tensor(2.0), None)) for _ in range(3)] == [4, 4, 4]
    assert [record.getMessage() for record in caplog.records] == [
        "The compiler cannot be used (InvalidCxxCompiler: no g++): drawing without it."
    ]


def test_an_error_of_the_function_stays_its_own(monkeypatch):
    monkeypatch.setattr(torch, "compile", lambda function, dynamic: function)
    with pytest.raises(TypeError):
        accelerate(double, "compile", CPU)("a", 1)


def test_memory_that_is_not_there_is_not_the_compilers_fault(monkeypatch):
    def full(*_):
        raise torch.cuda.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(torch, "compile", lambda function, dynamic: full)
    with pytest.raises(torch.cuda.OutOfMemoryError):
        accelerate(double, "compile", CPU)(torch.ones(1))


def test_torch_compiles_or_says_why_not():
    """In a process of its own: the compiler leaves much behind."""
    words = (
        "import logging, torch; logging.basicConfig(); from stylehead_core.ops.acceleration import accelerate\n"
        "fast = accelerate(lambda x, more: (2 * x + 1).relu(), 'compile', torch.device('cpu'))\n"
        "x = torch.linspace(-1, 1, 64)\n"
        "for _ in range(2): assert torch.equal(fast(x, None), (2 * x + 1).relu())\n"
        "print('compiled' if fast.function is not fast.plain else 'plain')"
    )
    done = subprocess.run([sys.executable, "-c", words], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ("plain" if "drawing without it" in done.stderr else "compiled")


# CUDA graphs, by a double of the device


class Double:
    """Records as a CUDA graph does: the buffers' addresses, not their values."""

    def __init__(self, function, held):
        self.function, self.held = function, held
        self.result = function(*held)

    def replay(self):
        self.result.copy_(self.function(*self.held))


@pytest.fixture
def records(monkeypatch):
    made = []

    def record(function, held, device):
        made.append(Double(function, held))
        return made[-1], made[-1].result

    monkeypatch.setattr(module, "_capture", record)
    return made


def test_a_recorded_graph_is_replayed_with_what_is_given(records):
    fast = module._GraphedFunction(double, CPU)
    first, second = (fast(torch.tensor([value]), None) for value in (1.0, 5.0))
    assert (first.item(), second.item()) == (2, 10)  # the first is not overwritten by the second
    assert len(records) == 1


def test_other_shapes_are_recorded_anew(records):
    fast = module._GraphedFunction(double, CPU)
    assert fast(torch.ones(2), None).tolist() == [2, 2]
    assert fast(torch.ones(3), torch.ones(3)).tolist() == [3, 3, 3]
    assert len(records) == 2


def test_what_cannot_be_recorded_is_called_as_it_is(monkeypatch, caplog):
    def record(*_):
        raise RuntimeError("operation not permitted when stream is capturing")

    monkeypatch.setattr(module, "_capture", record)
    fast = module._GraphedFunction(double, CPU)
    assert [fast(torch.tensor(2.0), None).item() for _ in range(2)] == [4, 4]
    assert len(caplog.records) == 1
    assert "not permitted when stream is capturing" in caplog.text


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_graph_of_the_device_gives_the_same_numbers():
    device = torch.device("cuda")
    fast = accelerate(double, "graphs", device)
    for value in (1.0, 5.0):
        assert fast(torch.full((4,), value, device=device), None).tolist() == [2 * value] * 4
    assert fast.graph is not None
