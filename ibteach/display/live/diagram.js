// An information diagram as SVG: one ellipse for each variable, pale regions, one quantity in full colour, negative atoms
// hatched. Sets of variables are bit masks: 1 the first, 2 the second, 4 the third. Coordinates are those of Python, y up.

const SVG = "http://www.w3.org/2000/svg";
const FAR = 50; // beyond every diagram
const TITLES = [160, 20, -90]; // degrees: where the names stand, apart even where the sets are equal

const sum = (values) => values.reduce((a, b) => a + b, 0);

function draw(tag, attributes = {}, ...children) {
  const node = document.createElementNS(SVG, tag);
  place(node, attributes);
  node.append(...children);
  return node;
}

function place(node, attributes) {
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
}

// A value in nats as text in a unit, without a sign before nothing.
function numberIn(unit, value, digits = 3) {
  const text = (value * (unit === "bits" ? 1 / Math.LN2 : 1)).toFixed(digits);
  return Number(text) === 0 ? text.replace("-", "") : text.replace("-", "−");
}

class Diagram {
  constructor(names) {
    this.svg = draw("svg", { role: "img", "data-diagram": "" });
    const id = newId();
    const cut = { x: -FAR, y: -FAR, width: 2 * FAR, height: 2 * FAR };
    const defs = draw("defs");
    this.rings = names.map((_, i) => {
      const [inside, outside] = [draw("path"), draw("path", { "clip-rule": "evenodd" })]; // no masks: they are ten times as slow
      defs.append(draw("clipPath", { id: `${id}-in-${i}` }, inside), draw("clipPath", { id: `${id}-out-${i}` }, outside));
      return { inside, outside, ring: draw("path", { class: "ibteach-ring" }) };
    });
    const lines = draw("path", { d: "M-1,1 l2,-2 M0,4 l4,-4 M3,5 l2,-2", class: "ibteach-hatch" });
    this.hatch = draw("pattern", { id: `${id}-hatch`, width: 4, height: 4, patternUnits: "userSpaceOnUse" }, lines);
    defs.append(this.hatch);
    this.parts = [];
    for (let mask = 1; mask < 1 << names.length; mask++) {
      const pale = draw("rect", { ...cut, "data-atom": mask });
      const hatched = draw("rect", { ...cut, fill: `url(#${id}-hatch)` });
      let layer = draw("g", {}, pale, hatched);
      names.forEach((_, i) => {
        layer = draw("g", { "clip-path": `url(#${id}-${mask & (1 << i) ? "in" : "out"}-${i})` }, layer);
      });
      const sets = names.map((_, i) => i).filter((i) => mask & (1 << i));
      const mixed = sets.reduce((mix, i, k) => (k ? `color-mix(in srgb, ${mix} ${(100 * k) / (k + 1)}%, var(--set${i}))` : `var(--set${i})`), "");
      this.parts.push({ mask, layer, pale, hatched, value: draw("text", { class: "ibteach-value" }), colour: `color-mix(in srgb, ${mixed} 18%, var(--background))` });
    }
    this.titles = names.map((name) => draw("text", { class: "ibteach-name" }, name));
    this.leader = draw("path", { class: "ibteach-leader" });
    this.svg.append(defs, ...this.parts.map(({ layer }) => layer), ...this.rings.map(({ ring }) => ring), this.leader, ...this.parts.map(({ value }) => value), ...this.titles);
  }

