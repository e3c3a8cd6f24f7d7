"""The playground against PyTorch: steps a second of the same network, alternately, on the same core.

In headless Chromium, while 30 pictures a second are drawn: steps and pictures a second, how long a control takes to
answer (from the event to the picture that knows of it), seconds from the click to 8 % test error, seconds to the first
picture, bytes. In Node: the engine alone. Ends with ``ratio: browser / PyTorch``, then the engine's.

    python -m benchmarks.playground [rounds]
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch

from ibteach import data, networks, training
from ibteach.display.playground import playground, widget
from ibteach.information.continuous import ZERO_ENTROPY_VARIANCE, zero_entropy_noise
from ibteach.objectives import OBJECTIVES, decoder_log_likelihood, moments

SECONDS = 4.0
NODE = """import * as engine from "./engine.mjs";
import { readFileSync } from "node:fs";
const { spec, settings, seconds } = JSON.parse(readFileSync(new URL("question.json", import.meta.url)));
const images = Uint8Array.from(spec.pixels, (sign) => sign.charCodeAt(0) - 97);
const labels = Uint8Array.from(spec.labels, Number);
const training = new engine.Training({ ...spec, inputs: 64, images, labels }, settings);
for (let i = 0; i < 500; i++) training.advance();
const start = performance.now();
let steps = 0;
while (performance.now() - start < 1000 * seconds) for (let i = 0; i < 20; i++, steps++) training.advance();
console.log((1000 * steps) / (performance.now() - start));
"""
SETTINGS = {
    "objective": "log-variance",
    "gamma": 0.01,
    "betaPrime": 0.02,
    "noise": True,
    "dropout": 0,
    "learningRate": 0.01,
    "batchSize": 64,
    "randomLabels": 0,
    "hidden": [32, 32],
    "seed": 0,
}


def pytorch(seconds=SECONDS) -> float:
    """Steps a second of one network by itself, with the library's own objective and PyTorch's Adam."""
    digits = data.load("digits")
    images = digits.normalize(digits.train_images)
    model = training.build(
        lambda: networks.mlp(digits.shape, classes=10, hidden=(32, 32)), training.Run.of("l2", gamma=0.0)
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01, fused=True)
    generator = torch.Generator().manual_seed(0)
    order, place = torch.randperm(len(images), generator=generator), 0

    def step():
        nonlocal order, place
        if place + 64 > len(order):
            order, place = torch.randperm(len(images), generator=generator), 0
        rows, place = order[place : place + 64], place + 64
        labels = digits.train_labels[rows]
        latents, logits = model(images[rows], zero_entropy_noise((64, 2), generator))
        bound = OBJECTIVES["log-variance"].of_moments(moments(latents, labels, 10, ZERO_ENTROPY_VARIANCE))
        optimizer.zero_grad()
        (0.02 * bound - decoder_log_likelihood(logits, labels).mean()).backward()
        optimizer.step()

    for _ in range(100):
        step()
    start, steps = time.perf_counter(), 0
    while time.perf_counter() - start < seconds:
        step()
        steps += 1
    return steps / (time.perf_counter() - start)


def node(folder, seconds=SECONDS) -> float:
    done = subprocess.run(["node", folder / "run.mjs"], capture_output=True, encoding="utf-8", check=True)
    return float(done.stdout)


def browser(page, address, seconds=SECONDS) -> dict:
    """What a reader sees and waits for, on a page that is opened anew."""
    page.goto("about:blank")
    start = time.perf_counter()
    page.goto(address)
    page.wait_for_function("document.querySelector('.ibteach-playground')?.dataset.pictures > 0")
    found = {"first picture, s": time.perf_counter() - start}
    page.get_by_role("button", name="Train").click()
    start = time.perf_counter()
    learnt = "[...document.querySelectorAll('[data-quantity]')].some((node) =>"
    learnt += " node.dataset.quantity === 'error, test' && parseFloat(node.textContent) <= 8)"
    page.wait_for_function(learnt)
    found["8 % test error, s"] = time.perf_counter() - start
    found |= page.evaluate(
        """async (seconds) => {
            const { dataset } = document.querySelector(".ibteach-playground");
            const slider = document.querySelector("[data-axis=gamma]");
            const wait = (ms) => new Promise((done) => setTimeout(done, ms));
            const [step, pictures, start] = [Number(dataset.step), Number(dataset.pictures), performance.now()];
            await wait(1000 * seconds);
            const took = (performance.now() - start) / 1000;
            const found = {
              "steps a second": (dataset.step - step) / took, "pictures a second": (dataset.pictures - pictures) / took,
            };
            const waits = [];
            for (let i = 0; i < 40; i++) {
              const version = Number(dataset.version);
              slider.value = Number(slider.value) + (i % 2 ? 0.05 : -0.05);
              slider.dispatchEvent(new Event("input"));
              while (Number(dataset.version) <= version) await wait(1);
              waits.push(Number(dataset.answered));
              await wait(40);
            }
            return { ...found, "answer p95, ms": waits.sort((a, b) => a - b)[37] };
        }""",
        seconds,
    )
    page.goto("about:blank")  # it trains no longer, and leaves the core to the others
    return found


def main(rounds=3):
    from playwright.sync_api import sync_playwright

    torch.set_num_threads(1)
    if hasattr(os, "sched_setaffinity"):  # everything that is measured, on one core
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic"]
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        folder = Path(folder)
        (folder / "engine.mjs").write_text((widget.FOLDER / "engine.js").read_text(encoding="utf-8"), encoding="utf-8")
        (folder / "run.mjs").write_text(NODE, encoding="utf-8")
        question = {"spec": widget._spec(), "settings": SETTINGS, "seconds": SECONDS}
        (folder / "question.json").write_text(json.dumps(question), encoding="utf-8")
        address = playground().export(folder / "playground.html").path.as_uri()
        page = driver.chromium.launch(executable_path=chromium, args=flags).new_page()
        found = []
        for _ in range(rounds):
            one = {"PyTorch, steps a second": pytorch(), "engine in Node, steps a second": node(folder)}
            one |= {f"browser, {name}": value for name, value in browser(page, address).items()}
            found.append(one)
            print("  ".join(f"{name} {value:.4g}" for name, value in one.items()), flush=True)
    middle = {name: statistics.median(one[name] for one in found) for name in found[0]}
    size = len((widget.SCRIPT + widget.STYLE + json.dumps(widget._spec())).encode())
    print(f"scripts, style and data: {size / 1000:.0f} kB; load of this machine {os.getloadavg()[0]:.1f}")
    for name, value in middle.items():
        print(f"{name:35} {value:10.4g}")
    ratios = [one["engine in Node, steps a second"] / one["PyTorch, steps a second"] for one in found]
    print(f"engine in Node / PyTorch: {statistics.median(ratios):.2f}")
    ratios = [one["browser, steps a second"] / one["PyTorch, steps a second"] for one in found]
    print(f"ratio: {statistics.median(ratios):.2f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
