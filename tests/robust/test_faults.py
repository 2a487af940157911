"""What goes wrong around us, the disk, the file, the user who stops, leaves words and no half-made thing."""

import os
import threading
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from damage import damaged, outcome
from PIL import Image

from stylehead_core import (
    InputError,
    MediaError,
    Motion,
    MotionError,
    OutOfMemory,
    Portrait,
    WeightsError,
    animate,
    calibrate,
    invert,
    render,
    warp_features,
)
from stylehead_core.config_json import to_json
from stylehead_core.media.background_writer import BackgroundVideoWriter
from stylehead_core.media.pictures import read_picture
from stylehead_core.media.sound import Sound, read_sound
from stylehead_core.media.video import VideoWriter, read_frames, read_info
from stylehead_core.model.files import load_stylehead, save_stylehead
from stylehead_core.model.presets import debug
from stylehead_core.model.stylehead import build
from stylehead_core.stages import tracking
from stylehead_core.stages.inversion import OptimiseConfig
from stylehead_core.stages.motion_files import load_motion, save_motion
from stylehead_core.stages.rendering import FrameRenderer, RenderConfig
from stylehead_core.stages.speech import motion_from_speech
from stylehead_core.tensor_files import write_tensors

resource = pytest.importorskip("resource", reason="limits and counts as Unix does")


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def scene() -> SimpleNamespace:
    model = build(debug())
    portrait = Portrait(image=noise(1, 3, 64, 64) * 2 - 1, coefficients=torch.zeros(58))
    motion = Motion(coefficients=noise(9, 58, seed=1), fps=Fraction(25), mel=noise(9, 80, 32))
    return SimpleNamespace(model=model, portrait=portrait, motion=motion, inversion=invert(model, portrait))


# The disk


