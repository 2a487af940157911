"""Makes the film of scripts/demo.py; runs inside the environment of the demo."""

import argparse
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import av
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from stylehead_core.cli import main as stylehead
from stylehead_core.media.pictures import read_picture, write_picture
from stylehead_core.media.video import read_frames
from stylehead_core.ops.pixels import from_uint8

SAMPLES = Path(__file__).resolve().parents[1] / "example_workflows" / "inputs"
MOMENTS, SIDE = 8, 192  # pictures in a row of the contact sheet, pixels
SHOWN, LARGE = 100, 240  # frames of the moving picture at most, pixels of a side


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--portrait", type=Path, default=SAMPLES / "portrait.jpg")
    parser.add_argument("--video", type=Path, default=SAMPLES / "clip.mp4")
    parser.add_argument("--audio", type=Path, default=SAMPLES / "speech.wav")
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()
    driven = ["--video", str(options.video), "--audio", str(options.audio)]
    driven += ["--longer", "there-and-back"]  # the sentence is longer than the clip
    status = stylehead(["animate", str(options.portrait), *driven, "--output", str(options.output)])
    if status:
        return status
    sheet = options.output.with_suffix(".png")
    write_picture(sheet, contact_sheet(options.portrait, options.video, options.output))
    moving = options.output.with_suffix(".webp")
    write_moving(moving, options.video, options.output)
    print(f"film            {options.output}\nmoving picture  {moving}\ncontact sheet   {sheet}")
    return 0


def write_moving(path: Path, driver: Path, film: Path) -> None:
    """Write driver and result side by side as an animated WebP, for pages that cannot show films."""
    pairs = zip(squares(driver), squares(film), strict=False)
    frames = [both(*pair) for pair in islice(pairs, SHOWN)]
    with av.open(str(film)) as opened:
        rate = opened.streams.video[0].average_rate
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=round(1000 / rate), quality=70, method=6)


def squares(film: Path) -> Iterator[Tensor]:
    """Yield the centre square of each frame (1 3 S S)."""
    for part in read_frames(film):
        for picture in part.pictures:
            yield small(from_uint8(picture[None]), LARGE)


def both(left: Tensor, right: Tensor) -> Image.Image:
    pair = torch.cat((left, right), dim=3)[0].clamp(-1, 1)
    return Image.fromarray(((pair + 1) * 127.5).byte().movedim(0, -1).numpy())


def contact_sheet(portrait: Path, driver: Path, film: Path) -> Tensor:
    """Contact sheet: the driver above, the result below at the same moments, the portrait at the left."""
    blank = torch.ones(1, 3, SIDE, SIDE)
    rows = [
        torch.cat((small(read_picture(portrait)), *moments(driver)), dim=3),
        torch.cat((blank, *moments(film)), dim=3),
    ]
    return torch.cat(rows, dim=2)


def moments(film: Path) -> list[Tensor]:
    """Pick a few evenly spread frames of ``film``; only these are kept while it is read."""
    count = sum(len(part) for part in read_frames(film))
    wanted, kept, seen = {i * (count - 1) // (MOMENTS - 1) for i in range(MOMENTS)}, {}, 0
    for part in read_frames(film):
        for number in wanted & set(range(seen, seen + len(part))):
            kept[number] = small(from_uint8(part.pictures[number - seen : number - seen + 1]))
        seen += len(part)
    return [kept[i * (count - 1) // (MOMENTS - 1)] for i in range(MOMENTS)]


def small(picture: Tensor, size: int = SIDE) -> Tensor:
    """Resize the centre square of a picture (1 3 H W) to ``size`` pixels."""
    side = min(picture.shape[-2:])
    top, left = ((length - side) // 2 for length in picture.shape[-2:])
    square = picture[..., top : top + side, left : left + side]
    return F.interpolate(square, (size, size), mode="bicubic", antialias=True)


if __name__ == "__main__":
    sys.exit(main())
