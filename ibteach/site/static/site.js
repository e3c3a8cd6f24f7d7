// A page of the site: its formulas are set, and each figure becomes live when it comes near the screen. What a figure
// shows is in the address, `#figure=its-name&γ=0.1`: it is replaced there, never added to the history.

import { upgradeAll } from "./predict.js";

const KINDS = { explorer: "./explorer.js", table: "./table.js", playground: "./playground.js" };
const NEAR = "600px"; // of the screen
const AGAIN_MS = 5000; // what could not be fetched is asked for again
const REST_MS = 150; // a hand rests: the address is written, which browsers take their time for

export function setMaths(root) {
  for (const node of root.querySelectorAll(".ibteach-maths:not([data-set])")) {
    node.dataset.set = "";
    window.katex?.render(node.textContent, node, { displayMode: "display" in node.dataset, throwOnError: false });
  }
}

// What is wider than the page is moved by the arrow keys as well.
function reach() {
  for (const node of document.querySelectorAll("article pre, article .table-wrapper, article .ibteach-maths[data-display]"))
    if (node.scrollWidth > node.clientWidth + 1) node.tabIndex = 0;
    else node.removeAttribute("tabindex");
}

// ---------------------------------------------------------------- what is in the address

const named = ({ label, name }) => (/^\S+$/.test(label) ? label : name);

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a “%” that stands for itself
  }
}

export function asked() {
  const parts = location.hash.slice(1).split("&").filter((part) => part.includes("="));
  return new Map(parts.map((part) => part.split(/=(.*)/s, 2).map(decoded)));
}

