"""A trained model becomes part of the pack with half the bytes and an entry that tells where it comes from."""

import pytest
import torch

from stylehead_core import cli
from stylehead_core.errors import StyleHeadError
from stylehead_core.model.files import load_stylehead, save_stylehead
from stylehead_core.model.manifest import read_manifest, verify
from stylehead_core.model.presets import debug
from stylehead_core.model.stylehead import build
from stylehead_core.networks.feature_network import FEATURES_KIND
from stylehead_core.tensor_files import write_tensors
from stylehead_core.training.embed import embed

WORDS = {"made_by": "a test", "trained_on": 'nothing, "really"', "note": "docs/notes"}


def test_the_embedded_file_is_the_one_in_the_manifest(tmp_path):
    embed(build(debug()), folder=tmp_path, **WORDS)
    entry = read_manifest(tmp_path / "manifest.toml")["debug-arkit"]
    verify(entry, tmp_path / entry.file)
    assert entry.trained_on == WORDS["trained_on"]
    assert entry.embedded


def test_a_second_time_replaces_the_entry_and_leaves_the_others(tmp_path):
    manifest = tmp_path / "manifest.toml"
    first = embed(build(debug()), folder=tmp_path, **WORDS)
    text = manifest.read_text()
    manifest.write_text(
        "# kept\n[other]\nfile = 'x'\nbytes = 1\nsha256 = '" + "0" * 64 + "'\nlicense = 'L'\norigin = 'O'\n\n" + text
    )
    second = embed(build(debug(), seed=1), folder=tmp_path, **WORDS)
    assert first.sha256 != second.sha256
    known = read_manifest(manifest)
    assert list(known) == ["other", "debug-arkit"]
    assert known["debug-arkit"] == second
    assert manifest.read_text().startswith("# kept")


def test_numbers_that_half_precision_cannot_hold_are_refused(tmp_path):
    model = build(debug())
    with torch.no_grad():
        model.generator.levels["64"].rgb.bias.fill_(1e5)
    with pytest.raises(StyleHeadError, match="float16"):
        embed(model, folder=tmp_path, **WORDS)
    assert not list(tmp_path.glob("*.safetensors"))


def test_the_halved_file_loads_in_float32(tmp_path):
    model = build(debug())
    embed(model, folder=tmp_path, **WORDS)
    assert load_stylehead(tmp_path / "debug-arkit.safetensors").dtype == torch.float32


def command(tmp_path, file, *words):
    said = ["--made-by", "a test", "--trained-on", "nothing", "--note", "docs/notes", "--folder", tmp_path]
    return cli.main([str(word) for word in ("embed", file, *said, *words)])


def test_the_command_embeds_a_model(tmp_path, capsys):
    file, folder = tmp_path / "model.safetensors", tmp_path / "weights"
    folder.mkdir()
    save_stylehead(build(debug()), file)
    assert command(folder, file) == 0
    entry = read_manifest(folder / "manifest.toml")["debug-arkit"]
    assert entry.sha256 in capsys.readouterr().out


def test_the_command_embeds_an_identity_network_under_another_name(tmp_path):
    file, folder = tmp_path / "judge.safetensors", tmp_path / "weights"
    folder.mkdir()
    write_tensors(file, FEATURES_KIND, {"a": torch.zeros(1)}, {})
    assert command(folder, file, "--kind", FEATURES_KIND, "--name", "own-identity") == 0
    entry = read_manifest(folder / "manifest.toml")["own-identity"]
    assert entry.kind == FEATURES_KIND
    verify(entry, folder / "own-identity.safetensors")


def test_the_command_refuses_a_file_of_another_kind(tmp_path, capsys):
    file = tmp_path / "judge.safetensors"
    write_tensors(file, "something", {"a": torch.zeros(1)}, {})
    assert command(tmp_path, file, "--kind", FEATURES_KIND) == 1
    assert "another kind" in capsys.readouterr().err
    assert not (tmp_path / "manifest.toml").exists()
