"""A model may carry what its generator misses of the portrait along as pixels: the portrait then stays itself."""

from dataclasses import replace

import pytest
import torch

from stylehead_core import ConfigError, Head, Motion, edit_style, invert, render
from stylehead_core.model.config import PRIOR_CHANNELS
from stylehead_core.model.presets import debug
from stylehead_core.model.stylehead import Layers, build
from stylehead_core.networks.face_editor import FaceEditorConfig
from stylehead_core.networks.landmark_prior import GUIDES, LandmarkPriorConfig
from stylehead_core.networks.refiner import RefinerConfig
from stylehead_core.ops.warp import warp, warp_bicubic
from stylehead_core.stages.rendering import RenderConfig

SIZE, CELLS = 64, 32


@pytest.fixture(scope="module")
def model():
    return build(replace(debug("arkit"), carry_detail=True))


@pytest.fixture(scope="module")
def portrait():
    return torch.rand(1, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0)) * 2 - 1


@pytest.fixture(scope="module")
def inversion(model, portrait):
    return invert(model, portrait)


def moved(inversion, columns=0.0, visible=1.0, descriptor=None):
    flow = torch.zeros(1, 2, CELLS, CELLS)
    flow[:, 0] = columns
    visibility = torch.full((1, 1, CELLS, CELLS), visible)
    return Head(
        inversion=inversion,
        motion=Motion(coefficients=torch.zeros(1, 58), fps=25),
        flow=flow,
        visibility=visibility,
        descriptor=descriptor,
    )


def frame(model, source, **settings):
    return next(iter(render(model, source, config=RenderConfig(**settings))))


def test_the_portrait_is_redrawn_as_it_is(inversion, portrait):
    torch.testing.assert_close(inversion.redrawn, portrait)


def test_no_motion_gives_the_inversion_back(model, inversion):
    assert torch.equal(frame(model, inversion), inversion.redrawn)
    assert torch.equal(frame(model, moved(inversion)), inversion.redrawn)


def test_detail_moves_with_the_face(model, inversion):
    plain = frame(model, replace(moved(inversion, 4.0), inversion=replace(inversion, detail=None)))
    difference = frame(model, moved(inversion, 4.0)) - plain
    expected = inversion.detail[..., 16:40, 24:40]  # 4 cells are 8 pixels
    inside = (plain + inversion.detail.roll(-8, -1)).abs()[..., 16:40, 16:32] < 1  # elsewhere it is clamped
    assert inside.float().mean() > 0.5
    torch.testing.assert_close(difference[..., 16:40, 16:32][inside], expected[inside], rtol=0, atol=1e-5)


def test_what_the_portrait_hides_has_no_detail(model, inversion):
    bare = replace(inversion, detail=None)
    assert torch.equal(frame(model, moved(inversion, 2.0, visible=0.1)), frame(model, moved(bare, 2.0, visible=0.1)))


def test_an_edit_keeps_the_detail(model, inversion):
    edited = edit_style(model, inversion, "old", 1.0)
    bare = frame(model, replace(edited, detail=None))
    torch.testing.assert_close(frame(model, edited), (bare + inversion.detail).clamp(-1, 1))


def test_a_sharp_warp_moves_whole_pixels_exactly_and_keeps_more_between_them(portrait):
    flow = torch.zeros(1, 2, SIZE, SIZE)
    flow[:, 1] = 3
    assert torch.equal(warp_bicubic(portrait, flow)[..., :-3, :], portrait[..., 3:, :])
    flow[:, 1] = 0.5
    inside = (..., slice(4, -4), slice(4, -4))
    assert warp_bicubic(portrait, flow)[inside].var() > 1.2 * warp(portrait, flow)[inside].var()


@pytest.fixture(scope="module")
def refining():
    """A model whose refiner changes what it sees."""
    config = replace(debug("arkit"), carry_detail=True)
    descriptor = config.motion_encoder.descriptor
    refiner = RefinerConfig(size=SIZE, feature_size=CELLS, descriptor=descriptor, width=4, units=1)
    model = build(replace(config, refiner=refiner))
    for layer in (model.refiner.last, model.refiner.units[0].out):
        torch.nn.init.normal_(layer.weight, generator=torch.Generator().manual_seed(0))
    return model


@pytest.fixture(scope="module")
def descriptor(refining):
    generator = torch.Generator().manual_seed(0)
    return torch.randn(1, refining.config.motion_encoder.descriptor, generator=generator)


