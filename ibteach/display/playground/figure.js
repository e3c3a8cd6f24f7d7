// The playground: controls, three drawings and the numbers, of a network that trains in a worker (`engine.js`, `worker.js`,
// whose text is ENGINE). A state is what the controls say, with the names that Python has for it.

const TEXT = '13px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif';
const MINUS = "−";
const TELL_MS = 2000; // how often the kernel hears what was trained, while it trains
const SETTLE_MS = 150; // a hand rests: the state is written down
const RESTARTS = ["hidden", "seed"]; // what a network is built from

const brief = (value) => (value === 0 ? "0" : value >= 0.01 && value < 1000 ? String(Number(value.toPrecision(3))) : value.toExponential(1).replace("e+", "e").replace("-", MINUS));
const signed = (text) => (Number(text) === 0 ? text.replace("-", "") : text.replace("-", MINUS));
const stillness = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

class Playground {
  constructor(el, spec, state, { report, trained, address }) {
    Object.assign(this, { spec, report, trained, address, version: 0, running: false, path: [], pointed: null, sent: new Map() });
    this.images = Uint8Array.from(spec.pixels, (sign) => sign.charCodeAt(0) - 97);
    this.labels = Uint8Array.from(spec.labels, Number);
    this.test = this.labels.length - spec.train;
    this.build(el);
    this.set(state);
    try {
      if (!window.Worker || !this.planes.every((canvas) => canvas.getContext("2d"))) throw new Error();
      const url = URL.createObjectURL(new Blob([ENGINE], { type: "text/javascript" }));
      this.worker = new Worker(url);
      this.worker.onerror = () => this.refuse();
      this.worker.onmessage = ({ data }) => {
        URL.revokeObjectURL(url);
        if (data.kind === "kept") this.trained?.(data, this.state);
        else this.receive(data);
      };
      this.open(null);
    } catch {
      this.refuse();
    }
    this.unwatch = onThemeChange(() => this.paint());
    this.resized = new ResizeObserver(() => this.draw());
    this.resized.observe(this.root);
    this.paint();
  }

  // ---------------------------------------------------------------- the parts

  build(el) {
    const { spec } = this;
    const button = (text, title, act) => {
      const node = make("button", { type: "button", title }, text);
      node.addEventListener("click", act);
      return node;
    };
    this.go = button("Train", "Train, or pause", () => this.train(!this.running));
    this.go.classList.add("ibteach-go");
    const one = button("One step", "One batch", () => (this.show(false), this.post({ kind: "step" })));
    const anew = button("Start again", "New weights from the same seed", () => this.open(null));
    const pick = (name, turn = (value) => value) => (value) => this.pick({ [name]: turn(value) });
    const ticks = (name, label, values, texts = values.map(String), kind = slider) => {
      const control = kind({ name, label, values, texts }, (tick) => this.pick({ [name]: values[tick] }));
      return { ...control, show: (state) => control.place(Math.max(0, values.indexOf(state[name]))) };
    };
    const { choices, objectives } = spec;
    this.objective = ticks("objective", "objective", objectives.map(({ name }) => name), objectives.map(({ title }) => title), choice);
    this.gamma = this.weight();
    this.first = [
      this.gamma,
      this.objective,
      ticks("noise", "noise", [true, false], ["on", "off"], choice),
      ticks("unit", "unit", ["nats", "bits"], ["nats", "bits"], choice),
    ];
    const percent = (share) => `${Math.round(100 * share)} %`;
    const more = [
      ticks("learning_rate", "learning rate", choices.learning_rate),
      ticks("batch_size", "batch size", choices.batch_size),
      ticks("dropout", "dropout", choices.dropout, choices.dropout.map(percent)),
      ticks("random_labels", "random labels", choices.random_labels, choices.random_labels.map(percent)),
      ticks("speed", "steps a second", choices.speed, choices.speed.map((n) => (n ? String(n) : "all it can")), choice),
      ticks("hidden", "hidden layers", choices.hidden, choices.hidden, choice),
      this.number("seed", "seed"),
    ];
    this.controls = [...this.first, ...more];
    this.note = make("p", { class: "ibteach-note", role: "status" });
    const drawing = (name, more = {}) => make("canvas", { role: "img", "data-drawing": name, ...more });
    this.planes = [drawing("plane", { tabindex: 0 }), drawing("bounds"), drawing("path")];
    this.pointer();
    this.told = make("p", { class: "ibteach-told" });
    this.numbers = make("dl", { class: "ibteach-numbers" });
    this.caption = make("figcaption", { "aria-live": "polite" });
    this.text = make("input", { type: "text", spellcheck: "false", autocomplete: "off", "aria-label": "State as text" });
    this.text.addEventListener("focus", () => this.text.select());
    this.text.addEventListener("change", () => this.paste());
    const hint = "Copy this line to keep or share the settings; paste one here and press Enter. Weights are not in it.";
    this.root = make(
      "section",
      { class: "ibteach-figure ibteach-playground", "aria-label": spec.title },
      make("header", {}, make("h3", {}, spec.title), this.note),
      make("div", { class: "ibteach-controls ibteach-first" }, ...this.first.map(({ node }) => node)),
      make("div", { class: "ibteach-act" }, this.go, one, anew, this.told),
      make(
        "figure",
        {},
        make("div", { class: "ibteach-sheet" }, make("div", {}, this.planes[0]), make("div", {}, this.planes[1], this.planes[2]), this.numbers),
        this.caption,
      ),
      make("details", { class: "ibteach-more" }, make("summary", {}, "How it trains"), make("div", { class: "ibteach-controls" }, ...more.map(({ node }) => node))),
      make("details", {}, make("summary", {}, "State"), this.text, make("p", {}, hint)),
    );
    this.root.style.setProperty("--width", `${spec.width}px`);
    this.release = keepKeys(this.root);
    this.rows = new Map();
    el.append(this.root);
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
    if (RESTARTS.some((name) => before[name] !== state[name])) this.open(null);
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
    for (const control of this.controls) control.show(this.state);
    const select = this.objective.node.querySelector("select");
    this.spec.objectives.forEach(({ needs_noise }, i) => select && (select.options[i].disabled = needs_noise && !this.state.noise));
    if (!this.text.matches(":focus")) this.write();
  }

