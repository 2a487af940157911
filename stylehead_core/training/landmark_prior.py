"""What the landmark prior must know, computed from rendered heads in one go."""

import torch
from torch import Tensor

from ..models.landmark_prior import LandmarkPrior
from .data import Heads

__all__ = ["expression_basis", "fit_basis"]

RIDGE = 3e-4  # of the number of pictures: what keeps coefficients that hardly occur from wild movements


def fit_basis(prior: LandmarkPrior, heads: Heads) -> None:
    """Learn where each landmark goes with each coefficient of the expression, for ``prior`` with its canonical face."""
    size = heads.size
    faces = prior.front(heads.landmarks, heads.coefficients, size)
    expression = heads.coefficients[:, : prior.config.expression]
    prior.basis.copy_(expression_basis(faces, expression, heads.person))


def expression_basis(faces: Tensor, expression: Tensor, person: Tensor) -> Tensor:
    """The linear movement of landmarks with expression coefficients, by ridge regression within each person.

    Args:
        faces: (N P 3) landmarks turned to the front, cm.
        expression: (N K).
        person: (N): what is common to all pictures of a person is taken away first.

    Returns:
        (K P 3) cm for a coefficient of 1.
    """
    _, person = person.unique(return_inverse=True)
    count = torch.zeros(int(person.max()) + 1, dtype=torch.float64).index_add_(
        0, person, torch.ones(len(person)).double()
    )

    def within(x: Tensor) -> Tensor:
        x = x.double().flatten(1)
        mean = torch.zeros(len(count), x.shape[1], dtype=torch.float64).index_add_(0, person, x) / count[:, None]
        return x - mean[person]

    change, moved = within(expression), within(faces)
    square = change.T @ change
    ridge = RIDGE * len(change) * torch.eye(len(square), dtype=torch.float64)
    basis = torch.linalg.solve(square + ridge, change.T @ moved)
    return basis.view(-1, *faces.shape[1:]).to(faces.dtype)