  // `box` is [left, right, bottom, top], `ellipses` are [x, y, half-axis, half-axis, angle]; `atoms` and `anchors` (where
  // its number stands, and how much room is there) are by mask; `lit` are the masks of the quantity, `text` says a value.
  show({ box: [left, right, bottom, top], ellipses, atoms, anchors, room, lit, text }) {
    this.ellipses = ellipses;
    const unit = (right - left) / 400;
    place(this.svg, { viewBox: [left, -top, right - left, top - bottom].join(" ") });
    this.svg.style.setProperty("--unit", unit);
    place(this.hatch, { patternTransform: `scale(${2.2 * unit})` });
    ellipses.forEach(([x, y, a, b, angle], i) => {
      const ends = [-1, 1].map((side) => [x + side * a * Math.cos(angle), -y - side * a * Math.sin(angle)]);
      const half = (end) => `A${a},${b} ${(-180 * angle) / Math.PI} 1 1 ${end}`;
      const shape = `M${ends[0]} ${half(ends[1])} ${half(ends[0])} Z`;
      const { inside, outside, ring } = this.rings[i];
      for (const node of [inside, ring]) place(node, { d: shape });
      place(outside, { d: `M${-FAR},${-FAR} h${2 * FAR} v${2 * FAR} h${-2 * FAR} Z ${shape}` });
      const [dx, dy] = [Math.cos, Math.sin].map((f) => f((TITLES[i] * Math.PI) / 180));
      const [along, across] = [dx * Math.cos(angle) + dy * Math.sin(angle), dy * Math.cos(angle) - dx * Math.sin(angle)];
      const far = Math.hypot(a * along, b * across) || 1;
      const [u, v] = [(a * a * along) / far, (b * b * across) / far]; // the point farthest in this direction
      place(this.titles[i], { x: x + u * Math.cos(angle) - v * Math.sin(angle) + 18 * unit * dx, y: -(y + u * Math.sin(angle) + v * Math.cos(angle) + 18 * unit * dy) });
    });
    const leaders = [];
    for (const { mask, pale, hatched, value, colour } of this.parts) {
      const [x, y, deep] = anchors.get(mask) ?? [0, 0, 0];
      const led = lit.includes(mask) && deep > 0 && deep <= room;
      const at = led ? this.beside(x, y, [left, right, bottom, top]) : [x, y];
      if (led) leaders.push(`M${x},${-y} L${at[0]},${-at[1]}`);
      pale.style.fill = lit.includes(mask) ? "var(--highlight)" : colour;
      hatched.style.visibility = atoms.get(mask) < -1e-9 ? "visible" : "hidden";
      value.textContent = led || deep > room ? text(atoms.get(mask)) : "";
      value.classList.toggle("ibteach-lit", lit.includes(mask));
      place(value, { x: at[0], y: -at[1] });
    }
    place(this.leader, { d: leaders.join(" ") });
  }

  // Where the number stands of a region that has no room for it: beside the diagram, on the shortest way out.
  beside(x, y, [left, right, bottom, top]) {
    const wide = right - left;
    for (let step = 0; step <= 0.6; step += 0.01)
      for (let turn = 0; turn < 48; turn++) {
        const [dx, dy] = [Math.cos, Math.sin].map((f) => f((turn * Math.PI) / 24));
        const [way, at] = [0, 0.07].map((more) => [x + (step + more) * wide * dx, y + (step + more) * wide * dy]);
        const free = [way, at].every(([u, v]) => !maskAt(this.ellipses, u, v) && u > left && u < right && v > bottom && v < top);
        if (free) return at;
      }
    return [x, y];
  }

  // The atom below the pointer.
  maskAt({ clientX, clientY }) {
    const { x, y } = new DOMPoint(clientX, clientY).matrixTransform(this.svg.getScreenCTM().inverse());
    return maskAt(this.ellipses, x, -y);
  }

  // Type in the diagram is as large as that around it: `asked` pixels.
  size(asked) {
    const { clientWidth, clientHeight } = this.svg;
    const { width, height } = this.svg.viewBox.baseVal ?? {};
    if (!clientWidth || !width) return;
    const unit = Math.min(clientWidth / width, clientHeight / height) * (width / 400); // pixels of a 400th of the view
    this.svg.style.setProperty("--type", asked / unit);
  }
}

const maskAt = (ellipses, x, y) =>
  sum(
    ellipses.map(([cx, cy, a, b, angle], i) => {
      const [dx, dy] = [x - cx, y - cy];
      const [along, across] = [dx * Math.cos(angle) + dy * Math.sin(angle), dy * Math.cos(angle) - dx * Math.sin(angle)];
      return Math.hypot(along / a, across / b) < 1 ? 1 << i : 0;
    }),
  );
