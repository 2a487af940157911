"""Video files in and out, frame by frame, with exact times.

Frames are (n 3 H W) uint8 RGB. Memory does not grow with the clip: a few frames are held at a time.
"""

import contextlib
import hashlib
import os
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from io import BytesIO
from mmap import mmap
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import ConfigError, InputError, MediaError
from ..ops.pixels import to_uint8
from .sound import Sound

__all__ = ["Frames", "VideoInfo", "VideoWriter", "frame_rate", "open_video", "read_frames", "read_info"]

Source = str | Path | BytesIO

AAC_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000)
AAC_LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}
STEADY = 0.3  # of a frame: times that wander less than this are a constant rate, written coarsely
VIDEO_TICKS = 90_000  # a second, in which a silent film's length is written
_BT709 = 1  # in FFmpeg's lists of colour spaces, primaries and transfers alike


@dataclass(frozen=True, kw_only=True)
class VideoInfo:
    """What a file says about its video."""

    width: int  # pixels as shown, after the rotation flag
    height: int
    fps: Fraction  # declared; ``frame_rate`` of the times that were read is surer
    frames: int | None  # none: the container does not say
    rotation: int  # degrees anticlockwise by which a decoded frame is turned to be shown
    sound: bool


@dataclass(frozen=True, kw_only=True)
class Frames:
    """A few frames in a row."""

    pictures: Tensor  # (n 3 H W) uint8
    times: tuple[Fraction, ...]  # seconds, of each
    seconds: Fraction  # how long the last of them is shown

    def __len__(self) -> int:
        return len(self.pictures)


def read_info(source: Source) -> VideoInfo:
    """Look at the first frame and at what the container says.

    Raises:
        MediaError: the file cannot be read or holds no video.
    """
    with open_video(source) as container:
        stream = container.streams.video[0]
        frame = next(iter(container.decode(stream)), None)
        if frame is None:
            raise MediaError(f"The video {_name(source)} has no frame that can be decoded.")
        turned = frame.rotation % 180 == 90
        width, height = (frame.height, frame.width) if turned else (frame.width, frame.height)
        return VideoInfo(
            width=width,
            height=height,
            fps=_declared_rate(stream),
            frames=stream.frames or None,
            rotation=frame.rotation % 360,
            sound=bool(container.streams.audio),
        )


def read_frames(source: Source, *, chunk: int = 8, fps: Fraction | None = None) -> Iterator[Frames]:
    """Decode a video as it is shown (rotation applied), ``chunk`` frames at a time.

    Args:
        fps: none gives every frame of the file; a rate gives the frame that is on the screen at each 1/fps, so that a
            file of variable rate becomes a steady one: frames are repeated or left out, never blended.

    Raises:
        MediaError: the file cannot be read or holds no video.
    """
    frames = _decoded(source)
    if fps is not None:
        frames = _steady(frames, Fraction(fps))
    held: list[tuple[np.ndarray, Fraction, Fraction]] = []
    for frame in frames:
        held.append(frame)
        if len(held) == chunk:
            yield _together(held)
            held = []
    if held:
        yield _together(held)


def frame_rate(times: list[Fraction], last: Fraction, declared: Fraction) -> Fraction:
    """The constant rate that frames at these times have, or come nearest to.

    Args:
        times: seconds, of every frame.
        last: how long the last frame is shown, seconds.
        declared: what the container says.

    Returns:
        The declared rate where the times follow it (containers round times, to milliseconds for example), else
        frames / seconds: as many frames in the same time.
    """
    declared = _common_rate(declared)
    if len(times) < 2:
        return declared
    wander = max(abs((time - times[0]) * declared - i) for i, time in enumerate(times))
    if wander < STEADY:
        return declared
    measured = Fraction(len(times)) / (times[-1] - times[0] + last)
    return _common_rate(measured.limit_denominator(100_000))


def open_video(source: Source) -> Any:
    """The file as a PyAV container that has video.

    Raises:
        MediaError: the file cannot be read or holds no video.
    """
    import av
    from av.error import FFmpegError

    if isinstance(source, BytesIO):
        source.seek(0)
    try:
        container = av.open(str(source) if isinstance(source, Path) else source, metadata_errors="replace")
    except (FFmpegError, OSError) as error:
        raise MediaError(f"The video {_name(source)} cannot be read: {error}") from error
    if not container.streams.video:
        container.close()
        raise MediaError(f"The file {_name(source)} holds no video.")
    return container


