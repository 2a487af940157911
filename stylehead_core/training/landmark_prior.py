"""Fits the expression basis of the landmark prior to rendered heads by ridge regression, in closed form."""

import torch
from torch import Tensor

from ..datasets.heads import Heads
from ..networks.landmark_prior import LOWER_LIP, UPPER_LIP, LandmarkPrior
from ..spaces import BLENDSHAPES

__all__ = ["closure_basis", "expression_basis", "fit_basis", "within_persons"]

JAW_OPEN, MOUTH_CLOSE = (BLENDSHAPES.index(name) for name in ("jawOpen", "mouthClose"))
MIN_CLOSED_SHARE = 0.5  # of the jaw's opening; a movement of mouthClose that closes less was hardly measured
LIDS = {"eyeBlink": 1.5, "eyeSquint": 0.6}
"""The regression shares the closing of an eye between these, which are hardly ever measured apart. But sliders, and
sleepers, close eyes by the first alone. On held-out heads the flow at the eyes is then off by 0.32, not 0.30 cells."""
RIDGE = 3e-4  # times the number of pictures: regularises coefficients that hardly occur


def fit_basis(prior: LandmarkPrior, heads: Heads) -> None:
    """Fit how each landmark moves with each expression coefficient; ``prior`` has its canonical face already."""
    size = heads.size
    faces = prior.frontalise(heads.landmarks, heads.coefficients, size)
    expression = heads.coefficients[:, : prior.config.expression]
    prior.basis.copy_(expression_basis(faces, expression, heads.person))
    for name, factor in LIDS.items():
        for side in ("Left", "Right"):
            prior.basis[BLENDSHAPES.index(f"{name}{side}")] *= factor
    prior.basis[MOUTH_CLOSE] = closure_basis(prior.basis[JAW_OPEN], prior.basis[MOUTH_CLOSE])


def closure_basis(jaw: Tensor, closure: Tensor) -> Tensor:
    """Scale the movement of mouthClose so that as much of it as of jawOpen leaves the lips closed, as ARKit defines it.

    The landmarker measures small closures too small, so that what is fitted by them closes too little. Where the heads
    hardly show any, the movement stays as it was fitted: scaling would enlarge its noise.

    Args:
        jaw, closure: (P 3) cm, the landmarks' movements for a coefficient of 1.
    """
    opened, closed = (float(basis[UPPER_LIP, 1] - basis[LOWER_LIP, 1]) for basis in (jaw, closure))
    if -closed <= MIN_CLOSED_SHARE * opened:
        return closure
    return closure * (-opened / closed)


def expression_basis(faces: Tensor, expression: Tensor, person: Tensor) -> Tensor:
    """The linear movement of landmarks with expression coefficients, by ridge regression within each person.

    Args:
        faces: (N P 3) landmarks turned to the front, cm.
        expression: (N K).
        person: (N): the mean of each person is subtracted first.

    Returns:
        (K P 3) cm for a coefficient of 1.
    """
    change, moved = within_persons(person, expression, faces)
    square = change.T @ change
    ridge = RIDGE * len(change) * torch.eye(len(square), dtype=torch.float64)
    basis = torch.linalg.solve(square + ridge, change.T @ moved)
    return basis.view(-1, *faces.shape[1:]).to(faces.dtype)


def within_persons(person: Tensor, *values: Tensor) -> tuple[Tensor, ...]:
    """Flatten each of ``values`` (N ...) to (N -1) float64 and subtract the mean of its person (N)."""
    _, person = person.unique(return_inverse=True)
    count = torch.bincount(person).double()[:, None]
    free = []
    for value in values:
        value = value.double().flatten(1)
        mean = value.new_zeros(len(count), value.shape[1]).index_add_(0, person, value) / count
        free.append(value - mean[person])
    return tuple(free)
