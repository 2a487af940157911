"""ComfyUI's page in a headless Chromium: opens graphs, lays them out, and clicks Run."""

import asyncio
import json

from chromium import Page

READY = (
    "!!(window.app && window.app.graph && window.LiteGraph && Object.keys(LiteGraph.registered_node_types).length > 50)"
)
OPEN = """(async () => {
  await app.loadGraphData(%s, true, true);
  await new Promise(done => setTimeout(done, 500));
  const nodes = app.graph.nodes || app.graph._nodes;
  const { output } = await app.graphToPrompt();
  return { missing: nodes.filter(n => !LiteGraph.registered_node_types[n.type] && !n.isVirtualNode).map(n => n.type),
           red: nodes.filter(n => n.has_errors).map(n => n.type), prompt: output };
})()"""
LAY_OUT = """(async () => {
  await app.loadApiJson(%s, 'graph.json');
  await new Promise(done => setTimeout(done, 800));
  app.graph.arrange && app.graph.arrange(60);
  return app.graph.serialize();
})()"""
OVERLAPS = """(() => {
  const boxes = app.graph.nodes.map(node => {
    const [x, y, width, height] = node.boundingRect ?? node.getBounding();
    return { name: `${node.id} ${node.title}`, left: x, top: y, right: x + width, bottom: y + height };
  });
  const found = [];
  boxes.forEach((a, i) => boxes.slice(i + 1).forEach(b => {
    const apart = a.right <= b.left || b.right <= a.left || a.bottom <= b.top || b.bottom <= a.top;
    if (!apart) found.push(`${a.name} / ${b.name}`);
  }));
  return found;
})()"""
FOLLOW = """(() => {
  const api = window.app.api || window.comfyAPI.api.api;
  window.ended = null;
  for (const kind of ['execution_success', 'execution_error', 'execution_interrupted'])
    api.addEventListener(kind, event => { window.ended = { kind, detail: event.detail }; });
  return true;
})()"""
RUN_BUTTON = (  # the one that shows: the old menu's is in the page too
    "[...document.querySelectorAll('button')].filter(b => b.getBoundingClientRect().width > 0)"
    ".find(b => b.dataset.testid === 'queue-button' || /^Run\\b/.test((b.innerText || '').trim()))"
)


SEARCH = """(async words => {
  const dialog = () => document.querySelector('.comfy-vue-node-search-container input');
  if (!dialog()) await app.extensionManager.command.execute('Workspace.SearchBox.Toggle');
  for (let i = 0; i < 50 && !dialog(); i++) await new Promise(done => setTimeout(done, 100));
  const input = dialog();
  input.focus();
  input.value = words;
  input.dispatchEvent(new Event('input', { bubbles: true }));
  const options = () => document.querySelectorAll('.p-autocomplete-option').length;
  await new Promise(done => setTimeout(done, 500));
  for (let i = 0; i < 50 && !options(); i++) await new Promise(done => setTimeout(done, 100));
  const shown = [...document.querySelectorAll('.p-autocomplete-option')].map(option => option.innerText);
  await app.extensionManager.command.execute('Workspace.SearchBox.Toggle');
  for (let i = 0; i < 50 && dialog(); i++) await new Promise(done => setTimeout(done, 100));
  const names = Object.values(LiteGraph.registered_node_types).map(kind => [kind.title, kind.comfyClass]);
  return shown.flatMap(text => names.filter(([title]) => title && text.includes(title)).map(([, kind]) => kind));
})(%s)"""
GREETED = """fetch('/settings', {
  method: 'POST', body: JSON.stringify({
    'Comfy.TutorialCompleted': true, 'Comfy.Minimap.Visible': false, 'LiteGraph.Canvas.MinFontSizeForLOD': 0
  })
}).then(() => true)"""
SLIDER = """(([name, part]) => {
  const node = app.graph.nodes.find(n => (n.widgets || []).some(w => w.name === name));
  const widget = node.widgets.find(w => w.name === name);
  const view = app.canvas.ds, shown = app.canvas.canvas.getBoundingClientRect();
  const x = node.pos[0] + part * node.size[0], y = node.pos[1] + (widget.last_y ?? widget.y) + 8;
  return [shown.x + (x + view.offset[0]) * view.scale, shown.y + (y + view.offset[1]) * view.scale];
})(%s)"""
FIT = """app.extensionManager.command.execute('Comfy.Canvas.FitView')
  .then(() => new Promise(done => setTimeout(done, 800)))"""


async def come_up(page: Page, address: str) -> None:
    await page.goto(f"{address}/system_stats")
    await page.wait("document.readyState === 'complete' && location.port")
    await page.js(GREETED)  # or the page greets a new user with a dialog over everything
    await page.goto(address)
    await page.wait(READY, 120)
    await asyncio.sleep(1.5)  # the page loads a graph of its own first


async def open_graph(page: Page, graph: dict) -> dict:
    """Load a graph in UI form: node types that are missing, nodes drawn red, and the graph in API form."""
    return await page.js(OPEN % json.dumps(graph))


async def set_nodes_2(page: Page, on: bool) -> None:
    """Nodes 2.0 (drawn by Vue) or the classic ones (drawn on the canvas), as the setting in the page's menu does."""
    await page.js(f"app.extensionManager.setting.set('Comfy.VueNodes.Enabled', {str(on).lower()}).then(() => true)")
    await asyncio.sleep(1)


async def new_graph(page: Page) -> None:
    await page.js("app.extensionManager.command.execute('Comfy.NewBlankWorkflow').then(() => true)")
    await asyncio.sleep(0.5)


async def search_nodes(page: Page, words: str) -> list[str]:
    """The kinds of nodes that the page's node search lists first for these words."""
    return await page.js(SEARCH % json.dumps(words))


async def lay_out(page: Page, prompt: dict) -> dict:
    """A graph in API form as one in UI form."""
    return await page.js(LAY_OUT % json.dumps(prompt))


async def show_whole(page: Page) -> None:
    """Zoom so that the whole graph is seen."""
    await page.js(FIT)


async def overlaps(page: Page) -> list[str]:
    """Pairs of nodes whose boxes share some room, title bars included."""
    return await page.js(OVERLAPS)


async def click_run(page: Page, seconds: float = 240) -> dict:
    """Click the page's Run button; returns how the run ended: kind, detail."""
    await page.js(FOLLOW)
    await page.click_on(RUN_BUTTON)
    return await page.wait("window.ended", seconds)


async def queue_mode(page: Page, mode: str) -> None:
    """What the arrow of the Run button sets: ``disabled``, ``change`` (On Change) or ``instant``."""
    await page.js(f"app.extensionManager.queueSettings.mode = '{mode}'")


async def move_slider(page: Page, name: str, part: float, seconds: float = 240) -> dict:
    """Press the mouse on a slider, at ``part`` of its node's width; returns how the run that follows ended."""
    await page.js(FOLLOW)
    await page.press(*await page.js(SLIDER % json.dumps([name, part])))
    return await page.wait("window.ended", seconds)
