"""The built site as a reader has it: in Chromium, from a plain file server, with every other host out of reach.

IBTEACH_SITE_CHAPTERS names the chapters that are built and looked at, such as "01 03" ("all": every one), and
IBTEACH_SITE_BUILT a site that is there already, as the workflow that publishes does; with neither nothing is built.
"""

import contextlib
import functools
import http.server
import os
import re
import threading
from pathlib import Path
from urllib.parse import unquote, urldefrag, urljoin

import numpy as np
import pytest

from ibteach.information.diagram import atom_name, i_measure
from ibteach.information.discrete import Joint
from ibteach.site import build

ASKED = os.environ.get("IBTEACH_SITE_CHAPTERS"), os.environ.get("IBTEACH_SITE_BUILT")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        not any(ASKED), reason="takes minutes: set IBTEACH_SITE_CHAPTERS='01 03', or IBTEACH_SITE_BUILT"
    ),
]
ROOT = Path(__file__).parents[2]
CHAPTERS = os.environ.get("IBTEACH_SITE_CHAPTERS", "01 03")


OPEN = "localStorage.setItem('ibteach:predict-all', 'yes')"  # a reader who does not vote: nothing waits


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    if built := os.environ.get("IBTEACH_SITE_BUILT"):
        return Path(built)
    chosen = None if CHAPTERS == "all" else CHAPTERS.split()
    return build(tmp_path_factory.mktemp("site") / "out", ROOT, chosen)


@pytest.fixture(scope="module")
def address(site):
    handler = functools.partial(Quiet, directory=site)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture
def open_page(address, new_page):
    """Opens a page of the site; other hosts are out of reach, and asking one fails the test."""
    asked, missing = [], []

    def watched(path, **options):
        page = new_page(**options)
        page.add_init_script(OPEN)

        def routed(route):
            ours = route.request.url.startswith((address, "blob:", "data:"))
            asked.append(route.request.url) if not ours else None
            route.continue_() if ours else route.abort()

        page.route("**/*", routed)
        page.on("response", lambda answer: missing.append(answer.url) if answer.status >= 400 else None)
        page.goto(address + path)
        return page

    yield watched
    assert not asked, "another host was asked"
    assert not missing, "a file is missing"


def pages(site):
    return sorted(path.relative_to(site).as_posix() for path in site.rglob("*.html") if "_static" not in path.parts)


def chapters(site):
    return [path for path in pages(site) if path.startswith("chapters/")]


def live(page):
    """The figures of a page, each once it is live."""
    found = []
    for place in page.locator(".ibteach-live").all():
        place.scroll_into_view_if_needed()
        place.locator(".ibteach-figure").wait_for(timeout=30_000)
        found.append(place)
    return found


def look(page, place):
    """What is on screen of a figure, once it is what its controls ask for."""
    root = place.locator(".ibteach-figure").element_handle()
    page.wait_for_function(
        """(root) => {
            const shown = root.querySelector(".ibteach-stage")?.firstElementChild;
            return !root.dataset.key || shown?.dataset.key === root.dataset.key;
        }""",
        arg=root,
        timeout=30_000,
    )
    shown = place.locator(".ibteach-stage, .ibteach-sheet").first
    return shown.screenshot(), shown.locator("svg, img").first


def test_links_inside_all_resolve(site):
    names = {}
    for path in pages(site):
        text = (site / path).read_text(encoding="utf-8")
        names[path] = set(re.findall(r'\bid="([^"]+)"', text)), re.findall(r'(?:href|src|data-live)="([^"]+)"', text)
    for path, (_, links) in names.items():
        for link in links:
            if link.startswith(("http:", "https:", "mailto:", "data:")):
                continue
            target, place = urldefrag(urljoin(path, link))
            target = unquote(target.partition("?")[0]) or path
            assert (site / target).is_file(), f"{path}: {link}"
            if place and target in names:
                assert unquote(place) in names[target][0], f"{path}: {link}"


def test_every_page_asks_for_nothing_elsewhere(site, open_page):
    for path in pages(site):
        page = open_page(path)
        page.wait_for_load_state("networkidle")
        page.context.close()


def test_every_figure_lives_with_all_its_controls(site, open_page):
    moved = 0
    for path in chapters(site):
        page = open_page(path)
        for place in live(page):
            first, shown = look(page, place)
            if place.locator("canvas").count():  # the playground has tests of its own
                continue
            assert (shown.get_attribute("alt") or shown.get_attribute("aria-label") or "").strip()
            for control in place.locator(".ibteach-controls [data-axis]").all():
                kind = control.evaluate("node => node.type ?? 'radios'")
                if kind == "range":
                    here = control.evaluate("node => node.value")
                    control.press("Home" if here != "0" else "End")
                elif kind == "radios":
                    control.locator("input:not(:checked) + span").first.click()
                else:
                    here = control.evaluate("node => node.selectedIndex")
                    control.select_option(index=1 if here == 0 else 0)
                after, _ = look(page, place)
                assert after != first, (path, place.get_attribute("data-figure"), control.get_attribute("data-axis"))
                first, moved = after, moved + 1
                assert "figure=" in page.url
        page.context.close()
    assert moved


