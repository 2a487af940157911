"""Files keep their time: as many frames as went in, at exactly the rate, with the sound to one sample."""

import struct
from contextlib import suppress
from fractions import Fraction
from io import BytesIO
from pathlib import Path

import av
import numpy as np
import pytest
import torch

from stylehead_core.errors import ConfigError, InputError, MediaError
from stylehead_core.media.sound import Sound, read_sound
from stylehead_core.media.video import VideoWriter, frame_rate, read_frames, read_info

RATES = [Fraction(24000, 1001), 24, 25, Fraction(30000, 1001), 30, 50, Fraction(60000, 1001)]
FRAMES = 301


def numbered(count: int, width: int = 32, height: int = 16) -> torch.Tensor:
    """Frames whose grey level counts up by 2, modulo 200."""
    level = torch.arange(count) * 2 % 200 + 20
    return level.to(torch.uint8)[:, None, None, None].expand(count, 3, height, width)


def levels(path: Path | BytesIO, **options) -> list[int]:
    return [int(picture.float().mean().round()) for part in read_frames(path, **options) for picture in part.pictures]


def write(path: Path, count: int, fps: Fraction | int, sound: Sound | None = None) -> None:
    frames = numbered(count)
    with VideoWriter(path, fps=Fraction(fps), size=(32, 16), sound=sound, speed="ultrafast") as video:
        for start in range(0, count, 16):
            video.write(frames[start : start + 16])


