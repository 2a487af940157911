"""Makes example_workflows/ and subgraphs/: graphs laid out in groups, and for each a thumbnail of what it makes.
docs/graphs/ gets what the page shows of it, for the README.

    .stylehead-env/bin/python tests/make_examples.py graphs             the graphs alone: seconds, no browser
    .stylehead-env/bin/python tests/make_examples.py thumbnails [NAME ...]    runs each, and makes its thumbnail
    .stylehead-env/bin/python tests/make_examples.py shots [NAME ...]         docs/graphs/, in the page (needs Chromium)

After scripts/test.py, which makes that environment. Graphs are written here in the server's form; whoever changes a
node's inputs makes the files anew. Whoever retrains the embedded model makes thumbnails and shots anew.
"""

import asyncio
import io
import json
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

import av
from chromium import Page
from comfy_graph import to_prompt
from comfy_host import PACK, Run, Server, own_server
from comfy_page import click_run, come_up, open_graph, show_whole
from graph_layout import Group, Port, to_blueprint, to_ui
from PIL import Image, ImageDraw, ImageFont

FOLDER = PACK / "example_workflows"
BLUEPRINTS = PACK / "subgraphs"
SHOTS = PACK / "docs" / "graphs"
PATIENCE = 3600  # s, for one graph
THUMBNAIL, SHOT = 384, 1600  # pixels
WINDOW = (2400, 1300)  # so large that letters are drawn when a whole graph is seen
CANVAS = (60, 135, WINDOW[0], WINDOW[1] - 80)  # of the page: without its bars
DARKEST, MARGIN = 45, 16  # of a node, in 0..255; pixels around the graph
REPLACE = "Put **Load Image**, **Load Video** or **Load Audio** in the place of *Samples*."
ON_CHANGE = "Set the arrow beside *Run* to **Run (On Change)**: every move of a slider is then answered at once."

Wire = tuple[str, int]


class Graph:
    """A graph in the server's form, wired by hand, with its groups."""

    def __init__(self, defaults: dict) -> None:
        self.prompt: dict = {}
        self.defaults = defaults
        self.rows: list[list[Group]] = []

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

    def start(self, face: str = "woman with long hair") -> tuple[str, Wire]:
        """Samples, and the portrait of one of its faces as it is read."""
        samples = self.add("StyleHead_Samples", face=face)
        return samples, (self.add("StyleHead_Invert", portrait=(samples, 0)), 0)

    def head(self, inversion: Wire, motion: Wire, **settings) -> Wire:
        moved = self.add("StyleHead_WarpFeatures", inversion=inversion, motion=motion, **settings)
        return self.add("StyleHead_Calibrate", head=(moved, 0)), 0

    def film(self, head: Wire, name: str, audio: Wire | None = None) -> list[str]:
        heard = {} if audio is None else {"audio": audio}
        film = self.add("StyleHead_RenderVideo", head=head, **heard)
        return [film, self.save((film, 0), name)]

    def save(self, video: Wire, name: str) -> str:
        return self.add("SaveVideo", video=video, filename_prefix=f"stylehead/{name}")

    def finish_film(
        self,
        name: str,
        note: str,
        samples: str,
        who: list[list[str]],
        moves: Group,
        wires: tuple[Wire, Wire, Wire],
    ) -> None:
        """The end of most graphs, from inversion, motion and sound (``wires``) to the film, and their two rows."""
        inversion, motion, sound = wires
        head = self.head(inversion, motion)
        film = self.film(head, name, sound)
        given = Group("Yours", "given", [[samples]], f"{note}\n\n{REPLACE}")
        drawn = [[str(int(head[0]) - 1), head[0]], [film[0]], [film[1]]]
        self.rows = [[given, Group("Who", "face", who), moves], [Group("The film", "result", drawn)]]

    def attributes(self) -> list[str]:
        """The attributes that the embedded model changes."""
        of, *options = self.defaults["StyleHead_EditStyle"]["input"]["required"]["attribute"]
        return options[0]["options"] if of == "COMBO" else of


