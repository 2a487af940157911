"""Synthetic speech: the same seed gives the same sound, and the lips do what the sounds ask for."""

import sys
import time
from fractions import Fraction
from itertools import pairwise, product
from pathlib import Path

import numpy as np
import pytest
import torch

from stylehead_core.errors import ConfigError
from stylehead_core.ops.mel import RATE
from stylehead_core.spaces import BLENDSHAPES
from stylehead_core.synthetic.speech import damage, espeak
from stylehead_core.synthetic.speech.curves import lip_curves
from stylehead_core.synthetic.speech.espeak import Phoneme, Voice, say
from stylehead_core.synthetic.speech.sentences import GRAMMARS, HELD_OUT, HELD_OUT_PHRASES, nonsense, sentence
from stylehead_core.synthetic.speech.utterances import Utterances, make_utterance, speak
from stylehead_core.synthetic.speech.visemes import LIPS, visemes_of
from stylehead_core.synthetic.speech.voices import choose_voice, invent_variant, is_new_voice

JAW, PUCKER, PRESS = (LIPS.index(name) for name in ("jawOpen", "mouthPucker", "mouthPressLeft"))


@pytest.fixture(scope="module")
def speaking() -> None:
    try:
        espeak.find_espeak()
    except ConfigError as missing:
        pytest.skip(str(missing))


def test_curves_are_of_coefficients_that_a_motion_has():
    assert set(LIPS) <= set(BLENDSHAPES)


def test_a_vowel_opens_the_jaw_and_a_pause_closes_it():
    curves = lip_curves([Phoneme(0.0, ""), Phoneme(0.4, "ˈɑː"), Phoneme(0.8, "")], 1.2)
    assert curves[15, JAW] > 0.35  # at 0.6 s
    assert curves[[0, -1], JAW].max() < 0.01


def test_lips_that_meet_between_two_vowels_leave_no_gap():
    curves = lip_curves([Phoneme(0.0, "a"), Phoneme(0.3, "m"), Phoneme(0.38, "a")], 0.7, Fraction(100))
    assert curves[:, JAW].max() > 0.4
    assert curves[28:37, JAW].min() == 0
    assert curves[32, PRESS] > 0.1


def test_a_consonant_takes_the_lips_of_its_vowels():
    oo = lip_curves([Phoneme(0.0, "u"), Phoneme(0.2, "t"), Phoneme(0.26, "u")], 0.5, Fraction(100))
    ee = lip_curves([Phoneme(0.0, "i"), Phoneme(0.2, "t"), Phoneme(0.26, "i")], 0.5, Fraction(100))
    assert oo[20, PUCKER] > 0.4 > ee[20, PUCKER] + 0.3


def test_the_same_curve_comes_at_any_frame_rate():
    phonemes = [Phoneme(0.0, "a"), Phoneme(0.2, "f"), Phoneme(0.3, "o")]
    slow, fast = (lip_curves(phonemes, 0.6, Fraction(fps)) for fps in (25, 50))
    assert len(slow) == 15
    torch.testing.assert_close(fast[::2], slow)


@pytest.mark.parametrize(
    ("phoneme", "names"), [("ˈaɪ", ["a", "i"]), ("tʃ", ["hushing"]), ("kh", ["tongue back"]), ("ũ", ["u"]), ("ʲ", [])]
)
def test_a_sound_is_known_by_its_letters(phoneme, names):
    assert [viseme.name for viseme in visemes_of(phoneme)] == names


def test_held_out_sentences_are_made_of_phrases_that_no_other_has():
    for grammar in GRAMMARS:
        kept = {
            grammar.space.join(p) + grammar.stop for p in product(*(slot[-HELD_OUT_PHRASES:] for slot in grammar.slots))
        }
        said = {seed: {sentence(grammar, seed, np.random.default_rng(i)) for i in range(50)} for seed in (0, HELD_OUT)}
        assert said[HELD_OUT] <= kept
        assert not said[0] & kept
        assert all(len(set(slot)) == len(slot) for slot in grammar.slots)


def test_nonsense_is_made_of_pieces_of_what_is_learnt_from():
    rng = np.random.default_rng(0)
    for grammar in GRAMMARS:
        learnt = {word.strip(",.") for slot in grammar.slots for p in slot[:-HELD_OUT_PHRASES] for word in p.split()}
        for word in nonsense(grammar, rng).rstrip(".。").split():
            if grammar.space:
                assert any(word.startswith(one[:1]) for one in learnt)
                assert any(word.endswith(other[-1:]) for other in learnt)
            assert set(word) <= set("".join(learnt))


def test_what_is_said_has_visemes(speaking):
    for grammar in GRAMMARS:
        for slot in grammar.slots[::2]:
            phonemes = say(grammar.space.join(slot[::4]), Voice(name=grammar.voices[0], speed=400)).phonemes
            assert {phoneme.name for phoneme in phonemes if not visemes_of(phoneme.name)} <= {"ʲ"}