  write() {
    this.text.setCustomValidity("");
    this.text.value = JSON.stringify(this.state);
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

  paste() {
    let asked = null;
    try {
      asked = JSON.parse(this.text.value);
    } catch {}
    this.text.setCustomValidity(Playground.wrong(asked, this.spec, this.state));
    if (!this.text.reportValidity()) return;
    this.pick(asked);
    this.write();
  }

  open(parameters) {
    const { spec, images, labels } = this;
    const data = this.opened ? null : { inputs: 64, classes: spec.classes, mean: spec.mean, deviation: spec.deviation, train: spec.train, images, labels };
    this.opened = true;
    this.show(false);
    this.span = null;
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
    const draw = () => {
      this.draw();
      const asked = this.sent.get(picture.version);
      if (asked !== undefined) {
        this.root.dataset.answered = performance.now() - asked; // milliseconds from a control to what it did
        for (const version of this.sent.keys()) if (version <= picture.version) this.sent.delete(version);
      }
      this.pictures = (this.pictures ?? 0) + 1;
      Object.assign(this.root.dataset, { step: picture.step, pictures: this.pictures, version: picture.version, running: picture.running });
      if (!picture.running) this.settle();
      this.worker.postMessage({ kind: "seen" });
    };
    if (document.hidden) draw();
    else requestAnimationFrame(draw);
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

  // ---------------------------------------------------------------- drawing

  amount(value, digits = 2) {
    return signed((value / (this.state.unit === "bits" ? Math.LN2 : 1)).toFixed(digits));
  }

  sheet(canvas, asked = null) {
    const width = canvas.parentNode.clientWidth;
    const ratio = asked ?? (width > 360 ? 0.52 : 0.66);
    const height = Math.round(width * ratio);
    const scale = window.devicePixelRatio || 1;
    if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
      [canvas.width, canvas.height] = [Math.round(width * scale), Math.round(height * scale)];
      canvas.style.height = `${height}px`;
    }
    const context = canvas.getContext("2d");
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, width, height);
    context.font = TEXT;
    context.lineJoin = "round";
    return { context, width, height };
  }

