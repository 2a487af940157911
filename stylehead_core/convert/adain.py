"""Names of ``AdaIN`` in official checkpoints."""

from .renaming import layer

__all__ = ["adain"]


def adain(theirs: str, ours: str) -> dict[str, str]:
    """Map the official name of each tensor to ours."""
    return {
        **layer(f"{theirs}.mlp_shared.0", f"{ours}.shared"),
        **layer(f"{theirs}.mlp_gamma", f"{ours}.gamma"),
        **layer(f"{theirs}.mlp_beta", f"{ours}.beta"),
    }
