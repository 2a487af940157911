"""A head that speaks sways, nods and blinks a little, the same way for the same seed."""

from fractions import Fraction

import pytest
import torch

from stylehead_core.ops.liveliness import BLINKS_PER_MINUTE, lively_face, lively_rotation

FPS = Fraction(25)


def level(frames: int) -> torch.Tensor:
    return -30 + 15 * torch.sin(torch.arange(frames) / 3)


def both(frames: int, seed: int = 0, fps: Fraction = FPS) -> dict[str, torch.Tensor]:
    return lively_rotation(level(frames), fps, seed) | lively_face(level(frames), fps, seed)


def test_the_same_seed_moves_the_same_way_and_another_does_not():
    first, again, other = both(200), both(200), both(200, seed=1)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.allclose(first["yaw"], other["yaw"], atol=1e-3)
    assert not torch.equal(first["eyeBlinkLeft"], other["eyeBlinkLeft"])


def test_it_begins_with_the_portrait_as_it_is():
    assert all(float(values[0]) == 0 for values in both(200).values())


def test_the_head_turns_by_degrees_and_not_by_more():
    for seed in range(5):
        for name, values in lively_rotation(level(1500), FPS, seed).items():
            assert 0.3 < float(values.std()) * 57.3 < 2.5, name
            assert float(values.abs().max()) * 57.3 < 7, name


def test_eyes_shut_as_often_as_those_of_somebody_who_talks():
    minutes = 10
    blink = lively_face(torch.full((minutes * 60 * 25,), -30.0), FPS, seed=3)["eyeBlinkLeft"]
    assert float(blink.min()) == 0
    assert float(blink.max()) > 0.95
    begun = int(((blink[1:] > 0) & (blink[:-1] == 0)).sum())
    assert begun / minutes == pytest.approx(BLINKS_PER_MINUTE, rel=0.25)


def test_a_longer_sound_begins_with_the_same_blinks():
    short, long = (lively_face(level(frames), FPS, 0)["eyeBlinkLeft"] for frames in (300, 600))
    assert torch.equal(long[:300], short)


def test_the_frame_rate_changes_no_moment():
    slow, fast = (
        lively_rotation(torch.full((frames,), -30.0), Fraction(fps), 0) for frames, fps in ((100, 25), (200, 50))
    )
    torch.testing.assert_close(slow["yaw"], fast["yaw"][::2])
