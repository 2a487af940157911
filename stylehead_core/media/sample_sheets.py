"""Sample sheets of a training run: pictures in rows, written as PNG."""

import os
from collections.abc import Sequence
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from ..ops.pixels import to_uint8
from .outputs import temporary_beside

__all__ = ["rows_of", "write_png"]


def rows_of(columns: Sequence[Tensor]) -> Tensor:
    """One row for each picture of the batch: ``columns`` are (B 3 S S) or (B 1 S S), in [-1, 1] -> (3 B*S n*S)."""
    rows = torch.cat([column.expand(-1, 3, -1, -1) for column in columns], dim=-1)  # B 3 S n*S
    return torch.cat(rows.unbind(0), dim=-2)


def write_png(path: Path, picture: Tensor) -> None:
    """Write ``picture`` (3 H W) in [-1, 1] to ``path``, atomically."""
    levels = to_uint8(picture.detach()).permute(1, 2, 0).cpu().numpy()
    part = temporary_beside(path)
    Image.fromarray(levels).save(part, format="PNG")
    os.replace(part, path)
