// The playground: controls, three drawings (`drawings.js`) and the numbers, of a network that trains in a worker (`engine.js`,
// `worker.js`, whose text is ENGINE). A state is what the controls say, with the names that Python has for it.

const TELL_MS = 2000; // how often the kernel hears what was trained, while it trains
const SETTLE_MS = 150; // a hand rests: the state is written down
const RESTARTS = ["hidden", "seed"]; // what a network is built from

const brief = (value) => (value === 0 ? "0" : value >= 0.01 && value < 1000 ? String(Number(value.toPrecision(3))) : value.toExponential(1).replace("e+", "e").replace("-", MINUS));

class Playground extends LiveFigure {
  constructor(el, spec, state, { report, trained, address }) {
    super(spec, "playground");
    Object.assign(this, { report, trained, address, version: 0, running: false, path: [], sent: new Map(), rows: new Map(), state });
    const say = (words) => (this.caption.textContent = words);
    this.drawings = new Drawings(spec, say, () => {
      this.root.dataset.digit = this.drawings.pointed ?? "";
      if (!this.running) this.draw();
    });
    this.test = this.drawings.test;
    this.build(el);
    this.set(state);
    try {
      if (!window.Worker || !this.drawings.planes.every((canvas) => canvas.getContext("2d"))) throw new Error();
      const url = URL.createObjectURL(new Blob([ENGINE], { type: "text/javascript" }));
      this.worker = new Worker(url);
      this.worker.onerror = () => this.refuse();
      this.worker.onmessage = ({ data }) => {
        URL.revokeObjectURL(url);
        if (data.kind === "kept") this.trained?.(data, this.state);
        else this.receive(data);
      };
      this.begin(null);
    } catch {
      this.refuse();
    }
  }

  // ---------------------------------------------------------------- the parts

  build(el) {
    const button = (text, title, act) => {
      const node = make("button", { type: "button", title }, text);
      node.addEventListener("click", act);
      return node;
    };
    this.go = button("Train", "Train, or pause", () => this.train(!this.running));
    this.go.classList.add("ibteach-go");
    const one = button("One step", "One batch", () => (this.show(false), this.post({ kind: "step" })));
    const anew = button("Start again", "New weights from the same seed", () => this.begin(null));
    this.buttons = [this.go, one, anew];
    this.told = make("p", { class: "ibteach-told" });
    this.act = make("div", { class: "ibteach-act" });
    this.numbers = make("dl", { class: "ibteach-numbers" });
    this.side = make("div", { class: "ibteach-side" }, this.numbers);
    const [plane, bounds, path] = this.drawings.planes;
    this.sheet = make("div", { class: "ibteach-sheet" }, plane, make("div", { class: "ibteach-pair" }, bounds, path), this.side);
    const { choices } = this.spec;
    const percent = (share) => `${Math.round(100 * share)} %`;
    this.more = [
      this.ticks("learning_rate", "learning rate", choices.learning_rate),
      this.ticks("batch_size", "batch size", choices.batch_size),
      this.ticks("dropout", "dropout", choices.dropout, choices.dropout.map(percent)),
      this.ticks("random_labels", "random labels", choices.random_labels, choices.random_labels.map(percent)),
      this.ticks("speed", "steps a second", choices.speed, choices.speed.map((n) => (n ? String(n) : "all it can")), choice),
      this.ticks("hidden", "hidden layers", choices.hidden, choices.hidden, choice),
      this.number("seed", "seed"),
    ];
    const training = make("details", { class: "ibteach-more" }, make("summary", {}, "How it trains"), make("div", { class: "ibteach-controls" }, ...this.more.map(({ node }) => node)));
    this.root.style.setProperty("--width", `${this.spec.width}px`);
    const hint = "Copy this line to keep or share the settings; paste one here and press Enter. Weights are not in it.";
    this.open(el, [this.act, this.sheet], hint, training);
  }

  ticks(name, label, values, texts = values.map(String), kind = slider, compact = false) {
    const control = kind({ name, label, values, texts }, (tick) => this.pick({ [name]: values[tick] }), compact);
    return { ...control, show: (state) => control.place(Math.max(0, values.indexOf(state[name]))) };
  }

