// A live figure: native controls, and a picture that is looked up rather than computed.
// The same file drives the widget in a notebook, where the kernel draws what is missing, and the exported page, which
// holds every picture. `spec` names the axes with their ticks; a state is {axis name: tick value}, as in Python.

const REPLY_MS = 10_000; // a kernel that did not answer for so long is asked again
const DECODED = 8; // pictures of the nearest ticks, when a hand rests
const REST_MS = 120; // a hand rests: the kernel hears of the state, the caption is written and read aloud
const PATIENCE_MS = 400; // after this the reader is told that a picture is on its way
const TICK_ZERO = "0".charCodeAt(); // a target's character for the first tick; the others follow in the order of Unicode
const BATCH = 4; // pictures asked for ahead in one message; the kernel stops earlier when they take long

// Pictures by layout, theme and state. One request is under way at most, so the kernel has no queue to work off: what it is
// asked next is decided when it has answered, the state on screen first, then the ticks nearest to it.
class Frames {
  constructor(spec, ask) {
    this.spec = spec;
    this.ask = ask;
    this.known = new Map();
    this.errors = new Map();
    this.views = new Set();
    this.askedAt = -Infinity;
    this.urgent = false;
    this.lost = false;
  }

  // A scene that is drawn here needs the numbers of a state once, for all themes and whatever quantity is looked at.
  key({ layout, theme }, state) {
    const { drawn, axes } = this.spec;
    const ticks = axes.filter(({ name }) => !drawn || drawn.places.includes(name)).map((axis) => axis.values.indexOf(state[axis.name]));
    return [...(drawn ? ["drawn"] : [layout, theme]), ...ticks].join("-");
  }

  add(of, { state, alt, targets, drawing, part }, url) {
    const key = this.key(of, state);
    if (!this.known.has(key)) this.known.set(key, { layout: of.layout, alt, targets, drawing, part, url });
  }

  // `pictures` are bytes of one state each, or addresses of pictures of which a state is one of the `parts`.
  answer({ layout, theme, states, alts, targets = [], drawings = [], parts = [], error }, pictures) {
    this.askedAt = -Infinity;
    const of = { layout, theme };
    const count = pictures.length || drawings.length;
    pictures.forEach((data, i) => {
      const url = parts[i] ? data : URL.createObjectURL(new Blob([data], { type: "image/webp" }));
      this.add(of, { state: states[i], alt: alts[i], targets: targets[i], part: parts[i] }, url);
    });
    drawings.forEach((drawing, i) => this.add(of, { state: states[i], drawing }));
    if (error) this.errors.set(this.key(of, states[count]), error);
    const arrived = this.urgent && count ? this.key(of, states[0]) : null;
    for (const view of this.views) {
      view.prepare();
      view.show(arrived);
    }
    this.pump();
  }

  pump() {
    if (!this.ask || performance.now() - this.askedAt < REPLY_MS) return;
    const lacking = ({ layout, theme }, states) => ({
      layout,
      theme,
      states: states.filter((state) => {
        const key = this.key({ layout, theme }, state);
        return !this.known.has(key) && !this.errors.has(key);
      }),
    });
    const views = [...this.views].filter(({ layout }) => layout);
    const wishes = views.map((view) => lacking(view, [view.state]));
    const ahead = views
      .filter((view) => view.visible)
      .map((view) => lacking(view, view.ahead()))
      .map((wish) => ({ ...wish, states: wish.states.slice(0, BATCH) }));
    const wish = [...wishes, ...ahead].find(({ states }) => states.length);
    if (!wish) return;
    this.urgent = wishes.includes(wish);
    this.askedAt = performance.now();
    try {
      this.ask(wish);
    } catch {
      this.lost = true; // the kernel was started anew, or is gone
    }
  }
}

class View extends LiveFigure {
  constructor(el, frames, state, report) {
    super(frames.spec, "explorer");
    Object.assign(this, { frames, report, state: { ...state }, images: new Map(), shown: null, visible: true });
    this.axes = this.spec.axes;
    this.movable = this.axes.filter((axis) => axis.values.length > 1);
    this.moved = this.movable[0];
    this.stage = make("div", { class: "ibteach-stage" });
    for (const event of ["pointermove", "pointerdown"]) this.stage.addEventListener(event, (e) => this.point(e));
    this.shape(Object.keys(this.spec.layouts)[0]);
    const hint = "Copy this line to keep or share what you see; paste one here and press Enter to see it again.";
    this.open(el, [make("div", { class: "ibteach-frame" }, this.stage)], this.movable.length ? hint : "");

    this.sight = new IntersectionObserver((entries) => {
      this.visible = entries.at(-1).isIntersecting;
      if (this.visible) frames.pump();
    });
    this.sight.observe(this.root);
    frames.views.add(this);
    this.show();
  }

