"""How plausible styles are, against the official P-norm and by hand."""

import torch
from recipe import fixture, given, normals

from stylehead_core.networks.style_prior import StylePrior, StylePriorConfig


def test_the_official_p_norm_is_this_one():
    prior = StylePrior()
    prior.mean.copy_(0.1 * normals("pca/X_mean", (512,)))
    prior.components.copy_(normals("pca/X_comp", (512, 512)) / 512**0.5)
    prior.deviation.copy_(1 + 0.2 * normals("pca/X_stdev", (512,)).abs())
    found = 0.001 * prior(given("wplus", (1, 18, 512)))
    torch.testing.assert_close(found, fixture("losses")["p_norm"].squeeze(), rtol=1e-4, atol=0)


def test_the_mean_is_the_most_plausible():
    prior = StylePrior(StylePriorConfig(style_dim=2))
    prior.mean.fill_(3.0)
    assert prior(torch.full((1, 4, 2), 3.0)) == 0
    assert prior(torch.full((1, 4, 2), -1.0)) == 64  # -1 undoes to -5, which is 8 from 3
