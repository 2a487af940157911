"""The layer study on a tiny generator, whose convolutions move with what they draw."""

import pytest
import torch

from stylehead_core.errors import ConfigError
from stylehead_core.evaluation.known_flows import KNOWN_FLOWS, bend, shift, turn, zoom
from stylehead_core.evaluation.layer_study import follow, studied_resolutions, study_layers
from stylehead_core.networks.generator import Generator, GeneratorConfig
from stylehead_core.ops.warp import warp

SIZE = 64


@pytest.fixture(scope="module")
def generator() -> Generator:
    torch.manual_seed(0)
    config = GeneratorConfig(size=SIZE, style_dim=8, mapping_layers=1, channels=dict.fromkeys((4, 8, 16, 32, 64), 8))
    config = GeneratorConfig(**{**vars(config), "waist": 32})
    generator = Generator(config).eval()
    with torch.no_grad():  # as loud at every resolution
        for level in generator.levels.values():
            level.rgb.weight *= 0.3
    return generator


@pytest.fixture(scope="module")
def styles(generator) -> torch.Tensor:
    return torch.randn(2, generator.rows, 8, generator=torch.Generator().manual_seed(1))


def noise(seed: int = 0) -> torch.Tensor:
    return torch.rand(1, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(seed)) * 2 - 1


@pytest.mark.parametrize("part", [1.0, 0.7, 0.0])
def test_a_blend_of_moved_and_unmoved_is_taken_apart(part):
    flow = shift(SIZE, 4 / SIZE, 2 / SIZE)
    picture = noise()
    warped = warp(picture, flow)
    found = follow(part * warped + (1 - part) * picture, picture, warped, flow)
    assert found.moved == pytest.approx(part, abs=1e-3)
    assert found.ghost == pytest.approx(1 - part, abs=1e-3)
    assert found.error == pytest.approx((1 - part) * found.still, rel=1e-3, abs=1e-3)


def test_an_unrelated_picture_neither_follows_nor_ghosts():
    flow = turn(SIZE)
    found = follow(noise(1), noise(), warp(noise(), flow), flow)
    assert abs(found.moved) < 0.1
    assert abs(found.ghost) < 0.1


def test_only_what_moves_counts():
    flow = bend(SIZE)
    picture = noise()
    warped = warp(picture, flow)
    spoilt = torch.where(flow.norm(dim=1, keepdim=True) > 1e-2, warped, noise(1))
    assert follow(spoilt, picture, warped, flow).error == 0


def test_without_a_flow_every_layer_draws_the_picture(generator, styles):
    study = study_layers(generator, styles, torch.zeros(1, 2, SIZE, SIZE))
    assert list(study.drawn) == [4, 8, 16, 32, 64] == studied_resolutions(generator)
    for drawn in study.drawn.values():
        torch.testing.assert_close(drawn, study.picture)


@pytest.mark.parametrize("resolution", [8, 16, 32, 64])
def test_whole_pixels_at_any_layer_move_the_picture_where_the_sum_moves_along(generator, styles, resolution):
    pixels = SIZE // 4  # two pixels of the smallest map, one of the RGB sum below it
    flow = shift(SIZE, pixels / SIZE, 0)
    study = study_layers(generator, styles, flow, resolutions=[resolution], rgb="warped")
    inner = (..., slice(24, 40), slice(20, 28))  # what no border reaches, before or after
    if resolution >= 32:
        torch.testing.assert_close(study.drawn[resolution][inner], study.warped[inner], atol=2e-2, rtol=0)
    assert study.followed[resolution].moved > 0.5


def test_a_still_sum_leaves_a_ghost(generator, styles):
    flow = shift(SIZE, 1 / 8, 0)
    still = study_layers(generator, styles, flow, resolutions=[64])
    along = study_layers(generator, styles, flow, resolutions=[64], rgb="warped")
    assert still.followed[64].ghost > along.followed[64].ghost + 0.1
    assert still.followed[64].error > along.followed[64].error


def test_the_generator_keeps_its_own_waist(generator, styles):
    study_layers(generator, styles, zoom(SIZE), resolutions=[8])
    assert generator.config.waist == 32


def test_a_map_that_is_not_there_is_refused(generator, styles):
    with pytest.raises(ConfigError, match="4, 8, 16, 32, 64"):
        study_layers(generator, styles, zoom(SIZE), resolutions=[12])


def test_the_table_has_a_line_for_each_layer(generator, styles):
    lines = study_layers(generator, styles, turn(SIZE)).table().splitlines()
    assert [line.split()[0] for line in lines[1:]] == ["4", "8", "16", "32", "64"]


def test_known_flows_move_as_they_say():
    picture = torch.zeros(1, 1, 65, 65)
    picture[..., 32, 52] = 1  # right of the middle
    assert _brightest(warp(picture, shift(65, 10 / 65, 5 / 65))) == (27, 42)
    assert _brightest(warp(picture, turn(65, torch.pi / 2))) == (52, 32)  # clockwise: below
    assert _brightest(warp(picture, zoom(65, 1.5))) == (32, 62)
    dented = bend(65)
    assert dented[0, 1].min() == pytest.approx(-0.06 * 65, rel=1e-2)
    assert set(KNOWN_FLOWS) == {"bend", "shift", "turn", "zoom"}


def _brightest(picture: torch.Tensor) -> tuple[int, int]:
    index = int(picture.argmax())
    return index // picture.shape[-1], index % picture.shape[-1]
