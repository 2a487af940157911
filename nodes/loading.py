"""The node that loads a model."""

import os

from comfy_api.latest import io

from . import models, sockets
from .widgets import choice_input


class LoadModel(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return sockets.Schema(
            node_id="StyleHead_LoadModel",
            display_name="Load StyleHead Model",
            description="Loads the networks that redraw a face and move it. The embedded model works at once; "
            "others go into models/stylehead.",
            search_aliases=["styleheat", "talking head", "checkpoint", "loader"],
            inputs=[
                io.Combo.Input(
                    "model_name",
                    options=models.choices(),
                    tooltip="An embedded model (no file ending), or a file in models/stylehead.",
                ),
                choice_input(
                    "precision",
                    ("auto", "fp32", "bf16", "fp16"),
                    "Number format of the networks that draw. Auto: 16 bit where this device computes it faster, else "
                    "32 bit.",
                    advanced=True,
                ),
            ],
            outputs=[
                sockets.Model.Output(display_name="model", tooltip="For every other StyleHead node of this graph."),
                io.String.Output(display_name="licence", tooltip="What may be done with this model and its pictures."),
            ],
        )

    @classmethod
    def fingerprint_inputs(cls, model_name: str, precision: str) -> tuple:
        found = os.stat(models.path_of(model_name))
        return found.st_mtime_ns, found.st_size, precision

    @classmethod
    def execute(cls, model_name: str, precision: str) -> io.NodeOutput:
        model = models.load(model_name, precision)
        return io.NodeOutput(model, model.network.config.license)