def _decoded(source: Source) -> Iterator[tuple[np.ndarray, Fraction, Fraction]]:
    """Picture (H W 3), time and duration of every frame that can be decoded."""
    from av.error import FFmpegError

    with open_video(source) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        usual = 1 / _common_rate(_declared_rate(stream))
        waiting: tuple[np.ndarray, Fraction] | None = None
        size: tuple[int, int] | None = None
        try:
            for frame in container.decode(stream):
                size = size or (frame.width, frame.height)  # a film may change it on the way; the first one counts
                # Told outright, and as a change: PyAV 14 takes BT.601 where both sides say the same.
                hd = frame.colorspace == _BT709
                space = {"src_colorspace": "ITU709", "dst_colorspace": "ITU601"} if hd else {}
                drawn = frame.reformat(width=size[0], height=size[1], format="rgb24", **space)
                picture = np.rot90(drawn.to_ndarray(), frame.rotation // 90)
                time = frame.pts * frame.time_base if frame.pts is not None else None
                if waiting is not None:
                    time = waiting[1] + usual if time is None or time <= waiting[1] else time
                    yield (*waiting, time - waiting[1])
                waiting = picture, Fraction(time or 0)
        except FFmpegError as error:
            if waiting is None:  # a file that is cut short is good up to there
                raise MediaError(f"The video {_name(source)} cannot be decoded: {error}") from error
        if waiting is None:
            raise MediaError(f"The video {_name(source)} has no frame that can be decoded.")
        yield (*waiting, usual)


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


def _together(frames: list[tuple[np.ndarray, Fraction, Fraction]]) -> Frames:
    pictures = torch.from_numpy(np.stack([picture for picture, _, _ in frames])).permute(0, 3, 1, 2)
    return Frames(pictures=pictures, times=tuple(time for _, time, _ in frames), seconds=frames[-1][2])


def _declared_rate(stream: Any) -> Fraction:
    return Fraction(stream.average_rate or stream.guessed_rate or stream.base_rate or 25)


def _common_rate(rate: Fraction) -> Fraction:
    """A whole rate, or one of 1000/1001 of it (23.976, 29.97 ...), where ``rate`` is that within 0.02 %."""
    for whole in (Fraction(round(rate)), Fraction(round(rate * Fraction(1001, 1000))) * Fraction(1000, 1001)):
        if whole > 0 and abs(rate / whole - 1) < Fraction(1, 5000):
            return whole
    return rate


def _name(source: Source) -> str:
    return "in memory" if isinstance(source, BytesIO) else str(source)


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
    ) -> None:
        if min(size) < 2 or Fraction(fps) <= 0 or not 0 <= quality <= 51:
            raise ConfigError(
                f"A video needs at least 2 x 2 pixels, a frame rate above 0 and a quality of 0 to 51; found {size}, "
                f"{fps}, {quality}."
            )
        self.path, self.fps, self.size = Path(path), Fraction(fps), size
        self.sound = None if sound is None else _encodable(sound)
        self.quality, self.speed, self.metadata = quality, speed, dict(metadata or {})
        self.frames = self._heard = 0
        self._hash, self._hash_place = hashlib.sha256(), secrets.token_hex(32)

    def __enter__(self) -> "VideoWriter":
        import av

        width, height = self.size
        self._part = self.path.with_name(f".{self.path.stem}-{secrets.token_hex(4)}.part")
        try:
            self._part.touch(exist_ok=False)
        except OSError as error:
            raise self._unwritable(error) from error
        # Lengths are written in the sound's samples: in milliseconds, as usual, they are rounded and the sound is cut.
        scale = VIDEO_TICKS if self.sound is None else self.sound.rate
        options = {"movflags": "+faststart+use_metadata_tags", "movie_timescale": str(scale)}
        self._container = av.open(str(self._part), "w", format="mp4", options=options)
        self._container.metadata.update(self.metadata)
        self._container.metadata["frames_sha256"] = self._hash_place
        video = self._container.add_stream("libx264", rate=self.fps)
        video.width, video.height = width + width % 2, height + height % 2
        video.pix_fmt, video.options = "yuv420p", {"crf": str(self.quality), "preset": self.speed}
        context = video.codec_context
        context.colorspace = context.color_primaries = context.color_trc = context.color_range = _BT709
        self._video, self._audio = video, None
        if self.sound is not None:
            layout = AAC_LAYOUTS[len(self.sound.samples)]
            self._audio = self._container.add_stream("aac", rate=self.sound.rate, layout=layout)
        return self

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
        for picture in np.pad(pictures, ((0, 0), (0, height % 2), (0, width % 2), (0, 0)), mode="edge"):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame = frame.reformat(format="yuv420p", dst_colorspace="ITU709")
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
        """Encode the sound up to ``until`` seconds; none = all that is left."""
        import av

        if self.sound is None or self._audio is None:
            return
        samples, rate = self.sound.samples, self.sound.rate
        end = samples.shape[1] if until is None else min(samples.shape[1], int(until * rate))
        if end <= self._heard:
            return
        part = np.ascontiguousarray(samples[:, self._heard : end].numpy())
        frame = av.AudioFrame.from_ndarray(part, format="fltp", layout=AAC_LAYOUTS[len(part)])
        frame.sample_rate, frame.pts, frame.time_base = rate, self._heard, Fraction(1, rate)
        self._send(self._audio.encode(frame))
        self._heard = end


def _encodable(sound: Sound) -> Sound:
    """A rate and a number of channels that AAC knows."""
    sound = sound.cleaned()
    if len(sound.samples) not in AAC_LAYOUTS:
        sound = Sound(samples=sound.samples.mean(0, keepdim=True), rate=sound.rate)
    return sound if sound.rate in AAC_RATES else sound.resampled(48000)