  strip(compact) {
    return this.movable.map((axis) => ({ axis, ...(axis.kind === "choice" ? choice : slider)(axis, (tick) => this.pick(axis, tick), compact) }));
  }

  // The layout of this mode, or the next best of those that there are.
  arranged() {
    const wanted = { wide: ["wide"], tall: ["tall", "wide"], screen: ["screen", "wide"] }[this.mode];
    const there = Object.keys(this.spec.layouts);
    this.layout = wanted.find((layout) => there.includes(layout)) ?? there[0];
    this.show();
  }

  // The shape of the picture that is shown, which may still be that of another layout.
  shape(layout) {
    const [width, height] = this.spec.layouts[layout];
    this.stage.style.aspectRatio = `${width} / ${height}`;
    this.stage.style.setProperty("--ratio", width / height);
    this.root.style.setProperty("--width", `${Math.max(...Object.values(this.spec.layouts).map(([width]) => width))}px`);
    if (this.mode) this.fit();
  }

  // Every tick of the control that was moved last, then of the others, the nearest first.
  ahead() {
    if (!this.frames.spec.preload || !this.moved) return [];
    return [this.moved, ...this.axes.filter((axis) => axis !== this.moved)].flatMap((axis) => {
      const here = axis.values.indexOf(this.state[axis.name]);
      const order = axis.values.map((value, tick) => [Math.abs(tick - here), value]).sort((a, b) => a[0] - b[0]);
      return order.slice(1).map(([, value]) => ({ ...this.state, [axis.name]: value }));
    });
  }

  pick(axis, tick) {
    this.moved = axis;
    this.set({ ...this.state, [axis.name]: axis.values[tick] });
    this.report?.(this.state);
  }

  // Where a scene says what lies where, the pointer on the picture chooses it: a character of `cells` is a tick of `axis`.
  point({ type, clientX, clientY, movementX, movementY }) {
    const targets = this.frames.known.get(this.shown)?.targets;
    const still = type === "pointermove" && !movementX && !movementY; // the page was scrolled below a pointer that rests
    if (!targets || still) return;
    const box = this.stage.getBoundingClientRect();
    const [width, height] = this.spec.layouts[this.frames.known.get(this.shown).layout];
    const scale = Math.min(box.width / width, box.height / height); // a screen may leave room around the picture
    const across = 0.5 + (clientX - box.x - box.width / 2) / (scale * width);
    const down = 0.5 + (clientY - box.y - box.height / 2) / (scale * height);
    const row = targets.cells[Math.floor(down * targets.cells.length)] ?? "";
    const tick = (row.charCodeAt(Math.floor(across * row.length)) || 0) - TICK_ZERO;
    const axis = this.axes.find(({ name }) => name === targets.axis);
    if (tick >= 0 && axis.values[tick] !== this.state[axis.name]) this.pick(axis, tick);
  }

  wrong(asked) {
    const not = this.axes.find(({ name, values }) => asked?.[name] !== undefined && !values.includes(asked[name]));
    if (not) return `${not.name} has the ticks ${not.values.join(", ")}`;
    const known = asked && typeof asked === "object" && Object.keys(asked).every((name) => name in this.state);
    return known ? "" : "This is not a state of this figure";
  }

  take(asked) {
    this.set({ ...this.state, ...asked });
    this.report?.(this.state);
  }

  set(state) {
    this.state = state;
    this.place();
    this.show();
  }

  place() {
    for (const { axis, place } of this.controls ?? []) place(axis.values.indexOf(this.state[axis.name]));
    if (!this.text.matches(":focus")) this.write(); // else someone is writing there
  }

  painted() {
    this.show();
  }

  image(key) {
    if (!this.images.has(key)) {
      const { url, alt, part } = this.frames.known.get(key);
      const image = new Image();
      Object.assign(image, { src: url, alt, decoding: "sync", draggable: false });
      if (part) {
        const across = part.count > 1 ? (100 * part.at) / (part.count - 1) : 0;
        Object.assign(image.style, { objectFit: "cover", objectPosition: `${across}% 50%` });
      }
      image.dataset.key = key;
      this.images.set(key, image);
    }
    return this.images.get(key);
  }

  // What all parts of a picture have in common lies behind them.
  lay(behind) {
    if (behind === this.behind) return;
    this.behind = behind;
    this.stage.style.background = behind && `url(${behind}) center / 100% 100% no-repeat`;
  }

  // Loads the pictures of the ticks around and decodes the nearest, so that the next step only has to show one.
  prepare() {
    const keys = this.ahead().map((state) => this.frames.key(this, state));
    const images = keys.filter((key) => this.frames.known.has(key)).map((key) => this.image(key));
    for (const image of images.slice(0, DECODED)) image.decode().catch(() => {});
  }

