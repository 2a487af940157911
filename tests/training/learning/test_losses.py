"""What counts in a picture, and how much."""

import torch

from stylehead_core.training.losses import changed


def test_an_edit_counts_where_it_changes_something():
    before = torch.zeros(2, 3, 16, 16)
    after = before.clone()
    after[:, :, 4:8, 4:8] = 0.5
    weight = changed(before, after, most=6.0)
    assert weight.shape == (2, 1, 16, 16)
    torch.testing.assert_close(weight[:, :, 5, 5], torch.full((2, 1), 7.0))
    torch.testing.assert_close(weight[:, :, 12, 12], torch.ones(2, 1))


def test_pictures_without_a_change_count_alike():
    picture = torch.rand(1, 3, 8, 8)
    assert torch.equal(changed(picture, picture, most=6.0), torch.ones(1, 1, 8, 8))
