// Key frames as curves over time: points to drag, keys to add, a playhead. It reads and writes lines of text such as
// "0.5: smile 1, yaw 20", and knows nothing of nodes.

const SVG = "http://www.w3.org/2000/svg";
const COLOURS = ["#6cb6ff", "#f69d50", "#8ddb8c", "#f47067", "#dcbdfb", "#e6c86e", "#7ee0d6", "#fc8dc7"];
const WIDTH = 800;
const HEIGHT = 110;
const MARGIN = 8;

const digits = (value, count) => Number(value.toFixed(count));

/** Lines of text as [{ at: seconds, values: { slider: value } }], in order; lines that do not read so are left out. */
export function readKeys(text) {
  const keys = [];
  for (const line of text.split("\n")) {
    const [moment, rest] = line.split(":");
    if (rest === undefined || !Number.isFinite(Number(moment)) || !moment.trim()) continue;
    keys.push({ at: Number(moment), values: readValues(rest) });
  }
  return keys.sort((a, b) => a.at - b.at);
}

/** "smile 0.6, yaw 20" as { smile: 0.6, yaw: 20 }. */
export function readValues(text) {
  const values = {};
  for (const part of text.split(/[,\n]/)) {
    const [name, amount] = part.trim().split(/\s+/);
    if (name && Number.isFinite(Number(amount)) && amount !== "") values[name] = Number(amount);
  }
  return values;
}

export const writeValues = (values) =>
  Object.entries(values)
    .map(([name, value]) => `${name} ${digits(value, 3)}`)
    .join(", ");

export const writeKeys = (keys) => keys.map((key) => `${digits(key.at, 3)}: ${writeValues(key.values)}`).join("\n");

/** The value of a slider at a moment: gentle from key to key, held before and after, as the core does it. */
export function valueAt(points, at) {
  if (at <= points[0][0]) return points[0][1];
  for (let i = 1; i < points.length; i++) {
    const [from, before] = points[i - 1];
    const [to, after] = points[i];
    if (at > to) continue;
    const share = (at - from) / Math.max(to - from, 1e-6);
    return before + (after - before) * share * share * (3 - 2 * share);
  }
  return points.at(-1)[1];
}

export class Timeline {
  /**
   * @param limits a function from a slider's name to its [low, high]
   * @param changed called with the new text after a point was dragged or taken away; `done` at the end of a drag
   * @param moved called with a moment in seconds when the playhead was put there
   */
  constructor({ limits, changed, moved }) {
    Object.assign(this, { limits, changed, moved, keys: [], seconds: 1, moment: 0 });
    this.element = document.createElementNS(SVG, "svg");
    this.element.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
    this.element.setAttribute("preserveAspectRatio", "none");
    this.element.classList.add("stylehead-timeline");
    this.element.addEventListener("pointerdown", (event) => this.press(event));
    this.element.addEventListener("dblclick", (event) => this.remove(event));
  }

  show(text, seconds) {
    this.keys = readKeys(text);
    this.seconds = Math.max(seconds, this.keys.at(-1)?.at ?? 0, 0.1);
    this.draw();
  }

  x(at) {
    return MARGIN + (at / this.seconds) * (WIDTH - 2 * MARGIN);
  }

  y(name, value) {
    const [low, high] = this.limits(name);
    return MARGIN + ((high - value) / (high - low)) * (HEIGHT - 2 * MARGIN);
  }

  /** Seconds and a part of the height (0 top, 1 bottom) under the mouse. */
  place(event) {
    const box = this.element.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * WIDTH;
    const y = ((event.clientY - box.top) / box.height) * HEIGHT;
    const at = ((x - MARGIN) / (WIDTH - 2 * MARGIN)) * this.seconds;
    const part = (y - MARGIN) / (HEIGHT - 2 * MARGIN);
    return [Math.min(Math.max(at, 0), this.seconds), Math.min(Math.max(part, 0), 1)];
  }

  curves() {
    const curves = new Map();
    for (const key of this.keys) {
      for (const [name, value] of Object.entries(key.values)) {
        if (!curves.has(name)) curves.set(name, []);
        curves.get(name).push([key.at, value, key]);
      }
    }
    return curves;
  }

  draw() {
    const parts = [line(this.x(0), HEIGHT / 2, this.x(this.seconds), HEIGHT / 2, "#666")];
    for (let second = 0; second <= this.seconds; second += this.seconds > 20 ? 5 : 1) {
      parts.push(line(this.x(second), MARGIN, this.x(second), HEIGHT - MARGIN, "#444"));
    }
    [...this.curves()].forEach(([name, points], number) => {
      const colour = COLOURS[number % COLOURS.length];
      const steps = Array.from({ length: 101 }, (_, i) => (i / 100) * this.seconds);
      const path = steps.map((at) => `${this.x(at).toFixed(1)},${this.y(name, valueAt(points, at)).toFixed(1)}`);
      parts.push(make("polyline", { points: path.join(" "), fill: "none", stroke: colour, "stroke-width": 2 }));
      parts.push(make("text", { x: WIDTH - 100, y: 18 + 13 * number, fill: colour, "font-size": 12 }, name));
      for (const [at, value, key] of points) {
        const point = make("circle", { cx: this.x(at), cy: this.y(name, value), r: 6, fill: colour, cursor: "move" });
        point.dataset.slider = name;
        point.key = key;
        parts.push(point);
      }
    });
    this.playhead = line(this.x(this.moment), 0, this.x(this.moment), HEIGHT, "#fff");
    this.element.replaceChildren(...parts, this.playhead);
  }

  putPlayhead(moment) {
    this.moment = Math.min(moment, this.seconds);
    for (const end of ["x1", "x2"]) this.playhead?.setAttribute(end, this.x(this.moment));
  }

  press(event) {
    event.stopPropagation();
    event.preventDefault();
    const point = event.target.key ? event.target : null;
    const drag = (moved) => {
      const [at, part] = this.place(moved);
      if (!point) {
        this.putPlayhead(at);
        this.moved(this.moment);
        return;
      }
      const name = point.dataset.slider;
      const [low, high] = this.limits(name);
      point.key.at = at;
      point.key.values[name] = digits(high - part * (high - low), 2);
      this.keys.sort((a, b) => a.at - b.at);
      this.draw();
      this.changed(writeKeys(this.keys), false);
    };
    const end = () => {
      window.removeEventListener("pointermove", drag);
      window.removeEventListener("pointerup", end);
      if (point) this.changed(writeKeys(this.keys), true);
    };
    window.addEventListener("pointermove", drag);
    window.addEventListener("pointerup", end);
    drag(event);
  }

  remove(event) {
    event.stopPropagation();
    const { key } = event.target;
    if (!key) return;
    this.keys = this.keys.filter((other) => other !== key);
    this.draw();
    this.changed(writeKeys(this.keys), true);
  }

  /** A key at the playhead with these values, and with 0 for sliders that other keys name. */
  add(values) {
    const named = Object.fromEntries([...this.curves().keys()].map((name) => [name, 0]));
    const at = digits(this.moment, 2);
    this.keys = this.keys.filter((key) => Math.abs(key.at - at) > 0.005);
    this.keys.push({ at, values: { ...named, ...values } });
    this.keys.sort((a, b) => a.at - b.at);
    this.draw();
    this.changed(writeKeys(this.keys), true);
  }
}

function make(kind, attributes, text) {
  const element = document.createElementNS(SVG, kind);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (text) element.textContent = text;
  return element;
}

const line = (x1, y1, x2, y2, stroke) => make("line", { x1, y1, x2, y2, stroke, "stroke-width": 1 });
