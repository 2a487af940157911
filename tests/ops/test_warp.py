"""A flow says where to fetch from; these tests say it with pixels one can count."""

import pytest
import recipe
import torch
import torch.nn.functional as F

from stylehead_core.ops.warp import (
    compose_flows,
    flow_to_grid,
    remove_flow_outliers,
    resize_flow,
    sample,
    warp,
    warp_by_grid,
)

SIZES = [(64, 64), (8, 6), (7, 9), (1, 5), (33, 100)]


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def feature() -> torch.Tensor:
    return torch.rand(2, 5, 8, 6, generator=rng())


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16, torch.float64])
@pytest.mark.parametrize("size", SIZES)
def test_no_flow_changes_not_one_bit(size, dtype):
    feature = torch.randn(2, 3, *size, generator=rng()).to(dtype)
    assert torch.equal(warp(feature, torch.zeros(2, 2, *size)), feature)


@pytest.mark.parametrize("columns", [1, 2])
def test_flow_to_the_right_moves_the_picture_left(feature, columns):
    flow = torch.zeros(2, 2, 8, 6)
    flow[:, 0] = columns
    moved = warp(feature, flow)
    assert torch.equal(moved[..., :-columns], feature[..., columns:])


@pytest.mark.parametrize("rows", [1, 3])
def test_flow_down_moves_the_picture_up(feature, rows):
    flow = torch.zeros(2, 2, 8, 6)
    flow[:, 1] = rows
    moved = warp(feature, flow)
    assert torch.equal(moved[..., :-rows, :], feature[..., rows:, :])


def test_points_from_outside_repeat_the_border(feature):
    flow = torch.zeros(2, 2, 8, 6)
    flow[:, 0] = -100
    moved = warp(feature, flow)
    assert torch.equal(moved, feature[..., :1].expand_as(moved))


def test_half_a_pixel_is_the_mean_of_two(feature):
    moved = warp(feature, torch.tensor([0.5, 0.0]).view(1, 2, 1, 1).expand(2, 2, 8, 6))
    torch.testing.assert_close(moved[..., :-1], (feature[..., :-1] + feature[..., 1:]) / 2)


def test_one_feature_is_warped_by_every_flow(feature):
    flows = torch.randn(4, 2, 8, 6, generator=rng(1))
    expected = torch.cat([warp(feature[:1], flow[None]) for flow in flows])
    torch.testing.assert_close(warp(feature[:1], flows), expected)


def test_a_bfloat16_feature_is_fetched_from_float32_places():
    feature = torch.arange(64.0).expand(1, 1, 64, 64)
    flow = torch.full((1, 2, 64, 64), 0.25)
    moved = warp(feature.bfloat16(), flow)
    assert torch.equal(moved, warp(feature, flow).bfloat16())


def test_the_gradient_of_a_flow_is_the_slope_of_the_feature():
    slope = torch.arange(6.0).expand(1, 1, 5, 6) * 3
    flow = torch.full((1, 2, 5, 6), 0.25, requires_grad=True)
    warp(slope, flow).sum().backward()
    assert flow.grad is not None
    torch.testing.assert_close(flow.grad[0, 0, :, :-1], torch.full((5, 5), 3.0))
    torch.testing.assert_close(flow.grad[0, 1], torch.zeros(5, 6))


def test_a_flow_on_a_smaller_grid_moves_as_far_in_the_picture(feature):
    flow = torch.zeros(2, 2, 4, 3)
    flow[:, 0] = 1  # of three columns, so two of six
    assert torch.equal(warp(feature, flow)[..., :-2], feature[..., 2:])


def test_a_resized_flow_is_scaled_with_its_size():
    flow = torch.ones(1, 2, 4, 4)
    resized = resize_flow(flow, (8, 12))
    assert torch.equal(resized[:, 0], torch.full((1, 8, 12), 3.0))
    assert torch.equal(resized[:, 1], torch.full((1, 8, 12), 2.0))


def test_a_composed_flow_is_one_warp_after_another(feature):
    first = torch.zeros(2, 2, 8, 6)
    first[:, 0] = 2
    second = torch.zeros(2, 2, 8, 6)
    second[:, 1] = torch.arange(8).flip(0)[:, None]  # row r fetches row 7
    composed = warp(feature, compose_flows(first, second))
    torch.testing.assert_close(composed, warp(warp(feature, first), second))


def test_sampling_at_a_pixel_gives_that_pixel(feature):
    x, y = torch.tensor([[[4.0]]]), torch.tensor([[[7.0]]])
    assert torch.equal(sample(feature[:1], x, y)[..., 0, 0], feature[:1, :, 7, 4])


def test_the_official_grid_without_flow_ends_in_the_corners():
    grid = flow_to_grid(torch.zeros(1, 2, 3, 5))
    torch.testing.assert_close(grid[0, :, 0], torch.tensor([[-1.0, -1], [-1, 0], [-1, 1]]))
    torch.testing.assert_close(grid[0, 0, :, 0], torch.tensor([-1, -0.5, 0, 0.5, 1]))


def test_no_official_flow_is_a_slight_zoom_with_half_faded_borders():
    moved = warp(torch.ones(1, 1, 64, 64), torch.zeros(1, 2, 64, 64), "official")
    torch.testing.assert_close(moved[0, 0, 0, 1:-1], torch.full((62,), 0.5))
    torch.testing.assert_close(moved[0, 0, 0, 0], torch.tensor(0.25))
    ramp = torch.arange(64.0).expand(1, 1, 64, 64)
    zoomed = warp(ramp, torch.zeros(1, 2, 64, 64), "official")
    torch.testing.assert_close(zoomed[0, 0, 32, 1:-1], torch.arange(1, 63) * 64 / 63 - 0.5)


def test_the_official_grid_is_resized_for_a_larger_picture(feature):
    flow = torch.randn(2, 2, 4, 4, generator=rng(2))
    grid = F.interpolate(flow_to_grid(flow).movedim(-1, 1), size=(8, 6), mode="bilinear").movedim(1, -1)
    torch.testing.assert_close(warp(feature, flow, "official"), F.grid_sample(feature, grid, align_corners=False))


def test_the_official_warp_agrees_with_the_reference():
    expected = recipe.fixture("warper")
    flow, feature = expected["flow"], recipe.given("f64", (1, 512, 64, 64))
    grid = flow_to_grid(flow)
    recipe.assert_close(grid, expected["deformation"])
    recipe.assert_close(warp(feature, flow, "official"), expected["f64_warped"], 1e-3)
    picture = warp_by_grid(recipe.picture("src", 256), grid)
    recipe.assert_close(picture, expected["warp_image"], 1e-3)
    recipe.assert_close(recipe.central_crop(picture), expected["warp_image__crop"], 1e-3)


def test_a_cell_that_points_elsewhere_than_all_around_it_is_brought_into_line():
    flow = torch.zeros(2, 2, 16, 16)
    flow[0, :, 5, 6] = torch.tensor([4.0, -2.0])
    flow[0, 0, :, 9:] = 3.0  # an edge between two surfaces
    clean = remove_flow_outliers(flow)
    assert not clean[0, :, 5, 6].any()
    flow[0, :, 5, 6] = 0
    assert torch.equal(clean, flow)


def test_a_smooth_flow_stays_as_it_is_bit_for_bit():
    rows = torch.linspace(0, 3, 24)
    flow = torch.stack((rows[:, None] * rows, rows[:, None].expand(24, 24)))[None]
    assert torch.equal(remove_flow_outliers(flow), flow)
