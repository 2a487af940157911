"""Files of rendered clips: one safetensors file per person, and a manifest with the settings.

``clip-0000042.safetensors`` is written atomically, so that interrupted runs can be continued.
"""

import json
import os
from dataclasses import asdict, fields
from pathlib import Path

import numpy as np
import torch

from ...errors import InputError
from ...tensor_files import read_tensors, write_tensors
from .appearance import EDITS, HELD_OUT
from .clips import ATTRIBUTES, Clip, ClipConfig

__all__ = ["KIND", "check_manifest", "clip_path", "find_clips", "read_clip", "training_clips", "write_clip"]

KIND = "heads clip"
MANIFEST = "heads.json"
APPEARANCE_VERSION = 4  # increased when the same seed gives other pixels
CHANNELS_FIRST = {"pictures": 3, "edited": 4}  # tensors with the channels last in memory, and before the rows on disk


def clip_path(folder: Path, seed: int) -> Path:
    return folder / f"clip-{seed:07d}.safetensors"


def write_clip(clip: Clip, folder: Path) -> Path:
    """Write a clip into ``folder``; returns the path of its file."""
    tensors = {}
    for field in fields(Clip):
        value = getattr(clip, field.name)
        if isinstance(value, np.ndarray):
            tensors[field.name] = torch.from_numpy(np.ascontiguousarray(value))
    for name in CHANNELS_FIRST:
        tensors[name] = tensors[name].movedim(-1, -3).contiguous()
    about = {**clip.about, "seed": clip.seed, "attributes": list(ATTRIBUTES), "edits": list(EDITS)}
    path = clip_path(folder, clip.seed)
    write_tensors(path, KIND, tensors, about)
    return path


def read_clip(path: str | os.PathLike) -> Clip:
    """Read a clip."""
    about, tensors = read_tensors(path, KIND)
    for name in CHANNELS_FIRST:
        tensors[name] = tensors[name].movedim(-3, -1)
    words = {name: about[name] for name in ("hair_style", "hair_color", "glasses")}
    return Clip(seed=about["seed"], about=words, **{name: tensor.numpy() for name, tensor in tensors.items()})


def find_clips(folder: str | os.PathLike) -> list[Path]:
    """Paths of all clips in a folder, by seed.

    Raises:
        InputError: there are none.
    """
    found = sorted(path for path in Path(folder).glob("clip-*.safetensors") if path.stem[len("clip-") :].isdigit())
    if not found:
        raise InputError(f"There are no rendered heads in {folder}. Make some: `stylehead heads --out {folder}`.")
    return found


def training_clips(folder: str | os.PathLike) -> list[Path]:
    """Paths of all clips in a folder of training data.

    Raises:
        InputError: there are no clips, or one belongs to the test set (seeds from HELD_OUT on).
    """
    found = find_clips(folder)
    for path in found:
        seed = int(path.stem.removeprefix("clip-"))
        if seed >= HELD_OUT:
            raise InputError(
                f"{path} is of a person (seed {seed}) who is held out for measuring: seeds from {HELD_OUT} on are "
                "never trained on. Train with another folder."
            )
    return found


def check_manifest(folder: Path, config: ClipConfig, facekit: str, renderer: str) -> None:
    """Write the folder's manifest, or check that it has the same settings.

    Raises:
        InputError: the folder has clips with other settings.
    """
    wanted = {"look": APPEARANCE_VERSION, "facekit": facekit, "config": asdict(config)}
    wanted = json.loads(json.dumps(wanted))  # as it is found there
    path = folder / MANIFEST
    if path.exists():
        found = json.loads(path.read_text(encoding="utf-8"))
        different = [name for name in wanted if found.get(name) != wanted[name]]
        if different:
            raise InputError(
                f"{folder} holds clips that were made otherwise: {', '.join(different)} differ.\n"
                + "".join(f"  {name}: found {found.get(name)}, wanted {wanted[name]}\n" for name in different)
                + "Take an empty folder, or the settings that it was begun with."
            )
        return
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps({**wanted, "renderer": renderer}, indent=2)
    path.write_text(text + "\n", encoding="utf-8")
