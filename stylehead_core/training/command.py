"""``stylehead train``: learn the networks from rendered heads, or from prepared clips."""

import argparse
import os
from dataclasses import replace
from pathlib import Path

import torch
import torch.distributed as dist
from tqdm import tqdm

from ..convert.official import VGG
from ..errors import ConfigError
from ..model.files import load_stylehead, save_stylehead
from ..model.stylehead import StyleHead, build
from ..ops.layout import use_channels_last
from . import loop
from .loop import Limits
from .recipe import MODEL, Recipe
from .recipes.registry import CHAINS, RECIPES, chain, recipe_named

__all__ = ["HELP", "add_arguments", "run", "train"]

HELP = "train the networks on rendered heads"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "recipe",
        help=f"one of {', '.join([*CHAINS, *RECIPES])}",
    )
    parser.add_argument(
        "--data",
        type=Path,
        default=Path("data"),
        help="rendered heads; of paper recipes and sync_expert prepared clips",
    )
    for stage, style, size in ((1, "voxceleb", 256), (2, "hdtf", 512)):
        parser.add_argument(
            f"--data-stage{stage}",
            type=Path,
            metavar="FOLDER",
            help=f"paper: clips of its stages {stage}, prepared with --style {style} ({size} pixels); default: --data",
        )
    parser.add_argument("--out", type=Path, default=Path("runs"), help="each recipe gets a folder in it")
    parser.add_argument("--start", type=Path, help="model file: its parts are taken where no run here has made them")
    parser.add_argument(
        "--lpips",
        type=Path,
        metavar="FOLDER",
        help="paper_inversion: LPIPS as published, alexnet-owt-7be5be79.pth and alex.pth",
    )
    parser.add_argument("--identity", type=Path, metavar="FILE", help="paper_inversion: ArcFace, model_ir_se50.pth")
    parser.add_argument(
        "--expert",
        type=Path,
        metavar="FILE",
        help="paper_sound, paper_joint_sound: what the sync loss hears by, made by `stylehead train sync_expert`, or "
        "Wav2Lip's lipsync_expert.pth",
    )
    parser.add_argument(
        "--discriminator",
        type=Path,
        metavar="FILE",
        help="paper_joint, paper_joint_sound: StyleGAN2's for faces of 256 pixels to begin with, stylegan2_d_256.pth",
    )
    parser.add_argument(
        "--real",
        type=Path,
        metavar="FOLDER",
        help="mini_real_speech, 512_expression: real speech with tracked faces, NAME.flac beside NAME.npz; the last "
        "fifth is kept out",
    )
    parser.add_argument("--minutes", type=float, help="wall time for all recipes together, instead of their steps")
    parser.add_argument("--tensorboard", action="store_true", help="the log and the sheets also for TensorBoard")
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoints that are there")
    parser.add_argument(
        "--device", default="cpu", help="cpu, or cuda: under torchrun each process takes a GPU of its own"
    )


def run(args: argparse.Namespace) -> int:
    if args.device == "cpu":
        return _run(args)
    with torch.device(_own(args.device)):  # what training makes is made there
        return _run(args)


def _own(device: str) -> torch.device:
    """The device of this process: of several GPUs the one of its own number."""
    if device == "cuda" and dist.is_torchelastic_launched():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
        return torch.device("cuda", torch.cuda.current_device())
    return torch.device(device)


def _run(args: argparse.Namespace) -> int:
    limits = Limits(minutes=args.minutes, tensorboard=args.tensorboard)
    if args.recipe == "debug" and not any(args.data.glob("*.measured.safetensors")):
        args.data = draw_heads(args.out / "debug_data")
    recipes = tuple(_with_files(recipe, args) for recipe in chain(args.recipe))
    total = sum(recipe.time_share for recipe in recipes if recipe.steps)
    with _processes():
        for recipe in recipes:
            minutes = args.minutes * recipe.time_share / total if args.minutes and total else None
            own = replace(limits, minutes=minutes)
            print(train(recipe, _data_of(recipe, args), args.out, own, resume=args.resume, start=args.start))
    return 0


def draw_heads(folder: Path) -> Path:
    """Write a few random heads into ``folder``, for whoever tries the ``debug`` chain without data."""
    from ..datasets.heads import save_heads
    from ..datasets.random_heads import random_heads
    from ..landmarker.files import load_landmarker

    folder.mkdir(parents=True, exist_ok=True)
    save_heads(random_heads(load_landmarker().canonical), folder / "random.measured.safetensors")
    tqdm.write(f"There are no measured heads to learn from: random ones were written into {folder}.")
    return folder


def _data_of(recipe: Recipe, args: argparse.Namespace) -> Path:
    """The folder that a recipe learns from: the paper's stages 1 and 2 have different data sets."""
    folders = {1: args.data_stage1, 2: args.data_stage2}
    return folders.get(getattr(recipe.task, "data_stage", 0)) or args.data


