"""Nodes of the last stage: draw the frames of a head, as pictures or as a video file."""

import json
import logging
import math
import os
import time
from collections.abc import Iterator
from fractions import Fraction
from typing import cast

import folder_paths
import torch
from comfy.cli_args import args
from comfy_api.latest import InputImpl, io, ui
from torch import Tensor

from ..stylehead_core.media.background_writer import BackgroundVideoWriter
from ..stylehead_core.media.metadata import video_metadata
from ..stylehead_core.media.sound import Sound
from ..stylehead_core.media.trimming import cut_sound
from ..stylehead_core.media.video import VideoWriter
from ..stylehead_core.model.stylehead import StyleHead
from ..stylehead_core.ops.acceleration import SPEEDS, Speed
from ..stylehead_core.ops.memory import check_memory, forecast
from ..stylehead_core.records import Head, Inversion
from ..stylehead_core.stages.motion_tools import BEYOND, Beyond, numbers_beyond
from ..stylehead_core.stages.moved_mask import moved_mask
from ..stylehead_core.stages.portrait import native_size
from ..stylehead_core.stages.rendering import RenderConfig, render
from . import bridge, sockets
from .model_record import model_for
from .widgets import choice_input, count_input, optional_input

CHUNK_HELP = "Frames drawn at a time. More is faster on a large GPU and takes more memory; the pictures stay the same."
COLOUR_HELP = "Matched: every frame gets the change that brings the redrawn portrait to the portrait's own colours."
SPEED_HELP = (
    "For long films, on a machine that can. Graphs: the steps of a frame are recorded once and replayed (NVIDIA). "
    "Compile: torch's compiler, a minute at first. Where it cannot, the log says so and nothing else changes."
)
SIZE_HELP = (
    "Pixels of a side. Full: the model's own, 512 for stylehead-512. As the portrait: as many as the face has in its "
    "picture, up to 1024. Above the model's size the portrait's own detail is kept."
)
FULL, AS_PORTRAIT = "full", "as the portrait"
SIZES = [FULL, "512", "256", "128", "1024", AS_PORTRAIT]  # graphs hold these words; new ones come last
GOES_ON, CUT = "sound goes on", "cut"
LONGER = [GOES_ON, CUT, *BEYOND]
LONG = 20.0  # s: what takes longer is announced in the log, too

log = logging.getLogger(__name__)


def chunk_input() -> io.Input:
    return sockets.advanced(io.Int, "chunk", default=4, min=1, max=64, tooltip=CHUNK_HELP)


def colour_input() -> io.Input:
    return choice_input("colour", ("as drawn", "matched"), COLOUR_HELP, advanced=True)


def speed_input() -> io.Input:
    """Optional, so that graphs saved before it existed run as they are."""
    return choice_input("speed", SPEEDS, SPEED_HELP, advanced=True, optional=True)


def size_input(help: str = SIZE_HELP, *, optional: bool = False) -> io.Input:
    return choice_input("size", SIZES, help, advanced=True, optional=optional)


def render_config(choice: str, networks: StyleHead, source: Head | Inversion, **settings) -> RenderConfig:
    """Settings for a choice of ``size_input``. A size that the generator passes through is a quick preview."""
    if choice == FULL:
        return RenderConfig(**settings)
    if choice == AS_PORTRAIT:
        inversion = source.inversion if isinstance(source, Head) else source
        return RenderConfig(size=native_size(inversion.portrait), **settings)
    pixels = int(choice)
    if pixels in networks.config.generator.preview_sizes:
        return RenderConfig(stop_at=pixels, **settings)
    return RenderConfig(size=pixels, **settings)


