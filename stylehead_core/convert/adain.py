"""The official names of an adaptive instance normalisation."""

from .renaming import layer

__all__ = ["adain"]


def adain(theirs: str, ours: str) -> dict[str, str]:
    """Official name of each tensor -> ours."""
    return {
        **layer(f"{theirs}.mlp_shared.0", f"{ours}.shared"),
        **layer(f"{theirs}.mlp_gamma", f"{ours}.gamma"),
        **layer(f"{theirs}.mlp_beta", f"{ours}.beta"),
    }
