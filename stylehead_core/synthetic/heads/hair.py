"""Hair: strands that grow from the scalp along a combing direction, with gravity and collision with the skull.

Axes: N strands, K points of a strand.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from .collider import Collider
from .face_maps import hairline
from .facekit import BACK, FACE, SKIN_END
from .head_model import HeadModel

__all__ = ["STYLES", "Hair", "HairStyle", "grow_hair"]

X, Y, Z = np.eye(3)
CLUMPS = 24  # number of random directions that are shared by strands


@dataclass(frozen=True, kw_only=True)
class HairStyle:
    """Parameters of a hair style."""

    length: float  # cm, of the longest strands
    points: int = 11  # K
    strands: int = 8000
    lift: float  # strength of the initial direction along the normal
    layer: float  # cm: thickness of the hair on the skull
    gravity: float
    by_height: tuple[float, ...] = (1, 1, 1, 1)  # factors on the length at the heights 0, 4, 8, 12 cm
    hangs: bool = False  # hair that hangs below the ears: kept out of the face, may have a fringe
    curl: tuple[float, float] = (0.03, 0.03)  # cm: range of the amplitude
    width: float = 0.045  # cm


STYLES: Mapping[str, HairStyle | None] = MappingProxyType(
    {
        "bald": None,
        "buzz": HairStyle(length=0.55, points=3, strands=9000, lift=1.2, layer=0.25, gravity=0),
        "short": HairStyle(length=3.2, points=7, lift=0.75, layer=0.9, gravity=0.1, by_height=(0.22, 0.3, 0.75, 1.15)),
        "side": HairStyle(length=6.0, lift=0.75, layer=1.2, gravity=0.16, by_height=(0.25, 0.35, 0.8, 1.15)),
        "back": HairStyle(length=11.0, lift=0.55, layer=1.0, gravity=0.22, by_height=(0.5, 0.7, 0.85, 1.0)),
        "curly": HairStyle(
            length=6.0, points=15, strands=9000, lift=1.3, layer=2.0, gravity=0.12, curl=(0.35, 0.6), width=0.075
        ),
        "bob": HairStyle(
            length=17.0, strands=9000, lift=0.45, layer=1.6, gravity=0.6, hangs=True, curl=(0, 0.4), width=0.055
        ),
        "medium": HairStyle(
            length=13.0, strands=9000, lift=0.45, layer=1.3, gravity=0.55, hangs=True, curl=(0, 0.5), width=0.055
        ),
        "long": HairStyle(
            length=30.0, strands=9000, lift=0.45, layer=1.5, gravity=0.62, hangs=True, curl=(0, 0.5), width=0.055
        ),
    }
)


@dataclass(frozen=True)
class Hair:
    """Strands of hair."""

    strands: np.ndarray  # (N K 3) float32 cm, head frame
    width: np.ndarray  # (N) cm
    layer: np.ndarray  # (N) 0 on the scalp .. 1 outermost


@dataclass(frozen=True)
class Roots:
    """Roots of the strands."""

    points: np.ndarray  # (N 3) on this head
    normals: np.ndarray  # (N 3)
    neutral: np.ndarray  # (N 3) the same points on the mean head
    edge: np.ndarray  # (N) height above the hairline, cm


def grow_hair(
    model: HeadModel,
    head: np.ndarray,
    normals: np.ndarray,
    style: HairStyle,
    name: str,
    rng: np.random.Generator,
    recede: float = 0.0,
    volume: float = 1.0,
) -> Hair:
    """Grow hair of a style on a neutral head (V 3). ``recede`` moves the hairline up by cm; ``volume`` is usually 1."""
    parting = rng.uniform(-2.5, 2.5)
    roots = _roots(model, head, normals, style.strands, recede, parting, rng)
    layer = rng.random(style.strands).astype(np.float32)
    length = style.length * volume**0.5 * rng.uniform(0.72, 1.08, style.strands)
    length *= np.interp(roots.neutral[:, 1], [0, 4, 8, 12], style.by_height)
    comb = _comb_directions(name, roots, parting, rng)
    fringe = (style.hangs or name == "short") and rng.random() < 0.35
    if fringe:
        front = (roots.neutral[:, 2] > 3.5) & (np.abs(roots.neutral[:, 0]) < 5.5) & (roots.edge < 3.0)
        comb[front] = 0.9 * Z - 0.9 * Y + 0.12 * X * np.sign(roots.neutral[front, :1])
        length[front] = np.minimum(length[front], 5.2 + 0.8 * rng.random(front.sum()))
    strands = _grow(
        Collider(model, head), roots, style, comb, length, style.layer * volume * (0.15 + 0.85 * layer), fringe, rng
    )
    width = style.width * rng.uniform(0.7, 1.3, style.strands) * np.clip(roots.edge / 0.8, 0.25, 1)
    return Hair(strands, width.astype(np.float32), layer)


def _roots(model, head, normals, count: int, recede: float, parting: float, rng) -> Roots:
    """Sample points on the scalp, denser in front and along the parting."""
    triangles = model.corners[np.isin(model.kit.group, [FACE, BACK])]
    triangles = triangles[(triangles < SKIN_END).all(1)]
    middle = model.kit.vertices[triangles].mean(1)
    x, y, z = middle.T
    nape = np.interp(z, [-9, -6, -3.2, -1.5], [-3.2, -2.8, -1.0, 0.2])
    grows = np.where(z < -3.2, y > nape, hairline(x, y, z, recede) > 0) & (np.abs(x) < 8.1)
    grows &= ~((np.abs(x) > 7.2) & (y < 4.6) & (z > -2.5) & (z < 2.6))  # ears
    triangles, (x, y, z) = triangles[grows], middle[grows].T
    # Areas of the mean head, so that the roots do not depend on age and shape.
    a, b, c = (model.kit.vertices[triangles[:, corner]] for corner in range(3))
    share = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    share *= 1 + 0.8 * np.clip((z + 2) / 8, 0, 1) + 1.2 * np.exp(-(((x - parting) / 1.2) ** 2)) * (y > 8)
    chosen = triangles[rng.choice(len(triangles), count, p=share / share.sum())]
    weights = barycentric(count, rng)[..., None]
    points, own, neutral = ((array[chosen] * weights).sum(1) for array in (head, normals, model.kit.vertices))
    own /= np.linalg.norm(own, axis=1, keepdims=True)
    edge = np.where(neutral[:, 2] < -3.2, 2, hairline(neutral[:, 0], neutral[:, 1], neutral[:, 2], recede))
    return Roots(points, own, neutral, edge)


def barycentric(count: int, rng: np.random.Generator) -> np.ndarray:
    """Sample uniform barycentric coordinates of a triangle (count 3), float32."""
    u = rng.random((count, 2))
    outside = u.sum(1) > 1
    u[outside] = 1 - u[outside]
    return np.stack([1 - u.sum(1), u[:, 0], u[:, 1]], axis=1).astype(np.float32)


def _comb_directions(name: str, roots: Roots, parting: float, rng: np.random.Generator) -> np.ndarray:
    """Combing direction (N 3) of each strand."""
    x, y, z = roots.neutral.T
    side = np.where(x > parting, 1.0, -1.0)[:, None]
    front = np.clip((z + 3) / 9, 0, 1)[:, None]
    if name == "short":
        swept = 1.0 if rng.random() < 0.5 else -1.0
        forward = 0.9 * Z * np.where(front > 0.4, 1, -0.4)
        return forward + 0.35 * X * side - 0.25 * Y + 0.6 * swept * X * np.clip(y[:, None] / 10, 0, 1)
    if name == "side":
        return side * X + np.where(front > 0.5, 0, -0.35) * Z
    if name == "back":
        return 0.12 * side * X - Z
    if name in ("bob", "medium", "long"):
        return side * X - 0.45 * Z
    return np.broadcast_to(-0.2 * Y, (len(x), 3)).copy()


def _grow(collider: Collider, roots: Roots, style: HairStyle, comb, length, height, fringe: bool, rng) -> np.ndarray:
    """Grow the strands (N K 3) step by step along the combing direction, with gravity and outside the skull.

    ``height`` (N): distance of each strand from the skull, cm.
    """
    count, steps = len(length), style.points - 1
    step = length / steps
    strands = np.zeros((count, style.points, 3), np.float32)
    strands[:, 0] = point = roots.points.astype(np.float64)
    heading = roots.normals * style.lift + comb * 0.6
    stray = rng.normal(0, 0.25 if steps < 3 else 0.10, (count, 3))
    clump = rng.integers(0, CLUMPS, count)
    stray += 0.10 * rng.normal(0, 1, (CLUMPS, 3))[clump]
    curl = rng.uniform(*style.curl)
    tightness = 2.4 if style.curl[0] > 0.1 else rng.uniform(0.4, 1.2)  # rad a cm
    phase = (rng.uniform(0, 2 * np.pi, CLUMPS * 12)[rng.integers(0, CLUMPS * 12, count)]) % (2 * np.pi)
    for i in range(1, style.points):
        outward, _, _ = collider(point)
        lying = comb - (comb * outward).sum(1, keepdims=True) * outward
        below = np.clip((3.5 - point[:, 1]) / 5, 0, 1)[:, None]
        heading = heading * 0.55 + lying * (0.75 * (1 - below)) - Y * style.gravity * (i / 2 + 1.6 * below)
        heading += outward * style.lift * max(0, 0.5 - i / steps) + stray
        heading /= np.linalg.norm(heading, axis=1, keepdims=True) + 1e-6
        point = point + heading * step[:, None]
        outward, radius, own = collider(point)
        held = own + height * min(1, i / 2.2)
        push = np.maximum(held - radius, 0) * (1 - np.clip((-6 - point[:, 1]) / 3, 0, 1))
        if steps >= 3 and style.curl[0] <= 0.1:  # also pull smooth hair towards the skull
            push -= np.maximum(radius - held - 0.25, 0) * 0.35 * np.clip((point[:, 1] + 1) / 4, 0, 1)
        point = point + outward * push[:, None]
        if style.hangs and not fringe:
            point = point + _face_clearance(point)
        wave = i * step * tightness + phase
        sideways = np.cross(heading, Z) * np.sin(wave)[:, None] + Z * (0.6 * np.cos(wave)[:, None])
        strands[:, i] = point + curl * min(1, i / 3) * sideways
    return strands


def _face_clearance(points: np.ndarray) -> np.ndarray:
    """Displacement (N 3) that moves hanging hair aside where it would cover the face."""
    x, y, z = points.T
    before = np.clip((z - 3.5) / 3, 0, 1) * (y < 8.6)
    cleared = np.interp(y, [-12, -7, 0, 5, 8.6], [7.2, 7.4, 7.6, 7.2, 4.2])
    aside = before * np.maximum(cleared - np.abs(x), 0)
    return np.stack([np.where(x >= 0, 1, -1) * aside, 0 * aside, -0.35 * aside], axis=1)