  // Shows the state on screen as soon as there is a picture of it. While a hand moves faster than pictures are decoded
  // some are left out, and none comes late; while it moves faster than they are drawn, those that `arrived` show the way.
  // Until a layout has its picture, that of another says the same.
  async show(arrived = null) {
    this.arrived = arrived;
    if (this.busy || !this.layout) return;
    this.busy = true;
    for (;;) {
      const wanted = this.frames.key(this, this.state);
      const others = Object.keys(this.spec.layouts).map((layout) => this.frames.key({ layout, theme: this.theme }, this.state));
      const here = this.frames.known.has(wanted);
      const error = this.frames.errors.get(wanted);
      const key = here ? wanted : (others.find((other) => this.frames.known.has(other)) ?? (error ? null : this.arrived));
      this.arrived = null;
      this.root.dataset.key = wanted; // where it equals the picture's own, the reader sees what the controls say
      this.wait(here ? null : wanted);
      if (error && !key && this.shown !== wanted) this.fail(wanted, error);
      if (!key || key === this.shown) break;
      const image = this.image(key);
      if (!image.complete) await image.decode().catch(() => {});
      const { layout, part } = this.frames.known.get(key);
      this.lay(part?.behind ?? null);
      this.stage.replaceChildren(image);
      this.shown = key;
      if (layout !== this.shaped) this.shape((this.shaped = layout)); // measures the page, which is not for every tick
      this.rest();
    }
    this.busy = false;
    this.frames.pump();
  }

  // A state that cannot be drawn has its error where the picture would be, and not the picture of another state. The still
  // that a page shows before the first picture stays.
  fail(key, error) {
    if (!this.shown && this.stage.firstChild) return;
    this.lay(null);
    this.stage.replaceChildren(make("p", { class: "ibteach-error", "data-key": key }, error));
    this.shown = key;
    this.rest();
  }

  rest() {
    clearTimeout(this.settling);
    this.settling = setTimeout(() => this.settle(), REST_MS);
  }

  settle() {
    this.prepare();
    const shown = this.stage.firstChild;
    this.caption.textContent = this.alt ?? shown?.alt ?? shown?.textContent ?? "";
    const height = Math.max(parseFloat(this.caption.style.minHeight) || 0, this.caption.offsetHeight);
    this.caption.style.minHeight = `${height}px`; // grows only, so that what is below stays where it is
  }

  wait(missing) {
    const error = this.frames.errors.get(missing);
    if (missing && !error) {
      this.waiting ??= setInterval(() => {
        this.note.textContent = this.frames.lost ? "run the cell again to see this state" : (this.spec.waiting ?? "waiting for the kernel …");
        this.frames.pump(); // an answer may have been lost
        if (!this.shown) this.show(this.frames.known.keys().next().value); // the other theme's is better than none
      }, PATIENCE_MS);
      return;
    }
    clearInterval(this.waiting);
    this.waiting = null;
    this.note.textContent = error ?? "";
  }

  remove() {
    clearInterval(this.waiting);
    clearTimeout(this.settling);
    this.frames.views.delete(this);
    this.sight.disconnect();
    super.remove();
  }
}

// An information diagram is drawn here, from the numbers of a state: which quantity is highlighted, and in which unit it is
// said, is no other picture. `spec.drawn` says what a quantity is called and which atoms it sums up.
class DiagramView extends View {
  constructor(el, frames, state, report) {
    super(el, frames, state, report);
    this.root.style.setProperty("--width", `${this.spec.layouts.wide[0]}px`);
  }

  build() {
    const part = (kind) => make("p", kind ? { class: `ibteach-${kind}` } : {});
    this.diagram = new Diagram(this.spec.drawn.names);
    this.words = [part("value"), part("muted"), part("meaning"), part(), part("remark")];
    this.stage.replaceChildren(make("div", { class: "ibteach-diagram" }, this.diagram.svg, make("div", { class: "ibteach-words" }, ...this.words)));
  }

  // Where there is no room beside the diagram, the words stand below it.
  shape() {
    const [width, height] = this.spec.layouts.wide;
    this.stage.style.aspectRatio = this.mode === "tall" ? "" : `${width} / ${height}`;
    this.stage.style.setProperty("--ratio", width / height);
    if (this.mode === "tall") this.stage.style.maxWidth = "";
    this.diagram?.size(this.mode === "screen" ? 0.034 * this.root.clientHeight : 15);
  }

  arranged() {
    this.layout = "wide";
    this.shape();
    this.show();
  }

  fit() {
    if (this.mode !== "tall") super.fit();
    this.shape();
  }

  painted() {} // colours are the style's

  prepare() {} // numbers need no decoding

