"""A refined frame is the carried portrait where it is seen, and the drawing where it is hidden."""

import pytest
import torch

from stylehead_core.errors import ConfigError
from stylehead_core.models.refiner import Refiner, RefinerConfig

CONFIG = RefinerConfig(size=32, feature_channels=4, feature_size=16, width=6, units=2)


@pytest.fixture
def refiner():
    torch.manual_seed(0)
    return Refiner(CONFIG).requires_grad_(False)


def pictures(seed):
    return 2 * torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(seed)) - 1


def test_before_it_has_learnt_it_trusts_what_is_seen(refiner):
    drawn, carried, feature = pictures(0), pictures(1), torch.randn(2, 4, 16, 16)
    trust = torch.sigmoid(torch.tensor(4.0))
    for visible, weight in ((1.0, trust), (0.0, 1 - trust), (0.5, torch.tensor(0.5))):
        found = refiner(drawn, carried, feature, torch.full((2, 1, 16, 16), visible))
        torch.testing.assert_close(found, drawn + weight * (carried - drawn))


def test_it_sees_feature_map_and_both_pictures(refiner):
    torch.nn.init.normal_(refiner.last.weight)
    given = [pictures(0), pictures(1), torch.randn(2, 4, 16, 16), torch.rand(2, 1, 16, 16)]
    before = refiner(*given)
    for number, part in enumerate(given):
        other = [*given[:number], part.flip(-1), *given[number + 1 :]]
        assert not torch.allclose(refiner(*other), before, atol=1e-3)


def test_heads_of_a_batch_do_not_mix(refiner):
    torch.nn.init.normal_(refiner.last.weight)
    given = [pictures(0), pictures(1), torch.randn(2, 4, 16, 16), torch.rand(2, 1, 16, 16)]
    torch.testing.assert_close(refiner(*given)[1:], refiner(*(part[1:] for part in given)), rtol=0, atol=1e-5)


@pytest.mark.parametrize("wrong", [{"size": 40}, {"width": 0}, {"units": 0}])
def test_sizes_that_do_not_fit_are_refused(wrong):
    with pytest.raises(ConfigError):
        RefinerConfig(feature_size=16, **wrong)
