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

// One control for one axis. Each returns its row, and `place`, which moves it to a tick without an event.
function slider(axis, pick) {
  const id = newId();
  const last = axis.values.length - 1;
  const input = make("input", { type: "range", id, min: 0, max: last, step: 1, "data-axis": axis.name });
  const output = make("output", { for: id });
  output.style.minWidth = `${Math.max(...axis.texts.map((text) => text.length))}ch`;
  input.style.setProperty("--steps", Math.max(last, 1));
  if (last <= 40) input.classList.add("ibteach-ticked");
  input.addEventListener("input", () => pick(input.valueAsNumber));
  const place = (tick) => {
    input.valueAsNumber = tick;
    output.textContent = axis.texts[tick];
    input.setAttribute("aria-valuetext", axis.texts[tick]);
    input.style.setProperty("--done", tick / Math.max(last, 1));
  };
  return { nodes: [make("label", { for: id }, axis.label), input, output], place };
}

function choice(axis, pick) {
  const id = newId();
  const brief = axis.values.length <= 6 && axis.texts.join("").length <= 60;
  if (!brief) {
    const options = axis.texts.map((text, tick) => make("option", { value: tick }, text));
    const select = make("select", { id, "data-axis": axis.name }, ...options);
    select.addEventListener("input", () => pick(select.selectedIndex));
    const box = make("div", { class: "ibteach-wide" }, select);
    return { nodes: [make("label", { for: id }, axis.label), box], place: (tick) => (select.selectedIndex = tick) };
  }
  const radios = axis.values.map((_, tick) => make("input", { type: "radio", name: id, value: tick, id: `${id}-${tick}` }));
  const parts = radios.map((radio, tick) => make("label", { for: radio.id }, radio, make("span", {}, axis.texts[tick])));
  const group = make("div", { class: "ibteach-wide ibteach-segments", role: "radiogroup", "aria-labelledby": id, "data-axis": axis.name }, ...parts);
  radios.forEach((radio, tick) => radio.addEventListener("input", () => pick(tick)));
  return { nodes: [make("span", { id, class: "ibteach-label" }, axis.label), group], place: (tick) => (radios[tick].checked = true) };
}
