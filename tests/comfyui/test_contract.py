"""People's graphs hold our ids, names and order for ever: what the server says of our nodes is what is written down.

After a change that old graphs survive (a node more, an input or output more at the end, an input that becomes
optional), write contract, English texts and the tables of the help pages anew:
    STYLEHEAD_WRITE_CONTRACT=1 python -m pytest tests/comfyui/test_contract.py
"""

import json
import os
from pathlib import Path

import pytest
from help_tables import page_with_tables

pytestmark = [pytest.mark.comfyui, pytest.mark.xdist_group("comfyui")]  # one worker, one server

CONTRACT = Path(__file__).parent / "contract.json"
LOCALES = Path(__file__).parents[2] / "locales"
ENGLISH, CHINESE = (LOCALES / language / "nodeDefs.json" for language in ("en", "zh"))
HELP = Path(__file__).parents[2] / "web" / "docs"
MINE = "StyleHead_"
CHINESE_ADVICE = "\n## 看起来不对时\n"  # a part that is written by hand, before the tables
FILES_AND_NUMBERS = {  # choices that need no Chinese names: files, or formats that are the same everywhere
    *("StyleHead_LoadModel/inputs/model_name", "StyleHead_LoadMotion/inputs/file"),
}


@pytest.fixture(scope="module")
def nodes(server) -> dict:
    return {name: info for name, info in server.get("/object_info").items() if name.startswith(MINE)}


def inputs_of(info: dict):
    for group in ("required", "optional"):
        for name in info["input_order"].get(group, []):
            kind, *rest = info["input"][group][name]
            yield group, name, kind, rest[0] if rest else {}


def describe_node(info: dict) -> dict:
    inputs = [
        [group, name, "COMBO" if isinstance(kind, list) else kind, options.get("default")]
        for group, name, kind, options in inputs_of(info)
    ]
    outputs = [list(pair) for pair in zip(info["output_name"], info["output"], strict=True)]
    return {"inputs": inputs, "outputs": outputs, "is_output": info["output_node"]}


def english(nodes: dict) -> dict:
    """What locales/en says: the nodes' own texts, in the form that the page reads."""
    return {
        name: {
            "display_name": info["display_name"],
            "description": info["description"],
            "inputs": {i: {"name": i, "tooltip": options["tooltip"]} for _, i, _, options in inputs_of(info)},
            "outputs": {
                str(i): {"name": output, "tooltip": tooltip}
                for i, (output, tooltip) in enumerate(zip(info["output_name"], info["output_tooltips"], strict=True))
            },
        }
        for name, info in sorted(nodes.items())
    }


def choices_of(nodes: dict) -> dict[str, list]:
    """The options of every choice, by node and input."""
    return {
        f"{name}/inputs/{i}": kind if isinstance(kind, list) else options.get("options", [])
        for name, info in nodes.items()
        for _, i, kind, options in inputs_of(info)
        if isinstance(kind, list) or kind == "COMBO"
    }


def write_all(nodes: dict) -> None:
    """The contract, the English texts, and the tables of the help pages in both languages."""
    found = {name: describe_node(info) for name, info in sorted(nodes.items())}
    lines = [f" {json.dumps(name)}: {json.dumps(node)}" for name, node in found.items()]
    CONTRACT.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    ENGLISH.parent.mkdir(parents=True, exist_ok=True)
    ENGLISH.write_text(json.dumps(english(nodes), indent=1) + "\n", encoding="utf-8")
    for path, text in help_pages(nodes):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def help_pages(nodes: dict):
    """Each page of help and what it should be: its own words, then the tables."""
    chinese = json.loads(CHINESE.read_text(encoding="utf-8"))
    for name, texts in english(nodes).items():
        page = HELP / f"{name}.md"
        written = page.read_text(encoding="utf-8") if page.exists() else f"# {texts['display_name']}\n"
        yield page, page_with_tables(written, nodes[name], texts)
        if name in chinese:
            texts = chinese[name]
            title = texts["display_name"]
            page = HELP / name / "zh.md"
            _, heading, advice = (page.read_text(encoding="utf-8") if page.exists() else "").partition(CHINESE_ADVICE)
            begun = f"# {title}\n\n{texts['description']}\n\n![{title}](images/{name}.jpg)\n{heading}{advice}"
            yield page, page_with_tables(begun, nodes[name], texts, "zh")


def test_ids_inputs_and_outputs_are_as_written_down(nodes):
    found = {name: describe_node(info) for name, info in sorted(nodes.items())}
    if os.environ.get("STYLEHEAD_WRITE_CONTRACT"):
        write_all(nodes)
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
    assert not [str(path) for path, text in help_pages(nodes) if path.read_text(encoding="utf-8") != text]


def test_the_english_texts_are_the_nodes_own(nodes):
    assert json.loads(ENGLISH.read_text(encoding="utf-8")) == english(nodes)


def test_the_chinese_texts_say_everything_that_the_english_say(nodes):
    said = json.loads(CHINESE.read_text(encoding="utf-8"))
    assert {key for key in keys_of(said) if "/options/" not in key} == keys_of(english(nodes))
    assert not [path for path, text in leaves(said) if not any("\u4e00" <= letter <= "\u9fff" for letter in text)]


def test_options_have_chinese_names_where_they_are_words(nodes):
    said = json.loads(CHINESE.read_text(encoding="utf-8"))
    choices = choices_of(nodes)
    named = {
        f"{name}/inputs/{i}": list(texts["options"])
        for name, node in said.items()
        for i, texts in node["inputs"].items()
        if "options" in texts
    }
    assert not {place: names for place, names in named.items() if not set(names) <= set(choices[place])}
    assert set(choices) - set(named) <= FILES_AND_NUMBERS


def leaves(tree: dict, path: str = ""):
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from leaves(value, f"{path}/{key}")
        else:
            yield f"{path}/{key}", value


def keys_of(tree: dict) -> set[str]:
    return {path for path, _ in leaves(tree)}
