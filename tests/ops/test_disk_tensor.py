"""What is put into a disk tensor comes back as it was, in any order, and takes no memory meanwhile."""

import gc
import threading

import pytest
import torch

from stylehead_core.errors import MediaError
from stylehead_core.ops.disk_tensor import DiskTensor

resource = pytest.importorskip("resource", reason="limits files as Unix does")


@pytest.fixture
def rows():
    return torch.randn(7, 2, 3, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def disk_tensor(rows, tmp_path):
    disk_tensor = DiskTensor(tmp_path)
    for part in rows.split(3):
        disk_tensor.add(part)
    return disk_tensor


def test_it_answers_as_the_tensor_would(disk_tensor, rows):
    assert (disk_tensor.shape, disk_tensor.ndim, len(disk_tensor)) == (rows.shape, rows.ndim, len(rows))
    for taken in (slice(2, 5), slice(None), slice(0, 0), slice(None, None, 3), [4, 0, 0], [-1]):
        assert torch.equal(disk_tensor[taken], rows[taken])
    assert torch.equal(torch.stack(list(disk_tensor)), rows)


def test_a_row_that_there_is_not_is_none(disk_tensor):
    with pytest.raises(IndexError):
        disk_tensor[[7]]
    with pytest.raises(ValueError, match="rows of"):
        disk_tensor.add(torch.zeros(1, 2, 4))


def test_nothing_is_left_in_the_folder(disk_tensor, tmp_path):
    del disk_tensor
    gc.collect()
    assert list(tmp_path.iterdir()) == []


def test_several_threads_read_at_once(disk_tensor, rows):
    wrong = []

    def read(number):
        wrong.extend(1 for _ in range(200) if not torch.equal(disk_tensor[[number]], rows[[number]]))

    threads = [threading.Thread(target=read, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_full_disk_is_said(disk_tensor, tmp_path):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
    try:
        with pytest.raises(MediaError, match="Is the disk full"):
            disk_tensor.add(torch.zeros(100, 2, 3))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    with pytest.raises(MediaError, match=r"cannot be kept in .*none"):
        DiskTensor(tmp_path / "none")
