"""Checkpoint of a run, written atomically: weights, their moving average, optimisers, random state."""

import os
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import StyleHeadError
from ..media.outputs import temporary_beside

__all__ = ["Average", "read_checkpoint", "write_checkpoint"]


class Average:
    """Exponential moving average (EMA) of the weights of all trained networks: what a run returns.

    Source: Polyak and Juditsky 1992; the first steps keep less, as in TensorFlow's ``ExponentialMovingAverage``.
    """

    def __init__(self, networks: dict[str, nn.Module], keep: float) -> None:
        self.keep = keep
        self.values = {name: value.detach().clone() for name, value in _values(networks).items()}

    @torch.no_grad()
    def update(self, networks: dict[str, nn.Module], step: int) -> None:
        keep = min(self.keep, (1 + step) / (10 + step))
        for name, value in _values(networks).items():
            if value.is_floating_point():
                self.values[name].lerp_(value, 1 - keep)
            else:
                self.values[name].copy_(value)

    @torch.no_grad()
    def swap(self, networks: dict[str, nn.Module]) -> None:
        """Exchange the networks' values and the average's; a second call puts them back."""
        for name, value in _values(networks).items():
            other = value.clone()
            value.copy_(self.values[name])
            self.values[name].copy_(other)


def _values(networks: dict[str, nn.Module]) -> dict[str, Tensor]:
    return {f"{name}.{key}": value for name, net in networks.items() for key, value in net.state_dict().items()}


def write_checkpoint(path: Path, checkpoint: dict[str, Any]) -> None:
    part = temporary_beside(path)
    torch.save(checkpoint, part)
    os.replace(part, path)


def read_checkpoint(path: Path) -> dict[str, Any]:
    """What ``write_checkpoint`` wrote: tensors and plain values, nothing that could run code."""
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # the library has no single error for a broken file
        raise StyleHeadError(f"The checkpoint {path} cannot be read: {error}. Start again without --resume.") from error
