"""The node that hands out the portrait, clip and sentence that come with the pack."""

from pathlib import Path

import torch
import torch.nn.functional as F
from comfy_api.latest import InputImpl, io, ui

from ..stylehead_core.errors import ConfigError
from ..stylehead_core.media.pictures import read_picture
from ..stylehead_core.media.sound import read_sound
from ..stylehead_core.media.video import read_frames
from ..stylehead_core.ops.pixels import from_uint8
from . import bridge, sockets

FOLDER = Path(__file__).resolve().parent.parent / "example_workflows" / "inputs"
FACES = {  # files by the words of the widget; graphs hold these words
    "woman with long hair": "portrait.jpg",
    "blond man": "portrait-2.jpg",
    "man with a beard": "portrait-3.jpg",
    "older man": "portrait-4.jpg",
    "woman with curls": "portrait-5.jpg",
    "red-haired woman": "portrait-6.jpg",
}
FIRST = next(iter(FACES))
SHOWN = 256  # pixels of the pictures on the node


class Samples(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return sockets.Schema(
            node_id="StyleHead_Samples",
            display_name="Samples: portrait, clip, speech",
            menu="tools",
            description="A portrait, a short clip and a spoken sentence that come with StyleHead, to try a graph with. "
            "All are synthetic: nobody's face or voice. Replace them with Load Image, Load Video, Load Audio.",
            search_aliases=["example", "demo", "test portrait", "try"],
            inputs=[
                io.Combo.Input(
                    "face", options=list(FACES), default=FIRST, optional=True, tooltip="Whose portrait is handed out."
                )
            ],
            outputs=[
                io.Image.Output(display_name="portrait", tooltip="Somebody who does not exist."),
                io.Video.Output(display_name="clip", tooltip="Somebody else, who turns, blinks and talks."),
                io.Audio.Output(display_name="speech", tooltip="A sentence by a computer's voice."),
            ],
        )

    @classmethod
    def execute(cls, face: str = FIRST) -> io.NodeOutput:
        if face not in FACES:
            raise ConfigError(f"There is no sample face {face!r}. Known: {', '.join(FACES)}.")
        portrait = read_picture(FOLDER / FACES[face])
        clip, speech = FOLDER / "clip.mp4", read_sound(FOLDER / "speech.wav")
        assert speech is not None
        first = from_uint8(next(read_frames(clip, chunk=1)).pictures)
        shown = torch.cat([F.interpolate(picture, (SHOWN, SHOWN), mode="area") for picture in (portrait, first)])
        return io.NodeOutput(
            bridge.image_out(portrait),
            InputImpl.VideoFromFile(str(clip)),
            bridge.audio_out(speech),
            ui=ui.PreviewImage(bridge.image_out(shown)),
        )
