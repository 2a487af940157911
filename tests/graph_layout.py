"""A graph as the page saves it, made without the page: nodes in coloured groups, groups in rows, nothing on anything.

Sizes are what nodes need in ComfyUI's classic page when they show their results; ``tests/comfyui`` looks in the page.
"""

import uuid
from dataclasses import dataclass, field

from comfy_graph import SEEDS

WIDGETS = ("INT", "FLOAT", "STRING", "BOOLEAN", "COMBO")
SLOT, WIDGET, TITLE, MULTILINE = 22, 26, 30, 90  # pixels: of a node's parts
GAP, AROUND, HEADING = 60, 30, 50  # pixels: between nodes, around them in a group, of the group's title
ROW_GAP = 70  # pixels
WIDTH, NOTE_WIDTH = 300, 340
SHOWN = {  # width and further height of nodes that show pictures, videos or words
    "SaveVideo": (340, 340),
    "SaveImage": (300, 300),
    "PreviewImage": (300, 290),
    "LoadImage": (300, 320),
    "StyleHead_Samples": (260, 300),
    "StyleHead_Invert": (300, 90),
    "StyleHead_RenderVideo": (320, 420),
    "StyleHead_TalkingHead": (360, 580),
    "StyleHead_PasteBack": (300, 330),
    "StyleHead_Render": (300, 340),
    "StyleHead_ExpressionEditor": (860, 760),
    "StyleHead_MotionFromSliders": (320, 210),
    "StyleHead_MotionFromVideo": (300, 60),
    "StyleHead_WarpFeatures": (300, 80),
    "StyleHead_SaveMotion": (300, 40),
}
COLOURS = {"given": "#3f789e", "face": "#a1309b", "motion": "#8a6d00", "result": "#3f7a3f"}
NAMESPACE = uuid.UUID("6f1cf2f0-35d7-4a39-9c6c-0b7f8f1a4d55")  # a graph's id comes from its name: each has its own


@dataclass
class Group:
    title: str
    kind: str  # of COLOURS
    columns: list[list[str]]  # numbers of nodes, from above
    note: str = ""  # Markdown, above the first column


@dataclass
class Slots:
    """Inputs and outputs of a kind of node, as the page orders them."""

    sockets: list[tuple[str, str, bool]] = field(default_factory=list)  # name, type, optional
    widgets: list[tuple[str, str, bool, dict]] = field(default_factory=list)


def slots_of(info: dict) -> Slots:
    slots = Slots()
    for group in ("required", "optional"):
        for name in info["input_order"].get(group, []):
            kind, *rest = info["input"][group][name]
            options = rest[0] if rest else {}
            kind = "COMBO" if isinstance(kind, list) else kind
            if kind in WIDGETS and not options.get("forceInput"):
                slots.widgets.append((name, kind, group == "optional", options))
            else:
                slots.sockets.append((name, kind, group == "optional"))
    return slots


def size_of(kind: str, info: dict) -> tuple[int, int]:
    slots = slots_of(info)
    width, more = SHOWN.get(kind, (WIDTH, 10))
    height = SLOT * max(len(slots.sockets), len(info["output"])) + WIDGET * len(slots.widgets) + more
    return width, height + MULTILINE * sum(bool(options.get("multiline")) for *_, options in slots.widgets)


def to_ui(name: str, prompt: dict, rows: list[list[Group]], object_info: dict) -> dict:
    """A graph in the server's form as the page saves it.

    Args:
        rows: the groups of each row, from the left; every node of ``prompt`` is in one of them.
    """
    nodes, links = nodes_and_links(prompt, object_info)
    placed: dict[str, tuple[int, int]] = {}
    groups, notes, top = [], [], 0
    for row in rows:
        left, lowest = 0, top
        for group in row:
            box = place(group, left, top, prompt, object_info, placed, notes)
            groups.append({**box, "title": group.title, "color": COLOURS[group.kind], "font_size": 24, "flags": {}})
            left += box["bounding"][2] + GAP
            lowest = max(lowest, top + box["bounding"][3])
        top = lowest + ROW_GAP
    for node in nodes:
        node["pos"] = list(placed[str(node["id"])])
        node["size"] = list(size_of(node["type"], object_info[node["type"]]))
    for number, (text, pos, size) in enumerate(notes, len(nodes) + 1):
        nodes.append(note(number, text, pos, size))
    return {
        "id": str(uuid.uuid5(NAMESPACE, name)),
        "revision": 0,
        "last_node_id": len(nodes),
        "last_link_id": len(links),
        "nodes": nodes,
        "links": links,
        "groups": [{"id": number, **group} for number, group in enumerate(groups, 1)],
        "config": {},
        "extra": {"ds": {"scale": 1, "offset": [0, 0]}},
        "version": 0.4,
    }


