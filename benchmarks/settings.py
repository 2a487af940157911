"""Measures the settings that need no training on rendered heads with known answers: one JSON line each.

    python benchmarks/settings.py MODEL --data FOLDER --steps 100 --heads 8

Notes 0003, 0004 and 0005 quote these lines.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from stylehead_core.ops.pixels import from_uint8

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from stylehead_core import Inversion, edit_style, invert, load_stylehead, render
from stylehead_core.datasets.heads import Heads, load_heads
from stylehead_core.evaluation.metrics.psnr import psnr
from stylehead_core.evaluation.metrics.ssim import ssim
from stylehead_core.model.stylehead import StyleHead
from stylehead_core.ops.colour import to_lab
from stylehead_core.stages.inversion import OptimiseConfig
from stylehead_core.stages.rendering import RenderConfig

ROWS = ("fixed", "upper")
WAYS = ("moved", "consulted")


def inversions(model: StyleHead, pictures: Tensor, steps: int) -> Iterator[dict[str, Any]]:
    """The encoder alone, then optimised with the styles fixed and with the upper rows free."""
    yield quality("encode", pictures, [invert(model, picture[None]).redrawn for picture in pictures])
    for styles in ROWS:
        config = OptimiseConfig(styles=styles)
        redrawn = [invert(model, picture[None], "optimise", steps=steps, config=config).redrawn for picture in pictures]
        yield quality(f"optimise, {steps} steps, styles {styles}", pictures, redrawn)


def edits(model: StyleHead, heads: Heads, each: int) -> Iterator[dict[str, Any]]:
    """An edited face against the render of the same head with the attribute, for both settings of ``edited``."""
    for number, name in enumerate(heads.attributes):
        if name not in model.attributes:
            continue
        before, after = from_uint8(heads.edited[heads.attribute == number][:each]).unbind(1)
        inverted = [invert(model, picture[None]) for picture in before]
        yield quality(f"edit {name}, not edited", after, [inversion.redrawn for inversion in inverted])
        for way in WAYS:
            drawn = [draw_edited(model, inversion, name, way) for inversion in inverted]
            yield quality(f"edit {name}, {way}", after, drawn)


def refined_edits(model: StyleHead, heads: Heads, each: int, steps: int) -> Iterator[dict[str, Any]]:
    """The same after optimisation, where only ``moved`` is possible."""
    for number, name in enumerate(heads.attributes):
        if name in model.attributes:
            before, after = from_uint8(heads.edited[heads.attribute == number][:each]).unbind(1)
            refined = [invert(model, picture[None], "optimise", steps=steps) for picture in before]
            drawn = [draw_edited(model, inversion, name, "moved") for inversion in refined]
            yield quality(f"edit {name}, refined, moved", after, drawn)


def colours(model: StyleHead, pictures: Tensor) -> Iterator[dict[str, Any]]:
    """Frames as drawn, and with colours matched to the portrait."""
    for colour in ("as drawn", "matched"):
        config = RenderConfig(colour=colour)
        drawn = [next(render(model, invert(model, picture[None]), config=config)) for picture in pictures]
        apart = to_lab(torch.cat(drawn)).mean((2, 3)) - to_lab(pictures).mean((2, 3))
        yield {
            **quality(f"colours {colour}", pictures, drawn),
            "lab_distance": round(float(apart.norm(dim=1).mean()), 3),
        }


def draw_edited(model: StyleHead, inversion: Inversion, name: str, way: Any) -> Tensor:
    return next(render(model, edit_style(model, inversion, name), config=RenderConfig(edited=way)))


def quality(what: str, expected: Tensor, drawn: list[Tensor]) -> dict[str, Any]:
    found = torch.cat(drawn)
    return {
        "what": what,
        "pictures": len(found),
        "psnr": round(float(psnr(found, expected).mean()), 3),
        "ssim": round(float(ssim(found, expected).mean()), 4),
    }


def first_pictures(heads: Heads, count: int) -> Tensor:
    """The first picture of ``count`` heads."""
    first = {int(person): row for row, person in reversed(list(enumerate(heads.person)))}
    return heads.frames(torch.tensor(sorted(first.values())[:count]))


def tint(pictures: Tensor) -> Tensor:
    """The same picture in warm light, which the renderer does not have."""
    return (pictures + pictures.new_tensor((0.15, 0.0, -0.2))[:, None, None]).clamp(-1, 1)


def main() -> None:
    parser = argparse.ArgumentParser(description="What the settings that need no training bring.")
    parser.add_argument("model", help="name of an embedded model, or a file")
    parser.add_argument("--data", type=Path, required=True, help="folder of measured heads")
    parser.add_argument("--heads", type=int, default=8, help="how many, at most")
    parser.add_argument("--steps", type=int, default=100, help="of the optimisation")
    parser.add_argument("--threads", type=int)
    args = parser.parse_args()
    if args.threads:
        torch.set_num_threads(args.threads)
    model, heads = load_stylehead(args.model), load_heads(args.data)
    pictures = first_pictures(heads, args.heads)
    for lines in (
        inversions(model, pictures, args.steps),
        colours(model, pictures),
        colours(model, tint(pictures)),
        edits(model, heads, args.heads),
        refined_edits(model, heads, max(2, args.heads // 4), args.steps),
    ):
        for line in lines:
            print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
