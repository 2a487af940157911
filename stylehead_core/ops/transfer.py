"""Tensors to the device and back, without waiting where that can be.

Copies between a GPU and page-locked ("pinned") memory go on while both sides do other things. Axes: n frames, S size.
"""

from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["Returning", "to_device"]


def to_device(tensor: Tensor, device: torch.device) -> Tensor:
    """``tensor`` on ``device``. Nobody may write into it before the device has read it."""
    if device.type != "cuda" or tensor.device.type != "cpu":
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)


class Returning:
    """Pictures on their way from the device to the CPU."""

    def __init__(self, pictures: Tensor) -> None:
        """Begin to fetch ``pictures`` (n 3 S S); returns at once."""
        self.done: Callable[[], object] | None = None
        self.pictures = pictures
        if pictures.device.type == "cuda":
            self.source = pictures  # is kept until it is read
            # Torch keeps pinned memory for the next one, so that it is asked of the system only at first.
            self.pictures = torch.empty(pictures.shape, dtype=pictures.dtype, pin_memory=True)
            self.pictures.copy_(pictures, non_blocking=True)
            event = torch.cuda.Event()
            event.record(torch.cuda.current_stream(pictures.device))
            self.done = event.synchronize

    def wait(self) -> Tensor:
        """The pictures on the CPU, as soon as they are there."""
        if self.done is not None:
            self.done()
        return self.pictures
