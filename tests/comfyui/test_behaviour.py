"""What people rely on: exact time, the same result every time, a Cancel that works, memory that does not grow."""

import io
import json
import re
import shutil
from fractions import Fraction

import av
import pytest
from comfy_host import PACK, TINY
from PIL import Image, ImageChops

pytestmark = [pytest.mark.comfyui, pytest.mark.xdist_group("comfyui")]  # one worker, one server

RATES = [(23.976, Fraction(24000, 1001)), (29.97, Fraction(30000, 1001)), (50.0, Fraction(50))]


def moving(frames: int, fps: float = 25.0, **render) -> dict:
    """The sample portrait turned by key frames, as a film of so many frames with one second of sound."""
    return {
        "samples": {"class_type": "StyleHead_Samples", "inputs": {}},
        "model": {"class_type": "StyleHead_LoadModel", "inputs": {"model_name": TINY, "precision": "fp32"}},
        "invert": {
            "class_type": "StyleHead_Invert",
            "inputs": {
                **{"model": ["model", 0], "portrait": ["samples", 0], "align": True, "face": 0, "order": "largest"},
                **{"method": "encode", "steps": 1},
            },
        },
        "motion": {
            "class_type": "StyleHead_MotionFromSliders",
            "inputs": {**SLIDERS, "frames": frames, "fps": fps, "key_frames": "0: yaw -20\n0.3: yaw 20, smile 1"},
        },
        "warp": {
            "class_type": "StyleHead_WarpFeatures",
            "inputs": {
                "model": ["model", 0],
                "inversion": ["invert", 0],
                "motion": ["motion", 0],
                "fit": "changes only",
            },
        },
        "sound": {"class_type": "OddSound", "inputs": {"kind": "silence"}},
        "film": {
            "class_type": "StyleHead_RenderVideo",
            "inputs": {
                **{"model": ["model", 0], "head": ["warp", 0], "audio": ["sound", 0]},
                **{"quality": 0, "chunk": 4, "colour": "as drawn", **render},
            },
        },
    }


SLIDERS = dict.fromkeys(
    [
        *("yaw", "pitch", "roll", "blink", "gaze_right", "gaze_up", "brows", "smile", "jaw", "pucker", "funnel"),
        *("eyes_wide", "size", "x", "y"),
    ],
    0.0,
)


def film_of(server, prompt: dict, node: str = "film") -> bytes:
    run = server.run(prompt)
    assert not run.errors
    assert not run.message, run.message
    return server.view(run.files(node)[0])


def pictures(film: bytes) -> list[Image.Image]:
    with av.open(io.BytesIO(film)) as video:
        return [frame.to_image() for frame in video.decode(video=0)]


def same(first: list[Image.Image], second: list[Image.Image]) -> bool:
    pairs = zip(first, second, strict=True)
    return all(ImageChops.difference(a, b).getbbox() is None for a, b in pairs)


@pytest.mark.parametrize(
    ("asked", "exact"), [(23.976, Fraction(24000, 1001)), (29.97, Fraction(30000, 1001)), (50, 50)]
)
def test_a_film_has_every_frame_the_exact_rate_and_the_whole_sound(server, asked, exact):
    film = film_of(server, moving(11, asked))
    assert len(pictures(film)) == 11
    with av.open(io.BytesIO(film)) as video:
        assert video.streams.video[0].average_rate == exact
        heard = video.streams.audio[0]
        assert heard.duration * heard.time_base == 1
        assert "Synthetic" in video.metadata["comment"]
        assert "StyleHead_RenderVideo" in video.metadata["prompt"]
        assert json.loads(video.metadata["stylehead"])["version"]
        assert len(video.metadata["frames_sha256"]) == 64


@pytest.mark.parametrize(
    ("kind", "words"),
    [("part", "6 frames at 25 a second"), ("pictures", "6 frames at 29.97"), ("whole", "50 frames at 25 a second")],
)
def test_of_a_film_just_the_part_that_is_wired_in_is_measured(server, kind, words):
    prompt = {name: node for name, node in moving(1).items() if name in ("samples", "model")}
    prompt["odd"] = {"class_type": "OddFilm", "inputs": {"clip": ["samples", 1], "kind": kind}}
    settings = {"model": ["model", 0], "video": ["odd", 0], "face": 0, "order": "largest", "smoothing": 0.5}
    prompt["motion"] = {"class_type": "StyleHead_MotionFromVideo", "inputs": settings}
    prompt["told"] = {"class_type": "OddText", "inputs": {"text": ["motion", 3]}}
    run = server.run(prompt)
    assert not run.message, run.message
    assert run.outputs["told"]["text"][0].startswith(words)


