"""The node that puts numbers on a result."""

from typing import Any

import torch
from comfy_api.latest import io

from ..stylehead_core.evaluation.load_metric_networks import find_metric_files, load_metric_networks
from ..stylehead_core.evaluation.measure import Clip, measure
from . import bridge, sockets
from .models import landmarker_file, metric_folders
from .widgets import fps_input, optional_input

PLOT_WIDTH = 960  # pixels


class Measure(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return sockets.Schema(
            node_id="StyleHead_Measure",
            display_name="Measure",
            menu="tools",
            description="How good is it, in numbers: likeness, sharpness, how well the movement is followed, "
            "trembling, lips against sound. Beside each stands the same number of the real clip, so that it means "
            "something.",
            search_aliases=["metrics", "psnr", "evaluate", "identity", "compare"],
            inputs=[
                io.Image.Input("frames", tooltip="What was rendered."),
                fps_input("Frames a second of it."),
                optional_input(io.Image, "portrait", "Who it should look like: the aligned portrait."),
                optional_input(io.Image, "driving", "Whose movement it should have, frame by frame."),
                optional_input(io.Audio, "audio", "What the lips should say."),
                optional_input(io.Mask, "mask", "Where Paste Back has pasted, to look for a seam there."),
                optional_input(io.Image, "original", "The picture, or film, before the head was pasted."),
                optional_input(
                    io.Image, "target", "The truth, frame by frame: the same person with the same movement."
                ),
                optional_input(io.Image, "unedited", "The same film without its edit."),
                optional_input(
                    sockets.Model,
                    "model",
                    "That drew it. One of official weights measures expression and pose as the paper does.",
                ),
            ],
            outputs=[
                io.String.Output(display_name="table", tooltip="All numbers, and why one is missing where it is."),
                io.Image.Output(display_name="plot", tooltip="Those that change over time, as curves."),
            ],
        )

    @classmethod
    def execute(cls, frames, fps: float, portrait=None, audio=None, mask=None, model=None, **others) -> io.NodeOutput:
        rate = bridge.rate_in(fps)
        clips: dict[str, Any] = {
            name: Clip(frames=bridge.image_in(pictures, f"{name} clip"), fps=rate)
            for name, pictures in others.items()
            if pictures is not None
        }
        files: dict[str, Any] = {
            name: path for folder in metric_folders() for name, path in find_metric_files(folder).items()
        }
        report = measure(
            Clip(
                frames=bridge.image_in(frames, "clip"),
                fps=rate,
                sound=None if audio is None else bridge.audio_in(audio),
            ),
            source=None if portrait is None else bridge.one_image_in(portrait, "portrait"),
            mask=bridge.mask_in(mask),
            metric_networks=load_metric_networks(
                landmarker=landmarker_file(), model=None if model is None else model.ready(), **files
            ),
            progress=bridge.Progress(),
            **clips,
        )
        if any(line.frames is not None for line in report.lines):
            plot = report.plot(width=PLOT_WIDTH)[None]
        else:  # a single frame, or none with a face in it
            plot = torch.ones(1, 3, 1, PLOT_WIDTH)
        table = report.table()
        return io.NodeOutput(table, bridge.image_out(plot), ui=bridge.text_output(table))
