"""FID: distance between the feature statistics of two sets of pictures."""

import torch
from torch import Tensor

from ...errors import InputError

__all__ = ["frechet_distance"]


def frechet_distance(generated: Tensor, target: Tensor) -> float:
    """Fréchet distance of two sets of features, each taken as a Gaussian; lower is better.

    It is the FID if the features are those of Inception's third pooling (2048 wide) and at least 10,000 pictures
    are given on either side; with another network it has another scale and is to be called by that network's name.

    Args:
        generated: (N D) features of the generated pictures, N at least 2.
        target: (M D) features of the real ones, M at least 2.

    Returns:
        From 0, 0 for equal statistics: ``|m1 - m2|^2 + trace(C1 + C2 - 2 (C1 C2)^(1/2))``.

    Source: Heusel et al., "GANs trained by a two time-scale update rule", 2017. The trace of the root is the sum of
        the roots of the eigenvalues of C1 C2, which are real and not negative.
    """
    if generated.ndim != 2 or target.ndim != 2 or generated.shape[1] != target.shape[1]:
        raise InputError(
            f"Two sets of features (N, D) of one width are compared; found {tuple(generated.shape)} and "
            f"{tuple(target.shape)}."
        )
    if min(len(generated), len(target)) < 2:
        raise InputError("Statistics need at least two pictures on either side.")
    a, b = generated.double(), target.double()
    shift = (a.mean(0) - b.mean(0)).square().sum()
    covariance_a, covariance_b = _covariance(a), _covariance(b)
    roots = torch.linalg.eigvals(covariance_a @ covariance_b).real.clamp(min=0).sqrt()
    distance = shift + covariance_a.trace() + covariance_b.trace() - 2 * roots.sum()
    return max(0.0, float(distance))


def _covariance(features: Tensor) -> Tensor:
    centred = features - features.mean(0)
    return centred.T @ centred / (len(features) - 1)
