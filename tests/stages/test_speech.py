"""Speech becomes motion: as strong as asked for, with a head that lives or keeps still."""

from fractions import Fraction
from types import SimpleNamespace

import pytest
import torch

from stylehead_core.errors import ConfigError
from stylehead_core.media.sound import BLOCK_SAMPLES, Sound
from stylehead_core.ops import voice_activity
from stylehead_core.ops.windows import mel_windows
from stylehead_core.spaces import ARKIT, BFM
from stylehead_core.stages import speech
from stylehead_core.stages.speech import SpeechConfig, hear, motion_from_speech, speech_motion_for_model

JAW, BLINK, YAW = (ARKIT.names.index(name) for name in ("jawOpen", "eyeBlinkLeft", "yaw"))
SOUND = Sound(samples=torch.sin(torch.arange(64_000) / 20)[None] * 0.3, rate=16_000)  # 4 s: 100 frames


def listen(mel: torch.Tensor) -> dict[str, torch.Tensor]:
    return {"jawOpen": mel.mean((1, 2)).sigmoid()}


def spoken(**settings) -> torch.Tensor:
    return motion_from_speech(SOUND, network=listen, config=SpeechConfig(**settings)).coefficients


def test_the_strength_multiplies_the_lips_and_nothing_else():
    once, twice, none = spoken(life="lively"), spoken(life="lively", strength=2.0), spoken(strength=0.0)
    torch.testing.assert_close(twice[:, JAW], 2 * once[:, JAW])
    others = [i for i in range(58) if i != JAW]
    assert torch.equal(twice[:, others], once[:, others])
    assert not none.any()


def test_a_still_head_moves_its_lips_alone():
    moving = spoken().abs().amax(0).nonzero().flatten().tolist()
    assert moving == [JAW]


def test_a_lively_head_turns_and_the_same_seed_turns_it_the_same_way():
    first, again, other = spoken(life="lively"), spoken(life="lively"), spoken(life="lively", seed=1)
    assert float(first[:, YAW].std()) > 0
    assert torch.equal(first, again)
    assert not torch.equal(first[:, YAW], other[:, YAW])
    assert torch.equal(first[:, JAW], spoken()[:, JAW])


def test_another_space_turns_and_has_no_blinks_of_its_own():
    motion = motion_from_speech(SOUND, space="bfm", config=SpeechConfig(life="lively"))
    assert motion.coefficients[:, BFM.rotation].any()
    assert not motion.coefficients[:, BFM.expression].any()


def test_listening_to_a_long_sound_can_be_stopped():
    seen = []

    def stop(done: int, total: int) -> None:
        seen.append((done, total))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        motion_from_speech(SOUND, Fraction(250), network=listen, progress=stop)
    assert seen == [(speech.CHUNK, 1000)]


@pytest.mark.parametrize("wrong", [{"strength": 2.5}, {"strength": -0.1}, {"life": "wild"}, {"seed": -1}])
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(ConfigError, match="found"):
        SpeechConfig(**wrong)


@pytest.mark.parametrize(("rate", "channels"), [(16_000, 1), (44_100, 2)])
def test_a_long_sound_is_heard_in_blocks_as_in_one_go(monkeypatch, rate, channels):
    noise = torch.rand(channels, 4 * rate, generator=torch.Generator().manual_seed(0)) - 0.5
    sound, config = Sound(samples=noise, rate=rate), SpeechConfig(life="lively")
    whole = motion_from_speech(sound, Fraction(30_000, 1001), network=listen, config=config)
    monkeypatch.setattr(speech, "CHUNK", 7)
    monkeypatch.setattr(voice_activity, "BLOCK_FRAMES", 11)
    blocks = motion_from_speech(sound, Fraction(30_000, 1001), network=listen, config=config)
    torch.testing.assert_close(blocks.coefficients, whole.coefficients, atol=1e-5, rtol=0)
    torch.testing.assert_close(blocks.mel, whole.mel, atol=1e-3, rtol=0)  # decibels


def test_of_a_long_sound_only_blocks_are_held(monkeypatch):
    """A minute at 48 kHz in two channels: no slice of it is longer than a block of frames with what is around it."""
    sound = Sound(samples=torch.zeros(2, 60 * 48_000), rate=48_000)
    longest = []
    clean = Sound.cleaned
    monkeypatch.setattr(Sound, "cleaned", lambda self: longest.append(self.samples.shape[1]) or clean(self))
    motion = motion_from_speech(sound, window=48, network=listen, config=SpeechConfig(life="lively"), keep_mel=False)
    assert len(motion) == 1500
    block_seconds = max(speech.CHUNK, voice_activity.BLOCK_FRAMES) / 25
    assert max(longest) <= max((block_seconds + 2) * 48_000, BLOCK_SAMPLES)
    assert len(longest) > 4


def test_windows_of_some_frames_are_those_of_all():
    mel = torch.rand(80, 50, generator=torch.Generator().manual_seed(0))
    every = mel_windows(mel, 30, Fraction(25), window=32)
    for part in (range(0, 3), range(4, 20), range(28, 30)):
        assert torch.equal(mel_windows(mel, part, Fraction(25), window=32), every[part.start : part.stop])


def a_model(**parts):
    config = {"speech": None, "audio_encoder": None, "space": "arkit", "name": "tiny"} | parts
    return SimpleNamespace(config=SimpleNamespace(**config), speech=listen if config["speech"] else None)


def test_a_model_hears_through_its_own_window_and_keeps_no_sound_it_does_not_need():
    motion = speech_motion_for_model(a_model(speech=SimpleNamespace(window=48)), SOUND)  # type: ignore[arg-type]
    torch.testing.assert_close(motion.coefficients[:, JAW], listen(hear(SOUND, Fraction(25), window=48))["jawOpen"])
    assert motion.mel is None


def test_a_model_whose_flow_listens_gets_the_windows():
    motion = speech_motion_for_model(a_model(audio_encoder=SimpleNamespace(window=32)), SOUND)  # type: ignore[arg-type]
    assert motion.mel is not None
    assert motion.mel.shape == (100, 80, 32)


def test_a_model_that_does_not_listen_is_refused():
    with pytest.raises(ConfigError, match="does not listen"):
        speech_motion_for_model(a_model(), SOUND)  # type: ignore[arg-type]
