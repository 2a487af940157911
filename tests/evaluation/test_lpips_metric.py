"""LPIPS asks a network that is handed in: here one that counts pixels."""

import torch

from stylehead_core.evaluation.metrics.lpips import lpips


class MeanDifference(torch.nn.Module):
    def forward(self, generated: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return (generated - target).abs().mean(dim=(1, 2, 3), keepdim=True)


def test_the_network_sees_pictures_in_minus_one_to_one_and_answers_for_each():
    black, white = torch.zeros(2, 3, 8, 8).byte(), torch.full((2, 3, 8, 8), 255).byte()
    white[1] = 0
    assert lpips(black, white, MeanDifference()).tolist() == [2.0, 0.0]
