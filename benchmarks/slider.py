"""From a slider to new pixels, `interact` beside the explorer: ``python -m benchmarks.slider``.

One scene (1,800 points in ten colours, ten ellipses, a marker on a curve; 61 ticks) in JupyterLab in a headless
Chromium, moved by real key presses and a real mouse. A step is timed in the page, from the event to the moment when
the picture of the new tick is decoded and painted. Every picture carries its tick as two grey squares, read back from
the pixels: so the lag while dragging is that of what is seen. "cold" is an explorer whose pictures must be drawn first.
"""

import importlib.util
import os
import platform
import tempfile
import time
from pathlib import Path

import numpy as np

from ibteach.display.live.scene import Axis, Scene

STEPS, DRAG_SECONDS, RATE = 60, 5, 60
CELLS = {
    "setup": """\
import ipywidgets
import matplotlib as mpl
import matplotlib.pyplot as plt
from benchmarks.slider import Clouds
from ibteach.display.live.themes import LIGHT
from ibteach.display.live.explorer import Explorer
%config InlineBackend.print_figure_kwargs = {"bbox_inches": None}
""",
    "interact": """\
def show(step):
    scene = Clouds()
    with mpl.rc_context(LIGHT.rc):
        scene.build(plt.figure(figsize=scene.size, layout="constrained"), LIGHT)
        scene.update(step=step)
        plt.show()

_ = ipywidgets.interact(show, step=ipywidgets.IntSlider(0, 0, 60, layout={"width": "800px"}))
""",
    "warm": "Explorer(Clouds())",
    "cold": "Explorer(Clouds(), preload=False)",
    "cold, dragged": "Explorer(Clouds(), preload=False)",
}

# Times every picture of one output: `events` are [time, tick of the slider], `frames` [time, tick in the pixels].
WATCH = """(root) => {
    const events = [], frames = [];
    const tick = () => Number((root.querySelector("[role=slider]")?.getAttribute("aria-valuenow"))
        ?? root.querySelector("input[type=range]").value);
    const canvas = new OffscreenCanvas(2, 1);
    const context = canvas.getContext("2d", { willReadFrequently: true });
    const stamp = (image) => {
        const side = image.naturalHeight / 50;
        for (const i of [0, 1]) {
            const [x, y, size] = [side * (i + 0.3), image.naturalHeight - side * 0.7, side * 0.4];
            context.drawImage(image, x, y, size, size, i, 0, 1, 1);
        }
        const [high, , , , low] = context.getImageData(0, 0, 2, 1).data;
        return 16 * Math.round(high / 17) + Math.round(low / 17);
    };
    let last = null;
    const painted = () => new Promise((done) => requestAnimationFrame(() => {
        const { port1, port2 } = new MessageChannel(); // its message comes right after the frame is painted
        port1.onmessage = () => done(performance.now());
        port2.postMessage(0);
    }));
    const look = async () => {
        const image = root.querySelector("img");
        if (!image || image === last) return;
        last = image;
        await image.decode().catch(() => {});
        const at = await painted();
        if (image.naturalWidth) frames.push([at, stamp(image)]);
    };
    new MutationObserver(look).observe(root, { childList: true, subtree: true });
    for (const name of ["keydown", "pointermove"]) {
        // The value has changed once the event has run: before anything else can be painted.
        root.ownerDocument.addEventListener(name, (event) => {
            const before = performance.now();
            queueMicrotask(() => setTimeout(() => events.push([before, tick()])));
        }, true);
    }
    root.bench = { events, frames, tick, clear: () => { events.length = frames.length = 0; } };
}"""
# One key press, from its event to the painted picture of the new tick.
STEP = """async (root) => {
    const { events, frames } = root.bench;
    for (const end = performance.now() + 20000; performance.now() < end;) {
        const shown = frames.find(([, tick]) => tick === root.bench.tick());
        if (events.length && shown) return shown[0] - events[0][0];
        await new Promise((done) => setTimeout(done, 2));
    }
    throw new Error("no new picture: " + JSON.stringify([root.bench.tick(), frames]));
}"""


class Clouds(Scene):
    """Points that contract to their class means while a marker moves along a curve."""

    title = "Clouds"
    axes = (Axis("step", "step", list(range(STEPS + 1))),)

    def build(self, figure, theme):
        rng = np.random.default_rng(0)
        self.noise, angle = rng.normal(size=(10, 180, 2)), np.linspace(0, 2 * np.pi, 60)
        self.circle = np.c_[np.cos(angle), np.sin(angle)]
        self.means = 3 * self.circle[::6]
        plane, latent = figure.subplots(1, 2)
        self.x = np.linspace(0.05, 8, STEPS + 1)
        self.y = 2.3 * (1 - np.exp(-self.x / 1.6))
        plane.plot(self.x, self.y, color=theme.foreground)
        plane.set(xlabel="I[X;Z] (nats)", ylabel="I[Y;Z] (nats)", title="information plane")
        plane.grid()
        latent.set(xlim=(-6, 6), ylim=(-6, 6), xlabel="$z_1$", ylabel="$z_2$", title="latent space")
        (self.marker,) = plane.plot([], [], "o", ms=10, color=theme.accent)
        self.points = [latent.plot([], [], "o", ms=3, mew=0, alpha=0.7, color=c)[0] for c in theme.cycle]
        self.rings = [latent.plot([], [], color=c, lw=1.5)[0] for c in theme.cycle]
        width, height = figure.get_size_inches()
        side = 1 / 50
        self.stamps = [
            figure.add_artist(
                type(figure.patch)(
                    (i * side * height / width, 0), side * height / width, side, transform=figure.transFigure
                )
            )
            for i in range(2)
        ]
        return [self.marker, *self.points, *self.rings, *self.stamps]

    def update(self, step):
        spread = 1.3 - step / STEPS
        self.marker.set_data([self.x[step]], [self.y[step]])
        for mean, noise, points, ring in zip(self.means, self.noise, self.points, self.rings, strict=True):
            points.set_data(*(mean + 0.6 * spread * noise).T)
            ring.set_data(*(mean + 1.2 * spread * self.circle).T)
        for stamp, digit in zip(self.stamps, divmod(step, 16), strict=True):
            stamp.set(facecolor=(digit / 15,) * 3, linewidth=0)

    def alt(self, step):
        return f"Ten clouds of points at step {step} of {STEPS}, and a marker at {self.title.lower()} {step}."


