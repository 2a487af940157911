"""Conversion of the official discriminator (``stylegan2_d_256.pth``, flat) to ``Discriminator`` and back.

Its blur kernels are left out, and computed on the way back.
"""

from collections.abc import Mapping

from torch import Tensor

from ..networks.discriminator import DiscriminatorConfig
from ..ops.filters import blur_kernel
from .renaming import invert, rename

__all__ = ["from_official", "names", "to_official"]

WHAT = "the StyleGAN2 discriminator (stylegan2_d_256.pth)"
FILTERS = r".*\.kernel"


def names(config: DiscriminatorConfig = DiscriminatorConfig()) -> dict[str, str]:
    """Map the official names of the tensors that we keep to ours."""
    found = {"convs.0.0.weight": "stem.weight", "convs.0.1.bias": "stem.bias"}
    for block in range(len(config.channels) - 1):
        official, own = f"convs.{block + 1}", f"blocks.{block}"
        found |= {
            f"{official}.conv1.0.weight": f"{own}.first.weight",
            f"{official}.conv1.1.bias": f"{own}.first.bias",
            f"{official}.conv2.1.weight": f"{own}.second.weight",
            f"{official}.conv2.2.bias": f"{own}.second.bias",
            f"{official}.skip.1.weight": f"{own}.shortcut.weight",
        }
    found |= {"final_conv.0.weight": "conv.weight", "final_conv.1.bias": "conv.bias"}
    for part in ("weight", "bias"):
        found |= {f"final_linear.0.{part}": f"linear.{part}", f"final_linear.1.{part}": f"logit.{part}"}
    return found


def from_official(
    state: Mapping[str, Tensor], config: DiscriminatorConfig = DiscriminatorConfig()
) -> dict[str, Tensor]:
    """Convert to the state dict of ``Discriminator(config)``."""
    return rename(state, names(config), what=WHAT, dropped=FILTERS)


def to_official(state: Mapping[str, Tensor], config: DiscriminatorConfig = DiscriminatorConfig()) -> dict[str, Tensor]:
    """Convert back to the official state dict."""
    official = rename(state, invert(names(config)), what="a Discriminator")
    kernel = blur_kernel(1, state["stem.weight"])[0, 0].clone()
    for block in range(1, len(config.channels)):
        official |= {f"convs.{block}.conv2.0.kernel": kernel, f"convs.{block}.skip.0.kernel": kernel}
    return official
