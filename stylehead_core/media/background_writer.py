"""A film written in a thread of its own, behind the one that draws: the next frames are drawn while these are encoded.

Axes: n frames, H W picture.
"""

import contextlib
import queue
import threading
from types import TracebackType

from torch import Tensor

from ..ops.transfer import Returning, in_bytes
from .video import VideoWriter

__all__ = ["BackgroundVideoWriter"]

WAITING = 2  # writes that may wait; more would only hold more memory
LOOK = 0.1  # seconds after which a full queue is looked at again, in case that the other side has failed


class BackgroundVideoWriter:
    """Writes ``film`` as frames come in, without being waited for.

    Used as a context around the whole writing, in place of the film itself. An error of the film is raised by the next
    ``write`` or at the end. Where the context is left by an error or an interrupt, the film is given up and what waits
    is dropped. Either way the thread has ended when the context has.
    """

    def __init__(self, film: VideoWriter) -> None:
        self.film = film
        self.frames = 0  # handed over so far
        self._line: queue.Queue[Returning | None] = queue.Queue(WAITING)
        self._error: BaseException | None = None
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._work, name="stylehead-film", daemon=True)

    def __enter__(self) -> "BackgroundVideoWriter":
        self.film.__enter__()
        self._thread.start()
        return self

    def write(self, frames: Tensor) -> None:
        """Add ``frames`` (n 3 H W), uint8 or floats in [-1, 1], on any device. Waits only where the film is slower."""
        self._put(Returning(frames if not frames.is_floating_point() else in_bytes(frames)))
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

    def _put(self, item: Returning | None) -> None:
        while not self._stopped.is_set():
            try:
                self._line.put(item, timeout=LOOK)
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
