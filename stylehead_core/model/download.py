"""Downloads of weights, only ever called because a user asked for one."""

import os
import sys
import urllib.request
from collections.abc import Callable, Iterator
from http.client import HTTPException
from pathlib import Path

from ..errors import WeightsError

if sys.version_info >= (3, 11):
    pass
else:  # the same module under its older name
    pass  # pyright: ignore[reportMissingImports]  # a dependency on Python 3.10 only

from ..tensor_files import BLOCK
from .manifest import ManifestEntry, sha256_of, verify

__all__ = ["as_published", "fetch"]

TIMEOUT = 30  # seconds without a byte


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
