"""Files that hold tensors: written whole or not at all, read whole or refused with the reason.

A file is safetensors with one metadata entry, ``stylehead``: a JSON text that says what the file is. It explains itself
(kind, version of the format, configuration, licence) and holds no code. Where it comes from stands in
``weights/manifest.toml``.
"""

import contextlib
import hashlib
import json
import os
import re
import struct
import sys
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from http.client import HTTPException
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from .errors import WeightsError

if sys.version_info >= (3, 11):
    import tomllib
else:  # the same module under its older name
    import tomli as tomllib  # pyright: ignore[reportMissingImports]  # a dependency on Python 3.10 only

__all__ = [
    "FOLDER",
    "FORMAT",
    "ManifestEntry",
    "as_published",
    "check_state",
    "embedded_models",
    "explains_itself",
    "fetch",
    "find_model",
    "read_about",
    "read_manifest",
    "read_plain",
    "read_tensors",
    "verify",
    "write_tensors",
]

FORMAT = 1
FOLDER = Path(__file__).resolve().parent.parent / "weights"  # of the checkout: the embedded models
PICKLES = (b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")  # zip of torch.save, bare pickles
BLOCK = 1 << 20  # bytes read at a time
LISTED = 12  # names shown of a longer list
TIMEOUT = 30  # seconds without a byte


# Writing and reading


def write_tensors(path: str | os.PathLike, kind: str, tensors: Mapping[str, Tensor], about: Mapping[str, Any]) -> None:
    """Write ``tensors`` as one file; under its final name it is complete or not there.

    Args:
        kind: what the file is, such as ``model``, ``motion`` or ``directions``; reading asks for it.
        about: everything else that the file says about itself; JSON values.
    """
    path = Path(path)
    header = json.dumps({**about, "kind": kind, "format": FORMAT}, sort_keys=True)  # one entry: equal bytes every time
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.touch()
        mode = part.stat().st_mode  # as any new file's: what save_file makes anew only its owner may read
        save_file({k: v.detach().cpu().contiguous() for k, v in tensors.items()}, part, metadata={"stylehead": header})
        part.chmod(mode)
        os.replace(part, path)
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"{path} cannot be written: {error}.") from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink()


def read_about(path: str | os.PathLike, kind: str) -> dict[str, Any]:
    """What the file says about itself, without reading its tensors.

    Raises:
        WeightsError: the file is missing, no safetensors file, cut short, of another kind or of a newer format.
    """
    path = Path(path)
    entries = _entries(path)
    metadata = entries.get("__metadata__")
    text = metadata.get("stylehead") if isinstance(metadata, dict) else None
    if not isinstance(text, str):
        raise WeightsError(
            f"{path} is a safetensors file, but not one of StyleHead's: its header says nothing of it.\n"
            f"  expected  a {kind} file\n"
            f"  found     {len(entries)} tensors, such as {_some(sorted(entries))}\n"
            "A folder of official StyleHEAT checkpoints is turned into a model by `stylehead convert`."
        )
    about = _json_object(text, path)
    if about.get("kind") != kind:
        raise WeightsError(f"{path} is of another kind.\n  expected  {kind}\n  found     {about.get('kind')}")
    if not isinstance(about.get("format"), int) or not 1 <= about["format"] <= FORMAT:
        raise WeightsError(
            f"{path} is written in format {about.get('format')}; this version reads 1 to {FORMAT}. Update StyleHead."
        )
    return about


def read_tensors(path: str | os.PathLike, kind: str) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """What the file says about itself, and its tensors on the CPU.

    The tensors can take part in a backward pass even where the caller runs in ``torch.inference_mode``.

    Raises:
        WeightsError: see :func:`read_about`.
    """
    return read_about(path, kind), read_plain(path)


def explains_itself(path: str | os.PathLike) -> bool:
    """Whether a safetensors file is one of ours; a broken file is refused as in :func:`read_about`."""
    metadata = _entries(Path(path)).get("__metadata__")
    return isinstance(metadata, dict) and "stylehead" in metadata


def read_plain(path: str | os.PathLike) -> dict[str, Tensor]:
    """The tensors of any safetensors file, on the CPU.

    Raises:
        WeightsError: the file is missing, no safetensors file, or damaged.
    """
    _entries(Path(path))
    try:
        with torch.inference_mode(False):
            return load_file(path)
    except Exception as error:  # the library has no single error for a broken file
        raise WeightsError(f"{path} cannot be read: {error}.") from error


def check_state(
    expected: Mapping[str, tuple[int, ...]], found: Mapping[str, tuple[int, ...]], what: str, advice: str = ""
) -> None:
    """Refuse a state dict that is not exactly the expected one, with every name that differs.

    Args:
        expected, found: shape by name.
        what: the file or network, for the message.

    Raises:
        WeightsError: names are missing or too many, or shapes differ.
    """
    missing = sorted(expected.keys() - found.keys())
    unexpected = sorted(found.keys() - expected.keys())
    wrong = sorted(k for k in expected.keys() & found.keys() if tuple(expected[k]) != tuple(found[k]))
    if not (missing or unexpected or wrong):
        return
    lines = [f"{what} does not hold the tensors that it should."]
    if missing:
        lines += [f"  missing     {len(missing)}:", *(f"    {k} {tuple(expected[k])}" for k in missing)]
    if unexpected:
        lines += [f"  unexpected  {len(unexpected)}:", *(f"    {k} {tuple(found[k])}" for k in unexpected)]
    if wrong:
        lines += [f"  of another shape  {len(wrong)}:"]
        lines += [f"    {k}: expected {tuple(expected[k])}, found {tuple(found[k])}" for k in wrong]
    raise WeightsError("\n".join([*lines, advice] if advice else lines))


