"""The benchmark: one command that measures a model on heads and sentences that nothing has learnt from."""

import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from ..datasets.heads import Heads
from ..landmarker.landmarker import Landmarker
from ..model.stylehead import StyleHead
from ..networks.feature_network import FeatureNetwork
from .driven import cross_identity, same_identity
from .edited import edits
from .flow import flows
from .measures import load_measures
from .spoken import held_out_utterances, speech
from .unchanged import nothing

__all__ = ["Part", "benchmark", "table", "text"]

SENTENCES = 8


@dataclass(frozen=True, kw_only=True)
class Part:
    """One table of the benchmark."""

    title: str
    rows: tuple[Any, ...]  # frozen dataclasses of one kind
    skipped: str = ""  # why there are none


def benchmark(
    model: StyleHead,
    heads: Heads,
    landmarker: Landmarker,
    network: FeatureNetwork,
    *,
    sentences: int = SENTENCES,
    titles: Sequence[str] | None = None,
    tell: Callable[[Part], None] = lambda part: None,
) -> tuple[Part, ...]:
    """Every table there is to be had.

    Args:
        heads: measured, and held out.
        sentences: how many are spoken.
        titles: of the tables that are asked for; None = all.
        tell: called with each table as soon as it is there.
    """
    measures = load_measures(landmarker, network, heads)
    parts = []
    asked: tuple[tuple[str, str, Callable[[], Sequence[Any]]], ...] = (
        ("same identity", "", lambda: same_identity(model, heads, measures)),
        ("cross identity", "", lambda: cross_identity(model, heads, measures)),
        ("flow", "", lambda: flows(model, heads)),
        ("edits", _no_edits(model, heads), lambda: edits(model, heads, measures)),
        (
            "speech",
            _no_speech(model, sentences),
            lambda: speech(model, heads, measures, held_out_utterances(sentences)),
        ),
        ("nothing asked for", "", lambda: nothing(model, heads)),
    )
    for title, skipped, compute in asked:
        if titles is not None and title not in titles:
            continue
        part = Part(title=title, rows=() if skipped else tuple(compute()), skipped=skipped)
        parts.append(part)
        tell(part)
    return tuple(parts)


def _no_speech(model: StyleHead, sentences: int) -> str:
    if model.speech is None or not sentences:
        return "the model has no speech network" if sentences else "no sentences were asked for"
    if importlib.util.find_spec("espeakng_loader") is None:
        return "needs synthetic speech: pip install 'stylehead[heads]'"
    return ""


def _no_edits(model: StyleHead, heads: Heads) -> str:
    if not set(model.attributes) & set(heads.attributes) or not len(heads.edited):
        return "the model knows no attribute that these heads show"
    return ""


def table(rows: Sequence[Any]) -> str:
    """Rows as text for a document."""
    names = [field.name for field in fields(rows[0])]
    lines = [" | ".join(names), " | ".join("---" for _ in names)]
    lines += [" | ".join(_number(value) for value in asdict(row).values()) for row in rows]
    return "\n".join(f"| {line} |" for line in lines)


def text(part: Part) -> str:
    """A part as text for a document."""
    return f"## {part.title}\n\n{table(part.rows) if part.rows else f'Not measured: {part.skipped}.'}\n"


def _number(value: Any) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)
