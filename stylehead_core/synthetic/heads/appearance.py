"""Appearance of a synthetic person: attributes sampled from a seed, each of which can be changed alone.

Colours are linear RGB.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from types import MappingProxyType
from typing import Any

import numpy as np

from ...errors import ConfigError
from .glasses import SHAPES
from .hair import STYLES

__all__ = [
    "EDITS",
    "HAIR_COLORS",
    "HELD_OUT",
    "SKINS",
    "Appearance",
    "edit_pair",
    "linear",
    "sample_appearance",
    "skin_color",
]

HELD_OUT = 900_000  # first seed of the test set; these people are never trained on

Color = tuple[float, float, float]


def linear(code: str) -> np.ndarray:
    """Convert a display colour such as 'f3d9c8' to linear RGB (3)."""
    return (np.array([int(code[i : i + 2], 16) for i in (0, 2, 4)]) / 255.0) ** 2.2


SKINS = np.stack(
    [linear(c) for c in ("f3d9c8", "eecbb4", "e6b899", "d9a47f", "c48a63", "a56b45", "8a5434", "6b3f28", "4a2b1d")]
)  # tone 0 to 8
HAIR_COLORS: Mapping[str, np.ndarray] = MappingProxyType(
    {
        name: linear(code)
        for name, code in (
            *(("black", "15110f"), ("darkbrown", "2c1d14"), ("brown", "4a301e"), ("lightbrown", "6d4a2e")),
            *(("auburn", "6a2f1a"), ("red", "8f4a25"), ("darkblond", "8a6a42"), ("blond", "b89462")),
            *(("lightblond", "d8bd8c"), ("grey", "8d8a86"), ("white", "c9c6c0")),
        )
    }
)
IRISES = (  # outer colour, inner colour
    *(("5a3416", "24130a"), ("6b4a22", "3a2410"), ("7a6a34", "55401c"), ("5d7a50", "7a6a3a")),
    *(("5f86a6", "8fa9b8"), ("7d97a3", "a8b6ba"), ("4a2a14", "1b0d07"), ("3f6f9f", "7fa7c6")),
)
LIPSTICKS = ("a01226", "b32a30", "7d0c22", "b0403f", "8e1a46", "a8554a")
FRAMES = ("151515", "3a2418", "5a1f1f", "8a7f70", "1e2a44", "b09a60")  # of glasses
SHADOWS = ("4a2a1c", "3c2548", "80381f", "1f4468", "702a50")


@dataclass(frozen=True, kw_only=True)
class Appearance:
    """Attributes of one person; ``dataclasses.replace`` changes one of them."""

    seed: int
    identity: tuple[float, ...]  # coefficients of the face model's identity modes, in standard deviations
    feminine: float  # femininity of the shape, -0.3..1
    female: bool
    age: float  # 0 young .. 1 old
    tone: float  # skin tone, 0 light .. 8 dark
    tint: Color  # factors on the skin's colour
    blush: float
    freckles: float
    hair_style: str
    hair_color: Color
    hair_tip: float  # brightness of the tips relative to the roots
    hair_volume: float
    recede: float  # cm by which the hairline recedes
    brow_color: Color
    brow_density: float
    brow_length: float
    brow_strength: float
    beard: float  # 0 shaven .. 1 full
    makeup: float  # 0 none .. 1 strong
    lipstick: Color
    eye_shadow: Color
    iris: tuple[Color, Color]
    iris_size: float
    pupil: float
    teeth_white: float
    cloth: Color
    cloth_2: Color
    cloth_pattern: tuple[float, float, float]
    collar: tuple[float, float]  # depth of the V, width of the band in cm
    neckline: float  # cm: height where the clothes begin
    noise: tuple[float, float]  # texture offset of the skin's noise
    glasses: str = ""  # a shape of glasses.SHAPES; empty without glasses
    glasses_size: float = 1.0
    glasses_color: Color = (0.02, 0.02, 0.02)

    def __post_init__(self) -> None:
        if self.hair_style not in STYLES:
            raise ConfigError(f"There is no hair style {self.hair_style!r}. Known: {', '.join(STYLES)}.")
        if self.glasses and self.glasses not in SHAPES:
            raise ConfigError(f"There are no {self.glasses!r} glasses. Known: {', '.join(SHAPES)}.")


def _beta(rng: np.random.Generator, a: float, b: float) -> float:
    return float(rng.beta(a, b))


def sample_appearance(seed: int, **given: Any) -> Appearance:
    """Sample the appearance of a seed. ``given`` overrides attributes without changing the others.

    Raises:
        ConfigError: an attribute or one of its values is unknown.
    """
    unknown = set(given) - {field.name for field in fields(Appearance)}
    if unknown:
        raise ConfigError(f"An appearance has no attribute {', '.join(sorted(unknown))}.")
    rng = np.random.default_rng([seed, 0])
    female = bool(rng.random() < 0.5)
    # Smaller deviations for women, since the extremes of the modes have heavy features.
    identity = np.clip(rng.normal(0, 1, 100) * (0.72 if female else 0.85), -2.2, 2.2)
    identity[60:] *= 0.6
    age = _beta(rng, 1.2, 2.0)
    tone = _beta(rng, 1.1, 1.3) * (len(SKINS) - 1)
    hair = _hair_color(rng, age, tone)
    style = _hair_style(rng, female, tone)
    outside, inside = IRISES[int(rng.integers(len(IRISES))) if tone < 3 else (0, 0, 6, 1)[int(rng.integers(4))]]
    made_up = female and rng.random() < 0.75
    makeup = float(rng.random() ** 0.7) * made_up
    beard = (0.0, 0.25, 0.6, 1.0)[int(rng.choice(4, p=[0.4, 0.25, 0.2, 0.15]))]
    cloth, cloth_2 = (_cloth_color(rng) for _ in range(2))
    appearance = Appearance(
        seed=seed,
        identity=tuple(identity.tolist()),
        feminine=float(rng.uniform(0.6, 1.0) if female else rng.uniform(-0.25, 0.05)),
        female=female,
        age=age,
        tone=tone,
        tint=(float(1 + rng.normal(0, 0.03)), 1.0, float(1 + rng.normal(0, 0.05))),
        blush=float(rng.uniform(0.25, 0.6)),
        freckles=float(rng.random() ** 3 * (tone < 2)),
        hair_style=style,
        hair_color=_color(hair),
        hair_tip=float(rng.uniform(0.9, 1.5)),
        hair_volume=float(rng.uniform(0.85, 1.25)),
        recede=0.0 if female else float(max(0, age - 0.4) * 3 * rng.random()),
        brow_color=_color(hair * 0.7 + 0.3 * linear("2a1c14")),
        brow_density=float((0.8 if female else 1.1) * rng.uniform(0.7, 1.2)),
        brow_length=float(rng.uniform(0.8, 1.1)),
        brow_strength=float(rng.uniform(0.45, 0.8)),
        beard=0.0 if female else beard,
        makeup=makeup,
        lipstick=_color(linear(LIPSTICKS[int(rng.integers(len(LIPSTICKS)))])),
        eye_shadow=_color(linear(SHADOWS[int(rng.integers(len(SHADOWS)))])),
        iris=(_color(linear(outside)), _color(linear(inside))),
        iris_size=float(rng.uniform(0.95, 1.06)),
        pupil=float(rng.uniform(0.32, 0.48)),
        teeth_white=float(rng.uniform(0.55, 1)),
        cloth=cloth,
        cloth_2=cloth_2,
        cloth_pattern=(
            float(rng.choice(4, p=[0.55, 0.15, 0.1, 0.2])),
            float(rng.uniform(0.3, 0.9)),
            float(rng.uniform(0.3, 0.9)),
        ),
        collar=(
            float(rng.uniform(0.3, 1.1) * (rng.random() < 0.4)),
            float(rng.uniform(0.3, 1.0) * (rng.random() < 0.4)),
        ),
        neckline=float(rng.uniform(-12.5, -10.8)),
        noise=(float(rng.random()), float(rng.random())),
        glasses=tuple(SHAPES)[int(rng.integers(len(SHAPES)))] if rng.random() < 0.08 + 0.15 * age else "",
        glasses_size=float(rng.uniform(0.92, 1.1)),
        glasses_color=_color(linear(FRAMES[int(rng.integers(len(FRAMES)))])),
    )
    return replace(appearance, **given)


def skin_color(appearance: Appearance) -> np.ndarray:
    """Albedo (3) of the skin, linear RGB."""
    index = min(int(appearance.tone), len(SKINS) - 2)
    share = appearance.tone - index
    color = SKINS[index] * (1 - share) + SKINS[index + 1] * share
    # The swatches are colours of photographs: used as albedo, the light ones would be overexposed.
    luminance = float(color @ [0.2126, 0.7152, 0.0722])
    return color * min(1.0, (0.30 + (luminance - 0.30) * 0.42) / luminance) * np.array(appearance.tint)


EDITS: Mapping[str, tuple[Any, Any]] = MappingProxyType(
    {
        "age": (0.1, 0.95),
        "beard": (0.0, 1.0),
        "makeup": (0.0, 1.0),
        "tone": (0.8, 6.5),
        "hair_color": ("darkbrown", "lightblond"),
    }
)
"""Low and high value of each attribute that has an edit."""


def edit_pair(appearance: Appearance, attribute: str) -> tuple[Appearance, Appearance]:
    """The same person with the low and with the high value of ``attribute``."""
    low, high = EDITS[attribute]
    if attribute == "hair_color":
        return tuple(
            replace(appearance, hair_color=_color(HAIR_COLORS[name]), brow_color=_color(HAIR_COLORS[name] * 0.7))
            for name in (low, high)
        )  # type: ignore[return-value]  # two names, so a pair
    return replace(appearance, **{attribute: low}), replace(appearance, **{attribute: high})


def _color(values: np.ndarray) -> Color:
    red, green, blue = (float(value) for value in values)
    return red, green, blue


def _hair_color(rng: np.random.Generator, age: float, tone: float) -> np.ndarray:
    """Sample a hair colour that is plausible for the skin tone, and grey or white with age."""
    names = ["black", "darkbrown", "brown"]
    if tone < 2:
        names += ["lightbrown", "auburn", "red", "darkblond", "blond", "lightblond"]
    elif tone < 4:
        names += ["lightbrown", "darkblond"]
    elif tone >= 5:
        names = ["black", "black", "darkbrown"]
    natural = HAIR_COLORS[names[int(rng.integers(len(names)))]]
    greyed = float(np.clip((age - 0.45) * 2.2, 0, 1) * rng.random() ** 0.6)
    old = HAIR_COLORS["grey" if rng.random() < 0.6 else "white"]
    return natural * (1 - greyed) + old * greyed


def _hair_style(rng: np.random.Generator, female: bool, tone: float) -> str:
    if female:
        names = ("long", "medium", "bob", "back", "curly", "side", "short")
        style = names[int(rng.choice(7, p=[0.32, 0.2, 0.15, 0.13, 0.1, 0.05, 0.05]))]
    else:
        names = ("short", "side", "back", "buzz", "curly", "medium", "bald")
        style = names[int(rng.choice(7, p=[0.33, 0.2, 0.13, 0.14, 0.08, 0.05, 0.07]))]
    tight, kind = rng.random(2)
    if tone > 6 and tight < 0.5:
        return "curly" if kind < 0.6 else "buzz"
    return style


def _cloth_color(rng: np.random.Generator) -> Color:
    """Sample a colour of clothes: grey with little saturation."""
    grey = rng.uniform(0.05, 0.85)
    display = np.clip(grey + rng.normal(0, 0.12, 3), 0.03, 0.92)
    return _color(display**2.2)
