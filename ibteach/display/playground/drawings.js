// What is drawn of a network while it trains: the plane of its latent, bars of the bounds, its way through the information
// plane. `figure.js` says when; a digit of the plane may be pointed at.

const TEXT = '13px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif';
const MINUS = "−";

const signed = (text) => (Number(text) === 0 ? text.replace("-", "") : text.replace("-", MINUS));
const stillness = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
const amount = (value, unit, digits = 2) => signed((value / (unit === "bits" ? Math.LN2 : 1)).toFixed(digits));

class Drawings {
  // `say` has words for the reader, `changed` is called when another digit is pointed at.
  constructor(spec, say, changed) {
    Object.assign(this, { spec, say, changed, pointed: null, enlarged: 1 });
    this.images = Uint8Array.from(spec.pixels, (sign) => sign.charCodeAt(0) - 97);
    this.labels = Uint8Array.from(spec.labels, Number);
    this.test = this.labels.length - spec.train;
    const drawing = (name, more = {}) => make("canvas", { role: "img", "data-drawing": name, ...more });
    this.planes = [drawing("plane", { tabindex: 0 }), drawing("bounds"), drawing("path")];
    this.pointer();
  }

  paint({ cycle, ...named }) {
    const part = (hex, i) => parseInt(hex.slice(i, i + 2), 16);
    const mix = (one, other, share) => `rgb(${[1, 3, 5].map((i) => Math.round(share * part(one, i) + (1 - share) * part(other, i))).join()})`;
    this.colours = { ...named, cycle, tints: cycle.map((colour) => mix(colour, named.background, 0.25)), bar: mix(named.accent, named.background, 0.45) };
  }

  // `seen` is what there is to draw: picture, measured, path, state, running.
  draw(seen, all) {
    Object.assign(this, seen);
    this.plane();
    if (!all || !this.measured) return;
    this.bounds();
    this.way();
  }

  amount(value, digits) {
    return amount(value, this.state.unit, digits);
  }

  // A canvas as large as the style makes its box, in pixels of which 13 are the height of type.
  sheet(canvas) {
    const { clientWidth, clientHeight } = canvas;
    const scale = (window.devicePixelRatio || 1) * this.enlarged;
    const [width, height] = [clientWidth / this.enlarged, clientHeight / this.enlarged];
    if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) [canvas.width, canvas.height] = [Math.round(width * scale), Math.round(height * scale)];
    const context = canvas.getContext("2d");
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, width, height);
    context.font = TEXT;
    context.lineJoin = "round";
    return { context, width, height };
  }

  plane() {
    const { context, width, height } = this.sheet(this.planes[0]);
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
    this.noise(context, height, sigma * scale);
    if (this.pointed !== null) this.digit(context, width);
  }

  label(context, text, x, y, colour) {
    [context.strokeStyle, context.lineWidth] = [this.colours.background, 3.5];
    context.strokeText(text, x, y);
    context.fillStyle = colour;
    context.fillText(text, x, y);
  }

  noise(context, height, radius) {
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
  digit(context, width) {
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

  bounds() {
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
    let written = -Infinity; // how far the numbers of the axis reach: one that does not fit is left out
    for (const tick of this.state.noise ? [0, 1, 10, 100, 1000] : [-100, 0, 100]) {
      const value = tick * (this.state.unit === "bits" ? Math.LN2 : 1);
      context.fillStyle = tick === 0 ? colours.muted : colours.grid;
      context.fillRect(across(value), 0, 1, height - 20);
      [context.fillStyle, context.textAlign] = [colours.muted, "center"];
      const text = signed(String(tick));
      const half = context.measureText(text).width / 2;
      if (across(value) - half < written + 3) continue;
      context.fillText(text, across(value), height - 9);
      written = across(value) + half;
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

  way() {
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
    const narrow = width < 260;
    this.label(context, `I[Y;Z] over I[X;Z]${narrow ? "" : `, ${this.state.unit}, test digits`}`, narrow ? 2 : left, 0, colours.foreground);
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

  pointer() {
    const canvas = this.planes[0];
    const at = ({ clientX, clientY }) => {
      if (!this.placed) return;
      const box = canvas.getBoundingClientRect();
      let [best, nearest] = [null, 14];
      for (let i = 0; i < this.test; i++) {
        const [x, y] = this.placed(i);
        const far = Math.hypot((clientX - box.x) / this.enlarged - x, (clientY - box.y) / this.enlarged - y);
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
      this.say(`Test digit ${i}: a ${label}, read as ${read}.`);
    });
  }

  point(i) {
    if (i === this.pointed) return;
    this.pointed = i;
    this.changed();
  }
}
