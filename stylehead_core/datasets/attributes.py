"""Attribute labels of rendered people, about 0..1, computed from their seeds.

Axes: N people, A attributes.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from ..synthetic.heads.appearance import Appearance, edit_pair, sample_appearance

__all__ = ["ATTRIBUTES", "EDITED", "edited_attributes", "label_appearances", "true_attributes"]

ATTRIBUTES: tuple[str, ...] = ("age", "beard", "makeup", "tone", "hair", "female", "glasses")
"""Attributes with labels: ``tone`` is 1 for the darkest skin, ``hair`` the lightness of the hair's display colour."""

EDITED = {"age": "age", "beard": "beard", "makeup": "makeup", "tone": "tone", "hair_color": "hair"}
"""Name of the attribute that each edit changes."""


def true_attributes(seeds: Sequence[int]) -> Tensor:
    """Labels (N A) of the people with these seeds; NaN for the hair of bald people."""
    return label_appearances([sample_appearance(seed) for seed in seeds])


def edited_attributes(seed: int, edit: str) -> Tensor:
    """Labels (2 A) of a person at the low and at the high end of an edit."""
    return label_appearances(edit_pair(sample_appearance(seed), edit))


def label_appearances(looks: Sequence[Appearance]) -> Tensor:
    """Labels (N A) of appearances; NaN for the hair of bald people."""
    return torch.tensor([_numbers(look) for look in looks], dtype=torch.float32)


def _numbers(look: Appearance) -> list[float]:
    hair = sum(look.hair_color) / 3
    values = {
        "age": look.age,
        "beard": look.beard,
        "makeup": look.makeup,
        "tone": look.tone / 8,
        "hair": float("nan") if look.hair_style == "bald" else max(hair, 0.0) ** (1 / 2.2),
        "female": float(look.female),
        "glasses": float(bool(look.glasses)),
    }
    return [values[name] for name in ATTRIBUTES]
