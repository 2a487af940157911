"""What pyproject.toml, the changelog, the workflows and the registry's archive say about the project is true."""

import ast
import re
import sys
from fnmatch import fnmatch
from pathlib import Path

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PACK = Path(__file__).parents[1]
PROJECT = tomllib.loads((PACK / "pyproject.toml").read_text(encoding="utf-8"))["project"]
SOURCES = sorted((PACK / "stylehead_core").rglob("*.py"))
NAMES = {
    "opencv-python": "cv2",
    "huggingface-hub": "huggingface_hub",
    "pillow": "PIL",
    "espeakng-loader": "espeakng_loader",
}
"""What a distribution is imported as, where that is not its own name."""


def module_of(requirement: str) -> str:
    """``huggingface-hub>=1; python_version < '3.11'`` -> ``huggingface_hub``."""
    name = re.split(r"[\s<>=!~;\[]", requirement, maxsplit=1)[0].lower()
    return NAMES.get(name, name)


def imports_of(file: Path) -> set[str]:
    """The first parts of what a file imports absolutely, inside functions too."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            found.add(node.module.split(".")[0])
    return found - set(sys.stdlib_module_names)


def left_out() -> list[str]:
    """The entries of .comfyignore."""
    lines = (line.split("#")[0].strip() for line in (PACK / ".comfyignore").read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line]


def test_the_top_of_the_changelog_is_the_version_of_pyproject():
    newest = re.search(r"^## (\S+)", (PACK / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert newest is not None
    assert newest[1] == PROJECT["version"]


def test_every_version_has_one_section_in_the_changelog():
    versions = re.findall(r"^## (\S+)", (PACK / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert len(versions) == len(set(versions))


def test_the_core_imports_only_what_is_declared():
    declared = {module_of(r) for r in PROJECT["dependencies"]}
    declared |= {
        module_of(r) for name, extra in PROJECT["optional-dependencies"].items() if name != "dev" for r in extra
    }
    undeclared = {
        file.relative_to(PACK).as_posix(): found for file in SOURCES if (found := imports_of(file) - declared)
    }
    assert not undeclared


def test_everything_that_is_declared_for_users_is_imported():
    imported = set().union(*map(imports_of, SOURCES))
    unused = {module_of(r) for r in PROJECT["dependencies"]} - imported
    assert not unused


def test_comfyui_manager_installs_what_comfyui_does_not_bring():
    lines = (PACK / "requirements.txt").read_text(encoding="utf-8").splitlines()
    listed = {line.strip() for line in lines if line.strip() and not line.startswith("#")}
    assert listed
    assert listed <= set(PROJECT["dependencies"])


def test_every_folder_that_the_archive_leaves_out_is_there():
    assert left_out()
    assert not [entry for entry in left_out() if not (PACK / entry).exists()]


def test_what_the_archive_keeps_imports_nothing_that_it_leaves_out():
    """The command line imports rooms by name only when they are there, so its table of names does not count."""
    missing = tuple(PACK / entry for entry in left_out() if entry.endswith("/"))
    kept = [f for f in (*SOURCES, *(PACK / "nodes").glob("*.py")) if not any(m in f.parents for m in missing)]
    broken = []
    for file in kept:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.level:
                base = file.parents[node.level - 1].joinpath(*(node.module or "").split("."))
                targets = [base, *(base / alias.name for alias in node.names)]
                broken += [(file.name, str(t)) for t in targets if any(t == m or m in t.parents for m in missing)]
    assert not broken


@pytest.mark.parametrize("name", ["py.typed", "glsl"])
def test_the_package_ships_its_data_files(name):
    patterns = tomllib.loads((PACK / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"][
        "package-data"
    ]
    data = [f for f in (PACK / "stylehead_core").rglob("*") if f.is_file() and f.name.endswith(name)]
    assert data
    for file in data:
        assert any(fnmatch(file.name, pattern.rpartition("/")[2]) for pattern in patterns["stylehead_core"]), file


def test_the_workflow_tests_every_python_that_is_supported():
    workflow = (PACK / ".github" / "workflows" / "test.yml").read_text(encoding="utf-8")
    tested = re.search(r"python: \[(.*)\]", workflow)
    assert tested is not None
    versions = re.findall(r'"(\d+\.\d+)"', tested[1])
    assert f">={versions[0]}" == PROJECT["requires-python"]
    assert all(f"{system}-latest" in workflow for system in ("ubuntu", "macos", "windows"))
