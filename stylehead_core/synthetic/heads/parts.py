"""Parts of the face model: triangles to render, and their materials."""

from dataclasses import dataclass

import numpy as np

from .facekit import BACK, EYE_SOCKETS, FACE, GUMS, LASHES, MOUTH_SOCKET, OCCLUSION, SCLERA_LEFT, SCLERA_RIGHT, TEETH
from .head_model import HeadModel

__all__ = ["FRAMES", "Parts", "find_parts", "iris_radius_of", "materials"]

SOCKET, EYE_SOCKET, FRAMES, TONGUE = 12, 13, 14, 15  # materials beyond the groups, as in materials.glsl
IRIS_ANGLE = 27.0  # degrees from an eye's axis to the iris's edge
VISIBLE_EYE_RADIUS = 0.8  # visible part of the eye texture's radius: the rest is inside the head
SOCKET_MIN_Z_CM, MOUTH_MIN_Z_CM = 8.0, 6.2  # cm: smallest visible z in eye sockets and mouth


@dataclass(frozen=True)
class Parts:
    """Triangles (F 3; render vertices) of each part."""

    skin: np.ndarray  # skin and eyes
    mouth: np.ndarray  # teeth, gums, tongue and the socket behind them
    overlay: np.ndarray  # shadows of the lids
    lashes: np.ndarray
    shadow: np.ndarray  # shadow casters
    skin_rows: np.ndarray  # (all triangles) bool: mask of ``skin``
    mouth_rows: np.ndarray


def find_parts(model: HeadModel) -> Parts:
    """Divide the model's triangles into parts; hidden ones are left out."""
    kit = model.kit
    corners, group = model.corners, kit.group
    keep = np.isin(group, [FACE, BACK, GUMS, TEETH, SCLERA_LEFT, SCLERA_RIGHT])
    eyes = np.isin(group, [SCLERA_LEFT, SCLERA_RIGHT])
    keep &= ~(eyes & (np.linalg.norm(kit.uv[kit.triangles].mean(1) - 0.5, axis=1) * 2 > VISIBLE_EYE_RADIUS))
    front = kit.vertices[corners][..., 2].max(1)
    in_socket = ((corners >= EYE_SOCKETS.start) & (corners < EYE_SOCKETS.stop)).any(1)
    keep &= ~in_socket | (front > SOCKET_MIN_Z_CM)
    bite = np.isin(group, [GUMS, TEETH])
    behind = ((corners >= MOUTH_SOCKET.start) & (corners < MOUTH_SOCKET.stop)).all(1)
    keep &= ~(bite & (front < MOUTH_MIN_Z_CM))
    mouth = keep & (bite | behind)
    skin = keep & ~mouth
    return Parts(
        skin=kit.triangles[skin],
        mouth=kit.triangles[mouth],
        overlay=kit.triangles[group == OCCLUSION],
        lashes=kit.triangles[group == LASHES],
        shadow=kit.triangles[skin & np.isin(group, [FACE, BACK])],
        skin_rows=skin,
        mouth_rows=mouth,
    )


def materials(model: HeadModel) -> np.ndarray:
    """Material (R, float32) of each render vertex, numbered as in the shaders."""
    kit = model.kit
    found = np.zeros(len(kit.vertex), np.float32)
    found[kit.triangles.ravel()] = np.repeat(kit.group, 3)
    found[(kit.vertex >= MOUTH_SOCKET.start) & (kit.vertex < MOUTH_SOCKET.stop)] = SOCKET
    found[np.isin(kit.vertex, model.tongue)] = TONGUE
    found[(kit.vertex >= EYE_SOCKETS.start) & (kit.vertex < EYE_SOCKETS.stop)] = EYE_SOCKET
    return found


def iris_radius_of(model: HeadModel) -> float:
    """Radius of the iris in the eyes' texture, which maps the angle from the eye's axis; the mesh has no iris."""
    kit = model.kit
    rows = np.unique(kit.triangles[kit.group == SCLERA_LEFT])
    points, uv = kit.vertices[kit.vertex[rows]], kit.uv[rows]
    centre = (points.min(0) + points.max(0)) / 2
    centre[2] = points[:, 2].max() - 1.62  # the globe's radius in cm
    axis = points[np.argmin(((uv - 0.5) ** 2).sum(1))] - centre
    directions = (points - centre) / np.linalg.norm(points - centre, axis=1, keepdims=True)
    angle = np.degrees(np.arccos(np.clip(directions @ (axis / np.linalg.norm(axis)), -1, 1)))
    radius = np.linalg.norm(uv - 0.5, axis=1) * 2
    near = (radius < 1) & (np.abs(angle - IRIS_ANGLE) < 3)
    return float(np.median(radius[near])) if near.any() else 0.3
