"""Nodes of the last stage: frames from recipes, as pictures or as a film."""

import json
import logging
import os
import time
from collections.abc import Iterator

import folder_paths
import torch
from comfy.cli_args import args
from comfy_api.latest import InputImpl, io, ui
from torch import Tensor

from ..stylehead_core.media.background_writer import BackgroundVideoWriter
from ..stylehead_core.media.metadata import video_metadata
from ..stylehead_core.media.video import VideoWriter
from ..stylehead_core.model.stylehead import StyleHead
from ..stylehead_core.ops.acceleration import SPEEDS, Speed
from ..stylehead_core.ops.memory import check_room, forecast
from ..stylehead_core.records import Head, Inversion
from ..stylehead_core.stages.moved_mask import moved_mask
from ..stylehead_core.stages.rendering import RenderConfig, render
from . import bridge, sockets

CHUNK_HELP = "Frames drawn at a time. More is faster on a large GPU and takes more memory; the pictures stay the same."
COLOUR_HELP = "Matched: every frame gets the change that brings the redrawn portrait to the portrait's own colours."
SPEED_HELP = (
    "For long films, on a machine that can. Graphs: the steps of a frame are recorded once and replayed (NVIDIA). "
    "Compile: torch's compiler, a minute at first. Where it cannot, the log says so and nothing else changes."
)
LONG = 20.0  # s: what takes longer is announced in the log, too

log = logging.getLogger(__name__)


def chunk_input() -> io.Input:
    return sockets.advanced(io.Int, "chunk", default=4, min=1, max=64, tooltip=CHUNK_HELP)


def colour_input() -> io.Input:
    return sockets.advanced(
        io.Combo, "colour", options=["as drawn", "matched"], default="as drawn", tooltip=COLOUR_HELP
    )


def speed_input() -> io.Input:
    """Optional, so that graphs saved before it existed run as they are."""
    return sockets.advanced(io.Combo, "speed", options=list(SPEEDS), default="plain", optional=True, tooltip=SPEED_HELP)


def drawn(
    model: StyleHead,
    source: Head | Inversion,
    chunk: int,
    config: RenderConfig,
    *,
    node: str | None,
    held: bool,
) -> Iterator[Tensor]:
    """The frames of ``source``, a few at a time, with progress, a preview, and a word of what is to come.

    Args:
        node: the number of the node in the graph, on which that word is shown.
        held: whether the caller keeps the frames.
    """
    bar, done, total = bridge.Progress(), 0, len(source) if isinstance(source, Head) else 1
    started = time.monotonic()
    for frames in render(model, source, chunk, config=config):
        if done == 0 and total > len(frames):
            seconds = (time.monotonic() - started) * total / len(frames)
            expected = forecast(total, frames.shape[-1], seconds, held=held)
            bridge.tell(node, expected)
            if seconds > LONG:
                log.info("StyleHead: %s", expected)
        done += len(frames)
        bar(done, total, frames[-1])
        yield frames


class Render(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return sockets.Schema(
            node_id="StyleHead_Render",
            display_name="Render",
            description="Draws the frames as pictures, for nodes that go on with them. For long clips take "
            "Render Video, which does not hold them all in memory.",
            search_aliases=["decode", "generate frames", "talking head"],
            inputs=[
                sockets.Model.Input("model", tooltip="The model that made the head."),
                io.MultiType.Input(
                    "head",
                    types=[sockets.Head, sockets.Inversion],
                    tooltip="A head from Warp Features or Calibrate; or an inversion, for one still picture.",
                ),
                chunk_input(),
                colour_input(),
                sockets.advanced(
                    io.Combo,
                    "size",
                    options=["full", "512", "256", "128"],
                    default="full",
                    tooltip="A smaller picture in less time, while you look for the right sliders.",
                ),
                speed_input(),
            ],
            outputs=[
                io.Image.Output(display_name="frames", tooltip="One aligned picture a frame."),
                io.Mask.Output(display_name="mask", tooltip="The face in each frame, with a soft edge."),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(cls, model, head, chunk: int, colour, size: str, speed: Speed = "plain") -> io.NodeOutput:
        ready = model.ready()
        config = RenderConfig(colour=colour, stop_at=None if size == "full" else int(size), speed=speed)
        check_room(len(head) if isinstance(head, Head) else 1, config.stop_at or ready.config.size)
        parts = drawn(ready, head, chunk, config, node=cls.hidden.unique_id, held=True)
        frames = torch.cat([bridge.image_out(part) for part in parts])
        return io.NodeOutput(frames, bridge.mask_out(moved_mask(head, frames.shape[1])))


class RenderVideo(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return sockets.Schema(
            node_id="StyleHead_RenderVideo",
            display_name="Render Video",
            description="Draws the frames straight into a film with sound: a clip of ten minutes needs no more memory "
            "than one of ten seconds. Wire Save Video behind it to keep the film.",
            search_aliases=["talking head", "export", "mp4", "stream", "animate"],
            is_output_node=True,
            inputs=[
                sockets.Model.Input("model", tooltip="The model that made the head."),
                sockets.Head.Input("head", tooltip="From Warp Features or Calibrate."),
                io.Audio.Input("audio", optional=True, tooltip="The sound of the film, kept as long as it is."),
                io.Int.Input(
                    "quality",
                    default=18,
                    min=0,
                    max=51,
                    tooltip="Of the file: 0 loses nothing, 18 looks the same, 30 is small. (H.264's CRF.)",
                ),
                chunk_input(),
                colour_input(),
                speed_input(),
            ],
            outputs=[io.Video.Output(display_name="video", tooltip="The film, at the motion's exact frame rate.")],
            hidden=[io.Hidden.unique_id, io.Hidden.prompt, io.Hidden.extra_pnginfo],
        )

    @classmethod
    def execute(
        cls, model, head, quality: int, chunk: int, colour, speed: Speed = "plain", audio=None
    ) -> io.NodeOutput:
        networks = model.ready()
        side = networks.config.size
        folder, name, counter, subfolder, _ = folder_paths.get_save_image_path(
            "stylehead/film", folder_paths.get_temp_directory(), side, side
        )
        file = f"{name}_{counter:05}_.mp4"
        film = VideoWriter(
            os.path.join(folder, file),
            fps=head.motion.fps,
            size=(side, side),
            sound=None if audio is None else bridge.audio_in(audio),
            quality=quality,
            metadata=about(cls.hidden),
        )
        config = RenderConfig(colour=colour, speed=speed)
        with BackgroundVideoWriter(film) as behind:
            for frames in drawn(networks, head, chunk, config, node=cls.hidden.unique_id, held=False):
                behind.write(frames)
        shown = ui.PreviewVideo([ui.SavedResult(file, subfolder, io.FolderType.temp)])
        return io.NodeOutput(InputImpl.VideoFromFile(str(film.path)), ui=shown)


def about(hidden) -> dict[str, str]:
    """What stands in a film about itself: that it is synthetic, of which version, and the graph, unless the user
    switched that off."""
    graph = {} if args.disable_metadata else {"prompt": hidden.prompt, **(hidden.extra_pnginfo or {})}
    return {**video_metadata({}), **{name: json.dumps(value) for name, value in graph.items() if value is not None}}
