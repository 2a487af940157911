"""Tensor files: written as a whole or not at all, read as a whole or refused with the reason.

A file is safetensors with one metadata entry, ``stylehead``: a JSON text with kind, version of the format,
configuration and licence. It contains no code. The origin of model files is recorded in ``weights/manifest.toml``.
"""

import contextlib
import json
import os
import struct
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from .errors import WeightsError
from .media.outputs import temporary_beside

if sys.version_info >= (3, 11):
    pass
else:  # the same module under its older name
    pass  # pyright: ignore[reportMissingImports]  # a dependency on Python 3.10 only

__all__ = ["FORMAT", "check_state", "explains_itself", "read_about", "read_plain", "read_tensors", "write_tensors"]

FORMAT = 1


PICKLES = (b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")  # zip of torch.save, bare pickles


BLOCK = 1 << 20  # bytes read at a time


LISTED = 12  # names shown of a longer list


def write_tensors(path: str | os.PathLike, kind: str, tensors: Mapping[str, Tensor], about: Mapping[str, Any]) -> None:
    """Write ``tensors`` as one file, which appears under its name only when it is complete.

    Args:
        kind: type of the file, such as ``model``, ``motion`` or ``directions``; checked when reading.
        about: further metadata; JSON values.
    """
    path = Path(path)
    # One entry with sorted keys, so that equal content gives equal bytes.
    header = json.dumps({**about, "kind": kind, "format": FORMAT}, sort_keys=True)
    part = temporary_beside(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.touch()
        mode = part.stat().st_mode  # the mode of any new file: save_file's files are readable by their owner only
        save_file({k: v.detach().cpu().contiguous() for k, v in tensors.items()}, part, metadata={"stylehead": header})
        part.chmod(mode)
        os.replace(part, path)
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"{path} cannot be written: {error}.") from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink()


def read_about(path: str | os.PathLike, kind: str) -> dict[str, Any]:
    """Read the metadata of a file without its tensors.

    Raises:
        WeightsError: the file is missing, not safetensors, truncated, of another kind or of a newer format.
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
    """Read the metadata and the tensors (on the CPU) of a file.

    The tensors can take part in a backward pass even where the caller runs in ``torch.inference_mode``.

    Raises:
        WeightsError: see :func:`read_about`.
    """
    return read_about(path, kind), read_plain(path)


def explains_itself(path: str | os.PathLike) -> bool:
    """Whether a safetensors file was written by ``write_tensors``; a damaged file is refused as in
    :func:`read_about`.
    """
    metadata = _entries(Path(path)).get("__metadata__")
    return isinstance(metadata, dict) and "stylehead" in metadata


def read_plain(path: str | os.PathLike) -> dict[str, Tensor]:
    """Read the tensors of any safetensors file, on the CPU.

    Raises:
        WeightsError: the file is missing, not safetensors, or damaged.
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
    """Refuse a state dict that differs from the expected one, listing every difference.

    Args:
        expected, found: shape by name.
        what: the file or network, for the message.

    Raises:
        WeightsError: names are missing or unexpected, or shapes differ.
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
    """Read the header of a safetensors file and check it against the file's length."""
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
