"""The built site in a browser: ``python -m benchmarks.site FOLDER``, where `ibteach site build --out FOLDER` made it.

Bytes of the site and of a chapter's page before a figure comes into sight; how long until the first figure can be
moved; and, for a slider, how long from a key press to the painted picture of its tick: of pictures that are there
already, and of pictures that must be fetched. The file server is Python's, on this machine.
"""

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

# From one key press to the moment when the picture that the controls ask for is painted.
WATCH = """(root) => {
    const painted = () => new Promise((done) => requestAnimationFrame(() => {
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = () => done(performance.now());
        port2.postMessage(0);
    }));
    root.times = [];
    root.addEventListener("input", async () => {
        const begun = performance.now();
        const agrees = () => root.querySelector(".ibteach-stage").firstElementChild?.dataset.key === root.dataset.key;
        await new Promise((done) => setTimeout(done));
        while (!agrees()) await new Promise((done) => setTimeout(done, 1));
        root.times.push((await painted()) - begun);
    }, true);
}"""


class Counting(http.server.SimpleHTTPRequestHandler):
    """A file server that says nothing."""

    def log_message(self, *_):
        pass


def serve(folder):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Counting, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}/"


def weight(browser, address):
    """Bytes of a page that is opened and not scrolled, with what it loads; figures near the top are not stopped."""
    page = browser.new_page(viewport={"width": 1280, "height": 300})
    page.goto(address, wait_until="networkidle")
    sizes = """() => ["navigation", "resource"].flatMap((kind) => performance.getEntriesByType(kind))
        .filter(({ name }) => !name.includes("/live/"))
        .reduce((sum, { encodedBodySize }) => sum + encodedBodySize, 0)"""
    total = page.evaluate(sizes)
    page.close()
    return total


def first(browser, address):
    """Seconds from opening the address to the first figure that can be moved."""
    page = browser.new_page(viewport={"width": 1280, "height": 1000})
    begun = time.perf_counter()
    page.goto(address, wait_until="commit")
    page.locator(".ibteach-live").first.wait_for()
    page.locator(".ibteach-live").first.scroll_into_view_if_needed()
    page.locator(".ibteach-figure [data-axis], .ibteach-cell").first.wait_for()
    taken = time.perf_counter() - begun
    page.close()
    return taken


def ticks(browser, address):
    """Milliseconds a tick takes, fetched and cached, of the longest slider on a page."""
    page = browser.new_page(viewport={"width": 1280, "height": 1000})
    page.goto(address)
    longest, slider = 0, None
    for place in page.locator(".ibteach-live").all():
        place.scroll_into_view_if_needed()
        place.locator(".ibteach-figure").wait_for()
        for control in place.locator(".ibteach-explorer input[type=range]").all():
            if int(control.get_attribute("max")) > longest:
                longest, slider = int(control.get_attribute("max")), control
    if slider is None:
        page.close()
        return {}
    root = slider.locator("xpath=ancestor::section")
    root.scroll_into_view_if_needed()
    page.wait_for_timeout(1500)
    found = {}
    for name, there in (("fetched", False), ("cached", True)):
        if (
            not there
        ):  # a page that was opened anew has no picture yet: the first steps are faster than it fetches ahead
            page.reload()
            root.wait_for(state="attached")
            root.scroll_into_view_if_needed()
        root.evaluate(WATCH) if not there else root.evaluate("root => (root.times = [])")
        slider.focus()
        for step in range(STEPS):
            slider.press("ArrowRight" if (step // longest) % 2 == 0 else "ArrowLeft")
            page.wait_for_timeout(5 if not there else 60)
        page.wait_for_timeout(1000)
        found[name] = np.array(root.evaluate("root => root.times"))
    page.close()
    return found


def main():
    from playwright.sync_api import sync_playwright

    if len(sys.argv) != 2 or not (Path(sys.argv[1]) / ".ibteach-site").is_file():
        raise SystemExit("usage: python -m benchmarks.site FOLDER, where `ibteach site build --out FOLDER` made a site")
    folder, tools = Path(sys.argv[1]), browser_tools()
    if tools.CHROMIUM is None:
        raise SystemExit("no Chromium on this machine: install it, or set CHROMIUM to its path")
    whole = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6
    address = serve(folder)
    chapters = sorted(path.name for path in (folder / "chapters").glob("*.html"))
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=tools.CHROMIUM, args=tools.FLAGS)
        machine = f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores"
        print(f"{machine}, Chromium {browser.version}; {len(chapters)} chapters, {whole:.0f} MB (wanted: 150 at most)")
        p95 = {}
        for name in chapters:
            heavy, soon = weight(browser, f"{address}chapters/{name}"), first(browser, f"{address}chapters/{name}")
            print(f"{name:45} page {heavy / 1e6:.2f} MB (1.5), first figure after {soon:.2f} s (2)", flush=True)
        for name in chapters:
            page = (folder / "chapters" / name).read_text(encoding="utf-8")
            if "ibteach-live" not in page:
                continue
            for kind, times in ticks(browser, f"{address}chapters/{name}").items():
                p95.setdefault(kind, []).extend(times)
                print(
                    f"{name:45} {kind}: median {np.median(times):.0f}, p95 {np.percentile(times, 95):.0f} ms",
                    flush=True,
                )
        browser.close()
    cached, fetched = (np.percentile(p95[kind], 95) for kind in ("cached", "fetched"))
    print(f"ticks, p95: cached {cached:.0f} ms (wanted: 20), fetched {fetched:.0f} ms (120)")
    print(f"ratio: {20 / cached:.2f} of the time wanted for a picture that is there, as a share of what it takes")


if __name__ == "__main__":
    main()
