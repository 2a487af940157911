"""torch's operations of oneDNN for float32 on a CPU: fused convolutions, and matrix products.

They are meant for programs that torch compiles, and have no backward pass. ``torch.mm`` uses MKL, whose AVX-512 code
runs on Intel's processors alone; oneDNN's runs wherever there is AVX-512
(docs/notes/0180-bands-that-flow-through-the-levels.md).
"""

import torch
from torch import Tensor

__all__ = ["HAS_ONEDNN", "can_use_onednn", "multiply"]

HAS_ONEDNN = torch.backends.mkldnn.is_available() and all(
    hasattr(torch.ops.mkldnn, name) for name in ("_convolution_pointwise", "_linear_pointwise")
)


def can_use_onednn(*tensors: Tensor) -> bool:
    """Whether torch's oneDNN operations can be called. Where they cannot, only speed is lost."""
    learns = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors)
    return (
        HAS_ONEDNN
        and all(tensor.device.type == "cpu" and tensor.dtype == torch.float32 for tensor in tensors)
        and not learns
        and not torch.compiler.is_compiling()  # the compiler fuses by itself
    )


def multiply(a: Tensor, b: Tensor) -> Tensor:
    """The matrix product of ``a`` (M K) and ``b`` (K N); either may be a transposed view."""
    if not can_use_onednn(a, b):
        return a @ b
    return torch.ops.mkldnn._linear_pointwise(a, b.t(), None, "none", [], "")
