// The library's training of a small network with a latent of two dimensions, in plain loops over typed arrays: forward,
// every objective of `ibteach.objectives` with its gradient, Adam, and the Gaussian mixture's information. No document, no
// clock, no global random numbers: the same module runs in a worker, in Node and in the tests that compare it with PyTorch.
// Names and units are the library's: nats; latents f(x) are noiseless; v is a variance within a class, noise included.

export const TWO_PI_E = 2 * Math.PI * Math.E;
export const NOISE = 1 / TWO_PI_E; // the variance at which noise has no entropy (Kirsch et al. 2020)
export const K = 2; // dimensions of the latent
const TINY = 1.1754943508222875e-38; // the smallest normal float32, where PyTorch's logarithms are cut off too
const RUNAWAY = 1e5; // nats of loss from which no training comes back
const CAPACITY = 512; // most examples that go through the network at once

// ------------------------------------------------------------------------------------------------ chance

// sfc32: four words of state, seeded by a number and the name of what is drawn from it.
export class Random {
  constructor(seed, name = "") {
    let hash = 2166136261 ^ seed;
    const mix = () => {
      hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
      hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
      return (hash ^= hash >>> 16) >>> 0;
    };
    for (const letter of name) hash = Math.imul(hash ^ letter.charCodeAt(0), 16777619);
    this.words = new Uint32Array([mix(), mix(), mix(), 1]);
    for (let i = 0; i < 12; i++) this.next();
  }

  next() {
    const s = this.words;
    const sum = (s[0] + s[1] + s[3]) >>> 0;
    s[3] += 1;
    s[0] = s[1] ^ (s[1] >>> 9);
    s[1] = s[2] + (s[2] << 3);
    s[2] = ((s[2] << 21) | (s[2] >>> 11)) + sum;
    return sum;
  }

  uniform() {
    return this.next() / 4294967296;
  }

  // Gaussian numbers of this standard deviation, by pairs (Box and Muller).
  normal(into, deviation = 1) {
    for (let i = 0; i < into.length; i += 2) {
      const radius = deviation * Math.sqrt(-2 * Math.log(1 - this.uniform()));
      const angle = 2 * Math.PI * this.uniform();
      into[i] = radius * Math.cos(angle);
      if (i + 1 < into.length) into[i + 1] = radius * Math.sin(angle);
    }
    return into;
  }

  shuffle(order) {
    for (let i = order.length - 1; i > 0; i--) {
      const j = Math.floor(this.uniform() * (i + 1));
      [order[i], order[j]] = [order[j], order[i]];
    }
    return order;
  }
}

// ------------------------------------------------------------------------------------------------ products

// C[r, c] = Σ_k A[r, k] B[c, k] (+ bias[c]) for any strides: all three products of a layer. Blocks of 2 × 4 stay in
// registers; what is over at the edges is done one by one. Sums are in float64 and rounded once.
function product(C, c0, cr, rows, columns, A, a0, ar, ak, B, b0, br, bk, depth, bias, bias0) {
  const wholeRows = rows & ~1;
  const wholeColumns = columns & ~3;
  for (let c = 0; c < wholeColumns; c += 4) {
    const i0 = bias ? bias[bias0 + c] : 0;
    const i1 = bias ? bias[bias0 + c + 1] : 0;
    const i2 = bias ? bias[bias0 + c + 2] : 0;
    const i3 = bias ? bias[bias0 + c + 3] : 0;
    for (let r = 0; r < wholeRows; r += 2) {
      let p = a0 + r * ar;
      let q = p + ar;
      let w = b0 + c * br;
      let x = w + br;
      let y = x + br;
      let z = y + br;
      let s0 = i0, s1 = i1, s2 = i2, s3 = i3, t0 = i0, t1 = i1, t2 = i2, t3 = i3;
      for (let k = 0; k < depth; k++) {
        const a = A[p], d = A[q], e = B[w], f = B[x], g = B[y], h = B[z];
        s0 += a * e;
        s1 += a * f;
        s2 += a * g;
        s3 += a * h;
        t0 += d * e;
        t1 += d * f;
        t2 += d * g;
        t3 += d * h;
        p += ak;
        q += ak;
        w += bk;
        x += bk;
        y += bk;
        z += bk;
      }
      let o = c0 + r * cr + c;
      C[o] = s0;
      C[o + 1] = s1;
      C[o + 2] = s2;
      C[o + 3] = s3;
      o += cr;
      C[o] = t0;
      C[o + 1] = t1;
      C[o + 2] = t2;
      C[o + 3] = t3;
    }
  }
  for (let r = 0; r < rows; r++) {
    for (let c = r < wholeRows ? wholeColumns : 0; c < columns; c++) {
      let s = bias ? bias[bias0 + c] : 0;
      for (let k = 0, p = a0 + r * ar, w = b0 + c * br; k < depth; k++, p += ak, w += bk) s += A[p] * B[w];
      C[c0 + r * cr + c] = s;
    }
  }
}