  strip(compact) {
    const { objectives } = this.spec;
    const two = (name, values, texts) => this.ticks(name, name, values, texts, choice, compact);
    this.objective = two("objective", objectives.map(({ name }) => name), objectives.map(({ title }) => title));
    return [this.weight(), this.objective, two("noise", [true, false], ["on", "off"]), two("unit", ["nats", "bits"], ["nats", "bits"])];
  }

  place() {
    for (const control of [...(this.controls ?? []), ...this.more]) control.show(this.state);
    const select = this.objective?.node.querySelector("select");
    this.spec.objectives.forEach(({ needs_noise }, i) => select && (select.options[i].disabled = needs_noise && !this.state.noise));
    if (!this.text.matches(":focus")) this.write();
  }

  // γ on a logarithmic scale, any number of it; a state may also hold one between two positions.
  weight() {
    const id = newId();
    const [low, high] = this.spec.choices.gamma.map(Math.log10);
    const input = make("input", { type: "range", id, min: low, max: high, step: 0.01, "data-axis": "gamma" });
    const output = make("output", { for: id });
    output.style.minWidth = "18ch";
    input.addEventListener("input", () => this.pick({ gamma: Number((10 ** input.valueAsNumber).toPrecision(4)) }));
    const show = ({ gamma }) => {
      if (document.activeElement !== input || Math.abs(input.valueAsNumber - Math.log10(gamma)) > 0.006) input.valueAsNumber = Math.log10(gamma);
      input.style.setProperty("--done", (Math.log10(gamma) - low) / (high - low));
      const off = this.state.objective === "none";
      output.textContent = off ? "nothing to weigh" : `${brief(gamma)}, β′ = ${brief(this.betaPrime)}`;
      input.setAttribute("aria-valuetext", `γ = ${output.textContent}`);
      input.disabled = off;
    };
    return { node: make("div", { class: "ibteach-control ibteach-slide" }, make("label", { for: id }, "γ"), output, input), show };
  }

  number(name, label) {
    const id = newId();
    const input = make("input", { type: "number", id, min: 0, max: 999999, step: 1, "data-axis": name });
    input.addEventListener("change", () => {
      if (input.reportValidity() && input.value !== "") this.pick({ [name]: input.valueAsNumber });
    });
    return { node: make("div", { class: "ibteach-control" }, make("label", { for: id }, label), input), show: (state) => (input.value = state[name]) };
  }

  get chosen() {
    return this.spec.objectives.find(({ name }) => name === this.state.objective);
  }

  get betaPrime() {
    return this.chosen.name === "none" ? 0 : this.state.gamma / this.chosen.gamma_per_beta_prime;
  }

  get settings() {
    const { objective, gamma, noise, dropout, learning_rate, batch_size, random_labels, hidden, seed } = this.state;
    const layers = hidden.split("-").map(Number);
    return { objective, gamma, betaPrime: this.betaPrime, noise, dropout, learningRate: learning_rate, batchSize: batch_size, randomLabels: random_labels, hidden: layers, seed };
  }

  // ---------------------------------------------------------------- what is asked of it

  pick(change) {
    const before = this.state;
    const state = { ...before, ...change };
    const { needs_noise, title } = this.spec.objectives.find(({ name }) => name === state.objective);
    if (needs_noise && !state.noise) {
      if ("noise" in change) state.objective = "none";
      else state.noise = true;
      this.say("noise" in change ? `Without noise ${title} can be infinite: no objective is left.` : `${title} needs the noise: it is on again.`);
    } else this.say("");
    this.set(state);
    if (this.measured) this.drawNumbers();
    this.fresh ||= Object.keys(change).some((name) => name !== "gamma"); // which is in no drawing but in the plane's
    if (RESTARTS.some((name) => before[name] !== state[name])) this.begin(null);
    else this.post({ kind: "set", settings: this.settings });
    if (state.unit !== before.unit) this.draw();
    clearTimeout(this.settling);
    this.settling = setTimeout(() => {
      this.report?.(this.state);
      this.address?.(this.state);
    }, SETTLE_MS);
  }

  set(state) {
    this.state = { ...this.state, ...state };
    this.place();
  }

  wrong(asked) {
    return Playground.wrong(asked, this.spec, this.state);
  }

  take(asked) {
    this.pick(asked);
  }

