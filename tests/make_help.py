"""Makes the pictures of the help pages and of the README's limits: what the nodes give, with captions.

    .stylehead-env/bin/python tests/make_help.py [NODE ...]     (after scripts/test.py; with "limits" for the README's)

Every picture is a few rows of cells; a cell is what came out of a wire. Whoever retrains the embedded model, or changes
what a node shows, makes them anew.
"""

import io
import sys
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import av
import numpy as np
from comfy_host import PACK, Run, Server, own_server
from make_examples import Graph, Wire
from PIL import Image, ImageDraw, ImageFont

HELP = PACK / "web" / "docs" / "images"
LIMITS = PACK / "docs" / "limits.jpg"
PATIENCE = 3600  # s: one run makes all pictures
WIDTH, GAP, LINE = 480, 6, 25  # pixels: of a picture, between its cells, of a line of text; read at half of it
MOST = 3  # cells of a row, before it goes on below
TALLEST = 480  # pixels of a row
LOUD = (0, 5, 20, 43)  # frames of the sample sentence: before it, and where it opens the mouth
PAPER, INK = (250, 250, 247), (50, 50, 60)
MOMENTS = (6, 18, 30, 42)  # frames of the sample clip, and of what follows it


@dataclass(frozen=True)
class Cell:
    caption: str
    wire: Wire  # an IMAGE of one frame
    words: Wire | None = None  # a text that follows the caption


@dataclass(frozen=True)
class Words:
    wire: Wire  # a text over the whole width
    lines: int = 40


@dataclass(frozen=True)
class Wave:
    caption: str
    wire: Wire  # AUDIO


Row = list[Cell] | Words | Wave


class Maker:
    """The graph of all pictures; what many of them share is in it once."""

    def __init__(self, object_info: dict) -> None:
        self.graph = Graph(object_info)
        self.add = self.graph.add
        self.drawn: dict[tuple, Wire] = {}  # by motion, strength and inversion
        self.samples, self.inversion = self.graph.start()
        self.model = self.add("StyleHead_LoadModel"), 0
        self.portrait, self.clip, self.speech = ((self.samples, output) for output in range(3))
        self.aligned, self.redrawn = (self.inversion[0], 2), (self.inversion[0], 1)
        self.seen = self.add("StyleHead_MotionFromVideo", video=self.clip)
        self.heard = self.add("StyleHead_MotionFromAudio", audio=self.speech)
        self.driver = (self.add("GetVideoComponents", video=self.clip), 0)
        of, *options = object_info["StyleHead_EditStyle"]["input"]["required"]["attribute"]
        self.attributes = options[0]["options"] if of == "COMBO" else of

    def frames(self, motion: Wire, strength: float = 1.0, inversion: Wire | None = None) -> Wire:
        """The frames that a motion comes to; the same ones are drawn once for all pictures."""
        asked = motion, strength, inversion
        if asked not in self.drawn:
            flow = self.warped(motion, inversion)
            head = self.add("StyleHead_Calibrate", head=flow, strength=strength)
            self.drawn[asked] = self.add("StyleHead_Render", head=(head, 0)), 0
        return self.drawn[asked]

    def warped(self, motion: Wire, inversion: Wire | None = None) -> Wire:
        who = inversion or self.inversion
        return self.add("StyleHead_WarpFeatures", inversion=who, motion=motion), 0

    def posed(self, inversion: Wire | None = None, **sliders: float) -> Wire:
        return self.frames((self.add("StyleHead_MotionFromSliders", **sliders), 0), inversion=inversion)

    def frame(self, images: Wire, number: int) -> Wire:
        return self.add("ImageFromBatch", image=images, batch_index=number, length=1), 0

    def strip(self, caption: str, images: Wire, moments: tuple[int, ...] = MOMENTS) -> list[Cell]:
        """A few frames side by side, the first with the caption."""
        return [Cell(caption if i == 0 else "", self.frame(images, number)) for i, number in enumerate(moments)]

    def edited(self, attribute: str, strength: float) -> Wire:
        return self.still(
            (
                self.add(
                    *("StyleHead_EditStyle",), inversion=self.inversion,
                    attribute=attribute, strength=strength, end_strength=strength,
                ),
                0,
            )
        )  # fmt: skip

    def still(self, inversion: Wire) -> Wire:
        return self.add("StyleHead_Render", head=inversion), 0


def samples(make: Maker) -> list[Row]:
    return [
        [Cell("portrait", make.portrait), *make.strip("clip", make.driver, (12, 30))],
        Wave("speech", make.speech),
    ]


