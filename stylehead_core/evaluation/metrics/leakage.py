"""Edit leakage: what an edit changes besides what it was asked to change."""

from torch import Tensor

from ..pictures import check_pair, unit

__all__ = ["region_leakage"]


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
