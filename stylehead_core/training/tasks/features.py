"""Trains the feature network on rendered heads: landmarks, expression, pose, attributes, identity embedding.

A sample is a person: several of its pictures go into a batch, so that the embedding holds what they share. Each picture
gets random light, background, blur and scale, since these do not belong to the identity, and since the network is later
used on generated pictures. An edited head is the same person: both ends of an edit are in the batch.

Axes: N people, B people of a batch, V views of each, S picture size, L landmarks, A attributes, D embedding.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...config_json import to_json
from ...datasets.attributes import ATTRIBUTES
from ...datasets.gallery import Gallery, build_gallery, resize_gallery
from ...datasets.heads import Heads, jitter_colours
from ...evaluation.faces import face_masks
from ...media.sample_sheets import rows_of
from ...model.stylehead import StyleHead
from ...networks.feature_network import FEATURES_KIND, FeatureNetwork, FeatureNetworkConfig, Predictions
from ...ops.align import LANDMARKS_68
from ...ops.layout import use_channels_last
from ...ops.pixels import from_uint8
from ...tensor_files import write_tensors
from ..recipe import LearnsFromHeads, Parts, Phase

__all__ = ["FeaturesState", "FeaturesTask"]

SHOWN = 8
HEAD = (1.5, 1.35)  # how much taller and wider than the face a head with its hair is
SOFT = 3  # pixels of its edge


@dataclass(frozen=True, kw_only=True)
class FeaturesTask(LearnsFromHeads):
    output: ClassVar[str] = "identity.safetensors"

    network: FeatureNetworkConfig = FeatureNetworkConfig(attributes=ATTRIBUTES)
    views: int = 4  # pictures of each person of a batch
    light: float = 0.5  # how much contrast, colour and side of the light change
    place: float = 0.12  # how much the picture is moved, in half sides; and grown, as a factor
    margin: float = 0.2  # cosine by which a picture must be nearer to its own person than to others
    sharpness: float = 16.0  # of the softmax over people
    landmarks: float = 8.0  # weights of what is seen: places in half sides,
    expression: float = 2.0
    rotation: float = 2.0  # rad,
    attributes: float = 0.8  # in deviations among people,
    identity: float = 0.3  # cross entropy,
    unmoved: float = 1.0  # 1 - the cosine of the identities at both ends of an edit
    parts: tuple[str, ...] = ()  # of the model: none

    def save(self, state: "FeaturesState", model: StyleHead, folder: Path, recipe: str) -> None:
        """Write the feature network in float16."""
        tensors = {
            name: tensor.half() if tensor.is_floating_point() else tensor
            for name, tensor in state.networks["features"].state_dict().items()
        }
        write_tensors(folder / self.output, FEATURES_KIND, tensors, {"config": to_json(self.network), "recipe": recipe})

    def start(self, model: StyleHead | None, heads: Heads) -> "FeaturesState":
        return FeaturesState(self, build_gallery(heads))


class FeaturesState:
    def __init__(self, task: FeaturesTask, data: Gallery) -> None:
        self.network = FeatureNetwork(task.network)
        self.task, self.data = task, resize_gallery(data, self.network)
        self.samples = len(data.seeds)
        use_channels_last(self.network)
        self.people = nn.Linear(task.network.embedding, self.samples, bias=False)  # where each of them is
        self.networks: dict[str, nn.Module] = {"features": self.network, "people": self.people}
        for network in self.networks.values():
            network.train().requires_grad_(True)
        self.phases = (Phase("look", [(self.network, 1.0), (self.people, 1.0)]),)
        order = torch.argsort(data.person, stable=True)
        self.of_person = order.split(torch.bincount(data.person, minlength=self.samples).tolist())
        plain = data.attributes[data.edit < 0]
        self.spread = (plain - plain.nanmean(0)).square().nanmean(0).sqrt().clamp_min(0.05)

    def loss(self, phase: Phase, rows: Tensor, rng: Any, progress: float) -> tuple[Tensor, Parts]:
        picks = torch.cat([self._views(int(row), rng) for row in rows])
        pictures, landmarks = self._augment(picks, rng)
        seen = self.network(pictures.contiguous(memory_format=torch.channels_last))
        losses = self._terms(seen, picks, landmarks)
        loss = sum(losses.values(), torch.zeros(()))
        return loss, {name: float(value.detach()) for name, value in losses.items()}

    def _terms(self, seen: Predictions, picks: Tensor, landmarks: Tensor) -> dict[str, Tensor]:
        task, data = self.task, self.data
        looks = (seen.attributes - data.attributes[picks]) / self.spread
        known = torch.isfinite(looks)
        low, high = seen.identity[data.edit[picks] >= 0].view(-1, 2, seen.identity.shape[1]).unbind(1)
        cosine = F.linear(seen.identity, F.normalize(self.people.weight, dim=1))
        own = F.one_hot(data.person[picks], self.samples)
        logits = task.sharpness * (cosine - task.margin * own)  # CosFace (arXiv 1801.09414)
        return {
            "landmarks": task.landmarks * (seen.landmarks - landmarks).abs().mean(),
            "expression": task.expression * (seen.expression - data.expression[picks]).abs().mean(),
            "rotation": task.rotation * (seen.rotation - data.rotation[picks]).abs().mean(),
            "attributes": task.attributes * F.smooth_l1_loss(looks[known], torch.zeros_like(looks[known])),
            "identity": task.identity * F.cross_entropy(logits, data.person[picks]),
            "unmoved": task.unmoved * (1 - (low * high).sum(1)).sum() / max(len(low), 1),
        }

    def _views(self, person: int, rng: torch.Generator) -> Tensor:
        """Some pictures of a person; two of them the ends of an edit, where there are such."""
        own = self.of_person[person]
        edited = own[self.data.edit[own] >= 0].view(-1, 2)  # low and high follow each other
        plain = own[self.data.edit[own] < 0]
        picks = plain[torch.randperm(len(plain), generator=rng)[: self.task.views]]
        if len(edited):
            one = int(torch.randint(len(edited), (1,), generator=rng))
            picks = torch.cat((picks[: self.task.views - 2], edited[one]))
        return picks

    def _augment(self, picks: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """The pictures as they are shown (M 3 S S), and where the 68 landmarks then are (M 68 2) in -1..1."""
        data, task = self.data, self.task
        pictures, size = from_uint8(data.pictures[picks]), data.pictures.shape[-1]
        pictures = change_light(pictures, rng, task.light)
        order = torch.randperm(len(picks), generator=rng)
        elsewhere = (torch.rand(len(picks), 1, 1, 1, generator=rng) < 0.5).float()
        around = 1 - head_masks(data.landmarks[picks], size)
        pictures = torch.lerp(pictures, pictures[order], around * elsewhere)
        points = (data.landmarks[picks][:, list(LANDMARKS_68), :2] + 0.5) * (2 / size) - 1
        grow = 1 + task.place * (2 * torch.rand(len(picks), 1, generator=rng) - 1)
        move = task.place * (2 * torch.rand(len(picks), 2, generator=rng) - 1)
        theta = torch.cat((torch.diag_embed(grow.expand(-1, 2)), move[..., None]), dim=2)  # shown -> own places
        grid = F.affine_grid(theta, [len(picks), 3, size, size], align_corners=False)
        pictures = F.grid_sample(pictures, grid, padding_mode="reflection", align_corners=False)
        soft = (torch.rand(len(picks), 1, 1, 1, generator=rng) < 0.3).float()
        blurred = F.interpolate(F.avg_pool2d(pictures, 2), scale_factor=2, mode="bilinear")
        return torch.lerp(pictures, blurred, soft), (points - move[:, None]) / grow[:, None]

    def sheet(self) -> Tensor:
        """Columns: a person's portrait, then the other people's portraits from the nearest on."""
        people = torch.linspace(0, self.samples - 1, min(self.samples, 128)).long().tolist()
        portraits = torch.stack([self.of_person[person][0] for person in people])
        pictures = from_uint8(self.data.pictures[portraits])
        identity = torch.cat([self.network(part).identity for part in pictures.split(32)])
        shown = torch.linspace(0, len(people) - 1, min(SHOWN, len(people))).long()
        nearest = (identity[shown] @ identity.T).topk(min(5, len(people))).indices
        return rows_of([pictures[column] for column in nearest.T])


def change_light(pictures: Tensor, rng: torch.Generator, strength: float) -> Tensor:
    """Jitter the colours of ``pictures`` (M 3 S S), and make one side brighter than the other."""
    across = torch.linspace(-1, 1, pictures.shape[-1])
    slope = strength * (torch.rand(len(pictures), 2, 1, 1, 1, generator=rng) - 0.5)
    gain = 1 + slope[:, 0] * across + slope[:, 1] * across[:, None]  # M 1 S S
    return jitter_colours((pictures + 1) * gain - 1, rng, strength)


def head_masks(landmarks: Tensor, size: int) -> Tensor:
    """1 on the head with its hair, softly 0 around it: (M 1 size size), for ``landmarks`` (M 478 3) in pixels."""
    middle = landmarks.mean(1, keepdim=True)
    taller, wider = HEAD
    factor = landmarks.new_tensor((wider, taller, 1))
    up = landmarks.new_tensor((0, 0.12, 0)) * (landmarks.amax(1) - landmarks.amin(1))[:, None]  # hair is above
    masks = face_masks((landmarks - middle) * factor + middle - up, size, size)
    return F.avg_pool2d(masks, 2 * SOFT + 1, stride=1, padding=SOFT)
