"""``stylehead layer-study``: which feature map of a model to warp, as a table and a figure."""

import argparse
import json
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor

from ..commands.arguments import add_model_argument
from ..errors import ConfigError
from ..landmarker.files import load_landmarker
from ..media.pictures import read_picture, write_picture
from ..model.files import load_stylehead
from ..model.stylehead import StyleHead
from ..stages.inversion import invert
from ..stages.portrait import PortraitConfig, take_portrait
from .known_flows import KNOWN_FLOWS
from .layer_study import LayerStudy, study_layers
from .sheets import contact_sheet

__all__ = ["HELP", "add_arguments", "run"]

HELP = "warp each feature map of a model in turn: which one follows a flow, which one leaves a ghost"
MEAN_SAMPLES = 1000  # styles of the mapping network whose mean is the mean face
MAX_ERROR = 0.4  # the embedded model: 0.12 of portraits that it redraws, 0.6 to 0.74 of what untrained layers make


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_model_argument(parser)
    parser.add_argument("--portrait", nargs="*", type=Path, default=[], help="pictures of faces to study on")
    parser.add_argument("--samples", type=int, default=4, metavar="N", help="without portraits: N random faces")
    parser.add_argument("--seed", type=int, default=0, help="of the samples")
    parser.add_argument("--truncation", type=float, default=0.7, help="1 any sample, 0 the mean face (default 0.7)")
    parser.add_argument("--flow", choices=(*KNOWN_FLOWS, "all"), default="all", help="how the map is moved")
    parser.add_argument(
        "--rgb",
        choices=("still", "warped"),
        default="still",
        help="whether the RGB sum below the moved map moves along; still is the paper's procedure",
    )
    parser.add_argument("--figure", type=Path, default=Path("layer-study.png"), metavar="PNG")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the numbers there")


def run(args: argparse.Namespace) -> int:
    model = load_stylehead(args.model)
    generator = model.generator
    if args.portrait:
        styles = _styles_of(model, args.portrait)
    else:
        styles = sample_styles(model, args.samples, args.seed, args.truncation)
    names = list(KNOWN_FLOWS) if args.flow == "all" else [args.flow]
    flows = {name: KNOWN_FLOWS[name](generator.config.size) for name in names}
    studies = {name: study_layers(generator, styles, flow, rgb=args.rgb) for name, flow in flows.items()}
    for name, study in studies.items():
        print(f"{name}\n{study.table()}\n")
    write_picture(args.figure, figure(studies))
    if args.json is not None:
        numbers = {name: {r: asdict(f) for r, f in study.followed.items()} for name, study in studies.items()}
        args.json.write_text(json.dumps(numbers, indent=2) + "\n", encoding="utf-8")
    return 0


@torch.no_grad()
def sample_styles(model: StyleHead, count: int, seed: int, spread: float) -> Tensor:
    """Random styles (B R D) in W+, every row by itself, as the supplement's study takes them.

    They are sampled from the statistics of encoded portraits that the model's file holds, or made by a trained mapping
    network.

    Args:
        spread: 1 any sample, 0 the mean face.

    Raises:
        ConfigError: the file holds no statistics, and what the mapping network makes is no picture that the model
            knows: it was never trained.
    """
    rng = torch.Generator().manual_seed(seed)
    if model.style_statistics is not None:
        return model.style_statistics.sample(count, rng, spread=spread)
    generator = model.generator
    draw = lambda n: generator.map(torch.randn(n, generator.config.style_dim, generator=rng))
    mean = draw(MEAN_SAMPLES).mean(dim=0)
    rows = draw(count * generator.rows).unflatten(0, (count, generator.rows))
    styles = mean + spread * (rows - mean)
    missed = _reconstruction_error(model, styles)
    if missed > MAX_ERROR:
        raise ConfigError(
            f"The model {model.config.name!r} cannot be sampled: its file holds no statistics of styles, and its "
            f"mapping network was not trained: the encoder misses {missed:.0%} of what tells its pictures apart (at "
            f"most {MAX_ERROR:.0%} in a model that was). Give pictures of faces with --portrait."
        )
    return styles


def _reconstruction_error(model: StyleHead, styles: Tensor) -> float:
    """The part of what tells the pictures of ``styles`` (B R D) apart that the encoder's styles do not draw."""
    drawn = model.generator(styles).clamp(-1, 1)
    found = model.encoder(model.resize(drawn, model.config.encoder.size))
    error = (model.generator(found).clamp(-1, 1) - drawn).square().mean()
    return float(error / (drawn - drawn.mean(0, keepdim=True)).square().mean())


def figure(studies: dict[str, LayerStudy]) -> Tensor:
    """Figure (3 H W) of the first picture: one row a flow, with the unmoved picture, the goal, then each layer."""
    rows = {
        name: [study.picture[0], study.warped[0], *(drawn[0] for drawn in study.drawn.values())]
        for name, study in studies.items()
    }
    layers = next(iter(studies.values())).drawn
    return contact_sheet(rows, ["unmoved", "as it should be", *(f"{r} x {r} moved" for r in layers)])


def _styles_of(model: StyleHead, paths: list[Path]) -> Tensor:
    landmarker = load_landmarker()
    config = PortraitConfig(size=model.config.size)
    portraits = [take_portrait(read_picture(path), landmarker, config) for path in paths]
    return torch.stack([invert(model, portrait).styles for portrait in portraits])
