"""The part of a help page that says what goes into a node and what comes out: written from the node's own texts."""

from collections.abc import Iterator

HEADINGS = {
    "en": ("Inputs and outputs", "Input", "Default", "What it does", "Output", "What it is"),
    "zh": ("输入和输出", "输入", "默认值", "作用", "输出", "内容"),
}
SWITCH = {"en": ("on", "off"), "zh": ("开", "关")}


def page_with_tables(page: str, info: dict, texts: dict, language: str = "en") -> str:
    """A page of help (Markdown) whose last part is written anew from a node's ``info`` and its ``texts``.

    Args:
        info: of the node, as ``/object_info`` tells it.
        texts: of the node, as ``locales`` hold them.
    """
    heading, *columns = HEADINGS[language]
    written = page.split(f"\n## {heading}\n")[0].rstrip()
    parts = [written, "", f"## {heading}", ""]
    inputs = list(rows_of_inputs(info, texts, language))
    if inputs:
        parts += [row(columns[:3]), row(["---"] * 3), *map(row, inputs), ""]
    outputs = [[f"**{output['name']}**", output["tooltip"]] for output in texts["outputs"].values()]
    if outputs:
        parts += [row(columns[3:]), row(["---"] * 2), *map(row, outputs), ""]
    return "\n".join(parts).rstrip() + "\n"


def rows_of_inputs(info: dict, texts: dict, language: str) -> Iterator[list[str]]:
    for group in ("required", "optional"):
        for name in info["input_order"].get(group, []):
            _, *rest = info["input"][group][name]
            options = rest[0] if rest else {}
            text = texts["inputs"][name]
            yield [f"**{text['name']}**", shown(options.get("default"), text, language), text["tooltip"]]


def shown(default, text: dict, language: str) -> str:
    """A default value as the page shows it; nothing for wires and empty texts."""
    if default is None or default == "":
        return ""
    if isinstance(default, bool):
        return SWITCH[language][0 if default else 1]
    if isinstance(default, float):
        return f"{default:g}"
    return text.get("options", {}).get(str(default), str(default))


def row(cells: list[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"
