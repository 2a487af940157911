"""The demonstration without a driving video, against the reference where that is at hand."""

import math
import os
from pathlib import Path

import numpy as np
import pytest
import torch

from stylehead_core.ops.intuitive import TRANSITION, Expressions, intuitive_schedule

SHARED = Path(os.environ.get("STYLEHEAD_SHARED", Path(__file__).parents[3] / "shared"))
FIXTURE = SHARED / "reference" / "fixtures" / "intuitive.npz"


def made_up() -> tuple[torch.Tensor, Expressions]:
    rng = torch.Generator().manual_seed(0)
    source, *keys = torch.randn(5, 73, generator=rng)
    return source, Expressions(**dict(zip(("centre", "mouth", "eyebrow", "eyes"), (k[:64] for k in keys), strict=True)))


@pytest.mark.skipif(not FIXTURE.is_file(), reason="the official expressions are only in the reference material")
def test_the_schedule_agrees_with_the_reference():
    with np.load(FIXTURE) as arrays:
        source, expected = (torch.from_numpy(arrays[name]) for name in ("source", "schedule"))
    # Each key expression is the last frame of the transition that leads to it.
    centre, mouth, eyebrow, eyes = (expected[row, :64] for row in (129, 139, 159, 179))
    found = intuitive_schedule(source[0], Expressions(centre=centre, mouth=mouth, eyebrow=eyebrow, eyes=eyes))
    torch.testing.assert_close(found, expected, rtol=0, atol=2e-6)


def test_there_are_nineteen_transitions_without_jumps():
    motion = intuitive_schedule(*made_up())
    assert motion.shape == (19 * TRANSITION, 73)
    ends = torch.arange(TRANSITION, 19 * TRANSITION, TRANSITION)
    torch.testing.assert_close(motion[ends], motion[ends - 1], rtol=0, atol=1e-6)


def test_the_head_turns_as_far_as_the_paper_says_and_comes_back():
    rotation = intuitive_schedule(*made_up())[:, 64:67]
    torch.testing.assert_close(rotation.amax(0), torch.tensor((math.pi / 10, math.pi / 8, math.pi / 10)))
    torch.testing.assert_close(rotation.amin(0), -rotation.amax(0))
    assert rotation[119:].abs().max() < 1e-6


def test_the_expression_is_the_sources_until_the_head_is_back():
    source, expressions = made_up()
    motion = intuitive_schedule(source, expressions)
    assert torch.equal(motion[:121, :64], source[:64].expand(121, -1))
    torch.testing.assert_close(motion[-1, :64], expressions.centre)


def test_the_crop_is_the_sources_throughout():
    source, expressions = made_up()
    motion = intuitive_schedule(source, expressions)
    assert torch.equal(motion[:, 70:], source[70:].expand(190, -1))
