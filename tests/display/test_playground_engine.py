"""The playground's engine in Node: it computes what PyTorch does, learns, and keeps its last finite state."""

import importlib.util
import json
import shutil
import subprocess
from pathlib import Path

import pytest

from ibteach.display.playground import widget

NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(NODE is None, reason="no Node on this machine: the browser tests run the same engine")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Runs a JavaScript function of the engine and one JSON value; what it returns."""
    folder = tmp_path_factory.mktemp("engine")
    (folder / "engine.mjs").write_text((widget.FOLDER / "engine.js").read_text(encoding="utf-8"), encoding="utf-8")

    def call(program, question):
        (folder / "question.json").write_text(json.dumps(question), encoding="utf-8")
        (folder / "run.mjs").write_text(
            'import * as engine from "./engine.mjs";\nimport { readFileSync } from "node:fs";\n'
            'const question = JSON.parse(readFileSync(new URL("question.json", import.meta.url)));\n'
            f"console.log(JSON.stringify(({program})(engine, question)));\n",
            encoding="utf-8",
        )
        done = subprocess.run([NODE, folder / "run.mjs"], capture_output=True, encoding="utf-8", timeout=300)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return call


def oracle():
    source = Path(__file__).with_name("playground_oracle.py")
    spec = importlib.util.spec_from_file_location("playground_oracle", source)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_it_computes_what_pytorch_does(run):
    module = oracle()
    both = module.Both()
    both.agrees(run(module.PROGRAM, both.question()))


# A training on the real digits, with what the page would be told.
TRAINING = """(engine, { spec, settings, then }) => {
  const data = {
    ...spec, inputs: 64,
    images: Uint8Array.from(spec.pixels, (sign) => sign.charCodeAt(0) - 97),
    labels: Uint8Array.from(spec.labels, Number),
  };
  const training = new engine.Training(data, settings);
  const advance = (steps) => { for (let i = 0; i < steps; i++) if (!training.advance()) return; };
  return (THEN)(training, advance, settings);
}"""
SETTINGS = {
    **{"objective": "log-variance", "gamma": 0.01, "betaPrime": 0.02, "noise": True, "dropout": 0},
    **{"learningRate": 0.01, "batchSize": 64, "randomLabels": 0, "hidden": [32, 32], "seed": 0},
}


@pytest.fixture
def train(run):
    spec = {name: widget._spec()[name] for name in ("pixels", "labels", "train", "classes", "mean", "deviation")}

    def call(then, **settings):
        return run(TRAINING.replace("THEN", then), {"spec": spec, "settings": SETTINGS | settings})

    return call


def test_it_learns_the_digits_from_the_seed_alone(train):
    then = "(t, advance) => { advance(800); return [t.measure().test.argmax_error, [...t.network.parameters]]; }"
    first, again, other = train(then), train(then), train(then, seed=1)
    assert first == again and first[1] != other[1]
    assert first[0] < 0.08 and other[0] < 0.1


def test_it_measures_in_order(train):
    """The chain of bounds holds, and nothing leaves the information plane."""
    found = train("(t, advance) => { advance(300); return t.measure(); }")
    bounds, information = found["test"]["bounds"], found["information"]
    chain = [information["reverse_decoder_uncertainty"], *(bounds[name] for name in (
        "log-determinant", "log-variance", "pooled-log-variance", "isotropic-log-variance", "log-power", "l2"
    ))]  # fmt: skip
    assert chain == sorted(chain)
    assert bounds["log-variance"] <= bounds["variance"] <= bounds["l2"]
    assert bounds["mixture"] > information["reverse_decoder_uncertainty"]
    assert 0 < information["preserved_information"] < information["ceiling"]
    assert information["preserved_relevant_information"] < information["label_entropy"]
    assert found["train"]["decoder_cross_entropy"] < found["test"]["decoder_cross_entropy"]


def test_gamma_moves_while_it_trains(train):
    then = """(t, advance, settings) => {
      advance(400);
      const before = t.measure().information.reverse_decoder_uncertainty;
      t.configure({ ...settings, gamma: 1, betaPrime: 2 });
      advance(400);
      const after = t.measure().information.reverse_decoder_uncertainty;
      return [before, after, t.history.map((one) => [one.step, one.gamma])];
    }"""
    before, after, history = train(then)
    assert after < before / 2
    assert history == [[0, 0.01], [400, 1]]


def test_a_setting_moved_after_the_last_step_is_not_what_was_trained_with(train):
    then = """(t, advance, settings) => {
      t.configure({ ...settings, randomLabels: 0.3 });
      const untrained = t.trained.randomLabels;
      advance(20);
      const learnt = [...t.labels];
      t.configure({ ...settings, objective: "l2", gamma: 10, betaPrime: 1.17, randomLabels: 0 });
      const { objective, gamma, randomLabels } = t.trained;
      const same = t.labelled(randomLabels).every((label, i) => label === learnt[i]);
      advance(1);
      return [untrained, objective, gamma, randomLabels, same, t.trained.objective];
    }"""
    assert train(then) == [0.3, "log-variance", 0.01, 0.3, True, "l2"]


def test_random_labels_of_a_smaller_share_are_among_those_of_a_larger_one(train):
    then = """(t, advance, settings) => [0, 0.3, 0.6].map((randomLabels) => {
      t.configure({ ...settings, randomLabels });
      return [...t.labels];
    })"""
    true, some, more = train(then)
    hit = [[i for i, (a, b) in enumerate(zip(true, labels, strict=True)) if a != b] for labels in (some, more)]
    assert set(hit[0]) < set(hit[1])
    assert 0.2 < len(hit[0]) / len(true) < 0.34  # nine in ten of three in ten
    assert all(some[i] == more[i] for i in hit[0])


def test_what_diverges_stops_and_keeps_its_last_state(train):
    """A learning rate a hundred times too high throws the latents so far that their squares are all there is."""
    then = """(t, advance) => {
      for (let i = 0; i < 500; i++) {
        const before = [...t.network.parameters];
        if (t.advance()) continue;
        const { parameters } = t.network;
        const same = before.every((p, j) => p === parameters[j]);
        return { step: t.step, diverged: t.diverged, same, finite: parameters.every(Number.isFinite) };
      }
      return null;
    }"""
    found = train(then, objective="l2", gamma=10, betaPrime=1.17, learningRate=1)
    assert found["diverged"]["step"] == found["step"] + 1 and found["same"] and found["finite"]
    assert found["diverged"]["term"] == "surrogate"


@pytest.mark.parametrize("settings", [{"batchSize": 16}, {"dropout": 0.8}, {"hidden": [32]}, {"objective": "none"}])
def test_every_size_and_rate_stays_finite(train, settings):
    found = train("(t, advance) => { advance(200); return [t.step, t.measure().train]; }", **settings)
    assert found[0] == 200 and found[1]["decoder_cross_entropy"] < 2.2


def test_as_many_states_are_kept_as_can_be(train):
    found = train("(t, advance) => { advance(3000); t.keep(); return t.kept.map((one) => one.epoch); }")
    assert found[0] == 0 and 16 <= len(found) <= 33 and found == sorted(set(found))
    assert found[-1] == -(-3000 * 64 // 1297)
