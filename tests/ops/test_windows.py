"""A window is what an encoder sees around one frame of motion or sound."""

import json
from fractions import Fraction

import pytest
import recipe
import torch

from stylehead_core.ops.windows import SILENCE, mel_window_start, mel_windows, motion_windows

REFERENCE = json.loads((recipe.REFERENCE / "fixtures" / "windows.json").read_text())
FPS = Fraction(25)


def numbered(frames: int) -> torch.Tensor:
    """A motion whose only coefficient is the number of the frame."""
    return torch.arange(float(frames))[:, None]


@pytest.mark.parametrize(("key", "expected"), REFERENCE["window_indices"].items())
def test_a_window_sees_the_frames_of_the_reference(key, expected):
    frame, total = map(int, key.split("/"))
    seen = motion_windows(numbered(total), FPS, window=27, frames=torch.tensor([frame]))
    assert seen.flatten().tolist() == expected


@pytest.mark.parametrize(("key", "expected"), REFERENCE["audio_window_start_len"].items())
def test_a_mel_window_starts_where_the_reference_starts_unless_that_is_before_the_sound(key, expected):
    window, frame = map(int, key.split("/"))
    assert [max(0, mel_window_start(frame, window)), window] == expected


def test_the_windows_of_some_frames_are_those_among_all():
    motion = torch.randn(9, 3, generator=torch.Generator().manual_seed(0))
    every = motion_windows(motion, FPS, window=5)
    assert every.shape == (9, 3, 5)
    assert torch.equal(motion_windows(motion, FPS, window=5, frames=slice(2, 6)), every[2:6])
    assert torch.equal(motion_windows(motion, FPS, window=5, frames=torch.tensor([7, 0])), every[[7, 0]])


def test_a_window_of_one_frame_is_the_frame():
    motion = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))
    assert torch.equal(motion_windows(motion, FPS, window=1)[..., 0], motion)


def test_twice_the_frames_show_the_encoder_the_same_window():
    slow = torch.arange(20.0).sin()[:, None]
    fast = torch.stack((slow[:-1], (slow[:-1] + slow[1:]) / 2), dim=1).flatten(0, 1)
    seen = motion_windows(fast, Fraction(50), window=5, rate=FPS)
    assert torch.equal(seen[4:-4:2], motion_windows(slow, FPS, window=5)[2:17])


def test_a_motion_of_another_rate_is_read_between_its_frames():
    seen = motion_windows(numbered(10), Fraction(25, 2), window=3, rate=FPS, frames=torch.tensor([4]))
    assert seen.flatten().tolist() == [3.5, 4.0, 4.5]


def test_every_frame_hears_its_own_sound_in_the_same_place_of_its_window():
    mel = torch.arange(800.0).expand(2, 800)  # 10 s; each column holds its own number
    heard = mel_windows(mel, 250, FPS, window=32)
    assert heard.shape == (250, 2, 32)
    middle = heard[:, 0, 16] - torch.arange(250) * 3.2  # columns after the frame's own time
    assert middle[4:-5].min() > 2
    assert middle[4:-5].max() <= 3.21


def test_beyond_the_ends_there_is_silence():
    heard = mel_windows(torch.ones(1, 32), 12, FPS, window=32)
    start = mel_window_start(0, 32)
    assert heard[0, 0].tolist() == [SILENCE] * -start + [1.0] * (32 + start)
    left = 32 - mel_window_start(11, 32)
    assert heard[11, 0].tolist() == [1.0] * left + [SILENCE] * (32 - left)


@pytest.mark.parametrize("fps", [Fraction(30000, 1001), Fraction(24), Fraction(60)])
def test_a_second_is_eighty_columns_at_any_frame_rate(fps):
    frames = 10 * fps.numerator
    assert mel_window_start(frames, 32, fps) - mel_window_start(0, 32, fps) == 800 * fps.denominator
