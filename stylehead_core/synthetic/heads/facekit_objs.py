"""Reader of ICT-FaceKit's published folder ``FaceXModel``: one OBJ file per shape.

Axes: V vertices, I identity modes, E expression shapes.
"""

from pathlib import Path

import numpy as np

from ...errors import InputError

__all__ = ["arrays_of_folder"]

NEUTRAL = "generic_neutral_mesh.obj"
INT8_MAX = 127  # largest int8


def arrays_of_folder(folder: Path, modes: int = 100) -> dict[str, np.ndarray]:
    """Read the arrays of the compact npz (docs/heads.md): shapes are quantised to int8, with errors below 0.15 mm.

    Raises:
        InputError: files are missing, or their meshes differ.
    """
    neutral = folder / NEUTRAL
    if not neutral.is_file():
        raise InputError(
            f"There is no {NEUTRAL} in {folder}.\nGive the folder FaceXModel inside a checkout of ICT-FaceKit."
        )
    arrays, vertices = _mesh(neutral)
    files = sorted(folder.glob("*.obj"))
    identity = [file for file in files if file.stem.startswith("identity")][:modes]
    shapes = [file for file in files if not file.stem.startswith(("identity", "generic"))]
    if not identity or not shapes:
        raise InputError(f"{folder} has {len(identity)} identity and {len(shapes)} expression files; both are needed.")
    arrays["qi"], arrays["si"] = _quantise(identity, vertices)
    arrays["qe"], arrays["se"] = _quantise(shapes, vertices)
    arrays["names"] = np.array([file.stem for file in shapes])
    return arrays


def _mesh(file: Path) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Arrays of the neutral mesh without shapes, and its vertices (V 3) in float64."""
    points, uv, materials = [], [], []
    pairs: dict[tuple[int, int], int] = {}  # (vertex, texture coordinate) -> render vertex
    triangles, groups, group = [], [], 0
    for line in file.read_text().splitlines():
        word, *rest = line.split() or [""]
        if word == "v":
            points.append(rest[:3])
        elif word == "vt":
            uv.append(rest[:2])
        elif word == "usemtl":
            if rest[0] not in materials:
                materials.append(rest[0])
            group = materials.index(rest[0])
        elif word == "f":
            corners = []
            for corner in rest:
                vertex, texture = (int(number) - 1 for number in corner.split("/")[:2])
                corners.append(pairs.setdefault((vertex, texture), len(pairs)))
            for last in range(2, len(corners)):  # a fan
                triangles.append((corners[0], corners[last - 1], corners[last]))
                groups.append(group)
    vertices = np.array(points, np.float64)
    arrays = {
        "v": vertices.astype(np.float32),
        "uv": np.array(uv, np.float16),
        "vi": np.array([vertex for vertex, _ in pairs], np.uint16),
        "ti": np.array([texture for _, texture in pairs], np.uint16),
        "tri": np.array(triangles, np.uint16),
        "tm": np.array(groups, np.uint8),
        "mats": np.array(materials),
    }
    return arrays, vertices


def _quantise(files: list[Path], neutral: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Quantise the offsets from the neutral mesh: int8 (N V 3), and the step size of each shape (N)."""
    packed = np.zeros((len(files), *neutral.shape), np.int8)
    steps = np.zeros(len(files), np.float32)
    for row, file in enumerate(files):
        lines = (line.split()[1:4] for line in file.read_text().splitlines() if line.startswith("v "))
        points = np.array(list(lines), np.float64)
        if points.shape != neutral.shape:
            raise InputError(f"{file} has {len(points)} vertices, {NEUTRAL} has {len(neutral)}: not the same model.")
        largest = np.abs(points - neutral).max()
        steps[row] = largest / INT8_MAX
        packed[row] = np.round((points - neutral) / max(largest / INT8_MAX, 1e-12)).astype(np.int8)
    return packed, steps
