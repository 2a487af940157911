"""The embedded identity network, under the name by which metrics and training know it."""

from ..model.identity_network import EMBEDDED, IdentityOfHeads, load_features

__all__ = ["EMBEDDED", "IdentityOfHeads", "load_features"]