def load_model(make: Maker) -> list[Row]:
    shown = [Cell("a portrait", make.aligned), Cell("redrawn", make.redrawn)]
    return [[*shown, Cell("and moved", make.posed(yaw=15.0, smile=0.7))], Words((make.model[0], 1))]


def invert(make: Maker) -> list[Row]:
    names = {"found": 6, "aligned": 2, "redrawn": 1}
    shown = [Cell(name, (make.inversion[0], output)) for name, output in names.items()]
    return [[*shown, Cell("", (make.inversion[0], 5), (make.inversion[0], 4))]]


def edit_style(make: Maker) -> list[Row]:
    names = make.attributes[:5]
    return [[Cell(f"{name} {strength:+g}", make.edited(name, strength)) for name in names] for strength in (1.0, -1.0)]


def motion_from_video(make: Maker) -> list[Row]:
    return [make.strip("video", make.driver), [Cell("plot", (make.seen, 1))], Words((make.seen, 3))]


def motion_from_audio(make: Maker) -> list[Row]:
    spoken = make.strip("the portrait speaks", make.frames((make.heard, 0)), LOUD)
    return [spoken, [Cell("plot", (make.heard, 1))]]


def motion_from_sliders(make: Maker) -> list[Row]:
    first = {"yaw 20": {"yaw": 20.0}, "pitch 15": {"pitch": 15.0}, "roll 15": {"roll": 15.0}, "smile 1": {"smile": 1.0}}
    second = {
        "brows 1": {"brows": 1.0},
        "jaw 0.6": {"jaw": 0.6},
        "blink 1": {"blink": 1.0},
        "pucker 1": {"pucker": 1.0},
    }
    return [[Cell(name, make.posed(**sliders)) for name, sliders in row.items()] for row in (first, second)]


def mix_motion(make: Maker) -> list[Row]:
    first, second = (make.seen, 0), (make.heard, 0)
    mixed = (make.add("StyleHead_MixMotion", first=first, second=second), 0)
    named = {"first: a video": first, "second: speech": second, "mixed: the lips of the second": mixed}
    return [make.strip(name, make.frames(motion)) for name, motion in named.items()]


def adjust_motion(make: Maker) -> list[Row]:
    changes = {
        "as it is": {},
        "pose 0.3": {"pose": 0.3},
        "expression 2": {"expression": 2.0},
        "speed 2": {"speed": 2.0},
    }
    return [
        make.strip(
            name,
            make.frames((make.add("StyleHead_AdjustMotion", motion=(make.seen, 0), **change), 0)),
            (3, 9, 15, 21) if "speed" in change else MOMENTS,
        )
        for name, change in changes.items()
    ]


def save_motion(make: Maker) -> list[Row]:
    saved = make.add("StyleHead_SaveMotion", motion=(make.seen, 0), filename_prefix="motion/nodding", table=True)
    return [[Cell("what is saved", (make.seen, 1))], Words((saved, 0))]


def load_motion(make: Maker) -> list[Row]:
    loaded = make.add("StyleHead_LoadMotion", file="stylehead: nod")
    moved = make.frames((loaded, 0))
    return [make.strip("stylehead: nod", moved, (0, 8, 14, 20)), [Cell("plot", (loaded, 1))]]


def warp_features(make: Maker) -> list[Row]:
    flow = make.warped((make.seen, 0))
    frames = (make.add("StyleHead_Render", head=flow), 0)
    moments = (6, 18, 30, 42)  # flow shows every sixth of these 50 frames
    return [make.strip("flow", (flow[0], 1), (1, 3, 5, 7)), make.strip("head, rendered", frames, moments)]


def calibrate(make: Maker) -> list[Row]:
    motion = (make.add("StyleHead_MotionFromSliders", jaw=0.6, yaw=20.0), 0)
    return [[Cell(f"strength {strength:g}", make.frames(motion, strength)) for strength in (0.0, 0.5, 1.0)]]


def render(make: Maker) -> list[Row]:
    frames = make.frames((make.seen, 0))
    mask = (make.add("MaskToImage", mask=(frames[0], 1)), 0)
    return [make.strip("frames", frames), make.strip("mask", mask)]


def talking_head(make: Maker) -> list[Row]:
    talking = make.add("StyleHead_TalkingHead", portrait=make.portrait, audio=make.speech)
    parts = make.add("GetVideoComponents", video=(talking, 0))
    return [[Cell("portrait", make.portrait), *make.strip("film", (parts, 0), LOUD[1:])], Wave("audio", (parts, 1))]


