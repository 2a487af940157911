"""Builds a person from a look: the neutral mesh, hair, brows and beard, and the colours that shaders take."""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from .appearance import Look, skin_color
from .deformations import aged, feminised
from .face_hair import FaceHair, grow_face_hair
from .facekit import SKIN_END
from .geometry import smoothstep
from .glasses import Glasses, make_glasses
from .hair import STYLES, Hair, grow_hair
from .head_model import HeadModel

__all__ = ["Person", "build_person", "recoloured"]

CLOTH_THICKNESS = 0.45  # cm
SCALP = {"bald": 0.12, "buzz": 0.75}  # how much of the hair's colour the scalp takes; 0.88 where it is covered


@dataclass(frozen=True, eq=False)
class Person:
    """What stays the same over a clip."""

    look: Look
    neutral: np.ndarray  # (V 3) cm
    clothes: np.ndarray  # (V) cm that the clothes stand off
    hair: Hair | None
    brows: FaceHair | None
    beard: FaceHair | None
    glasses: Glasses | None
    uniforms: dict[str, Any]  # of the shaders
    buffers: dict[str, Any] = field(default_factory=dict)  # of the renderer, made when it is first drawn


def recoloured(person: Person, iris_radius: float, look: Look) -> Person:
    """The same person in other colours: ``look`` may differ in makeup, skin tone and colours alone. Takes no time."""
    return replace(person, look=look, uniforms=_uniforms(look, iris_radius))


def build_person(model: HeadModel, face_map: np.ndarray, iris_radius: float, look: Look) -> Person:
    """A person: a pure function of the look. ``iris_radius``: of the eyes' texture, usual for this model."""
    neutral = feminised(model.bumps, model.shape(np.array(look.identity)), look.feminine)
    neutral = aged(model.bumps, neutral, look.age).astype(np.float32)
    normals = model.normals(neutral)

    def chance(part: int) -> np.random.Generator:
        return np.random.default_rng([look.seed, part])  # one for each part: an edit of one leaves the others

    style = STYLES[look.hair_style]
    hair = None
    if style is not None:
        hair = grow_hair(
            model, neutral, normals, style, look.hair_style, chance(1), recede=look.recede, volume=look.hair_volume
        )
    brows = grow_face_hair(model, face_map, "brow", chance(2), look.brow_density, look.brow_length)
    beard = None
    if look.beard > 0.4:
        beard = grow_face_hair(model, face_map, "beard", chance(3), look.beard, 0.4 + 1.3 * look.beard**2)
    glasses = make_glasses(neutral, look.glasses, look.glasses_size) if look.glasses else None
    return Person(look, neutral, _clothes(model, look), hair, brows, beard, glasses, _uniforms(look, iris_radius))


def _clothes(model: HeadModel, look: Look) -> np.ndarray:
    x, y, z = model.kit.vertices.T
    depth = -y + look.neckline - 0.22 * z + 0.02 * x**2  # as in skin.glsl, without the collar
    depth[SKIN_END:] = -9  # only skin is dressed
    return (CLOTH_THICKNESS * smoothstep(-0.05, 0.35, depth)).astype(np.float32)


def _uniforms(look: Look, iris_radius: float) -> dict[str, Any]:
    skin, makeup = skin_color(look), look.makeup
    lips = skin * (np.array([0.86, 0.52, 0.50]) + look.age**2 * np.array([-0.06, 0.12, 0.10]))
    lips = lips + np.array([0.045, 0, 0.004])
    hair = np.array(look.hair_color)
    brow = np.array(look.brow_color)
    return {
        "skin_color": skin,
        "noise_offset": look.noise,
        "age": look.age,
        "freckles": look.freckles,
        "blush": look.blush + 0.7 * makeup,
        "lip_color": lips * (1 - 0.95 * makeup) + np.array(look.lipstick) * 0.95 * makeup,
        "lip_strength": 0.80 + 0.2 * makeup,
        "lip_gloss": 0.3 + 0.7 * makeup,
        "lid_color": np.array(look.eye_shadow) * (skin.mean() / 0.35 * 0.4 + 0.5),
        "lid_strength": makeup,
        "liner_strength": 0.10 + 1.1 * makeup,
        "brow_color": brow,
        "brow_strength": look.brow_strength,
        "beard_color": hair * 0.8,
        "stubble": 0.0 if look.female and look.beard == 0 else 0.12 + 0.75 * look.beard,
        "hair_color": hair,
        "scalp_strength": SCALP.get(look.hair_style, 0.88),
        "neckline": look.neckline,
        "cloth_color": look.cloth,
        "cloth_color_2": look.cloth_2,
        "cloth_pattern": look.cloth_pattern,
        "collar": look.collar,
        "iris_color": look.iris[0],
        "iris_color_inside": look.iris[1],
        "iris_radius": iris_radius * look.iris_size,
        "pupil_radius": look.pupil,
        "teeth_white": look.teeth_white,
        "lash_strength": 0.45 + (0.10 + 0.45 * makeup if look.female else 0.3 * makeup),
        "lash_color": brow * (0.25 - 0.2 * makeup),
        "lid_shadow": 0.42,
        "frame_color": look.glasses_color,
        "hair_tip_color": hair * look.hair_tip,
    }