// ------------------------------------------------------------------------------------------------ objectives

// Moments of the noisy latents within each class, in float64. `counted` are the shares p(y) of the classes averaged: without
// noise a class with one example has no variance and is left out, as in `ibteach.objectives.moments`.
export function moments(latents, labels, count, classes, noiseVariance) {
  const size = new Float64Array(classes);
  const mean = new Float64Array(K * classes);
  const covariance = new Float64Array(3 * classes); // of each class: 11, 22, 12, noise included
  let power = 0;
  for (let i = 0; i < count; i++) {
    const c = labels[i];
    const [u, v] = [latents[2 * i], latents[2 * i + 1]];
    size[c]++;
    mean[2 * c] += u;
    mean[2 * c + 1] += v;
    power += u * u + v * v;
  }
  for (let c = 0; c < classes; c++) {
    mean[2 * c] /= Math.max(size[c], 1);
    mean[2 * c + 1] /= Math.max(size[c], 1);
  }
  for (let i = 0; i < count; i++) {
    const c = labels[i];
    const u = latents[2 * i] - mean[2 * c];
    const v = latents[2 * i + 1] - mean[2 * c + 1];
    covariance[3 * c] += u * u;
    covariance[3 * c + 1] += v * v;
    covariance[3 * c + 2] += u * v;
  }
  const share = new Float64Array(classes);
  let all = 0;
  for (let c = 0; c < classes; c++) {
    for (let part = 0; part < 3; part++) covariance[3 * c + part] /= Math.max(size[c], 1);
    covariance[3 * c] += noiseVariance;
    covariance[3 * c + 1] += noiseVariance;
    all += share[c] = noiseVariance > 0 || size[c] > 1 ? size[c] : 0;
  }
  for (let c = 0; c < classes; c++) share[c] /= Math.max(all, 1);
  return { size, mean, covariance, share, power: power / count + K * noiseVariance, noiseVariance, classes };
}

const log = (variance) => Math.log(Math.max(variance, TINY));
const inverse = (variance) => (variance > TINY ? 1 / variance : 0); // the derivative of `log`

function pooled(m) {
  const v = [0, 0];
  for (let c = 0; c < m.classes; c++) for (let i = 0; i < K; i++) v[i] += m.share[c] * m.covariance[3 * c + i];
  return v;
}