def test_two_runs_and_all_chunks_give_the_same_frames(server):
    once = pictures(film_of(server, moving(9)))
    server.forget()
    assert same(once, pictures(film_of(server, moving(9))))
    assert same(once, pictures(film_of(server, moving(9, chunk=1))))
    assert same(once, pictures(film_of(server, moving(9, chunk=7))))


def test_saving_the_film_keeps_its_frames(server):
    prompt = moving(9)
    save = {"video": ["film", 0], "filename_prefix": "kept", "format": "auto", "codec": "auto"}
    prompt["save"] = {"class_type": "SaveVideo", "inputs": save}
    run = server.run(prompt)
    assert same(*(pictures(server.view(run.files(node)[0])) for node in ("film", "save")))


def test_the_nodes_are_imported_in_less_than_two_seconds(server):
    told = re.search(r"([0-9.]+) seconds: \S+/custom_nodes/stylehead$", server.log.read_text(), re.MULTILINE)
    assert told is not None
    assert float(told[1]) < 2


def test_a_film_that_was_cleaned_away_is_drawn_again(server):
    prompt = moving(5)
    prompt["save"] = {
        "class_type": "SaveVideo",
        "inputs": {"video": ["film", 0], "filename_prefix": "kept", "format": "auto", "codec": "auto"},
    }
    first = server.run(prompt)
    before = pictures(server.view(first.files("film")[0]))
    shutil.rmtree(server.base / "temp")
    prompt["save"]["inputs"]["filename_prefix"] = "again"
    again = server.run(prompt)
    assert not again.message, again.message
    assert same(before, pictures(server.view(again.files("film")[0])))
    assert same(before, pictures(server.view(again.files("save")[0])))
    assert "warp" in again.cached
    assert "film" in server.run(prompt).cached  # whose file is there now


@pytest.mark.parametrize(
    ("longer", "frames", "sound", "words"),
    [
        ("sound goes on", 10, 1.0, "the picture ends before it"),
        ("cut", 10, 0.4, "the rest of the sound is cut"),
        ("there and back", 25, 1.0, "there and back"),
        ("hold", 25, 1.0, "the last frame is held"),
    ],
)
def test_sound_that_lasts_longer_is_told_and_chosen(server, longer, frames, sound, words):
    run = server.run(moving(10, longer=longer))
    assert not run.message, run.message
    assert f"The sound lasts 1.00 s, the movement 0.40 s: {words}" in run.text("film").replace("the frames go ", "")
    film = server.view(run.files("film")[0])
    shown = pictures(film)
    assert len(shown) == frames
    with av.open(io.BytesIO(film)) as video:
        heard = video.streams.audio[0]
        assert float(heard.duration * heard.time_base) == pytest.approx(sound, abs=0.001)
    if frames == 25:
        assert same(shown[10:12], [shown[9]] * 2 if longer == "hold" else [shown[8], shown[7]])


@pytest.mark.parametrize("size", ["128", "256"])
def test_a_film_has_the_size_that_is_chosen(server, size):
    assert pictures(film_of(server, moving(2, size=size)))[0].size == (int(size), int(size))


def test_cancel_ends_a_render_within_a_chunk_and_leaves_nothing_behind(server):
    run = server.run(moving(1000), stop_when=lambda run: ("film", 12, 1000) in run.progress)
    assert run.interrupted
    assert max(done for node, done, _ in run.progress if node == "film") < 200
    assert not list((server.base / "temp").rglob("*.part"))
    assert film_of(server, moving(5))


def test_a_film_of_ten_times_the_length_needs_no_more_memory(server):
    film_of(server, moving(100))
    before = server.peak_memory()
    film_of(server, moving(1000))
    grown = server.peak_memory() - before  # the server's threads come to hold up to 50 MiB, whatever the length
    assert grown < 80 * 2**20  # the pictures alone would be 94 MiB


def test_a_machine_without_a_gpu_draws_the_same_when_more_speed_is_asked_for(server):
    plain = pictures(film_of(server, moving(5)))
    assert same(plain, pictures(film_of(server, moving(5, speed="graphs"))))


