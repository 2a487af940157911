"""Inception network for FID: the features of its third pooling, 2048 wide.

Axes: B batch, C channels, H W picture.

Source: Inception v3 (arXiv 1512.00567) in the form of TensorFlow's 2015 weights, which every FID since Heusel et al.
(2017) uses. It differs from the usual form in its poolings: averages exclude the padding, and the last one is a
maximum. Layer names are those of the published file.
"""

from collections.abc import Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["FEATURES", "Inception"]

FEATURES = 2048
INPUT_SIZE = 299  # pixels of the input

Kernel = tuple[int, int]  # height, width
Layer = tuple[str, int, Kernel]  # name, width, kernel
Branch = Sequence[Layer | list[Layer]]
"""Layers in sequence; those in a list get the same input, and their outputs are concatenated."""

KERNEL_1, KERNEL_3, KERNEL_5 = (1, 1), (3, 3), (5, 5)


class Convolution(nn.Module):
    def __init__(self, inputs: int, outputs: int, kernel: Kernel, stride: int = 1, padding: Kernel = (0, 0)) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(outputs, eps=0.001)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(x)))


class Mixed(nn.Module):
    """Parallel branches and a pooling, concatenated. With ``halves`` the last layer of each halves the resolution."""

    def __init__(
        self,
        inputs: int,
        branches: Sequence[Branch],
        *,
        pool: Literal["average", "maximum"] = "average",
        pooled: int | None = None,
        halves: bool = False,
    ) -> None:
        super().__init__()
        self.branches = [[step if isinstance(step, list) else [step] for step in branch] for branch in branches]
        self.pool, self.halves = pool, halves
        self.outputs = pooled or inputs
        for branch in self.branches:
            width = inputs
            for number, step in enumerate(branch):
                last = halves and number == len(branch) - 1
                for name, outputs, (height, across) in step:
                    padding = (0, 0) if last else (height // 2, across // 2)
                    self.add_module(name, Convolution(width, outputs, (height, across), 2 if last else 1, padding))
                width = sum(outputs for _, outputs, _ in step)
            self.outputs += width
        self.branch_pool = Convolution(inputs, pooled, KERNEL_1) if pooled else None

    def forward(self, x: Tensor) -> Tensor:
        found = []
        for branch in self.branches:
            y = x
            for step in branch:
                y = torch.cat([self.get_submodule(name)(y) for name, *_ in step], dim=1)
            found.append(y)
        stride, padding = (2, 0) if self.halves else (1, 1)
        if self.pool == "maximum":
            y = F.max_pool2d(x, 3, stride, padding)
        else:
            y = F.avg_pool2d(x, 3, stride, padding, count_include_pad=False)
        found.append(y if self.branch_pool is None else self.branch_pool(y))
        return torch.cat(found, dim=1)


def _mixed_a(inputs: int, pooled: int) -> Mixed:
    double = [("branch3x3dbl_1", 64, KERNEL_1), ("branch3x3dbl_2", 96, KERNEL_3), ("branch3x3dbl_3", 96, KERNEL_3)]
    five = [("branch5x5_1", 48, KERNEL_1), ("branch5x5_2", 64, KERNEL_5)]
    return Mixed(inputs, [[("branch1x1", 64, KERNEL_1)], five, double], pooled=pooled)


def _mixed_b(inputs: int) -> Mixed:
    double = [("branch3x3dbl_1", 64, KERNEL_1), ("branch3x3dbl_2", 96, KERNEL_3), ("branch3x3dbl_3", 96, KERNEL_3)]
    return Mixed(inputs, [[("branch3x3", 384, KERNEL_3)], double], pool="maximum", halves=True)


def _mixed_c(inputs: int, inner: int) -> Mixed:
    row, column = (1, 7), (7, 1)
    single = [("branch7x7_1", inner, KERNEL_1), ("branch7x7_2", inner, row), ("branch7x7_3", 192, column)]
    double = [
        ("branch7x7dbl_1", inner, KERNEL_1),
        ("branch7x7dbl_2", inner, column),
        ("branch7x7dbl_3", inner, row),
        ("branch7x7dbl_4", inner, column),
        ("branch7x7dbl_5", 192, row),
    ]
    return Mixed(inputs, [[("branch1x1", 192, KERNEL_1)], single, double], pooled=192)


def _mixed_d(inputs: int) -> Mixed:
    three = [("branch3x3_1", 192, KERNEL_1), ("branch3x3_2", 320, KERNEL_3)]
    seven = [
        ("branch7x7x3_1", 192, KERNEL_1),
        ("branch7x7x3_2", 192, (1, 7)),
        ("branch7x7x3_3", 192, (7, 1)),
        ("branch7x7x3_4", 192, KERNEL_3),
    ]
    return Mixed(inputs, [three, seven], pool="maximum", halves=True)


def _mixed_e(inputs: int, pool: Literal["average", "maximum"]) -> Mixed:
    three = [("branch3x3_1", 384, KERNEL_1), [("branch3x3_2a", 384, (1, 3)), ("branch3x3_2b", 384, (3, 1))]]
    double = [
        ("branch3x3dbl_1", 448, KERNEL_1),
        ("branch3x3dbl_2", 384, KERNEL_3),
        [("branch3x3dbl_3a", 384, (1, 3)), ("branch3x3dbl_3b", 384, (3, 1))],
    ]
    return Mixed(inputs, [[("branch1x1", 320, KERNEL_1)], three, double], pool=pool, pooled=192)


class Inception(nn.Module):
    """Inception v3 without its classifier."""

    def __init__(self) -> None:
        super().__init__()
        self.Conv2d_1a_3x3 = Convolution(3, 32, KERNEL_3, 2)
        self.Conv2d_2a_3x3 = Convolution(32, 32, KERNEL_3)
        self.Conv2d_2b_3x3 = Convolution(32, 64, KERNEL_3, padding=(1, 1))
        self.Conv2d_3b_1x1 = Convolution(64, 80, KERNEL_1)
        self.Conv2d_4a_3x3 = Convolution(80, 192, KERNEL_3)
        self.Mixed_5b, self.Mixed_5c, self.Mixed_5d = _mixed_a(192, 32), _mixed_a(256, 64), _mixed_a(288, 64)
        self.Mixed_6a = _mixed_b(288)
        self.Mixed_6b, self.Mixed_6c = _mixed_c(768, 128), _mixed_c(768, 160)
        self.Mixed_6d, self.Mixed_6e = _mixed_c(768, 160), _mixed_c(768, 192)
        self.Mixed_7a = _mixed_d(768)
        self.Mixed_7b, self.Mixed_7c = _mixed_e(1280, "average"), _mixed_e(2048, "maximum")

    def forward(self, pictures: Tensor) -> Tensor:
        """Features (B 2048) of ``pictures`` (B 3 H W) in [-1, 1], resized as in the usual FID programs (no
        antialias).
        """
        x = F.interpolate(pictures, size=(INPUT_SIZE, INPUT_SIZE), mode="bilinear", align_corners=False)
        x = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(x)))
        x = self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(F.max_pool2d(x, 3, 2)))
        x = self.Mixed_5d(self.Mixed_5c(self.Mixed_5b(F.max_pool2d(x, 3, 2))))
        x = self.Mixed_6e(self.Mixed_6d(self.Mixed_6c(self.Mixed_6b(self.Mixed_6a(x)))))
        x = self.Mixed_7c(self.Mixed_7b(self.Mixed_7a(x)))
        return x.mean(dim=(2, 3))
