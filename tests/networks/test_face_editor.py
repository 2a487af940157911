"""An attribute has a plan of the face, and changes what the plan says where the face is."""

from dataclasses import replace

import pytest
import torch

from stylehead_core.errors import ConfigError
from stylehead_core.networks.face_editor import FaceEditor, FaceEditorConfig

CONFIG = FaceEditorConfig(names=("beard", "age"), feature_channels=4, plan=3, plan_size=8, width=6, fold=2)


def learnt(config):
    """An editor that changes something."""
    torch.manual_seed(0)
    made = FaceEditor(config)
    for attribute in made.attributes.values():
        torch.nn.init.normal_(attribute.last.weight)
    return made.requires_grad_(False)


@pytest.fixture
def editor():
    return learnt(CONFIG)


def front(size=8):
    """A face seen from the front, as large as the plan."""
    line = (torch.arange(size) + 0.5) * 2 / size - 1
    return torch.stack(torch.meshgrid(line, line, indexing="xy"))[None]


def given(size=8, covered=1.0):
    """Feature map, picture, places, covered."""
    rng = torch.Generator().manual_seed(1)
    feature = torch.randn(1, 4, size, size, generator=rng)
    picture = 2 * torch.rand(1, 3, 2 * size, 2 * size, generator=rng) - 1
    return feature, picture, front(size), torch.full((1, 1, size, size), covered)


def test_nothing_is_changed_beside_the_head(editor):
    feature, picture, places, covered = given()
    covered[..., 3:, :] = 0
    change, pixels = editor("beard", feature, picture, places, covered)
    assert change[..., :3, :].abs().min() > 0
    assert pixels[..., :6, :].abs().min() > 0
    assert not change[..., 3:, :].any()
    assert not pixels[..., 6:, :].any()


def test_an_attribute_may_reach_beyond_the_head(editor):
    reaching = learnt(replace(CONFIG, beyond=("age",)))
    beside = given(covered=0.0)
    assert not any(part.any() for part in reaching("beard", *beside))
    assert all(part.abs().min() > 0 for part in reaching("age", *beside))
    with pytest.raises(ConfigError, match="among the names"):
        replace(CONFIG, beyond=("hat",))


def test_it_sees_from_afar_what_a_place_belongs_to():
    editor = learnt(replace(CONFIG, plan_size=64))
    attribute = editor.attributes["beard"]
    feature, *rest = given(64)
    other = feature.clone()
    other[..., :20, :20] += 1

    def changes_at(cell):
        here, there = (editor("beard", seen, *rest)[0][..., cell, cell] for seen in (feature, other))
        return not torch.equal(here, there)

    assert changes_at(19)
    assert not changes_at(30)
    for layer in (attribute.tell, *(unit.out for unit in attribute.afar)):
        torch.nn.init.normal_(layer.weight)
    assert changes_at(30)


def test_it_sees_the_pixels_and_changes_those_of_the_cells_it_means(editor):
    feature, picture, places, covered = given()
    before = editor("age", feature, picture, places, covered)
    assert before[1].shape == picture.shape
    picture[..., 0, 0] += 1
    after = editor("age", feature, picture, places, covered)
    for old, new, reach in zip(before, after, (3, 6), strict=True):  # two convolutions reach two cells
        assert not torch.allclose(old[..., :reach, :reach], new[..., :reach, :reach])
        assert torch.equal(old[..., reach:, :], new[..., reach:, :])


def test_without_a_fold_pixels_are_left_alone():
    feature, picture, *rest = given()
    editor = learnt(replace(CONFIG, fold=0))
    change, pixels = editor("age", feature, picture, *rest)
    assert pixels is None
    assert torch.equal(change, editor("age", feature, -picture, *rest)[0])


def test_before_it_has_learnt_it_changes_nothing():
    assert not any(part.any() for part in FaceEditor(CONFIG)("beard", *given()))


def test_the_change_turns_with_the_face(editor):
    feature, picture, places, covered = (torch.zeros(1, 4, 8, 8), torch.zeros(1, 3, 16, 16), *given()[2:])
    for weights in (editor.attributes["beard"].first.weight, editor.attributes["beard"].last.weight):
        weights[:] = weights[..., 1:2, 1:2].clone()  # a convolution that knows no direction
        weights[..., 0, :] = weights[..., 2, :] = weights[..., 0] = weights[..., 2] = 0
    straight, _ = editor("beard", feature, picture, places, covered)
    mirrored, _ = editor("beard", feature, picture, places.flip(-1), covered)
    torch.testing.assert_close(mirrored, straight.flip(-1))


def test_attributes_differ(editor):
    assert not torch.allclose(editor("beard", *given())[0], editor("age", *given())[0])


def test_sizes_must_be_numbers_from_one_up():
    with pytest.raises(ConfigError, match="at least one"):
        FaceEditorConfig(names=("beard",), plan=0)
