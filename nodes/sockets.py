"""What schemas of our nodes are made of: our own socket types, and fields that older ComfyUIs lack."""

import dataclasses
from typing import Literal

from comfy_api.latest import io

Model = io.Custom("STYLEHEAD_MODEL")  # bridge.Managed[StyleHead]
Inversion = io.Custom("STYLEHEAD_INVERSION")  # model_record.ModelRecord[records.Inversion]
Motion = io.Custom("STYLEHEAD_MOTION")  # records.Motion
Head = io.Custom("STYLEHEAD_HEAD")  # model_record.ModelRecord[records.Head]

CATEGORY = "StyleHead"
Menu = Literal["", "motion", "edit", "output", "tools"]  # the part of our category in the node menu

_KNOWN = {known.name for known in dataclasses.fields(io.Schema)}


def Schema(*, search_aliases: list[str], menu: Menu = "", **fields) -> io.Schema:  # ComfyUI-Manager looks for this name
    """``io.Schema`` in our category, with search words where this ComfyUI has them (0.11 and newer)."""
    if "search_aliases" in _KNOWN:
        fields["search_aliases"] = search_aliases
    return io.Schema(category=f"{CATEGORY}/{menu}" if menu else CATEGORY, **fields)


def model_input(maker: str = "") -> io.Input:
    """The model: optional wherever another input brings its own (``model_record``), required in no node."""
    source = f"the one that made the {maker}" if maker else "the embedded one"
    return Model.Input("model", optional=True, tooltip=f"From Load StyleHead Model. Not wired: {source}.")


def advanced(kind, name: str, **fields) -> io.Input:
    """An input for experts: folded away where this ComfyUI can (0.10 and newer), like any other elsewhere."""
    try:
        return kind.Input(name, advanced=True, **fields)
    except TypeError:
        return kind.Input(name, **fields)
