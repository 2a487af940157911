"""A cut changes the whole picture at once; nothing that moves or leaves is one."""

import pytest
import torch

from stylehead_core.ops.cuts import CutDetector


def noise(seed: int, height: int = 90, width: int = 160) -> torch.Tensor:
    coarse = torch.rand(1, 3, 6, 8, generator=torch.Generator().manual_seed(seed)) * 255
    return torch.nn.functional.interpolate(coarse, size=(height, width), mode="bilinear")


def cuts(frames: torch.Tensor, chunk: int = 4) -> list[int]:
    """Frames in 0..255, or in [-1, 1]."""
    frames = frames.round().to(torch.uint8) if frames.max() > 1 else frames
    detector = CutDetector()
    found = [cut for part in frames.split(chunk) for cut in detector(part)]
    return [i for i, cut in enumerate(found) if cut]


@pytest.mark.parametrize("chunk", [1, 3, 20])
def test_a_clip_of_three_shots_has_two_cuts(chunk):
    frames = torch.cat([noise(0).expand(7, -1, -1, -1), noise(1).expand(1, -1, -1, -1), noise(2).expand(5, -1, -1, -1)])
    assert cuts(frames, chunk) == [7, 8]
    assert cuts(frames / 127.5 - 1, chunk) == [7, 8]


def test_a_pan_a_fade_and_somebody_who_leaves_are_no_cuts():
    wide = noise(0, width=400)
    pan = torch.cat([wide[..., 3 * i : 3 * i + 160] for i in range(20)])
    assert cuts(pan) == []
    whip = torch.cat([wide[..., 12 * i : 12 * i + 160] for i in range(20)])
    assert len(cuts(whip)) <= 3  # its beginning
    fade = torch.cat([noise(0) * (1 - i / 20) for i in range(20)])
    assert cuts(fade) == []
    room = noise(3).expand(8, -1, -1, -1).clone()
    room[:4, :, 20:, 40:100] = 255 - room[:4, :, 20:, 40:100]
    assert cuts(room) == []
