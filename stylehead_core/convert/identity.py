"""Conversion of the published ArcFace network (``model_ir_se50.pth``) to ``Identity`` and back."""

from collections.abc import Mapping

from torch import Tensor

from ..networks.identity import IdentityConfig
from .renaming import invert, rename, stem_names, unit_names

__all__ = ["from_official", "names", "to_official"]

NORM = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")


def names(config: IdentityConfig = IdentityConfig()) -> dict[str, str]:
    """Map published names to ours."""
    found = stem_names("input_layer", "stem")
    unit, inputs = 0, config.widths[0]
    for stage, (width, units) in enumerate(zip(config.widths, config.units, strict=True)):
        for i in range(units):
            found |= unit_names(f"body.{unit}", f"stages.{stage}.{i}", shortcut=inputs != width, attention=True)
            unit, inputs = unit + 1, width
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
