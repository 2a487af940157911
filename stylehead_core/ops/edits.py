"""Adds edits to the styles of a face.

Axes: R style rows, D style width.
"""

from collections.abc import Sequence

from torch import Tensor

from ..records import Edit

__all__ = ["edit_styles", "position_in_clip", "strengths_at"]


def position_in_clip(frame: int, frames: int) -> float:
    """Position of frame ``frame`` (from 0) in a clip of ``frames``, 0 to 1. A single frame is at the end of the
    curve.
    """
    return frame / (frames - 1) if frames > 1 else 1.0


def strengths_at(edits: Sequence[Edit], position: float) -> tuple[float, ...]:
    """Strength of each edit at ``position`` (0..1) of the clip."""
    return tuple(edit.strength(position) for edit in edits)


def edit_styles(styles: Tensor, edits: Sequence[Edit], strengths: Sequence[float]) -> Tensor:
    """Add every edit at its strength to ``styles`` (R D); at strength 0 the result is the same tensor, bit for bit.

    Each edit is measured on the unedited face, so their order does not matter.
    """
    result = styles
    for edit, strength in zip(edits, strengths, strict=True):
        if strength:
            direction = edit.direction.to(styles)
            result = result + strength * (_step_count(styles, edit) * direction)
    return result


def _step_count(styles: Tensor, edit: Edit) -> Tensor | float:
    """Factor of the direction at strength 1: one, or whatever leads to the goal."""
    if edit.target == "shift":
        return 1.0
    assert edit.mean is not None, edit
    assert edit.axis is not None, edit
    # Source: GANSpace as in the official code (SPEC section 9): the coordinate is read from the first row only.
    return edit.goal - (styles[0] - edit.mean.to(styles)) @ edit.axis.to(styles)
