"""Labelled pictures of rendered heads, edits included, for the identity network.

Axes: M pictures, S picture size, A attributes.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..networks.feature_network import FeatureNetwork, Predictions
from ..ops.pixels import from_uint8
from ..spaces import ARKIT
from .attributes import edited_attributes, true_attributes
from .heads import Heads

__all__ = ["Gallery", "build_gallery", "describe_pictures", "resize_gallery"]


@dataclass(frozen=True)
class Gallery:
    """Pictures with their true labels; edited pictures follow the others."""

    pictures: Tensor  # (M 3 S S) uint8
    person: Tensor  # (M) int64: which of the people
    landmarks: Tensor  # (M 478 3) pixels
    expression: Tensor  # (M 52)
    rotation: Tensor  # (M 3)
    attributes: Tensor  # (M A), NaN where not known
    edit: Tensor  # (M) int64: of the heads' attributes; -1 for pictures that were not edited
    seeds: tuple[int, ...]  # of the people


def build_gallery(heads: Heads) -> Gallery:
    """Collect ``heads`` and their edits as labelled pictures; edits of unknown persons are left out."""
    seeds, person = heads.person.unique(return_inverse=True)
    first = torch.stack([torch.nonzero(person == i)[0, 0] for i in range(len(seeds))])
    true = true_attributes(seeds.tolist())
    known = torch.nonzero(torch.isin(heads.edited_person, seeds)).flatten()
    whose = torch.searchsorted(seeds, heads.edited_person[known])
    names = heads.attributes
    changed = [
        edited_attributes(int(heads.edited_person[row]), names[int(heads.attribute[row])]) for row in known.tolist()
    ]
    twice = whose.repeat_interleave(2)
    source = torch.cat((torch.arange(len(heads.pictures)), first[twice]))  # what an edit leaves is as in the portrait
    return Gallery(
        pictures=torch.cat((heads.pictures, heads.edited[known].flatten(0, 1))),
        person=torch.cat((person, twice)),
        landmarks=heads.landmarks[source],
        expression=heads.weights[source],
        rotation=heads.coefficients[source][:, ARKIT.rotation],
        attributes=torch.cat((true[person], *changed)),
        edit=torch.cat((torch.full((len(person),), -1), heads.attribute[known].repeat_interleave(2))),
        seeds=tuple(seeds.tolist()),
    )


def resize_gallery(data: Gallery, network: FeatureNetwork) -> Gallery:
    """The same with pictures of the size that ``network`` takes."""
    before, after = data.pictures.shape[-1], network.config.size
    if before == after:
        return data
    parts = [((network.resize(from_uint8(part)) + 1) * 127.5).round() for part in data.pictures.split(256)]
    landmarks = (data.landmarks + 0.5) * (after / before) - 0.5
    return replace(data, pictures=torch.cat(parts).clamp(0, 255).byte(), landmarks=landmarks)


def describe_pictures(network: FeatureNetwork, pictures: Tensor, chunk: int = 64) -> Predictions:
    """Run ``network`` on many ``pictures`` (N 3 S S), uint8 or in [-1, 1], ``chunk`` at a time."""
    parts = []
    with torch.no_grad():
        for part in pictures.split(chunk):
            parts.append(network(from_uint8(part) if part.dtype == torch.uint8 else part))
    return Predictions(*(torch.cat(column) for column in zip(*parts, strict=True)))
