// A prediction before its answer: the reader votes, or asks to see, and only then the outputs below it and the answer in
// the prose appear. What waits is folded by one class on the outputs' own row, so that an output that arrives later waits
// too; where a front end has no such row, everything is open. It stands after page.js.

const VOTE = "ibteach:predict:"; // + its name; what a reader voted, or "" for one who only asked
const SHOW_ALL = "ibteach:predict-all"; // set by those who read
const CHANGED = "ibteach-predict"; // told to all predictions of the page

const kept = {
  get(key) {
    try {
      return localStorage.getItem(key);
    } catch {
      return null; // a page that may not keep anything
    }
  },
  set(key, value) {
    try {
      if (value === null) localStorage.removeItem(key);
      else localStorage.setItem(key, value);
    } catch {}
  },
};

// JupyterLab and Notebook, classic front ends and Colab, documentation sites, or what a page marks as such.
const OUTPUTS = ".jp-OutputArea, .output_wrapper .output, .outputview > div, .cell_output, [data-ibteach-outputs]";

function rowOf(node) {
  const outputs = node.parentElement?.closest(OUTPUTS);
  while (outputs && node.parentElement !== outputs) node = node.parentElement;
  return outputs ? node : null;
}

const list = (words) => (words.length < 2 ? words.join() : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`);

function ask(el, { id, choices, answer }, tell = () => {}) {
  const said = make("p", { role: "status" });
  const buttons = [...choices, null].map((choice) => {
    const button = make("button", { type: "button" }, choice ?? (choices.length ? "just show" : "show what comes out"));
    button.addEventListener("click", () => decide(choice ?? ""));
    return button;
  });
  const again = make("button", { type: "button" }, choices.length ? "ask again" : "fold again");
  again.addEventListener("click", () => decide(null));
  const all = make("input", { type: "checkbox" });
  all.addEventListener("change", () => {
    kept.set(SHOW_ALL, all.checked ? "yes" : null);
    window.dispatchEvent(new CustomEvent(CHANGED));
  });
  const head = make("span", { class: "ibteach-ask" }, choices.length ? "Your prediction:" : "Your prediction first. Then:");
  const root = make("section", { class: "ibteach-predict-box", "aria-label": `Prediction ${id}`, "data-predict-id": id }, head,
    make("span", { class: "ibteach-votes" }, ...buttons), said, again, make("label", {}, all, " show all"));
  root.addEventListener("keydown", (event) => {
    const place = Number(event.key) - 1;
    if (!root.classList.contains("ibteach-answered") && choices[place] && !event.ctrlKey && !event.metaKey && !event.altKey) decide(choices[place]);
  });
  el.append(root);
  const release = keepKeys(root);
  let row = null;

  function decide(vote) {
    kept.set(VOTE + id, vote);
    tell(vote);
    const focused = root.contains(document.activeElement);
    window.dispatchEvent(new CustomEvent(CHANGED, { detail: id }));
    if (focused) (vote === null ? buttons[0] : again).focus();
  }

  function show() {
    const vote = kept.get(VOTE + id);
    const everything = kept.get(SHOW_ALL) !== null;
    const open = everything || vote !== null;
    all.checked = everything;
    root.classList.toggle("ibteach-answered", open);
    again.hidden = vote === null || everything;
    const right = vote === answer;
    said.textContent = vote ? (right ? `You said “${vote}”, and so it is.` : `You said “${vote}”. It is “${answer}”.`) : open && answer ? `It is “${answer}”.` : "";
    said.dataset.right = vote ? right : "";
    row ??= rowOf(el);
    row?.classList.toggle("ibteach-waits", !open);
    for (const prose of document.querySelectorAll(`details.answer-${id}`)) prose.open = open;
  }

  const follow = ({ detail }) => (detail === null || detail === id) && show();
  window.addEventListener(CHANGED, follow);
  const elsewhere = ({ key }) => (key === null || key === VOTE + id || key === SHOW_ALL) && show(); // another page of the course
  window.addEventListener("storage", elsewhere);
  if (kept.get(VOTE + id) !== null) tell(kept.get(VOTE + id)); // of another day
  show();
  // An output is rendered before it is put into its row.
  const settled = row ? 0 : requestAnimationFrame(show);
  return () => {
    cancelAnimationFrame(settled);
    release();
    window.removeEventListener(CHANGED, follow);
    window.removeEventListener("storage", elsewhere);
    row?.classList.remove("ibteach-waits");
  };
}

function render({ model, el }) {
  const tell = (vote) => {
    try {
      model.set("vote", vote);
      model.save_changes();
    } catch {} // there is no kernel: a vote is kept all the same
  };
  return ask(el, model.get("_spec"), tell);
}

// Every prediction below `root` that a page without a kernel holds as text/html.
function upgradeAll(root = document) {
  for (const node of root.querySelectorAll(".ibteach-predict[data-predict]:empty")) ask(node, JSON.parse(node.dataset.predict));
}

export { upgradeAll };
export default { render };
