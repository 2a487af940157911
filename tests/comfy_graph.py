"""Graphs in ComfyUI's two forms: what the page saves (UI), and what the server takes (API)."""

CONTROLS = {"fixed", "increment", "decrement", "randomize"}  # values of "control after generate", kept beside a seed
SEEDS = {"seed", "noise_seed"}  # names of numbers that the page gives such a control unasked
VIRTUAL = {"Note", "MarkdownNote"}


def to_prompt(graph: dict, object_info: dict) -> dict:
    """A graph as the page saves it, in API form: widgets by their place, wires by their link."""
    wires = {link[0]: [str(link[1]), link[2]] for link in graph["links"]}
    prompt = {}
    for node in graph["nodes"]:
        if node["type"] in VIRTUAL:
            continue
        inputs = {port["name"]: wires[port["link"]] for port in node.get("inputs", []) if port.get("link") is not None}
        values = list(node.get("widgets_values") or [])
        for name, kind, options in _declared(object_info[node["type"]]):
            if not _is_widget(kind, options) or not values:
                continue
            value = values.pop(0)
            if (options.get("control_after_generate") or name in SEEDS) and values and values[0] in CONTROLS:
                values.pop(0)
            inputs.setdefault(name, value)
        prompt[str(node["id"])] = {"class_type": node["type"], "inputs": inputs}
    return prompt


def nodes_of(prompt: dict, class_type: str) -> list[str]:
    """The numbers of the nodes of a kind."""
    return [number for number, node in prompt.items() if node["class_type"] == class_type]


def _declared(info: dict):
    for group in ("required", "optional"):
        for name in info["input_order"].get(group, []):
            kind, *rest = info["input"][group][name]
            yield name, kind, rest[0] if rest else {}


def _is_widget(kind, options: dict) -> bool:
    known = isinstance(kind, list) or kind in ("INT", "FLOAT", "STRING", "BOOLEAN", "COMBO")
    return known and not options.get("forceInput")