def talking_head(graph: Graph) -> None:
    samples = graph.add("StyleHead_Samples", face="blond man")
    talking = graph.add("StyleHead_TalkingHead", portrait=(samples, 0), audio=(samples, 2))
    saved = graph.save((talking, 0), "talking")
    note = f"A picture and a sound become a film.\n\n{REPLACE}\nWire a video too, and its head and eyes are followed."
    graph.rows = [[Group("Yours", "given", [[samples]], note), Group("The film", "result", [[talking], [saved]])]]


def reenact(graph: Graph) -> None:
    samples, inversion = graph.start("woman with curls")
    motion = graph.add("StyleHead_MotionFromVideo", video=(samples, 1))
    moves = Group("How it moves", "motion", [[motion]])
    wires = inversion, (motion, 0), (motion, 2)
    graph.finish_film(
        "reenact", "A portrait moved by a video, with the video's sound.", samples, [[inversion[0]]], moves, wires
    )


def speak(graph: Graph) -> None:
    samples, inversion = graph.start("man with a beard")
    motion = graph.add("StyleHead_MotionFromAudio", audio=(samples, 2))
    moves = Group("What it says", "motion", [[motion]])
    wires = inversion, (motion, 0), (samples, 2)
    graph.finish_film("speak", "A portrait that says a sentence.", samples, [[inversion[0]]], moves, wires)


def dub(graph: Graph) -> None:
    samples, inversion = graph.start("older man")
    seen = graph.add("StyleHead_MotionFromVideo", video=(samples, 1))
    heard = graph.add("StyleHead_MotionFromAudio", audio=(samples, 2))
    long = graph.add("StyleHead_AdjustMotion", "As long as the speech", motion=(seen, 0), play="there and back")
    mixed = graph.add(
        *("StyleHead_MixMotion", "Head and eyes of the video, on the speech"), first=(heard, 0), second=(long, 0),
        lips=False, jaw=False, audio=False, eyes=True, gaze=True, brows=True, pose=True,
    )  # fmt: skip
    moves = Group("How it moves", "motion", [[seen, heard], [long], [mixed]])
    wires = inversion, (mixed, 0), (samples, 2)
    graph.finish_film(
        "dub", "Head and eyes from a video, lips from other speech.", samples, [[inversion[0]]], moves, wires
    )


def dub_a_film(graph: Graph) -> None:
    samples = graph.add("StyleHead_Samples")
    parts = graph.add("GetVideoComponents", "The film's own frames", video=(samples, 1))
    seen = graph.add("StyleHead_MotionFromVideo", "Who is in the film", video=(samples, 1), square="follows the face")
    first = graph.add("ImageFromBatch", "A frame with a calm face", image=(parts, 0), batch_index=0, length=1)
    inversion = graph.add("StyleHead_Invert", portrait=(first, 0)), 0
    heard = graph.add("StyleHead_MotionFromAudio", "The new words", audio=(samples, 2))
    mixed = graph.add("StyleHead_MixMotion", "New lips on the old head", first=(seen, 0), second=(heard, 0))
    head = graph.head(inversion, (mixed, 0), fit="everything")
    frames = graph.add("StyleHead_Render", head=head)
    pasted = graph.add(
        *("StyleHead_PasteBack",), frames=(frames, 0), inversion=inversion, original=(parts, 0), motion=(mixed, 0),
        where="lower face", match_colours=1.0,
    )  # fmt: skip
    video = graph.add("CreateVideo", "With the new sound", images=(pasted, 0), audio=(samples, 2), fps=(parts, 2))
    saved = graph.save((video, 0), "dubbed")
    note = "Somebody in a film says other words; around the mouth no pixel changes.\n\n" + REPLACE
    graph.rows = [
        [
            Group("Yours", "given", [[samples]], f"{note}\nCut film and sound to one length."),
            Group("Who", "face", [[parts, first], [inversion[0]]]),
            Group("What is said", "motion", [[seen, heard], [mixed]]),
        ],
        [
            Group("The new face", "face", [[str(int(head[0]) - 1), head[0]], [frames]]),
            Group("Back into the film", "result", [[pasted, video], [saved]]),
        ],
    ]


GROWING = {"younger": ("age", -1.0), "older": ("age", 1.0), "beard": ("beard", 1.0), "makeup": ("makeup", 1.0)}
"""The attributes that the paper's supplement shows, as the embedded model names them, with the strength at the end."""


