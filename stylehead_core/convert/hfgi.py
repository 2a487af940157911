"""Conversion of HFGI (``hfgi.pth``: ``aligner``, ``encoder``) to ``Aligner`` and ``Consultation`` and back."""

from collections.abc import Mapping
from itertools import pairwise

from torch import Tensor

from ..networks.aligner import AlignerConfig
from ..networks.consultation import ConsultationConfig
from .renaming import invert, rename, stem_names, unit_names

__all__ = [
    "aligner_from_official",
    "aligner_names",
    "aligner_to_official",
    "consultation_from_official",
    "consultation_names",
    "consultation_to_official",
]


def aligner_names(config: AlignerConfig = AlignerConfig()) -> dict[str, str]:
    """Map the official names of the aligner to ours."""
    full, half, quarter, eighth = config.widths
    down = ((full, half), (half, quarter), (quarter, eighth))
    up = ((eighth + quarter, eighth, half), (2 * half, half, full), (2 * full, full, 3))
    found = stem_names("conv_layer1", "stem")
    for stage, (inputs, outputs) in enumerate(down):
        found |= _stage(f"conv_layer{stage + 2}", f"down.{stage}", (inputs, outputs, outputs, outputs))
    for stage, (inputs, inner, outputs) in enumerate(up):
        found |= _stage(f"dconv_layer{stage + 1}", f"up.{stage}", (inputs, inner, outputs, outputs))
    return found


def consultation_names(config: ConsultationConfig = ConsultationConfig()) -> dict[str, str]:
    """Map the official names of the consultation encoder to ours."""
    first, second, third = config.widths
    found = {
        **stem_names("conv_layer1", "stem"),
        **_stage("conv_layer2", "stages.0", (first, second, second, second)),
        **_stage("conv_layer3", "stages.1", (second, third, third, third)),
    }
    for kind in ("scale", "shift"):
        for part in ("weight", "bias"):
            found[f"condition_{kind}3.0.{part}"] = f"{kind}.first.{part}"
            found[f"condition_{kind}3.2.{part}"] = f"{kind}.last.{part}"
    return found


def aligner_from_official(state: Mapping[str, Tensor], config: AlignerConfig = AlignerConfig()) -> dict[str, Tensor]:
    """Convert to the state dict of ``Aligner(config)``."""
    return rename(state, aligner_names(config), what="the HFGI aligner (hfgi.pth, 'aligner')")


def aligner_to_official(state: Mapping[str, Tensor], config: AlignerConfig = AlignerConfig()) -> dict[str, Tensor]:
    """Convert back to the official ``aligner``."""
    return rename(state, invert(aligner_names(config)), what="an Aligner")


def consultation_from_official(
    state: Mapping[str, Tensor], config: ConsultationConfig = ConsultationConfig()
) -> dict[str, Tensor]:
    """Convert to the state dict of ``Consultation(config)``."""
    return rename(state, consultation_names(config), what="the HFGI consultation encoder (hfgi.pth, 'encoder')")


def consultation_to_official(
    state: Mapping[str, Tensor], config: ConsultationConfig = ConsultationConfig()
) -> dict[str, Tensor]:
    """Convert back to the official ``encoder``."""
    return rename(state, invert(consultation_names(config)), what="a Consultation")


def _stage(official: str, own: str, channels: tuple[int, int, int, int]) -> dict[str, str]:
    """Names of a stage of residual units."""
    found = {}
    for unit, (inputs, outputs) in enumerate(pairwise(channels)):
        found |= unit_names(f"{official}.{unit}", f"{own}.{unit}", shortcut=inputs != outputs, attention=False)
    return found
