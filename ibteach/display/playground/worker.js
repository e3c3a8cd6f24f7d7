// The training in a thread of its own, so that no control ever waits for it. It follows `engine.js` in one module. Messages in:
// open, set, train, step, keep, seen; messages out: picture (at most one unseen), kept.

const TURN = 4; // milliseconds of training between two looks at the messages
const ANSWER = 2; // milliseconds of training before the picture that answers a control
const MEASURED = 500; // milliseconds between measurements of everything while it trains, twice that while a hand moves a control

let training = null;
let [running, seen, version, frame, speed] = [false, true, 0, 33, Infinity];
let [shown, hand, queued, held] = [0, false, false, false]; // `hand`: a control waits for its answer; `held`: the training for the page
let [drawn, measured, rested, clock, counted] = [-Infinity, -Infinity, true, 0, 0];

const { port1, port2 } = new MessageChannel(); // a turn to come, without the 4 ms that timers are held back by
port2.onmessage = () => {
  queued = false;
  turn();
};
const again = (wait = 0) => {
  if (queued) return;
  queued = true;
  if (wait) setTimeout(() => port1.postMessage(null), wait);
  else port1.postMessage(null);
};

const handlers = {
  open({ data, settings, parameters, frame: every }) {
    frame = every;
    if (data) training = new Training(data, settings);
    else training.start(settings, parameters);
    running = false;
  },
  set({ settings }) {
    training.configure(settings);
  },
  train({ on }) {
    running = on;
    [clock, counted] = [performance.now(), training.step];
  },
  step() {
    running = false;
    training.advance();
  },
  keep() {
    training.keep();
    const { kept, history, step, settings } = training;
    const share = training.trained.randomLabels;
    const labels = share > 0 ? training.labelled(share) : null;
    postMessage({ kind: "kept", kept, history, step, settings, labels });
  },
  seen() {
    seen = true;
    hand &&= shown !== version;
    if (held) again();
    held = false;
  },
};

self.onmessage = ({ data }) => {
  if (data.version !== undefined) version = data.version;
  if (data.speed !== undefined && data.speed !== speed) {
    speed = data.speed;
    if (training) [clock, counted] = [performance.now(), training.step];
  }
  const resting = !running;
  handlers[data.kind](data);
  if (data.kind === "seen" || data.kind === "keep") return resting ? rest() : undefined;
  rested = false;
  [drawn, measured] = [-Infinity, data.kind === "set" && running ? measured : -Infinity];
  if (!running) return rest();
  if (resting) return again();
  hand = true;
  if (seen) train(ANSWER, 2 * MEASURED);
};

function turn() {
  if (!running) return rest();
  if (hand && !seen) return (held = true); // the page has the core to itself until it has drawn the answer
  const late = hand ? train(ANSWER, 2 * MEASURED) : train(TURN, MEASURED);
  if (!running) return;
  again(late ? 0 : 4); // slower than it could: it waits
}

// Training for some milliseconds, and a picture of it where one is due; whether there is more to train at once.
function train(milliseconds, patience) {
  const end = performance.now() + milliseconds;
  const due = () => counted + ((performance.now() - clock) * speed) / 1000;
  let late = true;
  while (running && (late = training.step < due()) && performance.now() < end) running = training.advance();
  if (!running) rested = false;
  show(!running, patience);
  return late;
}

// Once it stands still, the picture is of where it stands, measured in full.
function rest() {
  if (training && !rested && seen) {
    show(true, 0);
    rested = true;
  }
}

function show(whole, patience) {
  const now = performance.now();
  if (!seen || (!whole && now - drawn < frame)) return;
  const full = whole || now - measured > patience;
  const picture = { kind: "picture", version, running, ...training.look(), trained: training.trained, diverged: training.diverged };
  if (full) Object.assign(picture, { measured: training.measure(), path: training.path });
  postMessage(picture);
  [seen, drawn, shown] = [false, now, version];
  if (full) measured = performance.now();
  if (!running) rested = true;
}