def edit_while_talking(graph: Graph) -> None:
    samples, inversion = graph.start("red-haired woman")
    motion = graph.add("StyleHead_MotionFromAudio", audio=(samples, 2), life="lively")
    groups, shown = [], []
    for name, (attribute, strength) in GROWING.items():
        edited = graph.add(
            *("StyleHead_EditStyle", f"More and more {name}"), inversion=inversion, attribute=attribute, strength=0.0,
            end_strength=strength,
        )  # fmt: skip
        head = graph.head((edited, 0), (motion, 0))
        frames = graph.add("StyleHead_Render", head=head, size="256")
        groups.append(Group(name.capitalize(), "face", [[edited], [str(int(head[0]) - 1), head[0]], [frames]]))
        shown.append(frames)
    above = graph.add("ImageStitch", image1=(shown[0], 0), image2=(shown[1], 0))
    below = graph.add("ImageStitch", image1=(shown[2], 0), image2=(shown[3], 0))
    four = graph.add("ImageStitch", image1=(above, 0), image2=(below, 0), direction="down")
    video = graph.add("CreateVideo", images=(four, 0), audio=(samples, 2), fps=25.0)
    saved = graph.save((video, 0), "edit")
    note = f"Four changes that grow from the first frame to the last. Keep the ones that you want.\n\n{REPLACE}"
    graph.rows = [
        [
            Group("Yours", "given", [[samples]], note),
            Group("Who", "face", [[inversion[0]]]),
            Group("What is said", "motion", [[motion]]),
        ],
        groups[:2],
        [*groups[2:], Group("Four in one film", "result", [[above, below], [four, video], [saved]])],
    ]


def older_with_a_beard(graph: Graph) -> None:
    samples, inversion = graph.start("blond man")
    older = graph.add(
        "StyleHead_EditStyle", "Older", inversion=inversion, attribute="age", strength=0.8, end_strength=0.8
    )
    beard = graph.add(
        *("StyleHead_EditStyle", "A beard that grows"), inversion=(older, 0), attribute="beard", strength=0.0,
        end_strength=1.0,
    )  # fmt: skip
    redrawn = graph.add("StyleHead_Render", head=inversion)
    before = graph.add("PreviewImage", "Before", images=(redrawn, 0))
    motion = graph.add("StyleHead_MotionFromAudio", audio=(samples, 2))
    moves = Group("What is said", "motion", [[motion]])
    wires = (beard, 0), (motion, 0), (samples, 2)
    graph.finish_film(
        "older",
        "Two changes at once, while it talks. Changes follow one another, in any order.",
        samples,
        [[inversion[0]], [older, beard], [redrawn, before]],
        moves,
        wires,
    )


def expression_editor(graph: Graph) -> None:
    samples = graph.add("StyleHead_Samples", face="woman with curls")
    smile = "smile 0.7, yaw 12, brows 0.3"
    editor = graph.add("StyleHead_ExpressionEditor", portrait=(samples, 0), expression=smile)
    saved = graph.add("SaveImage", images=(editor, 0), filename_prefix="stylehead/expression")
    note = "Press **Run** once, then drag the sliders: the picture follows without Run.\n\n" + REPLACE
    graph.rows = [
        [Group("Yours", "given", [[samples]], note), Group("The face", "face", [[editor]])],
        [Group("Kept", "result", [[saved]])],
    ]


def sliders(graph: Graph) -> None:
    samples, inversion = graph.start()
    motion = graph.add("StyleHead_MotionFromSliders", yaw=15.0, smile=0.6, brows=0.4)
    head = graph.head(inversion, (motion, 0))
    frames = graph.add("StyleHead_Render", head=head)
    shown = graph.add("PreviewImage", images=(frames, 0))
    graph.rows = [
        [
            Group("Yours", "given", [[samples]], f"Sliders by the small nodes.\n\n{ON_CHANGE}\n\n{REPLACE}"),
            Group("Who", "face", [[inversion[0]]]),
            Group(
                "Sliders, and what they do", "result", [[motion], [str(int(head[0]) - 1), head[0]], [frames], [shown]]
            ),
        ]
    ]


