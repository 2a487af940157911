"""Precomputed data of a face model: ambient occlusion of the vertices, and the painted maps of the face.

The result depends on the face model only and is cached in the user's cache folder.
"""

import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .face_maps import paint_maps
from .facekit import BACK, FACE, GUMS, SCLERA_LEFT, SCLERA_RIGHT, TEETH
from .head_model import HeadModel

__all__ = ["Bake", "bake"]

VERSION = 1  # of the file format
MAP_SIZE = 1024  # texels of the face's maps
DEPTH_SIZE = 768  # texels of the depth maps for the ambient occlusion
DIRECTIONS = 160  # number of depth maps
MIDDLE = np.array([0, -1, 2], np.float32)  # cm: centre of the depth maps' volume
HALF_WIDTH_CM, HALF_DEPTH_CM = 24.0, 40.0  # cm: half width and half depth of this volume
TEST_OFFSET_CM, DEPTH_BIAS_CM = 0.08, 0.12  # cm: offset of the test point from the vertex, and bias of the depth test

POSITION_VERTEX = """#version 330
in vec2 uv; in vec3 point; out vec3 p;
void main() { p = point; gl_Position = vec4(uv * 2 - 1, 0, 1); }
"""
POSITION_FRAGMENT = """#version 330
in vec3 p; out vec4 texel;
void main() { texel = vec4(p, 1); }
"""
DEPTH_VERTEX = """#version 330
in vec3 point; uniform mat3 turn; uniform vec2 extent;
void main() { vec3 q = turn * point; gl_Position = vec4(q.xy / extent.x, q.z / extent.y, 1); }
"""
DEPTH_FRAGMENT = """#version 330
out vec4 texel;
void main() { texel = vec4(gl_FragCoord.z, 0, 0, 1); }
"""


@dataclass(frozen=True, kw_only=True)
class Bake:
    """Precomputed data of a face model."""

    openness: np.ndarray  # (V) float32: ambient occlusion, the share of the sky that a vertex sees, 0..1
    face_map: np.ndarray  # (N N 4) uint8: lips, brows, beard, eyelids
    detail_map: np.ndarray  # (N N 4) uint8: liner, blush, wrinkles, scalp


def cache_folder() -> Path:
    """The user's cache folder for StyleHead."""
    if sys.platform == "win32":
        root = Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"))
    else:
        root = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    return root / "stylehead"


def bake(model: HeadModel, context, folder: Path | None = None) -> Bake:
    """Load the precomputed data of a face model from ``folder`` (None: the cache), or compute and save it (3 s)."""
    path = (folder or cache_folder()) / f"heads-{model.kit.digest}-{VERSION}.npz"
    try:
        with np.load(path, allow_pickle=False) as file:
            return Bake(openness=file["openness"], face_map=file["face_map"], detail_map=file["detail_map"])
    except (OSError, ValueError, KeyError):
        pass  # missing or damaged: computed below
    positions, covered = _positions(model, context)
    face_map, detail_map = paint_maps(model.kit, positions, covered)
    made = Bake(openness=_openness(model, context), face_map=face_map, detail_map=detail_map)
    _save(made, path)
    return made


