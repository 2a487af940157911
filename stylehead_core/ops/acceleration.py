"""Accelerates a function on tensors by torch's compiler, by CUDA graphs, or by both.

Both suit functions that are called many times with tensors of the same shapes. Where one is not available (no compiler,
no GPU, an unsupported operation), a warning is logged and the function is called unchanged.
"""

import logging
from collections.abc import Callable
from typing import Literal, get_args

import torch
from torch import Tensor

__all__ = ["SPEEDS", "Speed", "accelerate"]

Speed = Literal["plain", "compile", "graphs", "compile and graphs"]
"""``plain``: unchanged. ``compile``: torch.compile, which takes a minute at first and rounds differently. ``graphs``:
all kernels of a call are recorded once and launched together, which saves the time between them; the numbers stay."""
SPEEDS = get_args(Speed)
WARM_UP_CALLS = 3  # calls before a recording, in which libraries choose kernels and allocate memory

Function = Callable[..., Tensor]  # takes tensors and None

log = logging.getLogger(__name__)


def accelerate(function: Function, speed: Speed, device: torch.device) -> Function:
    """Return ``function`` accelerated as ``speed`` says for ``device``, or unchanged where that is not possible."""
    if "compile" in speed:
        function = _CompiledFunction(function)
    if "graphs" not in speed:
        return function
    if device.type != "cuda":
        log.warning("CUDA graphs need a CUDA device, this is %r: drawing without them.", device.type)
        return function
    return _GraphedFunction(function, device)


class _CompiledFunction:
    """Compiled at the first call, when the shapes are known; a failure shows then."""

    def __init__(self, function: Function) -> None:
        self.plain = function
        self.function: Function | None = None

    def __call__(self, *tensors: Tensor | None) -> Tensor:
        if self.function is not None:
            return self.function(*tensors)
        try:
            compiled = torch.compile(self.plain, dynamic=False)
            result = compiled(*tensors)
        except torch.cuda.OutOfMemoryError:  # not the compiler's fault: the caller may retry with a smaller batch
            raise
        except Exception as error:  # torch's compiler and its backends raise many kinds
            log.warning("The compiler cannot be used (%s): drawing without it.", _first_line(error))
            self.function = self.plain
            return self.plain(*tensors)
        self.function = compiled
        return result


class _GraphedFunction:
    """A CUDA graph with its own input buffers: each call copies its tensors there and replays the graph.

    It is recorded again when the shapes change.
    """

    def __init__(self, function: Function, device: torch.device) -> None:
        self.function, self.device = function, device
        self.graph: torch.cuda.CUDAGraph | None = None
        self.inputs: tuple[Tensor | None, ...] = ()
        self.result: Tensor | None = None
        self.failed = False

    def __call__(self, *tensors: Tensor | None) -> Tensor:
        if not self.failed and (self.graph is None or not self._matches(tensors)):
            self._capture(tensors)
        if self.graph is None or self.result is None:
            return self.function(*tensors)
        for buffer, tensor in zip(self.inputs, tensors, strict=True):
            if buffer is not None and tensor is not None:
                buffer.copy_(tensor, non_blocking=True)
        self.graph.replay()
        return self.result.clone()  # the next replay overwrites the buffer

    def _matches(self, tensors: tuple[Tensor | None, ...]) -> bool:
        return [_shape(tensor) for tensor in self.inputs] == [_shape(tensor) for tensor in tensors]

    def _capture(self, tensors: tuple[Tensor | None, ...]) -> None:
        self.graph = self.result = None
        self.inputs = tuple(None if tensor is None else tensor.to(self.device, copy=True) for tensor in tensors)
        try:
            self.graph, self.result = _capture(self.function, self.inputs, self.device)
        except torch.cuda.OutOfMemoryError:  # not the graph's fault: the caller may retry with a smaller batch
            raise
        except Exception as error:  # operations that synchronise with the device raise many kinds
            log.warning("CUDA graphs cannot be used (%s): drawing without them.", _first_line(error))
            self.failed, self.graph, self.inputs = True, None, ()


def _capture(
    function: Function, inputs: tuple[Tensor | None, ...], device: torch.device
) -> tuple[torch.cuda.CUDAGraph, Tensor]:
    """Record ``function`` on the buffers ``inputs``; returns the graph and the tensor that each replay fills."""
    with torch.cuda.device(device):
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(WARM_UP_CALLS):
                function(*inputs)
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        # Other threads, such as the video writer's, may synchronise with the device meanwhile.
        with torch.cuda.graph(graph, capture_error_mode="thread_local"):
            result = function(*inputs)
    return graph, result


def _shape(tensor: Tensor | None) -> torch.Size | None:
    return None if tensor is None else tensor.shape


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
