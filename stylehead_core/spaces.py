"""The coefficient spaces in which a motion can be given: what each number of a frame means.

``arkit``   52 ARKit blendshape weights (0..1, on the face landmarker's scale), then pitch, yaw, roll (rad), x, y
            (in half widths of the aligned picture, 0 the middle, x right, y down) and log_scale (natural logarithm
            of the head's size; 0 = the FFHQ crop's own).
``bfm``     64 expression coefficients of the Basel face model, pitch, yaw, roll (rad), translation x, y, z, and the
            224 crop's scale, x, y (SPEC section 6.3).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from .errors import MotionError

__all__ = ["ARKIT", "BFM", "BLENDSHAPES", "REGIONS", "SPEECH_BLENDSHAPES", "MotionSpace", "space_named"]

BLENDSHAPES: tuple[str, ...] = (
    *("browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight"),
    *("cheekPuff", "cheekSquintLeft", "cheekSquintRight"),
    *(
        "eyeBlinkLeft",
        "eyeBlinkRight",
        "eyeLookDownLeft",
        "eyeLookDownRight",
        "eyeLookInLeft",
        "eyeLookInRight",
    ),
    *("eyeLookOutLeft", "eyeLookOutRight", "eyeLookUpLeft", "eyeLookUpRight"),
    *("eyeSquintLeft", "eyeSquintRight", "eyeWideLeft", "eyeWideRight"),
    *("jawForward", "jawLeft", "jawOpen", "jawRight"),
    *(
        "mouthClose",
        "mouthDimpleLeft",
        "mouthDimpleRight",
        "mouthFrownLeft",
        "mouthFrownRight",
        "mouthFunnel",
    ),
    *(
        "mouthLeft",
        "mouthLowerDownLeft",
        "mouthLowerDownRight",
        "mouthPressLeft",
        "mouthPressRight",
        "mouthPucker",
    ),
    *("mouthRight", "mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper"),
    *("mouthSmileLeft", "mouthSmileRight", "mouthStretchLeft", "mouthStretchRight"),
    *("mouthUpperUpLeft", "mouthUpperUpRight", "noseSneerLeft", "noseSneerRight", "tongueOut"),
)  # the landmarker's order without its first (_neutral), then the one that only ARKit itself measures

SPEECH_BLENDSHAPES: tuple[str, ...] = (
    *("jawOpen", "mouthFunnel", "mouthPucker"),
    *("mouthLowerDownLeft", "mouthLowerDownRight", "mouthPressLeft", "mouthPressRight"),
    *("mouthRollLower", "mouthRollUpper", "mouthShrugUpper"),
    *("mouthSmileLeft", "mouthSmileRight", "mouthStretchLeft", "mouthStretchRight"),
    *("mouthUpperUpLeft", "mouthUpperUpRight"),
)
"""The coefficients that speech moves, in the order of a speech network's outputs."""

POSE = ("pitch", "yaw", "roll", "x", "y", "log_scale")

REGIONS: dict[str, tuple[str, ...]] = {
    "lips": tuple(n for n in BLENDSHAPES if n.startswith(("mouth", "cheekPuff", "tongue"))),
    "jaw": tuple(n for n in BLENDSHAPES if n.startswith("jaw")),
    "eyes": tuple(n for n in BLENDSHAPES if n.startswith(("eyeBlink", "eyeSquint", "eyeWide", "cheekSquint"))),
    "gaze": tuple(n for n in BLENDSHAPES if n.startswith("eyeLook")),
    "brows": tuple(n for n in BLENDSHAPES if n.startswith(("brow", "noseSneer"))),
    "pose": POSE,
}
"""Which coefficients of ``arkit`` belong to which part of the face. Every coefficient is in exactly one region."""


@dataclass(frozen=True, kw_only=True)
class MotionSpace:
    name: str
    names: tuple[str, ...]
    rotation: slice  # pitch, yaw, roll in rad: pitch + looks down, yaw + to the picture's right, roll + anticlockwise
    expression: slice
    placement: slice  # where the head is in the picture and how large
    regions: Mapping[str, tuple[str, ...]]  # the coefficients of each part of the face that can be told apart
    sound_regions: frozenset[str]  # parts of the face that the flow from sound moves, not coefficients


ARKIT = MotionSpace(
    name="arkit",
    names=BLENDSHAPES + POSE,
    expression=slice(0, len(BLENDSHAPES)),
    rotation=slice(len(BLENDSHAPES), len(BLENDSHAPES) + 3),
    placement=slice(len(BLENDSHAPES) + 3, len(BLENDSHAPES) + 6),
    regions={**REGIONS, "expression": BLENDSHAPES},
    sound_regions=frozenset({"audio"}),
)

BFM_EXPRESSION = tuple(f"expression_{i}" for i in range(64))
BFM_POSE = (
    *("pitch", "yaw", "roll", "translation_x", "translation_y", "translation_z"),
    *("crop_scale", "crop_x", "crop_y"),
)

BFM = MotionSpace(
    name="bfm",
    names=BFM_EXPRESSION + BFM_POSE,
    expression=slice(0, 64),
    rotation=slice(64, 67),
    placement=slice(67, 73),
    # Each expression coefficient moves the whole face. Where a video and speech drive together, the paper lets the
    # flow from sound have the mouth: so do we.
    regions={"expression": BFM_EXPRESSION, "pose": BFM_POSE},
    sound_regions=frozenset({"audio", "lips", "jaw"}),
)

_SPACES = {space.name: space for space in (ARKIT, BFM)}


def space_named(name: str) -> MotionSpace:
    """The space called ``name``.

    Raises:
        MotionError: there is no such space.
    """
    if not isinstance(name, str) or name not in _SPACES:
        raise MotionError(f"There is no motion space {name!r}. Known: {', '.join(_SPACES)}.")
    return _SPACES[name]
