"""Former place of ``load_stylehead``: kept in version 0.2 for scripts of 0.1, which import it from here."""

from .model.files import load_stylehead

__all__ = ["load_stylehead"]
