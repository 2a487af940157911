"""A window of motion becomes one descriptor, as the official network makes it."""

import pytest
import recipe
import torch

from stylehead_core.convert.motion import AUDIO_ENCODER, MOTION_ENCODER, from_official
from stylehead_core.errors import ConfigError
from stylehead_core.networks.audio_encoder import AudioEncoder, AudioEncoderConfig
from stylehead_core.networks.motion_encoder import MotionEncoder, MotionEncoderConfig

TINY = MotionEncoderConfig(coefficients=5, descriptor=8, window=9, first_kernel=3, blocks=1)


def tiny(seed: int = 0, **changes) -> tuple[MotionEncoder, torch.Tensor]:
    torch.manual_seed(seed)
    config = MotionEncoderConfig(**{**vars(TINY), **changes})
    return MotionEncoder(config), torch.randn(2, 5, config.window)


def part(state: dict[str, torch.Tensor], name: str) -> dict[str, torch.Tensor]:
    return {key.removeprefix(f"{name}."): value for key, value in state.items() if key.startswith(f"{name}.")}


def test_the_official_motion_encoder_agrees_with_the_reference():
    encoder = MotionEncoder(MOTION_ENCODER)
    encoder.load_state_dict(part(from_official(recipe.official_state("video_warper")), "motion_encoder"))
    expected = recipe.fixture("motion_mapping")
    recipe.assert_close(encoder(expected["window"]), expected["descriptor"].squeeze(-1))


def test_the_official_audio_encoder_agrees_with_the_reference():
    encoder = AudioEncoder(AUDIO_ENCODER)
    encoder.load_state_dict(part(from_official(recipe.official_state("audio_warper")), "audio_encoder"))
    expected = recipe.fixture("motion_mapping")
    recipe.assert_close(encoder(expected["mel"]), expected["audio_descriptor"].squeeze(-1))


def test_a_window_that_is_too_short_is_refused():
    assert MOTION_ENCODER.shortest == 25
    with pytest.raises(ConfigError, match="24 frames is too short"):
        MotionEncoderConfig(window=24)


def test_a_longer_window_may_be_given():
    encoder, _ = tiny()
    assert encoder(torch.randn(2, 5, 30)).shape == (2, 8)


def test_one_frame_is_a_window_where_the_kernel_is_one():
    encoder, motion = tiny(window=1, first_kernel=1, blocks=0)
    assert encoder(motion).shape == (2, 8)


def test_a_still_motion_may_be_moved_in_time():
    encoder, motion = tiny()
    still = motion[..., :1].expand(-1, -1, 20)
    torch.testing.assert_close(encoder(still[..., :9]), encoder(still))


def test_an_encoder_that_sees_the_source_depends_on_it():
    encoder, motion = tiny(source=True)
    source = torch.randn(2, 5)
    assert not torch.equal(encoder(motion, source), encoder(motion, source + 1))


@pytest.mark.parametrize("form", ["mlp", "conv"])
def test_either_form_of_the_audio_encoder_gives_one_descriptor_a_window(form):
    torch.manual_seed(0)
    encoder = AudioEncoder(AudioEncoderConfig(bands=6, window=32, descriptor=8, form=form, hidden=4))
    mel = torch.randn(3, 6, 32)
    torch.testing.assert_close(encoder(mel)[1:2], encoder(mel[1:2]))
    assert encoder(mel).shape == (3, 8)


def test_the_time_network_is_the_same_for_every_band():
    torch.manual_seed(0)
    encoder = AudioEncoder(AudioEncoderConfig(bands=2, window=5, descriptor=8, hidden=4))
    with torch.no_grad():
        encoder.network.bands_in.weight[:, 1] = encoder.network.bands_in.weight[:, 0]
    mel = torch.randn(1, 2, 5)
    torch.testing.assert_close(encoder(mel), encoder(mel.flip(1)))


def test_an_unknown_form_is_refused():
    with pytest.raises(ConfigError, match="'gru'"):
        AudioEncoderConfig(form="gru")  # type: ignore[arg-type]
