"""The table of the supplement's statements has no empty cell, and names files and tests that are there."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in (ROOT / "docs" / "paper.md").read_text(encoding="utf-8").splitlines()
    if line.startswith("|") and not line.startswith("|---")
][1:]


def test_there_are_statements():
    assert len(ROWS) > 30


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:40])
def test_a_statement_has_its_place_its_test_and_its_deviation(row):
    statement, place, test, deviation = row
    assert statement
    assert deviation
    assert (ROOT / "stylehead_core" / place.strip("`")).is_file()
    file, name = test.strip("`").split("::")
    assert re.search(rf"^def {name}\(", (ROOT / "tests" / file).read_text(encoding="utf-8"), re.MULTILINE)


def test_the_graph_of_edits_shows_the_supplements_attributes_as_they_grow():
    graph = json.loads((ROOT / "example_workflows" / "edit while talking.json").read_text(encoding="utf-8"))
    edits = [node["widgets_values"] for node in graph["nodes"] if node["type"] == "StyleHead_EditStyle"]
    shown = {(attribute, first, last) for attribute, first, last, *_ in edits}
    assert shown == {("age", 0.0, -1.0), ("age", 0.0, 1.0), ("beard", 0.0, 1.0), ("makeup", 0.0, 1.0)}