  // What a pasted line, an address or the kernel asks for, with what is wrong about it.
  static wrong(asked, spec, state) {
    if (!asked || typeof asked !== "object" || !Object.keys(asked).every((name) => name in state)) return "This is not a state of this figure";
    const { choices, objectives } = spec;
    const among = { objective: objectives.map(({ name }) => name), noise: [true, false], unit: ["nats", "bits"], ...choices };
    for (const [name, value] of Object.entries(asked)) {
      const number = typeof value === "number" && Number.isFinite(value);
      if (name === "gamma") {
        if (!number || value < choices.gamma[0] || value > choices.gamma[1]) return `gamma is a number from ${choices.gamma.join(" to ")}`;
      } else if (name === "seed") {
        if (!number || value < 0 || value > 999999 || value % 1) return "seed is a whole number from 0 to 999999";
      } else if (!among[name].includes(value)) return `${name} is one of ${among[name].join(", ")}`;
    }
    const objective = objectives.find(({ name }) => name === (asked.objective ?? state.objective));
    return objective.needs_noise && !(asked.noise ?? state.noise) ? `${objective.title} needs the noise` : "";
  }

  begin(parameters) {
    const { spec } = this;
    const { images, labels } = this.drawings;
    const data = this.opened ? null : { inputs: 64, classes: spec.classes, mean: spec.mean, deviation: spec.deviation, train: spec.train, images, labels };
    this.opened = true;
    this.show(false);
    this.drawings.span = null;
    this.post({ kind: "open", data, settings: this.settings, parameters, frame: stillness() ? 500 : 25 });
  }

  train(on) {
    if (this.refused) return;
    this.show(on);
    this.post({ kind: "train", on });
  }

  post(message) {
    this.version++;
    this.sent.set(this.version, performance.now());
    this.worker?.postMessage({ ...message, version: this.version, speed: this.state.speed || Infinity });
  }

  say(text) {
    this.note.textContent = text;
  }

  // ---------------------------------------------------------------- what comes back

  receive(picture) {
    const before = this.picture;
    this.picture = picture;
    const { measured, diverged, path } = picture;
    if (measured) Object.assign(this, { measured, path });
    if (before && picture.step > before.step) {
      const now = performance.now();
      if (!this.clock || now - this.clock.at > 1000) {
        if (this.clock) this.speed = ((picture.step - this.clock.step) * 1000) / (now - this.clock.at);
        this.clock = { at: now, step: picture.step };
      }
    }
    if (diverged) {
      const lower = diverged.term === "cross-entropy" ? "the learning rate" : "the learning rate or γ";
      const what = diverged.term === "gradient" ? "the gradient is too large for float32" : `the ${diverged.term} went beyond all bounds`;
      this.say(`Stopped at step ${diverged.step}: ${what}. Lower ${lower}; the state before it is kept.`);
    }
    if (!picture.running && this.running && picture.version === this.version) this.show(false);
    if (!picture.running) this.tell();
    else if (!(performance.now() - this.toldAt < TELL_MS)) this.tell();
    this.worker.postMessage({ kind: "seen" });
    this.fresh ||= Boolean(measured);
    if (this.due) return; // the frame that is to come shows this picture instead
    this.due = true;
    if (document.hidden) this.answer();
    else requestAnimationFrame(() => this.answer());
  }

  answer() {
    const { picture } = this;
    this.due = false;
    if (!this.worker) return;
    this.draw(this.fresh);
    this.fresh = false;
    const asked = this.sent.get(picture.version);
    if (asked !== undefined) {
      this.root.dataset.answered = performance.now() - asked; // milliseconds from a control to what it did
      for (const version of this.sent.keys()) if (version <= picture.version) this.sent.delete(version);
    }
    this.pictures = (this.pictures ?? 0) + 1;
    Object.assign(this.root.dataset, { step: picture.step, pictures: this.pictures, version: picture.version, running: picture.running });
    if (!picture.running) this.settle();
  }

  tell() {
    this.toldAt = performance.now();
    if (this.trained && this.picture.step > 0) this.worker.postMessage({ kind: "keep" });
  }

  show(running) {
    this.running = running;
    this.clock = null;
    this.go.textContent = running ? "Pause" : "Train";
    this.go.setAttribute("aria-pressed", running);
  }

