// Motion from Sliders: sliders end where pictures still hold, and a time line under them writes the key frames. Values
// beyond can be typed into the key frames; graphs that hold such values keep them.

import { app } from "../../../scripts/app.js";
import { api } from "../../../scripts/api.js";
import { addElement } from "./element.js";
import { Timeline } from "./timeline.js";

const NODE = "StyleHead_MotionFromSliders";
const HEIGHT = 150; // pixels of the time line and its buttons

const description = api.fetchApi("/stylehead/editor").then((answer) => answer.json());

const widgetOf = (node, name) => node.widgets.find((widget) => widget.name === name);

function narrow(node, sliders) {
  for (const [name, { hold }] of Object.entries(sliders)) {
    const widget = widgetOf(node, name);
    if (!widget || widget.value < hold[0] || widget.value > hold[1]) continue;
    widget.options.min = hold[0];
    widget.options.max = hold[1];
  }
}

function addTimeline(node, sliders) {
  const [keys, frames, fps] = ["key_frames", "frames", "fps"].map((name) => widgetOf(node, name));
  const write = (widget, value) => {
    widget.value = value;
    widget.callback?.(value);
    node.graph?.setDirtyCanvas?.(true, true);
  };
  const timeline = new Timeline({
    limits: (name) => sliders[name]?.range ?? [-1, 1],
    changed: (text) => write(keys, text),
    moved: () => {},
  });
  const show = () => timeline.show(keys.value ?? "", (frames.value - 1) / fps.value);
  const button = document.createElement("button");
  button.textContent = "+ key from sliders";
  button.title = "A key frame at the white line, from the sliders above";
  button.addEventListener("click", () => {
    const values = Object.keys(sliders).map((name) => [name, widgetOf(node, name)?.value ?? 0]);
    if (frames.value < 2) write(frames, Math.round(2 * fps.value) + 1); // two seconds
    show();
    timeline.add(Object.fromEntries(values.filter(([, value]) => value)));
  });
  const place = document.createElement("div");
  place.className = "stylehead-keys";
  place.style.cssText = `height: ${HEIGHT}px; overflow: hidden;`;
  place.append(timeline.element, button);
  place.addEventListener("pointerdown", (event) => event.stopPropagation());
  addElement(node, "stylehead_keys", place, HEIGHT);
  for (const followed of [keys, frames, fps]) {
    const before = followed.callback;
    followed.callback = (...given) => {
      const result = before?.apply(followed, given);
      show();
      return result;
    };
  }
  show();
  return show;
}

app.registerExtension({
  name: "stylehead.sliders",
  nodeCreated(node) {
    if (node.comfyClass !== NODE) return;
    const sliders = {};
    const show = addTimeline(node, sliders);
    const ready = description.then((known) => {
      Object.assign(sliders, known.sliders);
      narrow(node, sliders);
      show();
    });
    const configured = node.onConfigure;
    node.onConfigure = function () {
      configured?.apply(this, arguments);
      ready.then(() => {
        for (const [name, { range }] of Object.entries(sliders)) {
          const widget = widgetOf(node, name);
          if (widget) [widget.options.min, widget.options.max] = range;
        }
        narrow(node, sliders);
        show();
      });
    };
  },
});
