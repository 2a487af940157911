"""The converted official model draws the official frames; the slow half of the suite, at 1024 pixels."""

from dataclasses import replace
from fractions import Fraction

import pytest
import torch
from recipe import assert_close, fixture, given, picture

from stylehead_core import Motion, calibrate, edit_style, invert, render, warp_features
from stylehead_core.ops.edits import edit_styles
from stylehead_core.stages.inversion import OptimiseConfig
from stylehead_core.stages.rendering import RenderConfig
from stylehead_core.stages.warping import Speaker

DRAWN = 13  # the middle of 27 frames, whose window is the fixture's


@pytest.fixture(scope="module")
def inversion(model):
    return invert(model, picture("src", 256))


@pytest.fixture(scope="module")
def head(model, inversion):
    coefficients = given("3dmm", (2, 73, 27), 0.5)[0].T.contiguous()
    return warp_features(model, inversion, Motion(coefficients=coefficients, fps=Fraction(25), space="bfm"))


def frame(model, head, **settings):
    (drawn,) = render(model, head, frames=[DRAWN], config=RenderConfig(**settings))
    return drawn


def test_the_file_says_what_it_is_and_what_one_may_do_with_it(converted, model):
    assert model.config == converted.config
    assert "no commercial use" in model.config.notice
    assert model.attributes == ("old", "young", "pose", "beard", "lip")


def test_what_was_not_there_is_named(converted):
    absent = ["BFM_model_front.mat", "epoch_20.pth", "expression.pth", "similarity_Lm3D_all.mat"]
    assert sorted(converted.absent) == absent


def test_inversion_by_encoding_is_the_official_one(inversion):
    reference = fixture("hfgi")
    assert_close(inversion.styles[None], reference["wplus"])
    assert_close(inversion.feature[None], reference["fx"])


def test_a_frame_is_the_official_one(model, head):
    reference = fixture("styleheat")
    assert_close(frame(model, calibrate(model, head)), reference["fake_image"].clamp(-1, 1), 1e-3)
    assert_close(frame(model, head), reference["no_calibration"].clamp(-1, 1), 1e-3)


def test_a_frame_that_also_follows_sound_is_the_official_one(model, inversion, head):
    reference = fixture("styleheat_audio")
    heard = replace(head.motion, mel=given("mel", (2, 80, 32))[0].expand(27, -1, -1))
    with torch.no_grad():
        second = Speaker(model, inversion, heard).flow(slice(DRAWN, DRAWN + 1), head.flow[DRAWN : DRAWN + 1])
    lower = slice(32, 64)
    assert second[:, :, :32].abs().max() == 0
    assert_close(second[:, :, lower], reference["audio_flow_before_zeroing"][:, :, lower], 1e-3)
    speaking = replace(
        head, motion=heard, audio_flow=torch.zeros_like(head.flow).index_copy(0, torch.tensor([DRAWN]), second)
    )
    assert_close(frame(model, calibrate(model, speaking)), reference["fake_image"].clamp(-1, 1), 1e-3)


@pytest.mark.parametrize("attribute", ["old", "young", "beard", "lip", "pose"])
def test_edited_styles_are_the_official_ones(model, inversion, attribute):
    edits = edit_style(model, inversion, attribute).edits
    assert_close(edit_styles(inversion.styles, edits, [1.0])[None], fixture("edit")[f"wplus_{attribute}"])


def test_an_edited_face_is_the_official_one(model, inversion):
    edited = edit_style(model, inversion, "old", strength=0.4)  # of 5: the fixture's factor 2
    (drawn,) = render(model, edited, config=RenderConfig(edited="consulted"))
    assert_close(model.resize(drawn, 256), fixture("edit")["old_ix"], 1e-3)


def test_optimisation_takes_the_official_steps(model):
    reference, steps = fixture("optimise"), []
    refined = invert(
        model,
        picture("src", 256),
        "optimise",
        steps=3,
        on_step=steps.append,
        config=OptimiseConfig(styles="upper"),
    )
    names = ("total", "pixels", "perceptual", "plausible", "near")
    losses = torch.tensor([[step.losses[name] for name in names] for step in steps])
    torch.testing.assert_close(losses, reference["losses_total_l2_lpips_pnorm_lF"], rtol=1e-3, atol=1e-7)
    # Adam's first steps are sign-like, so that values with tiny gradients may go either way.
    apart = (refined.feature[None, ::8, ::2, ::2] - reference["f_latent"]).abs()
    assert apart.mean() < 5e-4
    assert apart.flatten().quantile(0.999) < 1e-2
    assert (steps[-1].styles - reference["w_latent"]).abs().mean() < 5e-4
    assert_close(model.resize(steps[-1].picture, 256), reference["ix"], 0.1)
