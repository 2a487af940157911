"""What the speech network learns from, and on which scale it tells what it has learnt."""

import json
import math
from fractions import Fraction
from types import SimpleNamespace

import pytest
import torch

from stylehead_core.benchmark import speech_network
from stylehead_core.benchmark.speech_network import agreement
from stylehead_core.datasets.heads import Heads
from stylehead_core.datasets.utterances import load_utterances
from stylehead_core.errors import ConfigError, MotionError
from stylehead_core.media.sound import Sound
from stylehead_core.networks.speech_coefficients import SpeechCoefficients, SpeechCoefficientsConfig
from stylehead_core.ops.mel import RATE
from stylehead_core.spaces import BLENDSHAPES
from stylehead_core.stages.speech import hear, motion_from_speech
from stylehead_core.synthetic.speech.curves import lip_curves
from stylehead_core.synthetic.speech.espeak import Phoneme, Voice
from stylehead_core.synthetic.speech.sentences import HELD_OUT
from stylehead_core.synthetic.speech.sheet import FRAME_PX, NAMES_PX, draw_curves, lip_opening
from stylehead_core.synthetic.speech.utterances import Utterance
from stylehead_core.synthetic.speech.visemes import LIPS
from stylehead_core.training.tasks import speech as speech_task
from stylehead_core.training.tasks.speech import SpeechTask, set_measured_scale

SMALL = SpeechCoefficientsConfig(names=("jawOpen", "mouthPucker"), width=8)


@pytest.fixture
def utterances() -> list[Utterance]:
    """Two by hand, for which no synthesizer is needed: a tone for every vowel."""
    return [_talk(0.7, (0.0, ""), (0.2, "a"), (0.5, "u")), _talk(0.4, (0.0, "i"), (0.2, "m"))]


def _talk(seconds: float, *sounds: tuple[float, str]) -> Utterance:
    phonemes = tuple(Phoneme(*sound) for sound in sounds)
    samples = torch.zeros(1, round(RATE * seconds))
    for phoneme in phonemes:
        if phoneme.name:
            start = round(phoneme.start * RATE)
            tone = torch.arange(len(samples[0]) - start) * (2 * math.pi * 2 * ord(phoneme.name) / RATE)
            samples[0, start:] = 0.3 * torch.sin(tone)
    curves = lip_curves(phonemes, seconds)
    fps = Fraction(25)
    return Utterance(sound=Sound(samples=samples, rate=RATE), curves=curves, fps=fps, phonemes=phonemes, voice=Voice())


def test_training_hears_what_a_user_of_the_model_hears(utterances):
    hearing = load_utterances(utterances, 32, 4)
    heard = torch.cat([hear(utterance.sound, utterance.fps, frames=len(utterance.curves)) for utterance in utterances])
    torch.testing.assert_close(hearing.windows(torch.arange(28)), heard, atol=2e-3, rtol=0)  # kept in float16


def test_a_run_stays_within_its_talk(utterances):
    hearing = load_utterances(utterances, 32, 4)
    assert hearing.run.tolist() == [*range(15), *range(18, 25)]  # of 18 and of 10 frames


def test_told_values_are_brought_to_the_landmarkers_scale_and_stay_within_it():
    torch.manual_seed(0)
    network = SpeechCoefficients(SMALL)
    mel = torch.randn(6, 80, 32)
    network.scale.copy_(torch.tensor([[20.0, 0.0], [0.0, 0.0]]))
    told = network(mel)
    assert not told["mouthPucker"].any()
    torch.testing.assert_close(told["jawOpen"], (20 * network.predict(mel)[:, 0]).clamp(0, 1))


def test_a_motion_from_speech_moves_what_the_network_tells(utterances):
    network = SpeechCoefficients(SMALL).requires_grad_(False)
    torch.nn.init.constant_(network.last.bias, 0.5)
    motion = motion_from_speech(utterances[0].sound, network=network)
    moving = {motion.names[i] for i in motion.coefficients.abs().amax(0).nonzero().flatten().tolist()}
    assert moving == set(SMALL.names)


def test_windows_of_another_size_are_refused_in_words(utterances):
    with pytest.raises(MotionError, match="own window"):
        motion_from_speech(utterances[0].sound, window=48, network=SpeechCoefficients(SMALL))