// Each row: the value in nats, and its slope. A slope in `variance` is ∂/∂v_iy, in `power` ∂/∂E‖Z‖², in `inverse` it
// multiplies the inverse covariance of the class.
export const SURROGATES = {
  "log-determinant": (m) => {
    let value = 0;
    for (let c = 0; c < m.classes; c++) {
      if (!m.share[c]) continue;
      const [a, b, d] = m.covariance.subarray(3 * c, 3 * c + 3);
      value += 0.5 * m.share[c] * (2 * Math.log(TWO_PI_E) + Math.log(a * b - d * d));
    }
    return { value, inverse: (c) => m.share[c] };
  },
  "log-variance": (m) => {
    let value = 0;
    for (let c = 0; c < m.classes; c++)
      for (let i = 0; i < K; i++) value += m.share[c] && 0.5 * m.share[c] * (Math.log(TWO_PI_E) + log(m.covariance[3 * c + i]));
    return { value, variance: (c, i) => 0.5 * m.share[c] * inverse(m.covariance[3 * c + i]) };
  },
  "pooled-log-variance": (m) => {
    const v = pooled(m);
    const value = 0.5 * (2 * Math.log(TWO_PI_E) + log(v[0]) + log(v[1]));
    return { value, variance: (c, i) => 0.5 * m.share[c] * inverse(v[i]) };
  },
  "isotropic-log-variance": (m) => {
    const [v, w] = pooled(m);
    return { value: 0.5 * K * (Math.log(TWO_PI_E / K) + log(v + w)), variance: (c) => 0.5 * K * m.share[c] * inverse(v + w) };
  },
  "log-power": (m) => ({ value: 0.5 * K * (Math.log(TWO_PI_E / K) + log(m.power)), power: 0.5 * K * inverse(m.power) }),
  variance: (m) => {
    const [v, w] = pooled(m);
    return { value: 0.5 * TWO_PI_E * (v + w) - 0.5 * K, variance: (c) => 0.5 * TWO_PI_E * m.share[c] };
  },
  l2: (m) => ({ value: 0.5 * TWO_PI_E * m.power - 0.5 * K, power: 0.5 * TWO_PI_E }),
  vib: (m) => ({ value: 0.5 * (m.power - K - K * Math.log(m.noiseVariance)), power: 0.5 }),
  ceb: (m) => {
    const [v, w] = pooled(m);
    return { value: 0.5 * (v + w - K - K * Math.log(m.noiseVariance)), variance: (c) => 0.5 * m.share[c] };
  },
  "ceb-fitted": (m) => {
    const { value, variance } = SURROGATES["log-variance"](m);
    return { value: value - 0.5 * K * Math.log(TWO_PI_E * m.noiseVariance), variance };
  },
};

// The rows that are finite with noise alone.
export const NEEDS_NOISE = ["log-determinant", "vib", "ceb", "ceb-fitted", "mixture"];

// β′ times one of the surrogates; its gradient is added to `slope` (count × 2) where there is one.
export function surrogate(name, betaPrime, latents, noise, labels, count, classes, noiseVariance, slope) {
  if (name === "none") return 0;
  if (name === "mixture") return mixtureBound(betaPrime, latents, noise, labels, count, classes, noiseVariance, slope);
  const m = moments(latents, labels, count, classes, noiseVariance);
  const found = SURROGATES[name](m);
  if (!slope) return found.value;
  for (let i = 0; i < count; i++) {
    const c = labels[i];
    const scale = (2 * betaPrime) / m.size[c];
    const u = latents[2 * i] - m.mean[2 * c];
    const v = latents[2 * i + 1] - m.mean[2 * c + 1];
    if (found.power !== undefined) {
      slope[2 * i] += (2 * betaPrime * found.power * latents[2 * i]) / count;
      slope[2 * i + 1] += (2 * betaPrime * found.power * latents[2 * i + 1]) / count;
    } else if (found.variance) {
      slope[2 * i] += scale * found.variance(c, 0) * u;
      slope[2 * i + 1] += scale * found.variance(c, 1) * v;
    } else {
      const [a, b, d] = m.covariance.subarray(3 * c, 3 * c + 3);
      const weight = (0.5 * scale * found.inverse(c)) / (a * b - d * d);
      slope[2 * i] += weight * (b * u - d * v);
      slope[2 * i + 1] += weight * (a * v - d * u);
    }
  }
  return found.value;
}

