"""A model is its configuration and its tensors: what is saved is loaded, and parts that do not fit are named."""

import json
from dataclasses import replace

import pytest
import torch
from safetensors.torch import save_file

from stylehead_core import ConfigError, StyleHead, WeightsError, load_stylehead
from stylehead_core.config_json import from_json, to_json
from stylehead_core.model.files import save_stylehead
from stylehead_core.model.presets import EDITABLE_ATTRIBUTES, debug, styleheat_1024
from stylehead_core.model.stylehead import build
from stylehead_core.networks.landmark_prior import LandmarkPriorConfig
from stylehead_core.synthetic.heads.appearance import EDITS
from stylehead_core.tensor_files import read_about, read_tensors, write_tensors


@pytest.fixture
def file(tmp_path):
    save_stylehead(build(debug(), seed=3), tmp_path / "tiny.safetensors", recipe="a test")
    return tmp_path / "tiny.safetensors"


@pytest.mark.parametrize("space", ["arkit", "bfm"])
def test_what_is_saved_is_what_is_loaded(tmp_path, space):
    model = build(debug(space))
    save_stylehead(model, tmp_path / "tiny.safetensors")
    loaded = load_stylehead(tmp_path / "tiny.safetensors")
    assert loaded.config == model.config
    expected, found = model.state_dict(), loaded.state_dict()
    assert expected.keys() == found.keys()
    assert all(torch.equal(expected[name], found[name]) for name in expected)
    assert not any(weight.requires_grad for weight in loaded.parameters())
    assert not loaded.training


def test_the_header_says_what_the_file_is(file):
    about = read_about(file, "model")
    assert (about["license"], about["recipe"], about["config"]["space"]) == ("Apache-2.0", "a test", "arkit")


def test_a_file_may_be_half_as_large(file, tmp_path):
    save_stylehead(build(debug(), seed=3), tmp_path / "half.safetensors", dtype=torch.float16)
    assert (tmp_path / "half.safetensors").stat().st_size < 0.7 * file.stat().st_size
    assert {weight.dtype for weight in load_stylehead(tmp_path / "half.safetensors").parameters()} == {torch.float32}


def test_only_the_networks_that_draw_take_another_dtype(file):
    model = load_stylehead(file, dtype=torch.bfloat16)
    assert model.dtype == torch.bfloat16
    assert {weight.dtype for weight in model.calibrator.parameters()} == {torch.bfloat16}
    assert {weight.dtype for weight in model.flow_field.parameters()} == {torch.float32}


def test_a_seed_decides_the_weights_and_leaves_chance_alone():
    state = torch.get_rng_state()
    first, same, other = (build(debug(), seed=seed).generator.constant for seed in (1, 1, 2))
    assert torch.equal(first, same)
    assert not torch.equal(first, other)
    assert torch.equal(torch.get_rng_state(), state)


def test_a_model_loaded_in_inference_mode_can_still_learn(file):
    with torch.inference_mode():
        model = load_stylehead(file)
    assert not any(weight.is_inference() for weight in model.parameters())


def changed(file, edit):
    about, tensors = read_tensors(file, "model")
    edit(about, tensors)
    write_tensors(file, "model", tensors, about)
    return file


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (
            lambda about, tensors: tensors.pop("generator.constant"),
            r"missing     1:\n    generator\.constant \(16, 4, 4\)",
        ),
        (lambda about, tensors: tensors.update(extra=torch.zeros(2)), r"unexpected  1:\n    extra \(2,\)"),
        (
            lambda about, tensors: tensors.update({"generator.constant": torch.zeros(16, 2)}),
            r"generator\.constant: expected \(16, 4, 4\), found \(16, 2\)",
        ),
        (lambda about, tensors: about["config"].update(colour=1), "unknown: colour"),
        (lambda about, tensors: about.pop("config"), "fields of StyleHeadConfig, found None"),
        (lambda about, tensors: about["config"]["generator"].update(size=65), "found 65"),
        (lambda about, tensors: about["config"].update(space="deca"), "one of 'arkit', 'bfm'"),
    ],
)
def test_a_file_that_is_not_the_whole_model_is_refused(file, edit, words):
    with pytest.raises(WeightsError, match=words):
        load_stylehead(changed(file, edit))


def test_an_official_checkpoint_is_refused_with_the_way_to_convert_it(tmp_path):
    save_file({"style.1.weight": torch.zeros(2)}, tmp_path / "official.safetensors")
    with pytest.raises(WeightsError, match="stylehead convert"):
        load_stylehead(tmp_path / "official.safetensors")


def test_a_name_that_is_none_is_refused():
    with pytest.raises(WeightsError, match="There is no model 'stylehead-maxi'"):
        load_stylehead("stylehead-maxi")


def test_the_official_configuration_survives_json():
    config = styleheat_1024(audio=True, coefficients=True, perceptual=True, style_prior=True, notice="Research only.")
    assert from_json(type(config), json.loads(json.dumps(to_json(config)))) == config


def test_the_official_model_has_the_official_number_of_values():
    with torch.device("meta"):
        model = StyleHead(styleheat_1024())
    values = {name: sum(weight.numel() for weight in part.parameters()) for name, part in model.named_children()}
    assert round(values["motion_encoder"] / 1e6 + values["flow_field"] / 1e6, 2) == 13.43
    assert values["calibrator"] == 30_492_672 - 10_621_440  # without the heads that never act


TINY = debug()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"encoder": replace(TINY.encoder, rows=12)}, "same style rows; found generator 10, encoder 12"),
        ({"encoder": replace(TINY.encoder, style_dim=8)}, "same style width"),
        ({"space": "bfm"}, "same coefficients; found bfm 73, motion_encoder 58"),
        ({"flow_field": replace(TINY.flow_field, descriptor=9)}, "same descriptor"),
        ({"motion_encoder": replace(TINY.motion_encoder, window=6)}, "6 is even"),
        ({"consultation": replace(TINY.consultation, feature_channels=4)}, "same feature channels"),
        ({"consultation": None, "aligner": debug("bfm").aligner}, "no consultation"),
        ({"calibrator": replace(TINY.calibrator, extra_channels=2)}, "extra channels are 0"),
        ({"flow_field": replace(TINY.flow_field, visibility=False)}, "needs a flow field with visibility"),
        ({"audio_encoder": None}, "found one of them"),
        ({"prior": LandmarkPriorConfig()}, "same flow size"),
        ({"flow_field": replace(TINY.flow_field, extra_channels=6)}, "this model has none"),
        ({"rate": 0}, "above 0"),
    ],
)
def test_parts_that_do_not_fit_are_named(change, words):
    with pytest.raises(ConfigError, match=words):
        replace(TINY, **change)


def test_the_embedded_model_edits_what_rendered_heads_show():
    assert tuple(EDITS) == EDITABLE_ATTRIBUTES
