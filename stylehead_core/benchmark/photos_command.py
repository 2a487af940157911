"""``stylehead benchmark photos``: JSON lines, medians and contact sheets of animated photo-like portraits."""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..commands.arguments import add_model_argument, add_network_arguments
from ..commands.options import add_rehearsal_argument

__all__ = ["add_arguments", "run"]

DIGITS = 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("portraits", type=Path, nargs="+", help="folder of pictures, or pictures")
    parser.add_argument(
        "--clips",
        nargs="+",
        required=True,
        metavar="CLIP[:START:LENGTH]",
        help="videos that drive, with the first frame and the number of frames (default 0:60)",
    )
    add_model_argument(parser)
    parser.add_argument("--out", type=Path, default=Path("runs/photos"), help="folder for sheets and photos.jsonl")
    parser.add_argument(
        "--dlib",
        type=Path,
        metavar="FOLDER",
        help="dlib's networks, for the identity; default: those of the package face_recognition_models, if installed",
    )
    parser.add_argument(
        "--matte", type=Path, metavar="FILE", help="matte network (selfie_segmentation.tflite), for the wall"
    )
    add_rehearsal_argument(parser)
    add_network_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Print a JSON line for each portrait, then the medians; 1 where not one could be measured."""
    from ..errors import FaceNotFound, MediaError
    from ..evaluation.load_identity_network import load_features
    from ..landmarker.files import load_landmarker
    from ..media.pictures import write_picture
    from ..model.files import load_stylehead
    from .photo_measures import DlibIdentity, MatteNetwork, find_dlib_models
    from .photos import (
        Clip,
        Observers,
        find_portraits,
        measure_photo,
        medians,
        probe,
        sheet_of_photo,
        sheet_of_photos,
        sheet_of_turns,
    )

    model, landmarker = load_stylehead(args.model, args.device), load_landmarker(args.landmarker, args.device)
    folder = args.dlib or find_dlib_models()
    observers = Observers(
        landmarker=landmarker,
        features=load_features(),
        dlib=None if folder is None else DlibIdentity(folder),
        matte=None if args.matte is None else MatteNetwork(args.matte),
    )
    portraits = find_portraits(args.portraits)
    asked = probe(model, landmarker, [Clip.parse(clip) for clip in args.clips])
    args.out.mkdir(parents=True, exist_ok=True)
    results = []
    with (args.out / "photos.jsonl").open("w", encoding="utf-8") as file:

        def tell(numbers: dict[str, Any]) -> None:
            line = json.dumps({k: round(v, DIGITS) if isinstance(v, float) else v for k, v in numbers.items()})
            print(line, flush=True)
            file.write(line + "\n")

        for path in portraits:
            try:
                result = measure_photo(model, path, asked, observers, args.rehearse)
            except (FaceNotFound, MediaError) as error:
                print(f"{path.name}: {error}", file=sys.stderr)
                continue
            results.append(result)
            tell(asdict(result.row))
            write_picture(args.out / f"{path.stem}.png", sheet_of_photo(result))
        tell(medians([result.row for result in results], failed=len(portraits) - len(results)))
    if results:
        write_picture(args.out / "sheet.png", sheet_of_photos(results))
        write_picture(args.out / "turns.png", sheet_of_turns(results))
    return 0 if results else 1
