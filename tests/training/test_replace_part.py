"""One network of a model file is replaced, and nothing else of it."""

import pytest
import torch
from safetensors.torch import save_file

from stylehead_core import cli
from stylehead_core.errors import ConfigError, WeightsError
from stylehead_core.model.files import load_stylehead, save_stylehead
from stylehead_core.model.manifest import read_manifest, verify
from stylehead_core.model.presets import debug
from stylehead_core.model.stylehead import build
from stylehead_core.tensor_files import read_about, read_plain
from stylehead_core.training.embed import embed
from stylehead_core.training.replace_part import read_part, replace_part

PART = "motion_encoder"


@pytest.fixture
def files(tmp_path):
    save_stylehead(build(debug(), seed=0), tmp_path / "old.safetensors", dtype=torch.float16)
    save_stylehead(build(debug(), seed=1), tmp_path / "new.safetensors")
    return tmp_path


def test_the_part_is_the_new_one_and_the_rest_the_old_one(files):
    replace_part(
        files / "old.safetensors", PART, read_part(files / "new.safetensors", PART), files / "both.safetensors"
    )
    old, new, both = (read_plain(files / f"{name}.safetensors") for name in ("old", "new", "both"))
    for name, value in both.items():
        assert torch.equal(value, (new if name.startswith(PART) else old)[name].to(old[name].dtype)), name
    assert read_about(files / "both.safetensors", "model") == read_about(files / "old.safetensors", "model")
    load_stylehead(files / "both.safetensors")


def test_a_share_is_the_mean_with_the_old_network(files):
    part = read_part(files / "new.safetensors", PART)
    replace_part(files / "old.safetensors", PART, part, files / "half.safetensors", share=0.5)
    old, half = (read_part(files / f"{name}.safetensors", PART) for name in ("old", "half"))
    for name, value in half.items():
        torch.testing.assert_close(value.float(), (old[name].float() + part[name]) / 2, atol=1e-3, rtol=1e-3)
    with pytest.raises(ConfigError, match="0 to 1"):
        replace_part(files / "old.safetensors", PART, part, files / "half.safetensors", share=1.5)


def test_a_file_with_the_tensors_alone_will_do(files):
    part = read_part(files / "new.safetensors", PART)
    save_file(part, files / "alone.safetensors")
    save_file({f"{PART}.{name}": value for name, value in part.items()}, files / "named.safetensors")
    for name in ("alone", "named"):
        again = read_part(files / f"{name}.safetensors", PART)
        assert again.keys() == part.keys()
        assert all(torch.equal(again[key], part[key]) for key in part)


def test_what_does_not_fit_is_refused_and_nothing_is_written(files):
    part = read_part(files / "new.safetensors", PART)
    part.pop(next(iter(part)))
    with pytest.raises(WeightsError, match="missing"):
        replace_part(files / "old.safetensors", PART, part, files / "both.safetensors")
    with pytest.raises(ConfigError, match="no network 'ears'"):
        replace_part(files / "old.safetensors", "ears", part, files / "both.safetensors")
    assert not (files / "both.safetensors").exists()


def test_the_manifest_knows_the_new_file(files, tmp_path):
    folder = tmp_path / "weights"
    folder.mkdir()
    name = embed(build(debug()), folder=folder, made_by="one", trained_on="heads", note="docs/notes").name
    words = ["replace-part", PART, files / "new.safetensors", "--model", folder / f"{name}.safetensors"]
    more = ["--made-by", "two", "--trained-on", "voices", "--notice", "Names the corpus."]
    assert cli.main([str(word) for word in (*words, *more)]) == 0
    entry = read_manifest(folder / "manifest.toml")[name]
    verify(entry, folder / entry.file)
    assert (entry.made_by, entry.trained_on) == ("one; two", "heads; voices")
    assert load_stylehead(folder / entry.file).config.notice == "Names the corpus."
    assert cli.main([str(word) for word in (*words, *more)]) == 0  # a second time adds nothing
    again = read_manifest(folder / "manifest.toml")[name]
    assert (again.made_by, again.sha256) == ("one; two", entry.sha256)
