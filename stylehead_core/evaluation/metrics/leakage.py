"""Edit leakage: what an edit changes besides what it was asked to change."""

from torch import Tensor

from ...errors import InputError
from ..pictures import check_pair, unit

__all__ = ["attribute_leakage", "region_leakage"]


def attribute_leakage(before: Tensor, after: Tensor, edited: int) -> float:
    """How far the other attributes move for each step of the edited one; lower is better.

    Args:
        before: (B A) attributes predicted for the unedited pictures, in standard deviations between people.
        after: (B A) the same after the edit.
        edited: which of the A attributes the edit was asked to change.

    Returns:
        From 0: mean |change| of the others divided by mean |change| of the edited one. 0 is a clean edit, 1 one that
        changes everything alike.
    """
    change = (after - before).abs().mean(dim=0)
    if change.ndim != 1 or len(change) < 2:
        raise InputError(f"Leakage needs at least two attributes (B, A); found {tuple(before.shape)}.")
    others = (change.sum() - change[edited]) / (len(change) - 1)
    return float(others / change[edited].clamp(min=1e-12))


def region_leakage(before: Tensor, after: Tensor, region: Tensor) -> Tensor:
    """How much of an edit's change lies outside the region it belongs to; lower is better.

    Args:
        before: (T 3 H W) in [-1, 1], or bytes: unedited.
        after: (T 3 H W) edited.
        region: (T 1 H W) or (1 1 H W) in 0..1: where the edit may act (a beard: around the mouth and jaw).

    Returns:
        (T) in 0..1: the part of all change that lies outside. 0 where nothing changed at all.
    """
    check_pair(before, after)
    change = (unit(after) - unit(before)).abs().mean(dim=1, keepdim=True)
    outside = (change * (1 - region.float())).sum(dim=(1, 2, 3))
    return outside / change.sum(dim=(1, 2, 3)).clamp(min=1e-12)