  draw() {
    if (!this.picture || this.refused || !this.colours) return;
    this.drawPlane();
    if (this.measured) {
      this.drawBounds();
      this.drawPath();
      this.drawNumbers();
    }
    const { step, epoch } = this.picture;
    const speed = this.running && this.speed ? `, ${Math.round(this.speed)} steps a second` : "";
    this.told.textContent = `step ${step}, epoch ${epoch.toFixed(1)}${speed}`;
  }

  drawPlane() {
    const { context, width, height } = this.sheet(this.planes[0], 1);
    const { latents, decoder } = this.picture;
    const { colours } = this;
    const { classes } = this.spec;
    const sigma = this.state.noise ? Math.sqrt(this.spec.noise_variance) : 0;
    const labels = this.labels.subarray(this.spec.train);
    const of = Array.from({ length: classes }, () => ({ n: 0, x: 0, y: 0, xx: 0, yy: 0, xy: 0 }));
    let [left, right, top, bottom] = [Infinity, -Infinity, Infinity, -Infinity];
    for (let i = 0; i < this.test; i++) {
      const [x, y, c] = [latents[2 * i], latents[2 * i + 1], of[labels[i]]];
      c.n++;
      c.x += x;
      c.y += y;
      c.xx += x * x;
      c.yy += y * y;
      c.xy += x * y;
      [left, right, top, bottom] = [Math.min(left, x), Math.max(right, x), Math.min(top, y), Math.max(bottom, y)];
    }
    const wanted = { x: (left + right) / 2, y: (top + bottom) / 2, reach: 0.54 * Math.max(right - left, bottom - top, 1e-12) + 2 * sigma };
    const ease = !this.running || stillness() || !this.span ? 1 : 0.15;
    this.span ??= wanted;
    const inside = this.span.reach > 0.98 * wanted.reach;
    const now = Object.fromEntries(Object.keys(wanted).map((key) => [key, this.span[key] + (inside ? ease : Math.max(ease, 0.5)) * (wanted[key] - this.span[key])]));
    this.span = now;
    const scale = width / 2 / now.reach;
    const place = (x, y) => [width / 2 + (x - now.x) * scale, height / 2 - (y - now.y) * scale];
    this.placed = (i) => place(latents[2 * i], latents[2 * i + 1]);

    // A linear decoder's decisions are convex: what is left of the sheet after one cut for every other class.
    const logit = (c, [px, py]) => {
      const x = now.x + (px - width / 2) / scale;
      const y = now.y - (py - height / 2) / scale;
      return decoder[2 * c] * x + decoder[2 * c + 1] * y + decoder[2 * classes + c];
    };
    for (let c = 0; c < classes; c++) {
      let cell = [[0, 0], [width, 0], [width, height], [0, height]];
      for (let other = 0; other < classes && cell.length; other++) {
        if (other === c) continue;
        const ahead = cell.map((corner) => logit(c, corner) - logit(other, corner));
        cell = cell.flatMap((corner, i) => {
          const j = (i + 1) % cell.length;
          const kept = ahead[i] >= 0 ? [corner] : [];
          if (ahead[i] >= 0 === ahead[j] >= 0) return kept;
          const share = ahead[i] / (ahead[i] - ahead[j]);
          return [...kept, corner.map((at, axis) => at + share * (cell[j][axis] - at))];
        });
      }
      if (!cell.length) continue;
      context.fillStyle = colours.tints[c];
      context.beginPath();
      cell.forEach((corner) => context.lineTo(...corner));
      context.fill();
    }

    const radius = Math.max(2, width / 180);
    for (let c = 0; c < classes; c++) {
      context.fillStyle = colours.cycle[c];
      context.beginPath();
      for (let i = 0; i < this.test; i++) {
        if (labels[i] !== c) continue;
        const [x, y] = this.placed(i);
        context.moveTo(x + radius, y);
        context.arc(x, y, radius, 0, 7);
      }
      context.globalAlpha = 0.85;
      context.fill();
    }
    context.globalAlpha = 1;
    const names = [];
    of.forEach(({ n, x, y, xx, yy, xy }, c) => {
      if (!n) return;
      const [mx, my] = [x / n, y / n];
      const [a, b, d] = [xx / n - mx * mx + sigma ** 2, yy / n - my * my + sigma ** 2, xy / n - mx * my];
      const spread = Math.hypot((a - b) / 2, d);
      const axes = [spread, -spread].map((part) => 2 * Math.sqrt(Math.max((a + b) / 2 + part, 0)) * scale);
      const [px, py] = place(mx, my);
      context.strokeStyle = colours.foreground;
      context.lineWidth = 1.2;
      context.beginPath();
      context.ellipse(px, py, ...axes, -0.5 * Math.atan2(2 * d, a - b), 0, 7);
      context.stroke();
      const near = names.find((one) => Math.hypot(one.px - px, one.py - py) < 14);
      if (near) near.text += c;
      else names.push({ px, py, text: String(c) });
    });
    context.font = TEXT.replace("13px", "bold 15px");
    [context.textAlign, context.textBaseline] = ["center", "middle"];
    for (const { px, py, text } of names) this.label(context, text, px, py, colours.foreground);
    context.font = TEXT;
    this.drawNoise(context, height, sigma * scale);
    if (this.pointed !== null) this.drawDigit(context, width);
  }

