// A joint table to edit by hand, its information diagram beside it. Everything is computed here, so that the exported page
// does the same without a kernel. A state is {preset, table}: a preset names the variables and labels rows and columns.
// `spec.kinds` says, for tables of two and of three variables, which quantities there are and which atoms they sum up.

const STEP = 0.01; // of probability, one press of an arrow key
const LEAP = 0.1; // Page Up and Page Down
const PIXELS = 180; // how far a pointer travels from probability 0 to 1
const GRID = 72; // points across the diagram, when a place for a number is looked for
const round = (value) => Math.round(value * 1e6) / 1e6;

// One table and all that is known of it. Sets of variables are bit masks: 1 the first, 2 the second, 4 the third.
class Joint {
  constructor(table, count) {
    const columns = table[0].length;
    this.count = count;
    // Three variables: a row is a pair of bits of the first two.
    const digits = (row, column) => (count === 2 ? [row, column] : [row >> 1, row & 1, column]);
    const marginals = Array.from({ length: 1 << count }, () => new Map());
    table.flat().forEach((p, cell) => {
      const value = digits(Math.floor(cell / columns), cell % columns);
      marginals.forEach((marginal, mask) => {
        const key = value.filter((_, i) => mask & (1 << i)).join();
        marginal.set(key, (marginal.get(key) ?? 0) + p);
      });
    });
    this.entropies = marginals.map((marginal) => sum([...marginal.values()].map((p) => (p > 0 ? -p * Math.log(p) : 0))));
  }

  // I[S₁;S₂;…|others] by inclusion and exclusion, for the atom inside the sets of `mask` alone.
  atom(mask) {
    const others = ((1 << this.count) - 1) ^ mask;
    let total = 0;
    for (let some = mask; ; some = (some - 1) & mask) {
      const size = [0, 1, 2].filter((i) => some & (1 << i)).length;
      total -= (-1) ** size * this.entropies[some | others];
      if (!some) return total;
    }
  }

  entropy(i) {
    return this.entropies[1 << i];
  }
}

function sharedArea(r, s, distance) {
  if (distance >= r + s) return 0;
  if (distance <= Math.abs(r - s)) return Math.PI * Math.min(r, s) ** 2;
  const part = (a, b) => {
    const cos = (distance ** 2 + a ** 2 - b ** 2) / (2 * distance * a);
    return a ** 2 * (Math.acos(cos) - cos * Math.sqrt(1 - cos ** 2));
  };
  return part(r, s) + part(s, r);
}

// Circles, as ellipses, whose areas are the entropies. Two overlap by their mutual information; three as a scheme.
function circles(joint) {
  const radii = [...Array(joint.count).keys()].map((i) => Math.sqrt(Math.max(joint.entropy(i), 0) / Math.PI));
  const apart = (i, j) => {
    if (joint.count === 3) return Math.max(radii[i], radii[j]);
    let [near, far] = [Math.abs(radii[0] - radii[1]), radii[0] + radii[1]];
    for (let step = 0; step < 50; step++) {
      const middle = (near + far) / 2;
      if (sharedArea(radii[0], radii[1], middle) > joint.atom(3)) near = middle;
      else far = middle;
    }
    return (near + far) / 2;
  };
  const placed = [[0, 0, radii[0]], [apart(0, 1), 0, radii[1]]];
  if (joint.count === 3) {
    const [a, b, c] = [apart(0, 1), apart(0, 2), apart(1, 2)];
    const cos = Math.min(1, Math.max(-1, (a ** 2 + b ** 2 - c ** 2) / (2 * a * b || 1)));
    placed.push([b * cos, -b * Math.sqrt(1 - cos ** 2), radii[2]]);
  }
  const middle = (axis) => {
    const low = Math.min(...placed.map((circle) => circle[axis] - circle[2]));
    return (low + Math.max(...placed.map((circle) => circle[axis] + circle[2]))) / 2;
  };
  const [x, y] = [middle(0), middle(1)];
  return placed.map(([cx, cy, radius]) => [cx - x, cy - y, Math.max(radius, 1e-9), Math.max(radius, 1e-9), 0]);
}

