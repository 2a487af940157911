"""Regions of large pictures are averaged before they are sampled, the same for bytes and for floats."""

import pytest
import torch
import torch.nn.functional as F

from stylehead_core.ops.regions import average_blocks, cut_regions


@pytest.mark.parametrize("side", [2, 3, 7])
@pytest.mark.parametrize("shape", [(12, 21), (13, 20), (5, 40)])
def test_blocks_of_bytes_have_the_means_of_floats(side, shape):
    picture = torch.randint(0, 256, (1, 3, *shape), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(average_blocks(picture, side), F.avg_pool2d(picture.float(), side, ceil_mode=True))


def test_the_brightest_block_is_bright():
    assert average_blocks(torch.full((1, 3, 256, 256), 255, dtype=torch.uint8), 128).eq(255).all()


@pytest.mark.parametrize("large", [40.0, 300.0])
def test_bytes_and_floats_give_the_same_square(large):
    levels = torch.randint(0, 256, (1, 3, 320, 400), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    region = torch.tensor([[190.0, 150.0, large, 0.3]])
    floats = levels.float() / 127.5 - 1
    torch.testing.assert_close(
        cut_regions(levels, region, 32, outside="border"),
        cut_regions(floats, region, 32, outside="border"),
        atol=1e-5,
        rtol=0,
    )