def test_the_scale_is_found_whatever_a_person_looks_like_at_rest():
    rng = torch.Generator().manual_seed(0)
    person = torch.arange(200) % 4
    weights = torch.rand(200, 52, generator=rng)
    true = 0.5 * torch.eye(52)
    true[BLENDSHAPES.index("jawOpen"), BLENDSHAPES.index("mouthPucker")] = -0.2
    at_rest = torch.rand(4, 52, generator=rng)[person]
    nothing = torch.zeros(0)
    heads = Heads(
        weights=weights,
        coefficients=torch.cat((at_rest + weights @ true, torch.zeros(200, 6)), dim=1),
        person=person,
        **dict.fromkeys(("pictures", "landmarks", "source", "target", "flow", "visible", "edited"), nothing),
        attribute=nothing,
        edited_person=nothing,
    )
    network = SpeechCoefficients(SMALL)
    set_measured_scale(network, heads)
    torch.testing.assert_close(network.scale, torch.tensor([[0.5, -0.2], [0.0, 0.5]]), atol=0.02, rtol=0)


def test_the_frames_of_a_sample_are_recorded_alike_and_samples_are_not():
    mel = torch.zeros(3, 2, 80, 16)
    heard = speech_task._degrade(mel, torch.Generator().manual_seed(0))
    assert torch.equal(heard[:, 0], heard[:, 1])
    assert not torch.allclose(heard[0], heard[1], atol=0.05)
    assert -4 <= heard.min() < heard.max() <= 4


def test_who_tells_the_truth_has_nothing_to_lose(utterances, monkeypatch):
    monkeypatch.setattr(speech_task, "Utterances", lambda seeds: utterances)
    config = SpeechCoefficientsConfig(names=LIPS, width=8)
    # The task looks at nothing of a model but its speech network, and at no heads.
    stage = SpeechTask(utterances=2).start(SimpleNamespace(speech=SpeechCoefficients(config)), None)  # type: ignore[arg-type]  # a stand-in
    rows = torch.arange(4)
    frames = stage.hearing.run[rows, None] + torch.arange(3)
    for wrong, costs in ((torch.zeros(16), set()), (0.1 * torch.eye(16)[0], {"position", "gap"})):
        truth = (stage.hearing.curves[frames] + wrong).flatten(0, 1)
        monkeypatch.setattr(stage.network, "predict", lambda mel, truth=truth: truth)
        _, parts = stage.loss(stage.phases[0], rows, torch.Generator().manual_seed(0), 0.0)
        assert {name for name, value in parts.items() if value > 1e-6} == costs


def test_held_out_sentences_are_refused_by_training():
    with pytest.raises(ConfigError, match="below 900000"):
        SpeechTask(first=HELD_OUT - 1, utterances=2)


def test_the_truth_agrees_with_itself_and_its_opposite_does_not(utterances):
    truths = iter([utterance.curves for utterance in utterances] * 2)
    assert agreement(lambda mel: next(truths), utterances, 32)["known voices"]["opening"] == pytest.approx(1)
    assert agreement(lambda mel: -next(truths), utterances, 32)["known voices"]["opening"] == pytest.approx(-1)


def test_the_command_tells_the_agreement_of_as_many_talks_as_are_asked_for(utterances, monkeypatch, capsys):
    talks = dict(zip(range(HELD_OUT, HELD_OUT + 2), utterances, strict=True))
    monkeypatch.setattr(speech_network, "Utterances", lambda seeds: [talks[seed] for seed in seeds])
    speech_network.main(["stylehead-512", "--talks", "2"])
    told = json.loads(capsys.readouterr().out)
    assert [scores["talks"] for scores in told.values()] == [2]


def test_the_lips_part_with_the_jaw_and_on_their_own():
    names = ("jawOpen", "mouthLowerDownLeft", "mouthPucker")
    curves = torch.tensor([[0.4, 0.0, 0.0], [0.0, 0.4, 0.0], [0.0, 0.0, 1.0]])
    torch.testing.assert_close(lip_opening(curves, names), torch.tensor([0.4, 0.1, 0.0]))


def test_a_sheet_has_a_column_for_every_frame(utterances):
    picture = draw_curves(LIPS, {"wanted": utterances[0].curves}, utterances[0].sound.samples[0])
    assert picture.shape[2] == NAMES_PX + 18 * FRAME_PX + 10
    assert -1 <= picture.min() < picture.max() <= 1
