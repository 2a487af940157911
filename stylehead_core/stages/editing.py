"""Editing stage: attributes such as age or a beard as directions in style space, with a strength over the clip.

Axes: R style rows, D style width.
"""

import os
from collections.abc import Sequence
from dataclasses import fields

from torch import Tensor

from ..config_json import from_json, to_json
from ..errors import ConfigError, InputError, WeightsError
from ..model.config import DirectionConfig
from ..model.stylehead import StyleHead
from ..records import Direction, Edit, Inversion
from ..tensor_files import explains_itself, read_plain, read_tensors, write_tensors

__all__ = ["edit_style", "load_directions", "save_directions"]

Curve = Sequence[tuple[float, float]]


def edit_style(
    model: StyleHead,
    inversion: Inversion,
    attribute: str | Direction,
    strength: float = 1.0,
    end: float | None = None,
    curve: Curve | None = None,
) -> Inversion:
    """Add an edit to an inversion. It is applied while rendering.

    Args:
        attribute: one of ``model.attributes``, or a direction of ``load_directions``.
        strength: 1 is the full edit, 0 none, -1 the opposite.
        end: strength in the last frame, if the edit grows or fades over the clip.
        curve: points (position in the clip 0..1, strength), linear in between; replaces ``strength`` and ``end``.

    Raises:
        ConfigError: the model knows no such attribute.
        InputError: the direction does not fit the model, or the curve is not valid.
    """
    direction = model.directions.named(attribute) if isinstance(attribute, str) else attribute
    rows, width = inversion.styles.shape
    if direction.direction.shape not in ((1, width), (rows, width)):
        raise InputError(
            f"The direction {direction.name!r} must have the shape ({rows}, {width}) or (1, {width}) for this model; "
            f"found {tuple(direction.direction.shape)}. It may belong to another model."
        )
    if curve is None:
        curve = ((0.0, strength), (1.0, strength if end is None else end))
    values = {field.name: getattr(direction, field.name) for field in fields(Direction)}
    points = tuple((float(position), float(value)) for position, value in curve)
    return inversion.with_edit(Edit(**values, curve=points))


def save_directions(path: str | os.PathLike, directions: Sequence[Direction], *, license: str = "") -> None:
    """Write directions as one safetensors file."""
    configs = [DirectionConfig(name=d.name, target=d.target, goal=d.goal) for d in directions]
    tensors = {
        f"{direction.name}.{part}": tensor
        for direction in directions
        for part in ("direction", "mean", "axis")
        if (tensor := getattr(direction, part)) is not None
    }
    write_tensors(path, "directions", tensors, {"directions": to_json(configs), "license": license})


def load_directions(path: str | os.PathLike) -> dict[str, Direction]:
    """Load directions by name, from a file of ``save_directions`` or any safetensors file of plain directions.

    In a plain file every tensor (D), (1 D) or (R D) is one direction, under the tensor's name.

    Raises:
        WeightsError: the file is damaged, or holds something else.
    """
    if not explains_itself(path):
        plain = read_plain(path)
        return {name: Direction(name=name, direction=_rows(path, name, tensor)) for name, tensor in plain.items()}
    about, tensors = read_tensors(path, "directions")
    try:
        configs = from_json(tuple[DirectionConfig, ...], about.get("directions"), "directions")
        return {
            config.name: Direction(
                name=config.name,
                target=config.target,
                goal=config.goal,
                direction=_rows(path, config.name, tensors[f"{config.name}.direction"]),
                mean=tensors.get(f"{config.name}.mean"),
                axis=tensors.get(f"{config.name}.axis"),
            )
            for config in configs
        }
    except (ConfigError, InputError, KeyError) as error:
        raise WeightsError(f"{path} holds directions that cannot be used: {error}") from error


def _rows(path: str | os.PathLike, name: str, tensor: Tensor) -> Tensor:
    """Expand a direction to (rows, width)."""
    if tensor.ndim == 1:
        tensor = tensor[None]
    if tensor.ndim == 3 and len(tensor) == 1:
        tensor = tensor[0]
    if tensor.ndim != 2 or not tensor.is_floating_point():
        raise WeightsError(
            f"{path}: a direction is (width) or (rows, width) of floating numbers; {name!r} is "
            f"{tuple(tensor.shape)} of {tensor.dtype}."
        )
    return tensor.float()
