"""A person is what the seed says, and one attribute moves alone."""

import argparse
import itertools
from dataclasses import fields

import numpy as np
import pytest

from stylehead_core.errors import ConfigError, InputError
from stylehead_core.spaces import BLENDSHAPES
from stylehead_core.synthetic.heads import command
from stylehead_core.synthetic.heads.appearance import EDITS, HELD_OUT, edit_pair, sample_appearance, skin_color
from stylehead_core.synthetic.heads.camera import CameraFaults, apply_faults, sample_faults
from stylehead_core.synthetic.heads.clips import ClipConfig
from stylehead_core.synthetic.heads.dataset import RenderedClips
from stylehead_core.synthetic.heads.expressions import EXPRESSIONS, sample_expression
from stylehead_core.synthetic.heads.head_model import weights_of
from stylehead_core.synthetic.heads.scene import sample_scene
from stylehead_core.synthetic.heads.shards import clip_path, training_clips


def test_the_same_seed_is_the_same_person():
    assert sample_appearance(5) == sample_appearance(5)
    assert sample_appearance(5) != sample_appearance(6)


def test_what_is_given_leaves_the_rest_as_the_seed_says():
    usual, old = sample_appearance(5), sample_appearance(5, age=0.9)
    assert [f.name for f in fields(usual) if getattr(usual, f.name) != getattr(old, f.name)] == ["age"]


@pytest.mark.parametrize("attribute", list(EDITS))
def test_an_edit_moves_one_attribute(attribute):
    low, high = edit_pair(sample_appearance(5), attribute)
    moved = {f.name for f in fields(low) if getattr(low, f.name) != getattr(high, f.name)}
    assert moved - {"brow_color"} == {attribute}  # brows are hair


def test_no_skin_is_so_light_that_it_burns_out():
    assert all(skin_color(sample_appearance(seed, tone=0.0)).max() < 0.75 for seed in range(20))


def test_darker_tones_are_darker_skins():
    tones = [skin_color(sample_appearance(5, tone=tone)).mean() for tone in np.linspace(0, 8, 9)]
    assert all(light > dark for light, dark in itertools.pairwise(tones))


def test_an_unknown_attribute_is_refused():
    with pytest.raises(ConfigError, match="no attribute hair_colour"):
        sample_appearance(5, hair_colour="red")
    with pytest.raises(ConfigError, match="no hair style"):
        sample_appearance(5, hair_style="mohawk")


def test_expressions_are_weights_of_the_motion_space():
    rng = np.random.default_rng(0)
    for _ in range(50):
        weights = sample_expression(rng)
        assert weights.shape == (len(BLENDSHAPES),)
        assert weights.min() >= 0
        assert weights.max() <= 1
    assert all(weights.any() for name, weights in EXPRESSIONS.items() if name != "neutral")


def test_only_the_expressions_that_are_asked_for_are_mixed():
    rng, shown = np.random.default_rng(0), set()
    for _ in range(50):
        shown.update(np.flatnonzero(sample_expression(rng, names=["brows up"])).tolist())
    names = {BLENDSHAPES[index] for index in shown}
    assert names >= {"browInnerUp", "browOuterUpLeft", "browOuterUpRight"}
    assert not names & {"mouthSmileLeft", "mouthFrownLeft", "mouthPucker", "mouthClose", "eyeWideLeft"}


def test_the_command_refuses_an_expression_that_is_not_there(tmp_path):
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    with pytest.raises(ConfigError, match="found sour, smirk"):
        command.run(parser.parse_args(["--out", str(tmp_path), "--expressions", "sour, smirk"]))


def test_an_unknown_expression_is_refused():
    with pytest.raises(ConfigError, match="no expression 'jawOpne'"):
        weights_of({"jawOpne": 1.0})


def test_the_same_seed_is_the_same_light():
    one, two = sample_scene(9), sample_scene(9)
    np.testing.assert_array_equal(one.background, two.background)
    np.testing.assert_array_equal(one.key_color, two.key_color)
    assert one.distance == two.distance != sample_scene(10).distance


def test_a_camera_without_faults_changes_nothing():
    picture = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)
    np.testing.assert_array_equal(apply_faults(picture, CameraFaults()), picture)
    no_faults = sample_faults(np.random.default_rng(1), 0.0)
    np.testing.assert_array_equal(apply_faults(picture, no_faults), picture)


def test_faults_are_the_same_each_time():
    picture = np.full((16, 16, 3), 128, np.uint8)
    faults = CameraFaults(blur=1, noise=5, quality=50, seed=3)
    np.testing.assert_array_equal(apply_faults(picture, faults), apply_faults(picture, faults))
    assert apply_faults(picture, faults).std() > 0.5


def test_held_out_people_are_never_trained_on(tmp_path):
    with pytest.raises(ConfigError, match="held out"):
        RenderedClips(range(HELD_OUT - 2, HELD_OUT + 1), ClipConfig())
    clip_path(tmp_path, HELD_OUT).touch()
    with pytest.raises(InputError, match="held out"):
        training_clips(tmp_path)


@pytest.mark.parametrize(
    "wrong", [{"frames": 7}, {"size": 16}, {"flow": 300}, {"expressions": ("smirk",)}, {"expressions": ()}]
)
def test_a_clip_that_cannot_be_is_refused(wrong):
    with pytest.raises(ConfigError):
        ClipConfig(**wrong)


def test_measured_heads_may_lie_beside_their_clips(tmp_path):
    clip = clip_path(tmp_path, 42)
    clip.touch()
    (tmp_path / "clip-0000042-20.measured.safetensors").touch()
    assert training_clips(tmp_path) == [clip]
