"""Whatever is wired in, the user reads what is wrong, and the server goes on."""

import pytest
from comfy_host import TINY
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytestmark = [pytest.mark.comfyui, pytest.mark.xdist_group("comfyui")]  # one worker, one server


def inverting(kind: str, **settings) -> dict:
    settings = {"align": True, "face": 0, "order": "largest", "method": "encode", "steps": 1, **settings}
    return {
        "samples": {"class_type": "StyleHead_Samples", "inputs": {}},
        "model": {"class_type": "StyleHead_LoadModel", "inputs": {"model_name": TINY, "precision": "auto"}},
        "odd": {"class_type": "OddImage", "inputs": {"portrait": ["samples", 0], "kind": kind}},
        "invert": {
            "class_type": "StyleHead_Invert",
            "inputs": {"model": ["model", 0], "portrait": ["odd", 0], **settings},
        },
        "shape": {"class_type": "OddShape", "inputs": {"image": ["invert", 1]}},
    }


def hearing(kind: str) -> dict:
    return {
        "model": {"class_type": "StyleHead_LoadModel", "inputs": {"model_name": TINY, "precision": "auto"}},
        "odd": {"class_type": "OddSound", "inputs": {"kind": kind}},
        "motion": {
            "class_type": "StyleHead_MotionFromAudio",
            "inputs": {"model": ["model", 0], "audio": ["odd", 0], "fps": 25.0},
        },
        "plot": {"class_type": "OddShape", "inputs": {"image": ["motion", 1]}},
    }


def assert_refused(server, graph: dict, node: str, words: str) -> None:
    run = server.run(graph)
    assert run.failure["node_id"] == node
    assert words in run.message
    assert server.alive()


@pytest.mark.parametrize("kind", ["alpha", "grey", "8k"])
def test_unusual_pictures_are_fine(server, kind):
    run = server.run(inverting(kind))
    assert not run.message
    assert run.outputs["shape"]["shape"] == [1, 64, 64, 3]


def test_a_picture_of_a_hundred_million_pixels_is_reduced(server):
    assert not server.run(inverting("")).message
    server.forget_peak_memory()
    before = server.peak_memory()
    run = server.run(inverting("12k"))
    assert not run.message
    assert run.outputs["shape"]["shape"] == [1, 64, 64, 3]
    assert "12000 x 9000 pixels is reduced to 8165 x 6124" in server.log.read_text()
    picture, reduced = 12000 * 9000 * 12, 8165 * 6124 * 12
    assert server.peak_memory() - before < picture + 4 * reduced  # at most three of the reduced size, and networks
    server.forget()


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("no face", "No face was found in this picture of 256 x 256 pixels"),
        ("one pixel", "No face was found in this picture of 1 x 1 pixels"),
        ("batch", "The portrait should be one picture; found a batch of 3"),
        ("not a number", "The portrait holds values that are no numbers"),
        ("three axes", "The portrait should be an IMAGE"),
    ],
)
def test_unusable_pictures_are_refused_in_words(server, kind, words):
    assert_refused(server, inverting(kind), "invert", words)


def test_a_face_is_also_named_by_a_point_or_a_box(server):
    assert not server.run(inverting("", at="128, 128")).message
    assert "A face is at a point" in server.run(inverting("", at="left")).message


def test_a_face_that_is_not_there_is_refused_with_those_that_are(server):
    assert "shows 1" in server.run(inverting("", face=3)).message


@pytest.mark.parametrize(
    ("kind", "words"),
    [("empty", "The audio is empty"), ("not a number", "no numbers"), ("one sample", "at least 1 ms")],
)
def test_unusable_sounds_are_refused_in_words(server, kind, words):
    assert_refused(server, hearing(kind), "motion", words)


def test_a_graph_without_a_portrait_is_refused_before_it_runs(server):
    graph = inverting("")
    del graph["invert"]["inputs"]["portrait"]
    assert server.run(graph).errors["invert"]["errors"][0]["type"] == "required_input_missing"


def test_a_model_that_is_not_there_is_refused(server):
    graph = inverting("")
    graph["model"]["inputs"]["model_name"] = "missing.safetensors"
    run = server.run(graph)
    assert run.errors or "missing.safetensors" in run.message
    assert server.alive()


def test_a_precision_that_does_not_exist_is_refused(server):
    graph = inverting("")
    graph["model"]["inputs"]["precision"] = "fp8"
    run = server.run(graph)
    assert run.errors or "There is no precision 'fp8'; choose auto, fp32" in run.message


def test_a_file_that_is_no_model_is_refused_in_words(server):
    folder = server.base / "models" / "stylehead"
    (folder / "torn.safetensors").write_bytes((folder / TINY).read_bytes()[:1000])
    graph = inverting("")
    graph["model"]["inputs"]["model_name"] = "torn.safetensors"
    run = server.run(graph)
    assert run.failure["node_id"] == "model"
    assert "torn.safetensors" in run.message


NAMES = ["yaw", "pitch", "roll", "blink", "gaze_right", "gaze_up", "brows", "smile", "jaw", "pucker", "funnel"]
NAMES += ["eyes_wide", "size", "x", "y"]
SLIDER = st.floats(0, 0.5)
LINES = st.lists(
    st.sampled_from(["0: yaw 5", "1: smile 1, yaw -5", "0.5", ":", "a: b c", "nan: yaw 1", "0: yaw inf", "é"])
)
TEXTS = st.text(max_size=20) | LINES.map("\n".join)
POINTS = st.sampled_from(
    ["", "0:0, 1:1", "1:0, 0:1", "0:nan", "0.5", "1e999:1", "::", "a:b", "10, 20", "-5, 7", "1, 2, 3"]
)


@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    keys=TEXTS,
    frames=st.integers(1, 40),
    fps=st.floats(1, 120),
    sliders=st.lists(SLIDER, min_size=15, max_size=15),
    curve=POINTS | st.text(max_size=12),
    at=POINTS | st.text(max_size=12),
    face=st.integers(0, 3),
)
def test_whatever_is_typed_in_is_taken_or_refused_by_an_error_of_ours(
    server, keys, frames, fps, sliders, curve, at, face
):
    graph = inverting("", at=at, face=face)
    graph["edit"] = {
        "class_type": "StyleHead_EditStyle",
        "inputs": {
            **{"model": ["model", 0], "inversion": ["invert", 0], "attribute": "old", "strength": 1.0},
            **{"end_strength": 1.0, "curve": curve},
        },
    }
    graph["motion"] = {
        "class_type": "StyleHead_MotionFromSliders",
        "inputs": {**dict(zip(NAMES, sliders, strict=True)), "frames": frames, "fps": fps, "key_frames": keys},
    }
    graph["warp"] = {
        "class_type": "StyleHead_WarpFeatures",
        "inputs": {"model": ["model", 0], "inversion": ["edit", 0], "motion": ["motion", 0], "fit": "changes only"},
    }
    graph["flow"] = {"class_type": "OddShape", "inputs": {"image": ["warp", 1]}}
    run = server.run(graph)
    assert not run.errors
    if run.failure is None:
        assert "flow" in run.outputs
    else:
        assert "stylehead_core.errors" in run.failure["exception_type"], run.failure["exception_message"]
        assert len(run.message) > 10
