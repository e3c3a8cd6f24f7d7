"""A real Chromium and a real Jupyter server for the tests that move controls by hand."""

import contextlib
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import nbformat
import pytest

import ibteach

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
CHROMIUM = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)

# What is on screen, as one number, read once it is what the controls ask for: the picture's pixels, or the drawing.
PIXELS = """async (root) => {
    const shown = () => root.querySelector(".ibteach-stage")?.firstElementChild;
    for (const end = Date.now() + 120000; !shown() || shown().dataset.key !== root.dataset.key;) {
        if (Date.now() > end) throw new Error("no picture for " + root.dataset.key);
        await new Promise(requestAnimationFrame);
    }
    let bytes = new TextEncoder().encode(shown().outerHTML.replace(/ data-key="[^"]*"/, ""));
    if (shown().localName === "img") {
        const image = shown();
        await image.decode();
        const canvas = document.createElement("canvas");
        [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
        const context = canvas.getContext("2d");
        context.drawImage(image, 0, 0);
        bytes = context.getImageData(0, 0, canvas.width, canvas.height).data;
    }
    const digest = await crypto.subtle.digest("SHA-256", bytes);
    return Array.from(new Uint8Array(digest), (b) => b.toString(16).padStart(2, "0")).join("");
}"""


class Figure:
    """One explorer on a page, seen and touched as a person does."""

    def __init__(self, page, root):
        self.page, self.root = page, root

    @property
    def controls(self):
        return self.root.locator("[data-axis]").all()

    def pixels(self):
        return self.root.evaluate(PIXELS)

    def alt(self):
        shown = self.root.locator(".ibteach-stage :is(img, svg)")
        return shown.get_attribute("alt") or shown.get_attribute("aria-label")

    def drag(self, slider, share):
        """Take the thumb of a slider and let it go at a share of its length; again, if the page moved meanwhile."""
        at, last = (float(slider.evaluate(f"node => node.{name}")) for name in ("value", "max"))
        for _ in range(5):
            box = self.at_rest(slider)
            place = lambda part: box["x"] + 11 + (box["width"] - 22) * part  # noqa: E731, B023 - the thumb is 22 pixels wide
            y = box["y"] + box["height"] / 2
            self.page.mouse.move(place(at / last), y)
            self.page.mouse.down()
            self.page.mouse.move(place(share), y, steps=8)
            self.page.mouse.up()
            if float(slider.evaluate("node => node.value")) != at:
                break

    def at_rest(self, node):
        """Where a node is on screen, once it has stayed there: cells above it still grow while pictures come in."""
        box = None
        while box != (box := node.bounding_box()) or box is None:
            node.scroll_into_view_if_needed()
            self.page.wait_for_timeout(250)
        return box

    def exercise(self):
        """Move every control by mouse and by keyboard: the pixels change, and come back bit for bit."""
        self.root.scroll_into_view_if_needed()
        for control in self.controls:
            first = self.pixels()
            kind = control.evaluate("node => node.type ?? 'radios'")
            if kind == "range":
                last = int(control.get_attribute("max"))
                here = int(control.evaluate("node => node.value"))
                self.drag(control, 0.0 if here > last / 2 else 1.0)
                assert self.pixels() != first, "dragging changed nothing"
                control.press("Home")
                home = self.pixels()
                control.press("ArrowRight")
                assert self.pixels() != home, "an arrow key changed nothing"
                control.press("End")
                assert self.pixels() != home, "End changed nothing"
                control.press("Home")
                assert self.pixels() == home
                for _ in range(here):
                    control.press("ArrowRight")
            elif kind == "radios":
                labels, radios = control.locator("label").all(), control.locator("input").all()
                here = next(i for i, radio in enumerate(radios) if radio.is_checked())
                labels[(here + 1) % len(labels)].click()
                assert self.pixels() != first, "a click changed nothing"
                radios[(here + 1) % len(radios)].press("ArrowLeft")
            else:
                here = control.evaluate("node => node.selectedIndex")
                control.focus()
                control.press("End" if here == 0 else "Home")
                assert self.pixels() != first, "a key changed nothing"
                control.select_option(index=here)
            assert self.pixels() == first, "the same state is another picture"


class Notebook:
    """A notebook that is open in the browser."""

    def __init__(self, page, server):
        self.page, self.server = page, server

    def run_all(self, timeout=240):
        page = self.page
        page.locator(".jp-Notebook .jp-CodeCell").first.click()
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        page.wait_for_function(
            """() => {
                const prompts = [...document.querySelectorAll(".jp-Notebook .jp-CodeCell .jp-InputPrompt")];
                const failed = document.querySelector('[data-mime-type="application/vnd.jupyter.error"]');
                return failed || prompts.every((prompt) => /^\\[\\d+\\]:?$/.test(prompt.textContent.trim()));
            }""",
            timeout=timeout * 1000,
        )

    def errors(self):
        """What went wrong: exceptions of the cells, and widgets that the front end could not show."""
        raised = self.page.locator('[data-mime-type="application/vnd.jupyter.error"]').all_inner_texts()
        return raised + self.page.get_by_text("Error displaying widget").all_inner_texts()

    def figures(self):
        return _figures(self.page)

    def run(self, code):
        """Run code in a new cell at the end; what it prints."""
        page, cells = self.page, self.page.locator(".jp-Notebook .jp-CodeCell")
        cells.last.locator(".jp-InputPrompt").click()
        page.keyboard.press("b")
        page.keyboard.press("Enter")
        page.keyboard.insert_text(code)
        page.keyboard.press("Control+Enter")
        output = cells.last.locator(".jp-OutputArea-output")
        output.wait_for()
        return output.inner_text().strip()

    def says(self, code, wanted):
        """Whether what code prints is, or soon becomes, what is wanted: the browser tells the kernel when it can."""
        for _ in range(40):
            if self.run(code) == wanted:
                return True
            self.page.wait_for_timeout(250)
        return False

    def choose(self, menu, *entries):
        """Open a menu and click through it."""
        self.page.get_by_role("menuitem", name=menu, exact=True).click()
        for entry in entries:
            self.page.locator(".lm-Menu-itemLabel", has_text=entry).first.click()