def motion_library(graph: Graph) -> None:
    samples, inversion = graph.start("older man")
    keys = "0: smile 0\n0.6: smile 0.8, brows 0.5\n1.2: smile 0"
    smile = graph.add("StyleHead_MotionFromSliders", "A smile", frames=30, key_frames=keys)
    nod = graph.add("StyleHead_LoadMotion", "A nod from the library", file="stylehead: nod")
    mixed = graph.add(
        *("StyleHead_MixMotion", "The nod's head on the smile"), first=(smile, 0), second=(nod, 0),
        lips=False, jaw=False, audio=False, pose=True,
    )  # fmt: skip
    kept = graph.add(
        "StyleHead_SaveMotion", "Into the library", motion=(mixed, 0), filename_prefix="motion/smiling_nod"
    )
    looped = graph.add("StyleHead_AdjustMotion", motion=(mixed, 0), play="there and back")
    head = graph.head(inversion, (looped, 0))
    film = graph.film(head, "library")
    note = f"A motion by key frames, one from the library, mixed, saved and looped.\n\n{REPLACE}"
    graph.rows = [
        [
            Group("Yours", "given", [[samples]], note),
            Group("Motions", "motion", [[smile], [nod, kept], [mixed], [looped]]),
        ],
        [
            Group("Who", "face", [[inversion[0]]]),
            Group("The film", "result", [[str(int(head[0]) - 1), head[0]], [film[0]], [film[1]]]),
        ],
    ]


def photo_in_a_larger_picture(graph: Graph) -> None:
    left = graph.add("StyleHead_Samples", face="red-haired woman")
    right = graph.add("StyleHead_Samples", face="man with a beard")
    both = graph.add("ImageStitch", "A picture with two people", image1=(left, 0), image2=(right, 0))
    inversion = (
        graph.add("StyleHead_Invert", "The one on the right", portrait=(both, 0), order="right to left"),
        0,
    )
    motion = graph.add("StyleHead_MotionFromAudio", audio=(left, 2))
    short = graph.add("StyleHead_AdjustMotion", "The first second", motion=(motion, 0), end=1.0)
    head = graph.head(inversion, (short, 0))
    frames = graph.add("StyleHead_Render", head=head)
    pasted = graph.add("StyleHead_PasteBack", frames=(frames, 0), inversion=inversion, mask=(frames, 1))
    video = graph.add("CreateVideo", images=(pasted, 0), audio=(left, 2), fps=25.0)
    saved = graph.save((video, 0), "picture")
    note = "One of several people in a picture talks; the others, and every pixel around the face, stay.\n\n"
    note += "Put your picture in the place of *Stitch Images*."
    graph.rows = [
        [
            Group("Yours", "given", [[left], [right], [both]], note),
            Group("Who", "face", [[inversion[0]]]),
            Group("What is said", "motion", [[motion, short]]),
        ],
        [
            Group("The moving face", "face", [[str(int(head[0]) - 1), head[0]], [frames]]),
            Group("Back into the picture", "result", [[pasted, video], [saved]]),
        ],
    ]


def paste_back(graph: Graph) -> None:
    samples, inversion = graph.start("woman with curls")
    motion = graph.add("StyleHead_MotionFromAudio", audio=(samples, 2))
    short = graph.add("StyleHead_AdjustMotion", "The first second", motion=(motion, 0), end=1.0)
    head = graph.head(inversion, (short, 0))
    frames = graph.add("StyleHead_Render", head=head)
    larger = graph.add(
        "ImageScaleBy", "Any upscaler goes here", image=(frames, 0), upscale_method="lanczos", scale_by=2.0
    )
    pasted = graph.add("StyleHead_PasteBack", frames=(larger, 0), inversion=inversion, mask=(frames, 1))
    video = graph.add("CreateVideo", images=(pasted, 0), fps=25.0)
    saved = graph.save((video, 0), "pasted")
    note = f"Rendered, upscaled by any node, and put back into the picture.\n\n{REPLACE}"
    graph.rows = [
        [
            Group("Yours", "given", [[samples]], note),
            Group("Who", "face", [[inversion[0]]]),
            Group("What is said", "motion", [[motion], [short]]),
        ],
        [
            Group("The moving face", "face", [[str(int(head[0]) - 1), head[0]], [frames], [larger]]),
            Group("Back into the picture", "result", [[pasted, video], [saved]]),
        ],
    ]


