"""True flow and visibility between two frames of the same rendered person.

The mesh and the hair of one frame are rendered with their positions in the other frame as colours.

Axes: G cells per side of the flow, V vertices.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from .geometry import Crop, Pose, rotation_matrix
from .gl import set_uniforms, shader
from .parts import find_parts
from .person import Person
from .renderer import Renderer

__all__ = ["Correspondence", "Frame", "Pair"]

OVERSAMPLE = 2  # pixels of the raster per cell of the flow
OCCLUSION_CM = 0.5  # cm: a point this far behind the visible surface is occluded
MIN_VISIBLE_SHARE = 0.7  # smallest share of visible pixels in a visible cell
HAIR_STRIDE = 2  # every second hair is rendered
HAIR_OFFSET_CM = 0.02  # cm: smallest distance of hair in front of the skin


@dataclass(frozen=True, eq=False)
class Frame:
    """Expression and pose of a person."""

    weights: np.ndarray  # (52) ARKit
    pose: Pose


@dataclass(frozen=True, eq=False)
class Pair:
    """Flow and visibility between a source and a target frame."""

    flow: np.ndarray  # (2 G G) float32, pixels of the G grid: where each point of the target lies in the source
    visible: np.ndarray  # (G G) bool: the source shows it

    def warp(self, source: np.ndarray) -> np.ndarray:
        """Warp ``source`` (S S 3) to the target frame (S S 3) with bicubic sampling."""
        side = len(source)
        scale = side / self.flow.shape[1]
        flow = [cv2.resize(plane, (side, side), interpolation=cv2.INTER_LINEAR) * scale for plane in self.flow]
        y, x = np.mgrid[:side, :side].astype(np.float32)
        return cv2.remap(source, x + flow[0], y + flow[1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)


class Correspondence:
    """Computes flow and visibility between frames, in the renderer's OpenGL context."""

    def __init__(self, renderer: Renderer, cells: int = 64) -> None:
        self.renderer, self.cells = renderer, cells
        with renderer.context:
            self._load()

    def _load(self) -> None:
        context, model, cells = self.renderer.context, self.renderer.model, self.cells
        self._program = context.program(
            vertex_shader=shader("correspond.vert.glsl"), fragment_shader=shader("correspond.frag.glsl")
        )
        size = len(model.kit.vertices) * 12
        self._here, self._there = (context.buffer(reserve=size, dynamic=True) for _ in range(2))
        heights = context.buffer(np.ascontiguousarray(model.kit.vertices[:, 1]).tobytes())

        def array(rows: np.ndarray):
            used = [
                *((self._here, "3f", "position"), (self._there, "3f", "other_position")),
                (heights, "1f", "height"),
            ]
            return context.vertex_array(
                self._program, used, context.buffer(model.corners[rows].astype(np.int32).tobytes())
            )

        parts = find_parts(model)
        self._skin, self._mouth = array(parts.skin_rows), array(parts.mouth_rows)
        side = cells * OVERSAMPLE
        self._target = context.framebuffer(
            [context.texture((side, side), 4, dtype="f4")], context.depth_renderbuffer((side, side))
        )

    def surface(self, person: Person, frame: Frame) -> np.ndarray:
        """Mesh (V 3) of a frame with clothes, before the pose is applied."""
        model = self.renderer.model
        head = model.express(person.neutral, frame.weights)
        return (head + model.normals(head) * person.clothes[:, None]).astype(np.float32)

    def compare(self, person: Person, source: Frame, target: Frame, crop: Crop, distance: float) -> Pair:
        """Flow and visibility from ``source`` to ``target``, in the same crop with the camera ``distance`` cm away."""
        surfaces = self.surface(person, source), self.surface(person, target)
        there = self.render_positions(person, target, source, crop, distance, surfaces[1], surfaces[0])
        return self.match(
            there, self.render_positions(person, source, source, crop, distance, surfaces[0], surfaces[0])
        )

    def skin(self, person: Person, frame: Frame, crop: Crop, distance: float) -> np.ndarray:
        """Mask (G G) of the head where neither hair nor glasses cover it."""
        surface = self.surface(person, frame)
        bare = replace(person, hair=None, glasses=None, buffers={})
        head = self.render_positions(bare, frame, frame, crop, distance, surface, surface)
        whole = self.render_positions(person, frame, frame, crop, distance, surface, surface)
        same = (head[..., 3] > 0) & (np.abs(head[..., 2] - whole[..., 2]) < HAIR_OFFSET_CM)
        return cv2.resize(same.astype(np.float32), (self.cells, self.cells), interpolation=cv2.INTER_AREA) > 0.99

    def render_positions(
        self, person, drawn: Frame, other: Frame, crop: Crop, distance: float, here, there
    ) -> np.ndarray:
        """Render frame ``drawn`` with the positions of its points in frame ``other``.

        Args:
            here, there: surfaces (V 3) of ``drawn`` and ``other``.

        Returns:
            (2G 2G 4): x, y (-1..1, y down) and depth (cm) in ``other``, and 1 where the head is.
        """
        values = {
            "crop_centre": crop.centre,
            "crop_matrix": crop.matrix,
            "camera_distance": distance,
            "rotation": rotation_matrix(drawn.pose),
            "shift": drawn.pose.shift,
            "other_rotation": rotation_matrix(other.pose),
            "other_shift": other.pose.shift,
        }
        with self.renderer.context:
            self._here.write(here.tobytes())
            self._there.write(there.tobytes())
            set_uniforms(self._program, values)
            raster = self._draw(person)
        # The shader outputs displacements, not positions, since a hair does not lie on its pixel's centre.
        middle = (np.arange(len(raster)) + 0.5) / len(raster) * 2 - 1
        raster[..., 1] *= -1
        raster[..., 0] += middle[None, :]
        raster[..., 1] += middle[:, None]
        return raster

    def _draw(self, person: Person) -> np.ndarray:
        import moderngl

        context = self.renderer.context
        context.enable_only(moderngl.DEPTH_TEST | moderngl.CULL_FACE)
        self._target.use()
        context.clear(0, 0, 0, 0, depth=1.0)
        self._skin.render()
        context.enable_only(moderngl.DEPTH_TEST)
        self._mouth.render()
        hair, glasses = self._rigid_of(person)
        if glasses is not None:
            glasses.render()
        if hair is not None:
            hair.render(moderngl.LINE_STRIP)
        side = self._target.width
        raster = np.frombuffer(self._target.read(components=4, dtype="f4"), np.float32)
        return raster.reshape(side, side, 4)[::-1].copy()

    def _rigid_of(self, person: Person):
        """Vertex arrays of hair and glasses, which no expression moves; None for each that is missing."""
        key = f"correspondence {id(self)}"
        if key not in person.buffers:
            hair = glasses = None
            if person.hair is not None:
                count, points = person.hair.strands.shape[:2]
                rows = np.arange(count * points).reshape(count, points)
                rows = np.concatenate([rows, np.full((count, 1), -1)], axis=1)[::HAIR_STRIDE]  # -1 ends a strip
                hair = self._rigid(person.hair.strands.reshape(-1, 3), rows)
            if person.glasses is not None:
                glasses = self._rigid(person.glasses.points, person.glasses.triangles)
            person.buffers[key] = hair, glasses
        return person.buffers[key]

    def _rigid(self, points: np.ndarray, rows: np.ndarray):
        context = self.renderer.context
        places = context.buffer(np.ascontiguousarray(points, np.float32).tobytes())
        heights = context.buffer(np.ascontiguousarray(points[:, 1], np.float32).tobytes())
        used = [(places, "3f", "position"), (places, "3f", "other_position"), (heights, "1f", "height")]
        return context.vertex_array(self._program, used, context.buffer(rows.astype(np.int32).tobytes()))

    def match(self, there: np.ndarray, own: np.ndarray) -> Pair:
        """Flow and visibility from two rasters: the target's positions in the source, and the source's own."""
        cells = self.cells
        head = there[..., 3] > 0
        x, y = there[..., 0], there[..., 1]
        side = len(there)
        columns = np.stack([(x + 1) / 2 * side - 0.5, (y + 1) / 2 * side - 0.5]).astype(np.float32)
        seen = cv2.remap(own[..., 2], columns[0], columns[1], cv2.INTER_NEAREST, borderMode=cv2.BORDER_CONSTANT)
        inside = (np.abs(x) < 1) & (np.abs(y) < 1)
        # Background of the target is visible where it is background in the source, too.
        visible = np.where(head, (there[..., 2] < seen + OCCLUSION_CM) & (seen > 0) & inside, own[..., 3] == 0)
        middle = (np.arange(side) + 0.5) / side * 2 - 1
        moved = np.stack([x - middle[None, :], y - middle[:, None]]) * head * (cells / 2)  # pixels of the grid

        def by_cell(values: np.ndarray) -> np.ndarray:
            shape = (*values.shape[:-2], cells, OVERSAMPLE, cells, OVERSAMPLE)
            return values.reshape(shape).sum((-3, -1))

        count = by_cell(head.astype(np.float32))
        flow = by_cell(moved) / np.maximum(count, 1) * (count * 2 >= OVERSAMPLE**2)
        share = by_cell(visible.astype(np.float32)) / OVERSAMPLE**2
        return Pair(flow.astype(np.float32), share > MIN_VISIBLE_SHARE)