  label(context, text, x, y, colour) {
    [context.strokeStyle, context.lineWidth] = [this.colours.background, 3.5];
    context.strokeText(text, x, y);
    context.fillStyle = colour;
    context.fillText(text, x, y);
  }

  drawNoise(context, height, radius) {
    [context.textAlign, context.textBaseline] = ["left", "middle"];
    if (!radius) return this.label(context, "no noise", 10, height - 14, this.colours.accent);
    const shown = Math.min(2 * radius, height / 3);
    context.strokeStyle = this.colours.accent;
    context.lineWidth = 2.5;
    context.beginPath();
    context.arc(10 + shown, height - 26 - shown, shown, 0, 7);
    context.stroke();
    this.label(context, shown < 2 * radius ? "noise: wider than this" : "noise, 2σ", 10, height - 14, this.colours.accent);
  }

  // The digit that is pointed at, large enough to be judged by eye.
  drawDigit(context, width) {
    const [i, side] = [this.pointed, 9];
    const [x0, y0] = [width - 8 * side - 14, 14];
    const at = 64 * (this.spec.train + i);
    context.fillStyle = this.colours.background;
    context.fillRect(x0 - 6, y0 - 6, 8 * side + 12, 8 * side + 34);
    for (let pixel = 0; pixel < 64; pixel++) {
      context.globalAlpha = this.images[at + pixel] / 16;
      context.fillStyle = this.colours.foreground;
      context.fillRect(x0 + side * (pixel % 8), y0 + side * Math.floor(pixel / 8), side, side);
    }
    context.globalAlpha = 1;
    const [label, read] = [this.labels[this.spec.train + i], this.read(i)];
    [context.textAlign, context.textBaseline] = ["center", "middle"];
    this.label(context, label === read ? `a ${label}` : `a ${label}, read ${read}`, x0 + 4 * side, y0 + 8 * side + 13, this.colours.foreground);
    const [px, py] = this.placed(i);
    [context.strokeStyle, context.lineWidth] = [this.colours.foreground, 2];
    context.beginPath();
    context.arc(px, py, 8, 0, 7);
    context.stroke();
  }

  read(i) {
    const { latents, decoder } = this.picture;
    const { classes } = this.spec;
    const logit = (c) => decoder[2 * c] * latents[2 * i] + decoder[2 * c + 1] * latents[2 * i + 1] + decoder[2 * classes + c];
    return [...Array(classes).keys()].reduce((best, c) => (logit(c) > logit(best) ? c : best), 0);
  }

