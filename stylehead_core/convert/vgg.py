"""VGG19's weights as torchvision names them (``features.*``) to ``Vgg`` and back.

What lies above the last tap (three convolutions and the classifier) is left out, and is not there on the way back.
"""

from collections.abc import Mapping

from torch import Tensor

from ..networks.vgg import VggConfig
from .renaming import invert, rename

__all__ = ["from_official", "names", "to_official"]

ABOVE = r"features\.(30|32|34)\..*|classifier\..*"


def names(config: VggConfig = VggConfig()) -> dict[str, str]:
    """Our name of every tensor that we keep."""
    found, layer = {}, 0
    for stage, convs in enumerate(config.convs):
        for conv in range(convs):
            for part in ("weight", "bias"):
                found[f"features.{layer}.{part}"] = f"stages.{stage}.{conv}.{part}"
            layer += 2  # the ReLU has a number of its own
        layer += 1  # and so has the pooling
    return found


def from_official(state: Mapping[str, Tensor], config: VggConfig = VggConfig()) -> dict[str, Tensor]:
    """The state dict of ``Vgg(config)``."""
    return rename(state, names(config), what="VGG19", dropped=ABOVE)


def to_official(state: Mapping[str, Tensor], config: VggConfig = VggConfig()) -> dict[str, Tensor]:
    """torchvision's ``features`` up to the last tap."""
    return rename(state, invert(names(config)), what="a Vgg")
