"""Laws of the generator, on one that is small enough to run many times."""

import dataclasses

import pytest
import torch

from stylehead_core.config_json import from_json, to_json
from stylehead_core.errors import ConfigError, InputError
from stylehead_core.networks import generator as module
from stylehead_core.networks.generator import Generator, GeneratorConfig

CONFIG = GeneratorConfig(
    size=64, style_dim=8, mapping_layers=2, channels={4: 12, 8: 12, 16: 10, 32: 8, 64: 6}, waist=16, noise=True
)


def make(config=CONFIG):
    torch.manual_seed(0)
    generator = Generator(config).eval().requires_grad_(False)
    for name, parameter in generator.named_parameters():
        if name.endswith((".conv.bias", ".up.bias", ".rgb.bias", "noise_strength")):
            parameter.normal_(std=0.3)  # at their first value, zero, half the rules would not show
    return generator


@pytest.fixture(scope="module")
def generator():
    return make()


@pytest.fixture(scope="module")
def styles():
    return torch.randn(3, CONFIG.rows, 8, generator=torch.Generator().manual_seed(1))


def noise(seed=2):
    return make().noise_maps(torch.Generator().manual_seed(seed))


def psnr(found, expected):
    """Decibels, against the range of ``expected``; more is closer."""
    error = (found.float() - expected).square().mean()
    return (20 * torch.log10(expected.max() - expected.min()) - 10 * torch.log10(error)).item()


