"""The whole way from a portrait to frames is the stages one after the other."""

from dataclasses import replace
from importlib import import_module

import pytest
import torch

from stylehead_core import ConfigError, Motion, Portrait, animate, calibrate, edit_style, invert, render, warp_features
from stylehead_core.model.presets import debug
from stylehead_core.model.stylehead import build
from stylehead_core.stages.motion import match_placement

animation = import_module("stylehead_core.animate")  # the package gives this name to its function
MODEL = build(debug("arkit"))
RNG = torch.Generator().manual_seed(0)
PORTRAIT = Portrait(image=torch.rand(1, 3, 64, 64, generator=RNG), coefficients=torch.rand(58, generator=RNG))
MOTION = Motion(coefficients=torch.rand(5, 58, generator=RNG), fps=25)


def test_animate_is_the_stages_in_order():
    inversion = edit_style(MODEL, invert(MODEL, PORTRAIT), "old", 0.5)
    head = calibrate(MODEL, warp_features(MODEL, inversion, match_placement(MOTION, PORTRAIT.coefficients)), 0.7)
    expected = list(render(MODEL, head, chunk=2))
    found = list(animate(MODEL, PORTRAIT, MOTION, edits=[("old", 0.5)], strength=0.7, match=True, chunk=2))
    assert [len(frames) for frames in found] == [2, 2, 1]
    assert torch.equal(torch.cat(found), torch.cat(expected))


def test_an_inversion_made_before_is_taken_as_it_is():
    inversion = invert(MODEL, PORTRAIT)
    once, again = (torch.cat(list(animate(MODEL, source, MOTION))) for source in (PORTRAIT, inversion))
    assert torch.equal(once, again)


def test_the_calibration_acts_fully_unless_told_otherwise():
    inversion = invert(MODEL, PORTRAIT)
    default, full, none = (torch.cat(list(animate(MODEL, inversion, MOTION, strength=s))) for s in (None, 1.0, 0.0))
    assert torch.equal(default, full)
    assert not torch.equal(default, none)


def test_what_cannot_work_is_refused_before_the_first_frame():
    with pytest.raises(ConfigError, match="wings"):
        animate(MODEL, PORTRAIT, MOTION, edits=[("wings", 1.0)])  # the call itself, not the loop over its frames


@pytest.mark.parametrize(("able", "frames"), [(True, 3), (False, 3), (True, 0)])
def test_a_motion_is_rehearsed_where_there_is_a_landmarker_and_the_model_can(monkeypatch, able, frames):
    landmarker, asked = object(), []
    still = replace(MOTION, coefficients=MOTION.coefficients.flip(0))

    def rehearse(model, inversion, motion, landmarker, **settings):
        asked.append((motion, landmarker, settings["frames"]))
        return still

    monkeypatch.setattr(animation, "rehearse", rehearse)
    monkeypatch.setattr(animation, "can_rehearse", lambda model: able)
    inversion = invert(MODEL, PORTRAIT)
    found = torch.cat(list(animate(MODEL, inversion, MOTION, landmarker=landmarker, rehearsed=frames)))
    rehearsed = able and frames > 0
    assert asked == ([(MOTION, landmarker, 3)] if rehearsed else [])
    assert torch.equal(found, torch.cat(list(animate(MODEL, inversion, still if rehearsed else MOTION))))
