"""Prepared clips of nothing in particular, for tests that learn from them or measure on them."""

from fractions import Fraction
from pathlib import Path
from typing import Any

from stylehead_core.datasets.preparation.clip_folder import PreparedClip


def clip_of(folder: Path, size: int, count: int, **fields: Any) -> PreparedClip:
    """A clip of ``count`` frames of ``size`` pixels with sound, whose square is the whole picture."""
    return PreparedClip(
        folder=folder,
        size=size,
        count=count,
        fps=Fraction(25),
        start=0,
        square=((1.0, 0.0, 0.0), (0.0, 1.0, 0.0)),
        sound=True,
        **{"video": "none.mp4", "framing": "track", **fields},
    )
