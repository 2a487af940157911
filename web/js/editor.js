// The panel of the Expression Editor: a picture that follows the sliders without the queue, expressions to begin with,
// undo, and key frames over time. The node's text widgets hold the values, so graphs, API and undo of the page work on.

import { app } from "../../../scripts/app.js";
import { api } from "../../../scripts/api.js";
import { addElement } from "./element.js";
import { Timeline, readValues, writeValues } from "./timeline.js";

const NODE = "StyleHead_ExpressionEditor";
const WIDTH = 860; // pixels of the node
const HEIGHT = 720;
const MOST_UNDONE = 100;
const OWN = "stylehead.expressions.json"; // the user's own expressions, in ComfyUI's folder of user data

const STYLE = `
.stylehead-editor { display: grid; grid-template: 516px auto auto / 516px 1fr; gap: 6px; height: ${HEIGHT}px; padding: 4px;
  box-sizing: border-box; font: 12px sans-serif; color: var(--input-text, #ddd); user-select: none; }
.stylehead-editor figure { margin: 0; position: relative; width: 512px; height: 512px; background: #111; }
.stylehead-editor figure img { width: 512px; height: 512px; object-fit: contain; }
.stylehead-editor figcaption { position: absolute; left: 6px; bottom: 4px; right: 6px; text-shadow: 0 0 3px #000; color: #eee; }
.stylehead-editor .sliders { overflow: auto; }
.stylehead-editor .sliders h4 { margin: 6px 0 2px; font: bold 12px sans-serif; opacity: 0.7; }
.stylehead-editor label { display: grid; grid-template-columns: 74px 1fr 56px; align-items: center; height: 24px; }
.stylehead-editor input[type="range"] { width: 100%; margin: 0; accent-color: #6cb6ff; }
.stylehead-editor input[type="number"] { width: 52px; background: var(--comfy-input-bg, #222); color: inherit; border: 1px solid #555; }
.stylehead-editor .buttons { grid-column: 1 / 3; display: flex; flex-wrap: wrap; gap: 4px; }
.stylehead-editor button { background: var(--comfy-input-bg, #333); color: inherit; border: 1px solid #666; border-radius: 4px;
  padding: 3px 8px; cursor: pointer; font: inherit; }
.stylehead-editor .gap { flex: 1; }
.stylehead-editor .time { grid-column: 1 / 3; }
.stylehead-timeline { display: block; width: 100%; height: 110px; background: #1c1c1c; touch-action: none; }
`;

const description = api.fetchApi("/stylehead/editor").then((answer) => answer.json());

class Panel {
  constructor(node, { groups, sliders, presets }) {
    Object.assign(this, { node, sliders, presets, session: null, undone: [], done: [], inputs: {}, playing: false });
    this.expression = node.widgets.find((widget) => widget.name === "expression");
    this.keyFrames = node.widgets.find((widget) => widget.name === "key_frames");
    this.frames = node.widgets.find((widget) => widget.name === "frames");
    this.fps = node.widgets.find((widget) => widget.name === "fps");
    this.element = element("div", { className: "stylehead-editor" });
    this.picture = element("img", { alt: "" });
    this.caption = element("figcaption", { textContent: "Press Run once, then drag." });
    const figure = element("figure", {}, this.picture, this.caption);
    this.buttons = element("div", { className: "buttons" });
    this.timeline = new Timeline({
      limits: (name) => this.sliders[name]?.range ?? [-1, 1],
      changed: (text) => this.setKeys(text),
      moved: (moment) => this.draw(moment),
    });
    this.element.append(figure, this.makeSliders(groups), this.buttons);
    this.element.append(element("div", { className: "time" }, this.timeline.element));
    for (const kind of ["pointerdown", "wheel", "keydown"]) {
      this.element.addEventListener(kind, (event) => event.stopPropagation());
    }
    for (const widget of [this.expression, this.keyFrames, this.frames, this.fps]) this.follow(widget);
    this.makeButtons();
    this.show();
    this.loadOwn();
  }

  /** Values that are typed into a widget, or come with a graph, move the sliders too. */
  follow(widget) {
    const before = widget.callback;
    widget.callback = (...given) => {
      const result = before?.apply(widget, given);
      if (!this.writing) {
        this.show();
        this.draw();
      }
      return result;
    };
  }

