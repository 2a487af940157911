"""State dicts under other names: the part that adapters share."""

from collections.abc import Iterable, Mapping

from torch import Tensor

from ..errors import WeightsError

__all__ = ["inverted", "layer", "rename"]


def rename(state: Mapping[str, Tensor], names: Mapping[str, str]) -> dict[str, Tensor]:
    """The same tensors under their new names.

    Args:
        state: any part of a network's tensors.
        names: old name -> new name, of all that may be there.

    Raises:
        WeightsError: there are names that the network does not have.
    """
    unknown = [name for name in state if name not in names]
    if unknown:
        raise WeightsError(
            f"{len(unknown)} of {len(state)} tensors have names that this network does not know, "
            f"first {unknown[0]!r}. This is the file of another network, or of another version of it."
        )
    return {names[name]: tensor for name, tensor in state.items()}


def layer(theirs: str, ours: str, tensors: Iterable[str] = ("weight", "bias")) -> dict[str, str]:
    """The names of one layer's tensors."""
    return {f"{theirs}.{tensor}": f"{ours}.{tensor}" for tensor in tensors}


def inverted(names: Mapping[str, str]) -> dict[str, str]:
    """The way back."""
    return {ours: theirs for theirs, ours in names.items()}