@pytest.mark.parametrize("waist", [8, 16, 32, 64])
def test_lower_then_upper_is_the_whole_wherever_the_waist_is(waist, generator, styles):
    split = make(dataclasses.replace(CONFIG, waist=waist))
    feature, rgb = split.lower(styles)
    assert feature.shape == (3, CONFIG.channels[waist], waist, waist)
    assert rgb is not None
    assert rgb.shape == (3, 3, waist // 2, waist // 2)
    torch.testing.assert_close(split.upper(feature, styles, rgb), generator(styles), rtol=0, atol=1e-4)


def test_with_rgb_from_the_waist_nothing_passes_beside_the_feature(styles):
    generator = make(dataclasses.replace(CONFIG, rgb_from=16))
    feature, rgb = generator.lower(styles)
    assert rgb is None
    other = styles.clone()
    other[:, : CONFIG.row(16)] += 1  # the rows that are read below the waist
    torch.testing.assert_close(generator.upper(feature, other, None), generator(styles))


def test_rows_below_the_waist_act_through_feature_and_rgb_alone(generator, styles):
    feature, rgb = generator.lower(styles)
    other = styles.clone()
    other[:, : CONFIG.row(16)] += 1
    assert torch.equal(generator.upper(feature, other, rgb), generator.upper(feature, styles, rgb))


def test_a_batch_draws_what_its_members_draw_alone(generator, styles):
    alone = torch.cat([generator(one[None], noise=noise()) for one in styles])
    torch.testing.assert_close(generator(styles, noise=noise()), alone, rtol=0, atol=1e-4)


def test_weights_prepared_once_draw_every_frame(generator, styles):
    features, rgb = generator.lower(styles)
    constant = styles[:1]
    expected = generator.upper(features, constant.expand(3, -1, -1), rgb)
    prepared = generator.prepare(constant)
    torch.testing.assert_close(generator.draw(features, prepared, rgb), expected, rtol=0, atol=1e-4)
    one_by_one = [generator.draw(features[i : i + 1], prepared, rgb[i : i + 1]) for i in range(3)]
    torch.testing.assert_close(torch.cat(one_by_one), expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("stop_at", [None, 32])
def test_bands_make_the_whole_picture(generator, styles, monkeypatch, stop_at):
    feature, rgb = generator.lower(styles)

    def draw():
        return generator.upper(feature, styles[:1], rgb, stop_at=stop_at)

    whole, bands = draw(), []
    draw_in_bands = module._draw_in_bands
    monkeypatch.setattr(module, "_draw_in_bands", lambda *args: bands.append(1) or draw_in_bands(*args))
    monkeypatch.setattr(module, "BAND_BYTES", 1)
    monkeypatch.setattr(module, "MIN_BAND_ROWS", 6)  # 6, 6 and 4 rows of 16
    torch.testing.assert_close(draw(), whole, rtol=0, atol=1e-4)
    assert len(bands) == (1 if stop_at else 2)


def test_weights_that_learn_are_not_drawn_in_bands(generator, styles, monkeypatch):
    monkeypatch.setattr(module, "BAND_BYTES", 1)
    monkeypatch.setattr(module, "MIN_BAND_ROWS", 2)
    monkeypatch.setattr(module, "_draw_in_bands", None)
    learning = styles.clone().requires_grad_()
    generator(learning).sum().backward()
    assert learning.grad is not None
    assert learning.grad.abs().sum() > 0


def test_a_style_twice_as_large_changes_no_demodulated_layer(generator, styles):
    layer = generator.levels["16"].conv
    x = torch.rand(3, 10, 16, 16, generator=torch.Generator().manual_seed(3))
    layer.style.bias.zero_()
    try:
        torch.testing.assert_close(layer.fix(2 * styles[:, 0])(x), layer.fix(styles[:, 0])(x))
    finally:
        layer.style.bias.fill_(1)


def test_noise_changes_the_picture_and_strength_zero_does_not(generator, styles):
    quiet = make()
    for name, parameter in quiet.named_parameters():
        if name.endswith("noise_strength"):
            parameter.zero_()
    assert torch.equal(quiet(styles, noise=noise()), quiet(styles))
    assert not torch.allclose(generator(styles, noise=noise()), generator(styles))


def test_noise_maps_depend_on_the_seed_alone():
    assert noise(5).keys() == set(range(CONFIG.rows - 1))
    assert all(torch.equal(a, b) for a, b in zip(noise(5).values(), noise(5).values(), strict=True))
    assert not torch.equal(noise(5)[0], noise(6)[0])


def test_a_map_of_the_caller_moves_its_layer_only(generator, styles):
    """The RGB sum below 32 pixels does not know of noise at 32 pixels."""
    row = CONFIG.row(32)
    feature, rgb = generator.lower(styles)

    def draw(maps, stop_at):
        return generator.upper(feature, styles, rgb, noise=maps, stop_at=stop_at)

    maps = {row: noise()[row]}
    assert torch.equal(draw(maps, 16), draw(None, 16))
    assert not torch.allclose(draw(maps, 32), draw(None, 32))


def test_noise_for_a_generator_without_noise_is_refused(styles):
    with pytest.raises(InputError, match="generator without noise layers"):
        make(dataclasses.replace(CONFIG, noise=False))(styles, noise=noise())


def test_a_preview_stops_early(generator, styles):
    feature, rgb = generator.lower(styles)
    assert generator.upper(feature, styles, rgb, stop_at=32).shape == (3, 3, 32, 32)
    assert torch.equal(generator.upper(feature, styles, rgb, stop_at=64), generator.upper(feature, styles, rgb))
    with pytest.raises(ConfigError, match="no picture at 8 pixels: take at least 16"):
        generator.upper(feature, styles, rgb, stop_at=8)


@pytest.mark.parametrize(("dtype", "least"), [(torch.bfloat16, 35), (torch.float16, 55)])
@pytest.mark.parametrize("batch", [1, 3])
def test_half_precision_draws_nearly_the_same(dtype, least, batch, generator, styles):
    exact = generator(styles[:batch])
    half = make().to(dtype)(styles[:batch].to(dtype))
    assert half.dtype == torch.float32, "the RGB sum would show steps"
    assert psnr(half, exact) > least


def test_float16_holds_styles_that_are_very_large(generator, styles):
    """Demodulation takes the size of a style away again; float16 ends at 65504."""
    layer = make().levels["32"].conv.half()
    drawn = layer.fix(1e4 * styles[:, 0].half())(torch.ones(3, 8, 32, 32).half())
    assert drawn.isfinite().all()


def test_gradients_reach_styles_feature_and_weights():
    generator = make().requires_grad_(True)
    styles = torch.zeros(2, CONFIG.rows, 8, requires_grad=True)
    feature, rgb = generator.lower(styles)
    feature.retain_grad()
    generator.upper(feature, styles, rgb).square().mean().backward()
    assert feature.grad is not None
    assert styles.grad is not None
    assert styles.grad.abs().amax(dim=(0, 2)).gt(0).all(), "a style row has no effect"
    untouched = {name for name, p in generator.named_parameters() if p.grad is None}
    assert untouched == {n for n, _ in generator.named_parameters() if n.startswith("mapping") or "noise" in n}


def test_gradients_of_gradients_reach_the_mapping():
    """The path length regulariser of StyleGAN2 needs them."""
    generator = make().requires_grad_(True)
    w = generator.map(torch.randn(2, 8, generator=torch.Generator().manual_seed(4)))
    picture = generator(w[:, None].expand(-1, CONFIG.rows, -1))
    (slope,) = torch.autograd.grad(picture.square().mean(), w, create_graph=True)
    slope.square().sum().backward()
    assert all(layer.weight.grad.abs().sum() > 0 for layer in generator.mapping)


def test_what_is_saved_is_what_is_loaded(generator, styles):
    again = Generator(from_json(GeneratorConfig, to_json(CONFIG)))
    again.load_state_dict(generator.state_dict())
    again.requires_grad_(False)
    assert again.config == CONFIG
    assert torch.equal(again(styles), generator(styles))


def test_the_mapping_forgets_how_large_its_input_is(generator):
    z = torch.randn(2, 8, generator=torch.Generator().manual_seed(4))
    torch.testing.assert_close(generator.map(3 * z), generator.map(z))


def test_the_default_is_the_official_generator():
    config = GeneratorConfig()
    assert (config.rows, config.row(64)) == (18, 8)
    assert list(config.channels.values()) == [512, 512, 512, 512, 512, 256, 128, 64, 32]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"size": 100}, "size must be 64, 128, 256, 512 or 1024; found 100"),
        ({"size": 64, "waist": 128}, "waist must be one of the resolutions 8, 16, 32, 64; found 128"),
        ({"waist": 4}, "waist must be one of"),
        ({"size": 64, "rgb_from": 128}, "rgb_from must be one of"),
        ({"size": 64, "channels": {128: 4}}, r"\[128\] pixels, but a picture of 64 is drawn at 4, 8, 16, 32, 64"),
        ({"channels": {64: 0}}, "at least 1; found 0"),
    ],
)
def test_a_config_that_cannot_work_is_refused(wrong, message):
    with pytest.raises(ConfigError, match=message):
        GeneratorConfig(**wrong)
