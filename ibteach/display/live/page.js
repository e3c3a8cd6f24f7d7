// What every live figure needs of the page that it is on: its theme, its keys, and controls. It stands before the figure's
// own script (`ibteach.display.site`).

function themeOfPage() {
  const { body, documentElement } = document;
  if (body.dataset.jpThemeLight) return body.dataset.jpThemeLight === "true" ? "light" : "dark"; // JupyterLab, Notebook
  if (body.dataset.vscodeThemeKind) return body.dataset.vscodeThemeKind.includes("light") ? "light" : "dark";
  const named = documentElement.getAttribute("theme") ?? documentElement.dataset.theme ?? body.dataset.theme; // Colab, sites
  if (named === "light" || named === "dark") return named;
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

function onThemeChange(act) {
  const watch = new MutationObserver(act);
  const names = ["data-jp-theme-light", "data-vscode-theme-kind", "theme", "data-theme"];
  for (const node of [document.body, document.documentElement]) watch.observe(node, { attributeFilter: names });
  const query = matchMedia("(prefers-color-scheme: dark)");
  query.addEventListener("change", act);
  return () => {
    watch.disconnect();
    query.removeEventListener("change", act);
  };
}

const forNotebook = ({ key, ctrlKey, metaKey, altKey, shiftKey }) =>
  ctrlKey || metaKey || altKey || key === "Escape" || key === "Tab" || (shiftKey && key === "Enter");

// The notebook has its own plans for arrows and letters; those with a modifier remain its own. Some front ends listen
// before the event comes down to the figure, and only this attribute makes them leave it alone.
function keepKeys(root) {
  const mark = (event) => {
    if (root.contains(event.target)) event.target.toggleAttribute("data-lm-suppress-shortcuts", !forNotebook(event));
  };
  window.addEventListener("keydown", mark, true);
  root.addEventListener("keydown", (event) => forNotebook(event) || event.stopPropagation());
  return () => window.removeEventListener("keydown", mark, true);
}

function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

// Every widget runs its own copy of this module, so a counter would give the same name to the radios of two figures.
const newId = () => `ibteach-${Math.random().toString(36).slice(2)}`;

// One control for one axis: its nodes, and `place`, which moves it to a tick without an event.
function slider(axis, pick) {
  const id = newId();
  const last = axis.values.length - 1;
  const input = make("input", { type: "range", id, min: 0, max: last, step: 1, "data-axis": axis.name });
  const output = make("output", { for: id });
  output.style.minWidth = `${Math.max(...axis.texts.map((text) => text.length))}ch`;
  input.style.setProperty("--steps", Math.max(last, 1));
  if (last <= 40) input.classList.add("ibteach-ticked");
  input.addEventListener("input", () => pick(input.valueAsNumber));
  let placed = null;
  const place = (tick) => {
    input.valueAsNumber = tick;
    if (tick === placed) return;
    placed = tick;
    output.textContent = axis.texts[tick];
    input.setAttribute("aria-valuetext", axis.texts[tick]);
    input.style.setProperty("--done", tick / Math.max(last, 1));
  };
  return { node: make("div", { class: "ibteach-control ibteach-slide" }, make("label", { for: id }, axis.label), output, input), place };
}

// Few short words stand beside each other; where there is little room, or many of them, they are a list.
function choice(axis, pick, compact = false) {
  const id = newId();
  const brief = axis.values.length <= 6 && axis.texts.join("").length <= (compact ? 14 : 60);
  if (!brief) {
    const options = axis.texts.map((text, tick) => make("option", { value: tick }, text));
    const select = make("select", { id, "data-axis": axis.name }, ...options);
    select.addEventListener("input", () => pick(select.selectedIndex));
    return { node: make("div", { class: "ibteach-control" }, make("label", { for: id }, axis.label), select), place: (tick) => (select.selectedIndex = tick) };
  }
  const radios = axis.values.map((_, tick) => make("input", { type: "radio", name: id, value: tick, id: `${id}-${tick}` }));
  const parts = radios.map((radio, tick) => make("label", { for: radio.id }, radio, make("span", {}, axis.texts[tick])));
  const group = make("div", { class: "ibteach-segments", role: "radiogroup", "aria-labelledby": id, "data-axis": axis.name }, ...parts);
  radios.forEach((radio, tick) => radio.addEventListener("input", () => pick(tick)));
  return { node: make("div", { class: "ibteach-control" }, make("span", { id, class: "ibteach-label" }, axis.label), group), place: (tick) => (radios[tick].checked = true) };
}

// How much of the page a reader sees at once: the outermost part of it that scrolls, such as a notebook, or the window.
// A frame may be as high as what is in it, so that only the screen says how much of it is seen.
function visibleHeight(root) {
  if (window !== window.parent) return screen.availHeight - 200;
  let seen = innerHeight;
  for (let node = root.parentElement; node && node !== document.body; node = node.parentElement)
    if (/auto|scroll/.test(getComputedStyle(node).overflowY) && node.clientHeight > 200) seen = Math.min(innerHeight, node.clientHeight);
  return seen;
}

const NARROW = 640; // pixels: below, panels stand below each other

// What every live figure has: a title, a strip of controls, what is shown, its caption, and the state as a line of text.
// It has three modes. "wide" and "tall" follow the width that is there; "screen" is for an audience: the figure fills its
// box, with one strip of controls below, as long as `data-presenting` is on its root. A full screen sets it, a deck of slides
// may, and a figure is born with it in an element that has it.
//
// A subclass says what is in it: `strip(compact)` are its controls, `place` moves them to the state, `wrong` says what is
// wrong about a state that was pasted, `take` shows one; `arranged` and `painted` hear of a new mode and a new theme, and
// `stage` is the node whose height may be bounded so that controls and picture are seen together.
class LiveFigure {
  constructor(spec, kind) {
    this.spec = spec;
    this.bar = make("div", { class: "ibteach-controls" });
    this.caption = make("figcaption", { "aria-live": "polite" });
    this.note = make("p", { class: "ibteach-note", role: "status" });
    this.text = make("input", { type: "text", spellcheck: "false", autocomplete: "off", "aria-label": "State as text" });
    this.text.addEventListener("focus", () => this.text.select());
    this.text.addEventListener("change", () => this.paste());
    this.text.addEventListener("blur", () => this.text.validity.valid && this.write());
    this.full = make("button", { type: "button", class: "ibteach-full" });
    this.full.addEventListener("click", () => (document.fullscreenElement ? document.exitFullscreen() : this.root.requestFullscreen()));
    this.full.hidden = !document.fullscreenEnabled;
    this.root = make("section", { class: `ibteach-figure ibteach-${kind}`, "aria-label": spec.title });
  }

  // Puts its parts together in `el`: `shown` is what the figure shows, `more` stands below it, `hint` beside the state.
  open(el, shown, hint, ...more) {
    this.header = make("header", {}, make("h3", {}, this.spec.title), this.note, this.full);
    this.root.append(this.header, this.bar, make("figure", {}, ...shown, this.caption), ...more);
    if (hint) this.root.append(make("details", {}, make("summary", {}, "State"), this.text, make("p", {}, hint)));
    this.root.toggleAttribute("data-presenting", el.hasAttribute("data-presenting"));
    el.append(this.root);

    let before = null; // whether it was presenting when it filled the screen
    const filled = () => {
      const fills = document.fullscreenElement === this.root;
      if (fills === (before !== null)) return;
      const { root } = this;
      [before] = [fills ? root.hasAttribute("data-presenting") : null, root.toggleAttribute("data-presenting", fills || before)];
    };
    document.addEventListener("fullscreenchange", filled);
    const arrange = () => this.arrange();
    window.addEventListener("resize", arrange);
    const sized = new ResizeObserver(arrange);
    sized.observe(this.root);
    const presented = new MutationObserver(arrange);
    presented.observe(this.root, { attributeFilter: ["data-presenting"] });
    const unwatch = onThemeChange(() => this.paint());
    const release = keepKeys(this.root);
    this.close = () => {
      document.removeEventListener("fullscreenchange", filled);
      window.removeEventListener("resize", arrange);
      sized.disconnect();
      presented.disconnect();
      unwatch();
      release();
      this.root.remove();
    };
    this.paint();
    this.arrange();
  }

  arrange() {
    const presenting = this.root.hasAttribute("data-presenting");
    if (!presenting && !this.root.clientWidth) return; // not on a page yet, or folded away
    const mode = presenting ? "screen" : this.root.parentElement.clientWidth < NARROW ? "tall" : "wide";
    if (mode !== this.mode) {
      this.mode = mode;
      this.root.dataset.mode = mode;
      const held = document.activeElement?.closest?.("[data-axis]")?.dataset.axis;
      const pressed = document.activeElement === this.full;
      this.controls = this.strip(mode !== "wide");
      this.bar.replaceChildren(...this.controls.map(({ node }) => node));
      this.full.textContent = presenting ? "×" : "Full screen";
      this.full.title = presenting ? "Leave the full screen (Escape)" : "Fill the screen; Escape leaves";
      this.full.setAttribute("aria-label", presenting ? "Leave full screen" : "Full screen");
      (presenting ? this.bar : this.header).append(this.full);
      if (pressed) this.full.focus();
      const control = held && this.bar.querySelector(`[data-axis="${held}"]`);
      (control?.querySelector("input:checked") ?? control)?.focus();
      this.place();
      this.arranged?.();
    }
    this.fit();
  }

  // Controls and picture are seen together: the picture is as high as what is left of the visible part of the page.
  fit() {
    const { stage } = this;
    if (!stage) return;
    const [width, height] = stage.style.aspectRatio.split("/").map(Number);
    const above = stage.getBoundingClientRect().top - this.root.getBoundingClientRect().top;
    const room = Math.max(visibleHeight(this.root) - above - 14, 240);
    const limit = this.mode === "screen" ? "" : `${Math.min(width, Math.round((room * width) / height))}px`;
    if (stage.style.maxWidth !== limit) stage.style.maxWidth = limit;
  }

  write() {
    this.text.setCustomValidity("");
    this.text.value = JSON.stringify(this.written?.() ?? this.state);
  }

  paste() {
    let asked = null;
    try {
      asked = JSON.parse(this.text.value);
    } catch {}
    this.text.setCustomValidity(this.wrong(asked));
    if (!this.text.reportValidity()) return;
    this.take(asked);
    this.write();
  }

  paint() {
    const { themes } = this.spec;
    const theme = themeOfPage();
    this.theme = theme in themes ? theme : Object.keys(themes)[0];
    this.root.dataset.theme = this.theme;
    for (const [name, colour] of Object.entries(themes[this.theme])) if (typeof colour === "string") this.root.style.setProperty(`--${name}`, colour);
    this.painted?.();
  }

  remove() {
    this.close();
  }
}
