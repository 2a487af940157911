"""Damaged files are refused in our own words, or still say something whole: never a traceback, never a wait."""

from collections import Counter
from fractions import Fraction

import pytest
import torch
from damage import damaged, outcome
from safetensors.torch import save_file

from stylehead_core import Motion
from stylehead_core.config_json import from_json, to_json
from stylehead_core.errors import ConfigError, MotionError, StyleHeadError, WeightsError
from stylehead_core.model.config import StyleHeadConfig
from stylehead_core.model.files import load_stylehead, save_stylehead
from stylehead_core.model.presets import debug
from stylehead_core.model.stylehead import build
from stylehead_core.stages.motion_files import load_motion, save_motion
from stylehead_core.tensor_files import read_plain, read_tensors, write_tensors

CASES = 10_000  # for each kind of file
WHOLE_MODELS = 40  # of them built, which takes longer


def header(whole: bytes) -> int:
    return 8 + int.from_bytes(whole[:8], "little")


def test_damaged_motions(tmp_path):
    path = tmp_path / "a.safetensors"
    save_motion(Motion(coefficients=torch.ones(2, 58), fps=Fraction(25), mel=torch.zeros(2, 80, 2)), path)
    whole = path.read_bytes()
    ends = Counter()
    for data in damaged(whole, CASES, seed=0, header=header(whole)):
        path.write_bytes(data)
        motion = outcome(lambda: load_motion(path), MotionError)
        if isinstance(motion, MotionError):
            assert "a.safetensors" in str(motion)
            ends["refused"] += 1
        else:
            assert motion.coefficients.shape == (len(motion.found), motion.width)
            assert torch.isfinite(motion.coefficients).all()
            assert 0 < motion.fps <= 1000
            ends["read"] += 1
    assert min(ends["refused"], ends["read"]) > CASES / 20, ends


def read_model(path):
    about, tensors = read_tensors(path, "model")
    return from_json(StyleHeadConfig, about.get("config")), tensors


def test_damaged_models(tmp_path):
    """The reader of model files, down to their configuration."""
    path = tmp_path / "a.safetensors"
    write_tensors(path, "model", {"a": torch.ones(3), "b": torch.zeros(2, 2)}, {"config": to_json(debug())})
    whole = path.read_bytes()
    ends = Counter()
    for data in damaged(whole, CASES, seed=1, header=header(whole)):
        path.write_bytes(data)
        found = outcome(lambda: read_model(path), WeightsError, ConfigError)
        if isinstance(found, StyleHeadError):
            assert str(found)
            ends["refused"] += 1
        else:
            config, tensors = found
            assert config.generator.rows == config.encoder.rows
            assert sum(tensor.numel() * tensor.element_size() for tensor in tensors.values()) == 28
            ends["read"] += 1
    assert min(ends["refused"], ends["read"]) > CASES / 20, ends


def test_damaged_whole_models_are_refused_or_built_as_they_say(tmp_path):
    path = tmp_path / "a.safetensors"
    save_stylehead(build(debug()), path, dtype=torch.float16)
    whole = path.read_bytes()
    place = whole.index(b'stylehead":')
    for data in damaged(whole[place : place + 3000], WHOLE_MODELS, seed=2, header=3000):
        path.write_bytes(whole[:place] + data.ljust(3000)[:3000] + whole[place + 3000 :])
        model = outcome(lambda: load_stylehead(path), WeightsError)
        if not isinstance(model, WeightsError):
            assert all(not tensor.is_meta for tensor in model.state_dict().values())


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("generator", "mapping_layers"), 999_999),
        (("encoder", "units"), [1, 1, 999_999, 1]),
        (("encoder", "rows"), 999_999),
        (("flow_field", "down"), 10**18),
        (("flow_field", "base"), 10**18),
        (("calibrator", "levels"), 999_999),
        (("calibrator", "hidden"), 1_000_000),
        (("perceptual", "convs"), [999_999, 1]),
        (("rate",), "1e999999999"),
        (("motion_encoder", "window"), -1),
        (("flow_field", "extra_channels"), -3),
    ],
)
def test_a_model_beyond_all_sense_is_refused_at_once(tmp_path, place, value):
    config = to_json(debug())
    inner = config
    for name in place[:-1]:
        inner = inner[name]
    inner[place[-1]] = value
    write_tensors(tmp_path / "a.safetensors", "model", {"a": torch.ones(3)}, {"config": config})
    with pytest.raises(WeightsError):
        load_stylehead(tmp_path / "a.safetensors")


@pytest.mark.parametrize("length", [640, 896, 1152, 1408])
def test_a_header_whose_length_looks_like_a_pickle_is_none(tmp_path, length):
    """In the first bytes of the file these lengths are written as 80 02, 80 03, 80 04 and 80 05."""
    path = tmp_path / "a.safetensors"
    about = {"format": "stylehead-motion", "space": "arkit", "names": '["jawOpen"]', "fps": "25", "license": ""}
    save_file({"coefficients": torch.zeros(2, 1)}, path, metadata=about)
    rest = length - header(path.read_bytes()) + 8
    save_file({"coefficients": torch.zeros(2, 1)}, path, metadata={**about, "license": "x" * rest})
    assert header(path.read_bytes()) == 8 + length
    assert len(load_motion(path)) == 2
    assert read_plain(path).keys() == {"coefficients"}


@pytest.mark.parametrize("fps", ["1e999999999", "9" * 5000, "25/0", "nan", "", " 25"])
def test_a_frame_rate_beyond_all_sense_is_refused_at_once(tmp_path, fps):
    about = {"format": "stylehead-motion", "space": "arkit", "names": '["jawOpen"]', "fps": fps}
    save_file({"coefficients": torch.zeros(2, 1)}, tmp_path / "a.safetensors", metadata=about)
    with pytest.raises(MotionError, match=r"a\.safetensors"):
        load_motion(tmp_path / "a.safetensors")