def write_variable(path: Path, milliseconds: list[int]) -> None:
    """A Matroska file whose frames are at these times."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = 32, 16, "yuv420p"
        stream.options = {"preset": "ultrafast", "crf": "0"}
        stream.codec_context.time_base = Fraction(1, 1000)
        for time, picture in zip(milliseconds, numbered(len(milliseconds)), strict=True):
            frame = av.VideoFrame.from_ndarray(picture.permute(1, 2, 0).contiguous().numpy(), format="rgb24")
            frame.pts, frame.time_base = time, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


@pytest.mark.parametrize("fps", RATES)
def test_a_clip_of_301_frames_keeps_frames_rate_and_sound(tmp_path, fps):
    count = round(FRAMES / Fraction(fps) * 16000) + 5  # not a multiple of anything
    tone = torch.sin(torch.arange(count) * 0.1)[None] * 0.5
    write(tmp_path / "clip.mp4", FRAMES, fps, Sound(samples=tone, rate=16000))
    info = read_info(tmp_path / "clip.mp4")
    assert (info.fps, info.frames, info.width, info.height) == (fps, FRAMES, 32, 16)
    parts = list(read_frames(tmp_path / "clip.mp4"))
    times = [time for part in parts for time in part.times]
    assert frame_rate(times, parts[-1].seconds, info.fps) == fps
    assert len(times) == FRAMES
    sound = read_sound(tmp_path / "clip.mp4")
    assert sound is not None
    assert (sound.rate, sound.samples.shape[1]) == (16000, count)
    middle = slice(count // 2, count // 2 + 1000)
    torch.testing.assert_close(sound.samples[0, middle], tone[0, middle], atol=0.01, rtol=0)  # in step, too


def test_a_variable_rate_file_becomes_a_steady_one_of_the_same_length(tmp_path):
    rng = np.random.default_rng(0)
    times = np.concatenate(([0], np.cumsum(rng.integers(20, 60, FRAMES - 1)))).tolist()
    write_variable(tmp_path / "clip.mkv", times)
    parts = list(read_frames(tmp_path / "clip.mkv"))
    found = [time for part in parts for time in part.times]
    assert [round(time * 1000) for time in found] == times
    fps = frame_rate(found, parts[-1].seconds, read_info(tmp_path / "clip.mkv").fps)
    seconds = found[-1] - found[0] + parts[-1].seconds
    assert abs(FRAMES / fps - seconds) < Fraction(1, 1000)
    steady = levels(tmp_path / "clip.mkv", fps=fps)
    assert len(steady) == FRAMES
    for i in (0, 50, 150, 250):  # the frame that is on the screen in the middle of each step
        shown = max(k for k, time in enumerate(found) if time <= (i + Fraction(1, 2)) / fps)
        assert abs(steady[i] - (shown * 2 % 200 + 20)) <= 3


CONTAINERS = [
    *(("mp4", "libx264", "yuv420p"), ("mov", "mpeg4", "yuv420p"), ("mkv", "libx264", "yuv444p")),
    *(("avi", "mpeg4", "yuv420p"), ("webm", "libvpx-vp9", "yuv420p"), ("ts", "mpeg2video", "yuv420p")),
    *(("flv", "flv", "yuv420p"), ("gif", "gif", "rgb8")),
]


@pytest.mark.parametrize(("ending", "codec", "pixels"), CONTAINERS)
@pytest.mark.parametrize("in_memory", [False, True])
def test_any_container_gives_its_frames_at_its_rate(tmp_path, ending, codec, pixels, in_memory):
    path = tmp_path / f"clip.{ending}"
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = 32, 16, pixels
        for picture in numbered(12):
            frame = av.VideoFrame.from_ndarray(picture.permute(1, 2, 0).contiguous().numpy(), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    source = BytesIO(path.read_bytes()) if in_memory else path
    parts = list(read_frames(source))
    times = [time for part in parts for time in part.times]
    assert frame_rate(times, parts[-1].seconds, read_info(source).fps) == 25
    shown = np.array(levels(source))
    coarse = 32 if ending == "gif" else 8  # levels that a palette or an old codec misses
    assert np.abs(shown - (np.arange(12) * 2 + 20)).max() <= coarse


def test_times_rounded_to_milliseconds_are_still_their_rate(tmp_path):
    rate = Fraction(30000, 1001)
    write_variable(tmp_path / "clip.mkv", [round(i / rate * 1000) for i in range(60)])
    times = [time for part in read_frames(tmp_path / "clip.mkv") for time in part.times]
    assert frame_rate(times, 1 / rate, rate) == rate


@pytest.mark.parametrize(("fps", "count"), [(15, 30), (60, 120), (Fraction(24000, 1001), 48)])
def test_a_clip_read_at_another_rate_lasts_as_long(tmp_path, fps, count):
    write(tmp_path / "clip.mp4", 60, 30)
    assert len(levels(tmp_path / "clip.mp4", fps=Fraction(fps))) == count


def test_a_file_in_memory_reads_as_one_on_disk(tmp_path):
    write(tmp_path / "clip.mp4", 12, 25)
    assert levels(BytesIO((tmp_path / "clip.mp4").read_bytes())) == levels(tmp_path / "clip.mp4")


def test_levels_come_back_as_they_went_in(tmp_path):
    write(tmp_path / "clip.mp4", 12, 25)
    assert np.abs(np.array(levels(tmp_path / "clip.mp4")) - (np.arange(12) * 2 + 20)).max() <= 1


def test_colours_come_back_as_they_went_in(tmp_path):
    colour = torch.tensor([200, 40, 90], dtype=torch.uint8).view(1, 3, 1, 1).expand(2, 3, 31, 33)
    with VideoWriter(tmp_path / "clip.mp4", fps=Fraction(25), size=(33, 31)) as video:
        video.write(colour)
    pictures = next(iter(read_frames(tmp_path / "clip.mp4"))).pictures
    assert pictures.shape == (2, 3, 32, 34)  # grown to even sizes
    torch.testing.assert_close(pictures[0, :, 16, 16].int(), colour[0, :, 0, 0].int(), atol=2, rtol=0)


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_clip_with_a_rotation_flag_is_turned_as_players_show_it(tmp_path, degrees):
    half = torch.zeros(3, 3, 16, 32, dtype=torch.uint8)
    half[..., :16] = 200  # the left half is bright
    with VideoWriter(tmp_path / "clip.mp4", fps=Fraction(25), size=(32, 16)) as video:
        video.write(half)
    turn_flag(tmp_path / "clip.mp4", degrees)
    shown = next(iter(read_frames(tmp_path / "clip.mp4"))).pictures[0, 0].int()
    info = read_info(tmp_path / "clip.mp4")
    assert (info.height, info.width) == shown.shape == ((16, 32) if degrees == 180 else (32, 16))
    bright = {90: shown[:16], 180: shown[:, 16:], 270: shown[16:]}[degrees]  # clockwise: left goes up
    assert bright.float().mean() > 150


def turn_flag(path: Path, degrees: int) -> None:
    """Set the matrix of the first track, as phones do; clockwise."""
    data = bytearray(path.read_bytes())
    matrix = data.index(b"tkhd") + 4 + 4 + 5 * 4 + 8 + 8
    one = 1 << 16
    turn = {90: (0, one, -one, 0), 180: (-one, 0, 0, -one), 270: (0, -one, one, 0)}[degrees]
    struct.pack_into(">9i", data, matrix, turn[0], turn[1], 0, turn[2], turn[3], 0, 0, 0, 1 << 30)
    path.write_bytes(data)


def test_a_file_that_is_cut_short_is_read_up_to_there(tmp_path):
    write_variable(tmp_path / "clip.mkv", list(range(0, 4000, 40)))
    data = (tmp_path / "clip.mkv").read_bytes()
    (tmp_path / "cut.mkv").write_bytes(data[: len(data) * 2 // 3])
    assert 10 < len(levels(tmp_path / "cut.mkv")) < 100


@pytest.mark.parametrize("content", [b"", b"this is no video"])
def test_what_is_no_video_is_an_error_with_its_name(tmp_path, content):
    (tmp_path / "odd.mp4").write_bytes(content)
    with pytest.raises(MediaError, match=r"odd\.mp4"):
        list(read_frames(tmp_path / "odd.mp4"))


def test_a_run_that_fails_leaves_neither_half_a_file_nor_a_temporary_one(tmp_path):
    (tmp_path / "clip.mp4").write_bytes(b"what was there before")
    with suppress(ZeroDivisionError), VideoWriter(tmp_path / "clip.mp4", fps=Fraction(25), size=(32, 16)) as video:
        video.write(numbered(3))
        raise ZeroDivisionError
    assert [path.name for path in tmp_path.iterdir()] == ["clip.mp4"]
    assert (tmp_path / "clip.mp4").read_bytes() == b"what was there before"


def test_metadata_is_in_the_file(tmp_path):
    note = {"stylehead": "synthetic", "comment": "made by a test"}
    with VideoWriter(tmp_path / "clip.mp4", fps=Fraction(25), size=(32, 16), metadata=note) as video:
        video.write(numbered(2))
    with av.open(str(tmp_path / "clip.mp4")) as container:
        assert note.items() <= container.metadata.items()


def test_wrong_sizes_rates_and_places_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="frame rate"):
        VideoWriter(tmp_path / "clip.mp4", fps=Fraction(0), size=(32, 16))
    with (
        pytest.raises(MediaError, match="nowhere"),
        VideoWriter(tmp_path / "nowhere" / "a.mp4", fps=Fraction(1), size=(2, 2)),
    ):
        pass  # fmt: skip
    with (
        pytest.raises(InputError, match="32"),
        VideoWriter(tmp_path / "clip.mp4", fps=Fraction(1), size=(32, 16)) as video,
    ):
        video.write(numbered(1, width=16))  # fmt: skip
