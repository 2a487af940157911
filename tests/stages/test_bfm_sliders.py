"""Sliders for models of the official kind: the head by its angles, the face by expressions that the file holds."""

import math
from dataclasses import replace

import pytest
import torch

from stylehead_core.convert.gestures import GESTURES, key_expressions_from_official, solve_gestures
from stylehead_core.errors import ConfigError, WeightsError
from stylehead_core.intuitive_editing import intuitive_motion_for_model
from stylehead_core.model.files import load_stylehead, save_stylehead
from stylehead_core.model.presets import debug
from stylehead_core.model.stylehead import build
from stylehead_core.networks.morphable_model import MorphableModel
from stylehead_core.spaces import BFM
from stylehead_core.stages.motion_sliders import intuitive_sliders, motion_from_sliders, slider_motion_for_model

POSE = [BFM.names.index(name) for name in ("yaw", "pitch", "roll")]


@pytest.fixture(scope="module")
def model():
    """A tiny official-type model that knows two sliders of the face, and the key expressions."""
    made = build(replace(debug("bfm"), gestures=("smile", "jaw"), key_expressions=True))
    with torch.no_grad():
        made.gestures["smile"].copy_(torch.arange(64.0))
        made.gestures["jaw"].fill_(-1.0)
        made.key_expressions.copy_(torch.arange(4.0)[:, None].expand(4, 64))
    return made


def test_sliders_turn_the_head_and_change_the_face(model):
    motion = slider_motion_for_model(model, {"yaw": 30, "pitch": -10, "roll": 5, "smile": 0.5, "jaw": 1.0, "blink": 0})
    assert (motion.space, motion.relative) == ("bfm", True)
    torch.testing.assert_close(motion.coefficients[0, POSE], torch.tensor([30.0, -10.0, 5.0]) * math.pi / 180)
    torch.testing.assert_close(motion.coefficients[0, BFM.expression], 0.5 * torch.arange(64.0) - 1)


def test_a_head_moved_by_half_a_picture_is_128_pixels_away(model):
    motion = slider_motion_for_model(model, {"x": 1.0, "y": 0.5})
    assert motion.coefficients[0, -2:].tolist() == [128.0, -64.0]  # the crop's y counts upwards


def test_a_slider_that_the_file_does_not_know_is_refused_with_what_it_needs(model):
    with pytest.raises(ConfigError, match=r"no slider 'blink'. It has .*smile, jaw.*BFM_model_front\.mat"):
        slider_motion_for_model(model, {"blink": 1.0})
    with pytest.raises(ConfigError, match="no slider 'wings'"):
        slider_motion_for_model(model, {"wings": 1.0})


def test_the_expressions_travel_in_the_models_file(model, tmp_path):
    save_stylehead(model, tmp_path / "m.safetensors")
    loaded = load_stylehead(tmp_path / "m.safetensors").slider_expressions
    assert set(loaded) == {"smile", "jaw", "mouth", "eyebrow", "eyes"}
    assert torch.equal(loaded["smile"], torch.arange(64.0))
    assert (loaded["eyes"] == 3).all()  # key 3 less the centre


def test_the_demonstration_is_the_official_one_where_the_file_has_its_expressions(model):
    motion = intuitive_motion_for_model(model, torch.zeros(73))
    assert (len(motion), motion.space, motion.relative) == (190, "bfm", False)


def test_the_demonstration_by_sliders_visits_every_side_and_returns():
    motion = motion_from_sliders(intuitive_sliders(), frames=190)
    degrees = motion.coefficients[:, 52:55] * 180 / math.pi  # pitch, yaw, roll
    torch.testing.assert_close(degrees.amax(0), torch.tensor([18.0, 22.5, 18.0]))
    torch.testing.assert_close(degrees.amin(0), -torch.tensor([18.0, 22.5, 18.0]))
    assert (motion.coefficients[[0, 120]] == 0).all()
    assert motion.coefficients[121:, :52].amax() == 1


def test_a_model_without_expressions_says_what_brings_them():
    with pytest.raises(ConfigError, match=r"expression.pth"):
        intuitive_motion_for_model(build(debug("bfm")), torch.zeros(73))


def face_model() -> MorphableModel:
    """68 landmarks on a plane as faces have them, and a basis in which every landmark can move a little."""
    rng = torch.Generator().manual_seed(0)
    points = torch.rand(68, 3, generator=rng)
    points[[36, 45, 48, 54]] = torch.tensor([[-0.45, 0.3, 0], [0.45, 0.3, 0], [-0.25, -0.4, 0], [0.25, -0.4, 0]])
    basis = 0.02 * torch.randn(68, 3, 64, generator=rng)
    basis[48] *= 3  # the mouth moves most, as in people
    basis[54] *= 3
    empty = torch.zeros(68, 3, 80)
    return MorphableModel(
        mean_shape=points,
        identity_basis=empty,
        expression_basis=basis,
        mean_texture=points,
        texture_basis=empty,
        triangles=torch.zeros(1, 3, dtype=torch.int64),
        neighbours=torch.zeros(68, 8, dtype=torch.int64),
        keypoints=torch.arange(68),
    )


def test_a_smile_lifts_and_widens_the_corners_of_the_mouth():
    model = face_model()
    solved = solve_gestures(model)
    assert set(solved) == set(GESTURES)
    moved = model.expression_basis @ solved["smile"]  # 68 3
    left, right = moved[48], moved[54]
    assert left[0] < 0 < right[0]
    assert min(left[1], right[1]) > 0.05  # wanted: 0.075
    others = [i for i in range(68) if i not in (48, 54)]
    assert moved[others].norm(dim=1).mean() < 0.3 * moved[[48, 54]].norm(dim=1).mean()


def test_key_expressions_are_read_by_their_names():
    named = {f"expression_{name}": torch.full((1, 64), float(i)) for i, name in enumerate(("eyes", "eyebrow", "mouth"))}
    with pytest.raises(WeightsError, match="one vector of 64 for each of centre, mouth, eyebrow, eyes"):
        key_expressions_from_official(named, "expression.pth")
    named["expression_center"] = torch.full((64,), 9.0)
    assert key_expressions_from_official(named, "expression.pth")[:, 0].tolist() == [9, 2, 1, 0]
