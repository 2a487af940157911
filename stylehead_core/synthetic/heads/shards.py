"""Clips on disk: one safetensors file for each person, and a manifest that says how they were made.

``clip-0000042.safetensors`` is complete or not there, so a run that was stopped goes on where it was.
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
APPEARANCE_VERSION = 3  # goes up when the same seed gives other pixels
CHANNELS_FIRST = {"pictures": 3, "edited": 4}  # their last axis is the colour, on disk it stands before the rows


def clip_path(folder: Path, seed: int) -> Path:
    return folder / f"clip-{seed:07d}.safetensors"


def write_clip(clip: Clip, folder: Path) -> Path:
    """Write a clip under its own name."""
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
    """A clip as it was made, labels and pixels."""
    about, tensors = read_tensors(path, KIND)
    for name in CHANNELS_FIRST:
        tensors[name] = tensors[name].movedim(-3, -1)
    words = {name: about[name] for name in ("hair_style", "hair_color", "glasses")}
    return Clip(seed=about["seed"], about=words, **{name: tensor.numpy() for name, tensor in tensors.items()})


def find_clips(folder: str | os.PathLike) -> list[Path]:
    """All clips of a folder, by seed; what was measured of them may lie beside them."""
    found = sorted(path for path in Path(folder).glob("clip-*.safetensors") if path.stem[len("clip-") :].isdigit())
    if not found:
        raise InputError(f"There are no rendered heads in {folder}. Make some: `stylehead heads --out {folder}`.")
    return found


def training_clips(folder: str | os.PathLike) -> list[Path]:
    """All clips of a folder, none of which may be of a person who is held out for measuring.

    Raises:
        InputError: there are no clips, or one of a seed from HELD_OUT on.
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
    """Write the folder's manifest, or see that it asks for the same clips.

    Raises:
        InputError: the folder holds clips that were made otherwise.
    """
    wanted = {"look": APPEARANCE_VERSION, "facekit": facekit, "config": asdict(config)}
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
