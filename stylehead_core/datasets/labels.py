"""Labelled face pictures: rendered heads, or a folder of pictures with a table of labels.

The table is ``labels.csv``. Its column ``file`` is the picture's path relative to the folder (or that of a prepared
clip's frame); the optional column ``person`` tells which pictures show the same person. Every other column is an
attribute: 0 or 1, or any number that increases with it, or empty where it is unknown.

Axes: N pictures, A attributes.
"""

import csv
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ..errors import InputError
from .attributes import ATTRIBUTES, true_attributes
from .heads import load_training_heads
from .images import Pictures, PicturesOfFiles, PicturesOfHeads

__all__ = ["TABLE", "LabelledPictures", "load_labelled"]

TABLE = "labels.csv"
FILE, PERSON = "file", "person"  # columns


@dataclass(frozen=True, kw_only=True)
class LabelledPictures:
    """Pictures with attribute labels."""

    pictures: Pictures
    names: tuple[str, ...]  # of the attributes
    labels: Tensor  # (N A), NaN where unknown
    person: Tensor  # (N) int64: number of the person


def load_labelled(folder: Path) -> LabelledPictures:
    """Load the labelled pictures of a folder.

    Raises:
        InputError: there are no labels, or the table is not usable.
    """
    if any(folder.glob("*.measured.safetensors")):
        heads = load_training_heads(folder).to(torch.get_default_device())
        seeds, person = heads.person.unique(return_inverse=True)
        labels = true_attributes(seeds.tolist()).to(person.device)[person]
        return LabelledPictures(pictures=PicturesOfHeads(heads), names=ATTRIBUTES, labels=labels, person=person)
    table = folder / TABLE
    if not table.is_file():
        raise InputError(
            f"There are no labels in {folder}: no measured heads, whose attributes are known, and no {TABLE}. Write "
            f"one beside the pictures: a column {FILE!r}, and one of 0 and 1, or of numbers, for each attribute."
        )
    try:
        with table.open(encoding="utf-8-sig", newline="") as text:
            reader = csv.DictReader(text)
            columns, lines = list(reader.fieldnames or ()), list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{table} cannot be read: {error}.") from error
    names = tuple(column for column in columns if column not in (FILE, PERSON))
    if FILE not in columns or not names or not lines:
        raise InputError(
            f"{table} must have a column {FILE!r}, a column for each attribute, and a line for each picture; found the "
            f"columns {', '.join(columns) or 'none'} and {len(lines)} lines."
        )
    files = [folder / line[FILE] for line in lines]
    if missing := [file for file in files if not file.is_file()]:
        raise InputError(f"{table} names {len(missing)} pictures that are not there, first {missing[0]}.")
    whose = [line.get(PERSON) or line[FILE] for line in lines]
    people = {name: number for number, name in enumerate(dict.fromkeys(whose))}
    return LabelledPictures(
        pictures=PicturesOfFiles(files),
        names=names,
        labels=torch.tensor([[_read_number(table, i, line, name) for name in names] for i, line in enumerate(lines)]),
        person=torch.tensor([people[name] for name in whose]),
    )


def _read_number(table: Path, line: int, values: dict[str, str], name: str) -> float:
    """Number in the column ``name``; NaN where it is empty."""
    text = (values[name] or "").strip()
    try:
        return float(text) if text else float("nan")
    except ValueError as error:
        raise InputError(f"{table}, picture {line + 1}: {name!r} must be a number or empty; found {text!r}.") from error