  refuse() {
    this.refused = true;
    this.worker?.terminate();
    this.worker = null;
    this.show(false);
    this.go.disabled = true;
    this.say("This browser cannot train here: it has no workers or no canvas. The picture shows one training.");
    const still = make("div", { class: "ibteach-still" });
    const none = document.querySelector("noscript");
    if (none) still.innerHTML = none.textContent;
    this.root.querySelector(".ibteach-sheet").replaceChildren(still);
    this.lacking?.();
  }

  // ---------------------------------------------------------------- what is shown

  amount(value, digits) {
    return amount(value, this.state.unit, digits);
  }

  // Without `all` what moves from picture to picture: neither numbers nor their drawings.
  draw(all = true) {
    const { picture, measured, path, state, running } = this;
    if (!picture || this.refused || !this.mode) return;
    this.drawings.draw({ picture, measured, path, state, running }, all);
    if (!all) return;
    if (measured) this.drawNumbers();
    const { step, epoch } = picture;
    const speed = running && this.speed ? `, ${Math.round(this.speed)} steps a second` : "";
    this.told.textContent = `step ${step}, epoch ${epoch.toFixed(1)}${speed}`;
  }

  // Name, value and words of everything that is said in numbers.
  quantities() {
    const { train, test, information } = this.measured;
    const { objective } = this.state;
    const percent = (share) => `${(100 * share).toFixed(1)} %`;
    const bound = test.bounds[objective];
    const rows = [
      ["H_q[Y|Z], train", this.amount(train.decoder_cross_entropy)],
      ["H_q[Y|Z], test", this.amount(test.decoder_cross_entropy)],
    ];
    if (bound !== undefined) rows.push([`${this.chosen.title}, test`, this.amount(bound)], ["β′ · that", this.amount(this.betaPrime * bound)]);
    if (information) rows.push(["H[Z|Y]", this.amount(information.reverse_decoder_uncertainty)], ["I[X;Z]", this.amount(information.preserved_information)], ["I[Y;Z]", this.amount(information.preserved_relevant_information)]);
    return [...rows, ["error, train", percent(train.argmax_error)], ["error, test", percent(test.argmax_error)]];
  }

  drawNumbers() {
    const rows = this.quantities();
    for (const [name, { row }] of this.rows)
      if (!rows.some(([other]) => other === name)) {
        row.remove();
        this.rows.delete(name);
      }
    rows.forEach(([name, text], i) => {
      if (!this.rows.has(name)) {
        const value = make("dd", { "data-quantity": name });
        const [head, tail] = name.split("_q");
        const row = make("div", {}, make("dt", {}, ...(tail ? [head, make("sub", {}, "q"), tail] : [name])), value);
        this.rows.set(name, { row, value });
        this.numbers.insertBefore(row, this.numbers.children[i] ?? null);
      }
      const { value } = this.rows.get(name);
      if (value.textContent !== text) value.textContent = text;
    });
  }

  how({ objective, gamma, noise, dropout, randomLabels }) {
    const { title } = this.spec.objectives.find(({ name }) => name === objective);
    const weighed = objective === "none" ? "no compression" : `${title}, γ = ${brief(gamma)}`;
    const also = [noise ? "" : "no noise", dropout ? `dropout ${dropout}` : "", randomLabels ? `${Math.round(100 * randomLabels)} % random labels` : ""];
    return [weighed, ...also].filter(Boolean).join(", ");
  }

  // It stands still: everything is said in words, and read aloud.
  settle() {
    const { step, epoch, trained } = this.picture;
    const { unit, noise } = this.state;
    const [before, now] = [this.how(trained), this.how(this.settings)];
    const how = before === now ? ` with ${now}` : `, trained with ${before}, now set to ${now}`;
    const values = this.quantities().map(([name, text]) => `${name} ${text}`).join("; ");
    const words = `${this.test} test digits in the plane of the latent after step ${step} (epoch ${epoch.toFixed(1)})${how}. In ${unit}: ${values}.`;
    this.drawings.planes[0].setAttribute("aria-label", words);
    const rows = Object.entries(this.measured.test.bounds).map(([name, value]) => `${this.spec.objectives.find((one) => one.name === name).title} ${this.amount(value)}`);
    this.drawings.planes[1].setAttribute("aria-label", `Bars: ${this.measured.information ? `H[Z|Y] measured ${this.amount(this.measured.information.reverse_decoder_uncertainty)}, ` : ""}bounds of it: ${rows.join(", ")} ${unit}.`);
    this.drawings.planes[2].setAttribute("aria-label", `Information plane: a path of ${this.path.length} points, below ln ${this.test} and H[Y].`);
    this.caption.textContent = words;
  }

