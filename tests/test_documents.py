"""What the documents point to is there."""

import re
from pathlib import Path

import pytest

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
    missing = [link for link in links if "://" not in link and not (document.parent / link).exists()]
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
