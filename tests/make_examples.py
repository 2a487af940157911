"""Makes example_workflows/: each graph is laid out by ComfyUI's own page, run, and given a thumbnail of its result.
docs/graphs/ gets what the page shows of it, for the README.

    .stylehead-env/bin/python tests/make_examples.py [NAME ...]     (after scripts/test.py; needs Chromium)

The graphs are written here in the server's form; whoever changes a node's inputs makes the files anew.
"""

import asyncio
import io
import json
import sys
import tempfile
from pathlib import Path

import av
from chromium import Page
from comfy_graph import to_prompt
from comfy_host import PACK, Server, own_server
from comfy_page import click_run, come_up, lay_out, open_graph, show_whole
from PIL import Image

MODEL = "stylehead-mini"
FOLDER = PACK / "example_workflows"
SHOTS = PACK / "docs" / "graphs"
PATIENCE = 3600  # s, for one graph
THUMBNAIL, SHOT = 384, 1600  # pixels
WINDOW = (2400, 1300)  # so large that letters are drawn when a whole graph is seen
CANVAS = (60, 135, WINDOW[0], WINDOW[1] - 80)  # of the page: without its bars
DARKEST, MARGIN = 45, 16  # of a node, in 0..255; pixels around the graph

Wire = tuple[str, int]


class Graph:
    """A graph in the server's form, wired by hand."""

    def __init__(self, defaults: dict) -> None:
        self.prompt: dict = {}
        self.defaults = defaults

    def add(self, kind: str, title: str = "", **inputs) -> str:
        number = str(len(self.prompt) + 1)
        wired = {name: list(value) if isinstance(value, tuple) else value for name, value in inputs.items()}
        self.prompt[number] = {"class_type": kind, "inputs": {**self.widgets(kind), **wired}}
        if title:
            self.prompt[number]["_meta"] = {"title": title}
        return number

    def widgets(self, kind: str) -> dict:
        """Every widget of a node at its default."""
        declared = self.defaults[kind]["input"]
        values = {}
        for name, (of, *options) in {**declared.get("required", {}), **declared.get("optional", {})}.items():
            options = options[0] if options else {}
            if "default" in options and not options.get("forceInput"):
                values[name] = options["default"]
            elif isinstance(of, list) and of:
                values[name] = of[0]
            elif of == "COMBO" and options.get("options"):
                values[name] = options["options"][0]
        return values

    # The pieces that most graphs share

    def start(self) -> tuple[str, Wire, Wire]:
        """Samples, the model, and the inversion of the sample portrait."""
        samples = self.add("StyleHead_Samples")
        model = self.add("StyleHead_LoadModel", model_name=MODEL), 0
        return samples, model, (self.add("StyleHead_Invert", model=model, portrait=(samples, 0)), 0)

    def head(self, model: Wire, inversion: Wire, motion: Wire) -> Wire:
        warped = self.add("StyleHead_WarpFeatures", model=model, inversion=inversion, motion=motion)
        return self.add("StyleHead_Calibrate", model=model, head=(warped, 0)), 0

    def film(self, model: Wire, head: Wire, name: str, audio: Wire | None = None) -> None:
        heard = {} if audio is None else {"audio": audio}
        film = self.add("StyleHead_RenderVideo", model=model, head=head, **heard)
        self.add("SaveVideo", video=(film, 0), filename_prefix=f"stylehead/{name}")


def reenact(graph: Graph) -> None:
    samples, model, inversion = graph.start()
    motion = graph.add("StyleHead_MotionFromVideo", model=model, video=(samples, 1))
    graph.film(model, graph.head(model, inversion, (motion, 0)), "reenact", (motion, 2))


def speak(graph: Graph) -> None:
    samples, model, inversion = graph.start()
    motion = graph.add("StyleHead_MotionFromAudio", model=model, audio=(samples, 2))
    graph.film(model, graph.head(model, inversion, (motion, 0)), "speak", (samples, 2))


