"""Sync: embeddings that match at a known shift, and lips that open with a known sound."""

import math

import pytest
import torch

from stylehead_core.errors import InputError
from stylehead_core.evaluation.metrics.lip_envelope import lip_envelope_correlation, sound_envelope
from stylehead_core.evaluation.metrics.sync import sync


@pytest.fixture
def embeddings() -> torch.Tensor:
    return torch.randn(60, 8, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("late", [-4, 0, 7])
def test_sound_that_comes_late_is_found_as_late(embeddings, late):
    found = sync(embeddings, embeddings.roll(late, dims=0))
    assert found.offset == late
    assert found.distance == pytest.approx(0, abs=2e-3)
    assert found.confidence > 2


def test_unit_vectors_at_a_right_angle_are_a_root_of_two_apart_at_every_shift():
    video, sound = torch.eye(2)[:1].expand(40, 2), torch.eye(2)[1:].expand(40, 2)
    found = sync(video, sound)
    assert found.distance == pytest.approx(math.sqrt(2))
    assert found.confidence == pytest.approx(0, abs=1e-6)


def test_a_clip_shorter_than_the_shifts_is_refused(embeddings):
    with pytest.raises(InputError, match="more than 15 windows"):
        sync(embeddings[:15], embeddings[:15])


def test_the_envelope_of_a_sine_is_its_amplitude_over_the_root_of_two():
    time = torch.arange(16000) / 16000
    loudness = torch.cat((torch.zeros(8000), torch.ones(8000)))  # silent for half a second
    envelope = sound_envelope(loudness * torch.sin(2 * math.pi * 400 * time), 16000, 25, 27)
    expected = torch.tensor([0.0] * 12 + [0.5] + [math.sqrt(0.5)] * 12 + [0.0] * 2)
    torch.testing.assert_close(envelope, expected, atol=1e-3, rtol=0)


def test_lips_that_open_with_the_sound_correlate_wholly(embeddings):
    sound = embeddings[:, 0].abs()
    assert lip_envelope_correlation(0.3 * sound + 0.1, sound) == pytest.approx(1, abs=1e-5)
    assert lip_envelope_correlation(sound.roll(-2), sound) > 0.8  # lips two frames ahead
    assert lip_envelope_correlation(embeddings[:, 1], sound) < 0.5


def test_still_lips_correlate_with_nothing(embeddings):
    assert lip_envelope_correlation(torch.full((60,), 0.2), embeddings[:, 0].abs()) == 0