  painted() {
    this.drawings.paint(this.spec.themes[this.theme]);
    this.draw();
  }

  // On a screen type grows with it, and what steps and stops stands in the strip.
  arranged() {
    const screen = this.mode === "screen";
    if (screen) this.bar.prepend(...this.buttons);
    else this.act.prepend(...this.buttons);
    (screen ? this.side : this.act).append(this.told);
  }

  fit() {
    const screen = this.mode === "screen";
    this.drawings.enlarged = screen ? Math.max(1, (0.034 * this.root.clientHeight) / 13) : 1;
    const above = this.sheet.getBoundingClientRect().top - this.root.getBoundingClientRect().top;
    this.root.style.setProperty("--room", `${Math.max(240, visibleHeight(this.root) - above - 14)}px`);
    this.draw();
  }

  remove() {
    this.worker?.terminate();
    this.worker = null;
    clearTimeout(this.settling);
    super.remove();
  }
}

// In a notebook the kernel sees the state, and what was trained.
export default {
  render({ model, el }) {
    const save = (name, value) => {
      try {
        model.set(name, value);
        model.save_changes();
      } catch {} // the kernel is gone: the playground goes on without it
    };
    const trained = ({ kept, history, step, settings, labels }) => {
      const parameters = new Float32Array(kept.length * kept[0].parameters.length);
      kept.forEach((one, i) => parameters.set(one.parameters, i * one.parameters.length));
      const { hidden, seed } = settings;
      const told = { epochs: kept.map(({ epoch }) => epoch), steps: kept.map((one) => one.step), history, step, hidden, seed, ...(labels && { labels: new DataView(labels.slice().buffer) }) };
      save("_trained", { ...told, parameters: new DataView(parameters.buffer) });
    };
    const report = (state) => save("state", state);
    const figure = new Playground(el, model.get("_spec"), model.get("state"), { report, trained });
    const follow = () => {
      const asked = model.get("state");
      if (JSON.stringify(asked) !== JSON.stringify(figure.state)) figure.pick(asked);
    };
    const take = () => {
      const { parameters } = model.get("_given");
      if (parameters) figure.begin(new Float32Array(parameters.buffer.slice(parameters.byteOffset, parameters.byteOffset + parameters.byteLength)));
    };
    const still = (_, [picture]) => {
      const image = make("img", { alt: figure.spec.alt });
      image.src = URL.createObjectURL(new Blob([picture], { type: "image/png" }));
      figure.root.querySelector(".ibteach-still")?.replaceChildren(image);
    };
    figure.lacking = () => model.send({ kind: "still" });
    model.on("change:state", follow);
    model.on("change:_given", take);
    model.on("msg:custom", still);
    take();
    if (figure.refused) figure.lacking();
    return () => {
      model.off("change:state", follow);
      model.off("change:_given", take);
      model.off("msg:custom", still);
      figure.remove();
    };
  },
};

// On a page that keeps states in its address itself, `state` is what it asks for, and `report` hears of each.
// In a page of its own the settings are in its address: `#playground={…}`, beside what others keep there.
export function mount(el, { spec, state: given, report }) {
  if (report) return new Playground(el, spec, { ...spec.start, ...given }, { address: report });
  const name = "playground=";
  const parts = () => location.hash.slice(1).split("&").filter(Boolean);
  let state = spec.start;
  try {
    const asked = JSON.parse(decodeURIComponent(parts().find((part) => part.startsWith(name)).slice(name.length)));
    if (!Playground.wrong(asked, spec, state)) state = { ...state, ...asked };
  } catch {} // no state in the address, or none of this figure
  const address = (now) => {
    const others = parts().filter((part) => !part.startsWith(name));
    history.replaceState(null, "", `#${[...others, name + encodeURIComponent(JSON.stringify(now))].join("&")}`);
  };
  return new Playground(el, spec, state, { address });
}

export const wrong = Playground.wrong;
