"""Hands out the frames of a video file by number, a few at a time: forwards as they come, backwards in windows."""

from collections.abc import Iterator
from fractions import Fraction

import torch
from torch import Tensor

from ..errors import MediaError
from .decoding import Source, name_source
from .video import read_frames

__all__ = ["FrameReader"]

WINDOW_FRAMES = 64  # that are held at most, for a clip that is played backwards
WINDOW_BYTES = 256 * 2**20


class FrameReader:
    """Called with frame numbers (n), it gives their pictures (n 3 H W) uint8.

    Going on from the frame before costs one decoded frame. Going back seeks to a key frame and decodes from there, once
    for a whole window.

    Args:
        times: (N) float64, seconds of all frames of the file from the first one on, as ``MeasuredVideo`` has them.
        square_pixels: as in ``read_frames``.
    """

    def __init__(self, source: Source, times: Tensor, *, square_pixels: bool = True) -> None:
        self.source, self.times, self.square_pixels = source, times, square_pixels
        self._frames: Iterator[tuple[int, Tensor]] = iter(())
        self._next = len(times)  # number of the frame that comes next of ``_frames``
        self._start: Fraction | None = None  # seconds, of frame 0 in the file's own time
        self._held: dict[int, Tensor] = {}
        self._backwards = False  # whether a window of frames is held

    def __call__(self, frames: Tensor) -> Tensor:
        """The pictures of ``frames`` (n) int64.

        Raises:
            MediaError: the file has changed since its times were measured.
        """
        return torch.stack([self._get(int(number)) for number in frames])

    def _get(self, number: int) -> Tensor:
        if number in self._held:
            return self._held[number]
        self._backwards = self._start is not None and number < self._next
        if self._start is None or self._backwards:
            self._open(number)
        while self._next <= number:
            found = next(self._frames, None)
            if found is None:
                raise MediaError(
                    f"Frame {number} of the video {name_source(self.source)} is not there any more. "
                    "Did the file change while it was in use?"
                )
            self._hold(*found)
        return self._held[number]

    def _hold(self, number: int, picture: Tensor) -> None:
        self._held[number] = picture
        self._next = number + 1
        while len(self._held) > (self._window(picture) if self._backwards else 1):
            del self._held[min(self._held)]

    @staticmethod
    def _window(picture: Tensor) -> int:
        return max(1, min(WINDOW_FRAMES, WINDOW_BYTES // picture.numel()))

    def _open(self, number: int) -> None:
        """Begin so that ``number``, and a window of frames before it, are read next."""
        if self._start is None:  # the first frame tells where the file's time begins
            self._frames = self._read(None)
            self._hold(*next(self._frames))
            return
        window = self._window(next(iter(self._held.values())))
        self._held.clear()
        begin = max(0, number - window + 1)
        self._frames = self._read(self._start + Fraction(float(self.times[begin])))
        first = next(self._frames, None)
        if first is None or first[0] > begin:  # the file cannot be searched: from its beginning, then
            self._frames = self._read(None)
            first = next(self._frames)
        self._hold(*first)

    def _read(self, start: Fraction | None) -> Iterator[tuple[int, Tensor]]:
        """Number and picture of each frame from ``start`` on; numbers go by the frames' times."""
        for part in read_frames(self.source, chunk=1, square_pixels=self.square_pixels, start=start):
            time = part.times[0]
            self._start = time if self._start is None else self._start
            after = float(time - self._start)
            yield int((self.times - after).abs().argmin()), part.pictures[0]
