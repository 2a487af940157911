"""A refined frame is the carried portrait where it is seen, and the drawing where it is hidden."""

from dataclasses import replace

import pytest
import torch

from stylehead_core.errors import ConfigError
from stylehead_core.networks.refiner import Refiner, RefinerConfig

CONFIG = RefinerConfig(size=32, feature_size=16, descriptor=5, hidden=3, width=6, units=2)


@pytest.fixture
def refiner():
    torch.manual_seed(0)
    return Refiner(CONFIG).requires_grad_(False)


@pytest.fixture
def learnt(refiner):
    """One that changes what it sees."""
    for layer in (refiner.last, *(unit.out for unit in refiner.units)):
        torch.nn.init.normal_(layer.weight)
    return refiner


def pictures(seed, size=32):
    return 2 * torch.rand(2, 3, size, size, generator=torch.Generator().manual_seed(seed)) - 1


def given(size=32):
    return pictures(0, size), pictures(1, size), torch.rand(2, 1, size // 2, size // 2), torch.randn(2, 5)


def test_before_it_has_learnt_it_trusts_what_is_seen(refiner):
    drawn, carried, _, descriptor = given()
    trust = torch.sigmoid(torch.tensor(4.0))
    for visible, weight in ((1.0, trust), (0.0, 1 - trust), (0.5, torch.tensor(0.5))):
        found = refiner(drawn, carried, torch.full((2, 1, 16, 16), visible), descriptor)
        torch.testing.assert_close(found, drawn + weight * (carried - drawn))


def test_it_sees_both_pictures_and_knows_the_motion(learnt):
    parts = given()
    before = learnt(*parts)
    for number, part in enumerate(parts):
        assert not torch.allclose(learnt(*parts[:number], part.flip(-1), *parts[number + 1 :]), before, atol=1e-3)


def test_it_sees_its_guides():
    torch.manual_seed(0)
    refiner = Refiner(replace(CONFIG, guides=2)).requires_grad_(False)
    torch.nn.init.normal_(refiner.last.weight)
    drawn, carried, visibility, descriptor = given()
    shut = torch.full((2, 2, 16, 16), -1.0)
    open_ = shut.clone()
    open_[:, 0, 6:9, 6:10] = 0.5
    found = [refiner(drawn, carried, torch.cat((visibility, planes), dim=1), descriptor) for planes in (shut, open_)]
    difference = (found[1] - found[0]).abs().amax((0, 1))
    assert difference[12:18, 12:20].mean() > 0.05
    assert difference[:2].max() == 0  # two layers see five cells


def test_heads_of_a_batch_do_not_mix(learnt):
    parts = given()
    torch.testing.assert_close(learnt(*parts)[1:], learnt(*(part[1:] for part in parts)), rtol=0, atol=1e-5)


def test_far_from_its_edges_a_cut_is_refined_as_the_whole(learnt):
    drawn, carried, visibility, descriptor = given(96)
    whole = learnt(drawn, carried, visibility, descriptor)
    cut = learnt(drawn[..., 16:80, 16:80], carried[..., 16:80, 16:80], visibility[..., 8:40, 8:40], descriptor)
    torch.testing.assert_close(cut[..., 16:48, 16:48], whole[..., 32:64, 32:64], rtol=0, atol=1e-4)


@pytest.mark.parametrize("wrong", [{"size": 40}, {"width": 0}, {"units": 0}, {"guides": -1}])
def test_sizes_that_do_not_fit_are_refused(wrong):
    with pytest.raises(ConfigError):
        RefinerConfig(feature_size=16, **wrong)


def test_a_refiner_that_paints_does_so_inside_mouths_whatever_is_drawn_there():
    torch.manual_seed(0)
    refiner = Refiner(replace(CONFIG, guides=2, paint=True)).requires_grad_(False)
    drawn, carried, visibility, descriptor = given()
    guides = torch.full((2, 2, 16, 16), -1.0)
    guides[:, 0, 5:11, 5:11] = 1.0
    refiner.paint.weight.zero_()
    refiner.paint.bias[4:8] = -2.0  # of the fold: red, low
    found = refiner.refine(drawn, carried, torch.cat((visibility, guides), dim=1), descriptor)
    inside, outside = (..., slice(13, 19), slice(13, 19)), (..., slice(0, 6), slice(None))
    assert (found.picture[:, 0][inside[1:]] < -0.8).all()
    assert (found.kept[inside] < 0.05).all()
    plain = Refiner(replace(CONFIG, guides=2)).requires_grad_(False)
    plain.load_state_dict({k: v for k, v in refiner.state_dict().items() if not k.startswith("paint")})
    without = plain(drawn, carried, torch.cat((visibility, guides), dim=1), descriptor)
    torch.testing.assert_close(found.picture[outside], without[outside], atol=0.01, rtol=0)


def test_a_refiner_can_only_paint_where_it_is_told_of_mouths():
    with pytest.raises(ConfigError, match="paints"):
        replace(CONFIG, paint=True)
