"""StyleHead: one portrait becomes an editable talking head. The core knows PyTorch and no ComfyUI.

model = load_stylehead("stylehead-mini")
for frames in animate(model, portrait, motion):
    ...
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
from .model.files import load_stylehead
from .model.stylehead import StyleHead
from .records import Direction, Edit, Head, Inversion, Motion, Portrait
from .stages.calibration import calibrate
from .stages.editing import edit_style
from .stages.inversion import invert
from .stages.rendering import render
from .stages.warping import warp_features

__all__ = [
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
    "StyleHead",
    "StyleHeadError",
    "WeightsError",
    "animate",
    "calibrate",
    "edit_style",
    "invert",
    "load_stylehead",
    "render",
    "warp_features",
]