// −E_i ln (1/(n_y − 1)) Σ_j N(z_i; f(x_j), σ² I) over the others j of the same class: an upper bound on H[Z|Y] that assumes no
// Gaussian; −ln N(ε_i; 0, σ² I) gives way to its mean H[ε]. A class with one example counts as noise.
function mixtureBound(betaPrime, latents, noise, labels, count, classes, noiseVariance, slope) {
  const size = new Float64Array(classes);
  for (let i = 0; i < count; i++) size[labels[i]]++;
  const half = 0.5 / noiseVariance;
  const weights = new Float64Array(count);
  let total = 0;
  for (let i = 0; i < count; i++) {
    if (size[labels[i]] < 2) continue;
    const [e, f] = [noise[2 * i], noise[2 * i + 1]];
    const [u, v] = [latents[2 * i] + e, latents[2 * i + 1] + f];
    let nearest = Infinity;
    for (let j = 0; j < count; j++) {
      if (labels[j] !== labels[i] || j === i) continue;
      weights[j] = (u - latents[2 * j]) ** 2 + (v - latents[2 * j + 1]) ** 2;
      if (weights[j] < nearest) nearest = weights[j];
    }
    let sum = 0;
    for (let j = 0; j < count; j++)
      if (labels[j] === labels[i] && j !== i) sum += weights[j] = Math.exp(-half * (weights[j] - nearest));
    total += Math.log(size[labels[i]] - 1) + half * (nearest - e * e - f * f) - Math.log(sum);
    if (!slope) continue;
    for (let j = 0; j < count; j++) {
      if (labels[j] !== labels[i] || j === i) continue;
      const weight = (2 * half * betaPrime * weights[j]) / (sum * count);
      const du = weight * (u - latents[2 * j]);
      const dv = weight * (v - latents[2 * j + 1]);
      slope[2 * i] += du;
      slope[2 * i + 1] += dv;
      slope[2 * j] -= du;
      slope[2 * j + 1] -= dv;
    }
  }
  return total / count + 0.5 * K * Math.log(TWO_PI_E * noiseVariance);
}

// ------------------------------------------------------------------------------------------------ the network

// inputs → ReLU layers → f(x) → f(x) + ε → logits. `parameters` are one array in PyTorch's order: weight (out × in) and
// bias of each layer of the encoder, then those of the decoder.
export class Network {
  constructor(inputs, hidden, classes, capacity = CAPACITY) {
    const sizes = [inputs, ...hidden, K];
    let at = 0;
    const linear = (before, after) => {
      const layer = { before, after, weight: at, bias: at + before * after };
      at = layer.bias + after;
      return layer;
    };
    this.layers = sizes.slice(1).map((after, i) => linear(sizes[i], after));
    this.decoder = linear(K, classes);
    Object.assign(this, { classes, inputs, capacity, steps: 0 });
    for (const name of ["parameters", "gradient", "first", "second"]) this[name] = new Float32Array(at);
    this.values = sizes.map((size) => new Float32Array(size * capacity)); // what comes out of each layer
    this.slopes = sizes.map((size) => new Float32Array(size * capacity));
    this.noisy = new Float32Array(K * capacity);
    this.logits = new Float32Array(classes * capacity);
  }

  // As PyTorch does: uniform within 1/√inputs, weights and biases.
  initialise(random) {
    for (const { before, after, weight } of [...this.layers, this.decoder])
      for (let i = 0; i < (before + 1) * after; i++) this.parameters[weight + i] = (2 * random.uniform() - 1) / Math.sqrt(before);
  }

  // Images (count × inputs) to latents in `values.at(-1)`. `masks`, one array for each hidden layer, hold 0 or 1 / (1 − rate).
  encode(images, count, masks = null) {
    this.values[0] = images;
    this.layers.forEach(({ before, after, weight, bias }, l) => {
      const [into, from, p] = [this.values[l + 1], this.values[l], this.parameters];
      product(into, 0, after, count, after, from, 0, before, 1, p, weight, before, 1, before, p, bias);
      if (l === this.layers.length - 1) return;
      const mask = masks?.[l];
      for (let i = 0; i < count * after; i++) if (into[i] < 0) into[i] = 0;
      if (mask) for (let i = 0; i < count * after; i++) into[i] *= mask[i];
    });
    return this.values.at(-1);
  }

