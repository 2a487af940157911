"""The types of our own sockets, and schemas that also work in ComfyUIs which lack the newest fields."""

import dataclasses

from comfy_api.latest import io

Model = io.Custom("STYLEHEAD_MODEL")  # bridge.Managed[StyleHead]
Inversion = io.Custom("STYLEHEAD_INVERSION")  # records.Inversion
Motion = io.Custom("STYLEHEAD_MOTION")  # records.Motion
Head = io.Custom("STYLEHEAD_HEAD")  # records.Head

CATEGORY = "StyleHead"

_KNOWN = {known.name for known in dataclasses.fields(io.Schema)}


def Schema(*, search_aliases: list[str], **fields) -> io.Schema:  # ComfyUI-Manager's scan looks for this name
    """``io.Schema`` in our category, with search words where this ComfyUI has them (0.11 and newer)."""
    if "search_aliases" in _KNOWN:
        fields["search_aliases"] = search_aliases
    return io.Schema(category=CATEGORY, **fields)


def advanced(kind, name: str, **fields) -> io.Input:
    """An input for experts: folded away where this ComfyUI can (0.10 and newer), like any other elsewhere."""
    try:
        return kind.Input(name, advanced=True, **fields)
    except TypeError:
        return kind.Input(name, **fields)