def browser_tools():
    """The Jupyter server and the notebook of the browser tests."""
    source = Path(__file__).parents[1] / "tests" / "browser" / "conftest.py"
    spec = importlib.util.spec_from_file_location("browser_tools", source)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def steps(page, root):
    """Milliseconds from each of 60 key presses to its picture."""
    times = []
    for _ in range(STEPS):
        page.wait_for_timeout(60)
        root.evaluate("root => root.bench.clear()")
        page.keyboard.press("ArrowRight")
        times.append(root.evaluate(STEP))
    return np.array(times)


def drag(page, root):
    """Five seconds of mouse moves, there and back: pictures per second, and every picture's time and lag."""
    root.locator("[role=slider], input[type=range]").first.press("Home")
    page.wait_for_timeout(2000)
    box, handle = (
        root.locator(of).first for of in (".noUi-base, input[type=range]", ".noUi-handle, input[type=range]")
    )
    box, handle = box.bounding_box(), handle.bounding_box()
    y = box["y"] + box["height"] / 2
    page.mouse.move(handle["x"] + 11, y)
    page.mouse.down()
    root.evaluate("root => root.bench.clear()")
    start, moves = time.perf_counter(), 0
    while (now := time.perf_counter() - start) < DRAG_SECONDS:
        share = 0.5 - 0.5 * np.cos(2 * np.pi * now / 2.5)
        page.mouse.move(box["x"] + 12 + share * (box["width"] - 24), y)
        moves += 1
        time.sleep(max(0, moves / RATE - (time.perf_counter() - start)))
    page.wait_for_timeout(2000)
    page.mouse.up()
    events, frames = root.evaluate("root => [root.bench.events, root.bench.frames]")
    begun, lags = events[0][0], []
    for shown, tick in frames:
        before = [event for event in events if event[0] <= shown]
        while before and before[-1][1] != tick:
            before.pop()
        while len(before) > 1 and before[-2][1] == tick:
            before.pop()  # the lag counts from the event that brought the slider to this tick
        if before:
            lags.append(((shown - begun) / 1000, shown - before[-1][0]))
    rate = sum(shown - begun < 1000 * DRAG_SECONDS for shown, _ in frames) / DRAG_SECONDS
    return rate, moves / DRAG_SECONDS, np.array(lags)


def mean_lag(lags, begin, end):
    chosen = lags[(lags[:, 0] >= begin) & (lags[:, 0] < end), 1]
    return f"{chosen.mean():6.0f} ms" if len(chosen) else f"{'–':>9}"


def main():
    from playwright.sync_api import sync_playwright

    tools = browser_tools()
    if tools.CHROMIUM is None:
        raise SystemExit("no Chromium on this machine: install it, or set CHROMIUM to its path")
    with tempfile.TemporaryDirectory() as made, tools.serving("lab", Path(made)) as server, sync_playwright() as play:
        tools.write_notebook(server["root"] / "slider.ipynb", CELLS.values())
        browser = play.chromium.launch(executable_path=tools.CHROMIUM, args=tools.FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 1000})
        machine = f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores"
        print(f"{machine}, Chromium {browser.version}; one figure, {STEPS + 1} ticks; times in the page")
        notebook = tools.open_on(server, page, "slider.ipynb")
        notebook.run_all()
        assert not notebook.errors(), notebook.errors()
        notebook.figures()

        def watched(name):
            cell = page.locator(".jp-Notebook .jp-CodeCell").nth(list(CELLS).index(name))
            root = cell.locator(".jp-Cell-outputWrapper")
            root.scroll_into_view_if_needed()
            root.locator("[role=slider], input[type=range]").first.focus()
            page.wait_for_timeout(5000)  # a warm explorer has by now asked for what it wants
            root.evaluate(WATCH)
            return root

        p95 = {}
        print(f"{'':8}   step, median       p95   dragged, pictures/s   lag, median   first second   last second")
        for name in ("interact", "warm", "cold"):
            times = steps(page, watched(name))
            p95[name] = np.percentile(times, 95)
            rate, moves, lags = drag(page, watched("cold, dragged" if name == "cold" else name))
            first, last = mean_lag(lags, 0, 1), mean_lag(lags, DRAG_SECONDS - 1, np.inf)
            print(
                f"{name:8} {np.median(times):11.1f} ms {p95[name]:6.1f} ms {rate:18.1f}"
                f"{np.median(lags[:, 1]):16.0f} ms{first:>15}{last:>14}   ({moves:.0f} moves/s)"
            )
        browser.close()
    warm, cold = (p95["interact"] / p95[name] for name in ("warm", "cold"))
    print(f"ratio: {warm:.1f} times lower p95 than interact (wanted: 6); {cold:.1f} where every picture is drawn first")


if __name__ == "__main__":
    main()
