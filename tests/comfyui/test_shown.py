"""What people see of the nodes: words and pictures while they work, help with pictures, an answer to a moved slider."""

import io
import json
import re
from pathlib import Path

import pytest
from comfy_graph import nodes_of, to_prompt
from comfy_host import PACK
from PIL import Image

pytestmark = [pytest.mark.comfyui, pytest.mark.xdist_group("comfyui")]  # one worker, one server

PAGES = sorted((PACK / "web" / "docs").glob("*.md"))
HEAVIEST = 2**20  # bytes of all pictures of the help pages together
AT_ONCE, CORES = 1.0, 2  # s, on so many cores


@pytest.fixture(scope="module")
def sliders(server) -> dict:
    """The example graph with the embedded model."""
    graph = json.loads((PACK / "example_workflows" / "sliders.json").read_text(encoding="utf-8"))
    return to_prompt(graph, server.get("/object_info"))


def node(prompt: dict, kind: str) -> str:
    return nodes_of(prompt, f"StyleHead_{kind}")[0]


def with_inputs(prompt: dict, number: str, **inputs) -> dict:
    return {**prompt, number: {**prompt[number], "inputs": {**prompt[number]["inputs"], **inputs}}}


def test_an_inversion_says_on_its_node_how_good_it_is_and_is_seen_while_it_goes_on(server, sliders):
    invert = node(sliders, "Invert")
    run = server.run(with_inputs(sliders, invert, method="optimise", steps=21))
    assert not run.message, run.message
    verdict, cut = run.text(invert).splitlines()
    assert re.fullmatch(r"(good|usable|outside what this model knows) \(\d+\.\d dB\)", verdict)
    assert re.fullmatch(r"cut out of \d+ x \d+ pixels: a square of \d+, taken as \d+ x \d+", cut)
    assert [done for number, done, _ in run.progress if number == invert][-1] >= 21
    assert len(run.previews) >= 3  # after the encoder, and every ten steps
    assert Image.open(io.BytesIO(run.previews[0])).size[0] >= 128


def test_a_render_says_what_it_will_take_as_soon_as_its_first_chunk_is_drawn(server, sliders):
    render = node(sliders, "Render")
    longer = with_inputs(sliders, node(sliders, "MotionFromSliders"), frames=9)
    run = server.run(with_inputs(longer, render, chunk=3))
    told = [report["text"] for report in run.reports[render]]
    assert len(told) == 4  # after each of three chunks, and at the end
    assert re.match(r"9 frames of (\d+) x \1 pixels will take about .*memory", told[0])
    assert re.fullmatch(r"9 frames of (\d+) x \1 pixels in \d+\.\d s", told[-1])
    assert run.text(render) == told[-1]


def test_a_video_shows_pictures_while_it_is_drawn_beside_its_player(server, sliders):
    render = node(sliders, "Render")
    video = {"class_type": "StyleHead_RenderVideo", "inputs": {"head": sliders[render]["inputs"]["head"]}}
    video["inputs"] |= {"quality": 18, "chunk": 1, "colour": "as drawn"}
    run = server.run({**with_inputs(sliders, node(sliders, "MotionFromSliders"), frames=3), "video": video})
    assert not run.message, run.message
    pictures = [report["picture"] for report in run.reports["video"] if report["picture"]]
    assert pictures[0].startswith("data:image/jpeg;base64,")
    assert run.outputs["video"]["animated"] == [True]
    again = server.run({**with_inputs(sliders, node(sliders, "MotionFromSliders"), frames=3), "video": video})
    assert "video" in again.cached
    assert again.text("video") == run.text("video") != ""


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="asks Linux for the time that the server has computed")
def test_a_moved_slider_is_answered_within_a_second_on_two_cores(server, sliders):
    moved = node(sliders, "MotionFromSliders")
    spent, waited = [], []
    for yaw in (1.0, 2.0, 3.0, 4.0):
        before = server.cpu_seconds()
        run = server.run(with_inputs(sliders, moved, yaw=yaw))
        spent.append(server.cpu_seconds() - before)
        waited.append(run.seconds)
        assert run.previews
    assert node(sliders, "Invert") in run.cached
    print(f"a moved slider: {min(waited):.2f} s until the picture is there, {min(spent):.2f} s of computing")
    assert min(spent[1:]) < AT_ONCE * CORES


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_of_help_shows_a_picture_that_the_server_hands_out(server, page):
    pictures = re.findall(r"!\[.+\]\((.+)\)", page.read_text(encoding="utf-8"))
    assert pictures == [f"images/{page.stem}.jpg"]
    shown = Image.open(io.BytesIO(server.get(f"/extensions/stylehead/docs/{pictures[0]}")))
    assert shown.width > 400
    assert shown.getextrema()[0][0] < 100 < shown.getextrema()[0][1]


def test_the_pictures_of_the_help_pages_are_light():
    assert sum(file.stat().st_size for file in (PACK / "web" / "docs" / "images").iterdir()) < HEAVIEST