def _entries(path: Path) -> dict[str, Any]:
    """The header of a safetensors file, checked against the file's length."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            start = file.read(8)
            length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
            text = file.read(length) if 0 < length <= size - 8 else b""
    except OSError as error:
        raise WeightsError(f"{path} cannot be opened: {error.strerror or error}.") from error
    if start.startswith(PICKLES) and not text.startswith(b"{"):  # a header of 640 bytes begins like a pickle
        raise WeightsError(
            f"{path} is a pickle (a PyTorch checkpoint), which can run code when it is opened; it was not opened.\n"
            "  expected  a .safetensors file\n"
            "A folder of official StyleHEAT checkpoints is turned into one by `stylehead convert`."
        )
    if not text.startswith(b"{"):
        raise WeightsError(f"{path} is no safetensors file ({size} bytes). It may be cut short, or of another kind.")
    entries = _json_object(text, path)
    end = 8 + length + max((_end(v, path) for k, v in entries.items() if k != "__metadata__"), default=0)
    if size != end:
        raise WeightsError(
            f"{path} is not complete.\n  expected  {end} bytes\n  found     {size} bytes\nGet or make it again."
        )
    return entries


def _end(entry: Any, path: Path) -> int:
    try:
        return int(entry["data_offsets"][1])
    except (TypeError, KeyError, IndexError, ValueError, OverflowError) as error:
        raise WeightsError(f"{path} is damaged: its header does not say where a tensor lies.") from error


def _json_object(text: str | bytes, path: Path) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise WeightsError(f"{path} is damaged: its header cannot be read ({error}).") from error
    if not isinstance(value, dict):
        raise WeightsError(f"{path} is damaged: its header is no list of tensors.")
    return value


def _some(names: list[str]) -> str:
    shown = ", ".join(name for name in names[:LISTED] if name != "__metadata__")
    return f"{shown}, ..." if len(names) > LISTED else shown or "none"


# The manifest


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
    source: str = ""  # https address, or hf:owner/repository/path@revision; none for a file that is part of this pack

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


def find_model(name_or_path: str | os.PathLike, folder: Path = FOLDER) -> Path:
    """The file of an embedded model, by its name, or of any model, by its path.

    Raises:
        WeightsError: there is no such file; lists the names that there are.
    """
    known = {entry.name: folder / entry.file for entry in embedded_models(folder)}
    if str(name_or_path) in known:
        return known[str(name_or_path)]
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


# Downloads, only ever called because a user asked for one


def fetch(
    entry: ManifestEntry,
    folder: str | os.PathLike,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Download ``entry`` into ``folder``, going on where an earlier try stopped, and check it.

    Args:
        progress: called with bytes (done, total); may raise to stop, and a later call goes on from there.

    Raises:
        WeightsError: there is no source, no connection, no room, or the file is not the expected one.
    """
    final = Path(folder) / entry.file
    if final.is_file():
        verify(entry, final)
        return final
    if not entry.source:
        raise WeightsError(f"{entry.name!r} is part of the pack and not a download; its file {final} is missing.")
    part = final.with_name(final.name + ".part")
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        with part.open("ab") as file:
            for block in _download(_address(entry.source), file.tell(), entry.bytes):
                if block is None:  # the server starts over
                    file.truncate(0)
                    continue
                file.write(block)
                if file.tell() > entry.bytes:  # it cannot be the expected file: no more of it
                    break
                if progress:
                    progress(file.tell(), entry.bytes)
    except (OSError, HTTPException) as error:
        raise WeightsError(
            f"{entry.name!r} could not be downloaded: {error}.\n"
            f"  from  {_address(entry.source)}\n"
            f"  to    {final}\n"
            "Offline? Get the file elsewhere and put it there under that name. What has arrived is kept."
        ) from error
    try:
        verify(entry, part)
    except WeightsError:
        if part.stat().st_size >= entry.bytes:  # complete and wrong: going on from it would never help
            part.unlink()
        raise
    os.replace(part, final)
    return final


def _address(source: str) -> str:
    """A plain https address. ``hf:owner/repository/path@revision`` names a file on Hugging Face."""
    if source.startswith("hf:"):
        from huggingface_hub import hf_hub_url  # imported here: only a download needs it

        where, _, revision = source[3:].partition("@")
        owner, repository, file = where.split("/", 2)
        return hf_hub_url(f"{owner}/{repository}", file, revision=revision or None)
    if not source.startswith("https://"):
        raise WeightsError(f"A source must be an https address or hf:owner/repository/path; found {source!r}.")
    return source


def _download(address: str, start: int, total: int) -> Iterator[bytes | None]:
    """The bytes of ``address`` from ``start`` on; None first where the server cannot go on from there."""
    if start >= total:
        return
    request = urllib.request.Request(address, headers={"Range": f"bytes={start}-"} if start else {})
    with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
        if start and answer.status != 206:
            yield None
        while block := answer.read(BLOCK):
            yield block
