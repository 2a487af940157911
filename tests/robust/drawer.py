"""Draws a clip into a film, in a process of its own, and prints the most memory that it held: drawer.py FRAMES FILM."""

import resource
import sys
from fractions import Fraction

import torch

from stylehead_core import Motion, Portrait, animate
from stylehead_core.assemble import build, debug
from stylehead_core.media.video import VideoWriter

torch.set_num_threads(1)
count, film = int(sys.argv[1]), sys.argv[2]
model = build(debug())
portrait = Portrait(image=torch.zeros(1, 3, 64, 64), coefficients=torch.zeros(58))
motion = Motion(
    coefficients=torch.rand(count, 58, generator=torch.Generator().manual_seed(0)), fps=Fraction(25), relative=True
)
with VideoWriter(film, fps=motion.fps, size=(64, 64), speed="ultrafast") as video:
    for frames in animate(model, portrait, motion):
        video.write(frames)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