  show() {
    if (!this.layout) return;
    const { places } = this.spec.drawn;
    const key = this.frames.key(this, this.state);
    const known = this.frames.known.get(key);
    const looked = this.axes.filter(({ name }) => !places.includes(name)).map(({ name }) => this.state[name]);
    this.root.dataset.key = [key, ...looked].join("-");
    this.wait(known ? null : key);
    if (known) {
      if (!this.diagram) this.build();
      this.draw(known.drawing);
      this.stage.firstChild.dataset.key = this.root.dataset.key;
      if (!this.shown) this.fit();
      this.shown = key;
      clearTimeout(this.settling);
      this.settling = setTimeout(() => this.settle(), REST_MS);
    }
    this.frames.pump();
  }

  draw({ ellipses, atoms, anchors, note, before }) {
    const { names, box, room, regions, chain, quantities, positive } = this.spec.drawn;
    const { quantity, unit } = this.state;
    const { atoms: lit, definition, name, meaning } = quantities[quantity];
    const byMask = (values) => new Map(values.map((value, i) => [regions[i].mask, value]));
    const text = (value) => numberIn(unit, value);
    this.diagram.show({ box, ellipses, atoms: byMask(atoms), anchors: byMask(anchors), room, lit: lit.map((i) => regions[i].mask), text: (value) => numberIn(unit, value, 2) });
    let terms = lit.map((i) => [regions[i].name, atoms[i]]);
    const value = sum(terms.map(([, nats]) => nats));
    if (positive) terms = terms.some(([, nats]) => nats > 0) ? terms.filter(([, nats]) => nats > 0) : terms;
    else if (chain && lit.length > 1) terms = lit.filter((i) => regions[i].shorter).map((i) => [regions[i].shorter, atoms[i]]);
    const summed = terms.length > 1 ? terms.map(([part, nats]) => `${part} = ${text(nats)}`) : [];
    const [head, formula, meant, parts, remark] = this.words;
    head.textContent = `${quantity} = ${text(value)} ${unit}`;
    formula.textContent = `= ${definition[unit]}`;
    meant.replaceChildren(...(name ? [make("b", {}, name), meaning] : []));
    parts.replaceChildren(...(summed.length ? ["the sum of", ...summed.flatMap((term) => [make("br"), term])] : []));
    remark.textContent = note;
    const called = name ? `, the ${name},` : "";
    const made = summed.length ? `, the sum of ${summed.join(" plus ")}` : "";
    this.alt = `${before}${names.length === 2 ? "Two" : "Three"} overlapping sets, ${names.join(" and ")}; highlighted is ${quantity}${called} ${text(value)} ${unit}${made}. ${note}`;
    this.diagram.svg.setAttribute("aria-label", this.alt);
  }

  // The pointer chooses the atom that it is on.
  point(event) {
    const still = event.type === "pointermove" && !event.movementX && !event.movementY;
    if (still || !this.diagram) return;
    const mask = this.diagram.maskAt(event);
    const { regions, chain } = this.spec.drawn;
    const region = regions.find((region) => region.mask === mask);
    const wanted = region && (chain ? (region.shorter ?? region.name) : region.name);
    const axis = this.axes.find(({ name }) => name === "quantity");
    const tick = axis.values.indexOf(wanted);
    if (tick >= 0 && wanted !== this.state.quantity) this.pick(axis, tick);
  }
}

const viewOf = (spec) => (spec.drawn ? DiagramView : View);

// In a notebook: one set of pictures per model, however many views of it are open.
export default function () {
  let frames;
  return {
    initialize({ model }) {
      const spec = model.get("_spec");
      frames = new Frames(spec, (wish) => model.send(wish));
      const { picture, ...opening } = spec.opening;
      frames.add(opening, opening, picture && URL.createObjectURL(new Blob([picture], { type: "image/webp" })));
      model.on("msg:custom", (message, pictures) => frames.answer(message, pictures));
      return () => frames.known.forEach(({ url }) => url && URL.revokeObjectURL(url));
    },
    render({ model, el }) {
      let pending = null;
      const tell = () => {
        clearTimeout(pending);
        pending = null;
        try {
          model.set("state", view.state);
          model.save_changes();
        } catch {
          frames.lost = true;
        }
      };
      const report = () => {
        clearTimeout(pending);
        pending = setTimeout(tell, REST_MS);
      };
      const view = new (viewOf(frames.spec))(el, frames, model.get("state"), report);
      const follow = () => pending === null && view.set({ ...model.get("state") });
      model.on("change:state", follow);
      return () => {
        if (pending !== null) tell();
        model.off("change:state", follow);
        view.remove();
      };
    },
  };
}

// In an exported page: every picture is there from the start.
export function mount(el, { spec, pictures }) {
  const frames = new Frames(spec, null);
  for (const one of pictures) frames.add(one, one, one.picture && `data:image/webp;base64,${one.picture}`);
  return new (viewOf(spec))(el, frames, spec.start, null);
}
