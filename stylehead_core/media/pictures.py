"""Picture files: read as the core wants them, written as people can open them."""

import os
from pathlib import Path

import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from ..errors import MediaError

__all__ = ["read_picture", "write_picture"]


def read_picture(path: str | os.PathLike) -> Tensor:
    """A picture file as (1 3 H W) in [-1, 1], turned the way its camera was held; what is see-through becomes grey.

    Raises:
        MediaError: there is no such file, or it is no picture.
    """
    try:
        with Image.open(path) as file:
            picture = ImageOps.exif_transpose(file)
            if picture.has_transparency_data:
                on_grey = Image.new("RGBA", picture.size, (128, 128, 128, 255))
                picture = Image.alpha_composite(on_grey, picture.convert("RGBA"))
            picture = picture.convert("RGB")
    except FileNotFoundError as error:
        raise MediaError(f"There is no picture {path}.") from error
    except (UnidentifiedImageError, OSError) as error:
        raise MediaError(f"{path} cannot be read as a picture: {error}. PNG, JPEG and WebP can.") from error
    numbers = torch.frombuffer(bytearray(picture.tobytes()), dtype=torch.uint8)
    return numbers.reshape(1, picture.height, picture.width, 3).movedim(-1, 1).float() / 127.5 - 1


def write_picture(path: str | os.PathLike, picture: Tensor) -> None:
    """Write ``picture`` (1 3 H W or 3 H W, in [-1, 1]) in the format that the file's name ends with.

    Raises:
        MediaError: no such format, or the file cannot be written.
    """
    numbers = ((picture.reshape(3, *picture.shape[-2:]).float().clamp(-1, 1) + 1) * 127.5).round().byte()
    image = Image.fromarray(numbers.movedim(0, -1).contiguous().cpu().numpy())
    try:
        image.save(Path(path))
    except (ValueError, OSError) as error:
        raise MediaError(f"{path} cannot be written as a picture: {error}.") from error
