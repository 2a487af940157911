"""ICT-FaceKit, the morphable head model of all rendered people, read from a compact npz or the folder of OBJ files.

Axes: V vertices, R render vertices (pairs of vertex and texture coordinate), F triangles, I identity modes, E shapes.
"""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...errors import InputError

__all__ = ["ENVIRONMENT", "GROUPS", "LANDMARKS_68", "FaceKit", "find_facekit", "load_facekit"]

ENVIRONMENT = "STYLEHEAD_FACEKIT"  # environment variable with the path, where --facekit is not given
ADDRESS = "https://github.com/ICT-VGL/ICT-FaceKit"
MODES = 100  # number of identity modes to read from the folder, as many as in the npz

GROUPS: tuple[str, ...] = (
    *("M_Face", "M_BackHead", "M_GumsTongue", "M_Teeth", "M_ScleraLeft", "M_IrisLeft", "M_ScleraRight", "M_IrisRight"),
    *("M_LacrimalFluid", "M_EyeBlend", "M_EyeOcclusion", "M_EyeLashes"),
)
FACE, BACK, GUMS, TEETH, SCLERA_LEFT, IRIS_LEFT, SCLERA_RIGHT, IRIS_RIGHT, FLUID, BLEND, OCCLUSION, LASHES = range(12)

# Parts of the mesh without a group of their own, as ranges of vertices.
SKIN_END = 11248  # end of the skin: the face, then head and neck from NECK_FIRST
NECK_FIRST = 9409
MOUTH_SOCKET = slice(11248, 13294)
EYE_SOCKETS = slice(13294, 14062)

LANDMARKS_68 = np.array(
    [
        *(1225, 1888, 1052, 367, 1719, 1722, 2199, 1447, 966, 3661, 4390, 3927, 3924, 2608, 3272, 4088, 3443),  # jaw
        *(268, 493, 1914, 2044, 1401, 3615, 4240, 4114, 2734, 2509),  # brows
        *(978, 4527, 4942, 4857, 1140, 2075, 1147, 4269, 3360),  # nose
        *(1507, 1542, 1537, 1528, 1518, 1511, 3742, 3751, 3756, 3721, 3725, 3732),  # eyes
        *(5708, 5695, 2081, 0, 4275, 6200, 6213, 6346, 6461, 5518, 5957, 5841),  # lips, outside
        *(5702, 5711, 5533, 6216, 6207, 6470, 5517, 5966),  # lips, inside
    ]
)
"""Vertices of the 68 landmarks in the iBUG order."""


@dataclass(frozen=True, kw_only=True)
class FaceKit:
    """Arrays of the model. Units are about 1 cm; x to the picture's right, y up, z towards the camera."""

    vertices: np.ndarray  # (V 3) float32, the mean head without expression
    uv: np.ndarray  # (R 2) float32, v up
    vertex: np.ndarray  # (R) int32: the vertex of each render vertex
    triangles: np.ndarray  # (F 3) int32, of render vertices
    group: np.ndarray  # (F) uint8, an index in GROUPS
    identity: np.ndarray  # (I V 3) float32: offsets of one standard deviation
    expression: np.ndarray  # (E V 3) float32: offsets at weight 1
    names: tuple[str, ...]  # (E) names of the shapes in ICT-FaceKit
    digest: str  # checksum of the shapes


def find_facekit(path: str | os.PathLike | None = None) -> Path:
    """Path of the face model: the given one, or that of the environment variable.

    Raises:
        InputError: there is none; the message says where to get it.
    """
    found = path or os.environ.get(ENVIRONMENT)
    if found and Path(found).exists():
        return Path(found)
    where = f"There is no {found}." if found else f"Neither --facekit nor the variable {ENVIRONMENT} names one."
    raise InputError(
        f"Rendered heads need the face model ICT-FaceKit (MIT licence). {where}\n"
        f"Get it with `git clone --depth 1 {ADDRESS}` (about 400 MB), then give its folder: "
        "--facekit ICT-FaceKit/FaceXModel. A compact npz made from it works as well: see docs/heads.md."
    )


def load_facekit(path: str | os.PathLike | None = None) -> FaceKit:
    """Read the face model from a compact npz, or from the published folder of OBJ files.

    Raises:
        InputError: there is none, or it cannot be read.
    """
    found = find_facekit(path)
    if found.is_dir():
        from .facekit_objs import arrays_of_folder  # rarely needed

        return facekit_of(arrays_of_folder(found, MODES))
    try:
        with np.load(found, allow_pickle=False) as file:
            return facekit_of({name: file[name] for name in file.files})
    except (OSError, ValueError, KeyError) as error:
        raise InputError(
            f"{found} is not a face model: {error}.\n"
            "Expected the npz described in docs/heads.md, or the folder FaceXModel of ICT-FaceKit."
        ) from error


def facekit_of(arrays: dict[str, np.ndarray]) -> FaceKit:
    """Build a face model from the arrays of the npz (docs/heads.md)."""
    import zlib

    return FaceKit(
        vertices=arrays["v"].astype(np.float32),
        uv=arrays["uv"][arrays["ti"]].astype(np.float32),
        vertex=arrays["vi"].astype(np.int32),
        triangles=arrays["tri"].astype(np.int32),
        group=arrays["tm"].astype(np.uint8),
        identity=arrays["qi"].astype(np.float32) * arrays["si"][:, None, None],
        expression=arrays["qe"].astype(np.float32) * arrays["se"][:, None, None],
        names=tuple(str(name) for name in arrays["names"]),
        digest=f"{zlib.crc32(arrays['qe'].tobytes(), zlib.crc32(arrays['qi'].tobytes())):08x}",
    )
