"""Draws a clip into a film, in a process of its own, and prints the most memory that it held.

    python drawer.py animate|nodes FRAMES FILM

``animate`` streams, as the command does; ``nodes`` makes the head of the whole clip first, as the nodes do.
"""

import resource
import sys
from fractions import Fraction

import torch

from stylehead_core import Motion, Portrait, animate, calibrate, invert, render, warp_features
from stylehead_core.media.background_writer import BackgroundVideoWriter
from stylehead_core.media.video import VideoWriter
from stylehead_core.model.presets import debug
from stylehead_core.model.stylehead import build

torch.set_num_threads(1)
way, count, film = sys.argv[1], int(sys.argv[2]), sys.argv[3]
model = build(debug())
portrait = Portrait(image=torch.zeros(1, 3, 64, 64), coefficients=torch.zeros(58))
motion = Motion(
    coefficients=torch.rand(count, 58, generator=torch.Generator().manual_seed(0)), fps=Fraction(25), relative=True
)
with BackgroundVideoWriter(VideoWriter(film, fps=motion.fps, size=(64, 64), speed="ultrafast")) as video:
    if way == "animate":
        frames = animate(model, portrait, motion)
    else:
        frames = render(model, calibrate(model, warp_features(model, invert(model, portrait), motion)))
    for part in frames:
        video.write(part)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