  drawBounds() {
    const { information, test } = this.measured;
    const rows = [["H[Z|Y]", information?.reverse_decoder_uncertainty, "measured"]];
    for (const { name, title, bounds } of this.spec.objectives)
      if (bounds.startsWith("H[Z|Y]")) rows.push([title, test.bounds[name], name]);
    const { context, width, height } = this.sheet(this.planes[1]);
    const { colours } = this;
    const line = (height - 22) / rows.length;
    const long = (value) => Math.sign(value) * Math.log1p(Math.abs(value));
    const [low, high] = this.state.noise ? [0, long(1e4)] : [long(-1000), long(1e4)];
    const start = 10 + Math.max(...rows.map(([title]) => context.measureText(title).width));
    const room = width - start - 52;
    const across = (value) => start + (room * (Math.min(Math.max(long(value), low), high) - low)) / (high - low);
    context.textBaseline = "middle";
    for (const tick of this.state.noise ? [0, 1, 10, 100, 1000] : [-100, 0, 100]) {
      const value = tick * (this.state.unit === "bits" ? Math.LN2 : 1);
      context.fillStyle = tick === 0 ? colours.muted : colours.grid;
      context.fillRect(across(value), 0, 1, height - 20);
      [context.fillStyle, context.textAlign] = [colours.muted, "center"];
      context.fillText(signed(String(tick)), across(value), height - 9);
    }
    rows.forEach(([title, value, name], i) => {
      const y = line * (i + 0.5);
      const chosen = name === this.state.objective;
      context.font = chosen || !i ? TEXT.replace("13px", "bold 13px") : TEXT;
      [context.fillStyle, context.textAlign] = [colours.foreground, "right"];
      context.fillText(title, start - 8, y);
      context.textAlign = "left";
      if (value === undefined) {
        context.fillStyle = colours.muted;
        return context.fillText("not without noise", across(0) + 6, y);
      }
      const [from, to] = [across(0), across(value)];
      context.fillStyle = !i ? colours.foreground : chosen ? colours.accent : colours.bar;
      context.fillRect(Math.min(from, to), y - line * 0.32, Math.max(Math.abs(to - from), 1), line * 0.64);
      context.fillStyle = colours.foreground;
      this.label(context, this.amount(value, Math.abs(value) < 100 ? 2 : 0), Math.max(from, to) + 5, y, colours.foreground);
    });
  }