  decode(latents, noise, count) {
    const { weight, bias } = this.decoder;
    for (let i = 0; i < K * count; i++) this.noisy[i] = latents[i] + (noise ? noise[i] : 0);
    const p = this.parameters;
    product(this.logits, 0, this.classes, count, this.classes, this.noisy, 0, K, 1, p, weight, K, 1, K, p, bias);
    return this.logits;
  }

  // Loss of a batch and its gradient: {fit: H_q[Y|Z], surrogate} in nats; the loss is fit + β′ surrogate.
  learn({ images, labels, count, noise, masks = null, objective, betaPrime, noiseVariance }) {
    const latents = this.encode(images, count, masks);
    const logits = this.decode(latents, noise, count);
    const { classes, gradient, parameters: p } = this;
    let fit = 0;
    for (let i = 0, at = 0; i < count; i++, at += classes) {
      let largest = -Infinity;
      for (let c = 0; c < classes; c++) if (logits[at + c] > largest) largest = logits[at + c];
      const own = logits[at + labels[i]] - largest;
      let sum = 0;
      for (let c = 0; c < classes; c++) sum += logits[at + c] = Math.exp(logits[at + c] - largest);
      fit += Math.log(sum) - own;
      for (let c = 0; c < classes; c++) logits[at + c] /= sum * count;
      logits[at + labels[i]] -= 1 / count;
    }
    const { weight, bias } = this.decoder;
    product(gradient, weight, K, classes, K, logits, 0, 1, classes, this.noisy, 0, 1, K, count, null, 0);
    this.sumRows(bias, logits, classes, count);
    let slope = this.slopes.at(-1);
    product(slope, 0, K, count, K, logits, 0, classes, 1, p, weight, 1, K, classes, null, 0);
    const value = surrogate(objective, betaPrime, latents, noise, labels, count, classes, noiseVariance, slope);
    for (let l = this.layers.length - 1; l >= 0; l--) {
      const { before, after, weight, bias } = this.layers[l];
      const below = this.values[l];
      product(gradient, weight, before, after, before, slope, 0, 1, after, below, 0, 1, before, count, null, 0);
      this.sumRows(bias, slope, after, count);
      if (l === 0) break;
      const next = this.slopes[l];
      product(next, 0, before, count, before, slope, 0, after, 1, p, weight, 1, before, after, null, 0);
      const mask = masks?.[l - 1];
      for (let i = 0; i < count * before; i++) if (below[i] <= 0) next[i] = 0;
      if (mask) for (let i = 0; i < count * before; i++) next[i] *= mask[i];
      slope = next;
    }
    return { fit: fit / count, surrogate: value };
  }

  sumRows(into, values, columns, count) {
    for (let c = 0; c < columns; c++) {
      let sum = 0;
      for (let i = 0, at = c; i < count; i++, at += columns) sum += values[at];
      this.gradient[into + c] = sum;
    }
  }

  // Whether the last gradient can be followed in float32: its square, too, is a number.
  get finite() {
    let sum = 0;
    for (let i = 0; i < this.gradient.length; i++) sum += this.gradient[i] * this.gradient[i];
    return sum < 1e38;
  }

  // One step of Adam (Kingma and Ba 2015), with PyTorch's defaults.
  update(learningRate) {
    const { parameters, gradient, first, second } = this;
    this.steps++;
    const rate = learningRate / (1 - 0.9 ** this.steps);
    const scale = 1 / Math.sqrt(1 - 0.999 ** this.steps);
    for (let i = 0; i < parameters.length; i++) {
      const g = gradient[i];
      const m = (first[i] += 0.1 * (g - first[i]));
      const v = (second[i] = 0.999 * second[i] + 0.001 * g * g);
      parameters[i] -= (rate * m) / (Math.sqrt(v) * scale + 1e-8);
    }
  }
}

// ------------------------------------------------------------------------------------------------ measuring

