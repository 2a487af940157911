"""Where a file is going to be written: checked before any work, and the name it has until it is whole."""

import os
from pathlib import Path
from secrets import token_hex

from ..errors import MediaError

__all__ = ["check_output", "temporary_beside"]


def check_output(path: str | Path, what: str = "file", *, sources: tuple[str | Path | None, ...] = ()) -> None:
    """Refuse a path at which no file can be written.

    Args:
        what: what a message calls it: "video", "motion".
        sources: files that are read meanwhile, and must not be the output.

    Raises:
        MediaError: the path is a folder, its folder is missing or closed to us, the name is too long, or it is one of
            ``sources``.
    """
    path = Path(path)
    refused = f"The {what} {path} cannot be written:"
    try:
        if path.is_dir():
            raise MediaError(f"{refused} this is a folder. Give the name of a file in it.")
        folder = path.parent
        if not folder.is_dir():
            kind = "is a file" if folder.exists() else "does not exist"
            raise MediaError(f"{refused} the folder {folder} {kind}.")
        if not os.access(folder, os.W_OK):
            raise MediaError(f"{refused} nothing may be written into the folder {folder}.")
        read = [Path(source) for source in sources if source is not None]
        if path.exists() and any(source.exists() and path.samefile(source) for source in read):
            raise MediaError(f"{refused} it is read at the same time. Give the output another name.")
    except (OSError, ValueError) as error:  # a name that is too long, or holds a zero byte
        raise MediaError(f"{refused} {getattr(error, 'strerror', None) or error}.") from error


def temporary_beside(path: str | Path) -> Path:
    """A new name in the same folder, short even where the name of ``path`` is as long as a name can be."""
    return Path(path).with_name(f".stylehead-{token_hex(4)}.part")
