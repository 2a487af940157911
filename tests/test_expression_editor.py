"""An editor's picture is the frame that the small steps give for the same sliders."""

from fractions import Fraction

import pytest
import torch

from stylehead_core import animate
from stylehead_core.errors import ConfigError
from stylehead_core.expression_editor import ExpressionDrawer, edited_motion
from stylehead_core.model.presets import debug
from stylehead_core.model.stylehead import build
from stylehead_core.records import Portrait
from stylehead_core.spaces import ARKIT
from stylehead_core.stages.inversion import invert
from stylehead_core.stages.motion_sliders import motion_from_sliders

MODEL = build(debug())
PICTURE = torch.rand(1, 3, MODEL.config.size, MODEL.config.size, generator=torch.Generator().manual_seed(0))
PORTRAIT = Portrait(image=PICTURE, coefficients=torch.zeros(len(ARKIT.names)))
INVERSION = invert(MODEL, PORTRAIT)


@pytest.fixture
def drawer() -> ExpressionDrawer:
    return ExpressionDrawer(MODEL, INVERSION)


def test_an_expression_is_drawn_as_by_its_motion_also_after_another_one(drawer):
    drawer.draw("yaw -10")
    expected = next(animate(MODEL, INVERSION, motion_from_sliders({"smile": 0.5, "yaw": 10})))[0]
    assert torch.equal(drawer.draw("smile 0.5, yaw 10").picture, expected)


def test_a_moment_of_key_frames_is_drawn_as_they_say(drawer):
    keys = "0: yaw 0\n1: yaw 10"
    assert torch.equal(drawer.draw("", keys, 1.0).picture, drawer.draw("yaw 10").picture)
    assert torch.equal(drawer.draw("", keys, 0.0).picture, drawer.draw("").picture)


def test_a_slider_beyond_what_pictures_hold_warns(drawer):
    assert drawer.draw("yaw 20").warning == ""
    assert drawer.draw("yaw 40").warning == "yaw 40 is beyond 25, where pictures still hold"


def test_a_motion_is_at_least_as_long_as_its_last_key():
    motion = edited_motion(MODEL, "", "0: yaw 0\n1: yaw 10", 1, Fraction(25))
    assert len(motion) == 26
    assert len(edited_motion(MODEL, "yaw 5", "", 3, Fraction(25))) == 3


def test_a_text_that_does_not_read_is_refused(drawer):
    with pytest.raises(ConfigError, match="An expression reads like"):
        drawer.draw("smile later")