def dub(graph: Graph) -> None:
    samples, model, inversion = graph.start()
    seen = graph.add("StyleHead_MotionFromVideo", model=model, video=(samples, 1))
    heard = graph.add("StyleHead_MotionFromAudio", model=model, audio=(samples, 2))
    long = graph.add("StyleHead_AdjustMotion", "As long as the speech", motion=(seen, 0), play="there and back")
    mixed = graph.add(
        *("StyleHead_MixMotion", "Head and eyes of the video, on the speech"), first=(heard, 0), second=(long, 0),
        lips=False, jaw=False, audio=False, eyes=True, gaze=True, brows=True, pose=True,
    )  # fmt: skip
    graph.film(model, graph.head(model, inversion, (mixed, 0)), "dub", (samples, 2))


def edit_while_talking(graph: Graph) -> None:
    samples, model, inversion = graph.start()
    edited = graph.add(
        *("StyleHead_EditStyle", "A tan that grows"),
        model=model,
        inversion=inversion,
        attribute="tone",
        strength=0.0,
        end_strength=1.0,
    )
    motion = graph.add("StyleHead_MotionFromAudio", model=model, audio=(samples, 2))
    graph.film(model, graph.head(model, (edited, 0), (motion, 0)), "edit", (samples, 2))


def sliders(graph: Graph) -> None:
    _, model, inversion = graph.start()
    motion = graph.add("StyleHead_MotionFromSliders", yaw=15.0, smile=0.6, brows=0.4)
    frames = graph.add("StyleHead_Render", model=model, head=graph.head(model, inversion, (motion, 0)))
    graph.add("PreviewImage", images=(frames, 0))


def motion_library(graph: Graph) -> None:
    _, model, inversion = graph.start()
    keys = "0: smile 0\n0.6: smile 0.8, brows 0.5\n1.2: smile 0"
    smile = graph.add("StyleHead_MotionFromSliders", "A smile", frames=30, key_frames=keys)
    nod = graph.add("StyleHead_LoadMotion", "A nod from the library", file="stylehead: nod")
    mixed = graph.add(
        *("StyleHead_MixMotion", "The nod's head on the smile"), first=(smile, 0), second=(nod, 0),
        lips=False, jaw=False, audio=False, pose=True,
    )  # fmt: skip
    graph.add("StyleHead_SaveMotion", "Into the library", motion=(mixed, 0), filename_prefix="motion/smiling_nod")
    looped = graph.add("StyleHead_AdjustMotion", motion=(mixed, 0), play="there and back")
    graph.film(model, graph.head(model, inversion, (looped, 0)), "library")


def paste_back(graph: Graph) -> None:
    samples, model, inversion = graph.start()
    motion = graph.add("StyleHead_MotionFromAudio", model=model, audio=(samples, 2))
    short = graph.add("StyleHead_AdjustMotion", motion=(motion, 0), end=1.0)
    frames = graph.add("StyleHead_Render", model=model, head=graph.head(model, inversion, (short, 0)))
    larger = graph.add(
        "ImageScaleBy", "Any upscaler goes here", image=(frames, 0), upscale_method="lanczos", scale_by=2.0
    )
    pasted = graph.add("StyleHead_PasteBack", frames=(larger, 0), inversion=inversion, mask=(frames, 1))
    video = graph.add("CreateVideo", images=(pasted, 0), fps=25.0)
    graph.add("SaveVideo", video=(video, 0), filename_prefix="stylehead/pasted")