def test_pasting_back_changes_no_pixel_outside_of_the_mask_whatever_the_frames_size(server):
    prompt = {**moving(2), "frames": {"class_type": "StyleHead_Render", "inputs": {"model": ["model", 0]}}}
    prompt["frames"]["inputs"] |= {"head": ["warp", 0], "chunk": 4, "colour": "as drawn", "size": "full"}
    larger = {"image": ["frames", 0], "upscale_method": "bilinear", "scale_by": 3.0}
    prompt["larger"] = {"class_type": "ImageScaleBy", "inputs": larger}
    prompt["paste"] = {
        "class_type": "StyleHead_PasteBack",
        "inputs": {
            **{"frames": ["larger", 0], "inversion": ["invert", 0], "original": ["samples", 0]},
            **{"where": "face", "feather": 0.05, "match_colours": 0.0, "follow": False},
        },
    }
    compared = {"original": ["samples", 0], "pasted": ["paste", 0], "mask": ["paste", 1]}
    prompt["same"] = {"class_type": "OddSameOutside", "inputs": compared}
    del prompt["film"], prompt["sound"]
    run = server.run(prompt)
    assert not run.message, run.message
    assert run.outputs["same"] == {"outside": [True], "inside": [False]}


def test_a_head_is_pasted_back_into_the_film_that_it_was_measured_in(server):
    prompt = {name: node for name, node in moving(1).items() if name in ("samples", "model", "invert", "warp")}
    prompt["parts"] = {"class_type": "GetVideoComponents", "inputs": {"video": ["odd", 0]}}
    prompt["odd"] = {"class_type": "OddFilm", "inputs": {"clip": ["samples", 1], "kind": "pictures"}}
    prompt["one"] = {"class_type": "ImageFromBatch", "inputs": {"image": ["parts", 0], "batch_index": 0, "length": 1}}
    settings = {"model": ["model", 0], "video": ["odd", 0], "face": 0, "order": "largest", "smoothing": 0.5}
    settings |= {"square": "follows the face"}
    prompt["motion"] = {"class_type": "StyleHead_MotionFromVideo", "inputs": settings}
    prompt["invert"]["inputs"]["portrait"] = ["one", 0]
    prompt["warp"]["inputs"]["fit"] = "everything"
    prompt["frames"] = {
        "class_type": "StyleHead_Render",
        "inputs": {"model": ["model", 0], "head": ["warp", 0], "chunk": 4, "colour": "as drawn", "size": "full"},
    }
    paste = {"where": "head", "feather": 0.1, "match_colours": 0.0, "follow": False}
    wires = {"frames": ["frames", 0], "inversion": ["invert", 0], "original": ["parts", 0], "motion": ["motion", 0]}
    prompt["paste"] = {"class_type": "StyleHead_PasteBack", "inputs": {**paste, **wires}}
    compared = {"original": ["parts", 0], "pasted": ["paste", 0], "mask": ["paste", 1]}
    prompt["same"] = {"class_type": "OddSameOutside", "inputs": compared}
    run = server.run(prompt)
    assert not run.message, run.message
    assert run.outputs["same"] == {"outside": [True], "inside": [False]}
    prompt["paste"]["inputs"]["original"] = ["one", 0]
    assert "6 frames are to be pasted into 1 originals by a motion of 6 frames" in server.run(prompt).message


def test_measures_name_what_they_know_and_what_they_miss(server):
    prompt = {**moving(3), "frames": {"class_type": "StyleHead_Render", "inputs": {"model": ["model", 0]}}}
    prompt["frames"]["inputs"] |= {"head": ["warp", 0], "chunk": 4, "colour": "as drawn", "size": "full"}
    measured = {"frames": ["frames", 0], "fps": 25.0, "driving": ["frames", 0]}
    prompt["measure"] = {"class_type": "StyleHead_Measure", "inputs": measured}
    prompt["table"] = {"class_type": "OddText", "inputs": {"text": ["measure", 0]}}
    del prompt["film"], prompt["sound"]
    run = server.run(prompt)
    assert not run.message, run.message
    assert len(run.outputs["table"]["text"][0].splitlines()) > 5


def test_key_frames_that_do_not_read_are_refused_with_their_line(server):
    prompt = moving(3)
    prompt["motion"]["inputs"]["key_frames"] = "0: yaw 1\nsmile later"
    run = server.run(prompt)
    assert run.failure["node_id"] == "motion"
    assert "Line 2 of the key frames" in run.message


