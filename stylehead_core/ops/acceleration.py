"""A function on tensors made faster, where the machine can: by torch's compiler, by recorded CUDA graphs, or by both.

Both are for functions that are called many times with tensors of the same shapes. Where one of them cannot be had (no
compiler, no GPU, an operation that it does not take), a message says so and the function is called as it is.
"""

import logging
from collections.abc import Callable
from typing import Literal, get_args

import torch
from torch import Tensor

__all__ = ["SPEEDS", "Speed", "faster"]

Speed = Literal["plain", "compile", "graphs", "compile and graphs"]
"""``plain``: as it is. ``compile``: torch.compile, which takes a minute at first and rounds otherwise. ``graphs``: all
kernels of a call are recorded once and started together, which saves the time between them; the same numbers."""
SPEEDS = get_args(Speed)
WARM_UPS = 3  # calls before a recording: the libraries choose their kernels and take their memory in them

Function = Callable[..., Tensor]  # of tensors, and Nones that stay Nones

log = logging.getLogger(__name__)


def faster(function: Function, speed: Speed, device: torch.device) -> Function:
    """``function`` as fast as ``speed`` asks, on ``device``; itself where that cannot be."""
    if "compile" in speed:
        function = _Compiled(function)
    if "graphs" not in speed:
        return function
    if device.type != "cuda":
        log.warning("CUDA graphs need a CUDA device, this is %r: drawing without them.", device.type)
        return function
    return _Recorded(function, device)


class _Compiled:
    """Compiled at the first call, when the shapes are known; that is when it fails, if it does."""

    def __init__(self, function: Function) -> None:
        self.plain = function
        self.function: Function | None = None

    def __call__(self, *given: Tensor | None) -> Tensor:
        if self.function is not None:
            return self.function(*given)
        try:
            compiled = torch.compile(self.plain, dynamic=False)
            result = compiled(*given)
        except torch.cuda.OutOfMemoryError:  # is not the compiler's: the caller may have less drawn at once
            raise
        except Exception as error:  # torch's compiler and those that it calls fail in many ways
            log.warning("The compiler cannot be used (%s): drawing without it.", _first_line(error))
            self.function = self.plain
            return self.plain(*given)
        self.function = compiled
        return result


class _Recorded:
    """A CUDA graph: recorded with buffers of its own, into which each call's tensors are copied before it is replayed.

    It is recorded anew when the shapes change.
    """

    def __init__(self, function: Function, device: torch.device) -> None:
        self.function, self.device = function, device
        self.graph: torch.cuda.CUDAGraph | None = None
        self.held: tuple[Tensor | None, ...] = ()
        self.result: Tensor | None = None
        self.failed = False

    def __call__(self, *given: Tensor | None) -> Tensor:
        if not self.failed and (self.graph is None or not self._fits(given)):
            self._record(given)
        if self.graph is None or self.result is None:
            return self.function(*given)
        for buffer, tensor in zip(self.held, given, strict=True):
            if buffer is not None and tensor is not None:
                buffer.copy_(tensor, non_blocking=True)
        self.graph.replay()
        return self.result.clone()  # the next replay writes into the same place

    def _fits(self, given: tuple[Tensor | None, ...]) -> bool:
        return [_shape(tensor) for tensor in self.held] == [_shape(tensor) for tensor in given]

    def _record(self, given: tuple[Tensor | None, ...]) -> None:
        self.graph = self.result = None
        self.held = tuple(None if tensor is None else tensor.to(self.device, copy=True) for tensor in given)
        try:
            self.graph, self.result = _record(self.function, self.held, self.device)
        except torch.cuda.OutOfMemoryError:  # is not the graph's: the caller may have less drawn at once
            raise
        except Exception as error:  # whatever does not wait for the device in the open may fail in its own way
            log.warning("CUDA graphs cannot be used (%s): drawing without them.", _first_line(error))
            self.failed, self.graph, self.held = True, None, ()


def _record(
    function: Function, held: tuple[Tensor | None, ...], device: torch.device
) -> tuple[torch.cuda.CUDAGraph, Tensor]:
    """The graph of ``function`` on the buffers ``held``, and the tensor that each replay fills."""
    with torch.cuda.device(device):
        aside = torch.cuda.Stream()
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            for _ in range(WARM_UPS):
                function(*held)
        torch.cuda.current_stream().wait_stream(aside)
        graph = torch.cuda.CUDAGraph()
        # Other threads may wait for the device meanwhile: one of them writes the film.
        with torch.cuda.graph(graph, capture_error_mode="thread_local"):
            result = function(*held)
    return graph, result


def _shape(tensor: Tensor | None) -> torch.Size | None:
    return None if tensor is None else tensor.shape


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
