"""Blendshape network of the face landmarker: an MLP-Mixer that predicts 52 blendshape weights from landmarks.

Axes: B batch, P points (146 of the 478 landmarks), T tokens (97), D width (64).
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["POINTS", "FaceBlendshapes"]

POINTS: tuple[int, ...] = (
    *(0, 1, 4, 5, 6, 7, 8, 10, 13, 14, 17, 21, 33, 37, 39, 40, 46, 52, 53, 54, 55, 58, 61, 63, 65, 66, 67, 70, 78, 80),
    *(81, 82, 84, 87, 88, 91, 93, 95, 103, 105, 107, 109, 127, 132, 133, 136, 144, 145, 146, 148, 149, 150, 152, 153),
    *(154, 155, 157, 158, 159, 160, 161, 162, 163, 168, 172, 173, 176, 178, 181, 185, 191, 195, 197, 234, 246, 249),
    *(251, 263, 267, 269, 270, 276, 282, 283, 284, 285, 288, 291, 293, 295, 296, 297, 300, 308, 310, 311, 312, 314),
    *(317, 318, 321, 323, 324, 332, 334, 336, 338, 356, 361, 362, 365, 373, 374, 375, 377, 378, 379, 380, 381, 382),
    *(384, 385, 386, 387, 388, 389, 390, 397, 398, 400, 402, 405, 409, 415, 454, 466),
    *range(468, 478),
)  # indices of the landmarks that are the network's input

TOKENS, WIDTH = 96, 64
WEIGHTS = 52  # _neutral first, then ARKit's without tongueOut
SPREAD = 0.5  # mean distance of the normalised points from their centre


class _Mixer(nn.Module):
    """Mixer block: an MLP over the tokens, then an MLP over the channels."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens_norm = nn.LayerNorm(WIDTH, eps=1e-6, bias=False)
        self.tokens_in = nn.Linear(TOKENS + 1, 384)
        self.tokens_out = nn.Linear(384, TOKENS + 1)
        self.width_norm = nn.LayerNorm(WIDTH, eps=1e-6, bias=False)
        self.width_in = nn.Linear(WIDTH, 256)
        self.width_out = nn.Linear(256, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        across = self.tokens_norm(x).mT  # B D T
        x = x + self.tokens_out(F.relu(self.tokens_in(across))).mT
        return x + self.width_out(F.relu(self.width_in(self.width_norm(x))))


class FaceBlendshapes(nn.Module):
    """MLP-Mixer over normalised points: independent of the face's position and size."""

    def __init__(self) -> None:
        super().__init__()
        self.points = nn.Linear(len(POINTS), TOKENS)
        self.embed = nn.Linear(2, WIDTH)
        self.read = nn.Parameter(torch.zeros(WIDTH))  # class token, from which the weights are predicted
        self.mixers = nn.Sequential(*(_Mixer() for _ in range(4)))
        self.weights = nn.Linear(WIDTH, WEIGHTS)

    def forward(self, points: Tensor) -> Tensor:
        """Predict the weights (B 52) in 0..1 from ``points`` (B P 2) in any unit."""
        points = points - points.mean(dim=1, keepdim=True)
        points = points * SPREAD / points.norm(dim=-1, keepdim=True).mean(dim=1, keepdim=True)
        x = self.embed(self.points(points.mT).mT)  # B 96 D
        x = torch.cat((self.read.expand(len(x), 1, -1), x), dim=1)  # B T D
        return self.weights(self.mixers(x)[:, 0]).sigmoid()
