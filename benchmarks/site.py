"""A built site as a reader has it: ``python -m benchmarks.site FOLDER``, or of some chapters: ``FOLDER 05 07``.

For each chapter, in a headless Chromium: bytes of the page before a figure comes into sight; how long until the first
figure can be moved; and, for its longest slider, how long from a key press to the painted picture of its tick (of
pictures that are there already, and of pictures that must be fetched while the hand goes on), and how many pictures a
second are painted while it is dragged: a tick for each of the screen's frames, made in the page itself, because the
driver's mouse is slower than a hand. The file server is Python's, on this machine.
"""

import contextlib
import functools
import http.server
import os
import platform
import sys
import threading
import time
from pathlib import Path

import numpy as np

from benchmarks.slider import browser_tools

STEPS = 40
DRAG_SECONDS = 3

# From one key press to the end of the first frame that has the picture that the controls ask for.
WATCH = """(root) => {
    const agrees = () => root.querySelector(".ibteach-stage").firstElementChild?.dataset.key === root.dataset.key;
    root.times = [];
    root.addEventListener("input", () => {
        const begun = performance.now();
        const { port1, port2 } = new MessageChannel(); // it is heard once the frame is painted
        port1.onmessage = () => root.times.push(performance.now() - begun);
        const frame = () => (agrees() ? port2.postMessage(0) : requestAnimationFrame(frame));
        requestAnimationFrame(frame);
    }, true);
}"""


# A slider is dragged there and back, a tick each frame: pictures painted and frames, a second. A picture counts where
# the stage shows another than a frame before.
DRAG = """([root, slider, seconds]) => new Promise((done) => {
    const stage = root.querySelector(".ibteach-stage");
    const [last, start] = [Number(slider.max), performance.now()];
    let [painted, frames, key] = [0, 0, stage.firstElementChild?.dataset.key];
    const move = () => {
        const now = stage.firstElementChild?.dataset.key;
        [painted, key] = [painted + (now !== key), now];
        const taken = (performance.now() - start) / 1000;
        if (taken > seconds) return done([painted / taken, frames / taken]);
        slider.value = last - Math.abs(last - (++frames % (2 * last)));
        slider.dispatchEvent(new Event("input", { bubbles: true }));
        requestAnimationFrame(move);
    };
    requestAnimationFrame(move);
})"""


class Quiet(http.server.SimpleHTTPRequestHandler):
    """A file server that says nothing."""

    def log_message(self, *_):
        pass

    def copyfile(self, source, outputfile):
        with contextlib.suppress(ConnectionError):  # the page was left
            super().copyfile(source, outputfile)


def serve(folder):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}/"


def opened(browser, height):
    """A page for a reader who does not vote: no figure waits for a prediction."""
    page = browser.new_page(viewport={"width": 1280, "height": height})
    page.add_init_script("localStorage.setItem('ibteach:predict-all', 'yes')")
    return page


def weight(browser, address):
    """Bytes of a page that is opened and not scrolled, with what it loads; figures near the top are not stopped."""
    page = opened(browser, 300)
    page.goto(address, wait_until="networkidle")
    sizes = """() => ["navigation", "resource"].flatMap((kind) => performance.getEntriesByType(kind))
        .filter(({ name }) => !name.includes("/live/"))
        .reduce((sum, { encodedBodySize }) => sum + encodedBodySize, 0)"""
    total = page.evaluate(sizes)
    page.close()
    return total


def first(browser, address):
    """Seconds from opening the address to the first figure that can be moved."""
    page = opened(browser, 1000)
    begun = time.perf_counter()
    page.goto(address, wait_until="commit")
    page.locator(".ibteach-live").first.wait_for()
    page.locator(".ibteach-live").first.scroll_into_view_if_needed()
    page.locator(".ibteach-figure [data-axis], .ibteach-cell").first.wait_for()
    taken = time.perf_counter() - begun
    page.close()
    return taken


