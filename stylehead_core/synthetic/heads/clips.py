"""Clips of the training set: some frames of one person with all ground truth of the renderer.

Axes: T frames, W the 52 ARKit weights, P pairs of frames, E edits, S picture size, G flow size.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ...errors import ConfigError
from .appearance import EDITS, Appearance, edit_pair, sample_appearance
from .camera import CameraFaults, apply_faults, sample_faults
from .correspondence import Correspondence, Frame
from .expressions import EXPRESSIONS, sample_expression
from .facekit import LANDMARKS_68
from .geometry import Crop, Pose, ffhq_crop, place
from .person import Person
from .renderer import Renderer
from .scene import Scene, sample_scene

__all__ = ["ATTRIBUTES", "Clip", "ClipConfig", "ClipMaker"]

ATTRIBUTES: tuple[str, ...] = ("age", "beard", "makeup", "tone", "female", "feminine", "glasses")
"""Columns of a clip's ``attributes``, each in 0..1 (feminine from -0.3)."""

MOUTH_MARGIN = 0.35  # margin of the mouth box, in widths of the mouth
COLOURS_ONLY = ("makeup", "tone", "hair_color")  # edits that change neither mesh nor hair


@dataclass(frozen=True, kw_only=True)
class ClipConfig:
    """Settings of the rendered clips."""

    size: int = 128  # pixels of the pictures
    frames: int = 8  # T, an even number: two expressions in each pose
    flow: int = 64  # G
    edits: bool = True  # also render pairs of pictures that differ in one attribute
    faults: float = 1.0  # strength of noise, blur and compression; 0 renders clean pictures
    turn: float = 1.0  # factor on the head poses
    expressions: tuple[str, ...] = tuple(EXPRESSIONS)  # what is shown is mixed of these

    def __post_init__(self) -> None:
        if not 32 <= self.size <= 1024:
            raise ConfigError(f"Heads are rendered at 32 to 1024 pixels; found {self.size}.")
        if self.frames < 2 or self.frames % 2:
            raise ConfigError(f"A clip has an even number of frames, since poses come in pairs; found {self.frames}.")
        if not 8 <= self.flow <= self.size:
            raise ConfigError(f"The flow has 8 to {self.size} cells a side, the picture's pixels; found {self.flow}.")
        if not self.expressions or not set(self.expressions) <= set(EXPRESSIONS):
            known = ", ".join(EXPRESSIONS)
            raise ConfigError(f"Expressions are some of: {known}; found {', '.join(self.expressions) or 'none'}.")


@dataclass(frozen=True, kw_only=True, eq=False)
class Clip:
    seed: int
    pictures: np.ndarray  # (T S S 3) uint8
    alpha: np.ndarray  # (T S S) uint8: mask of the person
    weights: np.ndarray  # (T W) float32, in the order of spaces.BLENDSHAPES
    angles: np.ndarray  # (T 3) float32: pitch, yaw, roll in rad
    shift: np.ndarray  # (T 3) float32: cm to the right, up, to the camera
    placement: (
        np.ndarray
    )  # (T 3) float32: x, y in half sides (right, down), log_scale (0 = as its own FFHQ crop has it)
    landmarks_68: np.ndarray  # (T 68 2) float32 pixels
    landmarks_5: np.ndarray  # (T 5 2): eyes, nose tip, mouth corners; the picture's left ones first
    mouth_box: np.ndarray  # (T 4) float32 pixels: left, top, right, bottom
    aligned: (
        np.ndarray
    )  # (T 2 3) float32: pixel of the frame = aligned @ (x, y, 1) of its own FFHQ crop of the same size
    pairs: np.ndarray  # (P 2) int64: source, target
    same_pose: np.ndarray  # (P) bool: only the expression differs
    flow: np.ndarray  # (P 2 G G) float16, pixels of the G grid: where each point of the target lies in the source
    visible: np.ndarray  # (P G G) uint8: 1 where the source shows it
    edited: np.ndarray  # (E 2 S S 3) uint8: frame 0 at the low and at the high end of an attribute
    edited_attribute: np.ndarray  # (E) int64, of ``tuple(EDITS)``
    attributes: np.ndarray  # (A) float32, ATTRIBUTES
    about: dict[str, Any]  # hair style and colour, and other words