class Editor extends LiveFigure {
  constructor(el, spec, state, report) {
    super(spec, "editor");
    Object.assign(this, { report, chosen: 0, unit: "nats" });
    this.grid = make("div", { class: "ibteach-table" });
    this.picture = make("div", { class: "ibteach-sets" });
    this.picture.addEventListener("pointermove", (event) => this.point(event));
    this.list = make("div", { class: "ibteach-quantities", role: "group", "aria-label": "quantities" });
    this.remark = make("p", { class: "ibteach-remark" });
    const how = make("p", { class: "ibteach-remark" }, "Drag a cell up or down, or choose it and use the arrow keys.");
    this.sheet = make("div", { class: "ibteach-sheet" }, make("div", {}, this.grid, how), make("div", {}, this.picture, this.remark), this.list);
    this.root.style.setProperty("--width", `${spec.width}px`);
    this.set(state);
    this.open(el, [this.sheet], "Copy this line to keep or share the table; paste one here and press Enter to see it again.");
  }

  strip(compact) {
    const { presets } = this.spec;
    const names = Object.keys(presets);
    const control = (name, label, values, at, pick) => {
      const { node, place } = choice({ name, label, values, texts: values.map(String) }, (tick) => pick(values[tick]), compact);
      return { node, place: () => place(values.indexOf(at())) };
    };
    const sizes = ["rows", "columns"].map((name, axis) =>
      control(name, name, [2, 3, 4], () => (axis ? this.state.table[0] : this.state.table).length, (size) => this.resize(axis, size)),
    );
    const unit = control("unit", "unit", ["nats", "bits"], () => this.unit, (unit) => {
      this.unit = unit;
      this.show();
      this.looked?.();
    });
    const preset = control("preset", "start from", names, () => this.state.preset, (name) => this.pick({ preset: name, table: presets[name].table }));
    return [preset, ...sizes, unit];
  }

  get names() {
    return this.spec.presets[this.state.preset].names;
  }

  get kind() {
    return this.spec.kinds[this.names.join()];
  }

  pick(state) {
    this.set(state);
    this.report?.(this.state);
  }

  // Beside the state, which a kernel hears of, there are the unit and the quantity that is looked at: an address has both.
  get shared() {
    return { ...this.written(), unit: this.unit, quantity: this.kind[this.chosen].quantity };
  }

  set({ preset, table, unit = this.unit, quantity }) {
    const before = this.state;
    this.state = { preset, table: table.map((row) => [...row]) };
    this.unit = unit;
    const same = before && this.kind === this.shownKind && before.table.length === table.length && before.table[0].length === table[0].length;
    if (!same || before.preset !== preset) this.build();
    const chosen = this.kind.findIndex((one) => one.quantity === quantity);
    if (chosen >= 0) this.chosen = chosen;
    this.show();
  }

  // Probability p for one cell; the others keep their proportions.
  put(row, column, p) {
    const table = this.state.table.map((cells) => [...cells]);
    const old = table[row][column];
    p = Math.min(1, Math.max(0, p));
    const others = 1 - old;
    const count = table.length * table[0].length - 1;
    const next = table.map((cells, i) =>
      cells.map((q, j) => (i === row && j === column ? p : others > 1e-9 ? (q * (1 - p)) / others : (1 - p) / count)),
    );
    this.pick({ preset: this.state.preset, table: next });
  }

  resize(axis, size) {
    const shape = [this.state.table.length, this.state.table[0].length];
    shape[axis] = size;
    let table = Array.from({ length: shape[0] }, (_, i) => Array.from({ length: shape[1] }, (_, j) => this.state.table[i]?.[j] ?? 0));
    const total = sum(table.flat());
    table = table.map((row) => row.map((p) => (total > 1e-9 ? p / total : 1 / (shape[0] * shape[1]))));
    this.pick({ preset: this.spec.free, table });
  }

