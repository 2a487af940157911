"""A film that is written behind the drawing is the same film, and ends with it, well or badly."""

import threading
from fractions import Fraction

import pytest
import torch

from stylehead_core.errors import InputError, MediaError
from stylehead_core.media.background_writer import QUEUED_WRITES, BackgroundVideoWriter, write_video
from stylehead_core.media.video import VideoWriter


def film(path, **settings):
    return VideoWriter(path, fps=Fraction(25), size=(16, 16), speed="ultrafast", **settings)


def frames(count: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(count, 3, 16, 16, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def no_thread_is_left() -> bool:
    return not any(thread.name == "stylehead-film" for thread in threading.enumerate())


def test_the_film_is_the_same_byte_for_byte(tmp_path):
    with film(tmp_path / "a.mp4") as plain, BackgroundVideoWriter(film(tmp_path / "b.mp4")) as behind:
        for seed in range(6):
            plain.write(frames(3, seed))
            behind.write(frames(3, seed))
    assert behind.frames == plain.frames == 18
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()
    assert no_thread_is_left()


def test_write_video_writes_what_the_writer_writes(tmp_path):
    batches = [frames(3, seed) for seed in range(2)]
    assert write_video(tmp_path / "a.mp4", iter(batches), fps=25) == 6
    with VideoWriter(tmp_path / "b.mp4", fps=Fraction(25), size=(16, 16)) as plain:
        for batch in batches:
            plain.write(batch)
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


def test_write_video_refuses_a_clip_without_frames(tmp_path):
    with pytest.raises(InputError, match="no frame"):
        write_video(tmp_path / "a.mp4", [], fps=25)
    assert not any(tmp_path.iterdir())


def test_the_drawing_goes_on_while_the_film_is_busy_and_waits_when_too_much_waits(tmp_path, monkeypatch):
    busy, written = threading.Event(), []
    write = VideoWriter.write

    def slow(self, pictures):
        busy.wait()
        written.append(len(pictures))
        write(self, pictures)

    monkeypatch.setattr(VideoWriter, "write", slow)
    with BackgroundVideoWriter(film(tmp_path / "a.mp4")) as behind:
        for seed in range(QUEUED_WRITES):
            behind.write(frames(1, seed))
        assert written == []
        threading.Timer(0.05, busy.set).start()
        for seed in range(QUEUED_WRITES + 2):
            behind.write(frames(1, seed))
        assert written  # the last ones had to wait for the first
    assert len(written) == 2 * QUEUED_WRITES + 2


def test_an_error_of_the_film_reaches_the_one_who_draws(tmp_path):
    def draw():
        with BackgroundVideoWriter(film(tmp_path / "a.mp4")) as behind:
            for _ in range(100):
                behind.write(torch.zeros(1, 3, 8, 8))  # frames of another size

    with pytest.raises(InputError, match="takes frames"):
        draw()
    assert list(tmp_path.iterdir()) == []
    assert no_thread_is_left()


def test_an_error_with_the_last_frames_is_not_lost(tmp_path):
    with pytest.raises(InputError, match="takes frames"), BackgroundVideoWriter(film(tmp_path / "a.mp4")) as behind:
        behind.write(torch.zeros(1, 3, 8, 8))
    assert list(tmp_path.iterdir()) == []
    assert no_thread_is_left()


@pytest.mark.parametrize("stop", [KeyboardInterrupt, RuntimeError])
def test_who_stops_drawing_leaves_no_film_and_no_thread(tmp_path, stop):
    def draw():
        with BackgroundVideoWriter(film(tmp_path / "a.mp4")) as behind:
            for seed in range(5):
                behind.write(frames(2, seed))
            raise stop

    with pytest.raises(stop):
        draw()
    assert list(tmp_path.iterdir()) == []
    assert no_thread_is_left()


def test_a_film_without_frames_is_none(tmp_path):
    with pytest.raises(MediaError, match="no frame"), BackgroundVideoWriter(film(tmp_path / "a.mp4")):
        pass
    assert list(tmp_path.iterdir()) == []
    assert no_thread_is_left()


def test_a_folder_that_is_not_there_is_named_and_no_thread_starts(tmp_path):
    with pytest.raises(MediaError, match="cannot be written"), BackgroundVideoWriter(film(tmp_path / "none" / "a.mp4")):
        pass
    assert no_thread_is_left()
