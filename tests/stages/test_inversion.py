"""Laws of the inversion: what is found redraws the picture, and refining only ever helps."""

from dataclasses import replace

import pytest
import torch

from stylehead_core import ConfigError, InputError, Portrait, StyleHeadError, invert, render
from stylehead_core.model.presets import debug
from stylehead_core.model.stylehead import build
from stylehead_core.networks.coefficients import CoefficientsConfig
from stylehead_core.stages.inversion import OptimiseConfig


def test_the_redrawn_picture_is_what_the_codes_draw(scene):
    (drawn,) = render(scene.model, scene.inversion)
    assert torch.equal(drawn, scene.inversion.redrawn)


def test_a_picture_and_a_portrait_of_it_are_inverted_alike(scene):
    bare = invert(scene.model, scene.portrait.image)
    assert torch.equal(bare.feature, scene.inversion.feature)
    assert bare.portrait.coefficients is None
    assert scene.inversion.portrait is scene.portrait


def test_coefficients_of_another_space_are_measured_anew():
    config = replace(debug("bfm"), coefficients=CoefficientsConfig(blocks=(1,), width=8))
    model = build(config)
    model.face_points.copy_(torch.tensor([[-1, 1, 0.5], [1, 1, 0.5], [0, 0, 1], [-0.7, -1, 0.6], [0.7, -1, 0.6]]))
    landmarks = torch.rand(478, 3, generator=torch.Generator().manual_seed(0)) * 40 + 12
    seen = Portrait(image=torch.zeros(1, 3, 64, 64), landmarks=landmarks, coefficients=torch.zeros(58))
    assert invert(model, seen).portrait.coefficients.shape == (73,)
    assert invert(build(debug("bfm")), seen).portrait.coefficients is None


def test_a_picture_of_another_size_is_resized(scene):
    assert invert(scene.model, torch.zeros(1, 3, 200, 200)).redrawn.shape == (1, 3, 64, 64)


@pytest.mark.parametrize("styles", ["fixed", "upper"])
def test_refining_brings_the_picture_closer(scene, styles):
    steps = []
    config = OptimiseConfig(styles=styles, lr=0.05, perceptual=0)
    refined = invert(scene.model, scene.portrait, "optimise", steps=10, on_step=steps.append, config=config)
    assert [step.done for step in steps] == list(range(1, 11))
    assert steps[-1].losses["total"] < steps[0].losses["total"]
    apart = [(x.redrawn - scene.portrait.image).square().mean() for x in (refined, scene.inversion)]
    assert apart[0] < apart[1]
    assert refined.residual is None


def test_fixed_styles_stay_and_free_ones_move_only_above_the_feature_map(scene):
    first_free = scene.model.config.generator.row(32) + 1
    fixed, free = (
        invert(scene.model, scene.portrait, "optimise", steps=2, config=OptimiseConfig(styles=styles)).styles
        for styles in ("fixed", "upper")
    )
    start = invert(scene.model, scene.portrait).styles
    torch.testing.assert_close(fixed, start)
    assert torch.equal(free[:first_free], fixed[:first_free])
    assert not torch.equal(free[first_free:], fixed[first_free:])


def test_refining_works_inside_a_hosts_inference_mode(scene):
    expected = invert(scene.model, scene.portrait, "optimise", steps=3)
    with torch.inference_mode():
        model = build(scene.model.config).to(torch.float64).to(torch.float32)  # as a host that moves it about
        model.load_state_dict(scene.model.state_dict())
        found = invert(model, scene.portrait.image.clone(), "optimise", steps=3)
    torch.testing.assert_close(found.feature, expected.feature)


def test_refining_leaves_no_gradients_behind(scene):
    invert(scene.model, scene.portrait, "optimise", steps=1)
    assert all(not weight.requires_grad and weight.grad is None for weight in scene.model.parameters())


def test_refining_stops_when_asked(scene):
    def stop(step):
        if step.done == 2:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        invert(scene.model, scene.portrait, "optimise", steps=100, on_step=stop)


def test_refining_that_goes_astray_says_so():
    model = build(debug())
    with torch.no_grad():
        model.generator.levels["64"].rgb.bias.fill_(torch.inf)
    with pytest.raises(StyleHeadError, match="astray in step 1"):
        invert(model, torch.zeros(1, 3, 64, 64), "optimise", steps=2)


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (torch.zeros(3, 64, 64), r"\(1, 3, S, S\); found \(3, 64, 64\)"),
        (torch.zeros(1, 1, 64, 64), "found"),
        (torch.zeros(1, 3, 64, 32), "square"),
        (torch.full((1, 3, 64, 64), 128.0), "from -1"),
        (torch.full((1, 3, 64, 64), torch.nan), "found nan"),
    ],
)
def test_a_wrong_picture_is_refused(scene, image, words):
    with pytest.raises(InputError, match=words):
        invert(scene.model, image)


def test_wrong_settings_are_refused(scene):
    with pytest.raises(ConfigError, match="'encode', 'optimise', 'as published'; found 'guess'"):
        invert(scene.model, scene.portrait, "guess")
    with pytest.raises(ConfigError, match="at least one step"):
        invert(scene.model, scene.portrait, "optimise", steps=0)
    with pytest.raises(ConfigError, match="rate above 0"):
        OptimiseConfig(lr=0)


def test_as_published_is_250_steps_with_fixed_styles_and_the_encoders_codes_for_edits(scene):
    told = []
    other = OptimiseConfig(lr=0.5, styles="upper", perceptual=0)
    found = invert(scene.model, scene.portrait, "as published", 3, told.append, other)
    assert (len(told), told[-1].total) == (250, 250)
    assert torch.equal(found.styles, scene.inversion.styles)  # fixed
    assert not torch.equal(found.feature, scene.inversion.feature)
    assert found.edited == "consulted"
    assert torch.equal(found.encoded.feature, scene.inversion.feature)


def test_styles_rate_and_steps_are_the_users(scene):
    fixed, upper = (
        invert(scene.model, scene.portrait, "optimise", 2, config=OptimiseConfig(perceptual=0, styles=styles))
        for styles in ("fixed", "upper")
    )
    assert torch.equal(fixed.styles, scene.inversion.styles)
    assert not torch.equal(upper.styles, scene.inversion.styles)
