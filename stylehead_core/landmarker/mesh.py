"""Landmark networks: 478 landmarks from a square crop of a face.

``FaceMesh`` is the network of ``face_landmarker.task`` (256 pixels), ``FaceMesh192`` that of ComfyUI's own file.
Landmarks are x, y, z in pixels of the crop; z is relative, smaller is nearer.

Axes: B batch, N landmarks (478).
"""

from itertools import pairwise

import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from .same_padding import pad_same

__all__ = ["LANDMARKS", "FaceMesh", "FaceMesh192"]

LANDMARKS = 478  # 468 of the mesh, then 5 for each iris


class _Bottleneck(nn.Module):
    """Bottleneck block of half the width; with ``down`` it halves the size, with max pooling in the shortcut."""

    def __init__(self, channels_in: int, channels_out: int, *, down: bool) -> None:
        super().__init__()
        half = channels_out // 2
        self.down, self.wider = down, channels_out - channels_in
        self.reduce = nn.Conv2d(channels_in, half, 2 if down else 1, 2 if down else 1)
        self.reduce_act = nn.PReLU(half)
        self.depthwise = nn.Conv2d(half, half, 3, padding=1, groups=half)
        self.expand = nn.Conv2d(half, channels_out, 1)
        self.act = nn.PReLU(channels_out)

    def forward(self, x: Tensor) -> Tensor:
        shortcut = F.pad(F.max_pool2d(x, 2), (0, 0, 0, 0, 0, self.wider)) if self.down else x
        return self.act(shortcut + self.expand(self.depthwise(self.reduce_act(self.reduce(x)))))


class FaceMesh(nn.Module):
    """Bottleneck blocks at seven sizes from 128 down to 2 pixels, four at each."""

    size = 256  # pixels of the input

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 3, 2)
        self.stem_act = nn.PReLU(16)
        widths = (16, 32, 64, 128, 128, 128, 128)
        blocks = [_Bottleneck(16, 16, down=False) for _ in range(4)]
        for before, after in pairwise(widths):
            blocks.append(_Bottleneck(before, after, down=True))
            blocks += [_Bottleneck(after, after, down=False) for _ in range(4)]
        self.blocks = nn.Sequential(*blocks)
        self.presence = nn.Conv2d(128, 1, 2)
        self.landmarks = nn.Conv2d(128, LANDMARKS * 3, 2)

    def forward(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        """Predict landmarks (B N 3) and the presence (B) of a face as logit for ``picture`` (B 3 256 256) in 0..1."""
        x = self.blocks(self.stem_act(self.stem(pad_same(picture, 3, 2))))
        return rearrange(self.landmarks(x), "b (n xyz) 1 1 -> b n xyz", xyz=3), self.presence(x).flatten()


class _Block192(nn.Module):
    """Depthwise separable convolution with a zero-padded shortcut."""

    def __init__(self, channels_in: int, channels_out: int, stride: int = 1) -> None:
        super().__init__()
        self.stride, self.wider = stride, channels_out - channels_in
        self.depthwise = nn.Conv2d(channels_in, channels_in, 3, stride, groups=channels_in)
        self.depthwise_act = nn.PReLU(channels_in)
        self.pointwise = nn.Conv2d(channels_in, channels_out, 1)
        self.act = nn.PReLU(channels_out)

    def forward(self, x: Tensor) -> Tensor:
        shortcut = F.max_pool2d(x, 2) if self.stride == 2 else x
        shortcut = F.pad(shortcut, (0, 0, 0, 0, 0, self.wider))
        inner = self.depthwise_act(self.depthwise(pad_same(x, 3, self.stride)))
        return self.act(shortcut + self.pointwise(inner))


class FaceMesh192(nn.Module):
    """Depthwise separable blocks at six sizes from 96 down to 3 pixels, then eight channels for the outputs."""

    size = 192  # pixels of the input

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 3, 2)
        self.stem_act = nn.PReLU(16)
        widths = (16, 32, 64, 128, 128, 128)
        blocks = [_Block192(16, 16), _Block192(16, 16)]
        for before, after in pairwise(widths):
            blocks += [_Block192(before, after, 2), _Block192(after, after), _Block192(after, after)]
        self.blocks = nn.Sequential(*blocks)
        self.narrow = nn.Conv2d(128, 8, 1)
        self.narrow_act = nn.PReLU(8)
        self.last = _Block192(8, 8)
        self.presence = nn.Conv2d(8, 1, 3)
        self.landmarks = nn.Conv2d(8, LANDMARKS * 3, 3)

    def forward(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        """Predict landmarks (B N 3) and the presence (B) of a face as logit for ``picture`` (B 3 192 192) in 0..1."""
        x = self.blocks(self.stem_act(self.stem(pad_same(picture, 3, 2))))
        x = self.last(self.narrow_act(self.narrow(x)))
        return rearrange(self.landmarks(x), "b (n xyz) 1 1 -> b n xyz", xyz=3), self.presence(x).flatten()
