"""An attribute has a plan of the face, and changes what the plan says where the face is."""

import pytest
import torch

from stylehead_core.errors import ConfigError
from stylehead_core.models.face_editor import FaceEditor, FaceEditorConfig


@pytest.fixture
def editor():
    torch.manual_seed(0)
    made = FaceEditor(FaceEditorConfig(names=("beard", "age"), feature_channels=4, plan=3, plan_size=8, width=6))
    for attribute in made.attributes.values():
        torch.nn.init.normal_(attribute.last.weight)
    return made.requires_grad_(False)


def front(size=8):
    """A face seen from the front, as large as the plan."""
    line = (torch.arange(size) + 0.5) * 2 / size - 1
    return torch.stack(torch.meshgrid(line, line, indexing="xy"))[None]


def test_nothing_is_changed_beside_the_head(editor):
    covered = torch.zeros(1, 1, 8, 8)
    covered[..., :3, :] = 1
    change = editor("beard", torch.randn(1, 4, 8, 8), front(), covered)
    assert change[..., :3, :].abs().min() > 0
    assert not change[..., 3:, :].any()


def test_before_it_has_learnt_it_changes_nothing():
    fresh = FaceEditor(FaceEditorConfig(names=("beard",), feature_channels=4, plan=3, plan_size=8, width=6))
    assert not fresh("beard", torch.randn(1, 4, 8, 8), front(), torch.ones(1, 1, 8, 8)).any()


def test_the_change_turns_with_the_face(editor):
    feature, covered = torch.zeros(1, 4, 8, 8), torch.ones(1, 1, 8, 8)
    for weights in (editor.attributes["beard"].first.weight, editor.attributes["beard"].last.weight):
        weights[:] = weights[..., 1:2, 1:2].clone()  # a convolution that knows no direction
        weights[..., 0, :] = weights[..., 2, :] = weights[..., 0] = weights[..., 2] = 0
    straight = editor("beard", feature, front(), covered)
    mirrored = editor("beard", feature, front().flip(-1), covered)
    torch.testing.assert_close(mirrored, straight.flip(-1))


def test_attributes_differ(editor):
    given = torch.randn(1, 4, 8, 8), front(), torch.ones(1, 1, 8, 8)
    assert not torch.allclose(editor("beard", *given), editor("age", *given))


def test_sizes_must_be_numbers_from_one_up():
    with pytest.raises(ConfigError, match="at least one"):
        FaceEditorConfig(names=("beard",), plan=0)
