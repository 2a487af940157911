"""CSIM, AED and APD: whether it is the same person, with the expression and pose that were asked for."""

import math

import pytest
import torch

from stylehead_core.evaluation.metrics.aed import aed
from stylehead_core.evaluation.metrics.apd import apd
from stylehead_core.evaluation.metrics.csim import csim
from stylehead_core.spaces import space_named


def test_csim_is_the_cosine_whatever_the_length():
    source = torch.tensor([[1.0, 0.0]])
    frames = torch.tensor([[5.0, 0.0], [0.0, 2.0], [-1.0, 0.0], [1.0, 1.0]])
    torch.testing.assert_close(csim(frames, source), torch.tensor([1.0, 0.0, -1.0, math.sqrt(0.5)]))


@pytest.mark.parametrize(("space", "expressions"), [("arkit", 52), ("bfm", 64)])
def test_aed_is_the_mean_over_the_expression_alone(space, expressions):
    driving = torch.zeros(2, len(space_named(space).names))
    generated = driving.clone()
    generated[0, 3] = -0.5  # one expression coefficient
    generated[1, expressions:] = 9.0  # pose and place
    torch.testing.assert_close(aed(generated, driving, space), torch.tensor([0.5 / expressions, 0.0]))


@pytest.mark.parametrize("space", ["arkit", "bfm"])
def test_apd_is_the_mean_over_three_angles_alone(space):
    driving = torch.zeros(2, len(space_named(space).names))
    generated = driving + 1
    generated[:, space_named(space).rotation] = torch.tensor([0.3, -0.3, 0.0])
    torch.testing.assert_close(apd(generated, driving, space), torch.tensor([0.2, 0.2]))


def test_apd_goes_the_short_way_round():
    driving = torch.zeros(1, 58)
    generated = driving.clone()
    generated[:, space_named("arkit").rotation] = 2 * math.pi - 0.1
    torch.testing.assert_close(apd(generated, driving), torch.tensor([0.1]), atol=1e-5, rtol=0)
