"""Conversion of the published ArcFace network (``model_ir_se50.pth``) to ``Identity`` and back."""

from collections.abc import Mapping

from torch import Tensor

from ..networks.identity import IdentityConfig
from .renaming import backbone_names, invert, rename

__all__ = ["from_official", "names", "to_official"]

NORM = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")


def names(config: IdentityConfig = IdentityConfig()) -> dict[str, str]:
    """Map published names to ours."""
    found = backbone_names(config.widths, config.units)
    for part in NORM:  # output_layer.1 and .2 are dropout and flattening
        found[f"output_layer.0.{part}"] = f"norm.{part}"
        found[f"output_layer.4.{part}"] = f"norm_out.{part}"
    return found | {f"output_layer.3.{part}": f"linear.{part}" for part in ("weight", "bias")}


def from_official(state: Mapping[str, Tensor], config: IdentityConfig = IdentityConfig()) -> dict[str, Tensor]:
    """Convert to the state dict of ``Identity(config)``."""
    return rename(state, names(config), what="ArcFace IR-SE-50 (model_ir_se50.pth)")


def to_official(state: Mapping[str, Tensor], config: IdentityConfig = IdentityConfig()) -> dict[str, Tensor]:
    """Convert back to the published state dict."""
    return rename(state, invert(names(config)), what="an Identity")
