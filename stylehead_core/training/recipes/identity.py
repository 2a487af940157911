"""The recipe of the identity network, which sees landmarks, expression, attributes and identity of rendered heads."""

from ...datasets.attributes import ATTRIBUTES
from ...model.presets import debug
from ...networks.feature_network import FeatureNetworkConfig
from ..recipe import Recipe
from ..tasks.features import FeaturesTask

__all__ = ["identity"]


def identity(network: FeatureNetworkConfig = FeatureNetworkConfig(attributes=ATTRIBUTES)) -> Recipe:
    """Twelve people of four pictures a step: 5,000 steps are a quarter of an hour of one core."""
    return Recipe(
        name="identity",
        model=debug(),  # no part of a model is learnt
        task=FeaturesTask(network=network),
        steps=5000,
        batch=12,
        lr=2e-3,
        betas=(0.9, 0.99),
        grad_clip=5.0,
        ema_decay=0.995,
    )
