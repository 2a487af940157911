"""Conversion of the official LPIPS with AlexNet (``net.layers.*``, ``lin.*``) to ``Lpips`` and back.

Mean and deviation of the pictures are constants in our code: they are left out, and added on the way back.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from ..networks.lpips import RGB_DEVIATION, RGB_MEAN
from .renaming import invert, rename

__all__ = ["from_official", "names", "to_official"]

ALEXNET = (0, 3, 6, 8, 10)  # numbers of the convolutions among AlexNet's layers


def names() -> dict[str, str]:
    """Map the official names of the tensors that we keep to ours."""
    found = {}
    for i, layer in enumerate(ALEXNET):
        found |= {f"net.layers.{layer}.{part}": f"convs.{i}.{part}" for part in ("weight", "bias")}
        found[f"lin.{i}.1.weight"] = f"weights.{i}"
    return found


def from_official(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Convert to the state dict of ``Lpips``."""
    kept = rename(state, names(), what="LPIPS with AlexNet", dropped=r"net\.(mean|std)")
    return {name: tensor.flatten() if name.startswith("weights.") else tensor for name, tensor in kept.items()}


def to_official(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Convert back to the official state dict."""
    official = rename(state, invert(names()), what="an Lpips")
    official = {name: t.view(1, -1, 1, 1) if name.startswith("lin.") else t for name, t in official.items()}
    return {
        **official,
        "net.mean": torch.tensor(RGB_MEAN).view(1, 3, 1, 1),
        "net.std": torch.tensor(RGB_DEVIATION).view(1, 3, 1, 1),
    }