  makeSliders(groups) {
    const column = element("div", { className: "sliders" });
    for (const [group, names] of Object.entries(groups)) {
      column.append(element("h4", { textContent: group }));
      for (const name of names) {
        const { range, hold, step, help } = this.sliders[name];
        const slider = element("input", { type: "range", min: hold[0], max: hold[1], step, value: 0 });
        const number = element("input", { type: "number", min: range[0], max: range[1], step, value: 0 });
        slider.dataset.slider = name;
        slider.addEventListener("input", () => this.set(name, Number(slider.value)));
        number.addEventListener("input", () => this.set(name, clamp(Number(number.value), range)));
        for (const input of [slider, number]) input.addEventListener("pointerdown", () => this.remember());
        number.addEventListener("focus", () => this.remember());
        slider.addEventListener("dblclick", () => this.set(name, 0));
        this.inputs[name] = [slider, number];
        const words = element("span", { textContent: name.replace("_", " ") });
        column.append(element("label", { title: help }, words, slider, number));
      }
    }
    return column;
  }

  makeButtons() {
    const presets = Object.entries({ ...this.presets, ...this.own }).map(([name, text]) =>
      button(name, `The expression ${name}: ${text}`, () => this.replace(text)),
    );
    this.buttons.replaceChildren(
      ...presets,
      element("span", { className: "gap" }),
      button("reset", "All sliders to 0", () => this.replace("")),
      button("undo", "One step back", () => this.step(this.done, this.undone)),
      button("redo", "One step forward", () => this.step(this.undone, this.done)),
      button("keep", "Keep this expression as a button of yours", () => this.keepOwn()),
      button("save", "Save as a motion, which Load Motion opens", () => this.save()),
      button("+ key", "A key frame at the white line, from the sliders", () => this.addKey()),
      (this.playButton = button("play", "Play the key frames", () => this.play())),
    );
  }

  values() {
    return readValues(this.expression.value ?? "");
  }

  /** Put the sliders and the time line to what the widgets say. */
  show() {
    const values = this.values();
    for (const [name, [slider, number]] of Object.entries(this.inputs)) {
      slider.value = number.value = values[name] ?? 0;
    }
    this.timeline.show(this.keyFrames.value ?? "", (this.frames.value - 1) / this.fps.value);
  }

  write(widget, value) {
    this.writing = true;
    widget.value = value;
    widget.callback?.(value);
    this.writing = false;
    this.node.graph?.setDirtyCanvas?.(true, true);
  }

  remember() {
    const state = [this.expression.value, this.keyFrames.value];
    if (this.done.at(-1)?.join("\t") === state.join("\t")) return;
    this.done = [...this.done.slice(1 - MOST_UNDONE), state];
    this.undone = [];
  }

  set(name, value) {
    const values = this.values();
    if (value) values[name] = value;
    else delete values[name];
    this.write(this.expression, writeValues(values));
    for (const input of this.inputs[name]) if (Number(input.value) !== value) input.value = value;
    this.draw();
  }

  replace(text) {
    this.remember();
    this.write(this.expression, text);
    this.show();
    this.draw();
  }

  setKeys(text) {
    this.write(this.keyFrames, text);
    this.draw(this.timeline.moment);
  }

  step(from, to) {
    const state = from.pop();
    if (!state) return;
    to.push([this.expression.value, this.keyFrames.value]);
    this.write(this.expression, state[0]);
    this.write(this.keyFrames, state[1]);
    this.show();
    this.draw();
  }

  addKey() {
    this.remember();
    if (this.frames.value < 2) this.write(this.frames, Math.round(2 * this.fps.value) + 1); // two seconds
    this.show();
    this.timeline.add(this.values());
  }

  async play() {
    this.playing = !this.playing;
    this.playButton.textContent = this.playing ? "stop" : "play";
    const started = performance.now();
    while (this.playing && this.element.isConnected) {
      const moment = ((performance.now() - started) / 1000) % this.timeline.seconds;
      this.timeline.putPlayhead(moment);
      if (!(await this.draw(moment))) break;
    }
    this.playing = false;
    this.playButton.textContent = "play";
  }

