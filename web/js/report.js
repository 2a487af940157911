// What StyleHead nodes say on themselves: words that stay with their result, and while they run a small picture too.
//
// Two sources. While a node runs the server sends "stylehead.report" with the id of the graph that asked for the run.
// At its end "executed" brings the node's own `ui` text, with the id of the run; which graph that belongs to is asked
// from the queue. Words are shown in that graph alone, since other tabs may hold nodes of the same number. ComfyUI says
// nothing of results from its cache but of those that a graph ends with, so words are kept, over a reload too.

import { app } from "../../../scripts/app.js";
import { api } from "../../../scripts/api.js";

const NAME = "stylehead_report";
const SPEAKING = new Set(
  ["Invert", "EditStyle", "MotionFromVideo", "MotionFromAudio", "MotionFromSliders", "WarpFeatures", "MixMotion",
    "SaveMotion", "Render", "RenderVideo", "TalkingHead", "Measure"].map((name) => `StyleHead_${name}`),
);
const VIDEO = new Set(["StyleHead_RenderVideo", "StyleHead_TalkingHead"]);
const LINES = 8; // at most, before the words scroll
const LINE_PX = 15;
const LETTER_PX = 7.4; // of 12 pixel letters, on the wide side
const PICTURE_PX = 200;
const AROUND_PX = 24; // what the classic page takes for margins above and below, and a little

const KEPT = 300; // words of so many nodes

const said = new Map(JSON.parse(sessionStorage.getItem(NAME) ?? "[]")); // `${graph}:${execution id}` -> words
const graphOfRun = new Map(); // prompt id -> promise of a graph's id

function keep(graph, node, words) {
  const key = `${graph}:${node}`;
  said.delete(key);
  said.set(key, words);
  for (const oldest of said.keys()) {
    if (said.size <= KEPT) break;
    said.delete(oldest);
  }
  sessionStorage.setItem(NAME, JSON.stringify([...said]));
}

const rootGraph = () => app.graph.rootGraph ?? app.graph;

/** The node of an execution id such as 5, or 3:7 for node 7 inside of subgraph node 3. */
function nodeAt(id) {
  let graph = rootGraph();
  let node = null;
  for (const part of String(id).split(":")) {
    node = graph?.getNodeById(Number(part)) ?? graph?.getNodeById(part);
    graph = node?.subgraph;
  }
  return node;
}

/** The id of the graph that a run belongs to: from the queue while it runs, from the history afterwards. */
function graphOf(prompt) {
  if (!graphOfRun.has(prompt)) graphOfRun.set(prompt, lookUp(prompt));
  return graphOfRun.get(prompt);
}

async function lookUp(prompt) {
  const queue = await (await api.fetchApi("/queue")).json();
  const waiting = [...queue.queue_running, ...queue.queue_pending].find((item) => item[1] === prompt);
  if (waiting) return waiting[3]?.extra_pnginfo?.workflow?.id;
  const history = await (await api.fetchApi(`/history/${prompt}`)).json();
  return history[prompt]?.prompt?.[3]?.extra_pnginfo?.workflow?.id;
}

/** The box on a node that holds its words; made with the node, so that both kinds of page lay it out. */
function boxOf(node) {
  const known = node.widgets?.find((widget) => widget.name === NAME);
  if (known) return known.element;
  const box = document.createElement("div");
  const style = "font: 12px/15px sans-serif; color: var(--input-text, #ddd); white-space: pre-wrap; overflow: auto;";
  box.className = "stylehead-report";
  box.style.cssText = `${style} padding: 0 4px; box-sizing: border-box; overflow-wrap: break-word; user-select: text;`;
  box.append(document.createElement("span"), document.createElement("img"));
  box.lastChild.style.cssText = `display: none; max-width: 100%; max-height: ${PICTURE_PX}px; margin: 4px auto;`;
  const height = () => {
    const words = box.firstChild.textContent;
    if (!words && !box.lastChild.src) return 0;
    const letters = Math.max(20, Math.floor((node.size[0] - 30) / LETTER_PX));
    const lines = words.split("\n").reduce((sum, line) => sum + Math.max(1, Math.ceil(line.length / letters)), 0);
    return Math.min(lines, LINES) * LINE_PX + AROUND_PX + (box.lastChild.src ? PICTURE_PX + 8 : 0);
  };
  const widget = node.addDOMWidget(NAME, "STYLEHEAD_REPORT", box, {
    serialize: false,
    hideOnZoom: false,
    getMinHeight: height,
    getMaxHeight: height,
    getValue: () => box.firstChild.textContent,
    setValue: () => {},
  });
  widget.serialize = false;
  return box;
}

function show(node, words, picture) {
  const box = boxOf(node);
  box.firstChild.textContent = words ?? "";
  const image = box.lastChild;
  if (picture) image.src = picture;
  else image.removeAttribute("src");
  image.style.display = picture ? "block" : "none";
  node.setSize([node.size[0], Math.max(node.size[1], node.computeSize()[1])]); // lays widgets out anew
  node.setDirtyCanvas?.(true, true);
}

/** Words of this graph's nodes, after it was opened again. */
function showAgain(graph, path = "") {
  for (const node of graph.nodes ?? graph._nodes ?? []) {
    const words = said.get(`${rootGraph().id}:${path}${node.id}`);
    if (words !== undefined && SPEAKING.has(node.comfyClass)) show(node, words);
    if (node.subgraph) showAgain(node.subgraph, `${path}${node.id}:`);
  }
}

app.registerExtension({
  name: "stylehead.report",
  setup() {
    api.addEventListener("stylehead.report", ({ detail }) => {
      keep(detail.graph, detail.node, detail.text);
      const node = detail.graph === rootGraph().id ? nodeAt(detail.node) : null;
      if (node) show(node, detail.text, detail.picture ?? boxOf(node).lastChild.getAttribute("src"));
    });
    api.addEventListener("executed", async ({ detail }) => {
      const words = detail.output?.text?.[0];
      if (words === undefined) return;
      const graph = await graphOf(detail.prompt_id);
      if (!graph) return;
      keep(graph, detail.node, words);
      const node = graph === rootGraph().id ? nodeAt(detail.node) : null;
      if (node && SPEAKING.has(node.comfyClass)) show(node, words);
    });
  },
  nodeCreated(node) {
    if (SPEAKING.has(node.comfyClass)) boxOf(node);
    // Or pages that look at inputs alone (1.32 with Nodes 2.0) take the video for a picture.
    if (VIDEO.has(node.comfyClass)) node.previewMediaType = "video";
  },
  afterConfigureGraph() {
    showAgain(rootGraph());
  },
});
