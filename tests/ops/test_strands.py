"""What adjoins the person and is unlike the wall belongs to the person; what is like the wall does not."""

import pytest
import torch

from stylehead_core.ops.strands import BAND_SIDES, add_strands

SIZE = 256
EDGE, BAND = 128, round(BAND_SIDES * SIZE)  # the matte's person ends at this column


@pytest.fixture
def matte():
    return (torch.arange(SIZE) < EDGE).float().expand(1, 1, SIZE, -1).contiguous()


def picture(wall=0.5, contrast=0.0):
    """A dark person before a wall with a pattern of squares."""
    squares = torch.arange(SIZE) // 4 % 2 * 2 - 1.0
    wall = wall + contrast * squares * squares[:, None]
    person = torch.arange(SIZE) < EDGE
    return torch.where(person, torch.tensor(-0.6), wall).expand(1, 3, -1, -1).clone()


def test_an_exact_matte_stays_as_it_is(matte):
    for contrast in (0.0, 0.3):
        assert (add_strands(picture(contrast=contrast), matte) - matte).abs().mean() < 0.002


def test_hair_beside_the_matte_is_added(matte):
    hairy = picture()
    hairy[..., 60:100, EDGE : EDGE + BAND] = -0.6
    added = add_strands(hairy, matte)
    assert added[..., 64:96, EDGE : EDGE + BAND - 1].min() > 0.95
    assert added[..., EDGE + BAND + 2 :].max() == 0
    assert (added[..., 110:, :] - matte[..., 110:, :]).abs().mean() < 0.002


def test_a_large_picture_gets_the_same_strands(matte):
    hairy = picture()
    hairy[..., 60:100, EDGE : EDGE + BAND] = -0.6
    large = [torch.nn.functional.interpolate(plane, size=4 * SIZE) for plane in (hairy, matte)]
    added = add_strands(*large)
    assert added.max() <= 1
    assert added[..., 4 * 64 : 4 * 96, 4 * EDGE : 4 * (EDGE + BAND - 1)].min() > 0.9
    assert torch.equal(added[..., 4 * 130 :, :], large[1][..., 4 * 130 :, :])


def test_what_stands_apart_from_the_person_is_not_added(matte):
    spotted = picture()
    spotted[..., 60:100, EDGE + 2 * BAND : EDGE + 4 * BAND] = -0.6
    assert (add_strands(spotted, matte) - matte).abs().mean() < 0.002


def test_the_more_pattern_a_wall_has_the_more_unlike_it_hair_must_be(matte):
    shades = {}
    for contrast in (0.0, 0.3):
        grey = picture(contrast=contrast)
        grey[..., 60:100, EDGE : EDGE + BAND] = 0.1
        shades[contrast] = float(add_strands(grey, matte)[..., 64:96, EDGE : EDGE + BAND - 1].mean())
    assert shades[0.0] > 0.8
    assert shades[0.3] < 0.1
