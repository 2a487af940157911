"""Real speech with tracked faces: reading it, making other speakers of it, learning from it."""

import math
from dataclasses import replace
from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from stylehead_core.datasets.speech_pairs import find_pairs, read_pair, split_pairs, vary_pairs
from stylehead_core.errors import ConfigError, InputError
from stylehead_core.media.sound import Sound
from stylehead_core.model.files import load_stylehead
from stylehead_core.model.presets import debug
from stylehead_core.model.stylehead import build
from stylehead_core.networks.speech_coefficients import SpeechCoefficients, SpeechCoefficientsConfig
from stylehead_core.ops.mel import RATE
from stylehead_core.spaces import ARKIT
from stylehead_core.synthetic.speech import flite
from stylehead_core.synthetic.speech.curves import lip_curves
from stylehead_core.synthetic.speech.damage import voiceless
from stylehead_core.synthetic.speech.espeak import Phoneme
from stylehead_core.synthetic.speech.reshape import reshape_voice
from stylehead_core.synthetic.speech.utterances import Utterance
from stylehead_core.synthetic.speech.visemes import LIPS
from stylehead_core.training.recipe import MODEL
from stylehead_core.training.tasks import speech as speech_task
from stylehead_core.training.tasks.prior import changes_of_talkers
from stylehead_core.training.tasks.speech import SpeechTask, concordance

JAW = ARKIT.names.index("jawOpen")
FRAMES = 20


def tone(hertz: float, seconds: float = 0.8) -> np.ndarray:
    return (0.3 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * RATE)) / RATE)).astype(np.float32)


@pytest.fixture
def folder(tmp_path):
    """Five clips of 0.8 s in which a jaw goes up and down, 0.1 above zero at rest; one frame has no face."""
    soundfile = pytest.importorskip("soundfile")
    for number in range(5):
        coefficients = np.zeros((FRAMES, len(ARKIT.names)), np.float16)
        coefficients[:, JAW] = 0.1 + 0.2 * (np.arange(FRAMES) % 4 == number % 4)
        found = np.arange(FRAMES) != 3
        coefficients[3] = 0
        np.savez(tmp_path / f"clip{number}.npz", coefficients=coefficients, found=found, fps=np.array([25, 1]))
        soundfile.write(tmp_path / f"clip{number}.flac", tone(200 + 50 * number), RATE)
    return tmp_path


def test_a_pair_is_a_sound_with_what_was_measured_beside_it(folder):
    pair = read_pair(find_pairs(folder)[0])
    assert (pair.name, pair.fps, len(pair.coefficients), pair.sound.rate) == ("clip0", Fraction(25), FRAMES, RATE)
    assert pair.sound.samples.shape == (1, round(0.8 * RATE))
    assert not pair.found[3]


def test_the_mouth_at_rest_counts_as_zero_and_gaps_are_filled(folder):
    jaw = read_pair(find_pairs(folder)[0]).from_rest()[:, JAW]
    assert jaw[1] == pytest.approx(0, abs=1e-3)
    assert jaw[4] == pytest.approx(0.2, abs=1e-3)
    assert jaw[3] == pytest.approx(0.1, abs=1e-3)  # between 0 and 0.2


def test_the_last_fifth_by_name_is_for_judging(folder):
    learnt, logistic_loss = split_pairs(find_pairs(folder))
    assert [file.stem for file in learnt] == ["clip0", "clip1", "clip2", "clip3"]
    assert [file.stem for file in logistic_loss] == ["clip4"]


def test_expressions_of_real_talkers_are_changes_from_rest_and_between_moments_of_one_clip(folder):
    changes = changes_of_talkers(folder)
    assert changes.shape == (4 * 2 * (FRAMES - 1), 52)  # the last fifth is for judging, one frame of each has no face
    assert not changes[:, [index for index in range(52) if index != JAW]].any()
    clips = changes[:, JAW].unflatten(0, (4, 2, FRAMES - 1))
    from_rest, between = clips.unbind(1)
    assert from_rest.min() > -1e-3  # the jaw rests where it is shut
    assert from_rest.max() == pytest.approx(0.2, abs=1e-3)
    assert between.sum().abs() < 1e-2  # each moment is also a beginning
    assert {round(float(change), 1) for change in between.flatten()} <= {-0.2, 0.0, 0.2}


