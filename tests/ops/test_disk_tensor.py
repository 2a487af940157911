"""What is put on the shelf comes back as it was, in any order, and takes no memory meanwhile."""

import gc
import threading

import pytest
import torch

from stylehead_core.errors import MediaError
from stylehead_core.ops.disk_tensor import Shelf

resource = pytest.importorskip("resource", reason="limits files as Unix does")


@pytest.fixture
def rows():
    return torch.randn(7, 2, 3, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def shelf(rows, tmp_path):
    shelf = Shelf(tmp_path)
    for part in rows.split(3):
        shelf.add(part)
    return shelf


def test_it_answers_as_the_tensor_would(shelf, rows):
    assert (shelf.shape, shelf.ndim, len(shelf)) == (rows.shape, rows.ndim, len(rows))
    for taken in (slice(2, 5), slice(None), slice(0, 0), slice(None, None, 3), [4, 0, 0], [-1]):
        assert torch.equal(shelf[taken], rows[taken])
    assert torch.equal(torch.stack(list(shelf)), rows)


def test_a_row_that_there_is_not_is_none(shelf):
    with pytest.raises(IndexError):
        shelf[[7]]
    with pytest.raises(ValueError, match="rows of"):
        shelf.add(torch.zeros(1, 2, 4))


def test_nothing_is_left_in_the_folder(shelf, tmp_path):
    del shelf
    gc.collect()
    assert list(tmp_path.iterdir()) == []


def test_several_threads_read_at_once(shelf, rows):
    wrong = []

    def read(number):
        wrong.extend(1 for _ in range(200) if not torch.equal(shelf[[number]], rows[[number]]))

    threads = [threading.Thread(target=read, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_full_disk_is_said(shelf, tmp_path):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
    try:
        with pytest.raises(MediaError, match="Is the disk full"):
            shelf.add(torch.zeros(100, 2, 3))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    with pytest.raises(MediaError, match=r"cannot be kept in .*none"):
        Shelf(tmp_path / "none")
