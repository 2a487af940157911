"""Dataset of rendered heads, measured with the face landmarker and held in memory.

Axes: N pictures, P pairs of pictures of one head, E edits (two pictures of one head that differ in one attribute),
S picture size, h w flow size, K coefficients.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import InputError
from ..networks.landmark_prior import INNER_LIPS
from ..ops.face_masks import LIPS, signed_distance
from ..ops.pixels import from_uint8
from ..spaces import ARKIT, BLENDSHAPES
from ..synthetic.heads.appearance import HELD_OUT
from ..tensor_files import read_tensors, write_tensors

__all__ = [
    "Heads",
    "cavities",
    "choose_pairs",
    "concatenate_heads",
    "jitter_colours",
    "load_heads",
    "make_rng",
    "opens_mouth",
    "save_heads",
    "shows_tongue",
]

KIND = "measured heads"
MIN_TONGUE = 0.2  # of tongueOut, from which on a tongue fills the mouth
MIN_OPEN_JAW = 0.12  # of jawOpen, from which on a picture shows the inside of a mouth


@dataclass(frozen=True, kw_only=True)
class Heads:
    """Pictures with the landmarker's measurements, and the renderer's ground truth for pairs and edits."""

    pictures: Tensor  # (N 3 S S) uint8
    landmarks: Tensor  # (N 478 3) pixels
    coefficients: Tensor  # (N K) arkit, as measured
    weights: Tensor  # (N 52) true blendshape weights; of pictures that nobody rendered, the measured ones
    person: Tensor  # (N) int64: the head's seed
    source: Tensor  # (P) int64: index of a picture
    target: Tensor  # (P) int64: index of another picture of the same head
    flow: Tensor  # (P 2 h w) float16, pixels of its grid: where each point of the target lies in the source
    visible: Tensor  # (P 1 h w) uint8: 1 where the source shows it
    edited: Tensor  # (E 2 3 S S) uint8: without and with the attribute
    attribute: Tensor  # (E) int64: index into ``attributes``
    edited_person: Tensor  # (E) int64: the edited head's seed; -1 in older files without it
    alpha: Tensor | None = None  # (N 1 S S) uint8: the person, 255 where nothing of the wall is seen; None: not known
    attributes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.source)

    @property
    def size(self) -> int:
        """Pixels of the pictures."""
        return self.pictures.shape[-1]

    @property
    def rendered(self) -> Tensor:
        """Which pictures (N) a renderer made, and so knows the weights of."""
        return ~self.weights.isclose(self.coefficients[:, : self.weights.shape[1]]).all(1)

    def to(self, device: torch.device) -> "Heads":
        """Copy all tensors to ``device``."""
        return replace(
            self, **{name: value.to(device) for name, value in vars(self).items() if isinstance(value, Tensor)}
        )

    def resized(self, size: int) -> "Heads":
        """The same heads in pictures of ``size`` pixels."""
        if size == self.size:
            return self
        scale = size / self.size
        landmarks = self.landmarks * scale
        landmarks[..., :2] += (scale - 1) / 2  # from the middle of a pixel to the middle of a pixel
        edited = self.edited.flatten(0, 1)
        return replace(
            self,
            pictures=_resized(self.pictures, size),
            landmarks=landmarks,
            edited=_resized(edited, size).unflatten(0, (-1, 2)),
            alpha=None if self.alpha is None else _resized(self.alpha, size),
        )

    def frames(self, rows: Tensor) -> Tensor:
        """Pictures (B 3 S S) in [-1, 1]."""
        return from_uint8(self.pictures[rows])


def _resized(pictures: Tensor, size: int) -> Tensor:
    """``pictures`` (N C S S) uint8 at ``size`` pixels, a few at a time."""
    made = torch.empty(*pictures.shape[:2], size, size, dtype=torch.uint8, device=pictures.device)
    for start in range(0, len(pictures), 64):
        part = pictures[start : start + 64].float()
        made[start : start + 64] = (
            F.interpolate(part, size=(size, size), mode="bilinear", antialias=True).round().byte()
        )
    return made


def make_rng(rows: Tensor, rng: torch.Generator) -> torch.Generator:
    """Generator seeded by ``rng`` and the samples ``rows``: processes that share a batch draw different numbers."""
    seed = int(torch.randint(2**31, (), generator=rng)) + int(rows.sum())
    return torch.Generator(rng.device).manual_seed(seed)


def choose_pairs(heads: Heads, most: int, cavity: float = 0.0) -> tuple[Tensor, Tensor]:
    """At most so many pairs of each person (n), half of them with the widest mouths; and which open a mouth (n).

    Where ``cavity`` is given, pairs are left out whose opened mouth is not darker inside than the lips by as much, or
    is full of tongue: of what nobody can know, a network learns the mean.
    """
    jaw = heads.coefficients[:, ARKIT.names.index("jawOpen")]
    opening = jaw[heads.target] - 0.5 * jaw[heads.source]
    chosen = []
    person = heads.person[heads.target]
    for one in person.unique():
        rows = torch.nonzero(person == one).flatten()
        widest = rows[opening[rows].argsort(descending=True, stable=True)]
        first = widest[: (most + 1) // 2]
        rest = rows[~torch.isin(rows, first)]
        step = max(1, len(rest) // max(1, most - len(first)))
        chosen.append(torch.cat((first, rest[::step][: most - len(first)])))
    pairs = torch.cat(chosen)
    opened = opens_mouth(heads)[pairs]
    if cavity:
        kept = ~opened | (
            (cavities(heads.pictures, heads.landmarks)[heads.target[pairs]] >= cavity) & ~shows_tongue(heads)[pairs]
        )
        pairs, opened = pairs[kept], opened[kept]
    if not len(pairs):
        raise InputError(
            f"None of the pairs of these heads can be learnt from: all show an open mouth whose inside is less than "
            f"{cavity} darker than the lips, or full of tongue. Render more heads."
        )
    return pairs, opened


def cavities(pictures: Tensor, landmarks: Tensor) -> Tensor:
    """(N) how much darker than the lips the inside of each mouth is, 0..1; 1 where hardly anything is open.

    Its darker quarter, against the mean of the lips.

    Args:
        pictures: (N 3 S S) uint8.
        landmarks: (N 478 2+), pixels.
    """
    size = 128
    found = torch.ones(len(pictures))
    for start in range(0, len(found), 32):
        rows = torch.arange(start, min(start + 32, len(found)))
        grey = F.interpolate(pictures[rows].float().mean(1, keepdim=True), size=(size, size), mode="area")[:, 0]
        points = (landmarks[rows, :, :2] + 0.5) * (size / pictures.shape[-1]) - 0.5
        inner, outer = (signed_distance(points[:, list(ring)], size) for ring in (INNER_LIPS, LIPS))
        for row, picture, inside, lips in zip(rows, grey, inner > 0, (outer > 0) & (inner < 0), strict=True):
            if int(inside.sum()) >= 6 and lips.any():
                found[row] = 1 - torch.quantile(picture[inside], 0.25) / picture[lips].mean().clamp_min(1)
    return found


def shows_tongue(heads: Heads) -> Tensor:
    """(P) which pairs have a tongue between the teeth of their target, as the renderer set it."""
    return heads.weights[heads.target, BLENDSHAPES.index("tongueOut")] > MIN_TONGUE


def opens_mouth(heads: Heads) -> Tensor:
    """(P) which pairs show the inside of a mouth in their target."""
    return heads.coefficients[heads.target, ARKIT.names.index("jawOpen")] > MIN_OPEN_JAW


def jitter_colours(pictures: Tensor, rng: torch.Generator, strength: float) -> Tensor:
    """Colour augmentation of ``pictures`` (B 3 S S) in [-1, 1]: random contrast and random offset of each channel.

    It widens the colours of rendered heads towards those of photographs and paintings.
    """
    contrast = 1 + strength * (torch.rand(len(pictures), 1, 1, 1, generator=rng) - 0.5)
    tint = strength * 0.5 * (torch.rand(len(pictures), 3, 1, 1, generator=rng) - 0.5)
    return (pictures * contrast.to(pictures) + tint.to(pictures)).clamp(-1, 1)


def concatenate_heads(parts: Sequence[Heads]) -> Heads:
    """Concatenate datasets.

    Raises:
        InputError: there are none, or their attributes differ.
    """
    if not parts or len({part.attributes for part in parts}) != 1:
        raise InputError(f"Sets of heads go together where they know the same attributes; found {len(parts)} sets.")
    joined: dict[str, Tensor] = {}
    for field in fields(Heads):
        if field.name == "attributes":
            continue
        tensors = [getattr(part, field.name) for part in parts]
        if field.name == "alpha":
            if all(tensor is not None for tensor in tensors):
                joined["alpha"] = torch.cat(tensors)
            continue
        if field.name in ("source", "target"):  # indices of pictures, which shift
            starts = torch.tensor([0, *(len(part.pictures) for part in parts[:-1])]).cumsum(0)
            tensors = [tensor + start for tensor, start in zip(tensors, starts, strict=True)]
        joined[field.name] = torch.cat(tensors)
    return Heads(attributes=parts[0].attributes, **joined)


def save_heads(heads: Heads, path: Path) -> None:
    """Write a dataset of measured heads."""
    tensors = {name: value for name, value in vars(heads).items() if isinstance(value, Tensor)}
    write_tensors(path, KIND, tensors, {"attributes": list(heads.attributes)})


def load_heads(folder: Path) -> Heads:
    """All measured heads of a folder (``stylehead measure``), or of one file."""
    files = [folder] if folder.is_file() else sorted(folder.glob("*.measured.safetensors"))
    if not files:
        raise InputError(
            f"There are no measured heads in {folder}. Render some with `stylehead heads`, then measure them with "
            "`stylehead measure`: see docs/training.md."
        )
    parts = []
    for file in files:
        about, tensors = read_tensors(file, KIND)
        tensors.setdefault("edited_person", torch.full((len(tensors["edited"]),), -1))
        parts.append(Heads(attributes=tuple(about["attributes"]), **tensors))
    return concatenate_heads(parts)


def load_training_heads(folder: Path) -> Heads:
    """All measured heads in ``folder``, to train with.

    Raises:
        InputError: there are none, or one of them is held out for measuring.
    """
    heads = load_heads(folder)
    if int(heads.person.max()) >= HELD_OUT:
        raise InputError(
            f"{folder} holds heads with seeds from {HELD_OUT} on, which are for measuring and never learnt from. "
            "Train with another folder."
        )
    return heads
