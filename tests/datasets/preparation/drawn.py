"""Videos of drawn faces, and a stand-in for the face landmarker that sees them: a face is a square of pure colour."""

from fractions import Fraction
from pathlib import Path

import torch

from stylehead_core.landmarker.landmarker import Faces
from stylehead_core.media.sound import Sound
from stylehead_core.media.video import VideoWriter
from stylehead_core.ops.align import LANDMARKS_68
from stylehead_core.ops.pixels import from_uint8
from stylehead_core.ops.pose import CanonicalFace, HeadPose

SIDE = 32  # pixels of a face
RED, GREEN = 0, 1  # channels: who it is


def frame(places: dict[int, tuple[int, int]], size: int = 128, background: float = -0.2) -> torch.Tensor:
    """A picture (3 S S) in [-1, 1] with a square of each colour at (left, top)."""
    picture = torch.full((3, size, size), background)
    for colour, (left, top) in places.items():
        picture[:, top : top + SIDE, left : left + SIDE] = -1
        picture[colour, top : top + SIDE, left : left + SIDE] = 1
    return picture


def write(path: Path, frames: list[torch.Tensor], *, sound: bool = False, fps: int = 25) -> None:
    samples = torch.sin(torch.arange(16000 * len(frames) // fps) * 0.3)[None] / 2
    track = Sound(samples=samples, rate=16000) if sound else None
    with VideoWriter(path, fps=Fraction(fps), size=frames[0].shape[:0:-1], sound=track, quality=4) as video:
        video.write(torch.stack(frames))


class DrawnLandmarker:
    """What the stages ask of a landmarker."""

    device = torch.device("cpu")

    def __init__(self) -> None:
        rng = torch.Generator().manual_seed(0)
        self.points = torch.rand(478, 3, generator=rng)  # in sides of the square
        places = torch.tensor(LANDMARKS_68)
        self.points[places[36:42]] = torch.tensor([0.3, 0.4, 0.0])
        self.points[places[42:48]] = torch.tensor([0.7, 0.4, 0.0])
        self.points[places[[48, 54]]] = torch.tensor([[0.35, 0.75, 0.0], [0.65, 0.75, 0.0]])
        self.points[0, :2], self.points[1, :2] = torch.zeros(2), torch.ones(2)
        vertices = torch.rand(468, 3, generator=rng)
        vertices[places] = self.points[places] * torch.tensor([10.0, -10.0, 1.0])
        self.canonical = CanonicalFace(vertices=vertices, indices=torch.arange(4), weights=torch.ones(4))

    def find(self, picture: torch.Tensor, *, search: str = "auto") -> Faces:
        return self._faces([corner for colour in (RED, GREEN) if (corner := self._corner(picture[0], colour))])

    def measure(self, pictures: torch.Tensor, regions: torch.Tensor) -> Faces:
        corners = []
        for x, y, side, _ in regions.tolist():
            seen = [self._corner(pictures[0], colour) for colour in (RED, GREEN)]
            inside = [c for c in seen if c and max(abs(c[0] + SIDE / 2 - x), abs(c[1] + SIDE / 2 - y)) < side / 2]
            corners.append(inside[0] if inside else None)
        return self._faces(corners)

    def _corner(self, picture: torch.Tensor, colour: int) -> tuple[float, float] | None:
        values = from_uint8(picture) if picture.dtype == torch.uint8 else picture
        others = values[[c for c in range(3) if c != colour]].amax(dim=0)
        rows, columns = ((values[colour] > 0.5) & (others < -0.3)).nonzero(as_tuple=True)
        if len(rows) < SIDE * SIDE / 2:
            return None
        return float(columns.min()), float(rows.min())

    def _faces(self, corners: list[tuple[float, float] | None]) -> Faces:
        places = torch.tensor([corner or (0.0, 0.0) for corner in corners]).reshape(-1, 2)
        landmarks = self.points[None] * (SIDE - 1) + torch.cat((places, torch.zeros(len(places), 1)), dim=1)[:, None]
        count = len(corners)
        centre = landmarks.mean(dim=1)
        pose = HeadPose(rotation=torch.eye(3).expand(count, 3, 3), scale=torch.full((count,), 3.0), centre=centre)
        score = torch.tensor([0.0 if corner is None else 0.99 for corner in corners])
        return Faces(landmarks=landmarks, blendshapes=torch.zeros(count, 52), score=score, pose=pose)