def expression_editor(make: Maker) -> list[Row]:
    texts = {
        "smiling": "smile 0.7, yaw 12",
        "surprised": "brows 0.7, eyes_wide 0.4, jaw 0.4",
        "winking": "blink_right 1, smile 0.4",
        "kissing": "pucker 0.9, yaw -12",
    }
    drawn = {
        name: make.add("StyleHead_ExpressionEditor", portrait=make.portrait, expression=text)
        for name, text in texts.items()
    }
    return [[Cell(name, (editor, 0)) for name, editor in drawn.items()]]


def render_video(make: Maker) -> list[Row]:
    head = make.graph.head(make.inversion, (make.seen, 0))
    film = make.add("StyleHead_RenderVideo", head=head, audio=(make.seen, 2))
    parts = make.add("GetVideoComponents", video=(film, 0))
    return [make.strip("video", (parts, 0)), Wave("its sound", (parts, 1))]


def paste_back(make: Maker) -> list[Row]:
    frames = make.posed(yaw=-10.0, smile=1.0, brows=0.8)
    pasted = make.add("StyleHead_PasteBack", frames=frames, inversion=make.inversion, where="face")
    mask = (make.add("MaskToImage", mask=(pasted, 1)), 0)
    return [[Cell("original", make.portrait), Cell("frames", frames), Cell("pasted", (pasted, 0)), Cell("mask", mask)]]


def measure(make: Maker) -> list[Row]:
    frames = make.frames((make.seen, 0))
    measured = make.add(
        *("StyleHead_Measure",), frames=frames, portrait=make.aligned, driving=make.driver, audio=(make.seen, 2)
    )
    return [Words((measured, 0)), [Cell("plot", (measured, 1))]]


def limits(make: Maker) -> list[Row]:
    """Where the model fails, for the README."""
    poses = {
        "turned by 40°": {"yaw": 40.0},
        "nodding by 30°": {"pitch": 30.0},
        "mouth wide open": {"jaw": 1.0},
        "both eyes shut": {"blink": 1.0},
    }

    def mouth(images: Wire) -> Wire:
        larger = make.add("ImageScale", image=images, upscale_method="bicubic", width=512, height=512, crop="disabled")
        return make.add("ImageCrop", image=(larger, 0), x=160, y=290, width=192, height=192), 0

    edits = [
        Cell(f"{name} {strength:+}", make.edited(name, strength))
        for name, strength in (("hair_color", 1), ("beard", -1))
    ]
    detail = [Cell("detail: portrait", mouth(make.portrait)), Cell("detail: moved", mouth(make.posed(pitch=4.0)))]
    return [[Cell(name, make.posed(**sliders)) for name, sliders in poses.items()], [*edits, *detail]]


PICTURES: dict[str, Callable[[Maker], list[Row]]] = {
    "StyleHead_TalkingHead": talking_head,
    "StyleHead_ExpressionEditor": expression_editor,
    "StyleHead_Samples": samples,
    "StyleHead_LoadModel": load_model,
    "StyleHead_Invert": invert,
    "StyleHead_EditStyle": edit_style,
    "StyleHead_MotionFromVideo": motion_from_video,
    "StyleHead_MotionFromAudio": motion_from_audio,
    "StyleHead_MotionFromSliders": motion_from_sliders,
    "StyleHead_MixMotion": mix_motion,
    "StyleHead_AdjustMotion": adjust_motion,
    "StyleHead_SaveMotion": save_motion,
    "StyleHead_LoadMotion": load_motion,
    "StyleHead_WarpFeatures": warp_features,
    "StyleHead_Calibrate": calibrate,
    "StyleHead_Render": render,
    "StyleHead_RenderVideo": render_video,
    "StyleHead_PasteBack": paste_back,
    "StyleHead_Measure": measure,
    "limits": limits,
}


