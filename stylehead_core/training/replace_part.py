"""``stylehead replace-part``: put one newly trained network into a model file and leave the rest of it as it is."""

import argparse
from dataclasses import replace
from pathlib import Path

from torch import Tensor

from ..errors import ConfigError, WeightsError
from ..model.files import load_stylehead
from ..model.manifest import find_model, read_manifest, sha256_of
from ..tensor_files import check_state, explains_itself, read_plain, read_tensors, write_tensors
from .embed import write_entry

__all__ = ["add_arguments", "read_part", "replace_part", "run"]

MANIFEST = "manifest.toml"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("part", help="name of the network, such as speech")
    parser.add_argument(
        "source", type=Path, help="where the new one is: model.safetensors of a run, or a file with its tensors alone"
    )
    parser.add_argument("--model", required=True, help="name of an embedded model, or a file: it is written over")
    parser.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="write here, and leave the model's file alone"
    )
    parser.add_argument(
        "--share", type=float, default=1.0, help="of the new network in the mean with the old one, 0 to 1 (default 1)"
    )
    parser.add_argument("--made-by", metavar="TEXT", help="recipe, steps, seed: added to the manifest's entry")
    parser.add_argument("--trained-on", metavar="TEXT", help="data, with their licences: added to the manifest's entry")
    parser.add_argument("--notice", metavar="TEXT", help="whom to name: added to the notice in the file's header")


def run(args: argparse.Namespace) -> None:
    file = find_model(args.model)
    output = args.output or file
    new = read_part(args.source, args.part)
    replace_part(file, args.part, new, output, share=args.share, notice=args.notice or "")
    load_stylehead(output)  # a file that cannot be used is no success
    manifest = output.parent / MANIFEST
    entry = read_manifest(manifest).get(output.stem) if manifest.is_file() else None
    if entry is not None:
        entry = replace(
            entry,
            bytes=output.stat().st_size,
            sha256=sha256_of(output),
            made_by=_append_text(entry.made_by, args.made_by),
            trained_on=_append_text(entry.trained_on, args.trained_on),
        )
        write_entry(manifest, entry)
    print(output)


def read_part(file: Path, part: str) -> dict[str, Tensor]:
    """The tensors of a network by their names within it.

    Args:
        file: a model file, or a safetensors file with these tensors alone, whose names may begin with ``part``.

    Raises:
        WeightsError: the file is damaged, or a model without this network.
    """
    tensors = read_tensors(file, "model")[1] if explains_itself(file) else read_plain(file)
    own = {name.removeprefix(f"{part}."): value for name, value in tensors.items() if name.startswith(f"{part}.")}
    if own or explains_itself(file):
        if not own:
            raise WeightsError(f"The model {file} has no network {part!r}.")
        return own
    return tensors


def replace_part(
    model: Path, part: str, tensors: dict[str, Tensor], output: Path, *, share: float = 1.0, notice: str = ""
) -> None:
    """Write the model file ``model`` with other tensors for one of its networks, in the number formats it has.

    Args:
        part: the network's name in the model.
        tensors: all of the network, by their names within it.
        output: may be ``model`` itself.
        share: of the new numbers in their mean with the old ones. A network that has gone on learning from the old one
            keeps more of what that knew (Wortsman et al. 2022, "Robust fine-tuning of zero-shot models").
        notice: a sentence that the header's notice ends with from now on; one that it has already is not repeated.

    Raises:
        ConfigError: the model has no such network, or the share is not within 0..1.
        WeightsError: the names or shapes are not the network's.
    """
    if not 0 <= share <= 1:
        raise ConfigError(f"The share of the new network goes from 0 to 1; found {share}.")
    about, state = read_tensors(model, "model")
    prefix = f"{part}."
    old = {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}
    if not old:
        parts = sorted({name.partition(".")[0] for name in state})
        raise ConfigError(f"{model} has no network {part!r}. It has {', '.join(parts)}.")
    check_state(
        {name: tuple(value.shape) for name, value in old.items()},
        {name: tuple(value.shape) for name, value in tensors.items()},
        f"The new {part}",
    )
    if share < 1:
        tensors = {name: old[name].float().lerp(value.float(), share) for name, value in tensors.items()}
    state |= {prefix + name: value.to(old[name].dtype) for name, value in tensors.items()}
    if notice and notice not in about.get("notice", ""):
        about["notice"] = _append_text(about.get("notice", ""), notice, " ")
        if isinstance(about.get("config"), dict) and "notice" in about["config"]:
            about["config"]["notice"] = about["notice"]
    about = {name: value for name, value in about.items() if name not in ("kind", "format")}
    write_tensors(output, "model", state, about)


def _append_text(text: str, more: str | None, between: str = "; ") -> str:
    if not more or more in text:
        return text
    return f"{text}{between}{more}" if text else more
