"""AED: error of the expression against the driving clip."""

from torch import Tensor

from ...spaces import space_named

__all__ = ["aed"]


def aed(generated: Tensor, driving: Tensor, space: str = "arkit") -> Tensor:
    """Average expression distance of each frame; lower is better.

    Args:
        generated: (T K) coefficients measured in the generated frames.
        driving: (T K) coefficients measured in the driving frames, in the same way.
        space: ``arkit`` (52 blendshape weights, 0..1) or ``bfm`` (64 coefficients). Their scales differ: never compare
            numbers of one with numbers of the other, nor with papers that take a sum or a square.

    Returns:
        (T) from 0, the mean absolute difference over the space's expression coefficients.

    Source: the convention that PIRenderer's successors follow, mean over coefficients and frames of |generated -
        driving|.
    """
    part = space_named(space).expression
    return (generated[:, part] - driving[:, part]).abs().mean(dim=-1)
