"""Decodes one stream of a media file: damaged packets are skipped and counted, every error names the file."""

from collections.abc import Iterator
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

from ..errors import MediaError

__all__ = ["Source", "StreamDecoder", "find_stream", "is_cover", "media_address", "name_source", "open_media"]

Source = str | Path | BytesIO
Kind = Literal["video", "audio"]

DELAYED = 64  # frames that a decoder may hold back, at most
ATTACHED_PICTURE = 1024  # FFmpeg's flag for the cover of an album


def name_source(source: Source) -> str:
    """What a message calls the file."""
    return "in memory" if isinstance(source, BytesIO) else str(source)


def media_address(path: str | Path) -> str:
    """A path as FFmpeg takes it. Without a scheme it would read ``12:30.mp4`` as a file of the protocol "12".

    An address with a scheme of its own (``https://...``) is left as it is.
    """
    path = str(path)
    return path if "://" in path else f"file:{path}"


def open_media(source: Source, what: str = "file") -> Any:
    """The file as a PyAV container.

    Args:
        what: what a message calls it: "video", "sound".

    Raises:
        MediaError: there is no such file, or it is no media file.
    """
    import av
    from av.error import FFmpegError

    if isinstance(source, BytesIO):
        source.seek(0)
        target: Any = source
    else:
        target = media_address(source)
        if target.startswith("file:") and not Path(source).exists():
            raise MediaError(f"The {what} {source} cannot be read: there is no such file.")
    try:
        return av.open(target, metadata_errors="replace")
    except (FFmpegError, OSError, ValueError) as error:
        empty = not isinstance(source, BytesIO) and Path(source).is_file() and not Path(source).stat().st_size
        advice = "It is empty." if empty else "Is it a media file, and whole?"
        raise MediaError(f"The {what} {name_source(source)} cannot be read: {_reason(error)}. {advice}") from error


def find_stream(container: Any, kind: Kind) -> Any | None:
    """The first stream of this kind that has a decoder; None where there is none.

    A stream without a decoder must not be touched: PyAV before 18 ends the whole process when it is read. A cover
    picture counts as video only where there is no other.
    """
    usable = [stream for stream in getattr(container.streams, kind) if stream.codec_context is not None]
    if kind == "video":
        usable.sort(key=is_cover)
    return usable[0] if usable else None


class StreamDecoder:
    """Iterates over the frames of one stream that can be decoded.

    Raises:
        MediaError: while it is iterated: the file breaks before its first frame.
    """

    def __init__(self, container: Any, stream: Any, source: Source) -> None:
        self.container, self.stream, self.source = container, stream, source
        self.packets = 0  # read so far
        self.lost = 0  # of them, packets that could not be decoded; of a video a packet is a frame
        self.end = Fraction(0)  # seconds at which the packets so far end

    def __iter__(self) -> Iterator[Any]:
        from av.error import FFmpegError

        frames = 0
        packets = self.container.demux(self.stream)
        reason: Exception | None = None
        while True:
            try:
                packet = next(packets, None)
            except (FFmpegError, OSError, ValueError) as error:  # a file that is cut short is good up to there
                reason = error
                break
            if packet is None:
                break
            self.packets += packet.size > 0
            if packet.pts is not None and packet.duration:
                self.end = max(self.end, (packet.pts + packet.duration) * packet.time_base)
            for _ in range(
                1 if packet.size else DELAYED
            ):  # the last packet is empty: it fetches what threads still hold
                try:
                    decoded = packet.decode()
                except EOFError:
                    break
                except (FFmpegError, ValueError) as error:
                    self.lost += 1
                    reason = error
                    continue
                for frame in decoded:
                    frames += 1
                    yield frame
                break
        if not frames and reason is not None:
            raise MediaError(
                f"The {self.stream.type} of {name_source(self.source)} cannot be decoded: {_reason(reason)}."
            ) from reason


def is_cover(stream: Any) -> bool:
    """Whether a video stream is the picture of an album."""
    return bool(getattr(getattr(stream, "disposition", None), "value", 0) & ATTACHED_PICTURE)


def _reason(error: Exception) -> str:
    """FFmpeg's words without its number and without the address that the message names already."""
    return str(getattr(error, "strerror", None) or error)
