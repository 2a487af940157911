"""Any sound comes in: rates, channels, damage."""

import hashlib
import math
import subprocess
import sys
import wave
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import torch

from stylehead_core.errors import InputError, MediaError
from stylehead_core.media import sound as sound_module
from stylehead_core.media.sound import ChannelSamples, MonoSamples, Sound, read_sound
from stylehead_core.media.trimming import cut_sound
from stylehead_core.media.video import VideoWriter
from stylehead_core.model.files import load_stylehead
from stylehead_core.ops.mel import mel_spectrogram
from stylehead_core.spaces import ARKIT
from stylehead_core.stages.speech import hear, motion_from_speech
from stylehead_core.synthetic.speech.damage import make_chords

JAW = ARKIT.names.index("jawOpen")
SPEECH = Path(__file__).parents[2] / "example_workflows" / "inputs" / "speech.wav"


def tone(rate: int, seconds: float, channels: int = 1, pitch: float = 440) -> Sound:
    wave = torch.sin(torch.arange(int(rate * seconds)) * (2 * math.pi * pitch / rate)) * 0.5
    return Sound(samples=wave.expand(channels, -1).contiguous(), rate=rate)


@pytest.mark.parametrize(("rate", "channels"), [(8000, 1), (16000, 1), (44100, 2), (48000, 6), (96000, 3)])
def test_any_rate_and_channels_become_the_same_mono(rate, channels):
    samples = tone(rate, 0.5, channels).mono(16000)
    assert len(samples) == 8000
    np.testing.assert_allclose(samples[2000:6000], tone(16000, 0.5).mono(16000)[2000:6000], atol=0.01)


def test_what_is_no_number_is_silent_and_what_is_too_loud_is_clipped():
    samples = torch.tensor([[0.5, torch.nan, torch.inf, -torch.inf, 3.0, -0.25]])
    assert Sound(samples=samples, rate=16000).mono(16000).tolist() == [0.5, 0.0, 1.0, -1.0, 1.0, -0.25]


@pytest.mark.parametrize(("rate", "channels"), [(8000, 1), (16000, 2), (22050, 1), (44100, 2), (48000, 1), (12345, 1)])
def test_a_slice_of_one_channel_is_that_of_the_whole(rate, channels):
    noise = torch.rand(channels, 3 * rate + 7, generator=torch.Generator().manual_seed(0)) - 0.5
    sound = Sound(samples=noise, rate=rate)
    whole, read = sound.mono(16000), MonoSamples(sound, 16000)
    assert len(read) == len(whole)
    for first, last in ((0, 100), (7, 20_001), (23_456, 23_457), (40_000, len(whole)), (5, 5), (47_000, 90_000)):
        np.testing.assert_allclose(read[first:last], whole[first:last], atol=1e-5)


@pytest.mark.parametrize(("rate", "wanted"), [(12345, 48000), (44100, 48000), (48000, 48000)])
def test_a_slice_of_all_channels_is_that_of_the_whole(rate, wanted):
    noise = torch.rand(2, 2 * rate + 5, generator=torch.Generator().manual_seed(0)) - 0.5
    sound = Sound(samples=noise, rate=rate)
    whole, read = sound.resampled(wanted).samples.numpy(), ChannelSamples(sound, wanted)
    assert (2, len(read)) == whole.shape
    for first, last in ((0, 100), (7, 20_001), (23_456, 23_457), (90_000, len(read)), (5, 5), (9, 3)):
        np.testing.assert_allclose(read[first:last], whole[:, first:last], atol=1e-5)


def test_a_slice_asks_for_little_more_than_itself(monkeypatch):
    sound, asked = tone(48000, 60.0), []
    monkeypatch.setattr(Sound, "cleaned", lambda self: asked.append(self.samples.shape[1]) or self)
    assert len(MonoSamples(sound, 16000)[160_000:168_000]) == 8000
    assert asked == [pytest.approx(24_000 + 2 * 12_000, abs=3)]  # half a second, and a quarter at either side


def test_channels_that_cancel_only_over_all_give_the_strongest_in_every_slice():
    wave = tone(16000, 1.0).samples
    both = torch.cat((wave, -0.9 * wave))
    both[:, 8000:] = 0.01  # here they do not cancel
    read = MonoSamples(Sound(samples=both, rate=16000), 16000)
    np.testing.assert_array_equal(read[9000:9010], both[0, 9000:9010].numpy())
    np.testing.assert_array_equal(read[100:110], both[0, 100:110].numpy())


