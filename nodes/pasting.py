"""The node that puts a rendered head back into the picture, or the film, that it came from."""

from fractions import Fraction

import torch
from comfy_api.latest import io
from torch import Tensor

from ..stylehead_core.errors import InputError
from ..stylehead_core.ops.following import smooth_squares
from ..stylehead_core.stages.paste import PasteConfig, crops_of_motion, paste_head
from ..stylehead_core.stages.tracking import frames_of, track_face
from . import bridge, sockets
from .models import landmarker

CHUNK = 8  # frames
RATE = Fraction(25)  # frames a second: decides how long a followed face is smoothed, since pictures have no rate


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
                io.Image.Input(
                    "original",
                    optional=True,
                    tooltip="What to paste into: one picture, or one a frame. Without it: the portrait's own picture.",
                ),
                io.Mask.Input(
                    "mask",
                    optional=True,
                    tooltip="Where to paste at most, in the frame or in the original: white pastes, black keeps.",
                ),
                io.Combo.Input(
                    "where",
                    options=["head", "face", "lower face"],
                    default="head",
                    tooltip="The whole square with a soft edge, the face alone, or what is below its nose: for lips.",
                ),
                io.Float.Input(
                    "feather",
                    default=0.1,
                    min=0.0,
                    max=0.5,
                    step=0.01,
                    tooltip="How softly the edge fades, as a part of the square.",
                ),
                io.Float.Input(
                    "match_colours",
                    default=0.0,
                    min=0.0,
                    max=1.0,
                    step=0.05,
                    tooltip="Brings the head's colours to those around it. 0 leaves them.",
                ),
                io.Boolean.Input(
                    "follow",
                    default=False,
                    tooltip="The original is a film in which the head moves: find it in every frame, paste there.",
                ),
                sockets.Motion.Input(
                    "motion",
                    optional=True,
                    tooltip="The original is the film that this motion was measured in: paste where it was measured. "
                    "For dubbing; Move Face then takes everything.",
                ),
            ],
            outputs=[
                io.Image.Output(display_name="pasted", tooltip="The original with the head in it, a frame each."),
                io.Mask.Output(display_name="mask", tooltip="Where something was pasted, and how strongly."),
            ],
        )

    @classmethod
    def execute(
        cls,
        frames,
        inversion,
        where,
        feather: float,
        match_colours: float,
        follow: bool,
        original=None,
        mask=None,
        motion=None,
    ) -> io.NodeOutput:
        portrait, bar = inversion.record.portrait, bridge.Progress()
        heads, weights = bridge.image_in(frames, "frames"), bridge.mask_in(mask)
        pictures = None if original is None else bridge.image_in(original, "original")
        size, crops = portrait.image.shape[-1], None
        if motion is not None:
            crops = crops_of_motion(motion, size)
            check_lengths(len(crops), len(heads), pictures)
        elif follow and pictures is not None:
            track = track_face(frames_of(pictures, RATE), landmarker(), progress=bar)
            crops = smooth_squares(track.landmarks, track.found, size, fps=float(RATE))
        config = PasteConfig(where=where, feather=feather, colour=match_colours)
        pasted, masks = [], []
        for start in range(0, len(heads), CHUNK):
            part = slice(start, start + CHUNK)
            result, used = paste_head(
                heads[part],
                portrait,
                originals=pictures if pictures is None or len(pictures) == 1 else pictures[part],
                mask=weights if weights is None or len(weights) == 1 else weights[part],
                crops=None if crops is None else crops[part],
                config=config,
            )
            kept = None if original is None else original[:1] if len(original) == 1 else original[part]
            pasted.append(bridge.image_over(kept, result, used))
            masks.append(bridge.mask_out(used))
            bar(min(part.stop, len(heads)), len(heads), result[-1])
        return io.NodeOutput(torch.cat(pasted), torch.cat(masks))


def check_lengths(squares: int, heads: int, originals: Tensor | None) -> None:
    """Refuse frames that cannot be those of a motion.

    Raises:
        InputError: there are not as many of each.
    """
    found = 0 if originals is None else len(originals)
    if not squares == heads == found:
        raise InputError(
            f"Pasting where a motion was measured needs a frame, and an original, for each of its {squares} frames; "
            f"found {heads} and {found}. Wire the film's own frames as original, and cut both alike."
        )
