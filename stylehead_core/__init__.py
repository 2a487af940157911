"""StyleHead: one portrait becomes an editable talking head. Plain PyTorch, without ComfyUI.

    model, landmarker = load_stylehead("stylehead-512"), load_landmarker()
    portrait = take_portrait(read_picture("portrait.jpg"), landmarker, PortraitConfig(size=model.config.size))
    motion = make_relative(motion_from_video("driver.mp4", landmarker))
    write_video("film.mp4", animate(model, portrait, motion, landmarker=landmarker), fps=motion.fps)

Everything a script needs is exported here; the modules below may be rearranged between versions.
"""

from .animate import animate
from .errors import (
    ConfigError,
    FaceNotFound,
    InputError,
    MediaError,
    MotionError,
    OutOfMemory,
    StyleHeadError,
    WeightsError,
)
from .landmarker.files import load_landmarker
from .media.background_writer import BackgroundVideoWriter, write_video
from .media.pictures import read_picture, write_picture
from .media.sound import read_sound
from .media.video import VideoWriter
from .model.files import load_stylehead
from .model.stylehead import StyleHead
from .records import Direction, Edit, Head, Inversion, Motion, Portrait
from .rehearsal import rehearse
from .stages.calibration import calibrate
from .stages.editing import edit_style
from .stages.inversion import invert
from .stages.motion_files import load_motion, save_motion
from .stages.motion_sliders import motion_from_sliders
from .stages.motion_tools import make_relative
from .stages.portrait import PortraitConfig, take_portrait
from .stages.rendering import render
from .stages.speech import SpeechConfig, motion_from_speech, speech_motion_for_model
from .stages.tracking import motion_from_video
from .stages.warping import warp_features

__all__ = [
    "BackgroundVideoWriter",
    "ConfigError",
    "Direction",
    "Edit",
    "FaceNotFound",
    "Head",
    "InputError",
    "Inversion",
    "MediaError",
    "Motion",
    "MotionError",
    "OutOfMemory",
    "Portrait",
    "PortraitConfig",
    "SpeechConfig",
    "StyleHead",
    "StyleHeadError",
    "VideoWriter",
    "WeightsError",
    "animate",
    "calibrate",
    "edit_style",
    "invert",
    "load_landmarker",
    "load_motion",
    "load_stylehead",
    "make_relative",
    "motion_from_sliders",
    "motion_from_speech",
    "motion_from_video",
    "read_picture",
    "read_sound",
    "rehearse",
    "render",
    "save_motion",
    "speech_motion_for_model",
    "take_portrait",
    "warp_features",
    "write_picture",
    "write_video",
]
