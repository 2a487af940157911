"""The node that does all at once: from a portrait and what moves it to a video."""

import time
from typing import Literal

import torch
from comfy_api.latest import InputImpl, io

from ..stylehead_core.media.background_writer import BackgroundVideoWriter
from ..stylehead_core.ops.memory import check_memory
from ..stylehead_core.rehearsal import REHEARSED_FRAMES
from ..stylehead_core.talking_head import TalkingHeadConfig, talking_head
from . import bridge, models, sockets
from .inversion import CHANGE_HELP, attributes, direction_of, edit_warning
from .model_record import model_for
from .rendering import AS_PORTRAIT, FULL, report_frames, video_file
from .widgets import choice_input, edit_input, optional_input, rehearse_input

ID = "StyleHead_TalkingHead"
UNCHANGED = "none"
SIZES: dict[str, int | Literal["portrait"] | None] = {
    FULL: None,
    **{str(pixels): pixels for pixels in (256, 512, 1024)},
    AS_PORTRAIT: "portrait",
}
FRAMES = 1  # number of the output of frames
QUALITY = 18  # of the file, H.264's CRF: looks the same


class TalkingHead(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return sockets.Schema(
            node_id="StyleHead_TalkingHead",
            display_name="Talking Head: animate a portrait",
            description="One picture with a face, moved by a video, by speech, by a motion, or by several of them, "
            "becomes a video that plays here. The small nodes do the same step by step.",
            search_aliases=[
                *("face", "live portrait", "talking", "lip sync", "dub", "age", "avatar", "reenact"),
                *("photo to video", "sadtalker", "styleheat"),
            ],
            is_output_node=True,
            inputs=[
                io.Image.Input("portrait", tooltip="One picture with a face, of any size."),
                choice_input(
                    "change",
                    (UNCHANGED, *attributes()),
                    f"What is changed in the face while it talks: age, make-up ... {CHANGE_HELP}",
                ),
                edit_input("strength", "Of the change: 0 nothing, 1 the full change, -1 its opposite."),
                choice_input(
                    "size",
                    tuple(SIZES),
                    "Pixels of a side of the face's square. Full: as large as the model draws. As the portrait: as "
                    "many as the face has in its picture, up to 1024.",
                ),
                io.Boolean.Input(
                    "paste_back",
                    default=False,
                    label_on="whole picture",
                    label_off="face only",
                    tooltip="Put the moving head back into the picture, and show the whole of it.",
                ),
                optional_input(io.Video, "video", "Whose movement the face takes over."),
                optional_input(
                    io.Audio,
                    "audio",
                    "What the face says: it decides the lips, and how long the video is. Without it a driving video's "
                    "own sound is heard.",
                ),
                optional_input(sockets.Motion, "motion", "Movement instead of the video's."),
                sockets.model_input(),
                rehearse_input(
                    "Draw and measure up to 16 frames first, and ask for more where this face follows less. It takes "
                    "as long as some fifty frames of film.",
                    default=True,
                ),
            ],
            outputs=[
                io.Video.Output(display_name="video", tooltip="The talking head with its sound. Save Video keeps it."),
                io.Image.Output(
                    display_name="frames",
                    tooltip="Its frames as pictures, for nodes that go on with them. They are only kept in memory "
                    "where this is wired.",
                ),
            ],
            hidden=[io.Hidden.unique_id, io.Hidden.prompt, io.Hidden.extra_pnginfo],
        )

    @classmethod
    def fingerprint_inputs(cls, **_) -> list[str | int]:
        """Which nodes of this kind hand out frames: wiring that output later has to make them. A lost film, too."""
        return [*bridge.wired_nodes(ID, FRAMES), bridge.lost_temporaries()]

    @classmethod
    def execute(
        cls,
        portrait,
        change: str,
        strength: float,
        size: str,
        paste_back: bool,
        video=None,
        audio=None,
        motion=None,
        model=None,
        rehearse: bool = False,  # graphs from before it was asked
    ) -> io.NodeOutput:
        networks, report = model_for(model).ready(), bridge.Report(cls.hidden)
        bar, started = bridge.Progress(report), time.monotonic()
        clip, own_sound = (None, None) if video is None else bridge.film_in(video)
        speech = None if audio is None else bridge.audio_in(audio)
        edits = () if change == UNCHANGED else ((direction_of(change, networks), strength, strength),)
        talking = talking_head(
            networks,
            bridge.one_image_in(portrait, "portrait"),
            models.landmarker(),
            video=clip,
            speech=speech,
            motion=motion,
            config=TalkingHeadConfig(
                edits=edits, size=SIZES[size], paste=paste_back, rehearsed=REHEARSED_FRAMES if rehearse else 0
            ),
            progress=bar,
        )
        kept: list[torch.Tensor] | None = [] if cls.hidden.unique_id in bridge.wired_nodes(ID, FRAMES) else None
        if kept is not None:
            check_memory(talking.count, talking.size)
        sink, shown = video_file(
            talking.size, talking.fps, sound=speech or own_sound, quality=QUALITY, hidden=cls.hidden
        )
        frames = report_frames(talking.frames, talking.count, report, held=kept is not None, started=started, bar=bar)
        with BackgroundVideoWriter(sink) as writer:
            for part in frames:
                writer.write(part)
                if kept is not None:
                    kept.append(bridge.image_out(part))
        bridge.note_temporary(sink.path)
        words = f"{report.text}\nMoved by {talking.description}.\n{edit_warning(change, networks)}".rstrip()
        return io.NodeOutput(
            InputImpl.VideoFromFile(str(sink.path)),
            None if kept is None else torch.cat(kept),
            ui=shown | bridge.text_output(words),
        )
