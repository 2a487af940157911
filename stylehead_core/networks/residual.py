"""Residual unit of the face recognition networks on which e4e and HFGI are built.

Axes: B batch, C channels, H W picture.

Source: ArcFace's IR-50 (arXiv 1801.07698) with squeeze-and-excitation (arXiv 1709.01507), as e4e uses them.
"""

import torch
from torch import Tensor, nn

__all__ = ["ResidualUnit", "stem"]

REDUCTION = 16  # reduction of the squeeze-and-excitation layer


def stem(inputs: int, outputs: int) -> nn.Sequential:
    """The first layer: convolution, norm and activation at full size."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.PReLU(outputs)
    )


class Attention(nn.Module):
    """Squeeze and excitation: scales each channel by a gate computed from the channel means."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        inner = max(channels // REDUCTION, 1)
        self.squeeze = nn.Conv2d(channels, inner, 1, bias=False)
        self.excite = nn.Conv2d(inner, channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        mean = x.mean(dim=(2, 3), keepdim=True)  # B C 1 1
        return x * torch.sigmoid(self.excite(torch.relu(self.squeeze(mean))))


class ResidualUnit(nn.Module):
    """Norm, two convolutions, norm, and a shortcut; the second convolution may halve the resolution."""

    def __init__(self, inputs: int, outputs: int, *, stride: int = 1, attention: bool = False) -> None:
        super().__init__()
        self.stride = stride
        self.norm_in = nn.BatchNorm2d(inputs)
        self.conv_in = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        self.slope = nn.PReLU(outputs)
        self.conv_out = nn.Conv2d(outputs, outputs, 3, stride=stride, padding=1, bias=False)
        self.norm_out = nn.BatchNorm2d(outputs)
        self.attention = Attention(outputs) if attention else None
        self.shortcut = (
            nn.Sequential(nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs))
            if inputs != outputs
            else None
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B C H W) to (B C' H/stride W/stride)."""
        y = self.norm_out(self.conv_out(self.slope(self.conv_in(self.norm_in(x)))))
        if self.attention is not None:
            y = self.attention(y)
        # Sliced, not strided in the convolution: with 8 channels torch 2.13 then writes out of bounds in training.
        kept = x[:, :, :: self.stride, :: self.stride]
        return y + (kept if self.shortcut is None else self.shortcut(kept))
