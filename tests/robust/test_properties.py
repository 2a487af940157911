"""Whatever is put in: it is taken as it is, or refused by an error of ours that says why."""

import string
from fractions import Fraction

import pytest
import torch
from damage import outcome
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stylehead_core import Edit, Head, Inversion, Motion, Portrait, StyleHeadError, WeightsError
from stylehead_core.config_json import from_json, to_json
from stylehead_core.convert.official import convert_official
from stylehead_core.errors import ConfigError, InputError, MotionError
from stylehead_core.media.sound import Sound
from stylehead_core.model.config import StyleHeadConfig
from stylehead_core.model.manifest import ManifestEntry, read_manifest
from stylehead_core.model.presets import debug
from stylehead_core.ops.memory import batch_bytes, check_memory
from stylehead_core.stages.motion_files import load_motion, save_motion
from stylehead_core.stages.motion_sliders import SLIDERS, motion_from_sliders

a_few = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

odd_numbers = st.one_of(st.integers(-3, 3), st.integers(), st.floats(), st.sampled_from([10**30, -0.0]))
odd_texts = st.one_of(st.text(max_size=20), st.sampled_from(["1e999999999", "25", "30000/1001", "1/0", "arkit", "bfm"]))
odd_values = st.one_of(st.none(), st.booleans(), odd_numbers, odd_texts)
json_values = st.recursive(
    odd_values, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(odd_texts, inner, max_size=3), max_leaves=8
)
lengths = st.sampled_from([0, 1, 2, 3, 58, 73])
values = st.sampled_from([0.0, 1.0, -1.0, 1e30, float("nan"), float("inf")])
dtypes = st.sampled_from([torch.float32, torch.float16, torch.int64, torch.uint8, torch.bool])


@st.composite
def tensors(draw, most: int = 4) -> torch.Tensor:
    shape = draw(st.lists(st.sampled_from([0, 1, 2, 3, 8, 58]), max_size=most))
    while torch.Size(shape).numel() > 10_000:
        shape.pop()
    tensor, dtype = torch.full(shape, draw(values)), draw(dtypes)
    return tensor.nan_to_num().to(dtype) if not dtype.is_floating_point else tensor.to(dtype)


@a_few
@given(
    coefficients=st.one_of(tensors(), st.builds(torch.zeros, lengths, lengths)),
    fps=st.one_of(odd_values, st.fractions()),
    space=st.one_of(st.sampled_from(["arkit", "bfm"]), odd_values),
    found=st.none() | tensors(1),
    mel=st.none() | tensors(3),
    squares=st.none() | tensors(3),
)
def test_any_motion(tmp_path, coefficients, fps, space, found, mel, squares):
    settings = {
        "coefficients": coefficients,
        "fps": fps,
        "space": space,
        "found": found,
        "mel": mel,
        "squares": squares,
    }
    motion = outcome(lambda: Motion(**settings), MotionError)
    if isinstance(motion, MotionError):
        assert len(str(motion)) > 10
        return
    assert len(motion) == len(coefficients) == len(motion.found) > 0
    assert motion.fps > 0
    saved = outcome(lambda: save_motion(motion, tmp_path / "a.safetensors"), StyleHeadError)
    again = saved or outcome(lambda: load_motion(tmp_path / "a.safetensors"), StyleHeadError)
    if isinstance(again, Motion):
        assert torch.equal(again.coefficients, motion.coefficients.float())
        assert (again.fps, again.space) == (motion.fps, motion.space)


@a_few
@given(
    image=st.one_of(tensors(), st.builds(lambda size, value: torch.full((1, 3, size, size), value), lengths, values)),
    crop=st.none() | tensors(2),
    landmarks=st.none() | tensors(2),
    mask=st.none() | tensors(4),
    coefficients=st.none() | tensors(1),
)
def test_any_portrait(image, crop, landmarks, mask, coefficients):
    portrait = outcome(
        lambda: Portrait(image=image, crop=crop, landmarks=landmarks, mask=mask, coefficients=coefficients), InputError
    )
    if isinstance(portrait, InputError):
        assert "portrait" in str(portrait)
    else:
        assert portrait.image.shape[2] == portrait.image.shape[3] > 0


@a_few
@given(
    flow=tensors(),
    visibility=st.none() | tensors(),
    descriptor=st.none() | tensors(2),
    first=st.integers(-2, 5),
    frames=st.integers(1, 4),
)
def test_any_head(flow, visibility, descriptor, first, frames):
    picture = torch.zeros(1, 3, 8, 8)
    inversion = Inversion(
        portrait=Portrait(image=picture),
        styles=torch.zeros(2, 2),
        feature=torch.zeros(1, 2, 2),
        rgb=None,
        redrawn=picture,
    )
    motion = Motion(coefficients=torch.zeros(frames, 58), fps=Fraction(25))
    settings = {"flow": flow, "visibility": visibility, "descriptor": descriptor, "first": first}
    head = outcome(lambda: Head(inversion=inversion, motion=motion, **settings), InputError)
    if not isinstance(head, InputError):
        assert 0 < len(head) <= frames - first