  // Cells, quantities and the diagram's parts: once for a preset and a size.
  build() {
    const { table } = this.state;
    const { names, rows, columns } = this.spec.presets[this.state.preset];
    const label = (labels, i) => labels?.[i] ?? String(i);
    this.shownKind = this.kind;
    const rowNames = names.slice(0, -1).join(" ");
    const cells = table.map((row, i) => row.map((_, j) => this.cell(i, j, `${rowNames} = ${label(rows, i)}, ${names.at(-1)} = ${label(columns, j)}`)));
    this.cells = cells;
    this.rowSums = table.map(() => make("span", { class: "ibteach-margin" }));
    this.columnSums = table[0].map(() => make("span", { class: "ibteach-margin" }));
    const corner = make("span", { class: "ibteach-corner" }, `${rowNames} ↓  ${names.at(-1)} →`);
    this.grid.replaceChildren(
      ...[corner, ...table[0].map((_, j) => make("span", { class: "ibteach-head" }, label(columns, j))), make("span", { class: "ibteach-margin" }, `p(${rowNames.toLowerCase()})`)],
      ...cells.flatMap((row, i) => [make("span", { class: "ibteach-head" }, label(rows, i)), ...row.map(({ node }) => node), this.rowSums[i]]),
      ...[make("span", { class: "ibteach-margin" }, `p(${names.at(-1).toLowerCase()})`), ...this.columnSums],
    );
    this.grid.style.gridTemplateColumns = `max-content repeat(${table[0].length}, var(--cell)) max-content`;
    this.root.style.setProperty("--cells", Math.max(table.length, table[0].length));

    this.chosen = Math.min(this.chosen, this.kind.length - 1);
    if (this.kind.length !== this.buttons?.length) this.chosen = this.kind.findIndex(({ quantity }) => quantity.startsWith("I"));
    this.buttons = this.kind.map(({ quantity }, i) => {
      const value = make("span", { class: "ibteach-value" });
      const button = make("button", { type: "button", "data-quantity": quantity }, make("span", {}, quantity), value);
      for (const event of ["pointerenter", "focus", "click"]) button.addEventListener(event, () => this.choose(i));
      return { button, value };
    });
    this.list.replaceChildren(...this.buttons.map(({ button }) => button));
    this.diagram = new Diagram(names);
    this.picture.replaceChildren(this.diagram.svg);
  }

  cell(i, j, said) {
    const fill = make("span", { class: "ibteach-fill" });
    const text = make("span", { class: "ibteach-p" });
    const node = make("div", { class: "ibteach-cell", role: "slider", tabindex: 0, "aria-label": `p(${said})`, "aria-valuemin": 0, "aria-valuemax": 1, "aria-orientation": "vertical", "data-cell": `${i},${j}` }, fill, text);
    const now = () => this.state.table[i][j];
    const keys = { ArrowUp: STEP, ArrowRight: STEP, ArrowDown: -STEP, ArrowLeft: -STEP, PageUp: LEAP, PageDown: -LEAP, Home: -1, End: 1 };
    node.addEventListener("keydown", (event) => {
      if (forNotebook(event) || !(event.key in keys)) return;
      event.preventDefault();
      this.put(i, j, Math.round((now() + keys[event.key]) / STEP) * STEP);
    });
    let from = null;
    node.addEventListener("pointerdown", (event) => {
      node.setPointerCapture(event.pointerId);
      from = { y: event.clientY, p: now() };
    });
    node.addEventListener("pointermove", (event) => from && this.put(i, j, from.p + (from.y - event.clientY) / PIXELS));
    for (const end of ["pointerup", "pointercancel"]) node.addEventListener(end, () => (from = null));
    return { node, fill, text };
  }

  choose(i) {
    this.chosen = i;
    this.show();
    this.looked?.();
  }

  point(event) {
    const mask = this.diagram.maskAt(event);
    const i = this.kind.findIndex(({ atoms }) => atoms.length === 1 && atoms[0] === mask);
    if (mask && i >= 0 && i !== this.chosen) this.choose(i);
  }

  number(value, digits = 3) {
    return numberIn(this.unit, value, digits);
  }

  show() {
    const { table } = this.state;
    this.place();
    table.forEach((row, i) => {
      row.forEach((p, j) => {
        const { node, fill, text } = this.cells[i][j];
        fill.style.setProperty("--side", `${100 * Math.sqrt(p)}%`);
        text.textContent = p.toFixed(3);
        node.setAttribute("aria-valuenow", round(p));
        node.setAttribute("aria-valuetext", p.toFixed(3));
      });
      this.rowSums[i].textContent = sum(row).toFixed(3);
    });
    this.columnSums.forEach((node, j) => (node.textContent = sum(table.map((row) => row[j])).toFixed(3)));
    this.write();

    const joint = new Joint(table, this.names.length);
    const values = this.kind.map(({ atoms }) => sum(atoms.map((mask) => joint.atom(mask))));
    this.buttons.forEach(({ button, value }, i) => {
      value.textContent = this.number(values[i]);
      button.setAttribute("aria-pressed", i === this.chosen);
    });
    this.showDiagram(joint);
    const { quantity, formula, parts } = this.kind[this.chosen];
    const total = parts.length > 1 && parts.length < 5 ? ` = ${parts.join(" + ")}` : "";
    const words = `${quantity} = ${formula[this.unit]}${total} = ${this.number(values[this.chosen])} ${this.unit}`;
    this.diagram.svg.setAttribute("aria-label", `Information diagram of ${this.names.join(", ")}. Highlighted: ${words}. ${this.remark.textContent}`);
    clearTimeout(this.settling);
    this.settling = setTimeout(() => (this.caption.textContent = words), 80);
  }