  drawPath() {
    const { context, width, height } = this.sheet(this.planes[2]);
    const { colours, path } = this;
    const { information } = this.measured;
    const { ceiling, label_entropy } = this.spec;
    const [left, top, right, bottom] = [44, 22, width - 14, height - 34];
    const x = (value) => left + ((right - left) * value) / (ceiling * 1.04);
    const y = (value) => bottom - ((bottom - top) * value) / (label_entropy * 1.08);
    const factor = this.state.unit === "bits" ? Math.LN2 : 1;
    context.fillStyle = colours.muted;
    [context.textAlign, context.textBaseline] = ["center", "top"];
    for (let tick = 0; tick * factor < ceiling; tick += factor < 1 ? 2 : 1) {
      context.fillRect(x(tick * factor), bottom, 1, 4);
      context.fillText(tick, x(tick * factor), bottom + 6);
    }
    [context.textAlign, context.textBaseline] = ["right", "middle"];
    for (let tick = 0; tick * factor < label_entropy; tick++) context.fillText(tick, left - 6, y(tick * factor));
    context.fillStyle = colours.muted;
    context.fillRect(left, top, 1, bottom - top);
    context.fillRect(left, bottom, right - left, 1);
    context.setLineDash([5, 4]);
    [context.strokeStyle, context.lineWidth] = [colours.muted, 1.2];
    context.beginPath();
    context.moveTo(x(ceiling), top);
    context.lineTo(x(ceiling), bottom);
    context.moveTo(left, y(label_entropy));
    context.lineTo(right, y(label_entropy));
    context.stroke();
    context.setLineDash([]);
    [context.textAlign, context.textBaseline] = ["left", "top"];
    this.label(context, `I[Y;Z] over I[X;Z], ${this.state.unit}, test digits`, left, 0, colours.foreground);
    [context.textAlign, context.textBaseline] = ["right", "bottom"];
    this.label(context, `ln ${this.test}`, x(ceiling) - 4, bottom - 4, colours.muted);
    [context.textAlign, context.textBaseline] = ["left", "top"];
    this.label(context, "H[Y]", left + 6, y(label_entropy) + 3, colours.muted);
    [context.strokeStyle, context.lineWidth] = [colours.accent, 2];
    context.beginPath();
    path.forEach((point, i) => {
      const lost = Number.isNaN(point.x) || Number.isNaN(path[i - 1]?.x ?? NaN);
      if (!Number.isNaN(point.x)) context[lost ? "moveTo" : "lineTo"](x(point.x), y(point.y));
    });
    context.stroke();
    if (!information) {
      [context.textAlign, context.textBaseline] = ["center", "middle"];
      return this.label(context, "without noise there is nothing to measure", (left + right) / 2, (top + bottom) / 2, colours.muted);
    }
    context.fillStyle = colours.accent;
    context.beginPath();
    context.arc(x(information.preserved_information), y(information.preserved_relevant_information), 6, 0, 7);
    context.fill();
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

  // It stands still: everything is said in words, and read aloud.
  settle() {
    const { step, epoch } = this.picture;
    const { unit, noise, objective, random_labels, dropout } = this.state;
    const how = objective === "none" ? "no compression" : `${this.chosen.title}, γ = ${brief(this.state.gamma)}`;
    const also = [noise ? "" : "no noise", dropout ? `dropout ${dropout}` : "", random_labels ? `${Math.round(100 * random_labels)} % random labels` : ""].filter(Boolean);
    const values = this.quantities().map(([name, text]) => `${name} ${text}`).join("; ");
    const words = `${this.test} test digits in the plane of the latent after step ${step} (epoch ${epoch.toFixed(1)}) with ${[how, ...also].join(", ")}. In ${unit}: ${values}.`;
    this.planes[0].setAttribute("aria-label", words);
    const rows = Object.entries(this.measured.test.bounds).map(([name, value]) => `${this.spec.objectives.find((one) => one.name === name).title} ${this.amount(value)}`);
    this.planes[1].setAttribute("aria-label", `Bars: ${noise ? `H[Z|Y] measured ${this.amount(this.measured.information.reverse_decoder_uncertainty)}, ` : ""}bounds of it: ${rows.join(", ")} ${unit}.`);
    this.planes[2].setAttribute("aria-label", `Information plane: a path of ${this.path.length} points, below ln ${this.test} and H[Y].`);
    this.caption.textContent = words;
  }

  // ---------------------------------------------------------------- pointing

  pointer() {
    const canvas = this.planes[0];
    const at = ({ clientX, clientY }) => {
      if (!this.placed) return;
      const box = canvas.getBoundingClientRect();
      let [best, nearest] = [null, 14];
      for (let i = 0; i < this.test; i++) {
        const [x, y] = this.placed(i);
        const far = Math.hypot(clientX - box.x - x, clientY - box.y - y);
        if (far < nearest) [best, nearest] = [i, far];
      }
      this.point(best);
    };
    for (const event of ["pointermove", "pointerdown"]) canvas.addEventListener(event, at);
    canvas.addEventListener("pointerleave", () => this.point(null));
    canvas.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (!step || !this.picture || forNotebook(event)) return;
      event.preventDefault();
      const misread = event.key === "ArrowDown" || event.key === "ArrowUp";
      let i = this.pointed ?? (step > 0 ? -1 : this.test);
      for (let tried = 0; tried < this.test; tried++) {
        i = (i + step + this.test) % this.test;
        if (!misread || this.read(i) !== this.labels[this.spec.train + i]) break;
      }
      this.point(i);
      const [label, read] = [this.labels[this.spec.train + i], this.read(i)];
      this.caption.textContent = `Test digit ${i}: a ${label}, read as ${read}.`;
    });
  }

  point(i) {
    if (i === this.pointed) return;
    this.pointed = i;
    this.root.dataset.digit = i ?? "";
    if (!this.running) this.draw();
  }

  paint() {
    const { themes } = this.spec;
    const theme = themeOfPage() in themes ? themeOfPage() : Object.keys(themes)[0];
    const { cycle, ...named } = themes[theme];
    this.root.dataset.theme = theme;
    for (const [name, colour] of Object.entries(named)) this.root.style.setProperty(`--${name}`, colour);
    const part = (hex, i) => parseInt(hex.slice(i, i + 2), 16);
    const mix = (one, other, share) => `rgb(${[1, 3, 5].map((i) => Math.round(share * part(one, i) + (1 - share) * part(other, i))).join()})`;
    this.colours = { ...named, cycle, tints: cycle.map((colour) => mix(colour, named.background, 0.25)), bar: mix(named.accent, named.background, 0.45) };
    this.draw();
  }

  remove() {
    this.worker?.terminate();
    this.worker = null;
    clearTimeout(this.settling);
    this.resized.disconnect();
    this.unwatch();
    this.release();
    this.root.remove();
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
      if (parameters) figure.open(new Float32Array(parameters.buffer.slice(parameters.byteOffset, parameters.byteOffset + parameters.byteLength)));
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

// In a page of its own the settings are in its address: `#playground={…}`, beside what others keep there.
export function mount(el, { spec }) {
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