def side_by_side(graph: Graph) -> None:
    samples, inversion = graph.start("man with a beard")
    motion = graph.add("StyleHead_MotionFromVideo", video=(samples, 1))
    head = graph.head(inversion, (motion, 0))
    frames = graph.add("StyleHead_Render", head=head)
    driver = graph.add("GetVideoComponents", video=(samples, 1))
    scaled = graph.add("ImageScale", image=(frames, 0), upscale_method="bicubic", width=256, height=256, crop="center")
    small = graph.add("ImageScale", image=(driver, 0), upscale_method="bicubic", width=256, height=256, crop="center")
    both = graph.add("ImageStitch", image1=(small, 0), image2=(scaled, 0))
    video = graph.add("CreateVideo", images=(both, 0), audio=(driver, 1), fps=(driver, 2))
    saved = graph.save((video, 0), "side_by_side")
    graph.rows = [
        [
            Group("Yours", "given", [[samples]], f"Driver and result in one film.\n\n{REPLACE}"),
            Group("Who", "face", [[inversion[0]]]),
            Group("How it moves", "motion", [[motion, driver]]),
        ],
        [
            Group("The moving face", "face", [[str(int(head[0]) - 1), head[0]], [frames]]),
            Group("Side by side", "result", [[small, scaled], [both, video], [saved]]),
        ],
    ]


def batch_of_portraits(graph: Graph) -> None:
    faces = [graph.add("StyleHead_Samples", face=face) for face in ("older man", "woman with curls", "blond man")]
    two = graph.add("ImageBatch", image1=(faces[0], 0), image2=(faces[1], 0))
    three = graph.add("ImageBatch", image1=(two, 0), image2=(faces[2], 0))
    each = graph.add("RebatchImages", "One after the other", images=(three, 0), batch_size=1)
    motion = graph.add("StyleHead_LoadMotion", "One motion for all", file="stylehead: nod")
    talking = graph.add("StyleHead_TalkingHead", portrait=(each, 0), motion=(motion, 0))
    saved = graph.save((talking, 0), "batch")
    note = "Any number of portraits, each moved by the same motion into a film of its own.\n\n"
    graph.rows = [
        [
            Group("Yours", "given", [[faces[0]], [faces[1]], [faces[2]]], f"{note}{REPLACE}"),
            Group("One by one", "face", [[two, three, each]]),
        ],
        [
            Group("How they move", "motion", [[motion]]),
            Group("The films", "result", [[talking], [saved]]),
        ],
    ]


EXAMPLES = {
    "talking head": talking_head,
    "reenact": reenact,
    "speak": speak,
    "dub": dub,
    "dub a film": dub_a_film,
    "edit while talking": edit_while_talking,
    "older with a beard while talking": older_with_a_beard,
    "expression editor": expression_editor,
    "sliders": sliders,
    "motion library": motion_library,
    "photo in a larger picture": photo_in_a_larger_picture,
    "paste back": paste_back,
    "side by side": side_by_side,
    "batch of portraits": batch_of_portraits,
}


# Blueprints: several small nodes behind one


def animate_photo(graph: Graph) -> tuple[list[list[str]], list[Port], list[Port]]:
    read = graph.add("StyleHead_Invert")
    motion = graph.add("StyleHead_MotionFromVideo")
    moved = graph.add("StyleHead_WarpFeatures", inversion=(read, 0), motion=(motion, 0))
    repaired = graph.add("StyleHead_Calibrate", head=(moved, 0))
    film = graph.add("StyleHead_RenderVideo", head=(repaired, 0), audio=(motion, 2))
    inputs = [Port("portrait", [(read, "portrait")]), Port("video", [(motion, "video")])]
    inputs += [Port("smoothing", [(motion, "smoothing")]), Port("fit", [(moved, "fit")])]
    return [[read], [motion], [moved, repaired], [film]], inputs, [Port("video", [(film, 0)])]


