"""Asynchronous copies of tensors to a device and back.

Copies between a GPU and page-locked ("pinned") memory run while both sides do other work. Axes: n frames, S size.
"""

from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["AsyncCopy", "to_device"]


def to_device(tensor: Tensor, device: torch.device) -> Tensor:
    """Copy ``tensor`` to ``device``. The source must not be written to before the copy is done."""
    if device.type != "cuda" or tensor.device.type != "cpu":
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)


class AsyncCopy:
    """A pending copy of pictures from the device to the CPU."""

    def __init__(self, pictures: Tensor) -> None:
        """Start to copy ``pictures`` (n 3 S S); returns at once."""
        self.done: Callable[[], object] | None = None
        self.pictures = pictures
        if pictures.device.type == "cuda":
            self.source = pictures  # kept alive until it is read
            # torch caches pinned memory, so the system allocates it only once.
            self.pictures = torch.empty(pictures.shape, dtype=pictures.dtype, pin_memory=True)
            self.pictures.copy_(pictures, non_blocking=True)
            event = torch.cuda.Event()
            event.record(torch.cuda.current_stream(pictures.device))
            self.done = event.synchronize

    def wait(self) -> Tensor:
        """Wait for the copy and return the pictures on the CPU."""
        if self.done is not None:
            self.done()
        return self.pictures
