"""Person: neutral mesh, hair, brows, beard, glasses and shader uniforms of an appearance."""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from .appearance import Appearance, skin_color
from .deformations import age_face, feminise
from .face_hair import FaceHair, grow_face_hair
from .facekit import SKIN_END
from .geometry import smoothstep
from .glasses import Glasses, make_glasses
from .hair import STYLES, Hair, grow_hair
from .head_model import HeadModel

__all__ = ["Person", "build_person", "change_colours"]

CLOTH_THICKNESS = 0.45  # cm
SCALP = {"bald": 0.12, "buzz": 0.75}  # strength of the hair's colour on the scalp; 0.88 for other styles


@dataclass(frozen=True, eq=False)
class Person:
    """Everything about a person that is constant over a clip."""

    appearance: Appearance
    neutral: np.ndarray  # (V 3) cm
    clothes: np.ndarray  # (V) thickness of the clothes, cm
    hair: Hair | None
    brows: FaceHair | None
    beard: FaceHair | None
    glasses: Glasses | None
    uniforms: dict[str, Any]  # of the shaders
    buffers: dict[str, Any] = field(default_factory=dict)  # of the renderer, made at the first rendering


def change_colours(person: Person, iris_radius: float, appearance: Appearance) -> Person:
    """The same person with other colours: ``appearance`` may differ in makeup, skin tone and colours only. Fast."""
    return replace(person, appearance=appearance, uniforms=_uniforms(appearance, iris_radius))


def build_person(model: HeadModel, face_map: np.ndarray, iris_radius: float, appearance: Appearance) -> Person:
    """Build a person, a pure function of ``appearance``. ``iris_radius``: of ``parts.iris_radius_of``."""
    neutral = feminise(model.bumps, model.shape(np.array(appearance.identity)), appearance.feminine)
    neutral = age_face(model.bumps, neutral, appearance.age).astype(np.float32)
    normals = model.normals(neutral)

    def rng(part: int) -> np.random.Generator:
        return np.random.default_rng([appearance.seed, part])  # one per part, so that edits do not change other parts

    style = STYLES[appearance.hair_style]
    hair = None
    if style is not None:
        hair = grow_hair(
            model,
            neutral,
            normals,
            style,
            appearance.hair_style,
            rng(1),
            recede=appearance.recede,
            volume=appearance.hair_volume,
        )
    brows = grow_face_hair(model, face_map, "brow", rng(2), appearance.brow_density, appearance.brow_length)
    beard = None
    if appearance.beard > 0.4:
        beard = grow_face_hair(model, face_map, "beard", rng(3), appearance.beard, 0.4 + 1.3 * appearance.beard**2)
    glasses = make_glasses(neutral, appearance.glasses, appearance.glasses_size) if appearance.glasses else None
    return Person(
        appearance,
        neutral,
        _clothes(model, appearance),
        hair,
        brows,
        beard,
        glasses,
        _uniforms(appearance, iris_radius),
    )


def _clothes(model: HeadModel, appearance: Appearance) -> np.ndarray:
    """Thickness (V) of the clothes in cm."""
    x, y, z = model.kit.vertices.T
    depth = -y + appearance.neckline - 0.22 * z + 0.02 * x**2  # as in skin.glsl, without the collar
    depth[SKIN_END:] = -9  # clothes only on the skin
    return (CLOTH_THICKNESS * smoothstep(-0.05, 0.35, depth)).astype(np.float32)


def _uniforms(appearance: Appearance, iris_radius: float) -> dict[str, Any]:
    skin, makeup = skin_color(appearance), appearance.makeup
    lips = skin * (np.array([0.86, 0.52, 0.50]) + appearance.age**2 * np.array([-0.06, 0.12, 0.10]))
    lips = lips + np.array([0.045, 0, 0.004])
    hair = np.array(appearance.hair_color)
    brow = np.array(appearance.brow_color)
    return {
        "skin_color": skin,
        "noise_offset": appearance.noise,
        "age": appearance.age,
        "freckles": appearance.freckles,
        "blush": appearance.blush + 0.7 * makeup,
        "lip_color": lips * (1 - 0.95 * makeup) + np.array(appearance.lipstick) * 0.95 * makeup,
        "lip_strength": 0.80 + 0.2 * makeup,
        "lip_gloss": 0.3 + 0.7 * makeup,
        "lid_color": np.array(appearance.eye_shadow) * (skin.mean() / 0.35 * 0.4 + 0.5),
        "lid_strength": makeup,
        "liner_strength": 0.10 + 1.1 * makeup,
        "brow_color": brow,
        "brow_strength": appearance.brow_strength,
        "beard_color": hair * 0.8,
        "stubble": 0.0 if appearance.female and appearance.beard == 0 else 0.12 + 0.75 * appearance.beard,
        "hair_color": hair,
        "scalp_strength": SCALP.get(appearance.hair_style, 0.88),
        "neckline": appearance.neckline,
        "cloth_color": appearance.cloth,
        "cloth_color_2": appearance.cloth_2,
        "cloth_pattern": appearance.cloth_pattern,
        "collar": appearance.collar,
        "iris_color": appearance.iris[0],
        "iris_color_inside": appearance.iris[1],
        "iris_radius": iris_radius * appearance.iris_size,
        "pupil_radius": appearance.pupil,
        "teeth_white": appearance.teeth_white,
        "lash_strength": 0.45 + (0.10 + 0.45 * makeup if appearance.female else 0.3 * makeup),
        "lash_color": brow * (0.25 - 0.2 * makeup),
        "lid_shadow": 0.42,
        "frame_color": appearance.glasses_color,
        "hair_tip_color": hair * appearance.hair_tip,
    }
