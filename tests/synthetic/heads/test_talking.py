"""A head that talks: the sound's lips, and a body that goes with them."""

from fractions import Fraction

import numpy as np
import pytest

from stylehead_core.errors import ConfigError
from stylehead_core.synthetic.heads.head_model import WEIGHT
from stylehead_core.synthetic.heads.talking import sample_performance, talking_frames
from stylehead_core.synthetic.speech.espeak import find_espeak
from stylehead_core.synthetic.speech.utterances import speak
from stylehead_core.synthetic.speech.visemes import LIPS


@pytest.fixture(scope="module")
def talking():
    try:
        find_espeak()
    except ConfigError as error:
        pytest.skip(f"needs espeak-ng: {error}")
    return sample_performance(
        4, Fraction(25), speak("Peter Piper picked a peck of pickled peppers, and then he went home.")
    )


def test_the_same_seed_acts_the_same(talking):
    again = sample_performance(4, Fraction(25), talking.utterance)
    np.testing.assert_array_equal(again.weights, talking.weights)
    assert again.poses == talking.poses


def test_there_is_a_frame_for_each_moment_of_the_sound(talking):
    assert abs(len(talking) / 25 - talking.utterance.sound.seconds) <= 1 / 25
    assert len(talking.weights) == len(talking)


def test_the_lips_are_those_of_the_speech(talking):
    jaw = talking.utterance.curves[:, LIPS.index("jawOpen")].numpy()
    np.testing.assert_allclose(talking.weights[:, WEIGHT["jawOpen"]], jaw, atol=1e-6)


def test_the_eyes_blink_and_open_again(talking):
    lids = talking.weights[:, WEIGHT["eyeBlinkLeft"]]
    assert lids.max() > 0.7
    assert np.median(lids) == 0


def test_the_head_moves_a_little_from_frame_to_frame(talking):
    yaw = np.array([pose.angles[1] for pose in talking.poses])
    assert 0.01 < yaw.std() < 0.5
    assert np.abs(np.diff(yaw)).max() < 0.1


def test_the_frames_are_pictures_that_change(renderer, talking):
    frames = talking_frames(renderer, talking)
    first, second = next(frames), next(frames)
    assert first.shape == (64, 64, 3)
    assert first.dtype == np.uint8
    assert (first != second).any()
