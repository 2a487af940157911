"""What counts in a picture, and how much."""

import pytest
import torch

from stylehead_core.training.losses import adversarial_loss, logistic_loss, roughness_difference, weight_changes


def test_an_edit_counts_where_it_changes_something():
    before = torch.zeros(2, 3, 16, 16)
    after = before.clone()
    after[:, :, 4:8, 4:8] = 0.5
    weight = weight_changes(before, after, most=6.0)
    assert weight.shape == (2, 1, 16, 16)
    torch.testing.assert_close(weight[:, :, 5, 5], torch.full((2, 1), 7.0))
    torch.testing.assert_close(weight[:, :, 12, 12], torch.ones(2, 1))


def test_pictures_without_a_change_count_alike():
    picture = torch.rand(1, 3, 8, 8)
    assert torch.equal(weight_changes(picture, picture, most=6.0), torch.ones(1, 1, 8, 8))


def test_roughness_is_compared_wherever_the_detail_lies():
    generator = torch.Generator().manual_seed(0)
    target = 0.2 * torch.randn(1, 3, 64, 64, generator=generator)
    weight = torch.ones(1, 1, 64, 64)
    assert roughness_difference(target, target, weight) == 0
    elsewhere = 0.2 * torch.randn(1, 3, 64, 64, generator=generator)
    soft = target / 2
    assert roughness_difference(elsewhere, target, weight) < 0.4 * roughness_difference(soft, target, weight)
    assert (elsewhere - target).abs().mean() > (soft - target).abs().mean()


def test_stripes_are_no_texture():
    generator = torch.Generator().manual_seed(0)
    weight = torch.ones(1, 1, 64, 64)
    target = torch.randn(1, 3, 64, 64, generator=generator)
    texture = torch.randn(1, 3, 64, 64, generator=generator)
    lines = torch.randn(1, 3, 64, 1, generator=generator).expand_as(target)
    assert roughness_difference(lines, target, weight) > 4 * roughness_difference(texture, target, weight)


def test_a_weight_says_whose_judgement_counts():
    logits = torch.tensor([[[[-20.0, 20.0]]]])
    first, second = torch.tensor([[[[1.0, 0.0]]]]), torch.tensor([[[[0.0, 1.0]]]])
    assert adversarial_loss(logits, first) == pytest.approx(20)
    assert adversarial_loss(logits, second) == pytest.approx(0, abs=1e-6)
    assert logistic_loss(logits, logits, first) == pytest.approx(20)
    assert logistic_loss(logits, logits) == pytest.approx(20)
