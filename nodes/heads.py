"""The nodes in the middle: motion becomes a flow, and what the flow tears is repaired."""

import os

import folder_paths
from comfy_api.latest import io

from ..stylehead_core.drawing import draw_flow
from ..stylehead_core.fitting import FITS, fit_motion
from ..stylehead_core.rehearsal import rehearse as rehearse_motion
from ..stylehead_core.stages.calibration import calibrate
from ..stylehead_core.stages.warping import warp_features
from . import bridge, models, sockets
from .model_record import ModelRecord, model_for
from .widgets import amount_input, choice_input, rehearse_input

FIT_HELP = (
    "How somebody else's motion is taken over. Auto: changes against the driver's face at rest, added to the "
    "portrait's own; the node says how. Pose and face: the driver's own, at the portrait's size and place. "
    "Everything: where the driver's head is, too."
)
SHOWN = 8  # flow pictures at most, spread over the clip


class WarpFeatures(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return sockets.Schema(
            node_id="StyleHead_WarpFeatures",
            display_name="Move Face (Warp Features)",
            description="Moves the portrait: for every frame of the motion it finds from where in the portrait each "
            "point is to be fetched.",
            search_aliases=["animate", "reenact", "drive", "flow", "talking head", "live portrait"],
            inputs=[
                sockets.model_input("inversion"),
                sockets.Inversion.Input("inversion", tooltip="Who is moved."),
                sockets.Motion.Input("motion", tooltip="How: from a video, speech, sliders, or a mix of them."),
                choice_input("fit", FITS, FIT_HELP),
                rehearse_input(
                    "Draw and measure up to 16 frames of the motion first, and ask for more where this face follows "
                    "less: smiles, brows and looks come nearer to the motion. It takes as long as some fifty frames of "
                    "film.",
                    default=False,
                ),
            ],
            outputs=[
                sockets.Head.Output(display_name="head", tooltip="For Repair and Render. Small: no pictures in it."),
                io.Image.Output(
                    display_name="flow",
                    tooltip="The movement as colours (direction) and arrows, for up to 8 frames of the clip.",
                ),
            ],
        )

    @classmethod
    def execute(cls, inversion, motion, fit, model=None, rehearse: bool = False) -> io.NodeOutput:
        model = model_for(model, inversion)
        fitted, progress = fit_motion(motion, inversion.record.portrait, fit), bridge.Progress()
        networks, motion = model.ready(), fitted.motion
        if rehearse:
            motion = rehearse_motion(networks, inversion.record, motion, models.landmarker(), progress=progress)
        folder = folder_paths.get_temp_directory()  # for the flow of a long clip
        os.makedirs(folder, exist_ok=True)
        head = warp_features(networks, inversion.record, motion, progress=progress, folder=folder)
        step = max(1, len(head) // SHOWN)
        flow = bridge.image_out(draw_flow(head.flow[::step][:SHOWN]))
        return io.NodeOutput(ModelRecord(head, model), flow, ui=bridge.text_output(f"Taken: {fitted.description}."))


class Calibrate(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return sockets.Schema(
            node_id="StyleHead_Calibrate",
            display_name="Repair (Calibrate)",
            description="Repaints what the movement has torn or uncovered, such as an opened mouth.",
            search_aliases=["refine", "repair", "inpaint"],
            inputs=[
                sockets.model_input("head"),
                sockets.Head.Input("head", tooltip="From Move Face."),
                amount_input(
                    "strength", 1.0, "0 leaves the moved picture as it is: sharper, with tears. 1 repaints fully."
                ),
            ],
            outputs=[sockets.Head.Output(display_name="head", tooltip="For Render.")],
        )

    @classmethod
    def execute(cls, head, strength: float, model=None) -> io.NodeOutput:
        model = model_for(model, head)
        return io.NodeOutput(ModelRecord(calibrate(model.ready(), head.record, strength), model))
