"""The networks of the frame learn to show the expression that is asked for, by the landmarker's own measure.

A prior that moves landmarks correctly does not make a frame in which the landmarker finds them there: a lid may stay
half open, a corner of the mouth may not be seen to rise. So the whole chain is run on a picture with an expression that
another face has shown, the landmarker measures the frame, and its error goes back through all networks that made it.
No target picture is needed, so this works on portraits, too. Rendered heads have one; there the frame must be like it,
and show the same person. What keeps the frames natural is the compositor's task, which goes on beside it with its pairs
and discriminators.

Axes: B batch, N pictures, K coefficients, S size of the frames, s size of the drawn picture, h w the flow's grid,
c cells of a crop, C its pixels.
"""

import copy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...datasets.heads import Heads, make_rng
from ...datasets.pair_flow import describe_motion, find_outline
from ...errors import InputError
from ...evaluation.faces import eye_distance
from ...landmarker.blendshapes import POINTS
from ...landmarker.face_regions import BROWS, EYES, MOUTH, region_weights
from ...landmarker.landmarker import region_of_landmarks
from ...media.sample_sheets import rows_of
from ...model.stylehead import StyleHead
from ...networks.landmark_prior import INNER_LIPS, IRISES
from ...ops.regions import cut_regions, from_region
from ...ops.warp import warp, warp_bicubic
from ..discriminator import PATCH
from ..losses import adversarial_loss, pyramid_difference
from ..precision import fast_convolutions
from ..recipe import LearnsFromHeads, Parts, Phase
from ..redraw import apply_consultation, coarse_codes
from .composite import EDGE, CompositeState, CompositeTask, Inputs
from .motion import MotionTask, flow_loss
from .prior import MEASURED, PriorState, PriorTask, compare_expressions, weigh_coefficients

__all__ = ["ExpressionTask"]

BOUND_FACES = 24  # faces of a batch on which the prior's own task is measured
FEATURES = sorted({point for ring in (MOUTH, INNER_LIPS, *EYES, *BROWS, IRISES) for point in ring})
"""Landmarks of mouth, eyes, brows, and the middles of the irises."""
SHOWN, SHEET = 6, 256  # pictures on a sheet, and their pixels there


@dataclass(frozen=True, kw_only=True)
class ExpressionTask(LearnsFromHeads):
    composite: CompositeTask = CompositeTask()  # goes on beside it
    prior: PriorTask = PriorTask(told=0.25)  # what holds the prior's correction in bounds, and what is asked for
    motion: MotionTask = MotionTask()  # what holds the flow at what the renderer knows
    faces: int = 4  # frames in a batch that are measured
    crop: int = 44  # cells of the flow along each side of what is drawn of them
    turn: float = 0.08  # deviation of the change of pitch, yaw and roll, rad
    light: float = 0.3  # how much contrast and colours change
    read: float = 3.0  # weight of the measured error
    place: float = 20.0  # weight of how far landmarks of brows, eyes and mouth lie from where the prior moves them
    bounds: float = 0.5  # weight of the prior's own task
    flow: float = 3.0  # weight of the flow's own task
    flow_pairs: int = 6  # rendered pairs in a batch by which it is measured
    pairs: int = 2  # of these, how many are drawn and compared with the truth
    pair_identity: float = 6.0  # weight of 1 - cosine of the identity embeddings of their frames and of the truth
    pair_redraw: float = 0.5  # weight of the person's difference from the truth there
    adversarial: float = 0.2  # weight of the discriminators' verdict on these frames
    identity: float = 2.0  # weight of 1 - cosine of the frame's and the portrait's identity embeddings
    prior_speed: float = 0.8  # learning rate of the prior's correction, in parts of the recipe's
    flow_speed: float = 0.15  # that of the flow field,
    drawing_speed: float = 0.5  # and that of refiner and compositor
    real: Path | None = None  # folder of real speech with tracked faces: expressions that people have shown
    parts: tuple[str, ...] = ("prior", "flow_field", "refiner", "compositor")

    def for_debugging(self, size: int) -> "ExpressionTask":
        composite = self.composite.for_debugging(size)
        return replace(self, composite=composite, faces=1, flow_pairs=1, pairs=1, crop=24, real=None)

    def start(self, model: StyleHead, heads: Heads) -> "ExpressionState":
        if heads.alpha is None:
            raise InputError("The compositor learns from heads with mattes. Measure the clips again.")
        return ExpressionState(self, model, heads)


