"""CSIM: similarity of identity."""

import torch.nn.functional as F
from torch import Tensor

__all__ = ["csim"]


def csim(generated: Tensor, source: Tensor) -> Tensor:
    """Cosine between identity embeddings; higher is better.

    Args:
        generated: (T D) embeddings of the generated frames, from a face recognition network.
        source: (1 D) of the portrait, or (T D).

    Returns:
        (T) in -1..1; 1 for the same embedding. What counts as the same person depends on the network: say which.

    Source: ArcFace embeddings of generated frame and source, as StyleHEAT's supplement names it.
    """
    return F.cosine_similarity(generated.float(), source.float(), dim=-1)