class Drawn:
    """What came of the graph, as pictures and words; and rows of them as one picture."""

    def __init__(self, server: Server, run: Run, shown: dict[Wire, str]) -> None:
        self.server, self.run, self.shown = server, run, shown
        self.font, self.typewriter = ImageFont.load_default(18), ImageFont.load_default_imagefont()

    def text(self, wire: Wire) -> str:
        return self.run.outputs[self.shown[wire]]["text"][0]

    def file(self, wire: Wire) -> io.BytesIO:
        return io.BytesIO(self.server.view(self.run.files(self.shown[wire])[0]))

    def rows(self, rows: list[Row]) -> Image.Image:
        parts = [part for row in rows for part in self.row(row)]
        sheet = Image.new("RGB", (WIDTH, sum(part.height + GAP for part in parts) + GAP), PAPER)
        top = GAP
        for part in parts:
            sheet.paste(part, (0, top))
            top += part.height + GAP
        return sheet

    def row(self, row: Row) -> Iterator[Image.Image]:
        if isinstance(row, Words):
            yield self.written(self.text(row.wire), row.lines)
        elif isinstance(row, Wave):
            yield self.wave(row)
        else:
            count = -(-len(row) // MOST)
            step = -(-len(row) // count)
            for start in range(0, len(row), step):
                yield self.cells(row[start : start + step])

    def cells(self, cells: list[Cell]) -> Image.Image:
        pictures = [Image.open(self.file(cell.wire)).convert("RGB") for cell in cells]
        room = WIDTH - GAP * (len(cells) + 1)
        shape = sum(picture.width / picture.height for picture in pictures)
        height = min(TALLEST, round(room / shape))
        captioned = any(cell.caption for cell in cells)
        strip = Image.new("RGB", (WIDTH, height + LINE * captioned), PAPER)
        brush, left = ImageDraw.Draw(strip), GAP
        for cell, picture in zip(cells, pictures, strict=True):
            size = round(height * picture.width / picture.height), height
            strip.paste(picture.resize(size, Image.Resampling.LANCZOS), (left, LINE * captioned))
            words = f"{cell.caption} {self.text(cell.words)}".strip() if cell.words else cell.caption
            brush.text((left, 1), words, fill=INK, font=self.font)
            left += size[0] + GAP
        return strip

    def written(self, text: str, most: int) -> Image.Image:
        lines = [part for line in text.splitlines() for part in textwrap.wrap(line, 76, drop_whitespace=False) or [""]]
        paper = Image.new("RGB", (WIDTH, 12 * len(lines[:most]) + 4), PAPER)
        ImageDraw.Draw(paper).multiline_text((GAP, 2), "\n".join(lines[:most]), INK, self.typewriter, spacing=1)
        return paper

    def wave(self, wave: Wave) -> Image.Image:
        """A sound as its loudness over time."""
        with av.open(self.file(wave.wire)) as file:
            samples = np.concatenate([frame.to_ndarray().astype(float).mean(0) for frame in file.decode(audio=0)])
        strip = Image.new("RGB", (WIDTH, 60 + LINE), PAPER)
        brush = ImageDraw.Draw(strip)
        brush.text((GAP, 1), wave.caption, fill=INK, font=self.font)
        loudest = np.abs(samples).max()
        for x, part in enumerate(np.array_split(samples, WIDTH - 2 * GAP)):
            half = 28 * np.abs(part).max() / loudest
            brush.line((GAP + x, LINE + 30 - half, GAP + x, LINE + 30 + half), fill=(31, 119, 180))
        return strip


def watched(make: Maker, pictures: list[list[Row]]) -> dict[Wire, str]:
    """Put a preview behind every wire that is shown; returns their nodes."""
    shown: dict[Wire, str] = {}

    def watch(wire: Wire | None, kind: str, name: str) -> None:
        if wire is not None and wire not in shown:
            shown[wire] = make.add(kind, **{name: wire})

    for row in (row for rows in pictures for row in rows):
        if isinstance(row, Words):
            watch(row.wire, "PreviewAny", "source")
        elif isinstance(row, Wave):
            watch(row.wire, "PreviewAudio", "audio")
        else:
            for cell in row:
                watch(cell.wire, "PreviewImage", "images")
                watch(cell.words, "PreviewAny", "source")
    return shown


def make_pictures(server: Server, names: list[str]) -> None:
    maker = Maker(server.get("/object_info"))
    rows = {name: PICTURES[name](maker) for name in names}
    shown = watched(maker, list(rows.values()))
    run = server.run(maker.graph.prompt, within=PATIENCE)
    if run.errors or run.failure:
        raise SystemExit(f"{run.errors or run.message}")
    drawn = Drawn(server, run, shown)
    HELP.mkdir(exist_ok=True)
    for name in names:
        path = LIMITS if name == "limits" else HELP / f"{name}.jpg"
        drawn.rows(rows[name]).save(path, quality=70, optimize=True)
        print(f"{path.relative_to(PACK)}: {path.stat().st_size / 1024:.0f} KiB", flush=True)


def main() -> None:
    with own_server() as server:
        make_pictures(server, sys.argv[1:] or list(PICTURES))


if __name__ == "__main__":
    main()
