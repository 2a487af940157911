"""``stylehead layer-study`` on a model with random weights, from file to figure."""

import argparse
import json

import pytest
import torch

from stylehead_core.errors import ConfigError
from stylehead_core.evaluation.layer_study_command import add_arguments, run, sample_styles
from stylehead_core.media.pictures import read_picture
from stylehead_core.model.files import load_stylehead, save_stylehead
from stylehead_core.model.presets import debug
from stylehead_core.model.stylehead import build
from stylehead_core.networks.style_statistics import StyleStatistics, StyleStatisticsConfig
from stylehead_core.training.embed import measure_styles


@pytest.fixture(scope="module")
def model():
    made = build(debug(), seed=0)
    measure_styles(made, torch.randint(256, (9, 3, 64, 64), generator=torch.Generator().manual_seed(0)).byte())
    return made


def test_it_prints_a_table_and_draws_a_row_for_each_flow(model, tmp_path, capsys):
    save_stylehead(model, tmp_path / "model.safetensors")
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    figure, numbers = tmp_path / "figure.png", tmp_path / "numbers.json"
    options = ["--samples", "2", "--figure", str(figure), "--json", str(numbers)]
    assert run(parser.parse_args(["--model", str(tmp_path / "model.safetensors"), *options])) == 0
    printed = capsys.readouterr().out
    found = json.loads(numbers.read_text())
    assert list(found) == ["bend", "shift", "turn", "zoom"]
    assert list(found["turn"]) == [str(r) for r in model.config.generator.resolutions]
    assert all(name in printed for name in found)
    height, width = read_picture(figure).shape[-2:]
    assert height > 4 * 160
    assert width > (2 + len(found["turn"])) * 160


def test_samples_are_drawn_again_from_their_seed_and_shrink_to_the_mean(model):
    once, again = (sample_styles(model, 3, seed=5, spread=1) for _ in range(2))
    assert torch.equal(once, again)
    near = sample_styles(model, 3, seed=5, spread=0)
    torch.testing.assert_close(near, model.style_statistics.mean.expand_as(near))


def test_every_row_is_sampled_by_itself_as_widely_as_it_was_measured():
    statistics = StyleStatistics(StyleStatisticsConfig(rows=2, style_dim=3, directions=3))
    rng = torch.Generator().manual_seed(0)
    turn = torch.linalg.qr(torch.randn(3, 3, generator=rng))[0]
    measured = torch.randn(5000, 2, 3, generator=rng) * torch.tensor([3.0, 1.0, 0.1]) @ turn + 7
    statistics.measure(measured)
    drawn = statistics.sample(5000, torch.Generator().manual_seed(1))
    for row in range(2):
        torch.testing.assert_close(drawn[:, row].T.cov(), measured[:, row].T.cov(), atol=0.4, rtol=0.1)
    torch.testing.assert_close(drawn.mean(0), torch.full((2, 3), 7.0), atol=0.15, rtol=0)
    crossed = torch.cat((drawn[:, 0], drawn[:, 1]), dim=1).T.corrcoef()[:3, 3:]
    assert crossed.abs().max() < 0.1
    together = statistics.sample(5000, torch.Generator().manual_seed(1), independent=False)
    assert torch.cat((together[:, 0], together[:, 1]), dim=1).T.corrcoef()[:3, 3:].abs().max() > 0.5


def test_a_model_that_was_never_taught_to_draw_from_noise_is_refused():
    embedded = load_stylehead("stylehead-512")
    embedded.style_statistics = None
    with pytest.raises(ConfigError, match="cannot be sampled: its file holds no statistics"):
        sample_styles(embedded, 2, seed=0, spread=0.7)


def test_statistics_travel_in_the_models_file(model, tmp_path):
    save_stylehead(model, tmp_path / "m.safetensors")
    loaded = load_stylehead(tmp_path / "m.safetensors")
    assert torch.equal(sample_styles(loaded, 2, 0, 1.0), sample_styles(model, 2, 0, 1.0))