@a_few
@given(points=st.lists(st.tuples(st.floats(), st.floats()), max_size=4), direction=tensors(3))
def test_any_curve(points, direction):
    edit = outcome(lambda: Edit(name="old", direction=direction, curve=tuple(points)), InputError)
    if not isinstance(edit, InputError):
        low, high = min(value for _, value in points), max(value for _, value in points)
        slack = 1e-9 * max(abs(low), abs(high))
        assert all(low - slack <= edit.strength(position / 4) <= high + slack for position in range(5))


@a_few
@given(samples=tensors(3), rate=st.integers(-1, 96000))
def test_any_sound(samples, rate):
    sound = outcome(lambda: Sound(samples=samples, rate=rate), InputError)
    if not isinstance(sound, InputError):
        assert sound.seconds > 0
        assert sound.cleaned().samples.abs().max() <= 1


def paths(value, path=()) -> list[tuple]:
    """The place of every value in a JSON tree."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, item in inner for place in paths(item, (*path, key)))]


PLACES = paths(to_json(debug()))[1:]


@settings(parent=a_few, max_examples=400)
@given(place=st.sampled_from(PLACES), value=json_values)
def test_any_value_anywhere_in_a_configuration(place, value):
    tree = to_json(debug())
    inner = tree
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    config = outcome(lambda: from_json(StyleHeadConfig, tree), ConfigError)
    if isinstance(config, ConfigError):
        assert len(str(config)) > 10
    else:
        assert from_json(StyleHeadConfig, to_json(config)) == config


toml_values = st.one_of(
    st.integers(-5, 10**10).map(str),
    st.text(string.printable, max_size=20),
    st.text(string.ascii_letters + "./", max_size=20).map(lambda text: f'"{text}"'),
    st.sampled_from(["true", "[1]", '{ a = "b" }', "nan", '"' + "0" * 64 + '"', '"mini.safetensors"', "7"]),
)
FIELDS = ("file", "sha256", "bytes", "license", "origin", "note", "source", "colour")


@a_few
@given(fields=st.dictionaries(st.sampled_from(FIELDS), toml_values), name=st.sampled_from(["[mini]", "mini = 3", ""]))
def test_any_manifest(tmp_path, fields, name):
    given_fields = {"file": '"a"', "sha256": '"' + "0" * 64 + '"', "bytes": "7", "license": '"MIT"', "origin": '"us"'}
    lines = [f"{field} = {value}" for field, value in {**given_fields, **fields}.items()]
    (tmp_path / "manifest.toml").write_text("\n".join([name, *lines]), encoding="utf-8")
    entries = outcome(lambda: read_manifest(tmp_path / "manifest.toml"), WeightsError)
    if isinstance(entries, WeightsError):
        assert "manifest" in str(entries)
    else:
        assert all(isinstance(entry, ManifestEntry) and "/" not in entry.file for entry in entries.values())


CHECKPOINTS = ("StyleGAN_e4e.pth", "Encoder_e4e.pth", "hfgi.pth", "StyleHEAT_visual.pt", "audio_warper.pth", "age.pt")
ENTRIES = ("state_dict", "latent_avg", "net_G_ema", "net", "style.1.weight", "input.input", "0", "")
checkpoints = st.recursive(
    odd_values | tensors(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(ENTRIES), inner, max_size=4),
    max_leaves=6,
)


@a_few
@given(files=st.fixed_dictionaries(dict.fromkeys(CHECKPOINTS, checkpoints | st.binary(max_size=50))))
def test_any_checkpoints(tmp_path, files):
    for name, content in files.items():
        if isinstance(content, bytes):
            (tmp_path / name).write_bytes(content)
        else:
            torch.save(content, tmp_path / name)
    with pytest.raises(WeightsError) as refused:
        convert_official(tmp_path, tmp_path / "model.safetensors")
    assert "StyleGAN_e4e.pth" in str(refused.value) or "generator" in str(refused.value)
    assert not (tmp_path / "model.safetensors").exists()


names = st.sampled_from([*SLIDERS, "nose", ""])
moments = st.floats() | st.integers(-3, 3)


@a_few
@given(
    sliders=st.dictionaries(names, moments | st.lists(st.tuples(moments, moments), max_size=3), max_size=4),
    frames=st.integers(-1, 30),
    fps=st.fractions(-1, 100),
)
def test_any_sliders(sliders, frames, fps):
    motion = outcome(lambda: motion_from_sliders(sliders, frames=frames, fps=fps), ConfigError, InputError, MotionError)
    if isinstance(motion, Motion):
        assert len(motion) == frames
    else:
        assert len(str(motion)) > 10


@a_few
@given(st.binary(max_size=200))
def test_any_bytes_as_a_motion(tmp_path, data):
    (tmp_path / "a.safetensors").write_bytes(data)
    with pytest.raises(MotionError, match=r"a\.safetensors"):
        load_motion(tmp_path / "a.safetensors")


@a_few
@given(frames=st.integers(1, 100_000), size=st.sampled_from([64, 256, 1024]), room=st.integers(0, 10**12))
def test_any_batch_has_room_or_is_refused_with_advice(frames, size, room):
    found = outcome(lambda: check_memory(frames, size, room), InputError)
    if isinstance(found, InputError):
        fit = int(str(found).split("at most ")[1].split()[0])
        assert fit < frames
        assert fit == 0 or check_memory(fit, size, room) <= room
    else:
        assert batch_bytes(frames, size) < found <= room
