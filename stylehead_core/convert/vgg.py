"""Conversion of torchvision's VGG19 (``features.*``) to ``Vgg`` and back.

The layers after the last tap (three convolutions and the classifier) are left out, and missing on the way back.
"""

from collections.abc import Mapping

from torch import Tensor

from ..networks.vgg import VggConfig
from .renaming import invert, rename

__all__ = ["from_official", "names", "to_official"]

ABOVE = r"features\.(30|32|34)\..*|classifier\..*"


def names(config: VggConfig = VggConfig()) -> dict[str, str]:
    """Map the names of the tensors that we keep to ours."""
    found, layer = {}, 0
    for stage, convs in enumerate(config.convs):
        for conv in range(convs):
            for part in ("weight", "bias"):
                found[f"features.{layer}.{part}"] = f"stages.{stage}.{conv}.{part}"
            layer += 2  # the ReLU also counts as a layer
        layer += 1  # and so does the pooling
    return found


def from_official(state: Mapping[str, Tensor], config: VggConfig = VggConfig()) -> dict[str, Tensor]:
    """Convert to the state dict of ``Vgg(config)``."""
    return rename(state, names(config), what="VGG19", dropped=ABOVE)


def to_official(state: Mapping[str, Tensor], config: VggConfig = VggConfig()) -> dict[str, Tensor]:
    """Convert back to torchvision's names, up to the last tap."""
    return rename(state, invert(names(config)), what="a Vgg")
