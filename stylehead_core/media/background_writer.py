"""Writes a video in a background thread, so that the next frames are rendered while the last ones are encoded.

Axes: n frames, H W picture.
"""

import contextlib
import queue
import threading
from collections.abc import Iterable, Mapping
from fractions import Fraction
from pathlib import Path
from types import TracebackType

from torch import Tensor

from ..errors import InputError
from ..ops.pixels import to_uint8
from ..ops.transfer import AsyncCopy
from .sound import Sound
from .video import VideoWriter

__all__ = ["BackgroundVideoWriter", "write_video"]

QUEUED_WRITES = 2  # batches that may wait for the encoder; more would only hold more memory
POLL_SECONDS = 0.1  # between two looks at a full queue, in case the encoder has failed


def write_video(
    path: str | Path,
    frames: Iterable[Tensor],
    *,
    fps: Fraction | int,
    sound: Sound | None = None,
    quality: int = 18,
    metadata: Mapping[str, str] | None = None,
) -> int:
    """Write a video file from frames that arrive in batches, and return how many frames it has.

    Args:
        path: an ``.mp4`` file; it appears when it is whole.
        frames: batches (n 3 H W), uint8 or floats in [-1, 1], such as ``animate`` and ``render`` yield. Consumed one
            batch at a time.
        fps: frames per second, exact.
        quality: constant rate factor of H.264, 0 (lossless) to 51.

    Raises:
        InputError: there is no frame.
        ConfigError, MediaError: as ``VideoWriter``.
    """
    batches = iter(frames)
    first = next(batches, None)
    if first is None:
        raise InputError(f"The video {path} is not written: no frame was given.")
    height, width = first.shape[-2:]
    video = VideoWriter(path, fps=Fraction(fps), size=(width, height), sound=sound, quality=quality, metadata=metadata)
    with BackgroundVideoWriter(video) as writer:
        writer.write(first)
        for batch in batches:
            writer.write(batch)
    return writer.frames


class BackgroundVideoWriter:
    """Encodes ``film`` in a thread of its own, as frames come in.

    Used as a context manager in place of the ``VideoWriter``. An error of the encoder is raised by the next ``write``
    or at the end of the context. When the context ends with an error or an interrupt, the file is discarded together
    with the batches that still wait. The thread has ended when the context has.
    """

    def __init__(self, film: VideoWriter) -> None:
        self.film = film
        self.frames = 0  # handed over so far
        self._line: queue.Queue[AsyncCopy | None] = queue.Queue(QUEUED_WRITES)
        self._error: BaseException | None = None
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._work, name="stylehead-film", daemon=True)

    def __enter__(self) -> "BackgroundVideoWriter":
        self.film.__enter__()
        try:
            self._thread.start()
        except BaseException as failure:
            self.film.__exit__(type(failure), failure, failure.__traceback__)
            raise
        return self

    def write(self, frames: Tensor) -> None:
        """Add ``frames`` (n 3 H W), uint8 or floats in [-1, 1], on any device. Blocks only while the queue is full."""
        self._put(AsyncCopy(frames if not frames.is_floating_point() else to_uint8(frames)))
        self.frames += len(frames)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._put(None)
                self._thread.join()
                self._raise()
        except BaseException as failure:
            self._end()
            self.film.__exit__(type(failure), failure, failure.__traceback__)
            raise
        self._end()
        self.film.__exit__(kind, error, trace)

    def _put(self, item: AsyncCopy | None) -> None:
        while not self._stopped.is_set():
            try:
                self._line.put(item, timeout=POLL_SECONDS)
            except queue.Full:
                continue
            break
        self._raise()

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error

    def _end(self) -> None:
        self._stopped.set()
        with contextlib.suppress(queue.Empty):
            while True:
                self._line.get_nowait()
        self._line.put(None)  # wakes the thread, should it wait
        self._thread.join()

    def _work(self) -> None:
        try:
            while (item := self._line.get()) is not None and not self._stopped.is_set():
                self.film.write(item.wait())
        except BaseException as error:
            self._error = error
        finally:
            self._stopped.set()
