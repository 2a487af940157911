"""Frames of 4K take no more memory than a film of them needs: few are held at once, by us and by the encoder."""

from fractions import Fraction

import pytest
import torch

from stylehead_core.media.video import LOOKAHEAD_FRAMES, VideoWriter, read_frames
from stylehead_core.ops.memory import frames_that_fit


@pytest.mark.parametrize(
    ("wanted", "width", "height", "fit"),
    [(8, 1920, 1080, 8), (8, 3840, 2160, 2), (4, 256, 256, 4), (8, 12000, 9000, 1)],
)
def test_fewer_frames_are_held_where_they_are_large(wanted, width, height, fit):
    assert frames_that_fit(wanted, width, height) == fit


@pytest.mark.parametrize(("size", "frames"), [((1920, 1080), None), ((3840, 2160), 7), ((7680, 4320), 1)])
def test_the_encoder_looks_less_far_ahead_in_large_frames(tmp_path, size, frames):
    with VideoWriter(tmp_path / "a.mp4", fps=Fraction(25), size=size, speed="ultrafast") as video:
        ahead = video._video.options.get("rc-lookahead")
        video.write(torch.zeros(1, 3, size[1], size[0], dtype=torch.uint8))
    assert (ahead and int(ahead)) == frames
    assert frames is None or frames < LOOKAHEAD_FRAMES


def test_a_reader_does_not_hold_what_it_has_given_away(tmp_path):
    with VideoWriter(tmp_path / "a.mp4", fps=Fraction(25), size=(64, 48)) as video:
        video.write(torch.arange(9, dtype=torch.uint8).reshape(9, 1, 1, 1).expand(9, 3, 48, 64))
    parts = read_frames(tmp_path / "a.mp4", chunk=3)
    next(parts)
    assert parts.gi_frame.f_locals["held"] == []
    assert [len(part) for part in parts] == [3, 3]
