"""Makes a trained model part of the pack: half the bytes, and an entry in the manifest."""

import re
from dataclasses import asdict, replace
from pathlib import Path

import torch
from torch import Tensor

from ..errors import StyleHeadError
from ..model.files import load_stylehead, save_stylehead
from ..model.manifest import FOLDER, ManifestEntry, sha256_of
from ..model.stylehead import StyleHead
from ..networks.style_statistics import StyleStatistics, StyleStatisticsConfig
from ..ops.pixels import from_uint8

__all__ = ["embed", "enter", "measure_styles", "write_entry"]

MAX_DIFFERENCE = 1 / 255  # mean difference that a picture may have from the one that the full numbers draw


def embed(model: StyleHead, *, made_by: str, trained_on: str, note: str, folder: Path = FOLDER) -> ManifestEntry:
    """Write ``model`` into ``folder`` in float16, and say in the manifest what it is.

    Raises:
        StyleHeadError: the halved numbers draw other pictures.
    """
    name = model.config.name
    file = folder / f"{name}.safetensors"
    save_stylehead(model, file, recipe=made_by, dtype=torch.float16)
    different = _difference(model, load_stylehead(file))
    if not different <= MAX_DIFFERENCE:
        file.unlink()
        raise StyleHeadError(
            f"{name} in float16 draws a picture that is off by {different:.4f} on average, where colours go from -1 to "
            f"1; at most {MAX_DIFFERENCE:.4f} goes unseen. Keep it in float32."
        )
    return enter(file, made_by=made_by, trained_on=trained_on, note=note, license=model.config.license)


def enter(
    file: Path, *, made_by: str, trained_on: str, note: str, license: str = "Apache-2.0", kind: str = ""
) -> ManifestEntry:
    """Say in the manifest beside ``file`` what it is; its name there is the file's."""
    entry = ManifestEntry(
        name=file.stem,
        file=file.name,
        bytes=file.stat().st_size,
        sha256=sha256_of(file),
        license=license,
        origin="StyleHead",
        made_by=made_by,
        trained_on=trained_on,
        note=note,
        kind=kind,
    )
    write_entry(file.parent / "manifest.toml", entry)
    return entry


@torch.no_grad()
def measure_styles(model: StyleHead, pictures: Tensor, chunk: int = 32) -> None:
    """Give ``model`` the statistics of the styles that its encoder finds in ``pictures`` (N 3 S S), uint8."""
    styles = torch.cat(
        [
            model.encoder(model.resize(from_uint8(part).to(model.device), model.config.encoder.size))
            for part in pictures.split(chunk)
        ]
    )
    config = StyleStatisticsConfig(
        rows=styles.shape[1],
        style_dim=styles.shape[2],
        directions=min(StyleStatisticsConfig.directions, styles.shape[2]),
    )
    statistics = StyleStatistics(config).to(model.device)
    statistics.measure(styles)
    model.style_statistics, model.config = statistics, replace(model.config, style_statistics=config)


@torch.no_grad()
def _difference(one: StyleHead, other: StyleHead) -> float:
    """The mean difference of the pictures that both draw of the styles that each finds in a random picture."""
    rng = torch.Generator().manual_seed(0)
    picture = torch.rand(1, 3, 8, 8, generator=rng) * 2 - 1
    picture = torch.nn.functional.interpolate(picture, size=one.config.size, mode="bilinear")
    drawn = []
    for model in (one, other):
        styles = model.encoder(model.resize(picture, model.config.encoder.size))
        feature, rgb = model.lower(styles)
        drawn.append(model.upper(feature, styles, rgb))
    return float((drawn[0] - drawn[1]).abs().mean())


def write_entry(manifest: Path, entry: ManifestEntry) -> None:
    """Put ``entry`` in the manifest, in place of one of the same name; the rest of the file stays as it is."""
    text = manifest.read_text(encoding="utf-8") if manifest.is_file() else ""
    values = {key: value for key, value in asdict(entry).items() if key != "name" and value != ""}
    lines = [f"{key} = {_toml(value)}" for key, value in values.items()]
    table = "\n".join([f"[{entry.name}]", *lines]) + "\n"
    own = re.compile(rf"^\[{re.escape(entry.name)}\]\n(?:(?!\[).*\n?)*", re.MULTILINE)
    text = own.sub(lambda _: table, text) if own.search(text) else f"{text.rstrip()}\n\n{table}".lstrip()
    manifest.write_text(text, encoding="utf-8")


def _toml(value: str | int) -> str:
    if isinstance(value, int):
        return str(value)
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
