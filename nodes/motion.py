"""Nodes that make motion: from a video, from speech, from sliders."""

from comfy_api.latest import io

from ..stylehead_core.drawing import draw_motion
from ..stylehead_core.stages.motion_sliders import (
    HOLDS,
    SLIDERS,
    beyond_hold,
    motion_from_sliders,
    read_key_frames,
    slider_motion_for_model,
)
from ..stylehead_core.stages.motion_tools import describe
from ..stylehead_core.stages.speech import SpeechConfig, speech_motion_for_model
from ..stylehead_core.stages.tracking import TrackingConfig, motion_for_model
from . import bridge, faces, sockets
from .model_record import model_for
from .models import landmarker
from .widgets import (
    FPS_HELP,
    amount_input,
    choice_input,
    count_input,
    fps_input,
    frames_input,
    key_frames_input,
    motion_outputs,
    optional_input,
    seconds_input,
)

STAYS, FOLLOWS = "stays", "follows the face"
STILL, LIVELY = "still", "lively"


def slider(name: str) -> io.Input:
    (low, high), _ = SLIDERS[name]
    step = 0.5 if high > 2 else 0.02  # degrees, or parts of the whole
    return io.Float.Input(
        name, default=0.0, min=low, max=high, step=step, display_mode=io.NumberDisplay.slider, tooltip=slider_help(name)
    )


def slider_help(name: str) -> str:
    """What a slider does, and how far pictures hold where that is less than its range."""
    hold = HOLDS.get(name)
    return EXPLAINED[name] if hold is None else f"{EXPLAINED[name]} Pictures hold from {hold[0]:g} to {hold[1]:g}."


EXPLAINED = {
    "yaw": "Turns the head, in degrees: + to the picture's right.",
    "pitch": "Nods, in degrees: + looks down.",
    "roll": "Tilts the head, in degrees: + anticlockwise.",
    "blink": "Closes both eyes: 1 is shut.",
    "gaze_right": "Where the eyes look: + to the picture's right.",
    "gaze_up": "Where the eyes look: + up.",
    "brows": "Raises the brows; - lowers them.",
    "smile": "Smiles; - turns the corners of the mouth down.",
    "jaw": "Opens the mouth.",
    "pucker": "Purses the lips, as for a kiss.",
    "funnel": "Rounds the lips, as for an oh.",
    "eyes_wide": "Opens the eyes wide; - narrows them.",
    "size": "Brings the head nearer; - moves it away.",
    "x": "Moves the head to the picture's right; 1 is half the picture.",
    "y": "Moves the head down; 1 is half the picture.",
}
"""The sliders that the node shows, in order. Those of the core that are not here can be named in key frames."""


