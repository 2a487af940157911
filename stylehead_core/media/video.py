"""Video files in and out, frame by frame, with exact times.

Frames are (n 3 H W) uint8 RGB. Memory does not grow with the clip: a few frames are held at a time.
"""

import contextlib
import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from mmap import mmap
from pathlib import Path
from secrets import token_hex
from statistics import median
from types import TracebackType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import ConfigError, InputError, MediaError
from ..ops.pixels import to_uint8
from .decoding import Source, StreamDecoder, find_stream, media_address, name_source, open_media
from .hdr import Hdr, hdr_of_transfer, tone_map
from .outputs import check_output, temporary_beside
from .sound import BLOCK_SAMPLES, ChannelSamples, Sound

__all__ = ["Frames", "VideoInfo", "VideoWriter", "frame_rate", "open_video", "read_frames", "read_info"]

AAC_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000)
AAC_LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}
LOOKAHEAD_PIXELS = 63_000_000  # that x264 holds to decide on bits: 30 frames of 1080p, its usual number, 7 of 4K
LOOKAHEAD_FRAMES = 30  # at most
STEADY = 0.3  # of a frame: times that wander less than this are a constant rate, written coarsely
RATE_TOLERANCE = Fraction(1, 100)  # a measured rate this near to a common one is that, if the times agree
VIDEO_TICKS = 90_000  # a second, in which a silent film's length is written
LARGEST_PIXEL_ASPECT = 4  # beyond it (or below its inverse) a header is damaged
_BT709, _BT2020, _BT2020_CONSTANT = 1, 9, 10  # in FFmpeg's lists of colour spaces (709: primaries, transfers alike)


@dataclass(frozen=True, kw_only=True)
class VideoInfo:
    """What a file says about its video."""

    width: int  # pixels as shown: after the rotation flag, and as square pixels
    height: int
    fps: Fraction  # declared; ``frame_rate`` of the times that were read is surer
    frames: int | None  # None: the container does not say
    rotation: int  # degrees anticlockwise by which a decoded frame is turned to be shown
    sound: bool
    stored: tuple[int, int] = (0, 0)  # width, height of a decoded frame: before rotation, in the file's own pixels
    pixel_aspect: Fraction = Fraction(1)  # width of a stored pixel in parts of its height
    hdr: Hdr | None = None  # read_frames tone-maps it to BT.709


@dataclass(frozen=True, kw_only=True)
class Frames:
    """A few frames in a row."""

    pictures: Tensor  # (n 3 H W) uint8
    times: tuple[Fraction, ...]  # seconds, of each
    seconds: Fraction  # how long the last of them is shown
    lost: int = 0  # frames of the file, up to here, that could not be decoded and are left out

    def __len__(self) -> int:
        return len(self.pictures)


def read_info(source: Source) -> VideoInfo:
    """Look at the first frame and at what the container says.

    Raises:
        MediaError: the file cannot be read or holds no video.
    """
    with open_video(source) as container:
        stream = find_stream(container, "video")
        assert stream is not None, "open_video refuses a file without one"
        frame = next(iter(StreamDecoder(container, stream, source)), None)
        if frame is None:
            raise _without_frames(source)
        aspect = _pixel_aspect(stream)
        width, height = _square_size((frame.width, frame.height), aspect)
        if frame.rotation % 180 == 90:
            width, height = height, width
        return VideoInfo(
            width=width,
            height=height,
            fps=_declared_rate(stream),
            frames=stream.frames or None,
            rotation=frame.rotation % 360,
            sound=bool(container.streams.audio),
            stored=(frame.width, frame.height),
            pixel_aspect=aspect,
            hdr=_hdr(frame, stream),
        )