def test_a_folder_without_pairs_is_refused_in_words(tmp_path):
    with pytest.raises(InputError, match="pairs of speech"):
        find_pairs(tmp_path)


def test_a_pair_of_another_space_is_refused(folder):
    np.savez(folder / "clip0.npz", coefficients=np.zeros((4, 7)), found=np.ones(4, bool), fps=np.array([25, 1]))
    with pytest.raises(InputError, match="shape"):
        read_pair(folder / "clip0.npz")


def test_the_first_variant_is_the_recorded_speaker_and_others_differ(folder):
    pair = read_pair(find_pairs(folder)[0])
    one, two, three = vary_pairs([pair], 3)
    assert one is pair
    assert not torch.equal(two.sound.samples, three.sound.samples)
    for other in (two, three):
        assert abs(other.sound.seconds - len(other.coefficients) / 25) < 0.1
    again = list(vary_pairs([pair], 3))[1]
    assert torch.equal(again.sound.samples, two.sound.samples)


def test_a_voice_goes_up_and_keeps_its_length():
    up = reshape_voice(tone(200), pitch=1.5, formants=1.0)
    assert len(up) == pytest.approx(0.8 * RATE, rel=0.02)
    strongest = np.argmax(np.abs(np.fft.rfft(up))) * RATE / len(up)
    assert strongest == pytest.approx(300, rel=0.03)


def test_a_faster_voice_keeps_its_pitch():
    fast = reshape_voice(tone(200), speed=1.25)
    assert len(fast) == pytest.approx(0.64 * RATE, rel=0.03)
    assert np.argmax(np.abs(np.fft.rfft(fast))) * RATE / len(fast) == pytest.approx(200, rel=0.03)


def test_resonances_move_without_the_pitch():
    pulses = np.zeros(RATE, np.float32)
    pulses[::160] = 1  # 100 Hz
    time = np.arange(400) / RATE
    ringing = np.convolve(pulses, np.exp(-300 * time) * np.sin(2 * np.pi * 1000 * time))[:RATE].astype(np.float32)
    moved = reshape_voice(ringing, formants=1.2)

    def strongest(samples):
        power = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
        return np.argmax(np.convolve(power, np.ones(301), "same")) * RATE / len(samples)

    assert strongest(ringing) == pytest.approx(1000, rel=0.06)
    assert strongest(moved) == pytest.approx(1200, rel=0.06)


def test_nothing_asked_for_changes_no_sample():
    samples = tone(200)
    assert reshape_voice(samples) is samples


def test_sounds_without_a_voice_are_full_scale_at_most():
    for seed in range(12):
        samples = voiceless(4000, np.random.default_rng(seed))
        assert samples.shape == (4000,)
        assert 0 < np.abs(samples).max() <= 1


def test_concordance_is_one_for_the_truth_and_less_for_half_of_it():
    true = torch.rand(50, 2, generator=torch.Generator().manual_seed(0))
    half = true.mean(0) + (true - true.mean(0)) / 2
    torch.testing.assert_close(concordance(true, true), torch.ones(2), atol=1e-4, rtol=0)
    torch.testing.assert_close(concordance(half, true), torch.full((2,), 0.8), atol=1e-4, rtol=0)  # 2 a / (1 + a²)


def by_hand() -> list[Utterance]:
    phonemes = (Phoneme(0.0, ""), Phoneme(0.2, "a"), Phoneme(0.5, "m"))
    sound = Sound(samples=torch.from_numpy(tone(300, 0.7))[None], rate=RATE)
    return [Utterance(sound=sound, curves=lip_curves(phonemes, 0.7), fps=Fraction(25), phonemes=phonemes)]