@pytest.mark.parametrize("shape", [(0, 100), (1, 0), (100,)])
def test_a_sound_without_samples_is_refused(shape):
    with pytest.raises(InputError, match="needs samples"):
        Sound(samples=torch.zeros(shape), rate=16000)


def test_a_wave_file_is_read_sample_by_sample(tmp_path):
    samples = (torch.rand(2, 5000, generator=torch.Generator().manual_seed(0)) * 2 - 1).numpy()
    with av.open(str(tmp_path / "a.wav"), "w") as container:
        stream = container.add_stream("pcm_f32le", rate=22050, layout="stereo")
        frame = av.AudioFrame.from_ndarray(samples.T.reshape(1, -1).copy(), format="flt", layout="stereo")
        frame.sample_rate = 22050
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    sound = read_sound(tmp_path / "a.wav")
    assert sound is not None
    assert sound.rate == 22050
    np.testing.assert_array_equal(sound.samples.numpy(), samples)


def test_a_film_without_sound_has_none_and_a_text_is_an_error(tmp_path):
    with VideoWriter(tmp_path / "mute.mp4", fps=Fraction(25), size=(32, 16)) as video:
        video.write(torch.zeros(2, 3, 16, 32, dtype=torch.uint8))
    assert read_sound(tmp_path / "mute.mp4") is None
    (tmp_path / "text.wav").write_text("la la la")
    with pytest.raises(MediaError, match=r"text\.wav"):
        read_sound(tmp_path / "text.wav")


@pytest.mark.parametrize(("channels", "rate", "kept"), [(1, 22050, 1), (2, 44100, 2), (3, 48000, 1), (2, 12345, 2)])
def test_a_film_takes_sound_of_any_rate_and_channels(tmp_path, channels, rate, kept):
    given = tone(rate, 0.41, channels)
    with VideoWriter(tmp_path / "film.mp4", fps=Fraction(25), size=(32, 16), sound=given) as video:
        video.write(torch.zeros(5, 3, 16, 32, dtype=torch.uint8))
    sound = read_sound(tmp_path / "film.mp4")
    assert sound is not None
    assert len(sound.samples) == kept
    assert abs(sound.seconds - given.seconds) <= 1 / rate


def write_wave(path: Path, samples: np.ndarray, rate: int = 48_000, times: int = 1) -> Path:
    """A file of 16 bits from samples (N C) in -1..1, several times in a row."""
    with wave.open(str(path), "wb") as file:
        file.setparams((samples.shape[1], 2, rate, 0, "NONE", ""))
        for _ in range(times):
            file.writeframes((samples * 32767).astype("<i2").tobytes())
    return path


def test_a_long_sound_lies_in_a_file_and_is_the_same(tmp_path, monkeypatch):
    path = write_wave(tmp_path / "a.wav", np.random.default_rng(0).uniform(-1, 1, (30_000, 2)))
    held = read_sound(path)
    monkeypatch.setattr(sound_module, "MOST_IN_MEMORY", 50_000)
    long = read_sound(path)
    assert held is not None
    assert long is not None
    assert held.mapping is None
    assert long.mapping is not None
    assert torch.equal(long.samples, held.samples)
    assert torch.equal(long.read(100, 20_000), held.read(100, 20_000))
    np.testing.assert_array_equal(long.mono(16_000), held.mono(16_000))
    part = cut_sound(long, 0.1, 0.2)
    assert part is not None
    assert part.mapping is long.mapping
    assert torch.equal(part.samples, held.samples[:, 4800:9600])
    films = []
    for name, sound in (("long", long), ("held", held)):
        with VideoWriter(tmp_path / f"{name}.mp4", fps=Fraction(25), size=(32, 16), sound=sound) as video:
            video.write(torch.zeros(3, 3, 16, 32, dtype=torch.uint8))
        films.append(hashlib.sha256((tmp_path / f"{name}.mp4").read_bytes()).hexdigest())
    assert films[0] == films[1]


