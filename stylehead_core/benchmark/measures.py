"""Measures drawings for the benchmark, by the face landmarker and the identity network of rendered heads.

Axes: N pictures, S picture size, K coefficients, A attributes, D embedding.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from ..datasets.gallery import describe_pictures
from ..datasets.heads import Heads
from ..datasets.measure import measure_pictures
from ..evaluation.faces import mouth_boxes
from ..evaluation.metrics.sharpness import sharpness
from ..landmarker.landmarker import Landmarker
from ..networks.feature_network import FeatureNetwork
from ..ops.pixels import to_uint8
from .identity_network import stranger_distance

__all__ = ["Measured", "Measures", "correlation", "load_measures", "mouth_sharpness"]

MIN_DEVIATION = 1e-6  # deviation below which a curve stands still


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What is seen in N pictures."""

    landmarks: Tensor  # (N 478 3) pixels
    coefficients: Tensor  # (N K) arkit
    found: Tensor  # (N) bool: the landmarker finds a face
    identity: Tensor  # (N D) of length 1
    attributes: Tensor  # (N A) of looks.ATTRIBUTES

    def select(self, rows: Tensor) -> "Measured":
        """What was seen in the pictures ``rows``, in their order."""
        return Measured(**{name: values[rows] for name, values in vars(self).items()})


@dataclass(frozen=True, kw_only=True)
class Measures:
    landmarker: Landmarker
    network: FeatureNetwork
    strangers: float  # mean distance of two people, by which distances are told

    def measure(self, pictures: Tensor) -> Measured:
        """Measure ``pictures`` (N 3 S S) in [-1, 1]."""
        levels = to_uint8(pictures)
        landmarks, coefficients, found = measure_pictures(self.landmarker, levels)
        seen = describe_pictures(self.network, levels)
        return Measured(
            landmarks=landmarks,
            coefficients=coefficients,
            found=found,
            identity=seen.identity,
            attributes=seen.attributes,
        )

    def identity_distance(self, one: Measured, other: Measured) -> float:
        """The mean distance of identities, picture by picture, in parts of strangers' distance."""
        return float((1 - (one.identity * other.identity).sum(1)).mean()) / self.strangers


def correlation(one: Tensor, other: Tensor) -> float:
    """Pearson's, of two curves of any shape; 0 where one of them stands still."""
    if one.numel() < 2 or min(float(one.std()), float(other.std())) < MIN_DEVIATION:
        return 0.0
    return float(torch.corrcoef(torch.stack((one.flatten(), other.flatten())))[0, 1])


def mouth_sharpness(pictures: Tensor, seen: Measured) -> float:
    """The mean sharpness of the mouths that were found in ``pictures`` (N 3 S S)."""
    if not seen.found.any():
        return float("nan")
    return float(sharpness(pictures[seen.found], mouth_boxes(seen.landmarks[seen.found])).mean())


def load_measures(landmarker: Landmarker, network: FeatureNetwork, heads: Heads) -> Measures:
    """A jury that tells distances in parts of the mean distance of the people in ``heads``."""
    identity = describe_pictures(network, heads.pictures).identity
    return Measures(landmarker=landmarker, network=network, strangers=stranger_distance(identity, heads.person))