@contextmanager
def room_for(size: int):
    """A disk on which no file grows beyond ``size`` bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def write_noise(path, behind) -> None:
    film = VideoWriter(path, fps=Fraction(25), size=(128, 128), quality=0, speed="ultrafast")
    with behind(film) as film:
        for seed in range(20):
            film.write(noise(1, 3, 128, 128, seed=seed))


@pytest.mark.parametrize("behind", [lambda film: film, BackgroundVideoWriter])
@pytest.mark.parametrize("size", [0, 20_000, 200_000])
def test_a_disk_that_is_full_leaves_no_film_and_no_rest_of_one(tmp_path, size, behind):
    (tmp_path / "film.mp4").write_bytes(b"what was there before")
    with room_for(size), pytest.raises(MediaError, match=r"film\.mp4 cannot be written"):
        write_noise(tmp_path / "film.mp4", behind)
    assert [path.name for path in tmp_path.iterdir()] == ["film.mp4"]
    assert (tmp_path / "film.mp4").read_bytes() == b"what was there before"


def test_a_disk_that_is_full_leaves_no_motion_and_no_model(scene, tmp_path):
    with room_for(500):
        with pytest.raises(MediaError, match=r"nod\.safetensors cannot be written"):
            save_motion(scene.motion, tmp_path / "nod.safetensors")
        with pytest.raises(WeightsError, match=r"tiny\.safetensors cannot be written"):
            save_stylehead(scene.model, tmp_path / "tiny.safetensors")
    assert list(tmp_path.iterdir()) == []


def test_a_film_without_frames_is_none(tmp_path):
    with pytest.raises(MediaError, match="no frame"), VideoWriter(tmp_path / "a.mp4", fps=Fraction(25), size=(16, 16)):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_named(scene, tmp_path):
    tmp_path.chmod(0o500)
    check_unwritable(scene, tmp_path)


def test_a_folder_that_is_a_file_is_named(scene, tmp_path):
    (tmp_path / "models").write_bytes(b"")
    check_unwritable(scene, tmp_path / "models")


def check_unwritable(scene, folder):
    with pytest.raises(WeightsError, match="cannot be written"):
        save_stylehead(scene.model, folder / "tiny.safetensors")
    with pytest.raises(MediaError, match="cannot be written"):
        save_motion(scene.motion, folder / "nod.safetensors")
    with (
        pytest.raises(MediaError, match="cannot be written"),
        VideoWriter(folder / "film.mp4", fps=Fraction(25), size=(16, 16)),
    ):
        pass


# Model files


@pytest.fixture(scope="module")
def saved(scene, tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "tiny.safetensors"
    save_stylehead(scene.model, path)
    return path


def test_a_model_file_that_is_cut_short_is_refused(saved, tmp_path):
    whole = saved.read_bytes()
    for part in (0, 7, 100, len(whole) // 2, len(whole) - 1):
        (tmp_path / "cut.safetensors").write_bytes(whole[:part])
        with pytest.raises(WeightsError, match=r"cut\.safetensors"):
            load_stylehead(tmp_path / "cut.safetensors")


def test_a_model_file_with_a_tensor_too_few_or_too_many_is_refused(scene, tmp_path):
    state = scene.model.state_dict()
    name = next(iter(state))
    for tensors in ({k: v for k, v in state.items() if k != name}, {**state, "more": torch.ones(1)}):
        write_tensors(tmp_path / "odd.safetensors", "model", tensors, {"config": to_json(scene.model.config)})
        with pytest.raises(WeightsError, match=rf"{name}|more"):
            load_stylehead(tmp_path / "odd.safetensors")


def test_a_model_of_another_version_is_refused(saved, tmp_path):
    whole = saved.read_bytes()
    assert whole.count(b'\\"format\\": 1') == 1
    (tmp_path / "new.safetensors").write_bytes(whole.replace(b'\\"format\\": 1', b'\\"format\\": 7'))
    with pytest.raises(WeightsError, match="format 7"):
        load_stylehead(tmp_path / "new.safetensors")


@pytest.mark.parametrize("name", ["", "~nobody-at-home/x", "a" * 5000, "a\0b", ".", "no such model"])
def test_a_name_of_no_model_is_answered_with_those_that_there_are(name):
    with pytest.raises(WeightsError, match="There is no model"):
        load_stylehead(name)


# Clips


@pytest.mark.parametrize("count", [1, 2])
def test_a_short_clip_is_read_and_drawn(scene, tmp_path, count):
    motion = replace(
        scene.motion, coefficients=scene.motion.coefficients[:count], found=None, mel=scene.motion.mel[:count]
    )
    with VideoWriter(tmp_path / "a.mp4", fps=Fraction(25), size=(64, 64), speed="ultrafast") as film:
        for frames in animate(scene.model, scene.inversion, motion):
            film.write(frames)
    assert read_info(tmp_path / "a.mp4").frames == count
    assert sum(len(part) for part in read_frames(tmp_path / "a.mp4")) == count


def test_no_frames_are_no_motion():
    with pytest.raises(MotionError, match="at least one frame"):
        Motion(coefficients=torch.zeros(0, 58), fps=25)


def test_a_clip_with_damaged_frames_gives_the_others_or_says_so(tmp_path):
    path = tmp_path / "clip.mp4"
    with VideoWriter(path, fps=Fraction(25), size=(64, 64), speed="ultrafast", quality=5) as film:
        film.write(noise(30, 3, 64, 64))
    whole = path.read_bytes()
    middle = whole.index(b"mdat") + 4
    dice = np.random.default_rng(0)
    ends = set()
    for case in range(12):
        data = bytearray(whole)
        for place in dice.integers(middle, len(data), 5 + 200 * case):
            data[place] = dice.integers(256)
        path.write_bytes(data)
        read = outcome(lambda: sum(len(part) for part in read_frames(path)), MediaError)
        if isinstance(read, MediaError):
            assert "clip.mp4" in str(read)
            continue
        assert 1 <= read <= 30
        ends.add(read)
    assert ends


def test_damaged_sound_is_read_or_refused(tmp_path):
    path = tmp_path / "clip.mp4"
    tone = Sound(samples=torch.sin(torch.arange(16000) / 9)[None] * 0.5, rate=16000)
    with VideoWriter(path, fps=Fraction(25), size=(16, 16), sound=tone, speed="ultrafast") as film:
        film.write(noise(25, 3, 16, 16))
    whole = path.read_bytes()
    dice = np.random.default_rng(0)
    for _ in range(30):
        data = bytearray(whole)
        for place in dice.integers(0, len(data), 20):
            data[place] = dice.integers(256)
        path.write_bytes(data)
        sound = outcome(lambda: read_sound(path), MediaError)
        if isinstance(sound, MediaError):
            assert "clip.mp4" in str(sound)
            continue
        assert sound is None or sound.cleaned().samples.isfinite().all()


def test_numbers_that_are_none_are_silence(tmp_path):
    samples = torch.sin(torch.arange(8000) / 9)[None].clone()
    samples[0, 100:200] = torch.nan
    samples[0, 300] = torch.inf
    sound = Sound(samples=samples, rate=16000)
    assert torch.isfinite(motion_from_speech(sound).mel).all()
    with VideoWriter(tmp_path / "a.mp4", fps=Fraction(25), size=(16, 16), sound=sound, speed="ultrafast") as film:
        film.write(noise(12, 3, 16, 16))
    heard = read_sound(tmp_path / "a.mp4")
    assert heard is not None
    assert torch.isfinite(heard.samples).all()


# Pictures

GREY = 128 / 127.5 - 1


def test_what_is_see_through_becomes_grey(tmp_path):
    Image.new("RGBA", (4, 2), (255, 0, 0, 0)).save(tmp_path / "a.png")
    Image.new("LA", (4, 2), (255, 0)).save(tmp_path / "b.png")
    for name in ("a.png", "b.png"):
        torch.testing.assert_close(read_picture(tmp_path / name), torch.full((1, 3, 2, 4), GREY))


def test_sixteen_bits_keep_their_brightness(tmp_path):
    ramp = np.array([[0, 16384, 32768, 65535]], np.uint16)
    Image.fromarray(ramp).save(tmp_path / "a.png")
    found = read_picture(tmp_path / "a.png")[0, :, 0]
    torch.testing.assert_close(found, torch.tensor([-1, -0.5, 0, 1.0]).expand(3, 4), atol=0.01, rtol=0)


def test_ink_becomes_light(tmp_path):
    Image.new("CMYK", (8, 8), (0, 255, 255, 0)).save(tmp_path / "a.jpg")
    red = read_picture(tmp_path / "a.jpg")[0, :, 4, 4]
    assert red[0] > 0.8
    assert red[1:].max() < -0.5


@pytest.mark.parametrize("turn", range(1, 9))
def test_a_picture_is_turned_the_way_its_camera_was_held(tmp_path, turn):
    picture = Image.new("RGB", (32, 16))
    picture.paste((255, 255, 255), (0, 0, 8, 16))  # the left quarter, as stored
    exif = Image.Exif()
    exif[0x0112] = turn
    picture.save(tmp_path / "a.jpg", exif=exif, quality=95)
    shown = read_picture(tmp_path / "a.jpg")[0, 0]
    assert shown.shape == ((16, 32) if turn < 5 else (32, 16))
    bright = {1: shown[:, :6], 2: shown[:, -6:], 3: shown[:, -6:], 4: shown[:, :6]}
    bright |= {5: shown[:6], 6: shown[:6], 7: shown[-6:], 8: shown[-6:]}
    assert bright[turn].mean() > 0.9
    assert shown.mean() < -0.3


@pytest.mark.parametrize("mode", ["1", "L", "P", "I", "F", "LAB", "HSV", "YCbCr"])
def test_pictures_of_every_mode_are_read(tmp_path, mode):
    name = "a.png" if mode in ("1", "L", "P") else "a.tiff"
    try:
        Image.new("RGB", (4, 4), (200, 200, 200)).convert(mode).save(tmp_path / name)
    except (OSError, ValueError):
        Image.new("L", (4, 4), 200).convert("F" if mode in "IF" else "L").save(tmp_path / name)
    picture = read_picture(tmp_path / name)
    assert picture.shape == (1, 3, 4, 4)
    assert picture.mean() > 0.4


def test_a_picture_that_is_cut_short_or_no_picture_is_refused(tmp_path):
    Image.fromarray((noise(64, 64, 3) * 255).byte().numpy()).save(tmp_path / "a.png")
    whole = (tmp_path / "a.png").read_bytes()
    for size in range(0, len(whole) - 20, 997):
        (tmp_path / "cut.png").write_bytes(whole[:size])
        with pytest.raises(MediaError, match=r"cut\.png"):
            read_picture(tmp_path / "cut.png")


@pytest.mark.filterwarnings("ignore")  # Pillow's own, of what it finds odd
@pytest.mark.parametrize("ending", ["png", "jpg", "webp", "tiff", "gif"])
def test_a_damaged_picture_is_read_or_refused(tmp_path, ending):
    path = tmp_path / f"a.{ending}"
    exif = Image.Exif()
    exif[0x0112] = 6
    picture = Image.fromarray((noise(24, 16, 3) * 255).byte().numpy())
    picture.save(path, **({} if ending == "gif" else {"exif": exif}))
    whole = path.read_bytes()
    for data in damaged(whole, 150, seed=0, header=200):
        path.write_bytes(data)
        found = outcome(lambda: read_picture(path), MediaError)
        assert isinstance(found, MediaError) or found.shape[:2] == (1, 3)


# Stopping


class Stopped(Exception):
    """What the host raises when its user has had enough."""


def stop(*_):
    raise Stopped


def test_measuring_can_be_stopped_in_a_film_and_between_its_frames(monkeypatch):
    seen = []

    class Nobody(tracking._Follower):
        def follow(self, part, new_shots):
            seen.extend(part.times)
            for _ in range(len(part)):
                self.landmarks.append(None)
            return self.landmarks.since(len(self.landmarks) - len(part))

    monkeypatch.setattr(tracking, "_Follower", Nobody)
    clip = list(tracking.frames_of(noise(9, 3, 16, 16), Fraction(25), chunk=3))
    for settings in ({"progress": stop}, {"on_frame": stop}):
        seen.clear()
        with pytest.raises(Stopped):
            tracking.track_face(iter(clip), None, **settings)
        assert len(seen) == 3


def test_every_stage_can_be_stopped(scene):
    fast = OptimiseConfig(perceptual=0)
    with pytest.raises(Stopped):
        invert(scene.model, scene.portrait, "optimise", steps=3, on_step=stop, config=fast)
    with pytest.raises(Stopped):
        warp_features(scene.model, scene.inversion, scene.motion, progress=stop)
    with pytest.raises(Stopped):
        list(animate(scene.model, scene.inversion, scene.motion, progress=stop))
    frames = render(scene.model, warp_features(scene.model, scene.inversion, scene.motion), chunk=1)
    next(frames)
    frames.close()
    again = torch.cat(list(animate(scene.model, scene.portrait, scene.motion)))
    assert again.shape == (9, 3, 64, 64)
    assert torch.is_grad_enabled()
    assert not any(weight.requires_grad for weight in scene.model.parameters())


def test_a_film_that_is_stopped_is_not_there(scene, tmp_path):
    def draw():
        with VideoWriter(tmp_path / "a.mp4", fps=Fraction(25), size=(64, 64), speed="ultrafast") as film:
            for done, frames in enumerate(animate(scene.model, scene.inversion, scene.motion)):
                film.write(frames)
                if done:
                    stop()

    with pytest.raises(Stopped):
        draw()
    assert list(tmp_path.iterdir()) == []


# Several at once, and without end


def test_two_at_once_draw_what_each_alone_would(scene):
    motions = [scene.motion, replace(scene.motion, coefficients=-scene.motion.coefficients)]
    alone = [torch.cat(list(animate(scene.model, scene.inversion, motion))) for motion in motions]
    together = [None, None]

    def draw(number: int) -> None:
        together[number] = torch.cat(list(animate(scene.model, scene.inversion, motions[number], chunk=1)))

    threads = [threading.Thread(target=draw, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert all(torch.equal(*pair) for pair in zip(alone, together, strict=True))
    assert not torch.equal(*alone)


def resident() -> int:
    """Bytes of memory that this process holds."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="the system does not say how much memory it gave")