def side_by_side(graph: Graph) -> None:
    samples, model, inversion = graph.start()
    motion = graph.add("StyleHead_MotionFromVideo", model=model, video=(samples, 1))
    frames = graph.add("StyleHead_Render", model=model, head=graph.head(model, inversion, (motion, 0)))
    driver = graph.add("GetVideoComponents", video=(samples, 1))
    scaled = graph.add("ImageScale", image=(frames, 0), upscale_method="bicubic", width=256, height=256, crop="center")
    small = graph.add("ImageScale", image=(driver, 0), upscale_method="bicubic", width=256, height=256, crop="center")
    both = graph.add("ImageStitch", image1=(small, 0), image2=(scaled, 0))
    video = graph.add("CreateVideo", images=(both, 0), audio=(driver, 1), fps=(driver, 2))
    graph.add("SaveVideo", video=(video, 0), filename_prefix="stylehead/side_by_side")


EXAMPLES = {
    "reenact": reenact,
    "speak": speak,
    "dub": dub,
    "edit while talking": edit_while_talking,
    "sliders": sliders,
    "motion library": motion_library,
    "paste back": paste_back,
    "side by side": side_by_side,
}


def thumbnail(server: Server, files: list[dict]) -> Image.Image:
    """The picture, or four moments of the film, that a graph ended with."""
    name, data = files[-1]["filename"], io.BytesIO(server.view(files[-1]))
    if not name.endswith(".mp4"):
        moments = [Image.open(data).convert("RGB")]
    else:
        with av.open(data) as film:
            frames = [frame.to_image() for frame in film.decode(video=0)]
        moments = [frames[round(part * (len(frames) - 1))] for part in (0.1, 0.4, 0.65, 0.9)]
    columns = 1 if len(moments) == 1 else 2
    across, down = moments[0].size
    sheet = Image.new("RGB", (columns * across, len(moments) // columns * down))
    for i, moment in enumerate(moments):
        sheet.paste(moment, (i % columns * across, i // columns * down))
    scale = THUMBNAIL / max(sheet.size)
    return sheet.resize((round(sheet.width * scale), round(sheet.height * scale)), Image.Resampling.LANCZOS)


async def shot(page: Page, graph: dict) -> Image.Image:
    """The graph in the page, with what came of it in its nodes."""
    await open_graph(page, graph)
    await click_run(page)
    await show_whole(page)
    await asyncio.sleep(2)  # films load their first frame
    with tempfile.NamedTemporaryFile(suffix=".png") as file:
        await page.screenshot(Path(file.name))
        picture = Image.open(file.name).convert("RGB").crop(CANVAS)
    left, top, right, bottom = picture.convert("L").point(lambda value: 255 * (value > DARKEST)).getbbox() or CANVAS
    picture = picture.crop((left - MARGIN, top - MARGIN, right + MARGIN, bottom + MARGIN))
    picture.thumbnail((SHOT, SHOT))
    return picture


async def make(server: Server, names: list[str]) -> None:
    object_info = await asyncio.to_thread(server.get, "/object_info")
    async with Page(WINDOW) as page:
        await come_up(page, server.address)
        for name in names:
            graph = Graph(object_info)
            EXAMPLES[name](graph)
            laid_out = await lay_out(page, graph.prompt)
            prompt = to_prompt(laid_out, object_info)
            run = await asyncio.to_thread(server.run, prompt, within=PATIENCE)
            if run.errors or run.failure:
                raise SystemExit(f"{name}: {run.errors or run.message}")
            path = FOLDER / f"{name}.json"
            path.write_text(json.dumps(laid_out, indent=1) + "\n", encoding="utf-8")
            last = [number for number, node in prompt.items() if node["class_type"] in ("SaveVideo", "PreviewImage")]
            picture = await asyncio.to_thread(thumbnail, server, run.files(last[-1]))
            picture.save(path.with_suffix(".jpg"), quality=88)
            SHOTS.mkdir(exist_ok=True)
            (await shot(page, laid_out)).save(SHOTS / f"{name.replace(' ', '-')}.jpg", quality=80, optimize=True)
            print(f"{name}: {len(prompt)} nodes, {run.seconds:.0f} s", flush=True)


def main() -> None:
    with own_server() as server:
        asyncio.run(make(server, sys.argv[1:] or list(EXAMPLES)))


if __name__ == "__main__":
    main()
