"""What a newcomer does in the page, by mouse, in the classic page and in Nodes 2.0.

Screenshots go to $STYLEHEAD_SCREENSHOTS, else into the test's own folder.
"""

import asyncio
import json
import os
from pathlib import Path

import chromium
import numpy as np
import pytest
from chromium import Page
from comfy_page import click_run, come_up, lay_out, new_graph, open_graph, search_nodes, set_nodes_2, show_whole
from PIL import Image, ImageChops

pytestmark = [pytest.mark.comfyui, pytest.mark.xdist_group("comfyui")]  # one worker, one server

VIDEO = "[...document.querySelectorAll('video')].findLast(v => v.videoWidth > 0)"
PLAYED = (  # the page may put another player in its place when it draws the node again
    "(() => { const v = %s; if (v.paused) { v.muted = true; v.play(); } return v.currentTime > %s; })()"
)
REPORTS = "[...document.querySelectorAll('.stylehead-report')].map(box => box.innerText).join('\\n')"
PICTURE = "document.querySelector('.stylehead-editor figure img')"
CAPTION = "document.querySelector('.stylehead-editor figcaption').textContent"
SLIDER = "document.querySelector('.stylehead-editor input[data-slider=smile]')"
SHOWN_AT_LEAST = 128  # pixels of the editor's picture; the embedded model decides
CHANGED = 20  # levels of 255 by which two frames of a playing video differ somewhere: at the lips at least
PLAYER = 0.7  # of a video's height, above the bar with the time


@pytest.fixture(scope="module", params=["classic", "nodes 2.0"])
def page(request, server):
    """A function that runs a coroutine with ComfyUI's page, in one of its two forms."""
    if chromium.binary() is None:
        pytest.skip("needs Chromium (Debian: apt-get install chromium)")
    loop = asyncio.new_event_loop()
    browser = Page((1900, 1100))
    opened = loop.run_until_complete(browser.__aenter__())
    loop.run_until_complete(come_up(opened, server.address))
    loop.run_until_complete(set_nodes_2(opened, request.param == "nodes 2.0"))
    run = lambda use, *arguments: loop.run_until_complete(use(opened, *arguments))
    run.form = request.param  # type: ignore[attr-defined]
    yield run
    loop.run_until_complete(set_nodes_2(opened, False))
    assert not [thrown for thrown in opened.exceptions if "stylehead" in thrown.lower()]
    loop.run_until_complete(browser.__aexit__())
    loop.close()


@pytest.fixture
def shot(page, tmp_path):
    """A function that takes a screenshot and gives it back."""

    def take(name: str) -> Image.Image:
        file = Path(os.environ.get("STYLEHEAD_SCREENSHOTS", tmp_path)) / f"{name} ({page.form}).png"
        page(Page.screenshot, file)
        return Image.open(file).convert("RGB")

    return take


async def place_node(page: Page, kind: str, x: int, y: int) -> int:
    """What a double click and a choice from the search do: a node of a kind, at a place of the canvas."""
    return await page.js(
        f"(() => {{ const n = LiteGraph.createNode('{kind}'); n.pos = [{x}, {y}]; app.graph.add(n); return n.id; }})()"
    )


async def wire(page: Page, source: int, output: str, target: int, name: str) -> None:
    await page.js(
        f"(() => {{ const a = app.graph.getNodeById({source}), b = app.graph.getNodeById({target});"
        f" a.connect(a.findOutputSlot('{output}'), b, b.findInputSlot('{name}')); }})()"
    )


async def talking_head(page: Page) -> None:
    await new_graph(page)
    samples = await place_node(page, "StyleHead_Samples", 0, 0)
    talking = await place_node(page, "StyleHead_TalkingHead", 500, 0)
    await wire(page, samples, "portrait", talking, "portrait")
    await wire(page, samples, "speech", talking, "audio")
    await asyncio.sleep(1)
    await show_whole(page)


async def place_of(page: Page, element: str) -> tuple[int, int, int, int]:
    return tuple(
        await page.js(
            f"(() => {{ const r = {element}.getBoundingClientRect();"
            " return [r.left, r.top, r.right, r.bottom].map(Math.round) })()"
        )
    )


def difference(first: Image.Image, second: Image.Image) -> float:
    """Mean levels of 255 between two pictures of one size."""
    return float(np.abs(np.asarray(first, np.float32) - np.asarray(second, np.float32)).mean())


def played(page, shot, name: str) -> int:
    """By how many levels of 255 the picture of a video changes at most, while it plays on its node."""
    page(Page.wait, f"!!{VIDEO}")
    page(show_whole)
    left, top, right, bottom = page(place_of, VIDEO)
    assert right - left > 100
    picture = left, top, right, round(top + PLAYER * (bottom - top))
    page(Page.wait, PLAYED % (VIDEO, 0.2))
    first = shot(name).crop(picture)
    page(Page.wait, PLAYED % (VIDEO, 1.0))
    changes = ImageChops.difference(first, shot(f"{name}, later").crop(picture))
    return max(high for _, high in changes.getextrema())


def test_two_nodes_two_wires_and_a_click_give_a_video_that_plays_on_its_node(page, shot):
    page(talking_head)
    ended = page(click_run)
    assert ended["kind"] == "execution_success", ended
    assert played(page, shot, "talking head") > CHANGED
    said = page(Page.js, REPORTS)
    assert "frames of" in said
    assert "Moved by lips by speech" in said


def test_words_are_there_again_when_nothing_had_to_be_computed(page):
    page(talking_head)
    assert page(click_run)["kind"] == "execution_success"
    page(Page.js, "document.querySelectorAll('.stylehead-report span').forEach(box => { box.textContent = '' })")
    assert page(click_run)["kind"] == "execution_success"
    page(Page.wait, f"({REPORTS}).includes('Moved by')")