def test_what_a_figure_shows_is_in_the_address(site, open_page, address):
    page = open_page("chapters/03_decoder_uncertainty.html")
    before = page.evaluate("history.length")
    place = live(page)[0]
    slider = place.locator("input[type=range]").first
    slider.press("End")
    slider.press("ArrowLeft")
    look(page, place)
    key = place.locator(".ibteach-figure").get_attribute("data-key")
    shared = page.url
    assert shared != page.evaluate("location.origin") and page.evaluate("history.length") == before
    page.context.close()
    page = open_page(shared.removeprefix(address))
    place = page.locator(".ibteach-live").first
    place.locator(".ibteach-figure").wait_for()
    look(page, place)
    assert place.locator(".ibteach-figure").get_attribute("data-key") == key
    page.goto(re.sub(r"=0\.\d+", "=0.4321", shared))
    page.reload()
    place.locator(".ibteach-said", has_text="the nearest").wait_for()


def test_quantities_of_the_table_are_pythons(open_page):
    """Computed in the browser, to 1e-12; and a cell that is dragged changes them."""
    page = open_page("chapters/01_entropy_and_diagrams.html")
    place = live(page)[0]
    atoms = """async ([tables, count]) => {
        const { Joint } = await import(new URL("../_static/ibteach/table.js", location.href));
        const masks = [1, 2, 3, 4, 5, 6, 7].slice(0, 2 ** count - 1);
        return tables.map((table) => masks.map((mask) => new Joint(table, count).atom(mask)));
    }"""
    random = np.random.default_rng(0)
    for names, shape in (("X Y", (4, 3)), ("A B Y", (4, 2))):
        tables = random.dirichlet(np.full(shape[0] * shape[1], 0.3), size=20).reshape(-1, *shape)
        of = names.split()
        for table, found in zip(tables, page.evaluate(atoms, [tables.tolist(), len(of)]), strict=True):
            joint = Joint(table.reshape(2, 2, 2) if len(of) == 3 else table, names)
            inside = [[name for i, name in enumerate(of) if mask & 1 << i] for mask in range(1, 2 ** len(of))]
            wanted = [i_measure(atom_name(some, of), joint).item() for some in inside]
            assert found == pytest.approx(wanted, abs=1e-12)
    cell = place.locator(".ibteach-cell").first
    cell.scroll_into_view_if_needed()
    before, box = place.locator(".ibteach-quantities").inner_text(), cell.bounding_box()
    page.mouse.move(box["x"] + 9, box["y"] + 9)
    page.mouse.down()
    page.mouse.move(box["x"] + 9, box["y"] - 21, steps=4)
    page.mouse.up()
    assert float(cell.get_attribute("aria-valuenow")) > 0.5
    assert place.locator(".ibteach-quantities").inner_text() != before and "table=" in page.url


def test_without_scripts_there_is_the_picture(site, open_page):
    page = open_page(chapters(site)[-1], java_script_enabled=False)
    image = page.locator(".ibteach-live > img").first
    image.scroll_into_view_if_needed()
    assert image.get_attribute("alt") and image.bounding_box()["height"] > 100


def test_search_finds_zero_entropy_noise(open_page):
    page = open_page("search.html?q=zero-entropy+noise")
    page.locator("#search-results li a").first.wait_for(timeout=30_000)


def test_on_a_phone_nothing_is_wider_than_the_screen(site, new_page, address):
    page = new_page(has_touch=True)
    page.add_init_script(OPEN)
    page.set_viewport_size({"width": 390, "height": 844})
    for path in chapters(site):
        page.goto(address + path)
        live(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, path


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(site, open_page, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    found = []
    for path in [one for one in pages(site) if not one.startswith(("api/", "genindex", "py-modindex"))]:
        page = open_page(path, color_scheme=scheme, reduced_motion="reduce")
        with contextlib.suppress(IndexError):
            live(page)[0].scroll_into_view_if_needed()
        page.wait_for_timeout(400)
        for one in axe.run(page).response["violations"]:
            found += [(path, one["id"], node["target"], node["html"][:120]) for node in one["nodes"]]
        page.context.close()
    assert not found
