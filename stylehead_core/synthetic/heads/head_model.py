"""Head model: mesh of a head from identity and expression weights.

Axes: V vertices, F triangles, I identity modes, W the 52 ARKit weights in the order of ``spaces.BLENDSHAPES``.
"""

from collections.abc import Mapping

import numpy as np
from scipy.sparse import csr_matrix
from scipy.spatial import KDTree

from ...errors import ConfigError
from ...spaces import BLENDSHAPES
from .deformations import Bumps
from .facekit import GUMS, IRIS_LEFT, IRIS_RIGHT, SCLERA_LEFT, SCLERA_RIGHT, TEETH, FaceKit
from .geometry import smoothstep

__all__ = ["WEIGHT", "HeadModel", "weights_of"]

WEIGHT = {name: index for index, name in enumerate(BLENDSHAPES)}
BLINK_DEPTH_CM = 0.22  # cm by which an eyeball moves back behind a closed lid, against intersections
TONGUE_COMES = np.array([0, -0.55, -1.7], np.float32)  # of TONGUE_SHIFT_CM: up again and forward, between the teeth
TONGUE_SHIFT_CM = np.array([0, -0.95, -0.75], np.float32)  # cm, at a wide open jaw

LIPS_FOLLOW_CM = 1.9  # cm by which closed lips go down for jawOpen and mouthClose of 1; the kit leaves them at rest
MAX_FOLLOW = 0.65  # weight up to which they do
NOSE_BASE, UPPER_LIP, CHIN, CHIN_TIP = -1.7, -3.2, -4.4, -8.2  # cm, heights of the kit's head
MOUTH_REACH = 2.9  # cm from the middle within which skin goes down with the lips
FACE_DEPTH = 5.0, 8.0  # cm: what lies behind does not


def weights_of(named: Mapping[str, float]) -> np.ndarray:
    """ARKit weights (W) from some of them by name; the others are 0.

    Raises:
        ConfigError: a name is unknown.
    """
    weights = np.zeros(len(BLENDSHAPES), np.float32)
    for name, value in named.items():
        if name not in WEIGHT:
            raise ConfigError(f"There is no expression {name!r}. Known: {', '.join(BLENDSHAPES)}.")
        weights[WEIGHT[name]] = value
    return weights


def _kit_names(name: str) -> tuple[str, ...]:
    """ICT-FaceKit's shapes for an ARKit weight; some are split in two, and there is none for tongueOut."""
    if name in ("browInnerUp", "cheekPuff"):
        return (f"{name}_L", f"{name}_R")
    for side in ("Left", "Right"):
        if name.endswith(side) and name not in ("jawLeft", "jawRight", "mouthLeft", "mouthRight"):
            return (f"{name.removesuffix(side)}_{side[0]}",)
    return () if name == "tongueOut" else (name,)


class HeadModel:
    """Face model with precomputed shapes, incidence matrix and vertex groups."""

    def __init__(self, kit: FaceKit) -> None:
        self.kit = kit
        self.bumps = Bumps(kit.vertices)
        self.corners = kit.vertex[kit.triangles]  # (F 3) vertices
        faces, vertices = len(self.corners), len(kit.vertices)
        ones = np.ones(3 * faces, np.float32)
        self.incidence = csr_matrix((ones, (self.corners.ravel(), np.repeat(np.arange(faces), 3))), (vertices, faces))
        shape_of = {name: index for index, name in enumerate(kit.names)}
        self.shapes = np.zeros((len(BLENDSHAPES), vertices, 3), np.float32)
        for row, name in enumerate(BLENDSHAPES):
            for part in _kit_names(name):
                self.shapes[row] += kit.expression[shape_of[part]]
        self._flat_identity = kit.identity.reshape(len(kit.identity), -1)
        self._eyes = [self.vertices_of(*pair) for pair in ((SCLERA_LEFT, IRIS_LEFT), (SCLERA_RIGHT, IRIS_RIGHT))]
        self.tongue, self._tongue_follows = self._find_tongue()
        self._lips_follow = self._find_lips_follow()

    def vertices_of(self, *groups: int) -> np.ndarray:
        """Vertices of some groups of triangles."""
        return np.unique(self.corners[np.isin(self.kit.group, groups)])

    def _find_tongue(self) -> tuple[np.ndarray, np.ndarray]:
        """Find the tongue, which has no group: vertices that move with the jaw and are away from the teeth.

        Returns:
            Vertices (n), and their shift with a wide open jaw (n 3), without which the tongue would float.
        """
        inside = self.vertices_of(GUMS)
        moves = np.linalg.norm(self.shapes[WEIGHT["jawOpen"]][inside], axis=1)
        vertices = self.kit.vertices
        away, _ = KDTree(vertices[self.vertices_of(TEETH)]).query(vertices[inside])
        share = np.clip((moves - 0.3) / 0.5, 0, 1) * np.clip((away - 0.25) / 0.55, 0, 1)
        tongue, share = inside[share > 0.01], share[share > 0.01]
        share = share * np.clip((vertices[tongue, 2] - 2.5) / 6, 0, 1)  # the root is fixed
        return tongue, (share[:, None] * TONGUE_SHIFT_CM).astype(np.float32)

    def _find_lips_follow(self) -> np.ndarray:
        """Find how far each vertex (V) goes down, in cm, with lips that stay closed over a lowered jaw.

        People's lips then meet about half way, and the landmarker measures jawOpen and mouthClose. Of the kit's shapes
        alone, whose lower lip rises to the upper one at rest, it measures neither.
        """
        x, y, z = self.kit.vertices.T
        share = smoothstep(NOSE_BASE, UPPER_LIP, y) * smoothstep(CHIN_TIP, CHIN, y) * smoothstep(*FACE_DEPTH, z)
        share = share * np.exp(-((x / MOUTH_REACH) ** 4))
        return (LIPS_FOLLOW_CM * share).astype(np.float32)

    def shape(self, identity: np.ndarray) -> np.ndarray:
        """Neutral head (V 3) for identity weights (up to I) in standard deviations."""
        identity = np.asarray(identity, np.float32)
        offset = identity @ self._flat_identity[: len(identity)]
        return self.kit.vertices + offset.reshape(-1, 3)

    def express(self, neutral: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Apply expression weights (W) to ``neutral`` (V 3)."""
        head = neutral.copy()
        for row in np.flatnonzero(weights):
            head += np.float32(weights[row]) * self.shapes[row]
        jaw = weights[WEIGHT["jawOpen"]]
        if jaw > 0:
            head[self.tongue] += np.float32(min(1.6 * jaw, 1)) * self._tongue_follows
            head[:, 1] -= np.float32(min(jaw, weights[WEIGHT["mouthClose"]], MAX_FOLLOW)) * self._lips_follow
        if out := weights[WEIGHT["tongueOut"]]:  # the face kit has no such shape
            head[self.tongue] += np.float32(out) * self._tongue_follows * TONGUE_COMES
        for eye, name in zip(self._eyes, ("eyeBlinkLeft", "eyeBlinkRight"), strict=True):
            closed = np.clip((weights[WEIGHT[name]] - 0.3) / 0.5, 0, 1)
            head[eye, 2] -= np.float32(BLINK_DEPTH_CM * closed)
        return head

    def normals(self, head: np.ndarray) -> np.ndarray:
        """Unit normals (V 3), outwards."""
        a, b, c = (head[self.corners[:, corner]] for corner in range(3))
        normals = self.incidence @ np.cross(b - a, c - a)
        return normals / (np.linalg.norm(normals, axis=1, keepdims=True) + 1e-9)