class MotionFromVideo(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return sockets.Schema(
            node_id="StyleHead_MotionFromVideo",
            display_name="Follow Video (Motion from Video)",
            menu="motion",
            description="Follows a face through a video, or through frames, and measures its pose and expression.",
            search_aliases=["driving video", "track face", "reenact", "performance capture", "live portrait", "face"],
            inputs=[
                optional_input(sockets.Model, "model", "For official weights. Others need none here."),
                optional_input(io.Video, "video", "Somebody's face in motion. Any length, size and frame rate."),
                faces.face_input(),
                faces.order_input("How the faces of the first frame are counted. The one chosen is then followed."),
                amount_input(
                    "smoothing", 0.5, "Calms a trembling head. Blinks and lips stay crisp. 0 keeps what was measured."
                ),
                faces.at_input(),
                choice_input(
                    "square",
                    (STAYS, FOLLOWS),
                    "In what the head's place is told. Stays: one square for the whole clip, in which the head moves. "
                    "Follows: it goes along with the face, for pasting back into this very video.",
                    advanced=True,
                    optional=True,
                ),
                optional_input(io.Image, "frames", "Instead of a video: its frames as pictures."),
                fps_input(f"Of frames; a video knows its own. {FPS_HELP}", optional=True),
                seconds_input("start", "Where to begin in the clip, in seconds.", optional=True),
                seconds_input("end", "Where to stop, in seconds. 0: at the end.", optional=True),
            ],
            outputs=[
                *motion_outputs("Pose and expression of every frame."),
                io.Audio.Output(display_name="audio", tooltip="The video's own sound; silence where it has none."),
                io.String.Output(display_name="report", tooltip="How many frames, how fast, and where no face was."),
            ],
        )

    @classmethod
    def execute(
        cls,
        face: int,
        order,
        smoothing: float,
        model=None,
        video=None,
        at: str = "",
        square: str = STAYS,
        frames=None,
        fps: float = 25.0,
        start: float = 0.0,
        end: float = 0.0,
    ) -> io.NodeOutput:
        film, sound = bridge.moving_in(video, frames, bridge.rate_in(fps), start, end or None)
        config = TrackingConfig(
            face=faces.choice(face, order, at), smoothing=smoothing, square="follows" if square == FOLLOWS else "still"
        )
        networks = model_for(model).ready()
        motion = motion_for_model(networks, film, landmarker(), config, progress=bridge.Progress())
        sound = sound or bridge.silence(motion.seconds)
        plot, report = bridge.image_out(draw_motion(motion)), describe(motion)
        return io.NodeOutput(motion, plot, bridge.audio_out(sound), report, ui=bridge.text_output(report))


class MotionFromAudio(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return sockets.Schema(
            node_id="StyleHead_MotionFromAudio",
            display_name="Lip Sync (Motion from Audio)",
            menu="motion",
            description="Makes lips and jaw say what is heard. The head stays still, or lives a little: small nods and "
            "blinks. Mix in another motion for more.",
            search_aliases=["speech", "talking head", "talking", "dub", "voice", "tts", "mouth"],
            inputs=[
                sockets.model_input(),
                io.Audio.Input("audio", tooltip="Speech, of any rate and number of channels."),
                fps_input(),
                amount_input(
                    "strength",
                    1.0,
                    "How far lips and jaw move: 1 as people do, less for a mumble, more for a clear speaker.",
                    max=2.0,
                    optional=True,
                ),
                choice_input(
                    "life",
                    (STILL, LIVELY),
                    "Still: lips and jaw alone. Lively: the head also nods a little and blinks.",
                    optional=True,
                ),
                count_input(
                    "seed",
                    0,
                    "Of a lively head: the same number nods and blinks the same way.",
                    max=2**32 - 1,
                    optional=True,
                ),
            ],
            outputs=motion_outputs("Lips and jaw of every frame."),
        )

    @classmethod
    def execute(
        cls, audio, fps: float, model=None, strength: float = 1.0, life: str = STILL, seed: int = 0
    ) -> io.NodeOutput:
        config = SpeechConfig(strength=strength, life="lively" if life == LIVELY else "still", seed=seed)
        networks = model_for(model).ready()
        motion = speech_motion_for_model(
            networks, bridge.audio_in(audio), bridge.rate_in(fps), config=config, progress=bridge.Progress()
        )
        return io.NodeOutput(motion, bridge.image_out(draw_motion(motion)))


class MotionFromSliders(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return sockets.Schema(
            node_id="StyleHead_MotionFromSliders",
            display_name="Motion from Sliders",
            menu="motion",
            description="Poses the face by hand. One frame for a still picture; key frames make a movement.",
            search_aliases=["expression", "face", "pose", "puppet", "key frames", "gaze", "blink", "smile"],
            inputs=[
                *(slider(name) for name in EXPLAINED),
                frames_input(),
                fps_input(),
                key_frames_input(
                    "Between moments values glide; sliders that no line names stay as they are set above. blink_left, "
                    "blink_right, sneer, cheeks, mouth_right and every ARKit blendshape such as jawForward can be "
                    "named too."
                ),
                optional_input(
                    sockets.Model,
                    "model",
                    "The model that is moved, where it is converted from official weights: its sliders are yaw, pitch, "
                    "roll, x and y, and those of the face that its file holds. Others need none.",
                ),
            ],
            outputs=motion_outputs("Changes against the portrait's own pose and expression."),
        )

    @classmethod
    def execute(cls, frames: int, fps: float, key_frames: str, model=None, **sliders: float) -> io.NodeOutput:
        keys, how = read_key_frames(key_frames, sliders), {"frames": frames, "fps": bridge.rate_in(fps)}
        if model is None:
            motion = motion_from_sliders(keys, **how)
        else:
            motion = slider_motion_for_model(model.ready(), keys, **how)
        return io.NodeOutput(motion, bridge.image_out(draw_motion(motion)), ui=bridge.text_output(beyond_hold(keys)))
