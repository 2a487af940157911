"""The bar that tells how far a command is."""

from collections.abc import Iterator
from contextlib import contextmanager

from tqdm import tqdm

from ..records import Progress

__all__ = ["bar"]


@contextmanager
def bar(what: str, total: int | None) -> Iterator[Progress]:
    """A bar named ``what``, moved by calling what it gives with (done, total)."""
    with tqdm(total=total, desc=what, unit="", leave=False) as shown:

        def progress(done: int, total: int) -> None:
            shown.total = total
            shown.update(done - shown.n)

        yield progress
