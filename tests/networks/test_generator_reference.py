"""With the recipe's weights the full generator draws what the official one draws."""

import pytest
import recipe

from stylehead_core.convert import generator as adapter
from stylehead_core.networks.generator import Generator
from stylehead_core.ops.warp import warp

ROWS, RESOLUTIONS = 18, (4, 8, 16, 32, 64, 128, 256, 512, 1024)


@pytest.fixture(scope="module")
def generator():
    return recipe.filled(Generator, adapter.from_official(recipe.official_state("stylegan2")))


@pytest.fixture(scope="module")
def styles():
    return recipe.given("wplus", (1, ROWS, 512))


def test_the_mapping_is_the_official_one(generator):
    expected = recipe.fixture("mapping")
    recipe.assert_close(generator.map(expected["z"]), expected["w"])


def test_the_feature_the_rgb_sum_and_the_picture_are_the_official_ones(generator, styles):
    expected = recipe.fixture("synthesis_w")
    feature, rgb = generator.lower(styles)
    picture = generator.upper(feature, styles, rgb)
    recipe.assert_close(feature, expected["f64"])
    recipe.assert_close(rgb, expected["rgb/to_rgbs.2"])
    recipe.assert_close(picture, expected["image"])
    recipe.assert_close(recipe.central_crop(picture), expected["image__crop"])


@pytest.mark.parametrize("resolution", RESOLUTIONS[4:-1])
def test_a_preview_is_the_official_partial_sum(generator, styles, resolution):
    feature, rgb = generator.lower(styles)
    preview = generator.upper(feature, styles, rgb, stop_at=resolution)
    recipe.assert_close(preview, recipe.fixture("synthesis_w")[f"rgb/to_rgbs.{RESOLUTIONS.index(resolution) - 1}"])


def test_every_layer_is_the_official_one(generator, styles):
    expected = recipe.fixture("synthesis_w")
    x = generator.constant[None]
    layers = [generator.levels["4"].conv]
    for resolution in RESOLUTIONS[1:]:
        layers += [generator.levels[str(resolution)].up, generator.levels[str(resolution)].conv]
    for row, layer in enumerate(layers):
        x = layer.fix(styles[:, row])(x)
        name = "act/conv1" if row == 0 else f"act/convs.{row - 1}"
        recipe.assert_close(x[:, :16], expected[name], std=expected[f"{name}__stats"][2].item())


def test_an_injected_feature_is_drawn_as_officially(generator, styles):
    expected = recipe.fixture("synthesis_f")
    _, rgb = generator.lower(styles)
    picture = generator.upper(recipe.given("f64", (1, 512, 64, 64)), styles, rgb)
    recipe.assert_close(picture, expected["image_f"])
    recipe.assert_close(recipe.central_crop(picture), expected["image_f__crop"])


def test_a_warped_and_refined_feature_is_drawn_as_officially(generator, styles):
    expected = recipe.fixture("synthesis_f")
    _, rgb = generator.lower(styles)
    scale, shift = (recipe.given(name, (1, 512, 64, 64), 0.3) for name in ("refine_scale", "refine_shift"))
    warped = warp(recipe.given("f64", (1, 512, 64, 64)), expected["flow"], "official")
    recipe.assert_close(warped, expected["f64_warped"], 1e-3)
    picture = generator.upper(warped * (1 + scale) + shift, styles, rgb)
    recipe.assert_close(picture, expected["image_f_warp_refine"], 1e-3)
    recipe.assert_close(recipe.central_crop(picture), expected["image_f_warp_refine__crop"], 1e-3)