class Drawn(NamedTuple):
    """Crops of frames, and where they are."""

    frames: Tensor  # (B 3 C C)
    corners: Tensor  # (B 2) cells, x and y of the crops' first
    moved: Tensor  # (B 478 3) the prior's landmarks, pixels of the crop


class Scene(NamedTuple):
    """Pictures with what is asked of them."""

    rows: Tensor  # (B) of the data set
    asked: Tensor  # (B K)
    contrast: Tensor  # (B 1 1 1)
    tint: Tensor  # (B 3 1 1)


class ExpressionState:
    def __init__(self, task: ExpressionTask, model: StyleHead, heads: Heads) -> None:
        from ...landmarker.files import load_landmarker

        frozen = copy.deepcopy(model)  # the pairs' flows stay what they were, also after a resumption
        self.bounds = PriorState(replace(task.prior, real=task.real), model, heads)
        self.composed = CompositeState(task.composite, model, heads, flows_of=frozen)
        self.bounds.bend.requires_grad_(True)
        self.flow_field = model.flow_field.train().requires_grad_(True)
        self.task, self.model, self.heads = task, model, self.composed.heads
        self.small = self.heads.resized(model.config.generator.size)
        self.landmarker = load_landmarker().eval().requires_grad_(False).to(heads.landmarks.device)
        self.samples = self.composed.samples
        self.cells = heads.flow.shape[-1]
        self.cut = min(task.crop, self.cells)  # cells of a crop's side
        rng = torch.Generator(heads.landmarks.device).manual_seed(0)
        own = heads.coefficients[torch.randint(len(heads.pictures), (1024,), generator=rng)]
        self.weights = weigh_coefficients((self.bounds.ask(own, rng) - own)[:, :MEASURED].abs().mean(0))
        self.networks: dict[str, nn.Module] = self.composed.networks | {
            "bend": self.bounds.bend,
            "flow_field": self.flow_field,
        }
        drawing = [(network, task.drawing_speed) for network in (self.composed.refiner, self.composed.compositor)]
        moving = [(self.bounds.bend, task.prior_speed), (self.flow_field, task.flow_speed)]
        follow = Phase("follow", [*moving, *drawing])
        self.phases = (*self.composed.phases, follow)

    def loss(self, phase: Phase, rows: Tensor, rng: Any, progress: float) -> tuple[Tensor, Parts]:
        if phase.name != "follow":
            return self.composed.loss(phase, rows, rng, progress)
        task, rng = self.task, make_rng(rows, rng)
        pairs = self.bounds.pairs[torch.randint(len(self.bounds.pairs), (task.flow_pairs,), generator=rng)]
        exact, _ = flow_loss(task.motion, self.model, self.small, pairs)
        scene, paired = self._scene(task.faces, rng), self._pair_scene(pairs[: task.pairs], rng)
        drawn = self._draw(Scene(*(torch.cat(both) for both in zip(scene, paired, strict=True))))
        likeness, redraw = self._compare(Drawn(*(part[task.faces :] for part in drawn)), pairs[: task.pairs], paired)
        frames, corners, moved = (part[: task.faces] for part in drawn)
        portraits = self._crop(_light(self.heads.frames(scene.rows), scene), corners)
        read, places = self._read(frames, moved)
        asked = scene.asked[:, :MEASURED]
        wrong = compare_expressions(read, asked)
        told = (wrong * self.weights).mean()
        others = torch.randint(self.bounds.samples, (BOUND_FACES,), generator=rng)
        bounds, _ = self.bounds.loss(self.bounds.phases[0], others, rng, progress)
        one, other = (self.composed.features(pictures.clamp(-1, 1)).identity for pictures in (frames, portraits))
        unlike = (1 - (one * other).sum(1)).mean()
        wanted = moved.detach()
        missed = ((places - wanted)[:, FEATURES, :2] / eye_distance(wanted)[:, None, None]).abs().mean()
        loss = task.read * told + task.place * missed + task.bounds * bounds + task.flow * exact
        loss = loss + task.identity * unlike + task.pair_identity * likeness + task.pair_redraw * redraw
        each = {"told": told, "error": (read - asked).abs().mean(), "missed": missed, "bounds": bounds}
        each |= {"exact": exact, "unlike": unlike, "likeness": likeness, "redraw": redraw}
        if task.adversarial and progress > task.composite.adversarial_from:
            shown = frames[..., EDGE:-EDGE, EDGE:-EDGE].clamp(-1, 1)
            where = region_weights(moved, [MOUTH, *EYES, *BROWS], frames.shape[-1], frames.shape[-1], 10)
            where = where[..., EDGE:-EDGE, EDGE:-EDGE]
            with fast_convolutions(rows.device):
                logits = [
                    discriminator(_area(shown, times)).float()
                    for discriminator, times in zip(self.composed.discriminators, (1, 2), strict=True)
                ]
            weights = [F.avg_pool2d(_area(where, times), PATCH) for times in (1, 2)]
            losses = [adversarial_loss(*pair) for pair in zip(logits, weights, strict=True)]
            each["natural"] = natural = torch.stack(losses).sum()
            loss = loss + task.adversarial * natural
        return loss, {name: float(value.detach()) for name, value in each.items()}

    def _scene(self, count: int, rng: torch.Generator, rows: Tensor | None = None) -> Scene:
        """``rows`` (count), or any, with an expression and a pose to show."""
        task, heads = self.task, self.heads
        if rows is None:
            rows = torch.randint(len(heads.pictures), (count,), generator=rng)
        asked = self.bounds.ask(heads.coefficients[rows], rng)
        turned = torch.zeros_like(asked)
        turned[:, 52:55] = task.turn * torch.randn(count, 3, generator=rng)
        return Scene(rows, asked + turned, *self._draw_lights(count, rng))

    def _pair_scene(self, pairs: Tensor, rng: torch.Generator) -> Scene:
        """The sources of ``pairs`` (P), with what their targets show."""
        source, target = self.heads.source[pairs], self.heads.target[pairs]
        return Scene(source, self.heads.coefficients[target], *self._draw_lights(len(pairs), rng))

    def _draw_lights(self, count: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        light = self.task.light
        contrast = 1 + light * (torch.rand(count, 1, 1, 1, generator=rng) - 0.5)
        return contrast, light * 0.5 * (torch.rand(count, 3, 1, 1, generator=rng) - 0.5)

    def _crop(self, planes: Tensor, corners: Tensor) -> Tensor:
        """Crops of ``planes`` (B ...) of whole pictures; they begin at ``corners`` (B 2) in cells."""
        times = planes.shape[-1] // self.cells
        side, boxes = times * self.cut, (times * corners).tolist()
        return torch.stack([p[:, y : y + side, x : x + side] for p, (x, y) in zip(planes, boxes, strict=True)])

    def _compare(self, drawn: Drawn, pairs: Tensor, scene: Scene) -> tuple[Tensor, Tensor]:
        """Of what is ``drawn`` of ``pairs``: the distance of its identity from the truth's, and the person's error.

        The identity is that of the whole picture, in which the crop is laid over the truth.
        """
        heads, target, fold = self.heads, self.heads.target[pairs], self.heads.size // self.cells
        truth = _light(heads.frames(target), scene)
        inner = drawn.frames[..., EDGE:-EDGE, EDGE:-EDGE]
        whole = []
        for picture, crop, (x, y) in zip(truth, inner, (fold * drawn.corners + EDGE).tolist(), strict=True):
            right, below = heads.size - x - crop.shape[-1], heads.size - y - crop.shape[-1]
            hole = F.pad(torch.ones_like(crop[:1]), (x, right, y, below))
            whole.append(F.pad(crop, (x, right, y, below)) + (1 - hole) * picture)
        one = self.composed.features(torch.stack(whole).clamp(-1, 1)).identity
        likeness = (1 - (one * self.composed.features(truth).identity.detach()).sum(1)).mean()
        assert heads.alpha is not None
        alpha = self._crop(heads.alpha[target].float() / 255, drawn.corners)[..., EDGE:-EDGE, EDGE:-EDGE]
        wanted = self._crop(truth, drawn.corners)[..., EDGE:-EDGE, EDGE:-EDGE]
        return likeness, pyramid_difference(*(_area(plane, 2) for plane in (inner, wanted, alpha)), levels=3)

    def _draw(self, scene: Scene) -> Drawn:
        """Frames of ``scene``, by the whole chain, around the face."""
        model, heads, composed = self.model, self.heads, self.composed
        assert model.prior is not None
        own = heads.coefficients[scene.rows]
        small = _light(self.small.frames(scene.rows), scene)
        descriptor = describe_motion(model, own, scene.asked)
        face = self.small.landmarks[scene.rows], own, scene.asked, self.small.size
        outline = find_outline(model, self.small, scene.rows)
        flow, visibility, guides, _, irises = model.predict_flow(small, descriptor, *face, outline=outline)
        assert visibility is not None
        assert guides is not None
        with torch.no_grad():
            styles, feature, residual = coarse_codes(model, small)
            feature = warp(apply_consultation(model, feature, residual)[0], flow)
            if model.calibrator is not None:
                scale, shift = model.predict_calibration(feature, descriptor, flow, visibility)
                feature = feature * (1 + scale) + shift
            drawn = model.generator.upper(feature, styles, None).clamp(-1, 1)
            moved = model.prior.move_landmarks(heads.landmarks[scene.rows], own, scene.asked, heads.size).landmarks
        person, wall = composed.cache.person_and_wall(scene.rows)
        person = torch.cat((_light(person[:, :3], scene), person[:, 3:]), dim=1)
        fold = heads.size // self.cells
        middle = (moved[:, :, :2].amin(1) + moved[:, :, :2].amax(1)) / (2 * fold)
        corners = (middle - self.cut / 2).round().long().clamp(0, self.cells - self.cut)
        inputs = Inputs(
            drawn=self._crop(drawn, corners),
            along=self._crop(warp_bicubic(small, flow), corners),
            person=person,
            flow=self._crop(flow, corners),
            planes=self._crop(torch.cat((visibility, guides), dim=1), corners),
            irises=irises,
            wall=self._crop(_light(wall, scene), corners),
            corners=corners,
            descriptor=descriptor,
        )
        with fast_convolutions(small.device):
            frames = composed.compose(inputs)[3].float()
        moved = moved.clone()
        moved[..., :2] -= fold * corners[:, None]
        return Drawn(frames, corners, moved)

    def _read(self, frames: Tensor, moved: Tensor) -> tuple[Tensor, Tensor]:
        """The landmarker's expression (B 51) and landmarks (B 478 3) in ``frames`` (B 3 C C), near ``moved`` ones."""
        regions, size = region_of_landmarks(moved), self.landmarker.mesh.size
        inside, _ = self.landmarker.mesh(cut_regions(frames, regions, size, outside="border"))
        return self.landmarker.blendshapes(inside[:, list(POINTS), :2])[:, 1:], from_region(inside, regions, size)

    def sheet(self) -> Tensor:
        """Columns: a picture, and three frames of it with expressions that others have shown."""
        rng = torch.Generator(self.heads.pictures.device).manual_seed(0)
        rows = torch.linspace(0, len(self.heads.pictures) - 1, SHOWN).long()
        columns = [self.heads.frames(rows)]
        for _ in range(3):
            drawn = [self._draw(self._scene(1, rng, row[None])).frames for row in rows]
            columns.append(torch.cat(drawn))
        columns = [F.interpolate(column.clamp(-1, 1), size=(SHEET, SHEET), mode="area") for column in columns]
        return rows_of(columns)


def _light(pictures: Tensor, scene: Scene) -> Tensor:
    return (pictures * scene.contrast + scene.tint).clamp(-1, 1)


def _area(plane: Tensor, times: int) -> Tensor:
    return F.avg_pool2d(plane, times) if times > 1 else plane
