"""The manifest of model files: where each comes from, its hash and licence, and how an embedded model is found."""

import hashlib
import logging
import os
import re
import sys
from dataclasses import dataclass, fields
from pathlib import Path

from ..errors import WeightsError

if sys.version_info >= (3, 11):
    import tomllib
else:  # the same module under its older name
    import tomli as tomllib  # pyright: ignore[reportMissingImports]  # a dependency on Python 3.10 only

from ..tensor_files import BLOCK

__all__ = [
    "ALIASES",
    "DEFAULT_MODEL",
    "FOLDER",
    "ManifestEntry",
    "as_published",
    "embedded_models",
    "find_model",
    "known_as",
    "read_manifest",
    "verify",
]

log = logging.getLogger(__name__)

DEFAULT_MODEL = "stylehead-512"
ALIASES = {"stylehead-mini": DEFAULT_MODEL}  # older names of embedded models, which graphs and scripts still hold
_warned: set[str] = set()  # older names that were given already

FOLDER = Path(__file__).resolve().parents[2] / "weights"  # of the checkout: the embedded models


@dataclass(frozen=True, kw_only=True)
class ManifestEntry:
    """One file that StyleHead knows: what it is, may be used for, and comes from."""

    name: str
    file: str  # name of the file, in weights/ or in the user's model folder
    bytes: int
    sha256: str
    license: str
    origin: str  # who made it, or where it was published
    made_by: str = ""  # recipe, commit, steps, seed
    trained_on: str = ""
    note: str = ""  # a file in docs/notes
    kind: str = ""  # what the file is, where it is no model to animate with
    source: str = ""  # where else the file is to be had; empty for a file that is part of this pack

    @property
    def embedded(self) -> bool:
        return not self.source


def read_manifest(path: str | os.PathLike = FOLDER / "manifest.toml") -> dict[str, ManifestEntry]:
    """Every known file by name.

    Raises:
        WeightsError: the manifest is missing, no TOML, or an entry lacks a field or leads out of its folder.
    """
    try:
        tables = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, RecursionError, tomllib.TOMLDecodeError) as error:
        raise WeightsError(f"The manifest {path} cannot be read: {error}.") from error
    entries = {}
    for name, table in tables.items():
        try:
            entry = ManifestEntry(name=name, **table)
        except TypeError as error:
            raise WeightsError(f"The manifest {path} has a wrong entry {name!r}: {error}.") from error
        if not all(isinstance(getattr(entry, field.name), str) for field in fields(entry) if field.name != "bytes"):
            raise WeightsError(f"All fields of the manifest's {name!r} but its bytes are texts; found {table}.")
        if Path(entry.file).name != entry.file or entry.file in ("", ".", ".."):
            raise WeightsError(f"The manifest's file for {name!r} must be a plain file name; found {entry.file!r}.")
        if not re.fullmatch(r"[0-9a-f]{64}", entry.sha256) or type(entry.bytes) is not int:
            raise WeightsError(f"The manifest's {name!r} needs bytes (a number) and sha256 (64 hexadecimal digits).")
        entries[name] = entry
    return entries


def embedded_models(folder: Path = FOLDER) -> list[ManifestEntry]:
    """The models that are part of this pack and whose files are there."""
    known = read_manifest(folder / "manifest.toml").values()
    return [entry for entry in known if entry.embedded and not entry.kind and (folder / entry.file).is_file()]


def known_as(name: str, folder: Path = FOLDER) -> str:
    """The name by which an embedded model goes today; a warning says once that an older name was given."""
    new = ALIASES.get(name)
    known = {entry.name for entry in embedded_models(folder)}
    if new is None or new not in known or name in known:
        return name
    if name not in _warned:
        _warned.add(name)
        log.warning("The model %r is now %r, which is loaded in its place.", name, new)
    return new


def find_model(name_or_path: str | os.PathLike, folder: Path = FOLDER) -> Path:
    """The file of an embedded model, by its name, or of any model, by its path.

    Raises:
        WeightsError: there is no such file; lists the names that there are.
    """
    known = {entry.name: folder / entry.file for entry in embedded_models(folder)}
    name = known_as(str(name_or_path), folder)
    if name in known:
        return known[name]
    path = Path(name_or_path)
    try:
        path = path.expanduser()
        there = path.is_file()
    except (OSError, RuntimeError, ValueError):  # too long a name, an unknown home, a zero in it
        there = False
    if not there:
        raise WeightsError(
            f"There is no model {str(name_or_path)!r}.\n"
            f"  expected  a .safetensors file, or one of: {', '.join(known) or 'no embedded model is installed'}"
        )
    return path


def as_published(path: Path) -> Path:
    """A file of torchvision's, whose name ends with the first digits of its sha256; ``path`` itself.

    Raises:
        WeightsError: it is another file under that name, or cut short.
    """
    wanted = path.stem.rsplit("-", 1)[-1]
    found = sha256_of(path)[: len(wanted)] if path.is_file() else wanted
    if found != wanted:
        raise WeightsError(
            f"{path} is not the file that torchvision publishes under this name.\n"
            f"  expected  sha256 {wanted}...\n"
            f"  found     sha256 {found}...\n"
            "It may be cut short, or something else under that name. Get torchvision's own again, or take this file "
            "away to go without it."
        )
    return path


def verify(entry: ManifestEntry, path: str | os.PathLike) -> None:
    """Refuse a file that is not, bit for bit, the one in the manifest.

    Raises:
        WeightsError: the size or the sha256 differs.
    """
    path = Path(path)
    if not path.is_file():
        raise WeightsError(f"The weights {entry.name!r} are not there: {path}.")
    size, found = path.stat().st_size, sha256_of(path)
    if (size, found) != (entry.bytes, entry.sha256):
        raise WeightsError(
            f"The weights {entry.name!r} are not the file that this version was made for.\n"
            f"  file      {path}\n"
            f"  expected  {entry.bytes} bytes, sha256 {entry.sha256}\n"
            f"  found     {size} bytes, sha256 {found}\n"
            "The download may be cut short, or the file older or newer. Get it again: weights/README.md."
        )


def sha256_of(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for block in iter(lambda: file.read(BLOCK), b""):
            digest.update(block)
    return digest.hexdigest()
