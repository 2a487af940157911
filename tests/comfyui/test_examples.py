"""Every example graph runs on the server, and opens and runs in the page."""

import asyncio
import io
import json
import os
from fractions import Fraction
from pathlib import Path

import av
import chromium
import pytest
from chromium import Page
from comfy_graph import nodes_of, to_prompt
from comfy_host import TINY
from comfy_page import click_run, come_up, move_slider, open_graph, overlaps, queue_mode, show_whole
from PIL import Image, ImageChops

pytestmark = [pytest.mark.comfyui, pytest.mark.xdist_group("comfyui")]  # one worker, one server

FOLDER = Path(__file__).parents[2] / "example_workflows"
NAMES = sorted(path.stem for path in FOLDER.glob("*.json"))
BLUEPRINTS = sorted((FOLDER.parent / "subgraphs").glob("*.json"))
SHORTEST, LONGEST = 20, 200  # frames of an example's film
PATIENCE = 5.0  # seconds that a run may take without showing anything, on busy cores
LEVELS = 40  # of 255: more than encoding changes in a picture that stays


@pytest.fixture(scope="module")
def nodes(server) -> dict:
    return server.get("/object_info")


@pytest.fixture(scope="module", params=NAMES)
def example(request) -> tuple[str, dict]:
    return request.param, json.loads((FOLDER / f"{request.param}.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def page(server):
    """A function that runs a coroutine with ComfyUI's page."""
    if chromium.binary() is None:
        pytest.skip("needs Chromium (Debian: apt-get install chromium)")
    loop = asyncio.new_event_loop()
    browser = Page()
    opened = loop.run_until_complete(browser.__aenter__())
    loop.run_until_complete(come_up(opened, server.address))
    yield lambda use, *arguments: loop.run_until_complete(use(opened, *arguments))
    loop.run_until_complete(browser.__aexit__())
    loop.close()


def test_it_runs_and_gives_what_it_promises(server, nodes, example):
    name, graph = example
    prompt = with_a_model(to_prompt(graph, nodes), nodes)
    run = server.run(prompt)
    assert not run.errors
    assert not run.message, run.message
    assert run.previews or run.reports or run.seconds < PATIENCE, f"{name} shows nothing while it runs"
    for film in nodes_of(prompt, "SaveVideo"):
        with av.open(io.BytesIO(server.view(run.files(film)[0]))) as video:
            frames = [frame.to_image() for frame in video.decode(video=0)]
            rate = video.streams.video[0].average_rate
            assert SHORTEST <= len(frames) <= LONGEST
            assert rate == 25
            if video.streams.audio:
                heard = video.streams.audio[0]
                assert abs(heard.duration * heard.time_base - Fraction(len(frames), 25)) < 0.2
        moved = ImageChops.difference(frames[0], frames[len(frames) // 2]).getextrema()
        assert max(high for _, high in moved) > LEVELS, f"{name} does not move"
    for picture in nodes_of(prompt, "PreviewImage"):
        shown = Image.open(io.BytesIO(server.view(run.files(picture)[0])))
        assert all(high > low for low, high in shown.convert("RGB").getextrema())


def test_it_opens_in_the_page_without_red_and_runs_by_the_button(server, nodes, example, page, tmp_path):
    name, graph = example
    loaded = page(open_graph, with_a_model_in_the_page(graph, nodes))
    assert not loaded["missing"]
    assert not loaded["red"]
    ended = page(click_run, 600)
    assert ended["kind"] == "execution_success", ended
    page(show_whole)
    assert page(overlaps) == []
    folder = Path(os.environ.get("STYLEHEAD_SCREENSHOTS", tmp_path))
    page(Page.screenshot, folder / f"{name}.png")
    assert (folder / f"{name}.png").stat().st_size > 20_000


@pytest.mark.parametrize("blueprint", BLUEPRINTS, ids=lambda path: path.stem)
def test_a_blueprint_is_one_node_of_small_nodes_that_opens_without_red(server, page, blueprint):
    listed = server.get("/global_subgraphs")
    assert blueprint.stem in {entry["name"] for entry in listed.values()}
    opened = page(open_graph, json.loads(blueprint.read_text(encoding="utf-8")))
    assert not opened["missing"]
    assert not opened["red"]
    kinds = {node["class_type"] for node in opened["prompt"].values()}
    assert len(kinds) >= 4
    assert "StyleHead_Invert" in kinds


def test_the_blueprints_are_there():
    assert [path.stem for path in BLUEPRINTS] == ["Animate photo", "Dub film", "Edit face"]


def test_a_slider_that_is_moved_by_the_mouse_is_answered_without_a_click_on_run(nodes, page):
    graph = json.loads((FOLDER / "sliders.json").read_text(encoding="utf-8"))
    page(open_graph, with_a_model_in_the_page(graph, nodes))
    page(show_whole)
    assert page(click_run)["kind"] == "execution_success"
    before = page(shown_value, "smile")
    page(queue_mode, "change")
    try:
        assert page(move_slider, "smile", 0.25)["kind"] == "execution_success"
    finally:
        page(queue_mode, "disabled")
    assert page(shown_value, "smile") < before


async def shown_value(page: Page, name: str) -> float:
    return await page.js(f"app.graph.nodes.flatMap(n => n.widgets || []).find(w => w.name === '{name}').value")


def test_it_has_a_thumbnail_and_a_note(example):
    name, graph = example
    with Image.open(FOLDER / f"{name}.jpg") as thumbnail:
        assert min(thumbnail.size) >= 64
    assert [node for node in graph["nodes"] if node["type"] == "MarkdownNote"]


def test_every_example_has_an_id_of_its_own():
    ids = [json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))["id"] for name in NAMES]
    assert len(set(ids)) == len(ids)


def test_the_examples_are_all_there():
    assert len(NAMES) >= 14


def embedded(nodes: dict) -> bool:
    return "stylehead-mini" in str(nodes["StyleHead_LoadModel"]["input"]["required"]["model_name"])


def with_a_model(prompt: dict, nodes: dict) -> dict:
    """The graph on the embedded model; on the untrained one in a checkout that has none."""
    if not embedded(nodes):
        for number in nodes_of(prompt, "StyleHead_LoadModel"):
            prompt[number]["inputs"]["model_name"] = TINY
        for number in nodes_of(prompt, "StyleHead_EditStyle"):
            prompt[number]["inputs"]["attribute"] = "old"
    return prompt


def with_a_model_in_the_page(graph: dict, nodes: dict) -> dict:
    if not embedded(nodes):
        for node in graph["nodes"]:
            if node["type"] == "StyleHead_LoadModel":
                node["widgets_values"][0] = TINY
            if node["type"] == "StyleHead_EditStyle":
                node["widgets_values"][0] = "old"
    return graph
