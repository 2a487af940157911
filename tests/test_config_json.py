"""A configuration that went through JSON is the same configuration."""

import json
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import pytest

from stylehead_core.config_json import from_json, to_json
from stylehead_core.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Inner:
    channels: dict[int, int]
    form: Literal["conv", "mlp"] = "conv"


@dataclass(frozen=True, kw_only=True)
class Outer:
    name: str
    inner: Inner
    other: Inner | None = None
    rate: Fraction = Fraction(25)
    widths: tuple[int, ...] = (1, 2)
    pair: tuple[int, float] = (1, 2.0)
    gain: float = 1.0
    deep: bool = False


FULL = Outer(
    name="a",
    inner=Inner(channels={4: 8, 8: 4}),
    other=Inner(channels={}, form="mlp"),
    rate=Fraction(30000, 1001),
    widths=(3,),
    pair=(7, 0.5),
    deep=True,
)


@pytest.mark.parametrize("config", [FULL, Outer(name="b", inner=Inner(channels={1: 1}))])
def test_there_and_back_is_equal(config):
    assert from_json(Outer, json.loads(json.dumps(to_json(config)))) == config


def test_fields_that_an_older_file_does_not_have_take_their_defaults():
    assert from_json(Outer, {"name": "b", "inner": {"channels": {"1": 1}}}) == Outer(
        name="b", inner=Inner(channels={1: 1})
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"colour": 1}, "unknown: colour"),
        ({"name": 3}, r"configuration\.name: expected str, found 3"),
        ({"deep": 1}, "expected bool"),
        ({"gain": True}, "expected float"),
        ({"widths": [1, "2"]}, r"widths\[1\]: expected int"),
        ({"pair": [1]}, "pair"),
        ({"rate": "1/0"}, "expected a fraction"),
        ({"inner": {"channels": {"a": 1}}}, "whole number"),
        ({"inner": {"channels": {}, "form": "lstm"}}, "one of 'conv', 'mlp'"),
        ({"inner": {}}, "missing: channels"),
        ({"inner": None}, "fields of Inner"),
        ({"other": 5}, "fields of Inner"),
    ],
)
def test_what_does_not_fit_is_named(change, words):
    with pytest.raises(ConfigError, match=words):
        from_json(Outer, {**to_json(FULL), **change})


def test_only_plain_values_can_be_written():
    with pytest.raises(ConfigError, match="object"):
        to_json(object())
