"""Another person's motion is brought to the portrait's size and place, and otherwise left alone."""

import pytest
import torch

from stylehead_core.ops.cross_identity import fit_to_portrait, nearest_frame


@pytest.fixture
def driving() -> torch.Tensor:
    motion = torch.randn(6, 73, generator=torch.Generator().manual_seed(0))
    motion[:, 70] = torch.linspace(1, 2, 6)
    return motion


def test_a_frame_of_the_motion_is_nearest_to_itself(driving):
    assert [nearest_frame(driving, frame) for frame in driving] == list(range(6))


def test_an_angle_counts_more_than_an_expression():
    source = torch.zeros(73)
    driving = torch.zeros(2, 73)
    driving[0, :64] = 1
    driving[1, 64:67] = 1
    assert nearest_frame(driving, source) == 0


def test_the_portraits_own_motion_stays_as_it_is(driving):
    torch.testing.assert_close(fit_to_portrait(driving, driving[2]), driving)


def test_a_larger_crop_scale_is_carried_over(driving):
    source = driving[2].clone()
    source[70] *= 3
    fitted = fit_to_portrait(driving, source)
    torch.testing.assert_close(fitted[:, 70], driving[:, 70] * 3)
    others = [i for i in range(73) if i != 70]
    torch.testing.assert_close(fitted[:, others], driving[:, others])


def test_the_head_is_where_the_portrait_has_it_at_the_nearest_frame(driving):
    source = driving[4].clone()
    source[67:70] += 5
    fitted = fit_to_portrait(driving, source)
    torch.testing.assert_close(fitted[4], source)
    torch.testing.assert_close(fitted[:, 67:70].diff(dim=0), driving[:, 67:70].diff(dim=0))