def place(group: Group, left: int, top: int, prompt: dict, object_info: dict, placed: dict, notes: list) -> dict:
    """Give every node of a group its place; returns the group's box."""
    x, lowest = left + AROUND, 0
    for number, column in enumerate(group.columns):
        y, widest = top + HEADING + TITLE, 0
        if number == 0 and group.note:
            height = 60 + 20 * sum(1 + len(line) // 42 for line in group.note.splitlines())
            notes.append((group.note, [x, y], [NOTE_WIDTH, height]))
            y, widest = y + height + GAP, NOTE_WIDTH
        for node in column:
            width, height = size_of(prompt[node]["class_type"], object_info[prompt[node]["class_type"]])
            placed[node] = (x, y)
            y, widest = y + height + GAP, max(widest, width)
        x, lowest = x + widest + GAP, max(lowest, y - GAP)
    return {"bounding": [left, top, x - GAP + AROUND - left, lowest + AROUND - top]}


def nodes_and_links(prompt: dict, object_info: dict) -> tuple[list[dict], list[list]]:
    """The nodes without places, and the links as [id, from, output, to, input, type]."""
    nodes, links = {}, []
    for order, (number, node) in enumerate(prompt.items()):
        kind = node["class_type"]
        info, slots = object_info[kind], slots_of(object_info[kind])
        inputs = [
            {"name": name, "type": type_, "link": None, **({"shape": 7} if optional else {})}
            for name, type_, optional in slots.sockets
        ]
        inputs += [
            {"name": name, "type": type_, "widget": {"name": name}, "link": None, **({"shape": 7} if optional else {})}
            for name, type_, optional, _ in slots.widgets
        ]
        values = []
        for name, _, _, options in slots.widgets:
            value = node["inputs"].get(name)
            values.append(options.get("default") if isinstance(value, list) else value)
            if options.get("control_after_generate") or name in SEEDS:
                values.append("fixed")
        nodes[number] = {
            "id": int(number),
            "type": kind,
            "flags": {},
            "order": order,
            "mode": 0,
            "inputs": inputs,
            "outputs": [
                {"name": output, "type": type_, "links": None}
                for output, type_ in zip(info["output_name"], info["output"], strict=True)
            ],
            "properties": {"Node name for S&R": kind},
            "widgets_values": values,
        }
        if title := node.get("_meta", {}).get("title"):
            nodes[number]["title"] = title
    for number, node in prompt.items():
        for name, value in node["inputs"].items():
            if not isinstance(value, list):
                continue
            source, output = nodes[str(value[0])], int(value[1])
            slot = [port["name"] for port in nodes[number]["inputs"]].index(name)
            links.append([len(links) + 1, source["id"], output, int(number), slot, source["outputs"][output]["type"]])
            nodes[number]["inputs"][slot]["link"] = len(links)
            port = source["outputs"][output]
            port["links"] = [*(port["links"] or []), len(links)]
    return list(nodes.values()), links


def note(number: int, text: str, pos: list[int], size: list[int]) -> dict:
    return {
        **{"id": number, "type": "MarkdownNote", "pos": pos, "size": size, "flags": {}, "order": 0, "mode": 0},
        **{"inputs": [], "outputs": [], "properties": {}, "widgets_values": [text], "color": "#432", "bgcolor": "#653"},
    }


@dataclass
class Port:
    """An input or output of a blueprint: its name, and the slots inside that it stands for."""

    name: str
    inside: list[tuple[str, str | int]]  # node and input name, or node and number of the output


def to_blueprint(
    name: str, prompt: dict, columns: list[list[str]], inputs: list[Port], outputs: list[Port], info
) -> dict:
    """A graph as a subgraph blueprint: one node that holds the others.

    Args:
        columns: the numbers of the nodes inside, by column.
        inputs: wires and widgets of inner nodes that the one node shows.
        outputs: likewise; each stands for one output.
    """
    nodes, links = nodes_and_links(prompt, info)
    by_number = {str(node["id"]): node for node in nodes}
    x = 0
    for column in columns:
        y = 0
        for number in column:
            width, height = size_of(by_number[number]["type"], info[by_number[number]["type"]])
            by_number[number] |= {"pos": [x, y], "size": [width, height]}
            y += height + GAP
        x += 360
    wires = [wire(*link) for link in links]
    outer_inputs, outer_outputs, ports_in, ports_out, values = [], [], [], [], []
    for slot, port in enumerate(inputs):
        ids, widget = [], False
        for number, of in port.inside:
            names = [entry["name"] for entry in by_number[number]["inputs"]]
            target = by_number[number]["inputs"][names.index(of)]
            wires.append(wire(len(wires) + 1, -10, slot, int(number), names.index(of), target["type"]))
            target["link"] = wires[-1]["id"]
            ids.append(wires[-1]["id"])
            if "widget" in target and not widget:
                widget = True
                shown = [entry[0] for entry in slots_of(info[by_number[number]["type"]]).widgets]
                values.append(by_number[number]["widgets_values"][shown.index(of)])
        kind = wires[-1]["type"]
        ports_in.append({"id": port_id(name, "in", port.name), "name": port.name, "type": kind, "linkIds": ids})
        outer = {"name": port.name, "type": kind, "link": None}
        outer_inputs.append({**outer, "widget": {"name": port.name}} if widget else outer)
    for slot, port in enumerate(outputs):
        (number, of) = port.inside[0]
        source = by_number[number]["outputs"][int(of)]
        wires.append(wire(len(wires) + 1, int(number), int(of), -20, slot, source["type"]))
        source["links"] = [*(source["links"] or []), wires[-1]["id"]]
        ids = [wires[-1]["id"]]
        ports_out.append(
            {"id": port_id(name, "out", port.name), "name": port.name, "type": source["type"], "linkIds": ids}
        )
        outer_outputs.append({"name": port.name, "type": source["type"], "links": []})
    identity = str(uuid.uuid5(NAMESPACE, f"blueprint {name}"))
    inner = {
        "id": identity,
        "version": 1,
        "state": {"lastGroupId": 0, "lastNodeId": len(nodes), "lastLinkId": len(wires), "lastRerouteId": 0},
        "revision": 0,
        "config": {},
        "name": name,
        "inputNode": {"id": -10, "bounding": [-260, 0, 128, 40 + 20 * len(inputs)]},
        "outputNode": {"id": -20, "bounding": [x + 60, 0, 128, 40 + 20 * len(outputs)]},
        "inputs": ports_in,
        "outputs": ports_out,
        "widgets": [],
        "nodes": nodes,
        "groups": [],
        "links": wires,
        "extra": {},
    }
    outside = {
        **{"id": 1, "type": identity, "pos": [0, 0], "size": [320, 60 + 26 * len(inputs)], "flags": {}, "order": 0},
        **{"mode": 0, "inputs": outer_inputs, "outputs": outer_outputs, "title": name, "properties": {}},
        "widgets_values": values,
    }
    return {
        **{"revision": 0, "last_node_id": 1, "last_link_id": 0, "nodes": [outside], "links": [], "groups": []},
        **{"version": 0.4, "definitions": {"subgraphs": [inner]}, "extra": {}},
    }


def wire(number: int, origin: int, origin_slot: int, target: int, target_slot: int, kind: str) -> dict:
    return {
        **{"id": number, "origin_id": origin, "origin_slot": origin_slot},
        **{"target_id": target, "target_slot": target_slot, "type": kind},
    }


def port_id(name: str, side: str, port: str) -> str:
    return str(uuid.uuid5(NAMESPACE, f"{name} {side} {port}"))