  /** Ask for a picture. One question at a time: while one is answered, only the newest wish is kept. */
  async draw(moment) {
    this.wish = { moment };
    if (this.asking) return this.asking;
    this.asking = this.answerWishes();
    const answered = await this.asking;
    this.asking = null;
    return answered;
  }

  async answerWishes() {
    let answered = true;
    while (this.wish) {
      const { moment } = this.wish;
      this.wish = null;
      answered = await this.ask(moment);
    }
    return answered;
  }

  async ask(moment) {
    if (!this.session) return false;
    const started = performance.now();
    const answer = await this.post("draw", { session: this.session, moment });
    if (answer.status === 423) {
      this.caption.textContent = "Waiting for the run to end.";
      this.waiting = true;
      return false;
    }
    if (!answer.ok) {
      this.caption.textContent = (await answer.json()).message;
      return false;
    }
    const shown = URL.createObjectURL(await answer.blob());
    await new Promise((loaded) => {
      this.picture.onload = this.picture.onerror = loaded;
      this.picture.src = shown;
    });
    URL.revokeObjectURL(shown);
    const milliseconds = Math.round(performance.now() - started);
    const warning = JSON.parse(answer.headers.get("X-StyleHead-Warning") ?? '""');
    this.caption.textContent = `${this.picture.naturalWidth} pixels in ${milliseconds} ms${warning ? ` - ${warning}` : ""}`;
    return true;
  }

  post(what, more) {
    const body = { expression: this.expression.value, key_frames: this.keyFrames.value, ...more };
    return api.fetchApi(`/stylehead/editor/${what}`, { method: "POST", body: JSON.stringify(body) });
  }

  async save() {
    const answer = await this.post("save", { session: this.session, frames: this.frames.value, fps: this.fps.value });
    const { file, message } = await answer.json();
    this.caption.textContent = file ? `Saved: ${file}` : message;
  }

  async loadOwn() {
    const answer = await api.getUserData(OWN);
    this.own = answer.status === 200 ? await answer.json() : {};
    this.makeButtons();
  }

  async keepOwn() {
    const name = await app.extensionManager.dialog.prompt({ title: "Keep", message: "Name of this expression" });
    if (!name) return;
    this.own = { ...this.own, [name]: this.expression.value };
    await api.storeUserData(OWN, this.own);
    this.makeButtons();
  }

  ran(session) {
    this.session = session;
    this.draw();
  }
}

function element(kind, properties, ...children) {
  const made = Object.assign(document.createElement(kind), properties);
  made.append(...children);
  return made;
}

const button = (text, title, pressed) => {
  const made = element("button", { textContent: text, title, type: "button" });
  made.addEventListener("click", pressed);
  return made;
};

const clamp = (value, [low, high]) => Math.min(Math.max(Number.isFinite(value) ? value : 0, low), high);

const panels = new Set();

app.registerExtension({
  name: "stylehead.editor",
  setup() {
    document.head.append(element("style", { textContent: STYLE }));
    api.addEventListener("status", () => {
      for (const panel of panels) {
        if (!panel.element.isConnected || !panel.waiting) continue;
        panel.waiting = false;
        panel.draw();
      }
    });
  },
  nodeCreated(node) {
    if (node.comfyClass !== NODE) return;
    const place = element("div", {});
    place.style.height = `${HEIGHT}px`;
    addElement(node, "stylehead_editor", place, HEIGHT);
    node.setSize([Math.max(node.size[0], WIDTH), Math.max(node.size[1], node.computeSize()[1])]);
    const ready = description.then((known) => {
      const panel = new Panel(node, known);
      panels.add(panel);
      place.append(panel.element);
      return panel;
    });
    const executed = node.onExecuted;
    node.onExecuted = function (output) {
      executed?.apply(this, arguments);
      if (output?.session) ready.then((panel) => panel.ran(output.session[0]));
    };
    const configured = node.onConfigure;
    node.onConfigure = function () {
      configured?.apply(this, arguments);
      ready.then((panel) => panel.show());
    };
    const removed = node.onRemoved;
    node.onRemoved = function () {
      removed?.apply(this, arguments);
      ready.then((panel) => panels.delete(panel));
    };
  },
});