def test_a_sentence_sounds_the_same_whatever_was_said_before(speaking):
    first = say("A bowl of warm soup.")
    say("Etwas ganz anderes.", Voice(name="de+f2", speed=220))
    again = say("A bowl of warm soup.")
    assert torch.equal(first.sound.samples, again.sound.samples)
    assert first.phonemes == again.phonemes


def test_breath_sounds_the_same_at_another_time(speaking):
    breathy = Voice(name="it", variant=invent_variant(np.random.default_rng(4)))
    assert "breath " in breathy.variant
    first = say("Il fornaio.", breathy)
    time.sleep(1.1)  # espeak-ng's own seed is the time in seconds
    assert torch.equal(say("Il fornaio.", breathy).sound.samples, first.sound.samples)


def test_a_variant_of_ones_own_is_spoken_as_if_the_library_had_it(speaking):
    folder = espeak.find_espeak()[1]
    if folder is None:
        pytest.skip("the system keeps the variants")
    # One that does not breathe: noise is the C library's, which goes on from sentence to sentence.
    own = Voice(name="it", variant=(Path(folder) / "voices" / "!v" / "m1").read_text(encoding="utf-8"))
    theirs, repeated = say("Il fornaio.", Voice(name="it+m1")), say("Il fornaio.", own)
    assert torch.equal(theirs.sound.samples, repeated.sound.samples)
    assert theirs.phonemes == repeated.phonemes


def test_every_invented_throat_sounds_otherwise(speaking):
    heard = []
    for seed in range(4):
        own = Voice(name="it", variant=invent_variant(np.random.default_rng(seed)))
        heard.append(say("Il fornaio.", own).sound.samples[0, :8000])
    assert all(sound.abs().max() > 0.05 for sound in heard)
    assert all(not torch.allclose(one, other, atol=0.01) for one, other in pairwise(heard))


def test_no_throat_is_invented_for_what_is_held_out():
    heard = {first: [_voice(seed) for seed in range(first, first + 40)] for first in (0, HELD_OUT)}
    assert 10 < sum(bool(voice.variant) for voice in heard[0]) < 40
    assert not any(voice.variant for voice in heard[HELD_OUT])


def _voice(seed: int) -> Voice:
    return choose_voice(GRAMMARS[0], seed, np.random.default_rng(seed))


def test_sound_and_phonemes_keep_the_same_time(speaking):
    utterance = speak("Papa.", before=0.5, after=0.5)
    loud = utterance.sound.samples[0].abs() > 0.05
    vowels = [phoneme.start for phoneme in utterance.phonemes if "ɑ" in phoneme.name or "ə" in phoneme.name]
    assert loud.nonzero()[0].item() / RATE > 0.45
    assert all(bool(loud[round(start * RATE) :][: RATE // 20].any()) for start in vowels)
    closed = next(phoneme.start for phoneme in utterance.phonemes if phoneme.name == "p")
    assert utterance.curves[round(closed * 25), JAW] < 0.1 < utterance.curves[:, JAW].max()


def test_a_talk_is_a_function_of_its_seed(speaking):
    one, other = make_utterance(3), make_utterance(3)
    assert torch.equal(one.sound.samples, other.sound.samples)
    assert torch.equal(one.curves, other.curves)
    assert len(one.curves) == -(-one.sound.samples.shape[1] * 25 // RATE)
    assert not torch.equal(one.curves, make_utterance(4).curves)


def test_some_voices_speak_held_out_sentences_alone(speaking):
    heard = {seed: make_utterance(seed).voice for seed in (0, 1, HELD_OUT + 2, HELD_OUT + 3)}
    assert [voice is not None and is_new_voice(voice) for voice in heard.values()] == [False, False, False, True]


def test_an_unknown_voice_is_named(speaking):
    with pytest.raises(ConfigError, match="no voice 'xx-nobody'"):
        say("Hello.", Voice(name="xx-nobody"))


def test_without_espeak_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    monkeypatch.setattr(espeak.ctypes.util, "find_library", lambda name: None)
    with pytest.raises(ConfigError, match="pip install"):
        say("Hello.")


@pytest.mark.parametrize("harm", [damage.add_noise, damage.apply_microphone, damage.reverberate, damage.set_level])
def test_damage_keeps_the_time_of_the_voice(harm):
    samples = np.zeros(RATE, np.float32)
    samples[8000:8400] = np.sin(np.arange(400) / 3)
    harmed = harm(samples, np.random.default_rng(0))
    assert harmed.shape == samples.shape
    assert harmed.dtype == np.float32
    energy = np.square(harmed).reshape(-1, 800).sum(1)
    assert energy.argmax() == 10


def test_nobody_moves_a_lip_to_music():
    music = next(utterance for utterance in Utterances(range(0, 40)) if utterance.voice is None)
    assert music.sound.samples.abs().max() > 0.05
    assert not music.curves.any()
