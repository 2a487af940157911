"""``stylehead embed``: make a trained model, or identity network, part of the pack."""

import argparse
import shutil
from pathlib import Path

from ..networks.feature_network import FEATURES_KIND

__all__ = ["add_arguments", "run"]

KINDS = ("model", FEATURES_KIND)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, help="model.safetensors of a run, or the file of an identity network")
    parser.add_argument("--kind", choices=KINDS, default=KINDS[0], help="what the file is (default model)")
    parser.add_argument("--made-by", required=True, metavar="TEXT", help="recipe, commit, steps, seed")
    parser.add_argument("--trained-on", required=True, metavar="TEXT", help="data, with their licences")
    parser.add_argument("--note", required=True, metavar="FILE", help="document that tells how well it does")
    parser.add_argument("--name", help="of an identity network's entry (default: the file's); a model has its own")
    parser.add_argument(
        "--heads",
        type=Path,
        metavar="FOLDER",
        help="measured heads: the styles that the encoder finds in them go "
        "into the file as statistics, from which faces are sampled (layer-study)",
    )
    parser.add_argument("--folder", type=Path, help="with manifest.toml (default: the pack's weights)")


def run(args: argparse.Namespace) -> int:
    """Write the file in float16 with its entry in the manifest; print the entry."""
    from ..datasets.heads import load_heads
    from ..model.files import load_stylehead
    from ..model.manifest import FOLDER
    from ..tensor_files import read_about
    from .embed import embed, enter, measure_styles

    folder = args.folder or FOLDER
    words = {"made_by": args.made_by, "trained_on": args.trained_on, "note": args.note}
    if args.kind == "model":
        model = load_stylehead(args.file)
        if args.heads is not None:
            measure_styles(model, load_heads(args.heads).pictures)
        entry = embed(model, folder=folder, **words)
    else:
        read_about(args.file, args.kind)  # refuses a file of another kind
        target = folder / f"{args.name or args.file.stem}.safetensors"
        shutil.copyfile(args.file, target)  # its recipe has written it in float16
        entry = enter(target, kind=args.kind, **words)
    print(f"{entry.name}: {entry.file}, {entry.bytes:,} bytes, sha256 {entry.sha256}")
    return 0