def _save(made: Bake, path: Path) -> None:
    """Write the file atomically, since other processes may write the same one."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, suffix=".part")
        with os.fdopen(handle, "wb") as file:
            np.savez_compressed(file, openness=made.openness, face_map=made.face_map, detail_map=made.detail_map)
        os.replace(name, path)
    except OSError:
        pass  # without a writable cache it is computed again next time


def _positions(model: HeadModel, context) -> tuple[np.ndarray, np.ndarray]:
    """Position map of the face: point of the mean head (N N 3) at each texel, and mask of the covered texels (N N)."""
    kit = model.kit
    program = context.program(vertex_shader=POSITION_VERTEX, fragment_shader=POSITION_FRAGMENT)
    points = np.concatenate([kit.uv, kit.vertices[kit.vertex]], axis=1).astype(np.float32)
    triangles = kit.triangles[kit.group == FACE].astype(np.int32)
    array = context.vertex_array(
        program, [(context.buffer(points.tobytes()), "2f 3f", "uv", "point")], context.buffer(triangles.tobytes())
    )
    target = context.framebuffer([context.texture((MAP_SIZE, MAP_SIZE), 4, dtype="f4")])
    target.use()
    context.clear(0, 0, 0, 0)
    array.render()
    texels = np.frombuffer(target.read(components=4, dtype="f4"), np.float32).reshape(MAP_SIZE, MAP_SIZE, 4)
    return texels[..., :3].copy(), texels[..., 3] > 0


def _directions() -> list[np.ndarray]:
    """Evenly distributed viewing directions, as rotations (3 3) whose last row points towards the head."""
    golden, turns = (1 + 5**0.5) / 2, []
    for i in range(DIRECTIONS):
        z = 1 - 2 * (i + 0.5) / DIRECTIONS
        angle, ring = 2 * np.pi * i / golden, np.sqrt(1 - z * z)
        direction = np.array([ring * np.cos(angle), ring * np.sin(angle), z])
        right = np.cross(direction, [0, 1, 0.01])
        right /= np.linalg.norm(right)
        turns.append(np.stack([right, np.cross(right, direction), -direction]).astype(np.float32))
    return turns


def _openness(model: HeadModel, context) -> np.ndarray:
    """Compute the ambient occlusion (V) with depth maps of the mean head."""
    import moderngl

    opaque = np.isin(model.kit.group, [FACE, BACK, GUMS, TEETH, SCLERA_LEFT, SCLERA_RIGHT])
    points = (model.kit.vertices - MIDDLE).astype(np.float32)
    program = context.program(vertex_shader=DEPTH_VERTEX, fragment_shader=DEPTH_FRAGMENT)
    program["extent"].value = (HALF_WIDTH_CM, HALF_DEPTH_CM)
    array = context.vertex_array(
        program,
        [(context.buffer(points.tobytes()), "3f", "point")],
        context.buffer(model.corners[opaque].astype(np.int32).tobytes()),
    )
    size = (DEPTH_SIZE, DEPTH_SIZE)
    target = context.framebuffer([context.texture(size, 1, dtype="f4")], context.depth_renderbuffer(size))
    context.enable(moderngl.DEPTH_TEST)
    normals = model.normals(model.kit.vertices)
    seen, total = np.zeros(len(points)), np.zeros(len(points))
    for turn in _directions():
        program["turn"].write(np.ascontiguousarray(turn.T).tobytes())
        target.use()
        context.clear(1, 1, 1, 1, depth=1.0)
        array.render()
        depth = np.frombuffer(target.read(components=1, dtype="f4"), np.float32).reshape(DEPTH_SIZE, DEPTH_SIZE)
        q = (points + normals * TEST_OFFSET_CM) @ turn.T
        column, row = (
            ((q[:, k] / HALF_WIDTH_CM + 1) / 2 * DEPTH_SIZE).astype(int).clip(0, DEPTH_SIZE - 1) for k in (0, 1)
        )
        visible = q[:, 2] / HALF_DEPTH_CM * 0.5 + 0.5 <= depth[row, column] + DEPTH_BIAS_CM / (2 * HALF_DEPTH_CM)
        weight = np.clip(normals @ -turn[2], 0, None)
        seen += weight * visible
        total += weight
    openness = (seen / np.maximum(total, 1e-6)).astype(np.float32)
    corners = np.maximum(np.asarray(model.incidence.sum(1)).ravel() * 3, 1)
    for _ in range(2):  # smooth over neighbouring vertices, since the depth maps are coarse
        openness = (0.5 * openness + 0.5 * (model.incidence @ (model.incidence.T @ openness)) / corners).astype(
            np.float32
        )
    return openness
