"""Conversion of the official calibration network (``calibrator``) to ``Calibrator`` and back."""

from collections.abc import Mapping

from torch import Tensor

from ..networks.calibrator import CalibratorConfig
from ..ops.filters import blur_kernel
from .adain import adain
from .renaming import invert, layer, rename

__all__ = ["CALIBRATOR", "from_official", "to_official"]

WHAT = "the calibration network"
CALIBRATOR = CalibratorConfig(heads="all")
FILTERS = tuple(f"conv_body_down.{i}.{part}.0.kernel" for i in range(CALIBRATOR.levels) for part in ("conv2", "skip"))
"""Names of the blur kernels in the official file; ``Calibrator`` computes them."""


def from_official(state: Mapping[str, Tensor], *, acting_only: bool = False) -> dict[str, Tensor]:
    """Convert an official ``calibrator`` (names without that prefix) to the state dict of ``Calibrator``.

    Args:
        state: the official state dict.
        acting_only: leave out the heads of the lower levels, which no generator uses, for a network with
            ``heads="acting"``. The result cannot be converted back.
    """
    ours = rename(state, _names(), what=WHAT, dropped=r"conv_body_down\.\d\.(conv2|skip)\.0\.kernel")
    if not acting_only:
        return ours
    last = CALIBRATOR.levels - 1
    unused = tuple(f"{head}.{i}." for head in ("scale", "shift") for i in range(last))
    kept = {key: tensor for key, tensor in ours.items() if not key.startswith(unused)}
    return {
        key.replace(f"scale.{last}.", "scale.0.").replace(f"shift.{last}.", "shift.0."): tensor
        for key, tensor in kept.items()
    }


def to_official(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Convert back to the official state dict; the blur kernels are computed."""
    like = state["first.weight"]
    filters = {name: blur_kernel(1, like)[0, 0] for name in FILTERS}
    return {**rename(state, invert(_names()), what=WHAT), **filters}


def _names() -> dict[str, str]:
    """Map official names to ours. Officially, the bias before an activation belongs to the activation."""
    names = {
        **_activated_layer("conv_body_first.0", "conv_body_first.1", "first"),
        **_activated_layer("final_conv.0", "final_conv.1", "middle"),
        **layer("linear_3dmm.0", "descriptor_in"),
        **layer("linear_3dmm.2", "descriptor_out"),
    }
    for i in range(CALIBRATOR.levels):
        down, up, inject = f"conv_body_down.{i}", f"conv_body_up.{i}", f"inject_3dmm.{i}"
        names |= _activated_layer(f"{down}.conv1.0", f"{down}.conv1.1", f"down.{i}.mix")
        names |= _activated_layer(f"{down}.conv2.1", f"{down}.conv2.2", f"down.{i}.shrink")
        names |= layer(f"{down}.skip.1", f"down.{i}.short", ["weight"])
        names |= _activated_layer(f"{up}.conv1.0", f"{up}.conv1.1", f"up.{i}.mix")
        names |= _activated_layer(f"{up}.conv2", f"{up}.conv2.activation", f"up.{i}.grow")
        names |= layer(f"{up}.skip", f"up.{i}.short", ["weight"])
        for theirs, ours in (("1", "first"), ("2", "second")):
            names |= layer(f"{inject}.conv{theirs}", f"inject.{i}.{ours}")
            names |= adain(f"{inject}.norm{theirs}", f"inject.{i}.{ours}_norm")
        for head in ("scale", "shift"):
            names |= layer(f"condition_{head}.{i}.0", f"{head}.{i}.mix")
            names |= layer(f"condition_{head}.{i}.2", f"{head}.{i}.out")
    return names


def _activated_layer(weight: str, bias: str, ours: str) -> dict[str, str]:
    """Names of a convolution whose official bias belongs to the activation."""
    return {f"{weight}.weight": f"{ours}.weight", f"{bias}.bias": f"{ours}.bias"}
