"""The ways in which training clips are cut, each a function that returns its numbers.

Source: the first-order model's preprocessing of VoxCeleb, and HDTF's, as StyleHEAT's supplement uses them.
"""

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from ...errors import ConfigError

__all__ = ["PrepareConfig", "hdtf", "portrait", "voxceleb"]


@dataclass(frozen=True, kw_only=True)
class PrepareConfig:
    framing: Literal["track", "portrait"]
    """``track``: the box in which the face moves, over the whole clip, with some room. ``portrait``: the square of an
    FFHQ portrait around the first frame's face, upright; what the generator of a portrait model draws."""
    size: int  # pixels of the cut frames
    aligned: bool = False
    """Also write every frame cut and turned as an FFHQ portrait: what is inverted where the frames are targets."""
    fps: Fraction = Fraction(25)
    overlap: float = 0.25  # of the union with the first frame's face box; a face that goes farther begins a new clip
    room: float = 0.1  # of the box, on each side
    shortest: int = 64  # frames
    longest: int = 1024
    smallest: int = 256  # pixels of the square in the video: smaller faces have nothing to teach
    cut: float = 0.12  # mean change of a thumbnail, of the range: more is a new scene

    def __post_init__(self) -> None:
        if self.framing not in ("track", "portrait"):
            raise ConfigError(f"The framing is 'track' or 'portrait'; found {self.framing!r}.")
        if not 0 < self.shortest <= self.longest:
            raise ConfigError(f"The shortest clip must not exceed the longest; found {self.shortest}, {self.longest}.")
        if self.fps <= 0 or min(self.size, self.smallest) < 16 or not 0 <= self.overlap < 1 or self.room < 0:
            raise ConfigError(
                "Prepared clips need a frame rate above 0, squares of 16 pixels and more, an overlap in 0..1 and room "
                f"of at least 0; found {self}."
            )


def voxceleb() -> PrepareConfig:
    """256 pixels; the head moves freely in a box that stands still."""
    return PrepareConfig(framing="track", size=256)


def hdtf() -> PrepareConfig:
    """The same crop as VoxCeleb's, resized to 512 pixels, with an aligned portrait beside each frame.

    The supplement names crop and size. The aligned frames are the official code's: they are what it inverts.
    """
    return PrepareConfig(framing="track", size=512, smallest=384, aligned=True)


def portrait() -> PrepareConfig:
    """512 pixels, framed as a portrait: for generators, encoders and whoever wants no other framing."""
    return PrepareConfig(framing="portrait", size=512, smallest=384)