def report_frames(
    frames: Iterator[Tensor], total: int, report: bridge.Report, *, held: bool, started: float, bar: bridge.Progress
) -> Iterator[Tensor]:
    """``frames`` as they come, with progress and words on the node: how long it will take, and at the end took.

    Args:
        held: whether the caller keeps the frames.
        started: ``time.monotonic()`` when the work on the first frames began.
    """
    done, size = 0, (0, 0)
    for part in frames:
        done, size = done + len(part), (part.shape[-1], part.shape[-2])
        seconds = (time.monotonic() - started) * total / done
        expected = forecast(total, size, seconds, held=held)
        if done == len(part) and seconds > LONG:
            log.info("StyleHead: %s", expected)
        report.say(expected)
        bar(done, total, part[-1])
        yield part
    report.say(f"{done} frames of {size[0]} x {size[1]} pixels in {time.monotonic() - started:.1f} s")


def draw_frames(
    model: StyleHead,
    source: Head | Inversion,
    chunk: int,
    config: RenderConfig,
    report: bridge.Report,
    *,
    held: bool,
    numbers: list[int] | None = None,
) -> Iterator[Tensor]:
    """The frames of ``source``, a few at a time, with progress and words on the node.

    What is held is shown by the page's own preview; a video's node shows its pictures beside the player.

    Args:
        numbers: of the frames that are drawn; None = all.
    """
    bar = bridge.Progress() if held else bridge.Progress(report)
    total = (len(source) if isinstance(source, Head) else 1) if numbers is None else len(numbers)
    frames = render(model, source, chunk, numbers, config=config)
    return report_frames(frames, total, report, held=held, started=time.monotonic(), bar=bar)