def dub_film(graph: Graph) -> tuple[list[list[str]], list[Port], list[Port]]:
    parts = graph.add("GetVideoComponents")
    seen = graph.add("StyleHead_MotionFromVideo", square="follows the face")
    heard = graph.add("StyleHead_MotionFromAudio")
    first = graph.add("ImageFromBatch", image=(parts, 0), batch_index=0, length=1)
    read = graph.add("StyleHead_Invert", portrait=(first, 0))
    mixed = graph.add("StyleHead_MixMotion", first=(seen, 0), second=(heard, 0))
    moved = graph.add("StyleHead_WarpFeatures", inversion=(read, 0), motion=(mixed, 0), fit="everything")
    repaired = graph.add("StyleHead_Calibrate", head=(moved, 0))
    frames = graph.add("StyleHead_Render", head=(repaired, 0))
    pasted = graph.add(
        *("StyleHead_PasteBack",), frames=(frames, 0), inversion=(read, 0), original=(parts, 0), motion=(mixed, 0),
        where="lower face", match_colours=1.0,
    )  # fmt: skip
    video = graph.add("CreateVideo", images=(pasted, 0), fps=(parts, 2))
    inputs = [Port("film", [(parts, "video"), (seen, "video")]), Port("speech", [(heard, "audio"), (video, "audio")])]
    inputs += [Port("where", [(pasted, "where")]), Port("calm frame", [(first, "batch_index")])]
    columns = [[parts, first, read], [seen, heard], [mixed, moved, repaired], [frames, pasted], [video]]
    return columns, inputs, [Port("video", [(video, 0)]), Port("frames", [(pasted, 0)])]


def edit_face(graph: Graph) -> tuple[list[list[str]], list[Port], list[Port]]:
    read = graph.add("StyleHead_Invert")
    edited = graph.add("StyleHead_EditStyle", inversion=(read, 0), attribute="age")
    drawn = graph.add("StyleHead_Render", head=(edited, 0))
    pasted = graph.add("StyleHead_PasteBack", frames=(drawn, 0), inversion=(read, 0))
    inputs = [Port("portrait", [(read, "portrait")]), Port("attribute", [(edited, "attribute")])]
    inputs += [Port("strength", [(edited, "strength"), (edited, "end_strength")])]
    outputs = [Port("face", [(drawn, 0)]), Port("whole picture", [(pasted, 0)]), Port("inversion", [(edited, 0)])]
    return [[read], [edited], [drawn], [pasted]], inputs, outputs


BLUEPRINT_MAKERS = {"Animate photo": animate_photo, "Dub film": dub_film, "Edit face": edit_face}


def write_graphs(object_info: dict) -> None:
    for name, make in EXAMPLES.items():
        graph = Graph(object_info)
        make(graph)
        drawn = to_ui(name, graph.prompt, graph.rows, object_info)
        assert to_prompt(drawn, object_info) == {
            number: {key: node[key] for key in ("class_type", "inputs")} for number, node in graph.prompt.items()
        }, name
        write_json(FOLDER / f"{name}.json", drawn)
    BLUEPRINTS.mkdir(exist_ok=True)
    for name, make in BLUEPRINT_MAKERS.items():
        graph = Graph(object_info)
        columns, inputs, outputs = make(graph)
        write_json(BLUEPRINTS / f"{name}.json", to_blueprint(name, graph.prompt, columns, inputs, outputs, object_info))


def write_json(path: Path, content: dict) -> None:
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def picture_of(server: Server, entry: dict, part: float = 0.5) -> Image.Image:
    """A file that a graph has made, as a picture: of a film the frame at a part of its length."""
    data = io.BytesIO(server.view(entry))
    if not entry["filename"].endswith(".mp4"):
        return Image.open(data).convert("RGB")
    with av.open(data) as film:
        frames = [frame.to_image() for frame in film.decode(video=0)]
    return frames[round(part * (len(frames) - 1))]


