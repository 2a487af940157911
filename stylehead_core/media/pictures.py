"""Picture files: read as the core wants them, written as people can open them."""

import logging
import math
import os
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import torch
from einops import rearrange
from PIL import Image, ImageOps
from torch import Tensor

from ..errors import MediaError
from ..ops.pixels import from_uint8, to_uint8

__all__ = ["MOST_PIXELS", "read_picture", "write_picture"]

MOST_PIXELS = 50_000_000  # of a picture; a larger one is reduced, since it would take gigabytes in floating numbers
DAMAGED = (OSError, ValueError, SyntaxError, IndexError, struct.error, zlib.error, Image.DecompressionBombError)
"""What Pillow raises for a file that it cannot read; an unidentified one is an ``OSError``."""

log = logging.getLogger(__name__)


def read_picture(path: str | os.PathLike) -> Tensor:
    """A picture file as (1 3 H W) in [-1, 1], turned the way its camera was held; what is see-through becomes grey.

    Raises:
        MediaError: there is no such file, or it is no picture.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # it is reduced, and said so
            opened = Image.open(path)
        with opened as file:
            _reduce(file, path)
            picture = ImageOps.exif_transpose(file)
            if picture.mode == "I" or picture.mode.startswith("I;16"):
                picture = _in_eight_bits(picture)
            if picture.has_transparency_data:
                on_grey = Image.new("RGBA", picture.size, (128, 128, 128, 255))
                picture = Image.alpha_composite(on_grey, picture.convert("RGBA"))
            picture = picture.convert("RGB")
    except Image.DecompressionBombError as error:
        raise MediaError(
            f"{path} has more pixels than can be read safely, {2 * (Image.MAX_IMAGE_PIXELS or 0) / 1e6:.0f} million. "
            "Make it smaller first."
        ) from error
    except FileNotFoundError as error:
        raise MediaError(f"There is no picture {path}.") from error
    except DAMAGED as error:
        raise MediaError(f"{path} cannot be read as a picture: {error}. PNG, JPEG and WebP can.") from error
    numbers = torch.frombuffer(bytearray(picture.tobytes()), dtype=torch.uint8)
    return from_uint8(rearrange(numbers, "(h w c) -> 1 c h w", h=picture.height, w=picture.width))


def _reduce(file: Image.Image, path: str | os.PathLike) -> None:
    """Make a picture of more than MOST_PIXELS smaller, while it is decoded where its format can (JPEG)."""
    width, height = file.size
    if width * height <= MOST_PIXELS:
        return
    share = math.sqrt(MOST_PIXELS / (width * height))
    size = max(1, round(width * share)), max(1, round(height * share))
    log.warning("%s: %d x %d pixels are reduced to %d x %d.", path, width, height, *size)
    file.thumbnail(size, Image.Resampling.BICUBIC)


def _in_eight_bits(picture: Image.Image) -> Image.Image:
    """Grey of 16 bits as grey of 8: a plain conversion would cut all but the darkest 256 levels off."""
    levels = np.asarray(picture)
    if picture.mode == "I" and levels.max() < 256:  # 32 bits for what has 8
        return picture
    return Image.fromarray((levels / 257).round().clip(0, 255).astype(np.uint8))


def write_picture(path: str | os.PathLike, picture: Tensor) -> None:
    """Write ``picture`` (1 3 H W or 3 H W, in [-1, 1]) in the format that the file's name ends with.

    Raises:
        MediaError: no such format, or the file cannot be written.
    """
    numbers = to_uint8(picture.reshape(3, *picture.shape[-2:]))
    image = Image.fromarray(numbers.movedim(0, -1).contiguous().cpu().numpy())
    try:
        image.save(Path(path))
    except (ValueError, OSError) as error:
        raise MediaError(f"{path} cannot be written as a picture: {error}.") from error