def test_a_long_sound_that_finds_no_room_says_where(tmp_path, monkeypatch):
    def full(**_):
        raise OSError("No space left on device")

    path = write_wave(tmp_path / "a.wav", np.zeros((30_000, 2)))
    monkeypatch.setattr(sound_module, "MOST_IN_MEMORY", 50_000)
    monkeypatch.setattr("tempfile.TemporaryFile", full)
    with pytest.raises(MediaError, match=r"cannot be kept in .*No space left"):
        read_sound(path)


HEARS_AND_WRITES = """
import sys
from fractions import Fraction
import torch
from stylehead_core.media.sound import read_sound
from stylehead_core.media.video import VideoWriter
from stylehead_core.stages.speech import SpeechConfig, motion_from_speech

torch.set_num_threads(1)
listen = lambda mel: {"jawOpen": mel.mean((1, 2))}
sound = read_sound(sys.argv[1])
config = SpeechConfig(life="lively")
motion = motion_from_speech(sound, network=listen, window=48, config=config, keep_mel=False)
with VideoWriter(sys.argv[2], fps=Fraction(1), size=(32, 16), sound=sound) as video:
    for second in range(int(sound.seconds)):
        video.write(torch.zeros(1, 3, 16, 32, dtype=torch.uint8))
with open("/proc/self/status") as status:  # getrusage would tell the most of the process that started this one
    print(len(motion), *(line.split()[1] for line in status if line.startswith("VmHWM")))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the most memory of a process")
def test_five_minutes_of_sound_take_the_memory_of_half_a_minute(tmp_path):
    peaks = []
    for seconds in (30, 300):
        noise = np.random.default_rng(0).uniform(-0.1, 0.1, (48_000, 2))
        path = write_wave(tmp_path / "a.wav", noise, times=seconds)
        ran = subprocess.run(
            [sys.executable, "-W", "error", "-c", HEARS_AND_WRITES, path, tmp_path / "film.mp4"],
            capture_output=True,
            text=True,
            check=True,
        )
        frames, peak = map(int, ran.stdout.split())  # KiB
        assert frames == 25 * seconds
        peaks.append(peak)
    assert peaks[1] - peaks[0] < 20_000  # the samples of five minutes alone are 112,500


def test_the_mel_is_librosa_s():
    librosa = pytest.importorskip("librosa")
    samples = np.random.default_rng(0).standard_normal(4000).astype(np.float32) * 0.1
    emphasised = np.append(samples[0], samples[1:] - 0.97 * samples[:-1])
    magnitude = librosa.feature.melspectrogram(
        y=emphasised, sr=16000, n_fft=800, hop_length=200, n_mels=80, fmin=55, fmax=7600, power=1.0
    )
    level = 20 * np.log10(np.maximum(1e-5, magnitude)) - 20
    expected = np.clip(8 * (level + 100) / 100 - 4, -4, 4)
    np.testing.assert_allclose(mel_spectrogram(samples), expected, atol=1e-4)
    assert mel_spectrogram(samples).shape == (80, 21)


@pytest.mark.parametrize("length", [1, 399, 400, 4000, 4001])
def test_some_columns_of_the_mel_are_those_of_all(length):
    samples = np.random.default_rng(0).standard_normal(length).astype(np.float32) * 0.1
    every, last = mel_spectrogram(samples), length // 200 + 1
    for part in (range(0, 1), range(0, last), range(last // 2, last), range(last - 1, last), range(last, last)):
        np.testing.assert_allclose(mel_spectrogram(samples, part), every[:, part.start : part.stop], atol=1e-5)


def test_columns_that_a_sound_does_not_have_are_refused():
    with pytest.raises(ValueError, match="0 to 6"):
        mel_spectrogram(np.zeros(1000, np.float32), range(2, 7))


def test_silence_is_minus_four_everywhere():
    assert (mel_spectrogram(np.zeros(1600, np.float32)) == -4).all()


@pytest.mark.parametrize("fps", [Fraction(24000, 1001), 25, Fraction(30000, 1001), 60])
def test_speech_has_a_frame_for_all_of_its_sound(fps):
    motion = motion_from_speech(tone(16000, 2.01), Fraction(fps))
    assert len(motion) == math.ceil(Fraction(32160, 16000) * fps)
    assert motion.mel is not None
    assert motion.mel.shape == (len(motion), 80, 32)
    assert motion.fps == fps


@pytest.mark.parametrize("fps", [Fraction(24000, 1001), 25, 60])
def test_a_click_is_heard_at_its_time_at_any_rate(fps):
    samples = torch.zeros(1, 32000)
    samples[0, 16000] = 1.0  # after one second
    heard = hear(Sound(samples=samples, rate=16000), Fraction(fps))
    loudest = heard.mean(1)  # T W
    frame = round(float(fps))
    place = loudest[frame].argmax().item()
    assert abs(place - 12) <= 4  # in the middle of the window, less what the official lead puts before it
    assert heard[0].max() == -4


@pytest.mark.parametrize("samples", [16, 200, 801])
def test_very_short_sound_still_gives_a_frame(samples):
    assert len(hear(Sound(samples=torch.ones(1, samples) * 0.1, rate=16000), Fraction(25))) == math.ceil(samples / 640)


def test_next_to_no_sound_is_refused():
    with pytest.raises(InputError, match="at least 1 ms"):
        hear(Sound(samples=torch.zeros(1, 15), rate=16000), Fraction(25))


@pytest.fixture(scope="module")
def listener():
    return load_stylehead("stylehead-mini").speech


def lips(listener, samples: torch.Tensor) -> torch.Tensor:
    """How the embedded model moves lips and jaw to a sound."""
    sound, window = Sound(samples=samples, rate=16000), listener.config.window
    motion = motion_from_speech(sound, Fraction(25), window=window, network=listener)
    return motion.coefficients[:, ARKIT.expression]


def test_silence_keeps_the_mouth_still_and_music_stays_in_range(listener):
    time = torch.arange(16000) / 16000
    tones = [torch.sin(2 * math.pi * pitch * time) for pitch in (220.0, 277.2, 329.6, 440.0)]
    chord = torch.stack(tones).sum(0)[None] / 5
    quiet = lips(listener, torch.zeros(1, 16000))
    assert quiet.abs().max() < 0.05
    for sound in (chord, 40 * chord, torch.randn(1, 16000, generator=torch.Generator().manual_seed(0))):
        moved = lips(listener, sound)
        assert torch.isfinite(moved).all()
        assert moved.min() >= -1
        assert moved.max() <= 1


@pytest.mark.parametrize("kind", ["white noise", "rumble", "hum", "chords"])
def test_sound_without_a_voice_leaves_the_mouth_nearly_shut(listener, kind):
    time, rng = torch.arange(32000) / 16000, torch.Generator().manual_seed(0)
    noise = torch.randn(32000, generator=rng)
    samples = {
        "white noise": 0.05 * noise,
        "rumble": noise.cumsum(0) / 2000,
        "hum": sum((torch.sin(2 * math.pi * 50 * k * time) * 0.2 / k for k in (1, 2, 3, 5, 7)), torch.zeros(32000)),
        "chords": torch.from_numpy(make_chords(32000, np.random.default_rng(5))) * 0.5,
    }[kind]
    moved = lips(listener, samples[None])
    for name, most in (("jawOpen", 0.08), ("mouthPucker", 0.15), ("mouthFunnel", 0.15)):
        assert float(moved[:, ARKIT.names.index(name)].quantile(0.95)) < most, name


def test_a_pause_closes_the_mouth_and_words_open_it(listener):
    said = read_sound(SPEECH)
    assert said is not None
    words = torch.from_numpy(said.mono(16000))
    middle = len(words) // 2
    jaw = lips(listener, torch.cat((words[:middle], torch.zeros(16000), words[middle:]))[None])[:, JAW]
    pause = slice(middle // 640 + 6, middle // 640 + 19)  # a quarter of a second after its start and before its end
    assert float(jaw[pause].max()) < 0.05
    assert float(jaw[: middle // 640].quantile(0.9)) > 0.15
    assert float(jaw[middle // 640 + 25 :].quantile(0.9)) > 0.15


def test_a_speech_network_moves_the_coefficients_it_names():
    motion = motion_from_speech(tone(16000, 0.2), network=lambda mel: {"jawOpen": mel.mean((1, 2)) + 4})
    jaw = motion.names.index("jawOpen")
    assert (motion.coefficients[:, jaw] > 0).all()
    assert (motion.coefficients[:, :jaw] == 0).all()
    assert motion.relative