def test_real_people_decide_how_far_the_jaw_moves(folder, monkeypatch):
    monkeypatch.setattr(speech_task, "_synthetic", lambda task: iter(by_hand()))
    network = SpeechCoefficients(SpeechCoefficientsConfig(names=LIPS, width=8))
    task = SpeechTask(utterances=2, real=folder, variants=1)
    # The task looks at nothing of a model but its speech network, and at no heads.
    stage = task.start(SimpleNamespace(speech=network), None)  # type: ignore[arg-type]  # a stand-in
    jaw = LIPS.index("jawOpen")
    told = by_hand()[0].curves @ network.scale[:, jaw]
    real = torch.cat([read_pair(file).from_rest()[:, JAW] for file in find_pairs(folder)[:4]]).std(correction=0)
    assert told.std(correction=0) == pytest.approx(float(real), rel=0.05)
    before = network.scale.clone()
    assert stage.real is not None
    speech_task.set_real_strength(network, stage.hearing, stage.real)
    torch.testing.assert_close(network.scale, before)  # a second time changes nothing


def test_a_network_that_tells_the_truth_of_both_has_nothing_to_lose(folder, monkeypatch):
    monkeypatch.setattr(speech_task, "_synthetic", lambda task: iter(by_hand()))
    network = SpeechCoefficients(SpeechCoefficientsConfig(names=LIPS, width=8))
    task = SpeechTask(utterances=2, real=folder, variants=1)
    stage = task.start(SimpleNamespace(speech=network), None)  # type: ignore[arg-type]  # a stand-in
    rows = torch.arange(4)
    _, curves = stage._draw(stage.hearing, rows)
    assert stage.real is not None
    real = stage.real.curves[stage.real.run[:3, None] + torch.arange(3)]
    back = torch.zeros(3, 3, len(LIPS))
    back[..., stage.measured] = real
    _, synthetic = stage._synthetic_loss(curves, curves)
    _, measured = stage._real_loss(torch.linalg.solve(network.scale.T, back[..., None])[..., 0], real)
    assert all(float(value) < 1e-3 for value in (*synthetic.values(), *measured.values()))
    loss, parts = stage.loss(stage.phases[0], rows, torch.Generator().manual_seed(0), 0.0)
    assert math.isfinite(float(loss.detach()))
    assert {"real_position", "real_strength", "position", "agreement"} <= parts.keys()


@pytest.mark.parametrize("variants", [1, 2])
def test_at_the_end_the_jaw_moves_as_strongly_as_asked_for(folder, monkeypatch, variants):
    monkeypatch.setattr(speech_task, "_synthetic", lambda task: iter(by_hand()))
    torch.manual_seed(0)
    network = SpeechCoefficients(SpeechCoefficientsConfig(names=LIPS, width=8))
    task = SpeechTask(utterances=2, real=folder, variants=variants, told_strength=0.8)
    stage = task.start(SimpleNamespace(speech=network), None)  # type: ignore[arg-type]  # a stand-in
    assert stage.real is not None
    monkeypatch.setattr(network, "predict", lambda mel: 0.05 * (mel.mean(2)[:, :16] + 4))
    before = network.scale.clone()
    stage.calibrate_strength()
    own = [(stage.real.utterance == variants * clip).nonzero()[:, 0] for clip in range(4)]
    told = [network(stage.real.windows(frames))["jawOpen"].std() for frames in own]
    true = [stage.real.curves[frames, 0].std() for frames in own]
    middle = torch.stack([a / b for a, b in zip(told, true, strict=True)]).median()
    assert float(middle.detach()) == pytest.approx(0.8, rel=0.02)
    others = [i for i in range(len(LIPS)) if i != LIPS.index("jawOpen")]
    assert torch.equal(network.scale[:, others], before[:, others])


