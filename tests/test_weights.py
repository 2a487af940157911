"""A tensor file is read whole or refused with the reason, and is never half written."""

import hashlib
import json

import pytest
import torch
from safetensors.torch import save_file

from stylehead_core import tensor_files
from stylehead_core.errors import WeightsError
from stylehead_core.model.manifest import (
    FOLDER,
    ManifestEntry,
    as_published,
    embedded_models,
    find_model,
    read_manifest,
    verify,
)
from stylehead_core.tensor_files import check_state, read_about, read_tensors, write_tensors

TENSORS = {"a.weight": torch.arange(6.0).reshape(2, 3), "b": torch.ones(4, dtype=torch.float16)}


@pytest.fixture
def file(tmp_path):
    write_tensors(tmp_path / "some.safetensors", "model", TENSORS, {"license": "MIT", "config": {"size": 64}})
    return tmp_path / "some.safetensors"


def test_what_is_written_is_read(file):
    about, tensors = read_tensors(file, "model")
    assert about == {"kind": "model", "format": 1, "license": "MIT", "config": {"size": 64}}
    assert tensors.keys() == TENSORS.keys()
    assert all(torch.equal(tensors[k], TENSORS[k]) and tensors[k].dtype == TENSORS[k].dtype for k in TENSORS)


def test_writing_twice_gives_equal_bytes_and_leaves_nothing_beside(file):
    before = file.read_bytes()
    write_tensors(file, "model", TENSORS, {"config": {"size": 64}, "license": "MIT"})
    assert file.read_bytes() == before
    assert list(file.parent.iterdir()) == [file]


def test_a_file_may_be_read_by_whom_any_new_file_may(file):
    other = file.with_name("other")
    other.touch()
    assert file.stat().st_mode == other.stat().st_mode


def test_a_failed_write_leaves_the_old_file(file, monkeypatch):
    before = file.read_bytes()

    def full_disk(tensors, path, metadata):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tensor_files, "save_file", full_disk)
    with pytest.raises(WeightsError, match="No space left"):
        write_tensors(file, "model", TENSORS, {})
    assert file.read_bytes() == before
    assert list(file.parent.iterdir()) == [file]


def test_tensors_read_in_inference_mode_can_still_learn(file):
    with torch.inference_mode():
        _, tensors = read_tensors(file, "model")
    assert not tensors["a.weight"].is_inference()


def test_a_file_of_another_kind_is_refused(file):
    with pytest.raises(WeightsError, match=r"expected  motion\n  found     model"):
        read_about(file, "motion")


def test_a_safetensors_file_of_someone_else_is_refused(tmp_path):
    save_file(TENSORS, tmp_path / "other.safetensors")
    with pytest.raises(WeightsError, match=r"not one of StyleHead's[^$]*2 tensors, such as a\.weight, b"):
        read_tensors(tmp_path / "other.safetensors", "model")


def test_a_newer_format_is_refused(tmp_path):
    header = json.dumps({"kind": "model", "format": 99})
    save_file(TENSORS, tmp_path / "new.safetensors", metadata={"stylehead": header})
    with pytest.raises(WeightsError, match="format 99; this version reads 1 to 1"):
        read_about(tmp_path / "new.safetensors", "model")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(WeightsError, match=r"gone\.safetensors cannot be opened"):
        read_tensors(tmp_path / "gone.safetensors", "model")


class Trap:
    def __reduce__(self):
        return (exec, ("raise SystemExit('a pickle was opened')",))


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("zipped", [True, False])
def test_a_pickle_is_refused_without_opening_it(tmp_path, zipped):
    torch.save({"a": Trap()}, tmp_path / "trap.pt", _use_new_zipfile_serialization=zipped)
    with pytest.raises(WeightsError, match="is a pickle"):
        read_tensors(tmp_path / "trap.pt", "model")


def test_a_file_cut_anywhere_is_refused(file, tmp_path):
    whole = file.read_bytes()
    for length in range(len(whole)):
        (tmp_path / "cut").write_bytes(whole[:length])
        with pytest.raises(WeightsError):
            read_tensors(tmp_path / "cut", "model")


def test_a_file_cut_short_says_how_much_is_missing(file):
    whole = file.read_bytes()
    file.write_bytes(whole[:-5])
    with pytest.raises(WeightsError, match=f"expected  {len(whole)} bytes\n  found     {len(whole) - 5} bytes"):
        read_tensors(file, "model")


