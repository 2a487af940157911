"""Conversion of the official e4e encoder (``Encoder_e4e.pth``: ``encoder``, ``latent_avg``) to ``Encoder`` and back."""

from collections.abc import Mapping

from torch import Tensor

from ..networks.encoder import EncoderConfig
from .renaming import backbone_names, invert, rename

__all__ = ["from_official", "names", "to_official"]

WHAT = "the e4e encoder (Encoder_e4e.pth)"


def names(config: EncoderConfig = EncoderConfig()) -> dict[str, str]:
    """Map official names to ours."""
    found = backbone_names(config.widths, config.units)
    for part in ("weight", "bias"):
        found[f"latlayer1.{part}"] = f"middle.{part}"
        found[f"latlayer2.{part}"] = f"fine.{part}"
        for row in range(config.rows):
            found[f"styles.{row}.linear.{part}"] = f"heads.{row}.linear.{part}"
            for step in range(config.head_size(row).bit_length() - 1):
                found[f"styles.{row}.convs.{2 * step}.{part}"] = f"heads.{row}.convs.{step}.{part}"
    return found


def from_official(
    encoder: Mapping[str, Tensor], latent_avg: Tensor, config: EncoderConfig = EncoderConfig()
) -> dict[str, Tensor]:
    """Convert to the state dict of ``Encoder(config)``. ``latent_avg`` is (R D), or (D) for all rows."""
    mean = latent_avg.expand(config.rows, -1).clone()
    return {**rename(encoder, names(config), what=WHAT), "mean_styles": mean}


def to_official(
    state: Mapping[str, Tensor], config: EncoderConfig = EncoderConfig()
) -> tuple[dict[str, Tensor], Tensor]:
    """Convert back to the official ``encoder`` and ``latent_avg`` (R D)."""
    official = rename(state, invert(names(config)), what="an Encoder", dropped="mean_styles")
    return official, state["mean_styles"]
