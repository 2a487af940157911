"""BlazeFace face detector (short range): 128 x 128 pixels in, scored boxes with six points out.

Axes: B batch, A anchors (896), P six points (eyes, nose, mouth, ears; the subject's right eye first), x y.
Source: BlazeFace (arXiv 1907.05047), as MediaPipe's face landmarker ships it.
"""

import torch
import torch.nn.functional as F
from einops import rearrange, repeat
from torch import Tensor, nn

from .same_padding import pad_same

__all__ = ["SIZE", "FaceDetector", "decode"]

SIZE = 128  # pixels of the input square
FINE, COARSE = (16, 2), (8, 6)  # grid cells on a side, anchors in each: 512 + 384
POINTS = 6
SCORE_CLIP = 100.0

_BLOCKS = (  # channels in, channels out, stride
    *((24, 24, 1), (24, 28, 1), (28, 32, 2), (32, 36, 1), (36, 42, 1), (42, 48, 2)),
    *((48, 56, 1), (56, 64, 1), (64, 72, 1), (72, 80, 1), (80, 88, 1)),
    *((88, 96, 2), (96, 96, 1), (96, 96, 1), (96, 96, 1), (96, 96, 1)),
)
_FINE_BLOCKS = 11  # number of blocks before the fine grid's heads


class _Block(nn.Module):
    """Depthwise separable convolution with a zero-padded shortcut."""

    def __init__(self, channels_in: int, channels_out: int, stride: int) -> None:
        super().__init__()
        self.stride, self.wider = stride, channels_out - channels_in
        self.depthwise = nn.Conv2d(channels_in, channels_in, 3, stride, groups=channels_in)
        self.pointwise = nn.Conv2d(channels_in, channels_out, 1)

    def forward(self, x: Tensor) -> Tensor:
        shortcut = F.max_pool2d(x, 2) if self.stride == 2 else x
        shortcut = F.pad(shortcut, (0, 0, 0, 0, 0, self.wider))
        return F.relu(shortcut + self.pointwise(self.depthwise(pad_same(x, 3, self.stride))))


class FaceDetector(nn.Module):
    """Sixteen depthwise separable blocks, with anchors on a 16 x 16 and an 8 x 8 grid."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 24, 5, 2)
        self.blocks = nn.ModuleList(_Block(*block) for block in _BLOCKS)
        self.score_fine = nn.Conv2d(88, FINE[1], 1)
        self.score_coarse = nn.Conv2d(96, COARSE[1], 1)
        self.place_fine = nn.Conv2d(88, FINE[1] * (4 + 2 * POINTS), 1)
        self.place_coarse = nn.Conv2d(96, COARSE[1] * (4 + 2 * POINTS), 1)

    def forward(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        """Detect faces in ``picture`` (B 3 128 128) in [-1, 1].

        Returns:
            Scores (B A) as logits, and places (B A 16) in pixels relative to the anchor; see ``decode``.
        """
        x = F.relu(self.stem(pad_same(picture, 5, 2)))
        for block in self.blocks[:_FINE_BLOCKS]:
            x = block(x)
        fine = x
        for block in self.blocks[_FINE_BLOCKS:]:
            x = block(x)
        scores = torch.cat((_by_anchor(self.score_fine(fine), 1), _by_anchor(self.score_coarse(x), 1)), dim=1)
        places = torch.cat((_by_anchor(self.place_fine(fine), 16), _by_anchor(self.place_coarse(x), 16)), dim=1)
        return scores[..., 0], places


def _by_anchor(x: Tensor, values: int) -> Tensor:
    """Rearrange (B anchors*values H W) to (B H*W*anchors values)."""
    return rearrange(x, "b (anchor value) h w -> b (h w anchor) value", value=values)


def anchors(device: torch.device) -> Tensor:
    """Centres (A 2) of the anchors' cells, in pixels of the square."""
    grids = []
    for cells, repeats in (FINE, COARSE):
        middle = (torch.arange(cells, device=device, dtype=torch.float32) + 0.5) * SIZE / cells
        grid = torch.stack(torch.meshgrid(middle, middle, indexing="xy"))  # x and y of each cell
        grids.append(repeat(grid, "xy h w -> (h w anchor) xy", anchor=repeats))
    return torch.cat(grids)


def decode(scores: Tensor, places: Tensor) -> tuple[Tensor, Tensor]:
    """Decode the detector's outputs.

    Returns:
        Probabilities (B A); and points (B A 8 2) in pixels of the input: upper left and lower right corner of the box,
        then the six key points.
    """
    at = anchors(places.device)[None, :, None]  # 1 A 1 2
    pairs = rearrange(places, "b a (pair xy) -> b a pair xy", xy=2)
    centre, extent, points = at + pairs[:, :, :1], pairs[:, :, 1:2], at + pairs[:, :, 2:]
    boxes = torch.cat((centre - extent / 2, centre + extent / 2, points), dim=2)
    return scores.clamp(-SCORE_CLIP, SCORE_CLIP).sigmoid(), boxes
