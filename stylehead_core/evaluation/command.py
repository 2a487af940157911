"""``stylehead evaluate``: metrics and a contact sheet of a generated clip, compared with the truth and the portrait."""

import argparse
import json
import sys
from fractions import Fraction
from pathlib import Path

from tqdm import tqdm

from ..media.pictures import read_picture, write_picture
from ..model.files import load_stylehead
from .load_metric_networks import find_metric_files, load_metric_networks
from .measure import measure, sheet
from .reading import read_clip

__all__ = ["HELP", "add_arguments", "run"]

NAMED = ("lpips", "identity", "features", "sync")
HELP = "measure a generated clip: JSON and a contact sheet"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    clip = "a video, a folder of pictures, or one picture"
    parser.add_argument("--generated", required=True, metavar="CLIP", type=Path, help=f"what is measured: {clip}")
    parser.add_argument("--target", metavar="CLIP", type=Path, help="the truth: the same person doing what was asked")
    parser.add_argument("--driving", metavar="CLIP", type=Path, help="whose motion was asked for; default: the target")
    parser.add_argument("--source", metavar="PICTURE", type=Path, help="the portrait that was animated")
    parser.add_argument("--unedited", metavar="CLIP", type=Path, help="the same clip without an edit: edit leakage")
    parser.add_argument("--fps", type=Fraction, help="bring videos to this rate; the rate of folders (default 25)")
    parser.add_argument("--frames", type=int, metavar="N", help="look at the first N frames only")
    parser.add_argument("--landmarker", type=Path, metavar="FILE", help="face landmarker; default: an installed one")
    parser.add_argument("--lpips", type=Path, metavar="FOLDER", help="with alexnet-owt-7be5be79.pth and alex.pth")
    parser.add_argument("--identity", type=Path, metavar="FILE", help="ArcFace, model_ir_se50.pth: for CSIM")
    parser.add_argument("--features", type=Path, metavar="FILE", help="Inception of pytorch-fid: for FID")
    parser.add_argument("--sync", type=Path, metavar="FILE", help="sync network: ours, or lipsync_expert.pth")
    parser.add_argument("--weights", type=Path, metavar="FOLDER", help="where such files lie by their published names")
    parser.add_argument(
        "--model",
        help="that drew the clip: where it measures bfm coefficients, AED and APD are in them as in the paper",
    )
    parser.add_argument("--device", default="cpu", help="where the networks run (default cpu)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the report there instead of printing it")
    parser.add_argument("--sheet", type=Path, default=Path("evaluation.png"), metavar="PNG", help="contact sheet")
    parser.add_argument("--plot", type=Path, metavar="PNG", help="also draw the numbers over time")


def run(args: argparse.Namespace) -> int:
    files = {} if args.weights is None else find_metric_files(args.weights)
    files |= {name: path for name in NAMED if (path := getattr(args, name)) is not None}
    model = None if args.model is None else load_stylehead(args.model, args.device)
    metric_networks = load_metric_networks(landmarker=args.landmarker, model=model, device=args.device, **files)
    read = lambda path: None if path is None else read_clip(path, fps=args.fps, frames=args.frames)
    generated, target = read_clip(args.generated, fps=args.fps, frames=args.frames), read(args.target)
    source = None if args.source is None else read_picture(args.source)
    with tqdm(unit="metric", file=sys.stderr, disable=None) as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        report = measure(
            generated,
            target=target,
            driving=read(args.driving),
            source=source,
            unedited=read(args.unedited),
            metric_networks=metric_networks,
            progress=show,
        )
    text = json.dumps(report.json(), indent=2, ensure_ascii=False)
    if args.json is None:
        print(text)
    else:
        args.json.parent.mkdir(parents=True, exist_ok=True)
        args.json.write_text(text + "\n", encoding="utf-8")
    print(report.table(), file=sys.stderr)
    write_picture(args.sheet, sheet(generated, target=target, source=source))
    if args.plot is not None:
        write_picture(args.plot, report.plot())
    return 0
