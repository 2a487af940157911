"""ComfyUI imports the pack by path, under any name: nothing in it may import by a name of its own."""

import ast
from importlib import import_module
from pathlib import Path

import pytest

import stylehead_core

PACK = Path(__file__).parents[1]
COMFYUI = {"comfy", "comfy_api", "comfy_extras", "comfy_execution", "folder_paths", "execution", "server", "nodes"}


def imported(file: Path) -> set[str]:
    """First parts of the names that a file imports absolutely."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and not node.level}
    return {name.split(".")[0] for name in names}


def test_the_core_imports_itself_relatively_and_knows_no_comfyui():
    files = list((PACK / "stylehead_core").rglob("*.py"))
    assert files
    strangers = {
        str(file.relative_to(PACK)): found for file in files if (found := imported(file) & {"stylehead_core", *COMFYUI})
    }
    assert not strangers


def test_the_nodes_import_the_core_relatively():
    files = list((PACK / "nodes").glob("*.py"))
    assert files
    assert not [file.name for file in files if "stylehead_core" in imported(file)]


def test_the_nodes_leave_training_alone():
    for file in (PACK / "nodes").glob("*.py"):
        assert "stylehead_core.training" not in file.read_text(encoding="utf-8"), file.name


@pytest.mark.parametrize(
    "room", ["benchmark", "commands", "datasets", "evaluation", "landmarker", "synthetic", "stages"]
)
def test_nothing_below_training_imports_it(room):
    for file in (PACK / "stylehead_core" / room).rglob("*.py"):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        modules = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
        assert not [name for name in modules if name.split(".")[0] == "training"], file.relative_to(PACK)


@pytest.mark.parametrize(
    ("former", "name"), [("assemble", "load_stylehead"), ("convert.landmarker", "load_landmarker")]
)
def test_scripts_of_version_01_find_their_imports(former, name):
    assert getattr(import_module(f"stylehead_core.{former}"), name) is getattr(stylehead_core, name)