class ClipMaker:
    """Renders clips. A clip depends on the face model, the configuration and its seed only."""

    def __init__(self, renderer: Renderer, config: ClipConfig) -> None:
        if renderer.size != config.size:
            raise ConfigError(f"The renderer draws {renderer.size} pixels, the clips want {config.size}.")
        self.renderer, self.config = renderer, config
        self.correspondence = Correspondence(renderer, config.flow)

    def make(self, seed: int) -> Clip:
        """Render the clip of ``seed``."""
        rng = np.random.default_rng([seed, 20])
        appearance, scene = sample_appearance(seed), sample_scene(seed)
        person = self.renderer.person(appearance)
        frames = self._frames(rng)
        crop = self._crop(person, frames[0], scene, rng)
        drawn = [self.renderer.render(person, f.weights, f.pose, scene, crop) for f in frames]
        faults = sample_faults(rng, self.config.faults)  # one camera for the clip
        pairs, same_pose = self._pairs(rng)
        flow, visible = self._compare(person, frames, pairs, crop, scene)
        edited, edited_attribute = self._edits(person, frames[0], scene, crop, faults)
        landmarks = np.stack([d.landmarks for d in drawn])
        return Clip(
            seed=seed,
            pictures=np.stack(
                [apply_faults(d.picture, replace(faults, seed=faults.seed + i)) for i, d in enumerate(drawn)]
            ),
            alpha=np.stack([(d.alpha * 255).round().astype(np.uint8) for d in drawn]),
            weights=np.stack([f.weights for f in frames]),
            angles=np.array([f.pose.angles for f in frames], np.float32),
            shift=np.array([f.pose.shift for f in frames], np.float32),
            placement=np.stack([self._placement(person, f.pose, scene, crop) for f in frames]),
            landmarks_68=landmarks,
            landmarks_5=five_landmarks(landmarks),
            mouth_box=mouth_boxes(landmarks),
            aligned=np.stack([self._align(person, f, scene, crop) for f in frames]),
            pairs=pairs,
            same_pose=same_pose,
            flow=flow,
            visible=visible,
            edited=edited,
            edited_attribute=edited_attribute,
            attributes=attribute_values(appearance),
            about={
                "hair_style": appearance.hair_style,
                "hair_color": list(appearance.hair_color),
                "glasses": appearance.glasses,
            },
        )

    def _frames(self, rng: np.random.Generator) -> list[Frame]:
        """Sample two expressions in each pose; the first frame, the portrait, is moderate in both."""
        frames = []
        for i in range(0, self.config.frames, 2):
            calm = 0.45 if i == 0 else 1.0
            turn = calm * self.config.turn
            pose = Pose(
                angles=tuple(rng.normal(0, (0.10 * turn, 0.24 * turn, 0.07 * turn)).tolist()),
                shift=tuple(rng.normal(0, (0.5 * turn, 0.35 * turn, 0.5 * turn)).tolist()),
            )
            for strength in (0.5 if i == 0 else 1.0, 1.0):
                frames.append(Frame(sample_expression(rng, strength, self.config.expressions), pose))
        return frames

    def _crop(self, person: Person, frame: Frame, scene: Scene, rng: np.random.Generator) -> Crop:
        """Crop around the first frame's face with a small random shift, as for a portrait."""
        head = self.renderer.model.express(person.neutral, frame.weights)
        shift = rng.normal(0, 0.02, 2)
        landmarks = self.renderer.landmarks(head, frame.pose)
        return ffhq_crop(landmarks, scene.distance, float(rng.uniform(0.97, 1.12)), (shift[0], shift[1]))

    def _pairs(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Choose sources for each target: the other expression in its pose, and a frame in another pose."""
        count, pairs = self.config.frames, []
        for target in range(count):
            pairs.append((target ^ 1, target))
            others = [frame for frame in range(count) if frame // 2 != target // 2]
            if others:
                source = 0 if target >= 2 and rng.random() < 0.5 else others[int(rng.integers(len(others)))]
                pairs.append((source, target))
        pairs = np.array(pairs)
        return pairs, pairs[:, 0] // 2 == pairs[:, 1] // 2

    def _compare(self, person: Person, frames: list[Frame], pairs, crop: Crop, scene: Scene):
        correspondence = self.correspondence
        surfaces = [correspondence.surface(person, frame) for frame in frames]
        own: dict[int, np.ndarray] = {}
        flow, visible = [], []

        def places(drawn: int, other: int) -> np.ndarray:
            frame = frames[drawn], frames[other]
            return correspondence.render_positions(
                person, *frame, crop, scene.distance, surfaces[drawn], surfaces[other]
            )

        for source, target in pairs.tolist():
            if source not in own:
                own[source] = places(source, source)
            pair = correspondence.match(places(target, source), own[source])
            flow.append(pair.flow.astype(np.float16))
            visible.append(pair.visible.astype(np.uint8))
        return np.stack(flow), np.stack(visible)

    def _edits(self, person: Person, frame: Frame, scene: Scene, crop: Crop, faults: CameraFaults):
        """Render the first frame with the low and with the high value of each attribute."""
        pictures, which = [], []
        for index, attribute in enumerate(EDITS):
            if not self.config.edits or not can_edit(person.appearance, attribute):
                continue
            pair = []
            for appearance in edit_pair(person.appearance, attribute):
                if attribute in COLOURS_ONLY:
                    other = self.renderer.change_colours(person, appearance)
                else:
                    other = self.renderer.person(appearance)
                drawn = self.renderer.render(other, frame.weights, frame.pose, scene, crop)
                pair.append(apply_faults(drawn.picture, faults))
            pictures.append(np.stack(pair))
            which.append(index)
        size = self.config.size
        return np.array(pictures, np.uint8).reshape(-1, 2, size, size, 3), np.array(which, np.int64)

    def _placement(self, person: Person, pose: Pose, scene: Scene, crop: Crop) -> np.ndarray:
        """Position and log scale (3) of the neutral head in the crop, from its landmarks without the jaw."""
        neutral = person.neutral[LANDMARKS_68]
        heights = self.renderer.model.kit.vertices[LANDMARKS_68, 1]
        middle = crop.of(place(neutral, heights, pose), scene.distance)[17:].mean(0)
        own = ffhq_crop(place(neutral, heights, Pose(shift=pose.shift)), scene.distance)
        log_scale = np.log(np.linalg.norm(crop.matrix[0]) / np.linalg.norm(own.matrix[0]))
        return np.array([*middle, log_scale], np.float32)

    def _align(self, person: Person, frame: Frame, scene: Scene, crop: Crop) -> np.ndarray:
        """Affine (2 3) from pixels of this frame's own FFHQ crop to pixels of the frame."""
        head = self.renderer.model.express(person.neutral, frame.weights)
        own = ffhq_crop(self.renderer.landmarks(head, frame.pose), scene.distance)
        return crop_transform(own, crop, self.config.size)


def crop_transform(inner: Crop, outer: Crop, size: int) -> np.ndarray:
    """Affine (2 3, float32) from pixels of the crop ``inner`` to pixels of the crop ``outer``, both of ``size``."""
    half, flip = size / 2, np.diag([1.0, -1.0])
    turn = flip @ outer.matrix @ np.linalg.inv(inner.matrix) @ flip
    start = flip @ outer.matrix @ (inner.centre - outer.centre)
    middle = np.full(2, half - 0.5)
    return np.concatenate([turn, (start * half + middle - turn @ middle)[:, None]], axis=1).astype(np.float32)


def five_landmarks(landmarks: np.ndarray) -> np.ndarray:
    """Eye centres, nose tip and mouth corners (T 5 2) of 68 landmarks (T 68 2)."""
    eyes = landmarks[:, 36:42].mean(1), landmarks[:, 42:48].mean(1)
    return np.stack([*eyes, landmarks[:, 30], landmarks[:, 48], landmarks[:, 54]], axis=1)


def mouth_boxes(landmarks: np.ndarray) -> np.ndarray:
    """Boxes (T 4; left, top, right, bottom) around the mouth with a margin, for 68 landmarks (T 68 2)."""
    mouth = landmarks[:, 48:]
    low, high = mouth.min(1), mouth.max(1)
    margin = MOUTH_MARGIN * (high[:, :1] - low[:, :1])
    return np.concatenate([low - margin, high + margin], axis=1).astype(np.float32)


def can_edit(appearance: Appearance, attribute: str) -> bool:
    """Whether ``attribute`` can be edited: beards on men, makeup on women, hair colour on people with hair."""
    if attribute == "beard":
        return not appearance.female
    if attribute == "makeup":
        return appearance.female
    return attribute != "hair_color" or appearance.hair_style != "bald"


def attribute_values(appearance: Appearance) -> np.ndarray:
    """Values (A) of ``ATTRIBUTES``."""
    values = {
        "age": appearance.age,
        "beard": appearance.beard,
        "makeup": appearance.makeup,
        "tone": appearance.tone / 8,
        "female": float(appearance.female),
        "feminine": appearance.feminine,
        "glasses": float(bool(appearance.glasses)),
    }
    return np.array([values[name] for name in ATTRIBUTES], np.float32)