def _figures(page):
    roots = page.locator(".ibteach-explorer")
    roots.first.scroll_into_view_if_needed(timeout=60_000)  # a notebook may leave out what is far from the screen
    roots.first.locator(".ibteach-stage :is(img, svg)").wait_for(timeout=60_000)
    return [Figure(page, root) for root in roots.all()]


@pytest.fixture
def figures_of():
    """The explorers on a page."""
    return _figures


@pytest.fixture(scope="module")
def chromium():
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine: install it, or set CHROMIUM to its path")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def new_page(chromium):
    """Opens a page in a context of its own; an error in a script of the page fails the test."""
    with contextlib.ExitStack() as stack:
        errors = []

        def open_page(**options):
            context = chromium.new_context(**{"viewport": {"width": 1280, "height": 1000}} | options)
            stack.callback(context.close)
            page = context.new_page()
            page.on("pageerror", lambda error: errors.append(str(error)))
            return page

        yield open_page
    # Notebook 7 itself throws one about 'schema' while it starts.
    assert not [error for error in errors if "'schema'" not in error]


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    """Jupyter servers by kind, ``"lab"`` or ``"notebook"``, each started when it is first asked for."""
    with contextlib.ExitStack() as stack:
        started = {}

        def get(kind):
            if kind not in started:
                started[kind] = stack.enter_context(serving(kind, tmp_path_factory.mktemp(kind)))
            return started[kind]

        yield get


@contextlib.contextmanager
def serving(kind, folder):
    root = folder / "notebooks"
    settings = folder / "config" / "labconfig"
    for made in (root, settings):
        made.mkdir(parents=True)
    quiet = {"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": True}}
    (settings / "page_config.json").write_text(json.dumps(quiet), encoding="utf-8")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token = secrets.token_hex(16)
    environment = os.environ | {
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "JUPYTER_DATA_DIR": str(folder / "data"),
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
        "JUPYTERLAB_SETTINGS_DIR": str(folder / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces"),
        "IPYTHONDIR": str(folder / "ipython"),
        "JUPYTER_TOKEN": token,
        "PYTHONPATH": str(Path(ibteach.__file__).parents[1]),  # the kernel tests what pytest tests
    }
    program = {"lab": "jupyterlab", "notebook": "notebook"}[kind]
    command = [sys.executable, "-m", program, "--no-browser", "--allow-root", "--ServerApp.ip=127.0.0.1"]
    command += [f"--ServerApp.port={port}", "--ServerApp.port_retries=0", f"--ServerApp.root_dir={root}"]
    log = folder / "server.log"
    with log.open("w", encoding="utf-8") as out:
        process = subprocess.Popen(command, env=environment, stdout=out, stderr=out, start_new_session=True)
    server = {"kind": kind, "port": port, "token": token, "root": root}
    try:
        for _ in range(240):
            with contextlib.suppress(OSError):
                _api(server, "status")
                break
            assert process.poll() is None, log.read_text(encoding="utf-8")[-2000:]
            time.sleep(0.25)
        yield server
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _api(server, path, method="GET"):
    request = urllib.request.Request(f"http://127.0.0.1:{server['port']}/api/{path}", method=method)
    request.add_header("Authorization", f"token {server['token']}")
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.loads(answer.read() or "null")


def write_notebook(path, cells):
    """A notebook of code cells, each the text of one or a whole cell."""
    cells = [nbformat.v4.new_code_cell(cell) if isinstance(cell, str) else cell for cell in cells]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel}), path)
    return path


def open_on(server, page, name):
    """Opens a notebook that lies on the server, and waits until its kernel is ready."""
    route = {"lab": "doc/tree", "notebook": "notebooks"}[server["kind"]]
    page.goto(f"http://127.0.0.1:{server['port']}/{route}/{name}?token={server['token']}")
    page.locator(".jp-Notebook .jp-CodeCell").first.wait_for(timeout=60_000)
    # "idle" is shown before there is a kernel at all, and Run All would be lost: its name comes first.
    page.locator(".jp-Toolbar-kernelName", has_text="Python 3").first.wait_for(timeout=60_000)
    page.locator('.jp-Notebook-ExecutionIndicator[data-status="idle"]').wait_for(timeout=60_000)
    return Notebook(page, server)


@pytest.fixture
def notebook_of():
    """Writes a notebook of code cells to a path."""
    return write_notebook


@pytest.fixture
def open_notebook(servers, new_page):
    """Opens a copy of a notebook on a server of one kind; its kernel ends with the test."""
    used = []

    def open_copy(source, kind="lab", **options):
        server = servers(kind)
        used.append(server)
        shutil.copy(source, server["root"] / source.name)
        return open_on(server, new_page(**options), source.name)

    yield open_copy
    for server in used:
        for session in _api(server, "sessions"):
            _api(server, f"sessions/{session['id']}", "DELETE")
