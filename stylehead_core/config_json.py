"""Converts frozen config dataclasses to JSON values and back, checked against their type hints."""

import dataclasses
import types
import typing
from collections.abc import Mapping
from fractions import Fraction
from functools import cache
from typing import Any, Literal, TypeVar, Union, cast

from .errors import ConfigError

__all__ = ["from_json", "to_json"]

T = TypeVar("T")

DIGITS = 40  # of a fraction, at most
LARGEST = 1_000_000  # largest plausible integer of a configuration; building with more would take for ever


def to_json(value: Any) -> Any:
    """Convert ``value`` to dicts, lists, strings and numbers. Fractions become strings such as ``30000/1001``."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_json(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): to_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_json(item) for item in value]
    if isinstance(value, Fraction):
        return str(value)
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise ConfigError(f"A configuration holds numbers, texts, lists and other configurations; found {value!r}.")


def from_json(kind: type[T], value: Any, where: str = "configuration") -> T:
    """Build a ``kind`` from the ``value`` that ``to_json`` made.

    A missing field takes its default, so that older files stay readable.

    Raises:
        ConfigError: an unknown or missing field, or a value of another type; ``where`` is the path to it.
    """
    return cast(T, _read(kind, value, where))


@cache
def _hints(kind: type) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _read(hint: Any, value: Any, where: str) -> Any:
    origin, choices = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return value
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return _read_dataclass(hint, value, where)
    if origin in (Union, types.UnionType):
        return _read_union(choices, value, where)
    if origin is Literal:
        if value in choices:
            return value
    elif hint is Fraction and isinstance(value, (str, int)) and not isinstance(value, bool):
        return _fraction(value, where)
    elif origin is tuple and isinstance(value, list):
        if len(choices) == 2 and choices[1] is Ellipsis:
            return tuple(_read(choices[0], item, f"{where}[{i}]") for i, item in enumerate(value))
        if len(choices) == len(value):
            pairs = zip(choices, value, strict=True)
            return tuple(_read(choice, item, f"{where}[{i}]") for i, (choice, item) in enumerate(pairs))
    elif origin in (dict, Mapping) and isinstance(value, dict):
        return {_key(choices[0], key, where): _read(choices[1], item, f"{where}.{key}") for key, item in value.items()}
    elif hint is float and isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    elif hint is int and type(value) is int and abs(value) > LARGEST:
        raise ConfigError(f"{where}: expected a number up to {LARGEST}, found {str(value)[:20]}.")
    elif hint in (int, str, bool, type(None)) and type(value) is hint:
        return value
    raise ConfigError(f"{where}: expected {_words(hint)}, found {value!r}.")


def _read_dataclass(kind: type, value: Any, where: str) -> Any:
    if not isinstance(value, dict):
        raise ConfigError(f"{where}: expected the fields of {kind.__name__}, found {value!r}.")
    fields = {field.name: field for field in dataclasses.fields(kind)}
    unknown = sorted(value.keys() - fields.keys())
    needed = {
        name
        for name, field in fields.items()
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    }
    missing = sorted(needed - value.keys())
    if unknown or missing:
        found = [f"unknown: {', '.join(unknown)}"] * bool(unknown) + [f"missing: {', '.join(missing)}"] * bool(missing)
        raise ConfigError(f"{where} is no {kind.__name__} of this version ({'; '.join(found)}).")
    hints = _hints(kind)
    return kind(**{name: _read(hints[name], item, f"{where}.{name}") for name, item in value.items()})


def _read_union(choices: tuple[Any, ...], value: Any, where: str) -> Any:
    if value is None and type(None) in choices:
        return None
    problem = None
    for choice in choices:
        if choice is not type(None):
            try:
                return _read(choice, value, where)
            except ConfigError as error:
                problem = error
    raise problem or ConfigError(f"{where}: found {value!r}.")


def _fraction(value: str | int, where: str) -> Fraction:
    try:
        if len(str(value)) > DIGITS or "e" in str(value).lower():  # 1e999999999 is easily written
            raise ValueError
        return Fraction(value)
    except (ValueError, ZeroDivisionError) as error:
        raise ConfigError(f"{where}: expected a fraction, found {str(value)[:DIGITS]!r}.") from error


def _key(hint: Any, key: str, where: str) -> Any:
    if hint is int:
        try:
            return int(key)
        except ValueError as error:
            raise ConfigError(f"{where}: expected a whole number, found {key!r}.") from error
    return key


def _words(hint: Any) -> str:
    if typing.get_origin(hint) is Literal:
        return "one of " + ", ".join(repr(choice) for choice in typing.get_args(hint))
    return getattr(hint, "__name__", str(hint))
