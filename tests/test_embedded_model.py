"""What the embedded model promises, told with a picture that it has never seen."""

from fractions import Fraction
from pathlib import Path

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from stylehead_core import (
    Motion,
    Portrait,
    PortraitConfig,
    calibrate,
    edit_style,
    invert,
    load_landmarker,
    load_stylehead,
    read_picture,
    rehearse,
    render,
    take_portrait,
    warp_features,
)
from stylehead_core.model import manifest
from stylehead_core.model.files import save_stylehead
from stylehead_core.model.manifest import read_manifest
from stylehead_core.model.presets import stylehead_mini
from stylehead_core.model.stylehead import build
from stylehead_core.ops.pose import HeadPose, angles_to_matrix, placement
from stylehead_core.rehearsal import CORRECTED
from stylehead_core.spaces import ARKIT
from stylehead_core.stages.rendering import RenderConfig
from stylehead_core.tensor_files import read_tensors, write_tensors

SIZE, CELLS = 512, 64
SCALE = CELLS / SIZE  # from pixels of the frame to those of the flow
PORTRAIT = Path(__file__).parents[1] / "example_workflows" / "inputs" / "portrait.jpg"
BUDGET = 10.0  # GMAC a frame


@pytest.fixture(scope="module")
def model():
    return load_stylehead("stylehead-512")


@pytest.fixture(scope="module")
def inversion(model):
    """Coarse noise with the canonical face's landmarks in its middle."""
    canonical = model.prior.canonical
    pose = HeadPose(
        rotation=angles_to_matrix(torch.zeros(1, 3)),
        scale=torch.tensor([18.0]),
        centre=torch.tensor([[255.5, 281.5, 0.0]]),
    )
    landmarks = pose.pose(torch.cat((canonical.vertices, canonical.vertices[[33] * 5 + [263] * 5]))[None])[0]
    coefficients = torch.cat((torch.zeros(52), torch.zeros(3), placement(pose, SIZE, canonical)[0]))
    coarse = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1
    image = torch.nn.functional.interpolate(coarse, size=SIZE, mode="bilinear")
    return invert(model, Portrait(image=image, landmarks=landmarks, coefficients=coefficients))


def motion(inversion, **changes):
    coefficients = inversion.portrait.coefficients.clone()
    for name, amount in changes.items():
        coefficients[ARKIT.names.index(name)] += amount
    return Motion(coefficients=coefficients[None], fps=Fraction(25))


def test_no_motion_gives_the_inversion_back_to_the_bit(model, inversion):
    head = calibrate(model, warp_features(model, inversion, motion(inversion)))
    assert torch.equal(next(iter(render(model, head))), inversion.redrawn)


def test_an_edit_of_strength_0_changes_nothing(model, inversion):
    for attribute in model.attributes:
        same = next(iter(render(model, edit_style(model, inversion, attribute, 0.0))))
        assert torch.equal(same, inversion.redrawn)


@pytest.mark.parametrize(
    ("name", "amount", "landmark", "axis"),
    [("jawOpen", 0.5, 152, 1), ("mouthSmileLeft", 0.6, 291, 0), ("eyeBlinkRight", 0.6, 159, 1)],
)
def test_an_expression_fetches_its_part_of_the_face_from_before(model, inversion, name, amount, landmark, axis):
    head = warp_features(model, inversion, motion(inversion, **{name: amount}))
    landmarks = inversion.portrait.landmarks[None]
    own = inversion.portrait.coefficients[None]
    moved, _, _ = model.prior.move_landmarks(landmarks, own, motion(inversion, **{name: amount}).coefficients, SIZE)
    x, y = (moved[0, landmark, :2] * SCALE).round().long().tolist()
    shift = (landmarks - moved)[0, landmark, axis] * SCALE  # pixels of the feature map
    assert shift.abs() > 0.4
    around = head.flow[0, axis, y - 1 : y + 2, x - 1 : x + 2]  # the landmark lies on the edge of what moves
    assert (around / shift).max() > 0.3


def test_irises_look_aside(model):
    """By a tenth of the eye's width to each side, as the landmarker finds them in the frames."""
    landmarker = load_landmarker(None, "cpu")
    portrait = take_portrait(read_picture(PORTRAIT), landmarker, PortraitConfig(size=SIZE))
    changes = torch.zeros(2, len(ARKIT.names))
    for row, side, other in zip(changes, ("Left", "Right"), ("Right", "Left"), strict=True):
        row[[ARKIT.names.index(name) for name in (f"eyeLookIn{side}", f"eyeLookOut{other}")]] = 0.7
    driving = Motion(coefficients=changes, fps=Fraction(25), relative=True)
    head = calibrate(model, warp_features(model, invert(model, portrait), driving))
    places = []
    for frame in torch.cat(list(render(model, head))):
        seen = take_portrait(frame[None], landmarker, PortraitConfig(size=SIZE, align="none")).landmarks[:, 0]
        widths = (seen[[133, 362]] - seen[[33, 263]]).abs()
        places.append(((seen[[468, 473]] - (seen[[33, 263]] + seen[[133, 362]]) / 2) / widths).mean())
    assert places[1] - places[0] > 0.2


