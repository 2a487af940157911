"""A portrait is a person before a wall: both layers together are the picture, and each goes on behind the other."""

import pytest
import torch

from stylehead_core.ops.wall import fill, fill_small_holes, person_and_wall

SIZE = 64


@pytest.fixture
def matte():
    matte = torch.zeros(1, 1, SIZE, SIZE)
    matte[..., 20:44, 20:44] = 1
    matte[..., 20:44, 18:20] = 0.5
    return matte


@pytest.fixture
def picture(matte):
    """A red person before a wall that gets brighter to the right."""
    wall = torch.linspace(-0.8, 0.8, SIZE).expand(1, 3, SIZE, SIZE)
    red = torch.tensor([0.9, -0.9, -0.9])[:, None, None].expand(1, 3, SIZE, SIZE)
    return matte * red + (1 - matte) * wall


def test_both_layers_together_are_the_picture(picture, matte):
    person, wall = person_and_wall(picture, matte)
    both = matte * person + (1 - matte) * wall
    beside = torch.nn.functional.max_pool2d((matte > 0).float(), 5, stride=1, padding=2) * (matte == 0)  # there: filled
    torch.testing.assert_close(both * (1 - beside), picture * (1 - beside), atol=1e-5, rtol=0)
    torch.testing.assert_close(both, picture, atol=0.05, rtol=0)


def test_the_wall_goes_on_behind_the_person(picture, matte):
    _, wall = person_and_wall(picture, matte)
    middle = wall[0, 0, 32, 20:44]
    assert (wall[0, 0] - wall[0, 1]).abs().max() < 1e-5  # nothing red in it
    assert -0.4 < middle.min() < middle.max() < 0.4


def test_a_pattern_of_the_wall_goes_on_behind_the_person(picture, matte):
    pattern = 0.2 * (torch.arange(SIZE) % 4 < 2)[:, None].expand(1, 3, SIZE, SIZE)
    _, wall = person_and_wall((picture + pattern).clamp(-1, 1), matte)
    known, hidden = wall[0, 0, :, 10], wall[0, 0, :, 22]
    assert torch.corrcoef(torch.stack((hidden, known))[:, 24:40])[0, 1] > 0.9


def test_a_dark_rim_of_hair_does_not_darken_the_wall_behind_the_person(matte):
    large = torch.nn.functional.interpolate(matte, scale_factor=8.0)
    picture = torch.full((1, 3, 8 * SIZE, 8 * SIZE), 0.5)
    rim = torch.nn.functional.max_pool2d(large, 7, stride=1, padding=3) > 0
    _, wall = person_and_wall(torch.where(rim, -0.9, picture), large)
    assert wall[large.expand_as(wall) > 0].min() > 0.3


def test_away_from_the_person_the_wall_is_the_picture_to_the_bit(picture, matte):
    _, wall = person_and_wall(picture, matte)
    assert torch.equal(wall[..., :12], picture[..., :12])
    assert torch.equal(wall[..., 50:, :], picture[..., 50:, :])


def test_the_person_goes_on_beyond_the_outline(picture, matte):
    person, _ = person_and_wall(picture, matte)
    torch.testing.assert_close(person[0, :, 30, 10], torch.tensor([0.9, -0.9, -0.9]), atol=0.05, rtol=0)


def test_what_is_known_is_kept_and_what_is_not_lies_between(picture):
    known = torch.ones(1, 1, SIZE, SIZE)
    known[..., 10:20, 30:50] = 0
    filled = fill(picture, known)
    torch.testing.assert_close(filled * known, picture * known)
    hole = filled[..., 10:20, 30:50]
    assert picture.min() <= hole.min() <= hole.max() <= picture.max()


def test_a_picture_of_which_nothing_is_known_becomes_grey_and_no_nonsense():
    filled = fill(torch.ones(1, 3, 8, 8), torch.zeros(1, 1, 8, 8))
    assert not filled.any()


def test_small_holes_of_a_matte_are_filled_and_bays_and_windows_stay():
    matte = torch.zeros(1, 1, SIZE, SIZE)
    matte[..., 8:, 8:56] = 1
    filled = matte.clone()
    matte[..., 20:23, 30:33] = 0.1  # a hole in the hair
    matte[..., 30:42, 20:32] = filled[..., 30:42, 20:32] = 0  # between arm and hip
    matte[..., 50:53, 8:11] = filled[..., 50:53, 8:11] = 0  # joined with the wall
    assert torch.equal(fill_small_holes(matte), filled)
