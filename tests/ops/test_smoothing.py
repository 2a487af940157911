"""Calming and filling: what is steady stays, what is missing lies between its neighbours."""

import pytest
import torch

from stylehead_core.ops import smoothing
from stylehead_core.ops.smoothing import fill_gaps, sample_at, smooth_over_time, unwrap


@pytest.mark.parametrize("sigma", [0.4, 1.0, 5.0, 100.0])
def test_a_steady_movement_stays_as_it_is_up_to_both_ends(sigma):
    line = torch.arange(20.0)[:, None] * torch.tensor([0.1, -3.0]) + 5
    torch.testing.assert_close(smooth_over_time(line, sigma), line)


def test_trembling_becomes_less_and_the_middle_stays():
    noise = torch.randn(2000, 1, generator=torch.Generator().manual_seed(0))
    calm = smooth_over_time(noise, 2.0)
    assert calm.std() < 0.5 * noise.std()
    assert calm.mean().item() == pytest.approx(noise.mean().item(), abs=0.01)


def test_long_values_are_smoothed_in_blocks_as_in_one_go(monkeypatch):
    values = torch.rand(50, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    whole = smooth_over_time(values, 2.5)
    monkeypatch.setattr(smoothing, "BLOCK_FRAMES", 7)
    torch.testing.assert_close(smooth_over_time(values, 2.5), whole, atol=1e-12, rtol=0)


def test_there_is_no_delay():
    bump = torch.zeros(41, 1)
    bump[20] = 1
    calm = smooth_over_time(bump, 2.0)
    assert calm.argmax() == 20
    torch.testing.assert_close(calm, calm.flip(0))


@pytest.mark.parametrize("frames", [1, 2])
def test_one_or_two_frames_are_left_alone_or_stay_finite(frames):
    assert torch.isfinite(smooth_over_time(torch.ones(frames, 3), 4.0)).all()


def test_angles_that_pass_half_a_turn_go_on():
    angles = torch.linspace(2.5, 4.0, 10)[:, None]
    wrapped = torch.remainder(angles + torch.pi, 2 * torch.pi) - torch.pi
    torch.testing.assert_close(unwrap(wrapped), angles)


def test_gaps_are_bridged_and_ends_are_held():
    values = torch.tensor([0.0, 10.0, 0.0, 0.0, 40.0, 0.0])[:, None]
    known = torch.tensor([False, True, False, False, True, False])
    assert fill_gaps(values, known)[:, 0].tolist() == [10, 10, 20, 30, 40, 40]


def test_a_whole_position_is_that_frame_bit_for_bit():
    values = torch.rand(9, 4, generator=torch.Generator().manual_seed(0))
    assert torch.equal(sample_at(values, torch.arange(9.0)), values)
    assert torch.equal(sample_at(values, torch.tensor([-2.0, 99.0])), values[[0, 8]])
    torch.testing.assert_close(sample_at(values, torch.tensor([2.25]))[0], 0.75 * values[2] + 0.25 * values[3])
