"""The compositor begins as a bilinear enlargement, and keeps the portrait where the refiner kept it."""

from dataclasses import replace

import pytest
import torch

from stylehead_core.errors import ConfigError
from stylehead_core.networks.compositor import Compositor, CompositorConfig
from stylehead_core.networks.refiner import Refined
from stylehead_core.ops.warp import resize_flow

CONFIG = CompositorConfig(
    size=64, drawn_size=16, feature_size=8, descriptor=5, guides=2, features=6, hidden=4, width=8, units=1, enlarge=2
)


@pytest.fixture
def compositor():
    torch.manual_seed(0)
    return Compositor(CONFIG).requires_grad_(False)


def given(kept=1.0, matte=1.0, batch=2):
    rng = torch.Generator().manual_seed(0)
    refined = Refined(
        2 * torch.rand(batch, 3, 16, 16, generator=rng) - 1,
        torch.full((batch, 1, 16, 16), kept),
        torch.randn(batch, 6, 8, 8, generator=rng),
    )
    carried = 2 * torch.rand(batch, 3, 64, 64, generator=rng) - 1
    planes, descriptor = torch.rand(batch, 3, 8, 8, generator=rng), torch.randn(batch, 5, generator=rng)
    return refined, carried, torch.full((batch, 1, 64, 64), matte), planes, descriptor


def test_at_first_the_flow_is_enlarged_bilinearly(compositor):
    flow = torch.randn(1, 2, 8, 8, generator=torch.Generator().manual_seed(1))
    found = compositor.enlarge_flow(flow, torch.randn(1, 6, 8, 8))
    torch.testing.assert_close(found, resize_flow(flow, (16, 16)), atol=0.01, rtol=0)


def test_the_flow_can_learn_to_move_by_less_than_a_cell(compositor):
    torch.nn.init.normal_(compositor.flow.weight)
    one, other = (compositor.enlarge_flow(torch.zeros(1, 2, 8, 8), torch.randn(1, 6, 8, 8)) for _ in range(2))
    assert one.abs().max() > 0.01
    assert not torch.equal(one, other)


@pytest.mark.parametrize("kept", [0.0, 1.0])
def test_at_first_the_frame_is_the_portrait_where_it_is_kept_and_the_small_frame_elsewhere(compositor, kept):
    refined, carried, *rest = given(kept)
    small = torch.nn.functional.interpolate(refined.picture, size=64, mode="bilinear")
    found = compositor(refined, carried, *rest)
    torch.testing.assert_close(found.picture, carried if kept else small, atol=0.01, rtol=0)
    assert ((found.kept - kept).abs() < 0.01).all()


@pytest.mark.parametrize("matte", [0.0, 1.0])
def test_a_sure_matte_stays_exactly_what_it_is(compositor, matte):
    assert (compositor(*given(matte=matte)).matte == matte).all()


def test_it_sees_all_that_it_is_given(compositor):
    for layer in (compositor.last, compositor.flow, *(unit.out for unit in compositor.units)):
        torch.nn.init.normal_(layer.weight)
    parts = given()
    before = compositor(*parts).picture
    for number in range(1, len(parts)):
        changed = [*parts]
        changed[number] = 0.9 * parts[number].flip(-1) + 0.1 * parts[number]
        if number != 2:  # the matte is the same everywhere
            assert not torch.allclose(compositor(*changed).picture, before, atol=1e-4)
    for name in ("picture", "hidden"):
        refined = parts[0]._replace(**{name: getattr(parts[0], name).flip(-1)})
        assert not torch.allclose(compositor(refined, *parts[1:]).picture, before, atol=1e-4)


def test_a_crop_is_composed_as_in_the_whole_picture_away_from_its_edge(compositor):
    torch.nn.init.normal_(compositor.last.weight)
    refined, carried, matte, planes, descriptor = given()
    whole = compositor(refined, carried, matte, planes, descriptor).picture
    part = Refined(refined.picture[..., 4:, 4:], refined.kept[..., 4:, 4:], refined.hidden[..., 2:, 2:])
    cut = compositor(part, carried[..., 16:, 16:], matte[..., 16:, 16:], planes[..., 2:, 2:], descriptor).picture
    inner = (..., slice(36, 64), slice(36, 64))
    torch.testing.assert_close(cut[..., 20:, 20:], whole[inner], atol=1e-4, rtol=1e-4)


def test_sizes_that_cannot_be_folded_are_refused():
    with pytest.raises(ConfigError, match="folded"):
        replace(CONFIG, size=60)
    with pytest.raises(ConfigError, match="at least one"):
        replace(CONFIG, width=0)
    with pytest.raises(ConfigError, match="irises"):
        replace(CONFIG, guides=1, irises=True)