def _with_files(recipe: Recipe, args: argparse.Namespace) -> Recipe:
    """The recipe with the files of the networks by which its pictures are compared, where it has a place for them."""
    task = recipe.task
    if hasattr(task, "likeness"):
        lpips, arcface = args.lpips or task.likeness.lpips, args.identity or task.likeness.arcface
        task = replace(task, likeness=replace(task.likeness, lpips=lpips, arcface=arcface))
    if hasattr(task, "real"):
        task = replace(task, real=args.real or task.real)
    if hasattr(task, "expert"):
        task = replace(task, expert=args.expert or task.expert)
    if hasattr(task, "sound"):
        task = replace(task, sound=replace(task.sound, expert=args.expert or task.sound.expert))
    if hasattr(task, "adversary"):
        weights = args.discriminator or task.adversary.weights
        task = replace(task, adversary=replace(task.adversary, weights=weights))
    return replace(recipe, task=task)


def train(
    recipe: Recipe,
    data: Path,
    out: Path,
    limits: Limits = Limits(),
    *,
    resume: bool = False,
    start: Path | None = None,
) -> Path:
    """Run one recipe in a folder of its own below ``out``, and return the file that it has written.

    With ``resume`` a finished run is not run again.
    """
    folder, task = out / recipe.name, recipe.task
    output = folder / (MODEL if task is None else task.output)
    if resume and output.is_file():
        return output
    model, state = assemble(recipe, out, start).to(torch.get_default_device()), None
    if task is not None:
        for part in model.children():
            use_channels_last(part)
        state = loop.run(recipe, model, task.load(data), folder, limits, resume)
    model.eval().requires_grad_(False)
    if not dist.is_initialized() or dist.get_rank() == 0:
        if task is None:
            save_stylehead(model, output, recipe=recipe.name)
        else:
            task.save(state, model, folder, recipe.name)
    return output


def assemble(recipe: Recipe, out: Path, start: Path | None = None) -> StyleHead:
    """A new model with the parts that the recipes before this one have made.

    ``start`` is the file of a model, such as the official one, that gives the other parts: those it has in the same
    shape. Where it has learnt what a recipe makes, that need not be run.

    Raises:
        ConfigError: one of them has not been run.
    """
    from .canonical_face import install_canonical  # only a new model needs the landmarker's bundle

    model = build(recipe.model, recipe.seed)
    if model.prior is not None:
        install_canonical(model.prior)
    given = () if start is None else _take_what_fits(model, load_stylehead(start))
    for need in _in_order(recipe):
        file, parts = out / need.name / MODEL, () if need.task is None else need.task.parts
        if file.is_file():
            made = load_stylehead(file)
            for part in parts:
                getattr(model, part).load_state_dict(getattr(made, part).state_dict())
        elif not parts or not set(parts) <= set(given):
            raise ConfigError(
                f"{recipe.name} starts from what {need.name} has made. Run that first: {file} is missing. Or give a "
                f"model that has learnt it, in the same shape, with --start: {', '.join(parts) or 'the whole'}."
            )
    if model.perceptual is not None and "perceptual" not in given:  # random weights perceive nothing
        model.perceptual, model.config = None, replace(model.config, perceptual=None)
        tqdm.write(
            f"{recipe.name}: nothing gives VGG19's weights, so that losses by it are left out. A model converted with "
            f"{VGG} beside the other files has them: give it with --start."
        )
    return model


def _take_what_fits(model: StyleHead, start: StyleHead) -> tuple[str, ...]:
    """Put the parts of ``start`` into ``model`` where they fit, and name those that are not as this seed made them."""
    learnt = []
    for name, part in model.named_children():
        other = getattr(start, name, None)
        if other is None or not any(True for _ in part.state_dict()):
            continue
        own, given = part.state_dict(), other.state_dict()
        if all(key in own and own[key].shape == value.shape for key, value in given.items()):
            if not all(torch.equal(own[key], value.to(own[key])) for key, value in given.items()):
                learnt.append(name)
            part.load_state_dict({**own, **given})  # what is new in it stays as the seed made it
    return tuple(learnt)


def _in_order(recipe: Recipe) -> list[Recipe]:
    """The recipes that this one builds on, each after those that it builds on itself."""
    found: list[Recipe] = []
    for need in map(recipe_named, recipe.needs):
        found += [other for other in [*_in_order(need), need] if other not in found]
    return found


class _processes:
    """The group of processes, where ``torchrun`` has started several."""

    def __enter__(self) -> None:
        self.started = dist.is_torchelastic_launched() and not dist.is_initialized()
        if self.started:
            dist.init_process_group("nccl" if torch.get_default_device().type == "cuda" else "gloo")

    def __exit__(self, *_: object) -> None:
        if self.started:
            dist.destroy_process_group()
