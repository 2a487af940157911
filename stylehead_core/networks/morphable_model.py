"""Basel face model: surface, colours and landmarks of the face that ``bfm`` coefficients describe.

StyleHEAT needs only the coefficients; the surface serves to inspect measurements, and for landmarks. The model's data
come with Deep3DFaceRecon (``BFM_model_front.mat``) and may not be redistributed.

Axes: B faces, V vertices, F triangles, L landmarks. The camera looks along z, y is up.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor

from ..errors import WeightsError
from ..ops.deep3d_align import CROP_SIZE_PX
from .coefficients import FaceModel

__all__ = ["MorphableModel"]

CAMERA_DISTANCE = 10.0  # units of the face model, from the camera to the head's origin without translation
FOCAL_PX = 1015.0  # pixels of the 224 crop
AMBIENT = 0.8  # ambient light, to which the coefficients are added
ARRAYS = ("meanshape", "idBase", "exBase", "meantex", "texBase", "tri", "point_buf", "keypoints")


@dataclass(frozen=True, kw_only=True)
class MorphableModel:
    """Linear model of shape and texture."""

    mean_shape: Tensor  # (V 3), centred at the origin
    identity_basis: Tensor  # (V 3 80)
    expression_basis: Tensor  # (V 3 64)
    mean_texture: Tensor  # (V 3), RGB in 0..255
    texture_basis: Tensor  # (V 3 80)
    triangles: Tensor  # (F 3), vertex numbers
    neighbours: Tensor  # (V 8), triangles around each vertex; F where there are fewer
    keypoints: Tensor  # (L), vertex numbers

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Tensor]) -> "MorphableModel":
        """Build the model from the arrays of ``BFM_model_front.mat``, whose vertex numbers start at 1.

        Raises:
            WeightsError: an array is missing.
        """
        missing = [name for name in ARRAYS if name not in arrays]
        if missing:
            raise WeightsError(f"This is not Deep3DFaceRecon's face model: it lacks {', '.join(missing)}.")

        def values(name: str) -> Tensor:
            array = arrays[name].float()
            return array.reshape(-1, 3) if name.startswith("mean") else array.reshape(-1, 3, array.shape[-1])

        shape = values("meanshape")
        return cls(
            mean_shape=shape - shape.mean(0),
            identity_basis=values("idBase"),
            expression_basis=values("exBase"),
            mean_texture=values("meantex"),
            texture_basis=values("texBase"),
            triangles=arrays["tri"].long() - 1,
            neighbours=arrays["point_buf"].long() - 1,
            keypoints=arrays["keypoints"].long().flatten() - 1,
        )

    def shape(self, face: FaceModel) -> Tensor:
        """The surface (B V 3) of ``face`` before rotation."""
        identity = torch.einsum("vck,bk->bvc", self.identity_basis, face.identity)
        expression = torch.einsum("vck,bk->bvc", self.expression_basis, face.expression)
        return self.mean_shape + identity + expression

    def texture(self, face: FaceModel) -> Tensor:
        """Unlit colours (B V 3), RGB in 0..1 and slightly beyond."""
        return (self.mean_texture + torch.einsum("vck,bk->bvc", self.texture_basis, face.texture)) / 255

    def before_camera(self, face: FaceModel) -> Tensor:
        """The surface (B V 3) after rotation and translation; z is the distance from the camera."""
        placed = self.shape(face) @ rotation_matrix(face.rotation) + face.translation[:, None]
        return torch.cat((placed[..., :2], CAMERA_DISTANCE - placed[..., 2:]), dim=-1)

    def landmarks(self, face: FaceModel) -> Tensor:
        """Project the 68 landmarks (B L 2): pixels of the 224 crop, y upwards."""
        points = self.before_camera(face)[:, self.keypoints]
        return FOCAL_PX * points[..., :2] / points[..., 2:] + CROP_SIZE_PX / 2

    def colours(self, face: FaceModel) -> Tensor:
        """Colours (B V 3) lit as the coefficients describe."""
        normals = self.normals(self.shape(face)) @ rotation_matrix(face.rotation)
        light = rearrange(face.light, "b (colour harmonic) -> b harmonic colour", colour=3).clone()
        light[:, 0] += AMBIENT
        return self.texture(face) * (harmonics(normals) @ light)

    def normals(self, shape: Tensor) -> Tensor:
        """Unit normals (B V 3) of the surface ``shape`` (B V 3)."""
        a, b, c = (shape[:, self.triangles[:, i]] for i in range(3))
        faces = F.normalize(torch.linalg.cross(a - b, b - c), dim=-1)
        faces = F.pad(faces, (0, 0, 0, 1))  # the padding triangle F
        return F.normalize(faces[:, self.neighbours].sum(2), dim=-1)


def rotation_matrix(angles: Tensor) -> Tensor:
    """Rotation matrices (B 3 3) from pitch, yaw and roll (B 3; rad), to be multiplied from the right.

    Points are rotated about x first, then y, then z.
    """
    (cx, cy, cz), (sx, sy, sz) = angles.cos().unbind(1), angles.sin().unbind(1)
    zero, one = torch.zeros_like(cx), torch.ones_like(cx)

    def matrix(*entries: Tensor) -> Tensor:
        return rearrange(list(entries), "(row column) b -> b row column", row=3)

    about_x = matrix(one, zero, zero, zero, cx, -sx, zero, sx, cx)
    about_y = matrix(cy, zero, sy, zero, one, zero, -sy, zero, cy)
    about_z = matrix(cz, -sz, zero, sz, cz, zero, zero, zero, one)
    return (about_z @ about_y @ about_x).transpose(1, 2)


def harmonics(normals: Tensor) -> Tensor:
    """Spherical harmonics of Lambertian shading: ``normals`` (B V 3) -> (B V 9).

    Source: Ramamoorthi and Hanrahan, An Efficient Representation for Irradiance Environment Maps (2001): the real
    spherical harmonics up to degree 2, times pi, 2 pi / 3 and pi / 4; here the last two with the factors of
    Deep3DFaceRecon.
    """
    x, y, z = normals.unbind(-1)
    flat = math.pi / math.sqrt(4 * math.pi)
    first = 2 * math.pi / math.sqrt(3) * math.sqrt(3 / (4 * math.pi))
    second = 2 * math.pi / math.sqrt(8) * 3 * math.sqrt(5 / (12 * math.pi))
    lights = (
        torch.full_like(x, flat),
        *(-first * y, first * z, -first * x),
        *(second * x * y, -second * y * z, second * (3 * z**2 - 1) / (2 * math.sqrt(3))),
        *(-second * x * z, second * (x**2 - y**2) / 2),
    )
    return torch.stack(lights, dim=-1)