// What is known of noisy latents Z = f(X) + ε on N inputs, exactly but for the noise's draws (N × 2 each): they are a mixture of
// N known Gaussians. In nats, as `ibteach.information.mixture.measure`.
export function measureMixture(latents, labels, draws, noiseVariance = NOISE) {
  const count = labels.length;
  const [classes, half] = [Math.max(...labels) + 1, 0.5 / noiseVariance];
  const size = new Float64Array(classes);
  for (const c of labels) size[c]++;
  const order = [...labels.keys()].sort((i, j) => labels[i] - labels[j]); // so that each class is a stretch
  const points = new Float64Array(K * count);
  order.forEach((i, place) => points.set([latents[2 * i], latents[2 * i + 1]], 2 * place));
  let [preserved, redundant] = [0, 0];
  for (const noise of draws) {
    for (let place = 0, start = 0, stop = 0, c = -1; place < count; place++) {
      while (place >= stop) [start, stop] = [stop, stop + size[++c]];
      const i = order[place];
      const [e, f] = [noise[2 * i], noise[2 * i + 1]];
      const [u, v] = [points[2 * place] + e, points[2 * place + 1] + f];
      const own = half * (e * e + f * f);
      const among = (from, to) => {
        let sum = 0;
        for (let j = from; j < to; j++) {
          const x = u - points[2 * j];
          const y = v - points[2 * j + 1];
          const exponent = own - half * (x * x + y * y);
          if (exponent > -40) sum += Math.exp(exponent); // its own term is 1, beside which the rest is nothing
        }
        return sum;
      };
      const within = among(start, stop);
      preserved += Math.log(count / (among(0, start) + within + among(stop, count)));
      redundant += Math.log(size[c] / within);
    }
  }
  preserved /= count * draws.length;
  redundant /= count * draws.length;
  let labelEntropy = 0;
  for (const n of size) if (n) labelEntropy -= (n / count) * Math.log(n / count);
  const floor = 0.5 * K * Math.log(TWO_PI_E * noiseVariance); // H[ε]
  const relevant = preserved - redundant;
  return {
    latent_entropy: preserved + floor,
    reverse_decoder_uncertainty: redundant + floor,
    preserved_information: preserved,
    redundant_information: redundant,
    preserved_relevant_information: relevant,
    decoder_uncertainty: labelEntropy - relevant,
    label_entropy: labelEntropy,
    ceiling: Math.log(count),
  };
}

// ------------------------------------------------------------------------------------------------ training

const DRAWS = 4; // of the noise, behind every measured cross-entropy
const KEPT = 33; // states of a training that are kept; then every second one is dropped
const PATH = 400; // points of its path through the information plane
const ANSWERED = 5; // steps after a change of a setting without a point of the path

// Training on `data` ({inputs, classes, mean, deviation, images, labels, train}: pixels as bytes, the first `train` to learn
// from, the rest to test), under `settings` that may change from one step to the next.
export class Training {
  constructor(data, settings) {
    this.data = data;
    this.images = Float32Array.from(data.images, (pixel) => (pixel - data.mean) / data.deviation);
    this.test = data.labels.length - data.train;
    this.measured = Math.min(this.test, data.train); // examples of each split
    this.start(settings);
  }

  start(settings, parameters = null) {
    this.settings = settings;
    this.history = [];
    const { inputs, classes, train } = this.data;
    const from = (name) => new Random(settings.seed, name);
    this.network = new Network(inputs, settings.hidden, classes, Math.max(CAPACITY, this.measured));
    this.network.initialise(from("parameters"));
    if (parameters) this.network.parameters.set(parameters);
    this.order = [...Array(train).keys()];
    this.place = train; // the first batch begins with a new order
    this.chance = { order: from("order"), noise: from("noise"), dropout: from("dropout") };
    const labels = from("labels");
    this.wrong = Array.from({ length: train }, () => [labels.uniform(), Math.floor(labels.uniform() * classes)]);
    const measuring = from("measuring");
    const deviation = Math.sqrt(NOISE);
    this.draws = Array.from({ length: DRAWS }, () => measuring.normal(new Float32Array(K * this.measured), deviation));
    this.exactDraws = [0, 1].map(() => measuring.normal(new Float64Array(K * this.test), deviation));
    Object.assign(this, { step: 0, examples: 0, diverged: null, every: 1, kept: [], path: [], turned: 0 });
    this.configure(settings);
    this.keep();
    this.walk();
  }