def test_a_video_of_render_video_plays_too(page, shot):
    page(open_graph, page(lay_out, rendered()))
    page(show_whole)
    assert page(click_run)["kind"] == "execution_success"
    assert played(page, shot, "render video") > CHANGED


async def edit(page: Page) -> None:
    await new_graph(page)
    samples = await place_node(page, "StyleHead_Samples", -400, 0)
    editor = await place_node(page, "StyleHead_ExpressionEditor", 0, 0)
    await wire(page, samples, "portrait", editor, "portrait")
    await asyncio.sleep(1)
    await show_whole(page)


async def drag(page: Page, element: str, start: float, end: float, steps: int = 8) -> None:
    """Press the mouse on an element and move it from one part of its width to another."""
    left, top, right, bottom = await place_of(page, element)
    y = (top + bottom) / 2

    async def mouse(kind: str, part: float) -> None:
        x = left + part * (right - left)
        await page.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", buttons=1, clickCount=1)

    await mouse("mouseMoved", start)
    await mouse("mousePressed", start)
    for step in range(1, steps + 1):
        await mouse("mouseMoved", start + (end - start) * step / steps)
        await asyncio.sleep(0.05)
    await mouse("mouseReleased", end)


def test_a_dragged_slider_changes_the_picture_without_run(page, shot):
    page(edit)
    assert page(click_run)["kind"] == "execution_success"
    page(Page.wait, f"{CAPTION}.includes(' ms')")
    assert page(Page.js, f"{PICTURE}.naturalWidth") >= SHOWN_AT_LEAST
    box = page(place_of, PICTURE)
    before = shot("editor").crop(box)
    address = page(Page.js, f"{PICTURE}.src")
    page(Page.js, "window.ran = 0, app.api.addEventListener('execution_start', () => { window.ran += 1 }), 0")
    page(drag, SLIDER, 0.5, 0.95)
    page(Page.wait, f"{PICTURE}.src !== {json.dumps(address)} && {PICTURE}.complete")
    page(asyncio_sleep, 1.5)
    after = shot("editor, smiling").crop(box)
    assert difference(before, after) > 0.3
    assert page(Page.js, "window.ran") == 0
    print(f"a dragged slider ({page.form}): {page(Page.js, CAPTION)}")
    said = page(Page.js, "app.graph.nodes.flatMap(n => n.widgets || []).find(w => w.name === 'expression').value")
    name, value = said.split()
    assert name == "smile"
    assert 0.5 < float(value) <= 1


def test_presets_undo_and_keys_of_the_editor_write_what_they_do(page, shot):
    page(edit)
    value = "app.graph.nodes.flatMap(n => n.widgets || []).find(w => w.name === '%s').value"
    pressed = "[...document.querySelectorAll('.stylehead-editor button')].find(b => b.textContent === '%s')"
    page(Page.wait, f"!!{pressed % 'surprise'}")
    page(Page.click_on, pressed % "surprise")
    assert "jaw 0.4" in page(Page.js, value % "expression")
    page(Page.click_on, pressed % "+ key")
    assert page(Page.js, value % "key_frames").startswith("0: ")
    assert page(Page.js, value % "frames") == 51
    page(Page.click_on, pressed % "undo")
    assert page(Page.js, value % "key_frames") == ""
    page(Page.click_on, pressed % "reset")
    assert page(Page.js, value % "expression") == ""
    shot("editor, keys")


@pytest.mark.parametrize(
    ("words", "node"),
    [
        ("animate", "StyleHead_TalkingHead"),
        ("talking", "StyleHead_TalkingHead"),
        ("lip sync", "StyleHead_MotionFromAudio"),
        ("age", "StyleHead_EditStyle"),
        ("beard", "StyleHead_EditStyle"),
        ("portrait", "StyleHead_Invert"),
        ("follow video", "StyleHead_MotionFromVideo"),
        ("expression", "StyleHead_ExpressionEditor"),
    ],
)
def test_the_search_finds_nodes_by_everyday_words(page, words, node):
    assert node in page(search_nodes, words)


async def asyncio_sleep(page: Page, seconds: float) -> None:
    await asyncio.sleep(seconds)


def rendered() -> dict:
    """A turning head by the small nodes, with no model wired anywhere."""
    return {
        "1": {"class_type": "StyleHead_Samples", "inputs": {}},
        "2": {
            "class_type": "StyleHead_Invert",
            "inputs": {
                **{"portrait": ["1", 0], "align": True, "face": 0, "order": "largest", "method": "encode"},
                **{"steps": 1, "at": ""},
            },
        },
        "3": {
            "class_type": "StyleHead_MotionFromSliders",
            "inputs": {
                **dict.fromkeys(("yaw", "pitch", "roll", "blink", "gaze_right", "gaze_up", "brows", "smile"), 0.0),
                **dict.fromkeys(("jaw", "pucker", "funnel", "eyes_wide", "size", "x", "y"), 0.0),
                **{"frames": 40, "fps": 25.0, "key_frames": "0: yaw -20\n0.8: yaw 20, smile 1\n1.6: yaw -20"},
            },
        },
        "4": {
            "class_type": "StyleHead_WarpFeatures",
            "inputs": {"inversion": ["2", 0], "motion": ["3", 0], "fit": "auto"},
        },
        "5": {
            "class_type": "StyleHead_RenderVideo",
            "inputs": {"head": ["4", 0], "quality": 18, "chunk": 4, "colour": "as drawn"},
        },
    }
