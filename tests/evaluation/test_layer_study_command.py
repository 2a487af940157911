"""``stylehead layer-study`` on a model with random weights, from file to figure."""

import argparse
import json

import pytest
import torch

from stylehead_core.evaluation.layer_study_command import add_arguments, run, sample_styles
from stylehead_core.media.pictures import read_picture
from stylehead_core.model.files import save_stylehead
from stylehead_core.model.presets import debug
from stylehead_core.model.stylehead import build


@pytest.fixture(scope="module")
def model():
    return build(debug(), seed=0)


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
    assert list(found["turn"]) == [str(r) for r in model.config.generator.resolutions[1:]]
    assert all(name in printed for name in found)
    height, width = read_picture(figure).shape[-2:]
    assert height > 4 * 160
    assert width > (2 + len(found["turn"])) * 160


def test_samples_are_drawn_again_from_their_seed_and_shrink_to_the_mean(model):
    once, again = (sample_styles(model.generator, 3, seed=5, truncation=1) for _ in range(2))
    assert torch.equal(once, again)
    near = sample_styles(model.generator, 3, seed=5, truncation=0)
    torch.testing.assert_close(near[0], near[2])