def read_frames(
    source: Source,
    *,
    chunk: int = 8,
    fps: Fraction | None = None,
    square_pixels: bool = True,
    start: Fraction | None = None,
) -> Iterator[Frames]:
    """Decode a video as it is shown (rotation applied, HDR tone-mapped), ``chunk`` frames at a time.

    A frame that cannot be decoded is left out and counted (``Frames.lost``); the others keep their times.

    Args:
        fps: None gives every frame of the file; a rate gives the frame that is on the screen at each 1/fps, so that a
            file of variable rate becomes a steady one: frames are repeated or left out, never blended.
        square_pixels: enlarge frames whose pixels are not square, so that a circle is round. False: as stored.
        start: seconds; begin with the last key frame before it. None begins with the first frame.

    Raises:
        MediaError: the file cannot be read or holds no video.
    """
    reader = _Pictures(source, square_pixels=square_pixels, start=start)
    frames = iter(reader) if fps is None else _steady(iter(reader), Fraction(fps))
    held: list[tuple[np.ndarray, Fraction, Fraction]] = []
    for frame in frames:
        held.append(frame)
        if len(held) == chunk:
            batch, held, frame = _batch(held, reader.lost), [], None  # what is given away is not held twice
            yield batch
    if held:
        yield _batch(held, reader.lost)


def frame_rate(times: list[Fraction], last: Fraction, declared: Fraction) -> Fraction:
    """The constant rate that frames at these times have, or come nearest to.

    Args:
        times: seconds, of every frame.
        last: how long the last frame is shown, seconds.
        declared: what the container says.

    Returns:
        The declared rate where the times follow it (containers round times, to milliseconds for example), else a
        common rate that they follow, else frames / seconds: as many frames in the same time.
    """
    declared = _common_rate(declared)
    if len(times) < 2 or _wander(times, declared) < STEADY:
        return declared
    measured = Fraction(len(times)) / (times[-1] - times[0] + last)
    for whole in (Fraction(round(measured)), Fraction(round(measured * Fraction(1001, 1000))) * Fraction(1000, 1001)):
        if whole > 0 and abs(measured / whole - 1) < RATE_TOLERANCE and _wander(times, whole) < STEADY:
            return whole
    return _common_rate(measured.limit_denominator(100_000))


def open_video(source: Source) -> Any:
    """The file as a PyAV container that has video which can be decoded.

    Raises:
        MediaError: the file cannot be read or holds no video.
    """
    container = open_media(source, "video")
    if find_stream(container, "video") is None:
        known = bool(container.streams.video)
        container.close()
        if known:
            raise MediaError(
                f"The video {name_source(source)} is in a format that has no decoder here. Convert it to H.264."
            )
        raise MediaError(f"The file {name_source(source)} holds no video.")
    return container