const plain = (text) => encodeURI(String(text)).replace(/[&#=+]/g, encodeURIComponent);

function addressOf(figure, spec, state) {
  const axes = spec.axes ? spec.axes.filter(({ values }) => values.length > 1).map((axis) => [named(axis), state[axis.name]]) : Object.entries(state).map(([name, value]) => [name, typeof value === "string" ? value : JSON.stringify(value)]);
  return `#${[["figure", figure], ...axes].map((pair) => pair.map(plain).join("=")).join("&")}`;
}

const nothingOf = (name) => `this figure has no “${name}”`;

// The state that the address asks for, and what has to be said where there is no such state.
function stateAsked(spec, wanted) {
  const state = { ...spec.start };
  const said = [];
  for (const [name, text] of wanted) {
    if (name === "figure") continue;
    const axis = spec.axes.find((axis) => named(axis) === name || axis.name === name);
    if (!axis) {
      said.push(nothingOf(name));
      continue;
    }
    let tick = axis.values.findIndex((value, i) => String(value) === text || axis.texts[i] === text);
    if (tick < 0 && axis.kind === "slider" && Number.isFinite(Number(text)) && text.trim()) {
      const far = axis.values.map((value) => (typeof value === "number" ? Math.abs(value - Number(text)) : Infinity));
      tick = far.indexOf(Math.min(...far));
      if (far[tick] > 1e-9 * Math.abs(Number(text))) said.push(`${axis.label} = ${text} is not a tick; the nearest, ${axis.texts[tick]}, is shown`);
    } else if (tick < 0) {
      tick = axis.values.indexOf(state[axis.name]);
      said.push(`${axis.label} has no “${text}”; ${axis.texts[tick]} is shown`);
    }
    state[axis.name] = axis.values[tick];
  }
  return { state, said };
}

function tableAsked(spec, wanted, wrong) {
  const { figure, preset = spec.start.preset, table, ...looked } = Object.fromEntries(wanted);
  let state = null;
  try {
    state = { preset, table: table === undefined ? spec.presets[preset].table : JSON.parse(table) };
  } catch {}
  if (wrong(state, spec))
    return { state: spec.start, said: ["the address holds no table of this figure; the first one is shown"] };
  const total = state.table.flat().reduce((a, b) => a + b, 0);
  state.table = state.table.map((row) => row.map((p) => p / total));
  const choices = new Map([["unit", ["nats", "bits"]], ["quantity", spec.kinds[spec.presets[preset].names.join()].map(({ quantity }) => quantity)]]);
  const said = [];
  for (const [name, value] of Object.entries(looked))
    if (choices.get(name)?.includes(value)) state[name] = value;
    else said.push(choices.has(name) ? `${name} has no “${value}”` : nothingOf(name));
  return { state, said };
}

// Of the playground: what is no setting is left out, and a number that is none of its ticks becomes the nearest.
function settingsAsked(spec, wanted, wrong) {
  let state = { ...spec.start };
  const said = [];
  for (const [name, text] of wanted) {
    if (name === "figure") continue;
    if (!Object.hasOwn(state, name)) {
      said.push(nothingOf(name));
      continue;
    }
    let value = text;
    if (typeof state[name] !== "string")
      try {
        value = JSON.parse(text);
      } catch {}
    const ticks = spec.choices[name];
    if (typeof value === "number" && ticks && typeof ticks[0] === "number") {
      const between = name === "gamma" && value >= ticks[0] && value <= ticks[1];
      const nearest = between ? value : ticks.reduce((a, b) => (Math.abs(b - value) < Math.abs(a - value) ? b : a));
      if (nearest !== value) said.push(`${name} = ${text} is not there; the nearest, ${nearest}, is taken`);
      value = nearest;
    }
    const complaint = wrong({ [name]: value }, spec, { ...state, noise: true });
    if (complaint) said.push(complaint);
    else state = { ...state, [name]: value };
  }
  const together = wrong(state, spec, state);
  return together ? { state: { ...state, noise: true }, said: [...said, together] } : { state, said };
}

function copyButton(address) {
  const button = document.createElement("button");
  Object.assign(button, { type: "button", className: "ibteach-copy", textContent: "Copy address", title: "The address of this page with what the figure shows" });
  button.addEventListener("click", async () => {
    history.replaceState(null, "", address());
    try {
      await navigator.clipboard.writeText(location.href);
      button.textContent = "Copied";
    } catch {
      button.textContent = "It is in the address bar";
    }
    setTimeout(() => (button.textContent = "Copy address"), 2000);
  });
  return button;
}

// ---------------------------------------------------------------- figures

let late = null; // the address is written when a hand rests

const live = new Map(); // by place: a promise of what shows there what an address asks for

// Makes a figure live, with what the address `wanted`; what is returned shows another state of it.
export function mount(place, wanted = new Map()) {
  if (!live.has(place)) live.set(place, begin(place, wanted));
  return live.get(place);
}

// What a figure is made of. Where it cannot be fetched, that is said below its picture, and it is asked for again.
async function fetched(place, base) {
  const lacking = document.createElement("p");
  Object.assign(lacking, { className: "ibteach-lacking", textContent: "This figure could not be fetched; it is asked for again." });
  lacking.setAttribute("role", "status");
  for (;;)
    try {
      const { kind, spec } = await (await fetch(base)).json();
      const module = await import(KINDS[kind]);
      lacking.remove();
      return { kind, spec, module };
    } catch {
      place.append(lacking);
      await new Promise((done) => setTimeout(done, AGAIN_MS));
    }
}

async function begin(place, wanted) {
  const base = new URL(place.dataset.live, document.baseURI);
  const { kind, spec, module } = await fetched(place, base);
  spec.waiting = "fetching the picture …";
  const still = place.querySelector("img");
  const { figure } = place.dataset;
  let [view, status] = [null, null];
  const address = () => addressOf(figure, spec, view.shared ?? view.state);
  const report = () => {
    if (status.textContent) status.textContent = "";
    clearTimeout(late);
    late = setTimeout(() => history.replaceState(null, "", address()), REST_MS);
  };
  const read = (wanted) => {
    if (wanted.get("figure") !== figure) return { state: spec.start, said: [] };
    if (kind === "explorer") return stateAsked(spec, wanted);
    return (kind === "table" ? tableAsked : settingsAsked)(spec, wanted, module.wrong);
  };
  const say = (said) => (status.textContent = said.length ? `Of what the address asks for: ${said.join("; ")}.` : "");
  const { state, said } = read(wanted);
  if (kind === "explorer") view = await module.mountFiles(place, { spec, base, state, report });
  else if (kind === "table") view = module.mount(place, { spec: { ...spec, start: state } }, report);
  else view = module.mount(place, { spec, state, report });
  // The picture of a reader without scripts is shown until there is another, and where there cannot be any.
  const keep = () => {
    const room = view.root.querySelector(".ibteach-stage:empty, .ibteach-still");
    still.hidden = !room;
    room?.append(still);
  };
  view.lacking = keep;
  keep();
  if (place.dataset.again) view.root.setAttribute("aria-label", `${spec.title}, figure ${place.dataset.again} of that name`);
  const above = [...document.querySelectorAll("h1, h2, h3, h4")].filter((one) => !one.closest(".ibteach-live") && one.compareDocumentPosition(place) & Node.DOCUMENT_POSITION_FOLLOWING);
  view.root.querySelector("h3").setAttribute("aria-level", Number(above.at(-1)?.localName[1] ?? 1) + 1);
  status = document.createElement("p");
  Object.assign(status, { className: "ibteach-said", role: "status" });
  view.root.querySelector("header").after(status);
  view.root.querySelector("header").append(copyButton(address));
  say(said);
  return (wanted) => {
    const { state, said } = read(wanted);
    if (kind === "playground") view.pick(state); // it may have to begin anew
    else view.set(state);
    say(said);
  };
}

export function mountAll(root = document) {
  const places = [...root.querySelectorAll(".ibteach-live")];
  const count = new Map();
  for (const place of places) {
    const name = place.dataset.figure;
    count.set(name, (count.get(name) ?? 0) + 1);
    if (count.get(name) > 1) Object.assign(place.dataset, { figure: `${name}-${count.get(name)}`, again: count.get(name) });
  }
  const near = new IntersectionObserver(
    (entries) => {
      for (const { isIntersecting, target } of entries)
        if (isIntersecting) {
          near.unobserve(target);
          mount(target);
        }
    },
    { rootMargin: NEAR },
  );
  places.forEach((place) => near.observe(place));
  // The figure that the address asks for: on arrival, and when a link is followed on the same page.
  const follow = async () => {
    clearTimeout(late); // who follows a link is where it leads
    const wanted = asked();
    const place = places.find(({ dataset }) => dataset.figure === wanted.get("figure"));
    if (!place) return;
    for (let node = place; node; node = node.parentElement) // who was sent a figure is shown it, before any vote
      node.parentElement?.querySelector(":scope > .ibteach-waits")?.classList.remove("ibteach-waits");
    const there = live.has(place);
    const show = await mount(place, wanted);
    if (there) show(wanted);
    if (!place.closest(".reveal")) place.scrollIntoView(); // a deck turns to its slide
  };
  addEventListener("hashchange", follow);
  follow();
}

setMaths(document);
reach();
addEventListener("resize", reach);
upgradeAll(document);
mountAll(document);