class Render(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return sockets.Schema(
            node_id="StyleHead_Render",
            display_name="Render Pictures (Render)",
            menu="output",
            description="Draws the frames as pictures, for nodes that go on with them. For long clips take "
            "Render Video, which does not hold them all in memory.",
            search_aliases=["decode", "generate frames", "talking head", "face"],
            inputs=[
                sockets.model_input("head"),
                io.MultiType.Input(
                    "head",
                    types=[sockets.Head, sockets.Inversion],
                    tooltip="A head from Move Face or Repair; or an inversion, for one still picture.",
                ),
                chunk_input(),
                colour_input(),
                size_input(f"{SIZE_HELP} 128 is quickest, while you look for the right sliders."),
                speed_input(),
            ],
            outputs=[
                io.Image.Output(display_name="frames", tooltip="One aligned picture a frame."),
                io.Mask.Output(display_name="mask", tooltip="The face in each frame, with a soft edge."),
            ],
            hidden=[io.Hidden.unique_id, io.Hidden.extra_pnginfo],
        )

    @classmethod
    def execute(cls, head, chunk: int, colour, size: str, speed: Speed = "plain", model=None) -> io.NodeOutput:
        networks, source, report = model_for(model, head).ready(), head.record, bridge.Report(cls.hidden)
        config = render_config(size, networks, source, colour=colour, speed=speed)
        check_memory(len(source) if isinstance(source, Head) else 1, config.frame_size(networks.config))
        parts = draw_frames(networks, source, chunk, config, report, held=True)
        frames = torch.cat([bridge.image_out(part) for part in parts])
        mask = bridge.mask_out(moved_mask(source, frames.shape[1]))
        return io.NodeOutput(frames, mask, ui=bridge.text_output(report.text))


class RenderVideo(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return sockets.Schema(
            node_id="StyleHead_RenderVideo",
            display_name="Render Video: talking head to MP4",
            menu="output",
            description="Draws the frames straight into a film with sound: a clip of ten minutes needs no more memory "
            "than one of ten seconds. Wire Save Video behind it to keep the film.",
            search_aliases=["export", "film", "stream", "animate", "save video"],
            is_output_node=True,
            inputs=[
                sockets.model_input("head"),
                sockets.Head.Input("head", tooltip="From Move Face or Repair."),
                optional_input(io.Audio, "audio", "The sound of the film, kept as long as it is."),
                count_input(
                    "quality",
                    18,
                    "Of the file: 0 loses nothing, 18 looks the same, 30 is small. (H.264's CRF.)",
                    max=51,
                ),
                chunk_input(),
                colour_input(),
                speed_input(),
                size_input(optional=True),
                choice_input(
                    "longer",
                    LONGER,
                    "Where the sound lasts longer than the head moves: it goes on after the last picture; or cut it; "
                    "or let the frames go there and back, or hold the last one, until the sound has ended.",
                    advanced=True,
                    optional=True,
                ),
            ],
            outputs=[io.Video.Output(display_name="video", tooltip="The film, at the motion's exact frame rate.")],
            hidden=[io.Hidden.unique_id, io.Hidden.prompt, io.Hidden.extra_pnginfo],
        )

    @classmethod
    def fingerprint_inputs(cls, **_) -> int:
        """A film that is gone from the temp folder is drawn again."""
        return bridge.lost_temporaries()

    @classmethod
    def execute(
        cls,
        head,
        quality: int,
        chunk: int,
        colour,
        speed: Speed = "plain",
        audio=None,
        size: str = FULL,
        model=None,
        longer: str = GOES_ON,
    ) -> io.NodeOutput:
        networks, source, report = model_for(model, head).ready(), head.record, bridge.Report(cls.hidden)
        config = render_config(size, networks, source, colour=colour, speed=speed)
        side = config.frame_size(networks.config)
        sound = None if audio is None else bridge.audio_in(audio)
        numbers, sound, told = fit_sound(len(source), source.motion.fps, sound, longer)
        video, shown = video_file((side, side), source.motion.fps, sound=sound, quality=quality, hidden=cls.hidden)
        with BackgroundVideoWriter(video) as writer:
            for frames in draw_frames(networks, source, chunk, config, report, held=False, numbers=numbers):
                writer.write(frames)
        bridge.note_temporary(video.path)
        words = f"{report.text}\n{told}".rstrip()
        return io.NodeOutput(InputImpl.VideoFromFile(str(video.path)), ui=shown | bridge.text_output(words))


def fit_sound(frames: int, fps: Fraction, sound: Sound | None, longer: str) -> tuple[list[int], Sound | None, str]:
    """What is drawn and heard where a sound lasts longer than ``frames`` frames.

    Returns:
        The numbers of the frames to draw, the sound, and what a person is told (empty where nothing is longer).
    """
    numbers = list(range(frames))
    if sound is None:
        return numbers, None, ""
    lasts = Fraction(sound.samples.shape[1], sound.rate)
    if lasts - frames / fps < 1 / fps:
        return numbers, sound, ""
    told = f"The sound lasts {float(lasts):.2f} s, the movement {float(frames / fps):.2f} s:"
    if longer == GOES_ON:
        return numbers, sound, f"{told} the picture ends before it. Choose under longer what happens."
    if longer == CUT:
        return numbers, cut_sound(sound, 0.0, float(frames / fps)), f"{told} the rest of the sound is cut."
    words = "the last frame is held" if longer == "hold" else "the frames go there and back"
    return numbers_beyond(frames, math.ceil(lasts * fps), cast(Beyond, longer)).tolist(), sound, f"{told} {words}."


def video_file(
    size: tuple[int, int], fps: Fraction, *, sound: Sound | None, quality: int, hidden
) -> tuple[VideoWriter, dict]:
    """A new MP4 in ComfyUI's temp folder, ``size`` (width, height) pixels, and the ``ui`` output that plays it."""
    folder, name, counter, subfolder, _ = folder_paths.get_save_image_path(
        "stylehead/film", folder_paths.get_temp_directory(), *size
    )
    file = f"{name}_{counter:05}_.mp4"
    video = VideoWriter(
        os.path.join(folder, file), fps=fps, size=size, sound=sound, quality=quality, metadata=about(hidden)
    )
    return video, ui.PreviewVideo([ui.SavedResult(file, subfolder, io.FolderType.temp)]).as_dict()


def about(hidden) -> dict[str, str]:
    """A video's metadata: that it is synthetic, the version, and the graph unless the user switched that off."""
    graph = {} if args.disable_metadata else {"prompt": hidden.prompt, **(hidden.extra_pnginfo or {})}
    return {**video_metadata({}), **{name: json.dumps(value) for name, value in graph.items() if value is not None}}
