"""Renaming of the tensors of an official state dict."""

import re
from collections.abc import Iterable, Mapping, Sequence

from torch import Tensor

from ..errors import WeightsError

__all__ = ["backbone_names", "invert", "layer", "rename", "stem_names", "unit_names"]


def rename(state: Mapping[str, Tensor], names: Mapping[str, str], *, what: str, dropped: str = "") -> dict[str, Tensor]:
    """Rename the tensors of ``state``.

    Args:
        state: tensors by name.
        names: old name to new name of each tensor to keep.
        what: the network's name, for the error message.
        dropped: regular expression that fully matches the names of tensors to leave out.

    Raises:
        WeightsError: a name is missing or unknown.
    """
    missing = [name for name in names if name not in state]
    unknown = [name for name in state if name not in names and not (dropped and re.fullmatch(dropped, name))]
    if missing or unknown:
        found = [
            "\n    ".join([f"  {word}  {len(keys)}:", *keys])
            for word, keys in (("missing", missing), ("unknown", unknown))
            if keys
        ]
        raise WeightsError(
            f"These are not the weights of {what}.\n"
            + "\n".join(found)
            + "\nThe file may hold another network, or another version of it. Get the one that the README names."
        )
    return {new: state[old] for old, new in names.items()}


def invert(names: Mapping[str, str]) -> dict[str, str]:
    """Invert a mapping of names."""
    return {new: old for old, new in names.items()}


def layer(official: str, own: str, tensors: Iterable[str] = ("weight", "bias")) -> dict[str, str]:
    """Map the official names of a layer's tensors to ours."""
    return {f"{official}.{tensor}": f"{own}.{tensor}" for tensor in tensors}


def unit_names(official: str, own: str, *, shortcut: bool, attention: bool) -> dict[str, str]:
    """Map the official names of a ``ResidualUnit`` to ours."""
    parts = {
        **_norm(f"{official}.res_layer.0", f"{own}.norm_in"),
        f"{official}.res_layer.1.weight": f"{own}.conv_in.weight",
        f"{official}.res_layer.2.weight": f"{own}.slope.weight",
        f"{official}.res_layer.3.weight": f"{own}.conv_out.weight",
        **_norm(f"{official}.res_layer.4", f"{own}.norm_out"),
    }
    if attention:
        parts[f"{official}.res_layer.5.fc1.weight"] = f"{own}.attention.squeeze.weight"
        parts[f"{official}.res_layer.5.fc2.weight"] = f"{own}.attention.excite.weight"
    if shortcut:
        parts[f"{official}.shortcut_layer.0.weight"] = f"{own}.shortcut.0.weight"
        parts |= _norm(f"{official}.shortcut_layer.1", f"{own}.shortcut.1")
    return parts


def stem_names(official: str, own: str) -> dict[str, str]:
    """Map the official names of a ``stem`` to ours."""
    return {
        f"{official}.0.weight": f"{own}.0.weight",
        **_norm(f"{official}.1", f"{own}.1"),
        f"{official}.2.weight": f"{own}.2.weight",
    }


def backbone_names(widths: Sequence[int], units: Sequence[int]) -> dict[str, str]:
    """Map the official names of the face recognition backbone to ours: a stem, then stages of residual units.

    Args:
        widths: channels of each stage.
        units: residual units of each stage.
    """
    found = stem_names("input_layer", "stem")
    unit, inputs = 0, widths[0]
    for stage, (width, count) in enumerate(zip(widths, units, strict=True)):
        for i in range(count):
            found |= unit_names(f"body.{unit}", f"stages.{stage}.{i}", shortcut=inputs != width, attention=True)
            unit, inputs = unit + 1, width
    return found


def _norm(official: str, own: str) -> dict[str, str]:
    """Map the official names of a batch norm to ours."""
    parts = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    return {f"{official}.{part}": f"{own}.{part}" for part in parts}
