"""Files as phones, cameras and broken downloads make them: read on one clock, in their own colours and shape."""

import shutil
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import torch

from stylehead_core.errors import MediaError
from stylehead_core.media.frame_reader import FrameReader
from stylehead_core.media.hdr import tone_map
from stylehead_core.media.outputs import check_output, temporary_beside
from stylehead_core.media.sound import Sound, read_sound
from stylehead_core.media.video import VideoWriter, frame_rate, read_frames, read_info

RATE = 44100
FLASH_SECONDS = 0.6


def flat(level: int, width: int = 64, height: int = 48) -> np.ndarray:
    return np.full((height, width, 3), level, np.uint8)


def write_video(
    path: Path, levels: list[int], *, codec: str = "libx264", fps: int = 30, ticks: int = 0, **options: str
):
    """One flat frame a level; ``ticks`` writes times in milliseconds and claims that many frames a second."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=ticks or fps)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.options = options
        if ticks:
            stream.codec_context.time_base = Fraction(1, ticks)
        for i, level in enumerate(levels):
            frame = av.VideoFrame.from_ndarray(flat(level), format="rgb24")
            frame.pts, frame.time_base = (
                (round(i * ticks / fps), Fraction(1, ticks)) if ticks else (i, Fraction(1, fps))
            )
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def write_flash_and_beep(path: Path, *, sound: str = "aac", seconds: float = 1.0) -> None:
    """A bright frame and a tone that begin together."""
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=30)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        video.options = {"g": "12", "bf": "2"}
        audio = container.add_stream(sound, rate=RATE, layout="mono")
        for i in range(round(seconds * 30)):
            frame = av.VideoFrame.from_ndarray(flat(230 if i == round(FLASH_SECONDS * 30) else 30), format="rgb24")
            frame.pts, frame.time_base = i, Fraction(1, 30)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        time = np.arange(round(seconds * RATE)) / RATE
        heard = (time >= FLASH_SECONDS) & (time < FLASH_SECONDS + 0.08)
        tone = (0.5 * np.sin(2 * np.pi * 1000 * time) * heard).astype(np.float32)[None]
        size = audio.codec_context.frame_size or 1024
        for start in range(0, tone.shape[1], size):
            block = av.AudioFrame.from_ndarray(tone[:, start : start + size], format="fltp", layout="mono")
            block.sample_rate, block.pts, block.time_base = RATE, start, Fraction(1, RATE)
            container.mux(audio.encode(block))
        container.mux(audio.encode(None))


def offset(path: Path) -> float:
    """Seconds from the flash to the beep, as the pack reads them."""
    levels, times = [], []
    for part in read_frames(path):
        levels += part.pictures.float().mean((1, 2, 3)).tolist()
        times += part.times
    sound = read_sound(path)
    assert sound is not None
    beep = int((sound.samples[0].abs() > 0.1).nonzero()[0]) / sound.rate
    return beep - float(times[int(np.argmax(levels))] - times[0])


def damage_packet(path: Path, number: int) -> None:
    data = bytearray(path.read_bytes())
    with av.open(str(path)) as container:
        packets = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.pts is not None]
    place, size = packets[number]
    data[place : place + min(size, 64)] = b"\xff" * min(size, 64)
    path.write_bytes(data)


# Damaged packets


@pytest.mark.parametrize("number", [5, 12, 19])
def test_a_damaged_packet_costs_its_own_frame_and_the_others_keep_their_times(tmp_path, number):
    path = tmp_path / "clip.mp4"
    write_video(path, [20 + 7 * i for i in range(20)], bf="0", crf="10")
    damage_packet(path, number)
    parts = list(read_frames(path))
    times = [time for part in parts for time in part.times]
    assert times == [Fraction(i, 30) for i in range(20) if i != number]
    if number != 19:  # of the very last packet FFmpeg says nothing
        assert parts[-1].lost == 1
    assert read_info(path).fps == 30


def test_a_damaged_first_packet_is_one_line_that_names_the_file(tmp_path):
    path = tmp_path / "clip.mp4"
    write_video(path, [20 + 7 * i for i in range(20)], bf="0")
    damage_packet(path, 0)
    for read in (read_info, lambda source: list(read_frames(source))):
        with pytest.raises(MediaError, match=r"clip\.mp4") as refused:
            read(path)
        assert "\n" not in str(refused.value)


@pytest.mark.parametrize(("kept", "words"), [(0, "It is empty"), (0.6, "and whole")])
def test_a_file_that_is_empty_or_cut_before_its_index_is_refused_in_one_line(tmp_path, kept, words):
    path = tmp_path / "clip.mp4"
    write_flash_and_beep(path, seconds=0.4)
    path.write_bytes(path.read_bytes()[: round(kept * path.stat().st_size)])
    for read in (read_info, read_sound):
        with pytest.raises(MediaError, match=words) as refused:
            read(path)
        assert "clip.mp4 cannot be read" in str(refused.value)
        assert "\n" not in str(refused.value)


def test_a_stream_without_a_decoder_is_told_and_its_picture_is_read(tmp_path, caplog):
    path = tmp_path / "clip.mp4"
    write_flash_and_beep(path, seconds=0.4)
    data = bytearray(path.read_bytes())
    entry = data.find(b"mp4a", data.find(b"stsd", data.find(b"soun")))
    data[entry : entry + 4] = b"apac"
    box = data.find(b"esds", entry)
    data[box : box + 4] = b"dapa"
    path.write_bytes(data)
    assert read_sound(path) is None
    assert "no decoder" in caplog.text
    assert sum(map(len, read_frames(path))) == 12
    entry = data.find(b"avc1", data.find(b"stsd", data.find(b"vide")))
    data[entry : entry + 4] = b"zzzz"
    path.write_bytes(data)
    with pytest.raises(MediaError, match=r"clip\.mp4"):
        read_info(path)


# One clock


@pytest.mark.parametrize(("ending", "sound"), [("mp4", "aac"), ("mkv", "aac"), ("mov", "pcm_s16le"), ("ts", "mp2")])
def test_flash_and_beep_come_together(tmp_path, ending, sound):
    write_flash_and_beep(tmp_path / f"clip.{ending}", sound=sound)
    assert abs(offset(tmp_path / f"clip.{ending}")) < 0.03


def test_lost_sound_is_silent_and_what_follows_stays_in_step(tmp_path):
    write_flash_and_beep(tmp_path / "whole.mp4")
    with av.open(str(tmp_path / "whole.mp4")) as source, av.open(str(tmp_path / "gap.mp4"), "w") as target:
        video, audio = source.streams.video[0], source.streams.audio[0]
        streams = {stream.index: target.add_stream_from_template(stream) for stream in (video, audio)}
        for packet in source.demux(video, audio):
            lost = packet.stream is audio and packet.pts is not None and 0.15 < packet.pts * packet.time_base < 0.45
            if packet.dts is None or lost:
                continue
            packet.stream = streams[packet.stream.index]
            target.mux(packet)
    assert abs(offset(tmp_path / "gap.mp4")) < 0.03
    whole, gap = read_sound(tmp_path / "whole.mp4"), read_sound(tmp_path / "gap.mp4")
    assert whole is not None
    assert gap is not None
    assert whole.samples.shape == gap.samples.shape


def test_a_stream_that_begins_within_a_group_of_pictures_begins_with_its_first_whole_frame(tmp_path):
    write_flash_and_beep(tmp_path / "whole.ts", sound="mp2")
    with av.open(str(tmp_path / "whole.ts")) as container:
        places = [packet.pos for packet in container.demux(video=0) if packet.pts is not None]
    data = (tmp_path / "whole.ts").read_bytes()
    (tmp_path / "cut.ts").write_bytes(data[places[2] // 188 * 188 :])  # the key frame is gone
    assert sum(map(len, read_frames(tmp_path / "cut.ts"))) < 28
    assert abs(offset(tmp_path / "cut.ts")) < 0.05


def test_a_sound_file_begins_with_its_first_sample(tmp_path):
    tone = torch.sin(torch.arange(RATE) / 20)[None].numpy() * 0.5
    with av.open(str(tmp_path / "a.mp3"), "w") as container:
        stream = container.add_stream("libmp3lame", rate=RATE, layout="mono")
        frame = av.AudioFrame.from_ndarray(tone.astype(np.float32), format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE, 0, Fraction(1, RATE)
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    sound = read_sound(tmp_path / "a.mp3")
    assert sound is not None
    assert abs(sound.seconds - 1) < 0.03
    assert int((sound.samples[0].abs() > 0.1).nonzero()[0]) < 0.005 * RATE


def test_a_header_that_claims_a_thousand_frames_a_second_is_seen_through(tmp_path):
    write_video(tmp_path / "clip.webm", [100] * 25, codec="libvpx", fps=25, ticks=1000)
    parts = list(read_frames(tmp_path / "clip.webm"))
    times = [time for part in parts for time in part.times]
    assert frame_rate(times, parts[-1].seconds, Fraction(1000)) == 25


# Colour and shape


@pytest.mark.parametrize("aspect", [Fraction(64, 45), Fraction(8, 9)])
def test_pixels_that_are_not_square_are_read_as_square_ones(tmp_path, aspect):
    with VideoWriter(tmp_path / "a.mp4", fps=Fraction(25), size=(90, 72), pixel_aspect=aspect) as video:
        video.write(torch.full((2, 3, 72, 90), 90, dtype=torch.uint8))
    info = read_info(tmp_path / "a.mp4")
    assert (info.stored, info.pixel_aspect) == ((90, 72), aspect)
    assert abs(Fraction(info.width, info.height) / (Fraction(90, 72) * aspect) - 1) < Fraction(1, 50)
    assert next(read_frames(tmp_path / "a.mp4")).pictures.shape[-2:] == (info.height, info.width)
    assert next(read_frames(tmp_path / "a.mp4", square_pixels=False)).pictures.shape[-2:] == (72, 90)


def test_tone_mapping_keeps_grey_grey_and_its_order():
    ramp = np.linspace(0, 65535, 64).astype(np.uint16)[None, :, None].repeat(3, 2)
    for hdr in ("PQ", "HLG"):
        mapped = tone_map(ramp, hdr).astype(int)
        assert (np.diff(mapped[0, :, 0]) >= 0).all()
        assert np.abs(mapped - mapped[..., :1]).max() <= 1
        assert mapped[0, 0, 0] == 0
        assert mapped[0, -1, 0] >= 250
    white = np.full((1, 1, 3), round(0.75 * 65535), np.uint16)  # of a graphic in HLG
    assert tone_map(white, "HLG").min() > 235


def test_an_hdr_video_is_read_in_the_brightness_of_its_sdr_version(tmp_path):
    nits = np.array([5.0, 20.0, 60.0])  # below three quarters of white, so nothing is compressed
    m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128
    light = (nits / 10_000) ** m1
    coded = ((c1 + c2 * light) / (1 + c3 * light)) ** m2
    columns = (coded * 65535).repeat(32)[None].repeat(48, 0)
    with av.open(str(tmp_path / "pq.mp4"), "w") as container:
        stream = container.add_stream("libx265", rate=25)
        stream.width, stream.height, stream.pix_fmt = 96, 48, "yuv420p10le"
        stream.options = {"x265-params": "log-level=error:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc"}
        context = stream.codec_context
        context.color_trc, context.color_primaries, context.colorspace = 16, 9, 9
        grey = av.VideoFrame.from_ndarray(columns.astype(np.uint16), format="gray16le")
        for _ in range(3):
            frame = grey.reformat(format="yuv420p10le")
            frame.pts = None
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    assert read_info(tmp_path / "pq.mp4").hdr == "PQ"
    shown = next(read_frames(tmp_path / "pq.mp4")).pictures[0, 1, 24, 16::32].numpy()
    expected = (nits / 120) ** (1 / 2.4) * 255
    assert np.abs(shown - expected).max() < 12


# Names and outputs


@pytest.mark.parametrize("name", ["12:30.mp4", "https:x.mp4", "今日" * 41 + ".mp4", 'a\'b "c".mp4'])
def test_any_name_is_written_and_read(tmp_path, name):
    path = tmp_path / name
    with VideoWriter(
        path, fps=Fraction(25), size=(16, 16), sound=Sound(samples=torch.zeros(1, 640), rate=16000)
    ) as video:
        video.write(torch.zeros(1, 3, 16, 16, dtype=torch.uint8))
    assert read_info(path).frames == 1
    assert read_sound(path) is not None
    assert [file.name for file in tmp_path.iterdir()] == [name]


def test_an_output_that_cannot_be_written_is_refused_at_once(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    for path, words in (
        (tmp_path, "is a folder"),
        (tmp_path / "gone" / "a.mp4", "does not exist"),
        (tmp_path / "file" / "a.mp4", "is a file"),
        (tmp_path / ("a" * 300), "too long"),
    ):
        with pytest.raises(MediaError, match=words):
            check_output(path, "video")
    with pytest.raises(MediaError, match="another name"):
        check_output(tmp_path / "file", "video", sources=(tmp_path / "file",))
    check_output(tmp_path / "new.mp4", "video", sources=(None, tmp_path / "file", tmp_path / "gone"))
    assert len(temporary_beside(tmp_path / ("a" * 250)).name) < 40


# Sound


def test_channels_that_cancel_each_other_are_heard_by_the_stronger_one():
    voice = torch.sin(torch.arange(8000) / 9)
    stereo = torch.stack((0.5 * voice, -0.55 * voice))
    assert np.array_equal(Sound(samples=stereo, rate=16000).mono(16000), stereo[1].numpy())
    for usual in (
        torch.stack((voice, 0 * voice)),
        torch.stack((voice, voice)),
        voice.expand(6, -1) * torch.eye(6)[:, :1],
    ):
        assert np.array_equal(Sound(samples=usual, rate=16000).mono(16000), usual.mean(0).numpy())


# Frames by number


def test_frames_are_handed_out_forwards_and_backwards(tmp_path):
    path = tmp_path / "clip.mp4"
    levels = [20 + 2 * i for i in range(90)]
    write_video(path, levels, crf="8", g="12")
    reader = FrameReader(path, torch.arange(90, dtype=torch.float64) / 30)
    reader(torch.arange(4))
    reader(torch.arange(4, 8))
    assert len(reader._held) == 1  # a frame of 4K has 25 MB
    for numbers in (list(range(90)), list(range(89, -1, -1)), [40, 3, 3, 88, 0]):
        found = torch.cat([reader(part) for part in torch.tensor(numbers).split(4)]).float().mean((1, 2, 3))
        assert (found - torch.tensor([float(levels[n]) for n in numbers])).abs().max() < 3
    shutil.copy(path, tmp_path / "short.mp4")
    write_video(tmp_path / "short.mp4", levels[:5])
    with pytest.raises(MediaError, match=r"short\.mp4"):
        FrameReader(tmp_path / "short.mp4", reader.times)(torch.tensor([50]))