def test_damaged_headers_never_raise_anything_else(file):
    whole = bytearray(file.read_bytes())
    rng = torch.Generator().manual_seed(0)
    for _ in range(2000):
        damaged = bytearray(whole)
        for _ in range(3):
            place, value = (int(torch.randint(n, (), generator=rng)) for n in (len(whole), 256))
            damaged[place] = value
        file.write_bytes(damaged)
        try:
            about, tensors = read_tensors(file, "model")
        except WeightsError:
            continue
        assert about["kind"] == "model"
        assert len(tensors) == 2  # only their values were hit, which a checksum has to find


def test_every_missing_unexpected_and_misshapen_name_is_listed():
    expected = {"a": (1,), "b": (2, 3), "c": (4,)}
    with pytest.raises(WeightsError) as caught:
        check_state(expected, {"b": (3, 2), "c": (4,), "d": (5,)}, "The file x")
    text = str(caught.value)
    assert "missing     1:\n    a (1,)" in text
    assert "unexpected  1:\n    d (5,)" in text
    assert "b: expected (2, 3), found (3, 2)" in text
    assert "    c" not in text


# The manifest


def entry(content: bytes, **changes) -> ManifestEntry:
    fields = {
        "name": "mini",
        "file": "mini.safetensors",
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "license": "Apache-2.0",
        "origin": "this project",
    }
    return ManifestEntry(**{**fields, **changes})


def manifest(folder, **changes):
    made = entry(b"weights", **changes)
    fields = ["file", "bytes", "sha256", "license", "origin", "source", "kind"]
    lines = [f"{key} = {json.dumps(getattr(made, key))}" for key in fields]
    (folder / "manifest.toml").write_text("\n".join(["[mini]", *lines]))
    (folder / "mini.safetensors").write_bytes(b"weights")
    return folder


def test_an_embedded_model_is_found_by_its_name(tmp_path):
    folder = manifest(tmp_path)
    assert [made.name for made in embedded_models(folder)] == ["mini"]
    assert find_model("mini", folder) == folder / "mini.safetensors"


def test_a_model_with_a_source_is_not_embedded(tmp_path):
    assert embedded_models(manifest(tmp_path, source="https://example.org/mini")) == []


def test_a_file_of_another_kind_is_no_model_to_animate_with(tmp_path):
    assert embedded_models(manifest(tmp_path, kind="feature network")) == []


def test_an_unknown_name_is_answered_with_the_known_ones(tmp_path):
    with pytest.raises(WeightsError, match=r"'maxi'[^$]*one of: mini"):
        find_model("maxi", manifest(tmp_path))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"file": "../mini.safetensors"}, "plain file name"),
        ({"sha256": "0f"}, "64 hexadecimal"),
        ({"bytes": "7"}, "bytes"),
    ],
)
def test_a_wrong_manifest_is_refused(tmp_path, changes, words):
    with pytest.raises(WeightsError, match=words):
        read_manifest(manifest(tmp_path, **changes) / "manifest.toml")


@pytest.mark.parametrize("text", ["[mini", "[mini]\ncolour = 1", "\udcff"])
def test_a_manifest_that_cannot_be_read_says_so(tmp_path, text):
    (tmp_path / "manifest.toml").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(WeightsError, match="manifest"):
        read_manifest(tmp_path / "manifest.toml")


def test_the_manifest_of_this_pack_is_true():
    for made in read_manifest().values():
        if made.embedded:
            verify(made, FOLDER / made.file)


def test_every_weights_file_of_this_pack_is_in_its_manifest():
    there = {path.name for path in FOLDER.glob("*.safetensors")}
    assert there == {made.file for made in read_manifest().values() if made.embedded}


def test_a_changed_file_does_not_pass(tmp_path):
    (tmp_path / "mini.safetensors").write_bytes(b"weighty")
    with pytest.raises(WeightsError, match="not the file that this version was made for"):
        verify(entry(b"weights"), tmp_path / "mini.safetensors")


def test_a_file_of_torchvision_is_known_by_the_digits_in_its_name(tmp_path):
    good = tmp_path / f"alexnet-{hashlib.sha256(b'weights').hexdigest()[:8]}.pth"
    good.write_bytes(b"weights")
    assert as_published(good) == good
    good.write_bytes(b"weight")
    with pytest.raises(WeightsError, match="not the file that torchvision publishes"):
        as_published(good)