def test_a_rehearsed_face_shows_more_of_what_was_asked(model):
    """As a landmarker sees it that searches for the face: a rehearsal looks where it expects it."""
    landmarker = load_landmarker(None, "cpu")
    portrait = take_portrait(read_picture(PORTRAIT), landmarker, PortraitConfig(size=SIZE))
    inversion = invert(model, portrait)
    changes = torch.zeros(3, len(ARKIT.names))
    for row, asked in zip(
        changes, ({"jawOpen": 0.3, "yaw": 0.15}, {"eyeBlink": 0.8}, {"mouthSmile": 0.5}), strict=True
    ):
        for name, amount in asked.items():
            row[[i for i, each in enumerate(ARKIT.names) if each.startswith(name)]] = amount
    driving = Motion(coefficients=changes, fps=Fraction(25), relative=True)

    def error(driving):
        seen = []
        for frame in torch.cat(list(render(model, calibrate(model, warp_features(model, inversion, driving))))):
            found = take_portrait(frame[None], landmarker, PortraitConfig(size=SIZE, align="none"))
            seen.append(found.coefficients - portrait.coefficients)
        return float((torch.stack(seen) - changes)[:, CORRECTED].abs().mean())

    assert error(rehearse(model, inversion, driving, landmarker)) < 0.9 * error(driving)


def test_an_opened_mouth_was_hidden(model, inversion):
    head = warp_features(model, inversion, motion(inversion, jawOpen=0.6))
    moved, _, _ = model.prior.move_landmarks(
        inversion.portrait.landmarks[None], inversion.portrait.coefficients[None], head.motion.coefficients, SIZE
    )
    x, y = (moved[0, [13, 14], :2].mean(0) * SCALE).round().long().tolist()
    assert head.visibility[0, 0, y, x] < 0.5
    assert head.visibility.mean() > 0.9


def test_a_frame_costs_less_than_its_budget(model, inversion):
    driving = motion(inversion, jawOpen=0.3, yaw=0.2)
    with FlopCounterMode(display=False) as counter:
        list(render(model, calibrate(model, warp_features(model, inversion, driving))))
    assert counter.get_total_flops() / 2e9 < BUDGET


def test_a_frame_of_1024_pixels_shows_what_512_cannot(model, inversion):
    twice, portrait = 2 * SIZE, inversion.portrait
    line = torch.arange(twice)
    grain = 0.3 * ((line // 2)[:, None] + (line // 2)).remainder(2).float() - 0.15  # checks of 2 pixels
    image = torch.nn.functional.interpolate(portrait.image, size=twice, mode="bilinear") * 0.7 + grain
    landmarks = portrait.landmarks * 2
    landmarks[:, :2] += 0.5
    large = invert(model, Portrait(image=image, landmarks=landmarks, coefficients=portrait.coefficients))
    head = calibrate(model, warp_features(model, large, motion(large, yaw=0.05)))
    forehead = slice(twice * 2 // 5, twice // 2), slice(twice * 2 // 5, twice * 3 // 5)

    def fine(frame):
        half = torch.nn.functional.interpolate(frame, scale_factor=0.5, mode="area")
        again = torch.nn.functional.interpolate(half, size=twice, mode="bilinear")
        return (frame - again)[:, :, forehead[0], forehead[1]].std()

    (frame,), (small,) = (list(render(model, head, config=RenderConfig(size=size))) for size in (twice, SIZE))
    assert frame.shape[-1] == twice
    assert fine(frame) > 0.4 * fine(image)
    enlarged = torch.nn.functional.interpolate(small, size=twice, mode="bilinear")
    assert fine(enlarged) < 0.2 * fine(image)


def test_beside_the_face_the_matte_is_what_the_network_says(model, inversion, monkeypatch):
    monkeypatch.setattr(model.matte, "forward", lambda pictures, face: torch.full_like(face, -9.0))
    portrait = inversion.portrait
    matte = model.cut_out(portrait.image, portrait.landmarks[None], SIZE)[0, 0]
    cheek, nose = portrait.landmarks[234, :2], portrait.landmarks[1, :2]

    def at(point):
        x, y = point.round().long().tolist()
        return float(matte[y, x])

    assert at(nose) == 1.0
    assert at(cheek + 0.04 * (cheek - nose)) == 0.0


def test_all_embedded_files_are_small():
    assert sum(entry.bytes for entry in read_manifest().values() if entry.embedded) < 40e6


def test_speech_opens_the_mouth_and_silence_does_not(model):
    rng = torch.Generator().manual_seed(0)
    window = model.config.speech.window
    silence = model.speech(torch.full((1, 80, window), -4.0))["jawOpen"]
    assert silence < 0.1
    assert torch.isfinite(torch.stack(list(model.speech(torch.randn(2, 80, window, generator=rng)).values()))).all()


def test_its_older_name_loads_it_and_says_so_once(caplog):
    manifest._warned.clear()
    for _ in range(2):
        assert load_stylehead("stylehead-mini").config.name == "stylehead-512"
    assert caplog.text.count("is now 'stylehead-512'") == 1


def test_a_file_of_the_format_before_it_still_loads_and_draws_as_it_did(tmp_path, inversion):
    """The model of 128 pixels: its header knows no compositor."""
    old = build(stylehead_mini())
    save_stylehead(old, tmp_path / "mini.safetensors")
    header, tensors = read_tensors(tmp_path / "mini.safetensors", "model")
    for name in ("compositor", "matte"):
        del header["config"][name]
    del header["config"]["refiner"]["paint"], header["config"]["prior"]["hidden"]
    write_tensors(tmp_path / "older.safetensors", "model", tensors, header)
    loaded = load_stylehead(tmp_path / "older.safetensors")
    assert loaded.config == old.config
    assert loaded.config.size == 128
    small = Portrait(image=old.resize(inversion.portrait.image, 128))
    torch.testing.assert_close(invert(loaded, small).redrawn, invert(old, small).redrawn, atol=1e-4, rtol=0)