  showDiagram(joint) {
    const largest = Math.sqrt(Math.log(joint.count === 3 ? 2 : Math.max(this.state.table.length, this.state.table[0].length)) / Math.PI);
    const [wide, high] = joint.count === 3 ? [1.7 * largest + 0.12, 1.7 * largest + 0.08] : [2 * largest + 0.06, largest + 0.12];
    const ellipses = circles(joint);
    // The roomiest point of each region, for its number.
    const anchors = new Map();
    for (let i = 0; i < GRID * GRID; i++) {
      const [x, y] = [wide * (2 * ((i % GRID) + 0.5) / GRID - 1), high * (2 * (Math.floor(i / GRID) + 0.5) / GRID - 1)];
      const room = Math.min(...ellipses.map(([cx, cy, r]) => Math.abs(Math.hypot(x - cx, y - cy) - r)));
      const mask = maskAt(ellipses, x, y);
      if (!(room <= anchors.get(mask)?.[2])) anchors.set(mask, [x, y, room]);
    }
    const atoms = new Map(this.diagram.parts.map(({ mask }) => [mask, joint.atom(mask)]));
    const negative = [...atoms.values()].some((amount) => amount < -1e-9);
    this.diagram.show({ box: [-wide, wide, -high, high], ellipses, atoms, anchors, room: 0.07 * wide, lit: this.kind[this.chosen].atoms, text: (value) => this.number(value, 2) });
    const scheme = "Each circle has its entropy for its area; three circles overlap as a scheme";
    this.remark.textContent = joint.count === 2 ? "Areas are true to the measure." : negative ? `${scheme}, and the hatched region is negative.` : `${scheme}.`;
  }

  place() {
    for (const { place } of this.controls ?? []) place();
  }

  written() {
    return { preset: this.state.preset, table: this.state.table.map((row) => row.map(round)) };
  }

  wrong(asked) {
    const table = asked?.table;
    const shape = Array.isArray(table) && [2, 3, 4].includes(table.length) && table.every((row) => Array.isArray(row) && row.length === table[0].length) && [2, 3, 4].includes(table[0].length);
    const bits = shape && table.length === 4 && table[0].length === 2; // three of them
    const fits = shape && Object.hasOwn(this.spec.presets, asked.preset) && (this.spec.presets[asked.preset].names.length === 2 || bits);
    const total = fits && table.flat().every((p) => Number.isFinite(p) && p >= 0) ? sum(table.flat()) : 0;
    if (Math.abs(total - 1) < 1e-4) return "";
    return fits ? "The cells must be at least 0 and sum to 1" : "This is not a state of this table";
  }

  take({ preset, table }) {
    const total = sum(table.flat());
    this.pick({ preset, table: table.map((row) => row.map((p) => p / total)) });
  }

  arranged() {
    this.size();
  }

  fit() {
    this.size();
  }

  size() {
    this.diagram.size(this.mode === "screen" ? Math.max(14, 0.034 * this.root.clientHeight) : 14);
  }

  remove() {
    clearTimeout(this.settling);
    super.remove();
  }
}

export default {
  render({ model, el }) {
    let pending = null;
    const tell = () => {
      clearTimeout(pending);
      pending = null;
      try {
        model.set("state", editor.state);
        model.save_changes();
      } catch {} // the kernel is gone: the table works on without it
    };
    const editor = new Editor(el, model.get("_spec"), model.get("state"), () => (pending ??= setTimeout(tell, 100)));
    const follow = () => pending === null && editor.set(model.get("state"));
    model.on("change:state", follow);
    return () => {
      if (pending !== null) tell();
      model.off("change:state", follow);
      editor.remove();
    };
  },
};

export function mount(el, { spec }, report = null) {
  return Object.assign(new Editor(el, spec, spec.start, report), { looked: report });
}

export const wrong = (asked, spec) => Editor.prototype.wrong.call({ spec }, asked);
export { Joint };
