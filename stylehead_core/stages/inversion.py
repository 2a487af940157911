"""From a portrait to the codes that redraw it: by the encoder alone, or refined for this one picture.

Axes: R style rows, D style width, C h w the feature map, P size of the consulted picture, S size of the drawn picture.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import ConfigError, StyleHeadError
from ..model.stylehead import StyleHead
from ..networks.vgg import perceptual_loss
from ..records import Inversion, Portrait

__all__ = ["METHODS", "Method", "OptimiseConfig", "OptimiseStep", "invert"]

Method = Literal["encode", "optimise", "as published"]
METHODS: tuple[Method, ...] = ("encode", "optimise", "as published")
PUBLISHED_STEPS = 250


@dataclass(frozen=True, kw_only=True)
class OptimiseConfig:
    """How the codes are refined. Weights of zero leave a term out. Source: SPEC section 8."""

    lr: float = 0.01  # of Adam
    styles: Literal["fixed", "upper"] = "upper"
    """``upper`` also refines the style rows above the feature map, as the official code does; ``fixed`` leaves all rows
    alone, as the paper says. Measured in docs/notes/0003-which-latent-codes-to-optimise.md."""
    pixels: float = 1.0  # mean squared error at full size
    perceptual: float = 1.0  # where the model's file holds the network for it
    style: float = 250.0  # within the perceptual term
    perceptual_size: int = 256  # pixels
    plausible: float = 0.001  # of the styles, where the file holds their statistics and they are free
    near: float = 0.1  # mean squared distance of the feature map from where it began

    def __post_init__(self) -> None:
        weights = (self.pixels, self.perceptual, self.style, self.plausible, self.near)
        if self.lr <= 0 or min(weights) < 0 or self.perceptual_size < 16:
            raise ConfigError(
                "Optimisation needs a learning rate above 0, weights of at least 0 and a perceptual size from 16 up; "
                f"found {self}."
            )


@dataclass(frozen=True)
class OptimiseStep:
    done: int
    total: int
    losses: dict[str, float]  # each with its weight; and their sum, ``total``
    picture: Tensor  # (1 3 S S), drawn at the beginning of this step, not clamped
    styles: Tensor  # (R D) that it was drawn with


def invert(
    model: StyleHead,
    image: Tensor | Portrait,
    method: Method = "encode",
    steps: int = 250,
    on_step: Callable[[OptimiseStep], None] | None = None,
    config: OptimiseConfig = OptimiseConfig(),
    edited: Literal["moved", "consulted"] = "moved",
) -> Inversion:
    """Find the codes with which the generator redraws a face.

    Args:
        image: aligned picture (1 3 S S) in [-1, 1] of any size, or a portrait, whose landmarks, crop and (where they
            are in the model's space) coefficients the inversion then keeps.
        method: ``encode`` asks the networks, in a moment. ``optimise`` goes on from there, ``steps`` times. ``as
            published`` is the supplement's setting: 250 steps, styles fixed, and the encoder's codes for edits.
        on_step: called after each step of the optimisation; may raise to stop it.
        config: of the optimisation.
        edited: how later edits reach the feature map; see ``RenderConfig.edited``.

    Raises:
        InputError: the picture is not square, not in [-1, 1], or holds values that are no numbers.
        ConfigError: an unknown method, or fewer than one step.
    """
    portrait = image if isinstance(image, Portrait) else Portrait(image=image)
    own = model.own_coefficients(portrait)
    if own is not portrait.coefficients:
        portrait = replace(portrait, coefficients=own)
    if method not in METHODS:
        raise ConfigError(f"The method of inversion is {', '.join(map(repr, METHODS))}; found {method!r}.")
    if method == "as published":
        config, steps = replace(config, lr=OptimiseConfig.lr, styles="fixed"), PUBLISHED_STEPS
        edited = "moved" if model.consultation is None else "consulted"
    if edited == "consulted" and model.consultation is None:
        raise ConfigError(f"The model {model.config.name!r} has no consultation network that edits could ask again.")
    if method == "optimise" and steps < 1:
        raise ConfigError(f"Optimisation takes at least one step; found {steps}.")
    picture = portrait.image.to(model.device, torch.float32)
    if method == "encode":
        with torch.no_grad():
            return replace(_encode(model, portrait, picture), edited=edited)
    target = model.resize(picture, model.config.generator.size)
    with torch.no_grad():
        # As the official code: the networks see the picture at the generator's size. A compositor wants it as it is.
        start = replace(_encode(model, portrait, target if model.compositor is None else picture), edited=edited)
    return _optimise(model, start, picture, target, steps, on_step, config)


def _encode(model: StyleHead, portrait: Portrait, picture: Tensor) -> Inversion:
    """Styles by the encoder; then the feature map by what the styles alone do not redraw. Source: HFGI."""
    styles = model.encoder(model.resize(picture, model.config.encoder.size))
    feature, rgb = model.lower(styles)
    residual = None
    if model.consultation is not None:
        size = model.consultation.config.size
        first = model.resize(model.upper(feature, styles, rgb).clamp(-1, 1), size)
        residual = model.resize(picture, size) - first
        scale, shift = model.consult(residual, first)
        feature = feature * (1 + scale) + shift
    redrawn, detail = _redraw(model, picture, feature, styles, rgb)
    return Inversion(
        portrait=portrait,
        styles=styles[0],
        feature=feature[0],
        rgb=None if rgb is None else rgb[0],
        redrawn=redrawn,
        detail=detail,
        matte=_cut_out(model, portrait, redrawn),
        residual=residual,
    )


def _redraw(
    model: StyleHead, picture: Tensor, feature: Tensor, styles: Tensor, rgb: Tensor | None
) -> tuple[Tensor, Tensor | None]:
    """The redrawn portrait (1 3 S S), and the detail that the generator misses (1 3 s s), where the model warps it."""
    drawn = model.upper(feature, styles, rgb).clamp(-1, 1)
    if not model.config.carry_detail:
        return drawn, None
    detail = model.resize(picture, model.config.generator.size) - drawn
    if model.compositor is not None:
        return model.resize(picture, model.config.size).clamp(-1, 1), detail
    return (drawn + detail).clamp(-1, 1), detail


def _cut_out(model: StyleHead, portrait: Portrait, picture: Tensor) -> Tensor | None:
    landmarks = None if portrait.landmarks is None else portrait.landmarks[None].to(picture)
    return model.cut_out(picture, landmarks, portrait.image.shape[-1])


def _optimise(
    model: StyleHead,
    start: Inversion,
    full: Tensor,
    target: Tensor,
    steps: int,
    on_step: Callable[[OptimiseStep], None] | None,
    config: OptimiseConfig,
) -> Inversion:
    # A host may run us inside inference_mode, whose tensors never learn: leave it, and copy what comes from there.
    with torch.inference_mode(False), torch.enable_grad():
        for part in (model.generator, model.perceptual, model.style_prior):
            _let_gradients_through(part)
        target, anchor = target.clone(), start.feature[None].clone()
        rgb = None if start.rgb is None else start.rgb[None].clone()
        held = start.styles[None].clone()
        first_free = model.config.generator.row(model.config.generator.waist) + 1
        free = held[:, first_free:].clone().requires_grad_(config.styles == "upper")
        feature = anchor.clone().requires_grad_()
        optimiser = torch.optim.Adam([feature, free] if free.requires_grad else [feature], lr=config.lr)
        fixed = None if free.requires_grad else model.generator.prepare(held)
        for step in range(1, steps + 1):
            styles = torch.cat((held[:, :first_free], free), dim=1)
            prepared = model.generator.prepare(styles) if fixed is None else fixed
            picture = model.generator.draw(feature.to(model.dtype), prepared, rgb).float()
            losses = _losses(model, config, picture, target, styles, feature, anchor)
            total = sum(losses.values(), torch.zeros((), device=target.device))
            if not torch.isfinite(total):
                raise StyleHeadError(
                    f"Refining the inversion went astray in step {step}: the loss is {float(total.detach())}. "
                    "Take a smaller learning rate, or draw in float32."
                )
            optimiser.zero_grad()
            total.backward()
            optimiser.step()
            if on_step is not None:
                numbers = {name: float(loss.detach()) for name, loss in losses.items()} | {
                    "total": float(total.detach())
                }
                on_step(OptimiseStep(step, steps, numbers, picture.detach(), styles.detach()[0]))
        feature = feature.detach()
        styles = torch.cat((held[:, :first_free], free.detach()), dim=1)
    with torch.no_grad():
        redrawn, detail = _redraw(model, full, feature, styles, rgb)
    return replace(
        start,
        styles=styles[0],
        feature=feature[0],
        redrawn=redrawn,
        detail=detail,
        residual=None,  # it belongs to the encoder's feature map, which this is no longer
        encoded=start,
    )


def _losses(
    model: StyleHead,
    config: OptimiseConfig,
    picture: Tensor,
    target: Tensor,
    styles: Tensor,
    feature: Tensor,
    anchor: Tensor,
) -> dict[str, Tensor]:
    losses = {}
    if config.pixels:
        losses["pixels"] = config.pixels * F.mse_loss(picture, target)
    if config.perceptual and model.perceptual is not None:
        small = [model.resize(x, min(config.perceptual_size, x.shape[-1])) for x in (picture, target)]
        alike = (1.0,) * len(model.perceptual.config.widths)
        difference = perceptual_loss(model.perceptual, *small, style=config.style, weights=alike)
        losses["perceptual"] = config.perceptual * difference
    if config.plausible and model.style_prior is not None and styles.requires_grad:
        losses["plausible"] = config.plausible * model.style_prior(styles)
    if config.near:
        losses["near"] = config.near * F.mse_loss(feature, anchor)
    return losses


def _let_gradients_through(part: nn.Module | None) -> None:
    """Replace weights that a host has moved inside inference_mode by equal ones that a backward pass accepts."""
    for module in part.modules() if part is not None else ():
        for name, tensor in module._parameters.items():
            if tensor is not None and tensor.is_inference():
                module._parameters[name] = nn.Parameter(tensor.clone(), requires_grad=False)
        for name, tensor in module._buffers.items():
            if tensor is not None and tensor.is_inference():
                module._buffers[name] = tensor.clone()