def thumbnail(before: list[Image.Image], after: list[Image.Image]) -> Image.Image:
    """What was given above, what came of it below, each with its word."""
    font = ImageFont.load_default(20)
    rows = []
    for word, pictures in (("before", before), ("after", after)):
        height = 256
        scaled = [p.resize((round(p.width * height / p.height), height), Image.Resampling.LANCZOS) for p in pictures]
        row = Image.new("RGB", (sum(p.width for p in scaled), height))
        left = 0
        for picture in scaled:
            row.paste(picture, (left, 0))
            left += picture.width
        ImageDraw.Draw(row).text((8, 6), word, (255, 255, 255), font, stroke_width=2, stroke_fill=(0, 0, 0))
        rows.append(row)
    width = max(row.width for row in rows)
    sheet = Image.new("RGB", (width, sum(row.height for row in rows)), (24, 24, 24))
    for number, row in enumerate(rows):
        sheet.paste(row, ((width - row.width) // 2, number * 256))
    scale = THUMBNAIL / max(sheet.size)
    return sheet.resize((round(sheet.width * scale), round(sheet.height * scale)), Image.Resampling.LANCZOS)


def make_thumbnails(server: Server, names: Iterable[str]) -> None:
    object_info = server.get("/object_info")
    for name in names:
        prompt = to_prompt(json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8")), object_info)
        run = server.run(prompt, within=PATIENCE)
        if run.errors or run.failure:
            raise SystemExit(f"{name}: {run.errors or run.message}")
        save_thumbnail(server, name, prompt, run)
        print(f"{name}: {len(prompt)} nodes, {run.seconds:.0f} s", flush=True)


def save_thumbnail(server: Server, name: str, prompt: dict, run: Run) -> None:
    """What a graph was given and what it made of it, as the picture beside its file."""
    kinds = {number: node["class_type"] for number, node in prompt.items()}
    shown = 1 if name in GIVES_A_CLIP else 0  # of what Samples shows: the portrait, the clip
    given = [picture_of(server, run.files(n)[shown]) for n in kinds if kinds[n] == "StyleHead_Samples"]
    last = [number for number in kinds if kinds[number] in ("SaveVideo", "PreviewImage", "SaveImage")][-1]
    files = run.files(last)
    parts = (0.35, 0.6, 0.95) if len(files) == 1 and files[0]["filename"].endswith(".mp4") else (0.4,)
    after = [picture_of(server, entry, part) for entry in files for part in parts]
    thumbnail(given, after[:3]).save(FOLDER / f"{name}.jpg", quality=86, optimize=True)


GIVES_A_CLIP = ("dub a film",)


FILMS_ARE_SHOWN = "[...document.querySelectorAll('video')].every((film) => film.readyState >= 2)"
HIDE_MESSAGES = """
for (const box of document.querySelectorAll("div"))
  if (/^\\d+ jobs? completed$/.test(box.textContent.trim())) box.style.visibility = "hidden";
"""


async def make_shots(server: Server, names: Iterable[str]) -> None:
    """Run each graph in the page, and keep what the page shows of it."""
    SHOTS.mkdir(exist_ok=True)
    async with Page(WINDOW) as page:
        await come_up(page, server.address)
        for name in names:
            graph = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
            picture = await shot(page, graph)
            picture.save(SHOTS / f"{name.replace(' ', '-')}.jpg", quality=80, optimize=True)
            print(f"{name}: {picture.width} x {picture.height}", flush=True)


async def shot(page: Page, graph: dict) -> Image.Image:
    """The graph in the page, with what came of it in its nodes."""
    await open_graph(page, graph)
    ended = await click_run(page, PATIENCE)
    if ended["kind"] != "execution_success":
        raise SystemExit(f"{ended}")
    await show_whole(page)
    await page.wait(FILMS_ARE_SHOWN, 30)
    await asyncio.sleep(2)  # pictures of nodes are laid out
    await page.js(HIDE_MESSAGES)
    with tempfile.NamedTemporaryFile(suffix=".png") as file:
        await page.screenshot(Path(file.name))
        picture = Image.open(file.name).convert("RGB").crop(CANVAS)
    left, top, right, bottom = picture.convert("L").point(lambda value: 255 * (value > DARKEST)).getbbox() or CANVAS
    picture = picture.crop((left - MARGIN, top - MARGIN, right + MARGIN, bottom + MARGIN))
    picture.thumbnail((SHOT, SHOT))
    return picture


def main() -> None:
    what, *names = sys.argv[1:] or ["graphs"]
    with own_server() as server:
        if what == "graphs":
            write_graphs(server.get("/object_info"))
        elif what == "thumbnails":
            make_thumbnails(server, names or EXAMPLES)
        elif what == "shots":
            asyncio.run(make_shots(server, names or EXAMPLES))
        else:
            raise SystemExit(__doc__)


if __name__ == "__main__":
    main()
