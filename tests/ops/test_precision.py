"""The precision ``auto`` is bfloat16 only where the instructions exist and pay."""

import pytest
import torch

from stylehead_core.errors import ConfigError
from stylehead_core.ops import precision
from stylehead_core.ops.precision import dtype_of, fastest_dtype


@pytest.fixture(autouse=True)
def asked_anew():
    fastest_dtype.cache_clear()
    yield
    fastest_dtype.cache_clear()


def measured(monkeypatch, there: bool, float32: float, bfloat16: float) -> torch.dtype:
    monkeypatch.setattr(precision, "_has_bfloat16_instructions", lambda: there)
    monkeypatch.setattr(precision, "_seconds", {torch.float32: float32, torch.bfloat16: bfloat16}.get)
    return dtype_of("auto")


def test_twice_as_fast_is_taken(monkeypatch):
    assert measured(monkeypatch, True, 2.0, 1.0) == torch.bfloat16


def test_hardly_faster_is_not(monkeypatch):
    assert measured(monkeypatch, True, 1.1, 1.0) == torch.float32


def test_without_the_instructions_nothing_is_timed(monkeypatch):
    assert measured(monkeypatch, False, 2.0, 1.0) == torch.float32


def test_the_answer_holds_for_the_process(monkeypatch):
    first = measured(monkeypatch, True, 2.0, 1.0)
    assert measured(monkeypatch, True, 1.0, 2.0) == first


def test_a_timing_is_a_positive_number_of_seconds():
    assert 0 < precision._seconds(torch.float32) < 10


@pytest.mark.parametrize("name", ["float32", "bfloat16", "float16"])
def test_a_named_precision_is_itself(name):
    assert dtype_of(name) == getattr(torch, name)


def test_an_unknown_precision_is_refused_with_those_there_are():
    with pytest.raises(ConfigError, match="auto, float32, bfloat16, float16"):
        dtype_of("int8")