def test_a_motion_that_is_saved_can_be_loaded(server):
    prompt = {key: node for key, node in moving(12).items() if key == "motion"}
    prompt["save"] = {
        "class_type": "StyleHead_SaveMotion",
        "inputs": {"motion": ["motion", 0], "filename_prefix": "motion/kept", "table": True},
    }
    name = server.run(prompt).outputs["save"]["text"][0]
    assert name == "motion/kept_00001_.safetensors [output]"
    assert (server.base / "output" / "motion" / "kept_00001_.csv").exists()
    load = {"class_type": "StyleHead_LoadMotion", "inputs": {"file": name}}
    prompt = {"load": load, "shape": {"class_type": "OddShape", "inputs": {"image": ["load", 1]}}}
    run = server.run(prompt)
    assert not run.message, run.message
    assert run.outputs["shape"]["shape"][3] == 3


@pytest.mark.parametrize("file", ["../secrets.safetensors [input]", "nothing.safetensors", "stylehead: ../../x"])
def test_a_motion_outside_of_the_folders_is_refused(server, file):
    load = {"class_type": "StyleHead_LoadMotion", "inputs": {"file": file}}
    run = server.run({"load": load, "shape": {"class_type": "OddShape", "inputs": {"image": ["load", 1]}}})
    assert run.errors or "motion" in run.message.lower()
    assert server.alive()


def test_twice_in_odd_folders_and_offline_it_still_loads_and_writes_nothing_into_itself(start):
    nowhere = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
    before = files_of_the_pack()
    odd = PACK / "tests" / "comfyui" / "odd_pack"
    server = start(
        {"StyleHead-main": PACK, "stylehead 1.0": PACK, "odd_pack": odd},
        **nowhere,
        no_proxy="127.0.0.1",
        PYTHONDONTWRITEBYTECODE="1",
    )
    assert "IMPORT FAILED" not in server.log.read_text()
    assert film_of(server, moving(3))
    assert files_of_the_pack() == before


def files_of_the_pack() -> set:
    parts = ("nodes", "stylehead_core", "example_workflows", "web", "locales", "weights")
    files = [file for part in parts for file in (PACK / part).rglob("*") if file.is_file()]
    return {(file, file.stat().st_mtime_ns) for file in files if "__pycache__" not in file.parts}


@pytest.mark.parametrize(
    ("model", "rehearsed"),
    [
        ({"model": ["model", 0]}, {}),  # as graphs from before have it
        ({}, {"rehearse": True}),  # by the embedded model, which can
    ],
)
def test_one_node_makes_the_same_video_as_the_small_ones_that_it_stands_for(server, model, rehearsed):
    prompt = {name: node for name, node in moving(7).items() if name in ("samples", "model", "invert", "motion")}
    prompt["invert"]["inputs"] |= {"at": ""}
    prompt["warp"] = moving(7)["warp"]
    prompt["warp"]["inputs"] |= {"fit": "auto"} | rehearsed
    if not model:
        prompt["motion"]["inputs"] |= {"frames": 2}
        for node in ("invert", "warp"):
            del prompt[node]["inputs"]["model"]
    prompt["repaired"] = {"class_type": "StyleHead_Calibrate", "inputs": {"head": ["warp", 0], "strength": 1.0}}
    film = {"head": ["repaired", 0], "quality": 18, "chunk": 4, "colour": "as drawn"}
    prompt["film"] = {"class_type": "StyleHead_RenderVideo", "inputs": film}
    whole = {"portrait": ["samples", 0], "motion": ["motion", 0]} | model
    whole |= {"change": "none", "strength": 1.0, "size": "full", "paste_back": False} | rehearsed
    prompt["whole"] = {"class_type": "StyleHead_TalkingHead", "inputs": whole}
    run = server.run(prompt)
    assert not run.message, run.message
    assert same(*(pictures(server.view(run.files(node)[0])) for node in ("film", "whole")))
    assert "Moved by the motion" in run.text("whole")
    if rehearsed:
        prompt["whole"]["inputs"]["rehearse"] = False
        plain = server.run(prompt)
        assert not same(*(pictures(server.view(result.files("whole")[0])) for result in (run, plain)))


def test_a_model_that_cannot_rehearse_says_so(server):
    prompt = moving(3)
    prompt["warp"]["inputs"]["rehearse"] = True
    assert "cannot rehearse. Switch that off" in server.run(prompt).message


def test_a_talking_head_hands_out_its_frames_once_they_are_wired(server):
    whole = {"portrait": ["samples", 0], "motion": ["motion", 0], "model": ["model", 0]}
    whole |= {"change": "none", "strength": 1.0, "size": "full", "paste_back": True}
    prompt = {name: node for name, node in moving(3).items() if name in ("samples", "model", "motion")}
    prompt["whole"] = {"class_type": "StyleHead_TalkingHead", "inputs": whole}
    assert not server.run(prompt).message
    prompt["shape"] = {"class_type": "OddShape", "inputs": {"image": ["whole", 1]}}
    run = server.run(prompt)
    assert not run.message, run.message
    assert run.outputs["shape"]["shape"] == [3, *portrait_size(server), 3]


