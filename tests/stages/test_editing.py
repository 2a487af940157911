"""Directions by name and from files, and curves over the clip."""

import pytest
import torch
from safetensors.torch import save_file

from stylehead_core import ConfigError, Direction, InputError, WeightsError, edit_style
from stylehead_core.stages.editing import load_directions, save_directions

SHIFT = Direction(name="glasses", direction=torch.ones(10, 16))
COORDINATE = Direction(
    name="smile",
    direction=torch.ones(10, 16),
    target="coordinate",
    mean=torch.zeros(16),
    axis=torch.arange(16.0),
    goal=3.0,
)


def test_edits_add_up(scene):
    inversion = edit_style(scene.model, edit_style(scene.model, scene.inversion, "old"), SHIFT, 0.5)
    assert [edit.name for edit in inversion.edits] == ["old", "glasses"]
    assert scene.inversion.edits == ()


@pytest.mark.parametrize(
    ("settings", "curve"),
    [
        ({}, ((0, 1), (1, 1))),
        ({"strength": 0.2, "end": 0.8}, ((0, 0.2), (1, 0.8))),
        ({"curve": [(0.1, 0), (0.5, -1)]}, ((0.1, 0), (0.5, -1))),
    ],
)
def test_a_strength_becomes_a_curve(scene, settings, curve):
    assert edit_style(scene.model, scene.inversion, "old", **settings).edits[0].curve == curve


def test_an_unknown_attribute_is_answered_with_the_known_ones(scene):
    with pytest.raises(ConfigError, match=r"'wings'\. Known: old, beard"):
        edit_style(scene.model, scene.inversion, "wings")


def test_a_direction_of_another_model_is_refused(scene):
    with pytest.raises(InputError, match=r"\(10, 16\) or \(1, 16\)[^$]*found \(18, 512\)"):
        edit_style(scene.model, scene.inversion, Direction(name="x", direction=torch.zeros(18, 512)))


def test_saved_directions_are_loaded(tmp_path):
    save_directions(tmp_path / "d.safetensors", [SHIFT, COORDINATE])
    loaded = load_directions(tmp_path / "d.safetensors")
    assert list(loaded) == ["glasses", "smile"]
    assert torch.equal(loaded["smile"].axis, COORDINATE.axis)
    assert (loaded["smile"].target, loaded["smile"].goal, loaded["glasses"].mean) == ("coordinate", 3.0, None)


def test_plain_files_of_directions_are_loaded(tmp_path, scene):
    save_file({"age": torch.ones(16), "hair": torch.ones(1, 10, 16)}, tmp_path / "plain.safetensors")
    loaded = load_directions(tmp_path / "plain.safetensors")
    assert {name: tuple(direction.direction.shape) for name, direction in loaded.items()} == {
        "age": (1, 16),
        "hair": (10, 16),
    }
    assert edit_style(scene.model, scene.inversion, loaded["age"]).edits[0].name == "age"


@pytest.mark.parametrize("tensor", [torch.ones(2, 3, 4), torch.ones(4, dtype=torch.int64), torch.full((4,), torch.nan)])
def test_what_is_no_direction_is_refused(tmp_path, tensor):
    save_file({"age": tensor}, tmp_path / "plain.safetensors")
    with pytest.raises((WeightsError, InputError), match="direction"):
        load_directions(tmp_path / "plain.safetensors")


def test_a_damaged_file_is_refused(tmp_path):
    save_directions(tmp_path / "d.safetensors", [SHIFT])
    (tmp_path / "d.safetensors").write_bytes((tmp_path / "d.safetensors").read_bytes()[:-1])
    with pytest.raises(WeightsError, match="not complete"):
        load_directions(tmp_path / "d.safetensors")
