"""Conversion of the official motion generators (``video_warper``, ``audio_warper``) to our networks and back.

Each contains an encoder and a flow network. In ``StyleHead`` they are separate: ``motion_encoder`` and ``flow_field``,
``audio_encoder`` and ``audio_flow_field``. The official spelling distinguishes them: the flow network is
``warping_net`` for video, but ``warpping_net`` for audio.
"""

from collections.abc import Mapping

from torch import Tensor

from ..networks.audio_encoder import AudioEncoderConfig
from ..networks.flow_field import FlowFieldConfig
from ..networks.motion_encoder import MotionEncoderConfig
from .adain import adain
from .renaming import invert, layer, rename

__all__ = ["AUDIO_ENCODER", "FLOW_FIELD", "MOTION_ENCODER", "from_official", "to_official"]

WHAT = "the official motion generators"
MOTION_ENCODER = MotionEncoderConfig()
AUDIO_ENCODER = AudioEncoderConfig(form="conv")
FLOW_FIELD = FlowFieldConfig()  # of both


def from_official(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Convert a ``video_warper``, an ``audio_warper`` or both (names without those prefixes) to our state dict."""
    renamed = rename(state, _names_of(state), what=WHAT)
    return {key: tensor.flatten() if _is_layer_norm(key) else tensor for key, tensor in renamed.items()}


def to_official(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Convert back to the official state dict."""
    shaped = {key: tensor[:, None, None] if _is_layer_norm(key) else tensor for key, tensor in state.items()}
    return rename(shaped, invert(_names_of(state)), what=WHAT)


def _is_layer_norm(key: str) -> bool:
    """Whether the tensor is a layer norm's: officially (C 1 1), ours (C)."""
    return key.rpartition(".")[0] in ("flow_field.norm", "audio_flow_field.norm")


def _names_of(state: Mapping[str, Tensor]) -> dict[str, str]:
    """Map official names to ours, for the generators that ``state`` has tensors of."""
    parts = {key.partition(".")[0] for key in state}
    names = {}
    if parts & {"audio_encoder", "warpping_net", "audio_flow_field"}:
        names |= _encoder("audio_encoder", "audio_encoder.network")
        names |= _flow_field("warpping_net", "audio_flow_field")
    if not names or parts & {"mapping_net", "motion_encoder", "warping_net", "flow_field"}:
        names |= _encoder("mapping_net", "motion_encoder")
        names |= _flow_field("warping_net", "flow_field")
    return names


def _encoder(theirs: str, ours: str) -> dict[str, str]:
    names = layer(f"{theirs}.first.0", f"{ours}.first")
    for i in range(MOTION_ENCODER.blocks):
        names |= layer(f"{theirs}.encoder{i}.1", f"{ours}.blocks.{i}")
    return names


def _flow_field(theirs: str, ours: str) -> dict[str, str]:
    names = layer(f"{theirs}.hourglass.encoder.input_layer", f"{ours}.first")
    for i in range(FLOW_FIELD.down):
        block = f"{theirs}.hourglass.encoder.encoder{i}"
        names |= _adain_layer(block, "0", f"{ours}.down.{i}", "shrink")
        names |= _adain_layer(block, "1", f"{ours}.down.{i}", "mix")
    for i in range(FLOW_FIELD.up):
        block = f"{theirs}.hourglass.decoder.decoder{FLOW_FIELD.down - 1 - i}"
        names |= _adain_layer(block, "0", f"{ours}.up.{i}", "mix")
        names |= _adain_layer(block, "1", f"{ours}.up.{i}", "grow")
        names |= _adain_layer(block, "s", f"{ours}.up.{i}", "short")
    names |= layer(f"{theirs}.flow_out.0", f"{ours}.norm")
    names |= layer(f"{theirs}.flow_out.2", f"{ours}.last")
    return names


def _adain_layer(their_block: str, their_part: str, our_block: str, our_part: str) -> dict[str, str]:
    """Names of a convolution and of the AdaIN before it."""
    return {
        **layer(f"{their_block}.conv_{their_part}", f"{our_block}.{our_part}"),
        **adain(f"{their_block}.norm_{their_part}", f"{our_block}.norm_{our_part}"),
    }
