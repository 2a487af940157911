"""The node that pastes a rendered head back into the picture, or the video, that it came from."""

from fractions import Fraction

import torch
from comfy_api.latest import io

from ..stylehead_core.errors import InputError
from ..stylehead_core.stages.paste import (
    PasteConfig,
    check_counts,
    paste_into_video,
    plan_for_motion,
    plan_for_picture,
    plan_for_squares,
)
from ..stylehead_core.stages.tracking import frames_of, track_face
from . import bridge, sockets
from .models import landmarker
from .widgets import amount_input, choice_input, optional_input

CHUNK = 8  # frames pasted at a time
RATE = Fraction(25)  # frames a second: over how many frames a followed face is smoothed, since pictures have no rate


class PasteBack(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return sockets.Schema(
            node_id="StyleHead_PasteBack",
            display_name="Paste Back",
            menu="output",
            description="Puts the rendered head back where the portrait was cut out. Whatever is wired in is pasted: "
            "upscale or restore the frames before. Outside of the mask no pixel changes.",
            search_aliases=["composite", "uncrop", "face paste", "dub", "stitch"],
            inputs=[
                io.Image.Input("frames", tooltip="Rendered frames, of any size: larger ones are sharper."),
                sockets.Inversion.Input("inversion", tooltip="Knows where the portrait was cut out."),
                optional_input(
                    io.Image,
                    "original",
                    "What to paste into: one picture, or one a frame. Without it: the portrait's own picture.",
                ),
                optional_input(
                    io.Mask,
                    "mask",
                    "Where to paste at most, in the frame or in the original: white pastes, black keeps.",
                ),
                choice_input(
                    "where",
                    ("head", "face", "lower face"),
                    "The whole square with a soft edge, the face alone, or what is below its nose: for lips.",
                ),
                amount_input("feather", 0.1, "How softly the edge fades, as a part of the square.", max=0.5, step=0.01),
                amount_input("match_colours", 0.0, "Brings the head's colours to those around it. 0 leaves them."),
                io.Boolean.Input(
                    "follow",
                    default=False,
                    tooltip="The original is a film in which the head moves: find it in every frame, paste there.",
                ),
                optional_input(
                    sockets.Motion,
                    "motion",
                    "The original is the film that this motion was measured in: paste where it was measured. For "
                    "dubbing; Move Face then takes everything.",
                ),
            ],
            outputs=[
                io.Image.Output(display_name="pasted", tooltip="The original with the head in it, a frame each."),
                io.Mask.Output(display_name="mask", tooltip="Where something was pasted, and how strongly."),
            ],
        )

    @classmethod
    def execute(
        cls, frames, inversion, where, feather, match_colours, follow, original=None, mask=None, motion=None
    ) -> io.NodeOutput:
        portrait, bar = inversion.record.portrait, bridge.Progress()
        heads, weights = bridge.image_in(frames, "frames"), bridge.mask_in(mask)
        pictures = portrait.original if original is None else bridge.image_in(original, "original")
        if pictures is None:
            raise InputError("This portrait does not know which picture it was cut from. Wire the original in.")
        size = portrait.image.shape[-1]
        if motion is not None:
            shown = pictures.shape[-1], pictures.shape[-2]
            plan = plan_for_motion(motion, size, len(pictures), shown, frames=len(heads), first=pictures[:1])
        elif follow and original is not None:
            check_counts(len(heads), len(pictures), None if weights is None else len(weights))
            track = track_face(frames_of(pictures, RATE), landmarker(), progress=bar)
            plan = plan_for_squares(track.squares("follows"), track.found, size, fps=RATE, frames=len(heads))
        else:
            plan = plan_for_picture(portrait, len(heads), len(pictures))
        config = PasteConfig(where=where, feather=feather, colour=match_colours)
        pasted, masks = [], []
        for part in paste_into_video(
            heads.split(CHUNK), lambda numbers: pictures[numbers], portrait, plan, config, mask=weights
        ):
            kept = None if original is None else original[part.sources]
            pasted.append(bridge.image_over(kept, part.frames, part.masks))
            masks.append(bridge.mask_out(part.masks))
            bar(sum(map(len, pasted)), len(heads), part.frames[-1])
        return io.NodeOutput(torch.cat(pasted), torch.cat(masks))
