"""LPIPS with AlexNet as the official code names it (``net.layers.*``, ``lin.*``) to ``Lpips`` and back.

Mean and deviation of the pictures are constants of ours: they are left out, and made again on the way back.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from ..networks.lpips import SCALE, SHIFT
from .renaming import invert, rename

__all__ = ["from_official", "names", "to_official"]

ALEXNET = (0, 3, 6, 8, 10)  # its convolutions' numbers; ReLU and pooling have their own


def names() -> dict[str, str]:
    """Our name of every official tensor that we keep."""
    found = {}
    for i, layer in enumerate(ALEXNET):
        found |= {f"net.layers.{layer}.{part}": f"convs.{i}.{part}" for part in ("weight", "bias")}
        found[f"lin.{i}.1.weight"] = f"weights.{i}"
    return found


def from_official(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The state dict of ``Lpips``."""
    kept = rename(state, names(), what="LPIPS with AlexNet", dropped=r"net\.(mean|std)")
    return {name: tensor.flatten() if name.startswith("weights.") else tensor for name, tensor in kept.items()}


def to_official(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The official state dict."""
    official = rename(state, invert(names()), what="an Lpips")
    official = {name: t.view(1, -1, 1, 1) if name.startswith("lin.") else t for name, t in official.items()}
    return {
        **official,
        "net.mean": torch.tensor(SHIFT).view(1, 3, 1, 1),
        "net.std": torch.tensor(SCALE).view(1, 3, 1, 1),
    }
