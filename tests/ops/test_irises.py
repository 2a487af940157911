"""Irises go where they are told, within the lids, and leave the rest to the flow."""

import pytest
import torch

from stylehead_core.ops.irises import carry_irises, mirror_irises
from stylehead_core.ops.warp import warp_bicubic

SIZE, CELLS = 128, 64
RADIUS, REACH = 0.06, 0.16
FROM, TO = (0.45, 0.5), (0.51, 0.48)


def iris(x=TO[0], y=TO[1], from_x=FROM[0], from_y=FROM[1], cos=1.0, sin=0.0, radius=RADIUS, reach=REACH):
    return torch.tensor([[[x, y, from_x, from_y, cos, sin, radius, reach]]])


def everywhere(value=1.0):
    return torch.full((1, 1, CELLS, CELLS), value)


def disc(x, y, radius=RADIUS):
    """White (1 1 128 128) with a black disc; places are parts of the picture."""
    line = (torch.arange(SIZE) + 0.5) / SIZE
    away = torch.hypot(line[None] - x, line[:, None] - y)
    return 1 - 2 * ((radius - away) * SIZE + 0.5).clamp(0, 1)[None, None]


def middle(picture):
    """Where the dark of ``picture`` (1 1 128 128) has its middle, parts of the picture."""
    dark, line = (1 - picture[0, 0]) / 2, (torch.arange(SIZE) + 0.5) / SIZE
    return [((dark.sum(axis) * line).sum() / dark.sum()).item() for axis in (0, 1)]


def test_an_iris_is_drawn_where_it_has_gone():
    flow = carry_irises(torch.zeros(1, 2, SIZE, SIZE), iris(), everywhere())
    moved = warp_bicubic(disc(*FROM), flow)
    assert middle(moved) == pytest.approx(TO, abs=0.002)
    assert (moved < 0).sum().item() == pytest.approx((disc(*TO) < 0).sum().item(), rel=0.02)  # no second one, no ghost


def test_a_turn_and_a_scale_are_those_from_the_frame_to_the_portrait():
    half_as_large = carry_irises(torch.zeros(1, 2, SIZE, SIZE), iris(cos=2.0, radius=RADIUS / 2), everywhere())
    moved = warp_bicubic(disc(*FROM), half_as_large)
    assert middle(moved) == pytest.approx(TO, abs=0.003)
    rim = torch.tensor([TO[0] + RADIUS / 4, TO[1]])  # half way to the rim
    quarter = carry_irises(torch.zeros(1, 2, SIZE, SIZE), iris(cos=0.0, sin=1.0), everywhere())
    x, y = (rim * SIZE - 0.5).round().long().tolist()
    place = torch.tensor([x + 0.5, y + 0.5]) / SIZE
    source = place + quarter[0, :, y, x] / SIZE
    across, down = (place - torch.tensor(TO)).tolist()
    assert source.tolist() == pytest.approx([FROM[0] - down, FROM[1] + across], abs=1e-5)


def test_beyond_its_reach_and_on_the_lids_the_flow_stays():
    flow = torch.randn(1, 2, SIZE, SIZE, generator=torch.Generator().manual_seed(0))
    line = (torch.arange(SIZE) + 0.5) / SIZE
    far = torch.hypot(line[None] - TO[0], line[:, None] - TO[1]) > REACH
    carried = carry_irises(flow, iris(), everywhere())
    assert torch.equal(carried[..., far], flow[..., far])
    assert not torch.equal(carried[..., ~far], flow[..., ~far])
    assert torch.equal(carry_irises(flow, iris(), everywhere(-1.0)), flow)


def test_an_iris_without_a_size_carries_nothing():
    flow = torch.randn(1, 2, SIZE, SIZE, generator=torch.Generator().manual_seed(2))
    middle_of_a_pixel = (32 + 0.5) / SIZE
    point = iris(middle_of_a_pixel, middle_of_a_pixel, radius=0.0, reach=0.0)
    assert torch.equal(carry_irises(flow, point, everywhere()), flow)


def test_nothing_folds_over():
    """From left to right the frame fetches from left to right, so that no part of an eye is shown twice."""
    flow = carry_irises(torch.zeros(1, 2, SIZE, SIZE), iris(), everywhere())
    row = int(TO[1] * SIZE)
    source = torch.arange(SIZE) + flow[0, 0, row]
    assert (source.diff() > 0).all()


def test_a_crop_is_carried_as_the_whole():
    flow = torch.randn(1, 2, SIZE, SIZE, generator=torch.Generator().manual_seed(1))
    opening = torch.linspace(-0.3, 0.5, CELLS).expand(1, 1, CELLS, CELLS)
    whole = carry_irises(flow, iris(), opening)
    x, y, cells = 20, 24, 24
    corner, side = torch.tensor([[2 * x, 2 * y]]), 2 * cells
    here = (..., slice(2 * y, 2 * y + side), slice(2 * x, 2 * x + side))
    crop = opening[..., y : y + cells, x : x + cells]
    part = carry_irises(flow[here], iris(), crop, corner, SIZE)
    inner = slice(1, -1)  # beside the crop's edge the opening is enlarged without its neighbours
    torch.testing.assert_close(part[..., inner, inner], whole[here][..., inner, inner], rtol=0, atol=1e-5)


def test_a_mirrored_iris_mirrors_the_flow():
    flow = torch.zeros(1, 2, SIZE, SIZE)
    one = iris(cos=1.1, sin=0.2)
    mirrored = carry_irises(flow, mirror_irises(one), everywhere()).flip(-1) * torch.tensor([-1.0, 1.0])[:, None, None]
    torch.testing.assert_close(mirrored, carry_irises(flow, one, everywhere()), rtol=0, atol=1e-4)
    assert torch.equal(mirror_irises(mirror_irises(one)), one)
