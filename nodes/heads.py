"""The nodes in the middle: motion becomes a flow, and the moved feature is calibrated."""

import os

import folder_paths
from comfy_api.latest import io

from ..stylehead_core.drawing import draw_flow
from ..stylehead_core.stages.calibration import calibrate
from ..stylehead_core.stages.motion import match_placement
from ..stylehead_core.stages.motion_tools import make_relative
from ..stylehead_core.stages.warping import warp_features
from . import bridge, sockets

RELATIVE, PLACED, AS_IT_IS = "changes only", "pose and face", "everything"
SHOWN = 8  # flow pictures at most, spread over the clip


class WarpFeatures(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return sockets.Schema(
            node_id="StyleHead_WarpFeatures",
            display_name="Warp Features",
            description="Moves the portrait: for every frame of the motion it finds from where in the portrait each "
            "point is to be fetched.",
            search_aliases=["animate", "reenact", "drive", "flow", "talking head"],
            inputs=[
                sockets.Model.Input("model", tooltip="The model that made the inversion."),
                sockets.Inversion.Input("inversion", tooltip="Who is moved."),
                sockets.Motion.Input("motion", tooltip="How: from a video, speech, sliders, or a mix of them."),
                io.Combo.Input(
                    "fit",
                    options=[RELATIVE, PLACED, AS_IT_IS],
                    default=RELATIVE,
                    tooltip="How somebody else's motion is taken over. Changes only: added to the portrait's own pose "
                    "and expression. Pose and face: the driver's, at the portrait's size and place. Everything: where "
                    "the driver's head is, too.",
                ),
            ],
            outputs=[
                sockets.Head.Output(display_name="head", tooltip="For Calibrate and Render. Small: no pictures in it."),
                io.Image.Output(
                    display_name="flow",
                    tooltip="The movement as colours (direction) and arrows, for up to 8 frames of the clip.",
                ),
            ],
        )

    @classmethod
    def execute(cls, model, inversion, motion, fit) -> io.NodeOutput:
        if fit == RELATIVE:
            motion = make_relative(motion)
        elif fit == PLACED:
            motion = match_placement(motion, inversion.portrait.coefficients)
        folder = folder_paths.get_temp_directory()  # for the flow of a long clip
        os.makedirs(folder, exist_ok=True)
        head = warp_features(model.ready(), inversion, motion, progress=bridge.Progress(), folder=folder)
        step = max(1, len(head) // SHOWN)
        return io.NodeOutput(head, bridge.image_out(draw_flow(head.flow[::step][:SHOWN])))


class Calibrate(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return sockets.Schema(
            node_id="StyleHead_Calibrate",
            display_name="Calibrate",
            description="Repaints what the movement has torn or uncovered, such as an opened mouth.",
            search_aliases=["refine", "repair", "inpaint"],
            inputs=[
                sockets.Model.Input("model", tooltip="The model that made the head."),
                sockets.Head.Input("head", tooltip="From Warp Features."),
                io.Float.Input(
                    "strength",
                    default=1.0,
                    min=0.0,
                    max=1.0,
                    step=0.05,
                    tooltip="0 leaves the moved picture as it is: sharper, with tears. 1 repaints fully.",
                ),
            ],
            outputs=[sockets.Head.Output(display_name="head", tooltip="For Render.")],
        )

    @classmethod
    def execute(cls, model, head, strength: float) -> io.NodeOutput:
        return io.NodeOutput(calibrate(model.ready(), head, strength))
