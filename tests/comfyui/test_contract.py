"""People's graphs hold our ids, names and order for ever: what the server says of our nodes is what is written down.

After a change that old graphs survive (a node more, an input or output more at the end), write the contract anew:
    STYLEHEAD_WRITE_CONTRACT=1 python -m pytest tests/comfyui/test_contract.py
"""

import json
import os
from pathlib import Path

import pytest

CONTRACT = Path(__file__).parent / "contract.json"
LOCALES = Path(__file__).parents[2] / "locales"
HELP = Path(__file__).parents[2] / "web" / "docs"
MINE = "StyleHead_"


@pytest.fixture(scope="module")
def nodes(server) -> dict:
    return {name: info for name, info in server.get("/object_info").items() if name.startswith(MINE)}


def inputs_of(info: dict):
    for group in ("required", "optional"):
        for name in info["input_order"].get(group, []):
            kind, *rest = info["input"][group][name]
            yield group, name, kind, rest[0] if rest else {}


def described(info: dict) -> dict:
    inputs = [
        [group, name, "COMBO" if isinstance(kind, list) else kind, options.get("default")]
        for group, name, kind, options in inputs_of(info)
    ]
    outputs = [list(pair) for pair in zip(info["output_name"], info["output"], strict=True)]
    return {"inputs": inputs, "outputs": outputs, "is_output": info["output_node"]}


def test_ids_inputs_and_outputs_are_as_written_down(nodes):
    found = {name: described(info) for name, info in sorted(nodes.items())}
    if os.environ.get("STYLEHEAD_WRITE_CONTRACT"):
        lines = [f" {json.dumps(name)}: {json.dumps(node)}" for name, node in found.items()]
        CONTRACT.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    assert found == json.loads(CONTRACT.read_text(encoding="utf-8"))


def test_every_node_every_input_and_every_output_is_explained(nodes):
    silent = [name for name, info in nodes.items() if not info["description"]]
    silent += [
        f"{n}.{i}" for n, info in nodes.items() for _, i, _, options in inputs_of(info) if not options.get("tooltip")
    ]
    silent += [
        f"{name}.{output}"
        for name, info in nodes.items()
        for output, tooltip in zip(info["output_name"], info["output_tooltips"], strict=True)
        if not tooltip
    ]
    assert not silent


def test_every_node_has_a_page_of_help(nodes):
    assert {page.stem for page in HELP.glob("*.md")} == set(nodes)


def test_both_languages_name_and_explain_everything(nodes):
    for language in ("en", "zh"):
        said = json.loads((LOCALES / language / "nodeDefs.json").read_text(encoding="utf-8"))
        assert set(said) == set(nodes)
        for name, info in nodes.items():
            inputs = {i: {"name", "tooltip"} for _, i, _, _ in inputs_of(info)}
            outputs = {str(i): {"name", "tooltip"} for i in range(len(info["output"]))}
            assert {i: set(texts) for i, texts in said[name].get("inputs", {}).items()} == inputs, (language, name)
            assert {i: set(texts) for i, texts in said[name].get("outputs", {}).items()} == outputs, (language, name)
            assert said[name]["display_name"], (language, name)
            assert said[name]["description"], (language, name)


def test_the_english_texts_are_the_nodes_own(nodes):
    said = json.loads((LOCALES / "en" / "nodeDefs.json").read_text(encoding="utf-8"))
    for name, info in nodes.items():
        assert said[name]["display_name"] == info["display_name"]
        assert said[name]["description"] == info["description"]
        for _, i, _, options in inputs_of(info):
            assert said[name]["inputs"][i]["tooltip"] == options["tooltip"]
