"""A tensor whose rows are kept on disk and read a few at a time.

Axes: T rows, such as frames of a clip; ... the shape of a row.
"""

import tempfile
import threading
import weakref
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..errors import MediaError

__all__ = ["DiskTensor"]


class DiskTensor:
    """Rows of float32, appended in order and read in any order, by any thread.

    The file is anonymous: it is gone when the object is released, however the program ends.
    """

    def __init__(self, folder: str | Path | None = None) -> None:
        """Keep the file in ``folder``; None = the system's folder for temporary files."""
        self.folder = folder
        self._rows, self._row = 0, ()
        self._lock = threading.Lock()
        try:
            self._file = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115  (closed by the next line)
        except OSError as error:
            raise self._unwritable(error) from error
        weakref.finalize(self, self._file.close)

    def add(self, rows: Tensor) -> None:
        """Append ``rows`` (n ...).

        Raises:
            MediaError: the disk is full.
        """
        if self._rows and tuple(rows.shape[1:]) != self._row:
            raise ValueError(f"rows of {self._row}, not {tuple(rows.shape[1:])}")
        self._row = tuple(rows.shape[1:])
        numbers = rows.detach().cpu().float().contiguous().numpy().tobytes()
        try:
            with self._lock:
                self._file.seek(self._rows * len(numbers) // max(1, len(rows)))
                if self._file.write(numbers) < len(numbers):
                    raise OSError("there was room for a part of it")
        except OSError as error:
            raise self._unwritable(error) from error
        self._rows += len(rows)

    @property
    def shape(self) -> torch.Size:
        return torch.Size((self._rows, *self._row))

    @property
    def ndim(self) -> int:
        return len(self.shape)

    def __len__(self) -> int:
        return self._rows

    def __getitem__(self, rows: slice | Sequence[int]) -> Tensor:
        """Read rows (n ...) as a new tensor, indexed like a tensor."""
        numbers = range(*rows.indices(len(self))) if isinstance(rows, slice) else rows
        found = np.empty((len(numbers), *self._row), np.float32)
        with self._lock:
            for place, number in zip(found, numbers, strict=True):
                if not -len(self) <= number < len(self):
                    raise IndexError(number)
                self._file.seek(number % len(self) * place.nbytes)
                self._file.readinto(memoryview(place).cast("B"))
        return torch.from_numpy(found)

    def __iter__(self) -> Iterator[Tensor]:
        return (self[[number]][0] for number in range(len(self)))

    def _unwritable(self, error: OSError) -> MediaError:
        where = self.folder or tempfile.gettempdir()
        return MediaError(f"Data of a long clip cannot be kept in {where}: {error}. Is the disk full, or locked?")