  // Settings that take hold with the next step. Sizes and seed belong to `start`.
  configure(settings) {
    const { train } = this.data;
    const { randomLabels } = settings;
    if (this.labels === undefined || this.share !== randomLabels || this.seed !== settings.seed) {
      this.labels = this.labelled(randomLabels);
      [this.share, this.seed] = [randomLabels, settings.seed];
    }
    const rows = Math.min(settings.batchSize, train, CAPACITY);
    if (this.batch?.rows !== rows || this.batch.network !== this.network) {
      const masks = this.network.layers.slice(0, -1).map(({ after }) => new Float32Array(rows * after));
      const images = new Float32Array(rows * this.data.inputs);
      this.batch = { rows, images, masks, labels: new Uint8Array(rows), noise: new Float32Array(K * rows), network: this.network };
    }
    const { objective, gamma, betaPrime, noise, dropout, learningRate, batchSize } = settings;
    const entry = { step: this.step, objective, gamma, betaPrime, noise, dropout, learningRate, batchSize, randomLabels };
    this.turned = this.step;
    const last = this.history.at(-1);
    const same = last && Object.keys(entry).every((name) => name === "step" || entry[name] === last[name]);
    if (last?.step === this.step) this.history.pop();
    if (!same || last.step === this.step) this.history.push(entry);
    this.settings = settings;
    this.diverged = null;
  }

  // The labels to learn from, that share of them random.
  labelled(share) {
    const right = this.data.labels.subarray(0, this.data.train);
    return Uint8Array.from(right, (label, i) => (this.wrong[i][0] < share ? this.wrong[i][1] : label));
  }

  // What the last step was made with: a setting that was moved since has changed nothing yet.
  get trained() {
    return this.history.filter(({ step }) => step < this.step).at(-1) ?? this.history.at(-1);
  }

  get epoch() {
    return this.examples / this.data.train;
  }

  draw() {
    const { rows, images, labels, noise, masks } = this.batch;
    const { inputs } = this.data;
    if (this.place + rows > this.order.length) {
      this.chance.order.shuffle(this.order);
      this.place = 0;
    }
    for (let i = 0; i < rows; i++) {
      const from = this.order[this.place + i];
      for (let j = 0, at = from * inputs; j < inputs; j++) images[i * inputs + j] = this.images[at + j];
      labels[i] = this.labels[from];
    }
    this.place += rows;
    const { noise: noisy, dropout } = this.settings;
    if (noisy) this.chance.noise.normal(noise, Math.sqrt(NOISE));
    else noise.fill(0);
    const keep = 1 / (1 - dropout);
    if (dropout > 0)
      for (const mask of masks) for (let i = 0; i < mask.length; i++) mask[i] = this.chance.dropout.uniform() < dropout ? 0 : keep;
  }

  // One step; false where it would leave the numbers that float32 has. Nothing is changed then.
  advance() {
    this.draw();
    const { images, labels, rows, noise, masks } = this.batch;
    const { objective, betaPrime, learningRate, dropout } = this.settings;
    const noiseVariance = this.settings.noise ? NOISE : 0;
    const dropped = dropout > 0 ? masks : null;
    const lost = this.network.learn({ images, labels, count: rows, noise, masks: dropped, objective, betaPrime, noiseVariance });
    const loss = lost.fit + (betaPrime > 0 ? betaPrime * lost.surrogate : 0);
    if (!(Math.abs(loss) < RUNAWAY) || !this.network.finite) {
      const term = !(lost.fit < RUNAWAY) ? "cross-entropy" : Math.abs(loss) < RUNAWAY ? "gradient" : "surrogate";
      this.diverged = { step: this.step + 1, term };
      return false;
    }
    this.network.update(learningRate);
    this.step++;
    this.examples += rows;
    if (this.epoch >= this.kept.at(-1).epoch + this.every) this.keep();
    // The path is measured step by step at first, then ever more rarely; more often again after a change of a setting, but
    // not in its first steps: what a control does is seen before it is measured.
    const since = this.step - this.turned;
    const every = Math.min(200, Math.max(this.turned ? 50 : 1, 0.15 * since));
    if (this.step - this.path.at(-1).step >= every && (!this.turned || since > ANSWERED)) this.walk();
    return true;
  }

