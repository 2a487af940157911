"""Conversion of Deep3DFaceRecon's network (``net_recon`` of its checkpoint) to ``Coefficients`` and back."""

from collections.abc import Mapping

from torch import Tensor

from ..networks.coefficients import CoefficientsConfig
from .renaming import invert, layer, rename

__all__ = ["COEFFICIENTS", "from_official", "to_official"]

WHAT = "Deep3DFaceRecon's coefficient network"
COEFFICIENTS = CoefficientsConfig()
NORM = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")


def from_official(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Convert to the state dict of ``Coefficients``; 1 x 1 convolutions on one pixel become linear layers."""
    renamed = rename(state, _names(), what=WHAT)
    return {key: tensor.flatten(1) if _is_part(key) else tensor for key, tensor in renamed.items()}


def to_official(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Convert back to the official names and shapes."""
    shaped = {key: tensor[..., None, None] if _is_part(key) else tensor for key, tensor in state.items()}
    return rename(shaped, invert(_names()), what=WHAT)


def _is_part(key: str) -> bool:
    return key.startswith("parts.") and key.endswith(".weight")


def _names() -> dict[str, str]:
    """Map official names to ours."""
    names = {**layer("backbone.conv1", "first", ["weight"]), **layer("backbone.bn1", "first_norm", NORM)}
    for stage, blocks in enumerate(COEFFICIENTS.blocks):
        for i in range(blocks):
            theirs, ours = f"backbone.layer{stage + 1}.{i}", f"stages.{stage}.{i}"
            for number, part in enumerate(("narrow", "look", "widen"), start=1):
                names |= layer(f"{theirs}.conv{number}", f"{ours}.{part}", ["weight"])
                names |= layer(f"{theirs}.bn{number}", f"{ours}.{part}_norm", NORM)
            if i == 0:
                names |= layer(f"{theirs}.downsample.0", f"{ours}.short", ["weight"])
                names |= layer(f"{theirs}.downsample.1", f"{ours}.short_norm", NORM)
    for i in range(len(COEFFICIENTS.outputs)):
        names |= layer(f"final_layers.{i}", f"parts.{i}")
    return names
