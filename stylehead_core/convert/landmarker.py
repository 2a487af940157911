"""Former place of ``load_landmarker``: kept in version 0.2 for scripts of 0.1, which import it from here."""

from ..landmarker.files import load_landmarker

__all__ = ["load_landmarker"]