def portrait_size(server) -> tuple[int, int]:
    """Height and width of the sample portrait."""
    prompt = {"samples": {"class_type": "StyleHead_Samples", "inputs": {}}}
    prompt["shape"] = {"class_type": "OddShape", "inputs": {"image": ["samples", 0]}}
    return tuple(server.run(prompt).outputs["shape"]["shape"][1:3])


def test_frames_are_followed_as_their_video_is_and_a_part_of_them_alone(server):
    prompt = {name: node for name, node in moving(1).items() if name in ("samples", "model")}
    prompt["parts"] = {"class_type": "GetVideoComponents", "inputs": {"video": ["samples", 1]}}
    settings = {"model": ["model", 0], "face": 0, "order": "largest", "smoothing": 0.5}
    given = {"video": {"video": ["samples", 1]}, "frames": {"frames": ["parts", 0], "fps": 25.0}}
    for name, source in given.items():
        for part, times in {"whole": {}, "part": {"start": 0.4, "end": 0.8}}.items():
            key = f"{name} {part}"
            prompt[key] = {"class_type": "StyleHead_MotionFromVideo", "inputs": {**settings, **source, **times}}
            prompt[f"{key} told"] = {"class_type": "OddText", "inputs": {"text": [key, 3]}}
    run = server.run(prompt)
    assert not run.message, run.message
    cut = {**settings, "video": ["odd", 0], "end": 0.12}  # a part of a part
    odd = {"class_type": "OddFilm", "inputs": {"clip": ["samples", 1], "kind": "part"}}
    twice = {"class_type": "StyleHead_MotionFromVideo", "inputs": cut}
    told = {"class_type": "OddText", "inputs": {"text": ["twice", 3]}}
    run_twice = server.run({**prompt, "odd": odd, "twice": twice, "twice told": told})
    assert run_twice.outputs["twice told"]["text"][0].startswith("3 frames at 25 a second")
    told = {name: run.outputs[f"{name} told"]["text"][0].split(",")[0] for name in prompt if f"{name} told" in prompt}
    assert told["video whole"] == told["frames whole"] == "50 frames at 25 a second"
    assert told["video part"] == told["frames part"] == "10 frames at 25 a second"


def test_a_head_needs_no_model_wire_but_the_first(server):
    prompt = moving(3)
    del prompt["warp"]["inputs"]["model"], prompt["film"]["inputs"]["model"]
    assert same(pictures(film_of(server, moving(3))), pictures(film_of(server, prompt)))


def test_an_editor_draws_without_the_queue_and_forgets_with_comfyuis_cache(server):
    prompt = {name: node for name, node in moving(1).items() if name in ("samples", "model")}
    inputs = {"portrait": ["samples", 0], "model": ["model", 0], "expression": "yaw 5", "key_frames": ""}
    prompt["editor"] = {"class_type": "StyleHead_ExpressionEditor", "inputs": {**inputs, "frames": 1, "fps": 25.0}}
    run = server.run(prompt)
    assert not run.message, run.message
    session = run.outputs["editor"]["session"][0]
    calm, turned = (draw(server, session, expression=text) for text in ("", "yaw 20"))
    assert calm.size == turned.size
    assert ImageChops.difference(calm, turned).getbbox() is not None
    later = draw(server, session, key_frames="0: yaw 0\n1: yaw 20", moment=1.0)
    assert ImageChops.difference(later, turned).getbbox() is None
    refused = draw(server, session, expression="smile later")
    assert "An expression reads like" in refused["message"]
    wish = {"session": session, "key_frames": "0: yaw 0\n1: yaw 20", "fps": 25, "name": "../turn"}
    saved = server.ask("/stylehead/editor/save", wish)["file"]
    assert saved == "motion/turn_00001_.safetensors [output]"
    assert (server.base / "output" / "motion" / "turn_00001_.safetensors").exists()
    server.forget()
    assert "Press Run" in draw(server, session)["message"]


def draw(server, session: str, **wish) -> Image.Image | dict:
    """What the editor's address answers: a picture, or words."""
    answer = server.ask("/stylehead/editor/draw", {"session": session, **wish})
    return answer if isinstance(answer, dict) else Image.open(io.BytesIO(answer)).convert("RGB")
