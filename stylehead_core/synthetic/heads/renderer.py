"""OpenGL renderer of a person with expression, pose and light (EGL, in software or on a graphics card)."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from .appearance import Appearance
from .bake import bake
from .face_hair import POINTS, FaceHair
from .facekit import LANDMARKS_68
from .geometry import Crop, Pose, ffhq_crop, place, rotation_matrix
from .gl import open_graphics, set_uniforms, shader
from .glasses import Glasses
from .hair import Hair
from .head_model import WEIGHT, HeadModel
from .parts import FRAMES, find_parts, iris_radius_of, materials
from .person import Person, build_person, change_colours
from .scene import Scene

__all__ = ["RenderedHead", "Renderer"]

SHADOW_SIZE = 512  # texels
LIGHT_CENTRE = np.array([0, 1.0, 1.0])  # cm: centre of the shadow map's volume
LIGHT_EXTENT = (19.0, 19.0, 26.0)  # cm: half width, height and depth of this volume
SHADOW_HAIR_STRIDE = 5  # every fifth hair casts a shadow
RANDOM_TONES = 64  # number of random tones of strands
MOUTH_OPEN_WEIGHT = 0.03  # mouth and jaw weights above which the inside of the mouth is rendered
MOUTH = np.array([index for name, index in WEIGHT.items() if name.startswith(("jaw", "mouth"))])

INNER_LIPS = (62, 66)  # of the 68 landmarks: the middle of the upper and the lower one
BLINKS = [WEIGHT["eyeBlinkLeft"], WEIGHT["eyeBlinkRight"]]


@dataclass(frozen=True, eq=False)
class RenderedHead:
    """Rendered picture with its mask and landmarks."""

    picture: np.ndarray  # (S S 3) uint8
    alpha: np.ndarray  # (S S) float32 0..1: mask of the person
    landmarks: np.ndarray  # (68 2) float32 pixels
    crop: Crop


class Renderer:
    """Renderer with its own OpenGL context. ``size``: pixels of the pictures, rendered ``supersample`` times larger."""

    def __init__(self, model: HeadModel, size: int = 256, supersample: int = 2, cache: Path | None = None) -> None:
        self.model, self.size = model, size
        self.context = context = open_graphics()
        self.name = context.info["GL_RENDERER"]
        baked = bake(model, context, cache)
        self.face_map = baked.face_map
        self.iris_radius = iris_radius_of(model)
        self._load_programs()
        self._load_mesh(baked.openness)
        maps = (baked.face_map, baked.detail_map, _noise_map())
        self._maps = [self._texture(texels) for texels in maps]
        self._maps[2].repeat_x = self._maps[2].repeat_y = True
        large = (size * supersample, size * supersample)
        self._target = context.framebuffer([context.texture(large, 4)], context.depth_renderbuffer(large))
        self._shadow = context.depth_texture((SHADOW_SIZE, SHADOW_SIZE))
        self._shadow.compare_func = ""
        self._shadow_target = context.framebuffer(depth_attachment=self._shadow)

    def person(self, appearance: Appearance) -> Person:
        """Build the person of an appearance (0.1 s). Its buffers belong to this renderer."""
        return build_person(self.model, self.face_map, self.iris_radius, appearance)

    def change_colours(self, person: Person, appearance: Appearance) -> Person:
        """The same person with other makeup, skin tone or colours; nothing else of ``appearance`` may differ."""
        return change_colours(person, self.iris_radius, appearance)

    def crop_of(self, person: Person, pose: Pose, scene: Scene, wider: float = 1.0, shift=(0.0, 0.0)) -> Crop:
        """FFHQ crop of a person in a pose, with a neutral face."""
        return ffhq_crop(self.landmarks(person.neutral, pose), scene.distance, wider, shift)

    def landmarks(self, head: np.ndarray, pose: Pose) -> np.ndarray:
        """The 68 landmarks (68 3) of a head (V 3) after the pose, in cm."""
        return place(head[LANDMARKS_68], self.model.kit.vertices[LANDMARKS_68, 1], pose)

    def render(
        self, person: Person, weights: np.ndarray, pose: Pose, scene: Scene, crop: Crop | None = None
    ) -> RenderedHead:
        """Render one picture.

        Args:
            person: of this renderer.
            weights: (52) ARKit weights.
            pose: of the head.
            scene: light, camera and background.
            crop: of the picture; None takes the frame's own FFHQ crop.
        """
        head = self.model.express(person.neutral, weights)
        normals = self.model.normals(head)
        landmarks = self.landmarks(head, pose)
        crop = crop or ffhq_crop(landmarks, scene.distance)
        with self.context:  # another renderer's context may be current
            self.context.gc()
            self._fill(person, head, normals)
            self._set_uniforms(person, pose, scene, crop)
            self._set_mouth(head, weights)
            closed = float(weights[BLINKS].mean())  # the lashes of closed lids are less visible
            set_uniforms(self._overlay, {"lash_strength": person.uniforms["lash_strength"] * (1 - 0.5 * closed)})
            self._draw_shadow(person)
            self._draw(person, bool((weights[MOUTH] > MOUTH_OPEN_WEIGHT).any()))
            pixels, alpha = self._read()
        picture = pixels + scene.backdrop(self.size) * (1 - alpha[..., None])
        return RenderedHead(
            picture=picture.clip(0, 255).astype(np.uint8),
            alpha=alpha,
            landmarks=crop.pixels(landmarks, scene.distance, self.size).astype(np.float32),
            crop=crop,
        )

    # Loading

    def _load_programs(self) -> None:
        def program(vertex: str, fragment: str):
            return self.context.program(
                vertex_shader=shader(f"{vertex}.vert.glsl"), fragment_shader=shader(f"{fragment}.frag.glsl")
            )

        self._surface, self._overlay = program("surface", "surface"), program("surface", "overlay")
        self._strand, self._cast = program("strand", "strand"), program("shadow", "shadow")
        units = {"shadow_map": 0, "face_map": 1, "detail_map": 2, "noise_map": 3}
        for made in (self._surface, self._strand):
            for name, unit in units.items():
                if name in made:
                    made[name].value = unit  # pyright: ignore[reportAttributeAccessIssue]  # a sampler is a uniform

    def _load_mesh(self, openness: np.ndarray) -> None:
        kit, context = self.model.kit, self.context
        columns = [kit.uv, kit.vertices[kit.vertex], openness[kit.vertex][:, None], materials(self.model)[:, None]]
        fixed = context.buffer(np.concatenate(columns, axis=1).astype(np.float32).tobytes())
        self._moving = context.buffer(reserve=len(kit.vertex) * 24, dynamic=True)

        def array(program, triangles: np.ndarray):
            used = [
                (self._moving, "3f 3f", "position", "normal"),
                (fixed, "2f 3f 2f", "uv", "neutral", "occlusion_material"),
            ]
            return context.vertex_array(
                program, used, context.buffer(triangles.astype(np.int32).tobytes()), skip_errors=True
            )

        parts = find_parts(self.model)
        self._skin, self._mouth = array(self._surface, parts.skin), array(self._surface, parts.mouth)
        self._lids, self._lashes = array(self._overlay, parts.overlay), array(self._overlay, parts.lashes)
        self._casting = context.vertex_array(
            self._cast,
            [(self._moving, "3f 12x", "position")],
            context.buffer(parts.shadow.astype(np.int32).tobytes()),
        )

    def _texture(self, texels: np.ndarray):
        import moderngl

        texture = self.context.texture(texels.shape[1::-1], texels.shape[2], np.ascontiguousarray(texels).tobytes())
        texture.filter = (moderngl.LINEAR_MIPMAP_LINEAR, moderngl.LINEAR)
        texture.build_mipmaps()
        return texture

    # Buffers of a person

    def _strips(self, count: int, points: int, width: np.ndarray, layer: np.ndarray) -> dict:
        """Buffers of ``count`` strands: positions to be filled per frame, and constant attributes."""
        way = np.broadcast_to(np.linspace(0, 1, points, dtype=np.float32), (count, points))
        opacity = width[:, None] / 0.05 * np.clip(1.1 - way**3 * 0.8, 0.1, 1)
        tone = np.floor(np.random.default_rng(1).random(count) * RANDOM_TONES)[:, None]
        fixed = np.stack([way, np.broadcast_to(layer[:, None] * 0.999 + tone, way.shape), opacity], axis=2)
        rows = np.arange(count * points).reshape(count, points)
        rows = np.concatenate([rows, np.full((count, 1), -1)], axis=1).astype(np.int32)  # -1 ends a strip
        moving = self.context.buffer(reserve=count * points * 24, dynamic=True)
        drawn = [
            (moving, "3f 3f", "position", "tangent"),
            (self.context.buffer(fixed.astype(np.float32).tobytes()), "3f", "strand"),
        ]
        thinned = np.ascontiguousarray(rows[::SHADOW_HAIR_STRIDE])
        return {
            "moving": moving,
            "drawn": self.context.vertex_array(self._strand, drawn, self.context.buffer(rows.tobytes())),
            "casting": self.context.vertex_array(
                self._cast, [(moving, "3f 12x", "position")], self.context.buffer(thinned.tobytes())
            ),
        }

    def _rigid(self, glasses: Glasses):
        """Vertex array of glasses, which no expression moves."""
        ones = np.ones((len(glasses.points), 1), np.float32)
        columns = [glasses.points, glasses.normals, glasses.points[:, :2], glasses.points, ones, ones * FRAMES]
        places = self.context.buffer(np.concatenate(columns, axis=1).astype(np.float32).tobytes())
        used = [(places, "3f 3f 2f 3f 2f", "position", "normal", "uv", "neutral", "occlusion_material")]
        corners = self.context.buffer(glasses.triangles.tobytes())
        return self.context.vertex_array(self._surface, used, corners)

    def _buffers_of(self, person: Person) -> dict:
        if "owner" not in person.buffers:
            person.buffers["owner"] = self
            hair: Hair | None = person.hair
            if hair is not None:
                strands, knots = hair.strands.shape[:2]
                person.buffers["hair"] = self._strips(strands, knots, hair.width, hair.layer)
                _fill_strips(person.buffers["hair"], hair.strands)
            if person.glasses is not None:
                person.buffers["glasses"] = self._rigid(person.glasses)
            for name in ("brows", "beard"):
                short: FaceHair | None = getattr(person, name)
                if short is not None:
                    layer = np.random.default_rng(2).random(len(short.length)).astype(np.float32)
                    person.buffers[name] = self._strips(len(short.length), POINTS, short.width, layer)
        return person.buffers

    # Rendering of a frame

    def _fill(self, person: Person, head: np.ndarray, normals: np.ndarray) -> None:
        dressed = head + normals * person.clothes[:, None]
        self._moving.write(
            np.concatenate([dressed, normals], axis=1).astype(np.float32)[self.model.kit.vertex].tobytes()
        )
        buffers = self._buffers_of(person)
        for name in ("brows", "beard"):
            if name in buffers:
                _fill_strips(buffers[name], getattr(person, name).on(head, normals))

    def _set_uniforms(self, person: Person, pose: Pose, scene: Scene, crop: Crop) -> None:
        values = {
            **person.uniforms,
            **scene.uniforms,
            "rotation": rotation_matrix(pose),
            "shift": pose.shift,
            "crop_centre": crop.centre,
            "crop_matrix": crop.matrix,
            "light_matrix": _light_matrix(scene.key_direction),
            "light_centre": LIGHT_CENTRE,
        }
        for program in (self._surface, self._strand, self._overlay, self._cast):
            set_uniforms(program, values)
        for unit, texture in enumerate((self._shadow, *self._maps)):
            texture.use(unit)

    def _set_mouth(self, head: np.ndarray, weights: np.ndarray) -> None:
        """How far the mouth of ``head`` (V 3) is open, and its tongue out: how much light is inside."""
        upper, lower = head[LANDMARKS_68[list(INNER_LIPS)]]
        values = {"mouth_gap": float(np.linalg.norm(upper - lower)), "tongue_out": float(weights[WEIGHT["tongueOut"]])}
        set_uniforms(self._surface, values)

    def _draw_shadow(self, person: Person) -> None:
        import moderngl

        self.context.enable_only(moderngl.DEPTH_TEST | moderngl.CULL_FACE)
        self._shadow_target.use()
        self._shadow_target.clear(depth=1.0)
        self._casting.render()
        if person.hair is not None:
            person.buffers["hair"]["casting"].render(moderngl.LINE_STRIP)

    def _draw(self, person: Person, mouth_opens: bool) -> None:
        import moderngl

        context, buffers = self.context, person.buffers
        self._target.use()
        context.clear(0, 0, 0, 0, depth=1.0)
        self._skin.render()
        context.enable_only(moderngl.DEPTH_TEST)
        if mouth_opens:
            self._mouth.render()
        if "glasses" in buffers:
            buffers["glasses"].render()
        context.enable(moderngl.BLEND)
        context.blend_func = (  # pyright: ignore[reportAttributeAccessIssue]  # moderngl declares its getter alone
            *(moderngl.SRC_ALPHA, moderngl.ONE_MINUS_SRC_ALPHA),
            *(moderngl.ONE, moderngl.ONE_MINUS_SRC_ALPHA),
        )
        self._target.depth_mask = False
        self._lids.render()
        self._lashes.render()
        brow, hair = np.array(person.appearance.brow_color), np.array(person.appearance.hair_color)
        short = {"depth_shading": 0.25, "shine": 0.2}
        if "brows" in buffers:
            self._draw_strands(buffers["brows"], short, root_color=brow * 0.9, tip_color=brow, opacity=0.55)
        if "beard" in buffers:
            self._draw_strands(buffers["beard"], short, root_color=brow, tip_color=hair * 1.3, opacity=0.5)
        self._target.depth_mask = True
        if "hair" in buffers:
            tip = person.uniforms["hair_tip_color"]
            long = {"depth_shading": 1.0, "shine": 0.9}
            self._draw_strands(buffers["hair"], long, root_color=hair, tip_color=tip, opacity=0.85)
        context.disable(moderngl.BLEND)

    def _draw_strands(self, strips: dict, kind: dict, **values) -> None:
        import moderngl

        set_uniforms(self._strand, {**kind, **values})
        strips["drawn"].render(moderngl.LINE_STRIP)

    def _read(self) -> tuple[np.ndarray, np.ndarray]:
        """Read display values in 0..255, multiplied by alpha (S S 3), and alpha (S S), both float32."""
        side = self._target.width
        pixels = np.frombuffer(self._target.read(components=4), np.uint8).reshape(side, side, 4)[::-1]
        small = cv2.resize(pixels.astype(np.float32), (self.size, self.size), interpolation=cv2.INTER_AREA)
        return small[..., :3], small[..., 3] / 255


def _fill_strips(strips: dict, strands: np.ndarray) -> None:
    """Write positions (N K 3) and tangents of strands."""
    tangent = np.gradient(strands, axis=1)
    tangent /= np.linalg.norm(tangent, axis=2, keepdims=True) + 1e-6
    strips["moving"].write(np.concatenate([strands, tangent], axis=2).astype(np.float32).tobytes())


def _light_matrix(direction: np.ndarray) -> np.ndarray:
    """Matrix (4 4) from cm around the light's centre to the shadow map."""
    right = np.cross([0, 1, 0], direction)
    right /= np.linalg.norm(right)
    matrix = np.eye(4)
    axes = np.stack([right, np.cross(direction, right), -direction])
    matrix[:3, :3] = axes / np.array(LIGHT_EXTENT)[:, None]
    return matrix


def _noise_map(size: int = 256) -> np.ndarray:
    """Tileable noise (size size 4, uint8) of different smoothness in each channel."""
    rng = np.random.default_rng(5)
    noise = np.zeros((size, size, 4), np.float32)
    for channel, persistence in enumerate((0.75, 0.85, 1.0, 0.6)):
        for octave in range(2, 8):
            cells = np.tile(rng.random((2**octave, 2**octave)).astype(np.float32), (3, 3))
            whole = cv2.resize(cells, (3 * size, 3 * size), interpolation=cv2.INTER_CUBIC)
            noise[..., channel] += whole[size : 2 * size, size : 2 * size] * persistence**octave
    noise -= noise.min((0, 1))
    return (noise / noise.max((0, 1)) * 255).astype(np.uint8)