def test_without_motion_nothing_is_refined(refining, portrait, descriptor):
    inversion = invert(refining, portrait)
    assert torch.equal(frame(refining, moved(inversion, descriptor=descriptor)), inversion.redrawn)


def test_a_moved_head_is_refined_by_what_it_shall_do(refining, portrait, descriptor):
    inversion = invert(refining, portrait)
    refined, other, plain = (
        frame(refining, moved(inversion, 2.0, descriptor=given)) for given in (descriptor, -descriptor, None)
    )
    assert (refined - plain).abs().max() > 0.1
    assert (refined - other).abs().max() > 0.01


def test_an_edit_is_carried_along(refining, portrait, descriptor):
    inversion = invert(refining, portrait)
    edited = edit_style(refining, inversion, "old", 1.0)
    seen = moved(edited, 2.0, descriptor=descriptor)
    expected = refining.refine(
        frame(refining, replace(seen, inversion=replace(edited, detail=None))),
        Layers(frame(refining, edited), inversion.detail),
        seen.flow,
        seen.visibility,
        seen.descriptor,
    )
    torch.testing.assert_close(frame(refining, seen), expected, rtol=0, atol=1e-5)


def test_a_refiner_that_is_not_guided_leaves_the_frame_alone(refining, descriptor):
    config = refining.config
    guided = build(
        replace(
            config,
            refiner=replace(config.refiner, guides=GUIDES),
            prior=LandmarkPriorConfig(flow_size=CELLS),
            flow_field=replace(config.flow_field, extra_channels=PRIOR_CHANNELS),
        )
    )
    torch.nn.init.normal_(guided.refiner.last.weight)
    flat, flow = torch.zeros(1, 3, SIZE, SIZE), torch.full((1, 2, CELLS, CELLS), 2.0)
    given = flat, Layers(flat, flat), flow, torch.ones(1, 1, CELLS, CELLS), descriptor
    assert not guided.refine(*given).any()
    shut = torch.full((1, GUIDES, CELLS, CELLS), -1.0)
    assert guided.refine(*given, shut).any()
    assert not torch.equal(guided.refine(*given, -shut), guided.refine(*given, shut))


def test_a_frame_that_moves_by_half_a_cell_is_hardly_mixed_with_the_unrefined_one(refining, descriptor):
    flat = torch.zeros(1, 3, SIZE, SIZE)
    flow, visibility = torch.full((1, 2, CELLS, CELLS), 0.5), torch.ones(1, 1, CELLS, CELLS)
    refined = refining.refiner(flat, flat, visibility, descriptor).clamp(-1, 1)
    assert refined.abs().max() > 0.01
    shown = refining.refine(flat, Layers(flat, flat), flow, visibility, descriptor)
    assert shown.abs().sum() > 0.95 * refined.abs().sum()


def test_a_preview_of_another_size_is_not_refined(refining, portrait, descriptor):
    inversion = invert(refining, portrait)
    seen = moved(inversion, 2.0, descriptor=descriptor)
    assert frame(refining, seen, stop_at=CELLS).shape[-1] == CELLS


def test_an_editor_of_pixels_needs_a_model_that_carries_them_and_cells_that_fill_its_picture():
    config = debug("arkit")
    channels = config.generator.channels[CELLS]
    config = replace(
        config,
        prior=LandmarkPriorConfig(flow_size=CELLS),
        flow_field=replace(config.flow_field, extra_channels=PRIOR_CHANNELS),
    )
    editor = FaceEditorConfig(names=(), feature_channels=channels, plan_size=CELLS, fold=SIZE // CELLS)
    assert replace(config, carry_detail=True, editor=editor).editor is editor
    with pytest.raises(ConfigError, match="carries detail"):
        replace(config, editor=editor)
    with pytest.raises(ConfigError, match="picture size"):
        replace(config, carry_detail=True, editor=replace(editor, fold=4))


def test_a_refiner_needs_what_it_joins():
    config = debug("arkit")
    refiner = RefinerConfig(size=SIZE, feature_size=CELLS, descriptor=config.motion_encoder.descriptor)
    with pytest.raises(ConfigError, match="carries detail"):
        replace(config, refiner=refiner)
    with pytest.raises(ConfigError, match="descriptor"):
        replace(config, carry_detail=True, refiner=replace(refiner, descriptor=3))
    with pytest.raises(ConfigError, match="guides"):  # it has no landmark prior
        replace(config, carry_detail=True, refiner=replace(refiner, guides=2))
