"""Random heads with the landmarker's canonical face in them: enough to try every recipe of the ``debug`` chain.

Networks learn nothing useful from them; for that, render heads with ``stylehead heads``.
"""

import torch

from ..ops.pose import CanonicalFace, HeadPose, angles_to_matrix, placement
from ..synthetic.heads.appearance import EDITS
from .heads import Heads

__all__ = ["random_heads"]

SIZE, FLOW, PEOPLE, FRAMES = 128, 64, 3, 4


def random_heads(canonical: CanonicalFace) -> Heads:
    """Three people in four poses each, on pictures of coarse noise."""
    rng = torch.Generator().manual_seed(0)
    count = PEOPLE * FRAMES
    angles = 0.2 * torch.randn(count, 3, generator=rng)
    pose = HeadPose(
        rotation=angles_to_matrix(angles),
        scale=torch.full((count,), 4.5),
        centre=torch.tensor([64.0, 70.0, 0.0]).expand(count, 3),
    )
    irises = canonical.vertices[[468 - 1] * 10]
    landmarks = pose.pose(torch.cat((canonical.vertices, irises)).expand(count, -1, -1))
    expression = torch.rand(count, 52, generator=rng)
    coarse = torch.rand(count, 3, 8, 8, generator=rng)
    pictures = (torch.nn.functional.interpolate(coarse, size=SIZE, mode="bilinear") * 255).byte()
    source = torch.arange(count)
    return Heads(
        pictures=pictures,
        landmarks=landmarks,
        coefficients=torch.cat((expression, angles, placement(pose, SIZE, canonical)), dim=1),
        weights=expression,
        person=source // FRAMES,
        source=source,
        target=source // FRAMES * FRAMES + (source + 1) % FRAMES,
        flow=torch.randn(count, 2, FLOW, FLOW, generator=rng).half(),
        visible=(torch.rand(count, 1, FLOW, FLOW, generator=rng) > 0.1).byte(),
        edited=pictures[:10].clone().view(5, 2, 3, SIZE, SIZE),
        attribute=torch.arange(5),
        edited_person=torch.arange(5) % PEOPLE,
        attributes=tuple(EDITS),
    )
