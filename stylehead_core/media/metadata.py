"""What a film says about itself, readable by any player: that it is synthetic, and how it was made."""

import json
from collections.abc import Mapping
from typing import Any

__all__ = ["SYNTHETIC", "VERSION", "video_metadata"]

VERSION = "0.2.0"  # of StyleHead, as in pyproject.toml
SYNTHETIC = "Synthetic: this person was animated with StyleHead and did not do or say this."


def video_metadata(settings: Mapping[str, Any]) -> dict[str, str]:
    """Metadata for a ``VideoWriter``, which adds the hash of the frames: with it, anyone can tell whether the same
    version and settings draw the same frames again.

    Args:
        settings: JSON values.
    """
    return {"comment": SYNTHETIC, "stylehead": json.dumps({"version": VERSION, "settings": dict(settings)})}
