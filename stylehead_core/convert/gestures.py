"""What a slider such as *smile* means in ``bfm`` coefficients, solved on Deep3DFaceRecon's face model.

The 64 expression coefficients have no names. A gesture is the least unusual expression that moves some of the 68
landmarks as wanted and leaves the others where they are: ridge regression on the model's expression basis.

Axes: L = 68 landmarks, K = 64 coefficients.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ..errors import WeightsError
from ..model.stylehead import KEY_EXPRESSIONS
from ..networks.morphable_model import MorphableModel

__all__ = ["GESTURES", "key_expressions_from_official", "solve_gestures"]

MOUTH, EYES = (48, 54), (36, 45)  # landmarks whose distance is the unit of a gesture: mouth corners, outer eye corners
LOWER_LIP, CHIN = (55, 56, 57, 58, 59, 65, 66, 67), (6, 7, 8, 9, 10)
UPPER_LIDS, LOWER_LIDS = (37, 38, 43, 44), (41, 40, 47, 46)  # point over point
BROWS = tuple(range(17, 27))
RIDGE = 0.01  # of the mean squared effect of a coefficient: what keeps solutions near usual expressions

GESTURES: dict[str, tuple[str, ...]] = {
    "smile": ("corners of the mouth outwards and up by 0.15 of its width",),
    "jaw": ("lower lip and chin down by 0.35 of the mouth's width",),
    "brows": ("brows up by 0.06 of the distance of the outer eye corners",),
    "blink": ("upper lids down to the lower ones",),
    "pucker": ("corners of the mouth inwards by 0.2 of its width",),
}
"""Each gesture and, in words, where slider 1 wants the landmarks."""


def solve_gestures(model: MorphableModel) -> dict[str, Tensor]:
    """The expression coefficients (K) of each of ``GESTURES`` at 1."""
    points = model.mean_shape[model.keypoints]  # L 3, y up
    basis = model.expression_basis[model.keypoints].flatten(0, 1).double()  # L*3 K
    gram = basis.T @ basis
    gram = gram + RIDGE * gram.diagonal().mean() * torch.eye(len(gram), dtype=gram.dtype)
    wanted = _landmark_movements(points.double())
    return {name: torch.linalg.solve(gram, basis.T @ move.flatten()).float() for name, move in wanted.items()}


def _landmark_movements(points: Tensor) -> dict[str, Tensor]:
    """How each gesture moves the landmarks (L 3)."""
    mouth = (points[MOUTH[1]] - points[MOUTH[0]]).norm()
    eyes = (points[EYES[1]] - points[EYES[0]]).norm()
    moves = {name: torch.zeros_like(points) for name in GESTURES}
    left, right = MOUTH
    outwards = points.new_tensor((1.0, 0.0, 0.0)) * (points[right] - points[left])[0].sign()
    up = points.new_tensor((0.0, 1.0, 0.0))
    moves["smile"][right] = 0.15 * mouth * (outwards + up)
    moves["smile"][left] = 0.15 * mouth * (up - outwards)
    moves["pucker"][right] = -0.2 * mouth * outwards
    moves["pucker"][left] = 0.2 * mouth * outwards
    moves["jaw"][[*LOWER_LIP, *CHIN]] = -0.35 * mouth * up
    moves["brows"][list(BROWS)] = 0.06 * eyes * up
    moves["blink"][list(UPPER_LIDS)] = points[list(LOWER_LIDS)] - points[list(UPPER_LIDS)]
    return moves


def key_expressions_from_official(value: Any, where: str) -> Tensor:
    """The four key expressions of intuitive editing (4 64), in the order of ``KEY_EXPRESSIONS``.

    Args:
        value: of the official repository's ``docs/demo/intuitive_edit/expression.pth``, four vectors by name.

    Raises:
        WeightsError: there are not exactly one vector of 64 for each.
    """
    entries = dict(value) if isinstance(value, Mapping) else {}
    found = []
    for name in KEY_EXPRESSIONS:
        stem = {"centre": "cent", "eyebrow": "brow", "eyes": "eyes"}.get(name, name)
        fits = [entry for key, entry in entries.items() if stem in str(key)]
        if len(fits) != 1 or not isinstance(fits[0], Tensor) or fits[0].numel() != 64:
            raise WeightsError(
                f"{where}: expected one vector of 64 for each of {', '.join(KEY_EXPRESSIONS)}; "
                f"found {', '.join(map(str, entries)) or type(value).__name__}."
            )
        found.append(fits[0].flatten().float())
    return torch.stack(found)
