"""Masks say where something may act: 0 nowhere, 1 fully."""

import pytest
import torch

from stylehead_core.errors import ConfigError
from stylehead_core.ops.masks import confine_to_lower_face, lower_face_rows, mouth_box


def test_without_an_edge_the_upper_half_of_the_flow_is_zero_and_the_lower_untouched():
    flow = torch.randn(2, 2, 64, 64, generator=torch.Generator().manual_seed(0))
    confined = confine_to_lower_face(flow, edge=0)
    assert torch.equal(confined[:, :, :32], torch.zeros(2, 2, 32, 64))
    assert torch.equal(confined[:, :, 32:], flow[:, :, 32:])


def test_a_soft_edge_never_reaches_the_upper_half():
    mask = lower_face_rows(64, edge=0.25)[:, 0]
    assert torch.equal(mask[:32], torch.zeros(32))
    assert torch.equal(mask[48:], torch.ones(16))
    assert (mask.diff() >= 0).all()
    assert mask.diff().max() < 0.1


def test_an_edge_below_nothing_is_refused():
    with pytest.raises(ConfigError, match=r"-0\.1"):
        lower_face_rows(64, edge=-0.1)


@pytest.fixture
def mouth() -> torch.Tensor:
    """A mouth 16 wide and 8 high around (32, 40)."""
    return torch.tensor([[[24.0, 40], [40, 40], [32, 36], [32, 44]]])


def test_the_mouth_is_inside_and_the_corners_of_the_picture_do_not_count(mouth):
    mask = mouth_box(mouth, (64, 64))[0, 0]
    assert mask[40, 32] > 0.9
    torch.testing.assert_close(mask[[0, 0, -1, -1], [0, -1, 0, -1]], torch.zeros(4), atol=1e-4, rtol=0)


def test_the_side_of_the_box_has_half_the_weight(mouth):
    # The margin of a quarter puts the left side at 24 - 4 = 20.
    mask = mouth_box(mouth, (64, 64), softness=0.05)[0, 0]
    assert mask[40, 20].item() == pytest.approx(0.5, abs=1e-4)


def test_the_mask_follows_the_mouth(mouth):
    moved = mouth_box(mouth + torch.tensor([5.0, -3]), (64, 64))
    torch.testing.assert_close(moved[..., :-3, 5:], mouth_box(mouth, (64, 64))[..., 3:, :-5])


def test_faces_of_a_batch_do_not_mix(mouth):
    both = mouth_box(torch.cat((mouth, mouth + 7)), (48, 64))
    assert both.shape == (2, 1, 48, 64)
    torch.testing.assert_close(both[1:], mouth_box(mouth + 7, (48, 64)))


def test_one_point_alone_is_a_mask_of_numbers():
    assert torch.isfinite(mouth_box(torch.full((1, 1, 2), 8.0), (16, 16))).all()