def ticks(browser, address):
    """Of the longest slider on a page: milliseconds that ticks take, fetched and cached, and pictures a second."""
    page = opened(browser, 1000)
    page.goto(address)
    longest, slider, figure = 0, None, None
    for place in page.locator(".ibteach-live").all():
        place.scroll_into_view_if_needed()
        place.locator(".ibteach-figure").wait_for()
        for control in place.locator(".ibteach-explorer input[type=range]").all():
            if int(control.get_attribute("max")) > longest:
                longest, slider, figure = int(control.get_attribute("max")), control, place
    if slider is None:
        page.close()
        return {}
    page.reload()  # it has no picture yet, and the first steps are faster than it fetches ahead
    figure.scroll_into_view_if_needed()
    root = figure.locator(".ibteach-figure")
    root.wait_for()
    root.evaluate(WATCH)
    found = {}
    for kind, rest in (("fetched", 5), ("cached", 60)):
        root.evaluate("root => (root.times = [])")
        slider.focus()
        for step in range(STEPS):
            slider.press("ArrowRight" if (step // longest) % 2 == 0 else "ArrowLeft")
            page.wait_for_timeout(rest)
        page.wait_for_timeout(1500)
        found[kind] = np.array(root.evaluate("root => root.times"))
    slider.press("Home")
    page.wait_for_timeout(1500)  # its pictures are there
    found["dragged"] = page.evaluate(DRAG, [root.element_handle(), slider.element_handle(), DRAG_SECONDS])
    page.close()
    return found


def main():
    from playwright.sync_api import sync_playwright

    if len(sys.argv) < 2 or not (Path(sys.argv[1]) / ".ibteach-site").is_file():
        raise SystemExit("usage: python -m benchmarks.site FOLDER [05 …]; `ibteach site build --out FOLDER` makes one")
    folder, tools = Path(sys.argv[1]), browser_tools()
    if tools.CHROMIUM is None:
        raise SystemExit("no Chromium on this machine: install it, or set CHROMIUM to its path")
    whole = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6
    address = serve(folder)
    chapters = sorted(path.name for path in (folder / "chapters").glob("*.html"))
    chapters = [name for name in chapters if name[:2] in sys.argv[2:] or not sys.argv[2:]]
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=tools.CHROMIUM, args=tools.FLAGS)
        machine = f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores"
        print("ticks: median / p95 of cached and of fetched pictures")
        print(f"{machine}, Chromium {browser.version}; {len(chapters)} chapters, {whole:.0f} MB (wanted: 150 at most)")
        p95, rates = {}, []
        for name in chapters:
            heavy, soon = weight(browser, f"{address}chapters/{name}"), first(browser, f"{address}chapters/{name}")
            print(f"{name:45} page {heavy / 1e6:.2f} MB (1.5), first figure after {soon:.2f} s (2)", flush=True)
        for name in chapters:
            page = (folder / "chapters" / name).read_text(encoding="utf-8")
            if "ibteach-live" not in page:
                continue
            found = ticks(browser, f"{address}chapters/{name}")
            if not found:
                continue
            painted, frames = found.pop("dragged")
            rates.append(painted)
            said = [f"{kind} {np.median(of):.0f} / {np.percentile(of, 95):.0f} ms" for kind, of in found.items()]
            early, late = (np.median(part) for part in np.array_split(found["fetched"], 2))
            said.append(f"fetched, halves {early:.0f}, {late:.0f} ms")
            print(f"{name:45} {', '.join(said)}; dragged {painted:.0f} of {frames:.0f} frames/s", flush=True)
            for kind, of in found.items():
                p95.setdefault(kind, []).extend(of)
        browser.close()
    cached, fetched = (np.percentile(p95[kind], 95) for kind in ("cached", "fetched"))
    print(f"ticks, p95: cached {cached:.0f} ms (wanted: 20), fetched {fetched:.0f} ms (120)")
    print(f"dragged: {min(rates):.0f} to {max(rates):.0f} pictures a second (wanted: 55)")
    print(f"ratio: {20 / cached:.2f} of the time wanted for a picture that is there, as a share of what it takes")


if __name__ == "__main__":
    main()