def test_two_hundred_renders_hold_no_more_memory_than_twenty(scene):
    motion = replace(scene.motion, coefficients=scene.motion.coefficients[:1], found=None, mel=None)

    def draw(times: int) -> int:
        for _ in range(times):
            for _ in animate(scene.model, scene.inversion, motion):
                pass
        return resident()

    warm = draw(20)
    assert draw(200) < 1.02 * warm


# The device's memory


def test_a_chunk_that_has_no_room_is_halved_with_a_message(scene, monkeypatch, caplog):
    head = calibrate(scene.model, warp_features(scene.model, scene.inversion, scene.motion))
    expected = torch.cat(list(render(scene.model, head)))
    draw, held = FrameRenderer.draw, []

    def starving(self, head, frames):
        if len(held) + len(frames) > 2:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory.")
        held.extend(frames)
        return draw(self, head, frames)

    monkeypatch.setattr(FrameRenderer, "draw", starving)
    parts = []
    for part in render(scene.model, head, chunk=8):
        held.clear()
        parts.append(part)
    assert [len(part) for part in parts] == [2, 2, 2, 2, 1]
    assert torch.equal(torch.cat(parts), expected)
    assert [record.args for record in caplog.records] == [(4,), (2,)]


def test_a_batch_that_has_no_room_is_halved_too(scene, monkeypatch, caplog):
    head = calibrate(scene.model, warp_features(scene.model, scene.inversion, scene.motion))
    draw = FrameRenderer.draw

    def starving(self, head, frames):
        if self.batch_size > 2:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory.")
        return draw(self, head, frames)

    monkeypatch.setattr(FrameRenderer, "draw", starving)
    drawn = torch.cat(list(render(scene.model, head, chunk=8, config=RenderConfig(batch_size=8))))
    expected = torch.cat(list(render(scene.model, head, config=RenderConfig(batch_size=2))))
    assert torch.equal(drawn, expected)
    assert len(caplog.records) == 2


def test_a_device_without_room_for_one_frame_says_what_helps(scene, monkeypatch):
    def full(self, head, frames):
        raise torch.cuda.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(FrameRenderer, "draw", full)
    with pytest.raises(OutOfMemory, match="bfloat16"):
        next(render(scene.model, scene.inversion))


def test_a_file_of_motion_that_is_a_folder_is_named(tmp_path):
    with pytest.raises(MotionError, match=tmp_path.name):
        load_motion(tmp_path)


def test_a_portrait_with_landmarks_of_nothing_is_refused():
    with pytest.raises(InputError, match="landmarks"):
        Portrait(image=torch.zeros(1, 3, 8, 8), landmarks=torch.full((478, 3), torch.nan))
