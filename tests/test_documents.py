"""What the documents point to is there."""

import re
from pathlib import Path

import pytest

from stylehead_core.cli import COMMANDS
from stylehead_core.training.recipes.registry import CHAINS, RECIPES

PACK = Path(__file__).parents[1]
DOCUMENTS = [
    *PACK.glob("*.md"),
    *(PACK / "docs").rglob("*.md"),
    *(PACK / "web").rglob("*.md"),
    PACK / "weights/README.md",
]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(PACK).as_posix())
def test_every_picture_and_file_that_a_document_links_to_is_there(document):
    links = re.findall(r"\]\(([^)#]+)\)", document.read_text(encoding="utf-8"))
    help_pages = PACK / "web" / "docs"  # ComfyUI looks from there, for pages in other languages too
    base = help_pages if help_pages in document.parents else document.parent
    missing = [link for link in links if "://" not in link and not (base / link).exists()]
    assert not missing


def test_the_commands_and_scripts_that_documents_name_are_there():
    named = {
        word
        for document in DOCUMENTS
        for word in re.findall(r"\b(?:scripts|benchmarks|tests)/[\w/]+\.py\b", document.read_text(encoding="utf-8"))
    }
    assert named
    assert not [word for word in sorted(named) if not (PACK / word).exists()]


def test_the_picture_at_the_top_is_light_enough_for_a_page():
    assert (PACK / "docs" / "demo.webp").stat().st_size < 2 * 2**20


def test_every_folder_and_file_of_the_tree_that_documents_name_is_there():
    """A path counts where its first folder is one of the checkout or of the core; others are examples."""
    core = PACK / "stylehead_core"
    tops = {folder.name: PACK for folder in PACK.iterdir() if folder.is_dir()}
    tops |= {folder.name: core for folder in core.iterdir() if folder.is_dir()}
    missing = []
    for document in DOCUMENTS:
        for path in re.findall(r"`([A-Za-z_.][\w.-]*/[\w./-]*)`", document.read_text(encoding="utf-8")):
            base = tops.get(path.split("/")[0])
            if base is not None and not (base / path).exists():
                missing.append(f"{document.name}: {path}")
    assert not missing


def test_every_design_note_that_is_named_anywhere_is_there():
    sources = [
        f for room in ("stylehead_core", "nodes", "tests", "scripts", "benchmarks") for f in (PACK / room).rglob("*.py")
    ]
    named = {
        (file.name, note)
        for file in (*sources, *DOCUMENTS, PACK / "weights" / "manifest.toml")
        for note in re.findall(r"notes/(\d{4}-[\w-]+\.md)", file.read_text(encoding="utf-8"))
    }
    assert named
    assert not [found for found in sorted(named) if not (PACK / "docs" / "notes" / found[1]).exists()]


def test_the_readme_has_a_line_for_every_node():
    readme = (PACK / "README.md").read_text(encoding="utf-8")
    pages = sorted((PACK / "web" / "docs").glob("StyleHead_*.md"))
    assert pages
    assert not [page.name for page in pages if f"](web/docs/{page.name})" not in readme]


def test_the_commands_of_the_documents_have_the_sub_commands_that_they_name():
    commands = set()
    for document in DOCUMENTS:
        blocks = re.findall(r"^```\n(.*?)^```", document.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
        commands |= {name for block in blocks for name in re.findall(r"^stylehead (\S+)", block, re.MULTILINE)}
    assert commands
    assert not sorted(commands - set(COMMANDS))


def test_the_recipes_that_documents_train_are_there():
    named = {
        name
        for document in DOCUMENTS
        if document.name != "CHANGELOG.md"  # which tells of older versions, too
        for name in re.findall(r"stylehead train ([a-z0-9_]+)", document.read_text(encoding="utf-8"))
    }
    assert named
    assert not sorted(named - set(CHAINS) - set(RECIPES))
