"""Networks without values, to be filled from a file."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

__all__ = ["unfilled"]


@contextmanager
def unfilled() -> Iterator[None]:
    """Networks built within have shapes and no values, and take no memory.

    PyTorch's meta device alone would do. But the shapes of random numbers it finds in Python, and imports its compiler
    for that, which takes a second. So nothing is drawn at random here.
    """
    with torch.device("meta"), _NothingRandom():
        yield


class _NothingRandom(TorchFunctionMode):
    """Tensors that would be filled at random, or be an identity, are only made."""

    def __torch_function__(self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func in (Tensor.normal_, Tensor.uniform_) or getattr(func, "__module__", "") == "torch.nn.init":
            return args[0] if args else kwargs["tensor"]
        if func is torch.randn:
            func = torch.empty
        elif func is torch.eye:
            func, args = torch.empty, (args[0], args[-1])  # rows, and columns if there are others
        return func(*args, **kwargs)