class _Pictures:
    """Iterates over picture (H W 3), time and duration of every frame that can be decoded."""

    def __init__(self, source: Source, *, square_pixels: bool, start: Fraction | None = None) -> None:
        self.source, self.square_pixels, self.start = source, square_pixels, start
        self.lost = 0  # frames so far that could not be decoded

    def __iter__(self) -> Iterator[tuple[np.ndarray, Fraction, Fraction]]:
        with open_video(self.source) as container:
            stream = find_stream(container, "video")
            assert stream is not None, "open_video refuses a file without one"
            stream.thread_type = "AUTO"
            if self.start is not None:
                self._seek(container, stream, self.start)
            usual = 1 / _common_rate(_declared_rate(stream))
            steps: list[Fraction] = []
            waiting: tuple[np.ndarray, Fraction] | None = None
            size: tuple[int, int] | None = None
            decoder = StreamDecoder(container, stream, self.source)
            for frame in decoder:
                self.lost = decoder.lost
                size = size or (frame.width, frame.height)  # a video may change it on the way; the first one counts
                shown = _square_size(size, _pixel_aspect(stream)) if self.square_pixels else size
                picture = np.rot90(_rgb(frame, stream, shown), frame.rotation // 90)
                time = frame.pts * frame.time_base if frame.pts is not None else None
                if waiting is not None:
                    time = waiting[1] + usual if time is None or time <= waiting[1] else time
                    steps.append(time - waiting[1])
                    yield (*waiting, steps[-1])
                waiting = picture, Fraction(time or 0)
            self.lost = decoder.lost
            if waiting is None:
                raise _without_frames(self.source)
            if steps and not median(steps) / 2 < usual < median(steps) * 2:  # the header's rate is that of its clock
                usual = median(steps)
            yield (*waiting, usual)

    @staticmethod
    def _seek(container: Any, stream: Any, time: Fraction) -> None:
        from av.error import FFmpegError

        with contextlib.suppress(FFmpegError, OSError):  # where it cannot be done, the file is read from its beginning
            container.seek(max(0, int(time / stream.time_base)), stream=stream, backward=True)


def _rgb(frame: Any, stream: Any, size: tuple[int, int]) -> np.ndarray:
    """A decoded frame as (H W 3) uint8 BT.709, in its own orientation."""
    hdr = _hdr(frame, stream)
    # The colour space is told outright, and as a change: PyAV 14 takes BT.601 where both sides say the same.
    space: dict[str, Any] = {}
    if frame.colorspace == _BT709:
        space = {"src_colorspace": "ITU709", "dst_colorspace": "ITU601"}
    elif frame.colorspace in (_BT2020, _BT2020_CONSTANT):
        space = {"src_colorspace": _BT2020, "dst_colorspace": "ITU601"}
    width, height = size
    # As planes, since PyAV 17 fails at packed colours of 16 bits.
    drawn = frame.reformat(width=width, height=height, format="rgb24" if hdr is None else "gbrp16le", **space)
    if hdr is None:
        return drawn.to_ndarray()
    green, blue, red = (
        np.frombuffer(plane, "<u2").reshape(height, plane.line_size // 2)[:, :width] for plane in drawn.planes
    )
    return tone_map(np.stack((red, green, blue), axis=-1), hdr)


def _hdr(frame: Any, stream: Any) -> Hdr | None:
    transfer = getattr(frame, "color_trc", None)  # PyAV 14 tells the stream's alone
    return hdr_of_transfer(stream.codec_context.color_trc if transfer is None else transfer)


def _pixel_aspect(stream: Any) -> Fraction:
    aspect = Fraction(stream.sample_aspect_ratio or 1)
    return aspect if Fraction(1, LARGEST_PIXEL_ASPECT) <= aspect <= LARGEST_PIXEL_ASPECT else Fraction(1)


def _square_size(size: tuple[int, int], aspect: Fraction) -> tuple[int, int]:
    """Width and height in square pixels: the shorter side of a pixel grows."""
    width, height = size
    return (round(width * aspect), height) if aspect > 1 else (width, round(height / aspect))


def _steady(
    frames: Iterator[tuple[np.ndarray, Fraction, Fraction]], fps: Fraction
) -> Iterator[tuple[np.ndarray, Fraction, Fraction]]:
    """The frame that is on the screen in the middle of each step of 1/fps."""
    count, start = 0, None
    for picture, time, seconds in frames:
        start = time if start is None else start
        while (count + Fraction(1, 2)) / fps < time - start + seconds:
            yield picture, count / fps, 1 / fps
            count += 1


def _batch(frames: list[tuple[np.ndarray, Fraction, Fraction]], lost: int) -> Frames:
    pictures = torch.from_numpy(np.stack([picture for picture, _, _ in frames])).permute(0, 3, 1, 2)
    return Frames(pictures=pictures, times=tuple(time for _, time, _ in frames), seconds=frames[-1][2], lost=lost)


def _declared_rate(stream: Any) -> Fraction:
    return Fraction(stream.average_rate or stream.guessed_rate or stream.base_rate or 25)


def _common_rate(rate: Fraction) -> Fraction:
    """A whole rate, or one of 1000/1001 of it (23.976, 29.97 ...), where ``rate`` is that within 0.02 %."""
    for whole in (Fraction(round(rate)), Fraction(round(rate * Fraction(1001, 1000))) * Fraction(1000, 1001)):
        if whole > 0 and abs(rate / whole - 1) < Fraction(1, 5000):
            return whole
    return rate


def _wander(times: list[Fraction], rate: Fraction) -> Fraction:
    """How far frames at these times get away from a constant rate, at most, in frames."""
    return max(abs((time - times[0]) * rate - i) for i, time in enumerate(times))


def _without_frames(source: Source) -> MediaError:
    return MediaError(
        f"The video {name_source(source)} has no frame that can be decoded. Is it damaged, or cut off at its beginning?"
    )


class VideoWriter:
    """Writes an MP4 of H.264 and AAC as frames come in. The file appears, whole, when all went well.

    Used as a context: ``with VideoWriter(path, fps=..., size=...) as video: video.write(frames)``. An odd width or
    height grows by one pixel, since H.264's common form needs even ones.

    Args:
        path: of the file; it is written beside it under another name, and put in its place at the end.
        fps: exact.
        size: (width, height) of the frames.
        sound: the sound track; its length is kept to one sample.
        quality: constant rate factor of x264: 0 lossless, 18 looks the same, 51 worst.
        speed: preset of x264.
        metadata: written into the file, readable by any player. ``frames_sha256`` is added: the hash of all frames as
            they were given, in bytes of RGB.
        pixel_aspect: width of a pixel in parts of its height, for players to stretch the frames by.
        recoded: the frames come from a video: each chroma sample is the mean of its four pixels, which gives those of
            that video back.

    Raises:
        ConfigError: a size, rate or quality that cannot be.
        MediaError: the file cannot be written, or is left without a frame.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        fps: Fraction,
        size: tuple[int, int],
        sound: Sound | None = None,
        quality: int = 18,
        speed: str = "fast",
        metadata: Mapping[str, str] | None = None,
        pixel_aspect: Fraction = Fraction(1),
        recoded: bool = False,
    ) -> None:
        if min(size) < 2 or Fraction(fps) <= 0 or not 0 <= quality <= 51:
            raise ConfigError(
                f"A video needs at least 2 x 2 pixels, a frame rate above 0 and a quality of 0 to 51; found {size}, "
                f"{fps}, {quality}."
            )
        self.path, self.fps, self.size = Path(path), Fraction(fps), size
        self.sound = None if sound is None else _EncodableSamples(sound)
        self.quality, self.speed, self.metadata = quality, speed, dict(metadata or {})
        self.pixel_aspect, self.recoded = Fraction(pixel_aspect), recoded
        self.frames = self._heard = 0
        self._hash, self._hash_place = hashlib.sha256(), token_hex(32)

    def __enter__(self) -> "VideoWriter":
        check_output(self.path, "video")
        self._part = temporary_beside(self.path)
        try:
            self._part.touch(exist_ok=False)
            self._open()
        except OSError as error:
            self._part.unlink(missing_ok=True)
            raise self._unwritable(error) from error
        except BaseException:  # Ctrl-C, too, before there is a context to leave
            self._part.unlink(missing_ok=True)
            raise
        return self

    def _open(self) -> None:
        import av

        width, height = self.size
        # Lengths are written in the sound's samples: in milliseconds, as usual, they are rounded and the sound is cut.
        scale = VIDEO_TICKS if self.sound is None else self.sound.rate
        options = {"movflags": "+faststart+use_metadata_tags", "movie_timescale": str(scale)}
        self._container = av.open(media_address(self._part), "w", format="mp4", options=options)
        self._container.metadata.update(self.metadata)
        self._container.metadata["frames_sha256"] = self._hash_place
        video = self._container.add_stream("libx264", rate=self.fps)
        video.width, video.height = width + width % 2, height + height % 2
        video.pix_fmt, video.options = "yuv420p", {"crf": str(self.quality), "preset": self.speed}
        if width * height * LOOKAHEAD_FRAMES > LOOKAHEAD_PIXELS:
            video.options = {**video.options, "rc-lookahead": str(max(1, LOOKAHEAD_PIXELS // (width * height)))}
        context = video.codec_context
        if self.pixel_aspect != 1:
            context.sample_aspect_ratio = self.pixel_aspect
        context.colorspace = context.color_primaries = context.color_trc = context.color_range = _BT709
        self._video, self._audio = video, None
        if self.sound is not None:
            layout = AAC_LAYOUTS[self.sound.channels]
            self._audio = self._container.add_stream("aac", rate=self.sound.rate, layout=layout)

    def write(self, frames: Tensor) -> None:
        """Add ``frames`` (n 3 H W), uint8 or floats in [-1, 1]."""
        import av

        if frames.ndim != 4 or frames.shape[1:] != (3, self.size[1], self.size[0]):
            raise InputError(
                f"This video takes frames (n, 3, {self.size[1]}, {self.size[0]}); found {tuple(frames.shape)}."
            )
        if frames.dtype != torch.uint8:
            frames = to_uint8(frames)
        # By NumPy: in a thread of its own, each operation of torch would call up as many threads as there are cores.
        pictures = np.ascontiguousarray(frames.cpu().numpy().transpose(0, 2, 3, 1))
        self._hash.update(pictures.data)
        width, height = self.size
        if height % 2 or width % 2:
            pictures = np.pad(pictures, ((0, 0), (0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        for picture in pictures:
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            means = "AREA" if self.recoded else None
            frame = frame.reformat(format="yuv420p", dst_colorspace="ITU709", interpolation=means)
            frame.pts, frame.time_base = self.frames, 1 / self.fps
            self._send(self._video.encode(frame))
            self.frames += 1
        self._hear(self.frames / self.fps)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        from av.error import FFmpegError

        try:
            if kind is None:
                if not self.frames:
                    raise MediaError(f"The video {self.path} is not written: it has no frame.")
                self._hear(None)
                self._send(self._video.encode(None))
                if self._audio is not None:
                    self._send(self._audio.encode(None))
                self._container.close()
                self._tell_hash()
                os.replace(self._part, self.path)
        except (FFmpegError, OSError) as failure:
            raise self._unwritable(failure) from failure
        finally:
            with contextlib.suppress(FFmpegError, OSError):  # a full disk says so here again
                self._container.close()
            self._part.unlink(missing_ok=True)

    def _send(self, packets: Any) -> None:
        from av.error import FFmpegError

        try:
            self._container.mux(packets)
        except (FFmpegError, OSError) as failure:
            raise self._unwritable(failure) from failure

    def _unwritable(self, failure: Exception) -> MediaError:
        return MediaError(
            f"The video {self.path} cannot be written: {failure}. Is the disk full, or the folder locked?"
        )

    def _tell_hash(self) -> None:
        """Write the hash into its place: the container takes its metadata before it gets the first frame."""
        with self._part.open("r+b") as file, mmap(file.fileno(), 0) as content:
            start = content.find(self._hash_place.encode())
            content[start : start + len(self._hash_place)] = self._hash.hexdigest().encode()

    def _hear(self, until: Fraction | None) -> None:
        """Encode the sound up to ``until`` seconds; None = all that is left."""
        import av

        if self.sound is None or self._audio is None:
            return
        rate, count = self.sound.rate, len(self.sound)
        end = count if until is None else min(count, int(until * rate))
        while self._heard < end:
            part = np.ascontiguousarray(self.sound[self._heard : min(end, self._heard + BLOCK_SAMPLES)])
            frame = av.AudioFrame.from_ndarray(part, format="fltp", layout=AAC_LAYOUTS[len(part)])
            frame.sample_rate, frame.pts, frame.time_base = rate, self._heard, Fraction(1, rate)
            self._send(self._audio.encode(frame))
            self._heard += part.shape[1]


class _EncodableSamples(ChannelSamples):
    """A sound at a rate and with a number of channels that AAC knows; others are resampled, and mixed to one."""

    def __init__(self, sound: Sound) -> None:
        super().__init__(sound, sound.rate if sound.rate in AAC_RATES else 48000)
        self._mixed = len(sound.samples) not in AAC_LAYOUTS
        self.channels = 1 if self._mixed else len(sound.samples)

    def _source(self, first: int, last: int) -> np.ndarray:
        samples = self.sound.read(first, last)
        return (samples.mean(0, keepdim=True) if self._mixed else samples).numpy()