def test_a_share_of_the_start_is_kept(folder, monkeypatch):
    monkeypatch.setattr(speech_task, "_synthetic", lambda task: iter(by_hand()))
    network = SpeechCoefficients(SpeechCoefficientsConfig(names=LIPS, width=8))
    torch.nn.init.constant_(network.last.bias, 1.0)
    task = SpeechTask(utterances=2, start_share=0.25)
    stage = task.start(SimpleNamespace(speech=network), None)  # type: ignore[arg-type]  # a stand-in
    torch.nn.init.constant_(network.last.bias, 5.0)  # all that was learnt
    stage.keep_start()
    torch.testing.assert_close(network.last.bias, torch.full((16,), 4.0))


def test_what_a_run_writes_has_the_strength_that_was_asked_for(folder, monkeypatch, tmp_path):
    monkeypatch.setattr(speech_task, "_synthetic", lambda task: iter(by_hand()))
    model = build(replace(debug(), speech=SpeechCoefficientsConfig(names=LIPS, width=8))).eval()
    task = SpeechTask(utterances=2, real=folder, variants=1, told_strength=0.7)
    stage = task.start(model, None)
    assert model.speech is not None
    assert stage.real is not None
    model.speech.last.weight.data *= 20
    before = model.speech.scale.clone()
    out = tmp_path / "run"
    out.mkdir()
    task.save(stage, model, out, "a recipe")
    written = load_stylehead(out / MODEL).speech
    assert written is not None
    jaw = LIPS.index("jawOpen")
    assert torch.equal(written.scale, model.speech.scale)
    assert not torch.allclose(written.scale[:, jaw], before[:, jaw])


def test_without_real_clips_no_strength_is_calibrated(monkeypatch):
    monkeypatch.setattr(speech_task, "_synthetic", lambda task: iter(by_hand()))
    network = SpeechCoefficients(SpeechCoefficientsConfig(names=LIPS, width=8))
    stage = SpeechTask(utterances=2).start(SimpleNamespace(speech=network), None)  # type: ignore[arg-type]  # a stand-in
    stage.calibrate_strength()
    assert torch.equal(network.scale, torch.eye(len(LIPS)))


def test_a_shorter_throat_moves_a_resonance_and_keeps_the_ends():
    mel = torch.zeros(40, 1, 81, 2)
    mel[:, :, 40] = 1.0
    mel[:, :, [0, 80]] = 2.0
    moved = speech_task._move_resonances(mel, 0.2, torch.Generator().manual_seed(0))
    place = moved[:, 0, 10:70].amax(2).argmax(1) + 10
    assert 32 <= int(place.min()) < 38
    assert 42 < int(place.max()) <= 50
    assert (moved[:, :, [0, 80]] == 2.0).all()
    assert torch.equal(speech_task._move_resonances(mel, 0.0, torch.Generator().manual_seed(0)), mel)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"variants": 0}, "1 or more variants"),
        ({"throat": 1.0}, "Resonances"),
        ({"start_share": 1.0}, "share"),
        ({"told_strength": 0.0}, "strength"),
    ],
)
def test_settings_that_cannot_work_are_refused(wrong, words):
    with pytest.raises(ConfigError, match=words):
        SpeechTask(**wrong)


def test_flite_tells_where_a_sound_ends_and_the_next_begins():
    phonemes = flite._phonemes("pau:0.164 hh:0.255 ow:0.50 pau:0.7")
    assert [phoneme.name for phoneme in phonemes] == ["", "h", "oʊ", ""]
    assert [phoneme.start for phoneme in phonemes] == [0.0, 0.164, 0.255, 0.5]
    with pytest.raises(ConfigError, match="xx"):
        flite._phonemes("xx:0.1")


@pytest.mark.skipif(flite.shutil.which("flite") is None, reason="flite is not installed")
def test_flite_speaks_with_its_times():
    said = flite.say_with_flite("hello mum", "slt")
    assert said.sound.rate == RATE
    assert said.phonemes[-1].start < said.sound.seconds
    assert "m" in [phoneme.name for phoneme in said.phonemes]