  // One more point of the path through the information plane, on the test digits. Without noise there is none.
  walk() {
    const labels = this.data.labels.subarray(this.data.train);
    const found = this.settings.noise ? measureMixture(this.latents(this.data.train, this.test), labels, this.exactDraws) : null;
    this.path.push({ step: this.step, x: found?.preserved_information ?? NaN, y: found?.preserved_relevant_information ?? NaN });
    if (this.path.length > PATH) this.path = this.path.filter((_, i) => i % 2 === 0);
  }

  // Parameters as they are, with the epoch that has ended or is under way; what was kept of the same epoch gives way.
  keep() {
    const epoch = Math.ceil(this.epoch - 1e-9);
    if (this.kept.at(-1)?.epoch === epoch) this.kept.pop();
    this.kept.push({ epoch, step: this.step, parameters: this.network.parameters.slice() });
    if (this.kept.length > KEPT) {
      this.kept = this.kept.filter((_, i) => i % 2 === 0);
      this.every *= 2;
    }
  }

  latents(first, count) {
    const { inputs } = this.data;
    return this.network.encode(this.images.subarray(first * inputs, (first + count) * inputs), count);
  }

  // What moves from picture to picture: the test digits in the plane, and the decoder.
  look() {
    const latents = this.latents(this.data.train, this.test).slice(0, K * this.test);
    const { weight } = this.network.decoder;
    return { step: this.step, epoch: this.epoch, latents, decoder: this.network.parameters.slice(weight) };
  }

  // Everything that is said in numbers, of the same number of training and of test examples. Dropout is off.
  measure() {
    const found = { step: this.step, epoch: this.epoch };
    const { objective, noise } = this.settings;
    const { classes, train } = this.data;
    const noiseVariance = noise ? NOISE : 0;
    for (const split of ["train", "test"]) {
      const first = split === "train" ? 0 : train;
      const labels = split === "train" ? this.labels : this.data.labels.subarray(train);
      const latents = Float64Array.from(this.latents(first, this.measured).subarray(0, K * this.measured));
      found[split] = this.fit(latents, labels, noise);
      const value = (name) => surrogate(name, 1, latents, this.draws[0], labels, this.measured, classes, noiseVariance, null);
      const defined = [...Object.keys(SURROGATES), "mixture"].filter((name) => noise || !NEEDS_NOISE.includes(name));
      found[split].bounds = Object.fromEntries((split === "test" ? defined : [objective]).map((name) => [name, value(name)]));
      if (split === "test" && noise) found.information = measureMixture(latents, labels, this.exactDraws);
    }
    return found;
  }

  fit(latents, labels, noisy) {
    const { network, measured: count } = this;
    const { classes } = network;
    const mean = new Float64Array(count * classes);
    let [fit, wrong] = [0, 0];
    for (const noise of noisy ? this.draws : this.draws.slice(0, 1)) {
      const logits = network.decode(latents, noisy ? noise : null, count);
      for (let i = 0, at = 0; i < count; i++, at += classes) {
        let largest = -Infinity;
        for (let c = 0; c < classes; c++) largest = Math.max(largest, logits[at + c]);
        let sum = 0;
        for (let c = 0; c < classes; c++) sum += Math.exp(logits[at + c] - largest);
        fit += Math.log(sum) - logits[at + labels[i]] + largest;
        for (let c = 0; c < classes; c++) mean[at + c] += Math.exp(logits[at + c] - largest) / sum;
      }
    }
    for (let i = 0; i < count; i++) {
      let best = 0;
      for (let c = 1; c < classes; c++) if (mean[i * classes + c] > mean[i * classes + best]) best = c;
      if (best !== labels[i]) wrong++;
    }
    return { decoder_cross_entropy: fit / (count * (noisy ? DRAWS : 1)), argmax_error: wrong / count };
  }
}
