"""The node that hands out the portrait, clip and sentence that come with the pack."""

from pathlib import Path

from comfy_api.latest import InputImpl, io

from ..stylehead_core.media.pictures import read_picture
from ..stylehead_core.media.sound import read_sound
from . import bridge, sockets

FOLDER = Path(__file__).resolve().parent.parent / "example_workflows" / "inputs"


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
            inputs=[],
            outputs=[
                io.Image.Output(display_name="portrait", tooltip="Somebody who does not exist."),
                io.Video.Output(display_name="clip", tooltip="Somebody else, who turns, blinks and talks."),
                io.Audio.Output(display_name="speech", tooltip="A sentence by a computer's voice."),
            ],
        )

    @classmethod
    def execute(cls) -> io.NodeOutput:
        portrait = bridge.image_out(read_picture(FOLDER / "portrait.jpg"))
        speech = read_sound(FOLDER / "speech.wav")
        assert speech is not None
        return io.NodeOutput(portrait, InputImpl.VideoFromFile(str(FOLDER / "clip.mp4")), bridge.audio_out(speech))
