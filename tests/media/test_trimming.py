"""A part of a clip has the frames that begin in it, and the sound of just that time."""

from fractions import Fraction

import pytest
import torch

from stylehead_core.errors import InputError
from stylehead_core.media.sound import Sound
from stylehead_core.media.trimming import cut_frames, cut_sound
from stylehead_core.media.video import Frames

RATE = Fraction(30000, 1001)


def clip(frames: int, chunk: int = 4, begins: Fraction = Fraction(3)):
    """Frames whose pictures hold their number."""
    for start in range(0, frames, chunk):
        numbers = range(start, min(start + chunk, frames))
        pictures = torch.tensor(list(numbers), dtype=torch.uint8)[:, None, None, None].expand(-1, 3, 2, 2)
        yield Frames(pictures=pictures, times=tuple(begins + n / RATE for n in numbers), seconds=1 / RATE)


def numbers(parts) -> list[int]:
    return [int(picture[0, 0, 0]) for part in parts for picture in part.pictures]


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (0.0, None, list(range(10))),
        (0.1, None, list(range(3, 10))),
        (float(3 / RATE), float(6 / RATE), [3, 4, 5]),
        (0.0, 0.05, [0, 1]),
    ],
)
def test_frames_that_begin_in_the_part_are_taken(start, end, expected):
    parts = list(cut_frames(clip(10), start, end))
    assert numbers(parts) == expected
    assert all(len(part.times) == len(part.pictures) for part in parts)


def test_a_part_behind_the_end_is_refused():
    with pytest.raises(InputError, match="no frame after 2 seconds"):
        list(cut_frames(clip(10), 2.0))


def test_sound_is_cut_to_the_same_seconds():
    sound = Sound(samples=torch.arange(10.0)[None], rate=10)
    part = cut_sound(sound, 0.2, 0.5)
    assert part is not None
    assert part.samples.tolist() == [[2.0, 3.0, 4.0]]
    assert cut_sound(sound, 3.0) is None
