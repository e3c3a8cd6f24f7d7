// Exercises on a page: an answer in numbers is compared by its hash, to as many digits as it has (`canonical`); what was
// right is kept in this browser, and shown beside the chapter's name in the contents. Nothing is sent anywhere.

const KEPT = "ibteach:exercise:";
const [DIGITS, MOST_DIGITS, TINY] = [3, 5, 1e-5];

function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

// SHA-256 of a text. The browser's own is missing on pages that come without encryption, such as from a server in the room.
const PRIMES = (() => {
  const found = [];
  for (let n = 2; found.length < 64; n++) if (found.every((p) => n % p)) found.push(n);
  return found;
})();
const fraction = (x) => Math.floor((x - Math.floor(x)) * 2 ** 32) | 0;
const START = PRIMES.slice(0, 8).map((p) => fraction(Math.sqrt(p)));
const ROUND = PRIMES.map((p) => fraction(Math.cbrt(p)));

export function sha256(text) {
  const bytes = new TextEncoder().encode(text);
  const words = new Int32Array((((bytes.length + 8) >> 6) + 1) * 16);
  bytes.forEach((byte, i) => (words[i >> 2] |= byte << (24 - 8 * (i % 4))));
  words[bytes.length >> 2] |= 0x80 << (24 - 8 * (bytes.length % 4));
  words[words.length - 1] = bytes.length * 8;
  const turn = (x, by) => (x >>> by) | (x << (32 - by));
  let state = [...START];
  for (let block = 0; block < words.length; block += 16) {
    const w = Array.from(words.subarray(block, block + 16));
    for (let i = 16; i < 64; i++) {
      const near = turn(w[i - 15], 7) ^ turn(w[i - 15], 18) ^ (w[i - 15] >>> 3);
      const far = turn(w[i - 2], 17) ^ turn(w[i - 2], 19) ^ (w[i - 2] >>> 10);
      w[i] = (w[i - 16] + near + w[i - 7] + far) | 0;
    }
    let [a, b, c, d, e, f, g, h] = state;
    for (let i = 0; i < 64; i++) {
      const one = (h + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + ((e & f) ^ (~e & g)) + ROUND[i] + w[i]) | 0;
      const two = ((turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      [h, g, f, e, d, c, b, a] = [g, f, e, (d + one) | 0, c, b, a, (one + two) | 0];
    }
    state = [a, b, c, d, e, f, g, h].map((x, i) => (x + state[i]) | 0);
  }
  return state.map((x) => (x >>> 0).toString(16).padStart(8, "0")).join("");
}

// Of each number as many digits as it has, from three to five; of what is counted, all of them. What is tiny is zero.
function written(number, whole, most) {
  const x = Math.abs(number) < TINY ? 0 : number;
  if (whole && Number.isSafeInteger(x)) return String(x);
  const digits = x.toExponential().replace(/e.*|\D/g, "").length;
  return x.toExponential(Math.min(Math.max(digits, DIGITS), most) - 1);
}
export const canonical = (numbers, whole, most = MOST_DIGITS) => numbers.map((x) => written(x, whole, most)).join(" ");
const hashed = ({ salt, whole }, numbers, most) => sha256(`${salt} ${canonical(numbers, whole, most)}`).slice(0, 16);

// A number as people write it: 0.25, .25, 0,25, −3, 2e-3 or 1/4, and what is counted as 295424, 295,424 or 295 424. Null for
// anything else.
export function read(text, whole) {
  const joined = whole ? text.replace(/(\d)[,\s'’](?=\d{3}(?!\d))/g, "$1") : text;
  const plain = joined.trim().replace(/[−–]/g, "-").replace(",", ".");
  const number = String.raw`[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?`;
  const found = new RegExp(`^(${number})(?:\\s*/\\s*(${number}))?$`, "i").exec(plain);
  if (!found) return null;
  const value = Number(found[1]) / Number(found[2] ?? 1);
  return Number.isFinite(value) ? value : null;
}

export function judge(exercise, texts) {
  const numbers = texts.map((text) => read(text, exercise.whole));
  if (texts.every((text) => !text.trim())) return { said: "Write a number." };
  if (numbers.includes(null)) return { said: "That is no number; write it as 0.25 or 1/4." };
  const digest = hashed(exercise, numbers);
  if (exercise.right.includes(digest)) return { right: true, said: `Right: ${exercise.title}.` };
  const known = Object.keys(exercise.wrong).find((said) => exercise.wrong[said].includes(digest));
  const near = exercise.right.includes(hashed(exercise, numbers, DIGITS));
  return { said: known ?? (near ? exercise.near : "Not right yet: the right kind of thing, with another value.") };
}

// What was right before, also after the page was closed. What a browser does not keep is remembered until then.
const memory = new Set();
export const progress = {
  has(name) {
    try {
      return memory.has(name) || localStorage.getItem(KEPT + name) === "right";
    } catch {
      return false;
    }
  },
  keep(name) {
    try {
      localStorage.setItem(KEPT + name, "right");
    } catch {
      memory.add(name);
    }
    document.dispatchEvent(new Event("ibteach:progress"));
  },
  clear() {
    memory.clear();
    try {
      for (const key of Object.keys(localStorage)) if (key.startsWith(KEPT)) localStorage.removeItem(key);
    } catch {}
    document.dispatchEvent(new Event("ibteach:progress"));
  },
};

// Another page of the course is open, where something was answered or forgotten.
addEventListener("storage", () => document.dispatchEvent(new Event("ibteach:progress")));

function mountNumber(root, exercise) {
  let tries = 0;
  const unit = exercise.unit ? `, in ${exercise.unit}` : "";
  const several = exercise.count > 1;
  const inputs = Array.from({ length: exercise.count }, (_, i) =>
    make("input", {
      type: "text",
      inputmode: "text",
      autocomplete: "off",
      spellcheck: "false",
      "aria-label": `Answer to ${exercise.name}${unit}${several ? `, number ${i + 1} of ${exercise.count}` : ""}`,
    }),
  );
  const said = make("p", { class: "ibteach-said", role: "status" });
  const label = make("span", { class: "ibteach-ask" }, `${exercise.name}: your ${several ? "answers" : "answer"}${unit}`);
  const form = make("form", { "aria-label": `Exercise ${exercise.name}` }, label, ...inputs, make("button", { type: "submit" }, "Check"), said);
  const show = () => {
    const right = progress.has(exercise.name);
    root.toggleAttribute("data-right", right);
    if (right && !said.textContent) say("Right, answered before.", true);
    if (!right && "right" in said.dataset) say("");
  };
  const say = (text, right = false) => {
    said.textContent = text;
    said.toggleAttribute("data-right", right);
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const found = judge(exercise, inputs.map((input) => input.value));
    const wrong = !found.right && inputs.some((input) => read(input.value, exercise.whole) !== null);
    if (wrong) tries += 1;
    const hints = wrong ? exercise.hints.slice(0, tries) : [];
    say([found.said, ...hints.map((hint, i) => (i ? hint : `Hint: ${hint}`))].join(" "), found.right);
    for (const input of inputs) input.setAttribute("aria-invalid", String(!found.right));
    if (found.right) progress.keep(exercise.name);
  });
  document.addEventListener("ibteach:progress", show);
  root.replaceChildren(form);
  show();
}

function mountCode(root, { name, launch }) {
  const text = launch
    ? make("p", {}, `${name} asks for code. `, make("a", { href: launch, rel: "noopener" }, "Open this chapter on Colab"), " and answer it there.")
    : make("p", {}, `${name} asks for code: answer it in the notebook, which checks it.`);
  root.replaceChildren(text);
}

// Beside each chapter in the contents: how many of its exercises were answered. Below the contents: a way to forget it.
function mountProgress(chapters, contents) {
  const links = [...contents.querySelectorAll("a[href]")].flatMap((link) => {
    const number = /\/(\d\d)_[^/]*$/.exec(link.pathname)?.[1];
    return number in chapters ? [{ link, names: chapters[number], mark: make("span", { class: "ibteach-progress" }) }] : [];
  });
  for (const { link, mark } of links) link.append(mark);
  const clear = make("button", { type: "button", class: "ibteach-clear" }, "Forget my answers");
  clear.addEventListener("click", () => progress.clear());
  contents.append(clear);
  const show = () => {
    let all = 0;
    for (const { names, mark } of links) {
      const right = names.filter((name) => progress.has(name)).length;
      all += right;
      mark.textContent = right ? ` ${right}/${names.length}` : "";
      mark.title = right ? `${right} of ${names.length} exercises answered` : "";
    }
    clear.hidden = !all;
  };
  document.addEventListener("ibteach:progress", show);
  show();
}

export function mountExercises(root) {
  for (const node of root.querySelectorAll(".ibteach-exercise:not([data-mounted])")) {
    node.dataset.mounted = "";
    const exercise = JSON.parse(node.dataset.exercise);
    (exercise.right ? mountNumber : mountCode)(node, exercise);
  }
}

mountExercises(document);
const contents = document.querySelector(".sidebar-tree");
if (contents) mountProgress(await (await fetch(new URL("exercises.json", import.meta.url))).json(), contents);
