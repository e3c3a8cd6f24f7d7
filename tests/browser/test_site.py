"""The built site as a reader has it: in Chromium, from a plain file server, with every other host out of reach.

Two chapters are built and looked at. IBTEACH_SITE_CHAPTERS names others, such as "01 03" ("all": every one), and
IBTEACH_SITE_BUILT a site that is there already: of that every page is looked at, as the workflow that publishes does.
"""

import contextlib
import functools
import html
import http.server
import io
import os
import re
import threading
from pathlib import Path
from urllib.parse import unquote, urldefrag, urljoin

import numpy as np
import pytest
from PIL import Image

from ibteach.display import exercises, explore
from ibteach.display.live import published
from ibteach.display.live.joint_table import JointTable
from ibteach.display.playground import playground
from ibteach.information.diagram import REGIONS, atom_name, i_measure
from ibteach.information.discrete import Joint
from ibteach.notation import OBJECTIVES_IN, REGIONS_IN
from ibteach.objectives import OBJECTIVES
from ibteach.site import build, extension

pytestmark = pytest.mark.browser
ROOT = Path(__file__).parents[2]
CHAPTERS = os.environ.get("IBTEACH_SITE_CHAPTERS", "00 01")
BUILT = os.environ.get("IBTEACH_SITE_BUILT")


OPEN = "localStorage.setItem('ibteach:predict-all', 'yes')"  # a reader who does not vote: nothing waits


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    if BUILT:
        return Path(BUILT)
    chosen = None if CHAPTERS == "all" else CHAPTERS.split()
    return build(tmp_path_factory.mktemp("site") / "out", ROOT, chosen)


@contextlib.contextmanager
def served(folder):
    handler = functools.partial(Quiet, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture(scope="module")
def address(site):
    with served(site) as address:
        yield address


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


def sample(site):
    """Every page of a site that is published; of one that is built for the tests, one of each kind."""
    names = pages(site)
    if BUILT:
        return names
    kind = lambda path: re.sub(r"[^/]*$", "", path) if "/" in path else path  # noqa: E731
    kinds = {kind(path): path for path in names if not path.startswith("chapters/") and not path.endswith("index.html")}
    return [path for path in names if path in {"index.html", *kinds.values(), *chapters(site)}]


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


def written(page, part):
    """Waits until the address holds a part, which it does once a hand rests."""
    page.wait_for_function("(part) => decodeURIComponent(location.hash).includes(part)", arg=part, timeout=5_000)


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
    for path in sample(site):
        page = open_page(path)
        page.wait_for_load_state("networkidle")
        page.context.close()


def far_end(control):
    """The end of a slider that is farther from where it stands: its key, and its place along the track."""
    here, last = (float(control.evaluate(f"node => node.{name}")) for name in ("value", "max"))
    return ("Home", 0.02) if here > last / 2 else ("End", 0.98)


def by_mouse(page, control, kind):
    if kind == "range":
        here, last = (float(control.evaluate(f"node => node.{name}")) for name in ("value", "max"))
        _, share = far_end(control)
        box = control.bounding_box()
        x, y = (lambda part: box["x"] + 11 + (box["width"] - 22) * part), box["y"] + box["height"] / 2
        page.mouse.move(x(here / last), y)
        page.mouse.down()
        page.mouse.move(x(share), y, steps=6)
        page.mouse.up()
    elif kind == "radios":
        control.locator("input:not(:checked) + span").first.click()
    else:
        control.select_option(index=1 if control.evaluate("node => node.selectedIndex") == 0 else 0)


def by_keyboard(page, control, kind):
    if kind == "range":
        control.press(far_end(control)[0])
    elif kind == "radios":
        control.locator("input:checked").press("ArrowRight")
    else:
        control.press("ArrowDown" if control.evaluate("node => node.selectedIndex") == 0 else "ArrowUp")


def by_touch(page, control, kind):
    if kind == "range":
        box = control.bounding_box()
        control.tap(position={"x": 11 + (box["width"] - 22) * far_end(control)[1], "y": box["height"] / 2})
    elif kind == "radios":
        control.locator("input:not(:checked) + span").first.tap()
    else:  # the list of choices is the phone's own
        control.select_option(index=1 if control.evaluate("node => node.selectedIndex") == 0 else 0)


def touched(page, path, *ways):
    """Move every control of every figure of a page in each of these ways: every time something else is shown."""
    moved = 0
    for place in live(page):
        if place.locator("canvas").count():  # the playground has tests of its own
            continue
        first, shown = look(page, place)
        assert (shown.get_attribute("alt") or shown.get_attribute("aria-label") or "").strip()
        for control in place.locator(".ibteach-controls [data-axis]").all():
            kind = control.evaluate("node => node.type ?? 'radios'")
            for way in ways:
                control.scroll_into_view_if_needed()
                way(page, control, kind)
                after, shown = look(page, place)
                said = place.get_attribute("data-figure"), control.get_attribute("data-axis"), way.__name__
                assert after != first, (path, *said)
                assert (shown.get_attribute("alt") or shown.get_attribute("aria-label") or "").strip()
                written(page, f"figure={place.get_attribute('data-figure')}")
                first, moved = after, moved + 1
    return moved


def test_every_figure_lives_with_all_its_controls(site, open_page):
    moved = 0
    for path in ["index.html", *chapters(site)]:
        page = open_page(path)
        moved += touched(page, path, by_mouse, by_keyboard)
        page.context.close()
    assert moved


def test_what_a_figure_shows_is_in_the_address(site, open_page, address):
    page = open_page("chapters/00_start_here.html")
    before = page.evaluate("history.length")
    place = live(page)[0]
    slider = place.locator("input[type=range]").first
    slider.press("End")
    slider.press("ArrowLeft")
    look(page, place)
    key = place.locator(".ibteach-figure").get_attribute("data-key")
    page.wait_for_timeout(300)  # a hand rests
    shared = page.url
    assert shared != page.evaluate("location.origin") and page.evaluate("history.length") == before
    page.context.close()
    page = open_page(shared.removeprefix(address))
    place = page.locator(".ibteach-live").first
    place.locator(".ibteach-figure").wait_for()
    look(page, place)
    assert place.locator(".ibteach-figure").get_attribute("data-key") == key
    page.goto(re.sub(r"((?:γ|%CE%B3)=)[^&]+", r"\g<1>0.4321", shared))
    page.reload()
    place.locator(".ibteach-said", has_text="the nearest").wait_for()
    page.goto(f"{shared}&colour=red")
    page.reload()
    place.locator(".ibteach-said", has_text="this figure has no “colour”").wait_for()
    page.evaluate("navigator.clipboard.writeText = async (text) => { window.copied = text; }")
    place.get_by_role("button", name="Copy address").click()
    place.get_by_role("button", name="Copied").wait_for()
    assert page.evaluate("window.copied") == page.url and "colour" not in page.url


def test_the_playground_keeps_its_settings_in_the_address(site, open_page):
    if "05_surrogate_objectives" not in "".join(chapters(site)):
        pytest.skip("this site has no page with the playground")
    page = open_page(
        "chapters/05_surrogate_objectives.html#figure=playground-γ-moves-while-the-network-trains&gamma=1e9&hidden=16-16&objective=vib&seed=x"
    )
    place = page.locator("[data-figure^='playground']").first
    said = place.locator(".ibteach-said")
    said.filter(has_text="nearest").wait_for()
    assert "seed is a whole number" in said.inner_text()
    place.get_by_label("objective").select_option("L2")
    page.wait_for_function("location.hash.includes('objective=l2')")
    assert "hidden=16-16" in page.url and page.evaluate("history.length") <= 2


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
    assert place.locator(".ibteach-quantities").inner_text() != before
    written(page, "table=")


def test_without_scripts_there_is_the_picture(site, open_page):
    page = open_page(chapters(site)[-1], java_script_enabled=False)
    image = page.locator(".ibteach-live > img").first
    image.scroll_into_view_if_needed()
    assert image.get_attribute("alt") and image.bounding_box()["height"] > 100


def test_figures_name_what_the_notation_says_they_introduce(site):
    for number, names in (
        (REGIONS_IN, [one.name for one in REGIONS]),
        (OBJECTIVES_IN, [one.title for one in OBJECTIVES.values()]),
    ):
        for path in [one for one in chapters(site) if f"/{number}_" in one]:
            folders = set(re.findall(r"live/([0-9a-f]+)/figure.json", (site / path).read_text(encoding="utf-8")))
            text = "".join(
                one.read_text(encoding="utf-8") for key in folders for one in (site / "live" / key).glob("*.json")
            )
            assert not [name for name in names if name not in text]


def test_search_finds_zero_entropy_noise(site, open_page):
    page = open_page("search.html?q=zero-entropy+noise")
    page.locator("#search-results li a").first.wait_for(timeout=30_000)
    found = [link.get_attribute("href") for link in page.locator("#search-results li a").all()]
    assert any("04_noise" in link for link in found) or not any("04_noise" in path for path in chapters(site))


def test_no_solution_stands_in_a_page(site):
    for path in pages(site):
        text = re.sub(r"<[^>]+>", "", (site / path).read_text(encoding="utf-8"))
        text = re.sub(r"\s+", "", html.unescape(text))
        for chapter in exercises.chapters():
            for one in exercises.exercises_of(chapter):
                assert re.sub(r"\s+", "", one.solution) not in text, (path, one.name)


def test_every_control_is_reached_by_the_tab_key_alone(site, open_page):
    for path in ["index.html", *chapters(site)]:
        page = open_page(path)
        live(page)
        page.evaluate("scrollTo(0, 0); document.activeElement?.blur()")
        wanted = page.locator(".ibteach-figure [data-axis]").count()
        reached = page.evaluate("""() => {
            window.reached = new Set();
            addEventListener("focusin", ({ target }) => {
                const axis = target.closest("[data-axis]");
                if (axis) window.reached.add(axis);
                if (!target.matches(":focus-visible")) window.unseen = target.outerHTML;
            });
        }""")
        for _ in range(2000):
            page.keyboard.press("Tab")
            reached, at_end = page.evaluate("[window.reached.size, document.activeElement === document.body]")
            if at_end:
                break
        folded = page.locator("details:not([open]) [data-axis], .ibteach-figure :disabled[data-axis]").count()
        assert at_end and reached >= wanted - folded and not page.evaluate("window.unseen"), path
        page.context.close()


def test_what_moves_by_itself_stands_still_for_who_asks_for_it(site, open_page):
    moving = """() => [...document.querySelectorAll("*")].filter((node) => {
        const { animationName, transitionDuration, scrollBehavior } = getComputedStyle(node);
        return animationName !== "none" || /[1-9]/.test(transitionDuration) || scrollBehavior === "smooth";
    }).map((node) => node.outerHTML.slice(0, 120))"""
    for path in ["index.html", chapters(site)[0], *[path for path in pages(site) if path.startswith("slides/")][:2]]:
        page = open_page(path, reduced_motion="reduce")
        page.wait_for_load_state("networkidle")
        assert not page.evaluate(moving), path
        page.context.close()


def test_on_a_phone_all_is_touched_and_nothing_is_wider_than_the_screen(site, open_page):
    for path in ["index.html", "notation.html", *chapters(site)]:
        page = open_page(path, has_touch=True, is_mobile=True, viewport={"width": 390, "height": 844})
        touched(page, path, by_touch)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, path
        page.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(site, open_page, scheme):
    """With every figure live; of a deck every slide that has one, and all slides as they are printed."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    found = []

    def look_at(page, path):
        page.wait_for_timeout(300)
        for one in axe.run(page).response["violations"]:
            found.extend((path, one["id"], node["target"], node["html"][:120]) for node in one["nodes"])

    for path in sample(site):
        page = open_page(path, color_scheme=scheme, reduced_motion="reduce")
        deck = path.startswith("slides/") and path != "slides/index.html"
        if not deck:
            live(page)
            look_at(page, path)
        elif scheme == "light":  # a deck has no other
            page.wait_for_selector("html[data-ready]")
            for number in page.evaluate("""[...document.querySelectorAll(".slides > section")]
                    .flatMap((slide, i) => slide.matches(".figure") ? [i + 1] : [])"""):
                page.evaluate(f"location.hash = 'slide={number}'")
                page.reload()
                page.locator(".present :is(.ibteach-figure, img):visible").first.wait_for()
                look_at(page, f"{path}#slide={number}")
            page.goto(page.url.partition("#")[0] + "?print-pdf")
            page.wait_for_selector("html[data-ready] .pdf-page")
            look_at(page, f"{path}?print-pdf")
        page.context.close()
    assert not found


def test_decks_last_a_lecture_and_live(site, open_page):
    """Every slide of every deck is within the screen, its figures are live, and it prints a page for each slide."""
    for path in [one for one in pages(site) if re.search(r"^slides/\d", one)]:
        page = open_page(path, viewport={"width": 1280, "height": 720})
        page.wait_for_selector("html[data-ready]")
        minutes = page.evaluate("""[...document.querySelectorAll(".slides > section")]
            .reduce((sum, { dataset }) => sum + Number(dataset.minutes), 0)""")
        slides = page.locator(".slides > section").count()
        assert minutes <= 45, path
        for number in range(1, slides + 1):
            slide = page.locator(".slides > section.present")
            if slide.locator(".ibteach-live").count():
                root = slide.locator(".ibteach-figure")
                root.wait_for(timeout=30_000)
                box = root.bounding_box()
                assert box["y"] + box["height"] <= 721 and box["x"] + box["width"] <= 1281, (path, number)
            else:
                over = slide.evaluate("""node => {
                    const { bottom, right } = node.getBoundingClientRect();
                    return [...node.querySelectorAll(".body *:not(.katex *)")].map((one) => one.getBoundingClientRect())
                        .filter((box) => box.bottom > bottom + 2 || box.right > right + 2).length;
                }""")
                assert not over, (path, number)
            page.keyboard.press("PageDown")
        page.goto(page.url.partition("#")[0] + "?print-pdf")
        page.wait_for_selector("html[data-ready] .pdf-page")
        assert page.pdf(prefer_css_page_size=True).count(b"/Type /Page\n") == slides, path
        page.context.close()


# A page with one figure of each kind, far from one another, made in a moment.


def rising(axes, slope):
    axes.plot([0, 1], [0, slope])


@pytest.fixture(scope="module")
def three(tmp_path_factory):
    folder = tmp_path_factory.mktemp("three")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv(published.FOLDER, str(folder / "live"))
        figures = [explore(rising, slope=[1, 2, 3], alt="A line that rises by {slope}."), JointTable(), playground()]
        places = [figure._repr_mimebundle_()[0]["text/html"] for figure in figures]
    extension.static_files(folder / "_static")
    space = '<p style="height: 3000px">'
    head = "".join(f'<link rel="stylesheet" href="_static/ibteach/{name}.css">' for name in ("figures", "site"))
    script = '<script type="module" src="_static/ibteach/site.js"></script>'
    text = f'<!DOCTYPE html><meta charset="utf-8">{head}<h1>Three</h1>{space.join(places)}{space}{script}'
    (folder / "index.html").write_text(extension.relocated(text, 0), encoding="utf-8")
    with served(folder) as address:
        yield address


RISING, TABLE, PLAYGROUND = "rising", "a-joint-distribution-to-edit", "playground-γ-moves-while-the-network-trains"


def of(page, name):
    return page.locator(f"[data-figure='{name}']")


def picture(page):
    return of(page, RISING).locator(".ibteach-stage > img")


def said(page, name):
    """What is said of the address, once the figure is live."""
    of(page, name).locator(".ibteach-figure").wait_for()
    return of(page, name).locator(".ibteach-said").inner_text()


def test_an_address_that_nobody_wrote_stops_no_figure(three, new_page):
    for address in ("#utm=100%", f"#figure={RISING}&slope=2&x=%CE", f"#figure={PLAYGROUND}&constructor=1&gamma=%"):
        page = new_page()
        page.goto(three + address)
        assert len(live(page)) == 3, address
    assert "this figure has no “constructor”; gamma is a number" in said(page, PLAYGROUND)


def test_a_table_in_the_address_is_checked_as_one_that_is_pasted(three, new_page):
    for asked in (
        "preset=constructor&table=[[0.5,0.5],[0,0]]",
        "preset=exclusive or&table=[[0.5,0.5],[0,0]]",
        "preset=copy&table=[[1]]",
        "preset=copy&table=[[0.2,0.2,0.2,0.2,0.2]]",
        "preset=copy&table=[[1,0],[1,0]]",
        "preset=copy&table=nothing",
    ):
        page = new_page()
        page.goto(f"{three}#figure={TABLE}&{asked}")
        assert "holds no table of this figure" in said(page, TABLE), asked
    page = new_page()
    page.goto(f"{three}#figure={TABLE}&unit=bans&quantity=toString&toString=1")
    assert "unit has no “bans”; quantity has no “toString”; this figure has no “toString”" in said(page, TABLE)


def test_the_address_of_a_table_says_its_unit_and_what_is_highlighted(three, new_page):
    page = new_page()
    page.goto(f"{three}#figure={TABLE}")
    assert not said(page, TABLE)
    of(page, TABLE).locator("[data-axis=unit] label", has_text="bits").click()
    of(page, TABLE).locator("[data-quantity='H[X|Y]']").click()
    caption = of(page, TABLE).locator("figcaption")
    caption.get_by_text("H[X|Y] = ").wait_for()
    written(page, "quantity=H[X|Y]")
    shown, shared = caption.inner_text(), page.url
    assert shown.endswith(" bits")
    page = new_page()
    page.goto(shared)
    of(page, TABLE).locator("figcaption", has_text=shown).wait_for()
    assert of(page, TABLE).locator("[data-axis=unit] :checked + span").inner_text() == "bits"


def test_a_link_to_a_figure_leads_there_on_the_same_page(three, new_page):
    page = new_page()
    page.goto(three)
    picture(page).wait_for()
    page.evaluate("address => (location.hash = address)", f"figure={TABLE}&preset=copy&unit=bits")
    of(page, TABLE).locator("figcaption", has_text=" bits").wait_for()
    page.wait_for_function(
        "name => Math.abs(document.querySelector(name).getBoundingClientRect().y) < 5", arg=f"[data-figure='{TABLE}']"
    )
    page.evaluate("address => (location.hash = address)", f"figure={RISING}&slope=3")
    page.get_by_alt_text("rises by 3").wait_for()
    page.wait_for_function("scrollY < 500")


def test_what_could_not_be_fetched_is_asked_for_again_and_a_picture_stays_meanwhile(three, new_page):
    page, lost = new_page(), ["explorer.js"]
    page.route(
        "**/*",
        lambda route: route.abort() if any(name in route.request.url for name in lost) else route.continue_(),
    )
    page.goto(three)
    still = of(page, RISING).locator("img[src$='still.png']")
    of(page, RISING).get_by_text("could not be fetched; it is asked for again").wait_for()
    assert still.is_visible()
    lost[:] = ["states-0.json"]
    note = of(page, RISING).locator(".ibteach-note", has_text="This picture could not be fetched")
    note.wait_for()
    assert still.is_visible() and not of(page, RISING).locator(".ibteach-lacking").count()
    lost.clear()
    of(page, RISING).locator(".ibteach-stage > img[data-key]").wait_for()
    assert not still.count() and not note.count()


def test_a_playground_that_cannot_train_shows_its_picture(three, new_page):
    page = new_page()
    page.add_init_script("delete window.Worker")
    page.goto(f"{three}#figure={PLAYGROUND}")
    of(page, PLAYGROUND).get_by_text("This browser cannot train here").wait_for()
    [image] = of(page, PLAYGROUND).locator("img").all()
    image.wait_for()
    assert image.get_attribute("alt").startswith("Playground")


def test_noise_that_comes_and_goes_at_once_stops_nothing(three, new_page):
    page = new_page()
    page.goto(f"{three}#figure={PLAYGROUND}")
    of(page, PLAYGROUND).locator("[data-quantity='H[Z|Y]']").wait_for()
    of(page, PLAYGROUND).locator("[data-axis=noise]").evaluate("""async (node) => {
        const [on, off] = node.querySelectorAll("input");
        for (let i = 0; i < 6; i++) {
            off.click();
            await new Promise((done) => setTimeout(done, 25));
            on.click();
            await new Promise((done) => setTimeout(done, 130));
        }
    }""")  # an error in a script fails the test
    of(page, PLAYGROUND).locator("[data-quantity='H[Z|Y]']").wait_for()


def test_what_is_behind_a_picture_is_printed_too(three, new_page):
    page = new_page()
    page.goto(three)
    of(page, RISING).locator(".ibteach-stage > img[data-key]").wait_for()
    images = page.pdf().count(b"/Subtype /Image")
    page.add_style_tag(content=".ibteach-stage { background: none !important; }")
    assert images == page.pdf().count(b"/Subtype /Image") + 1


def test_a_dark_figure_is_printed_dark_on_white(three, new_page):
    page = new_page(color_scheme="dark")
    page.goto(three)
    of(page, RISING).locator(".ibteach-stage > img[data-key]").wait_for()
    page.emulate_media(media="print", color_scheme="dark")
    image = Image.open(io.BytesIO(of(page, RISING).locator(".ibteach-stage").screenshot()))
    levels = np.sort(np.asarray(image.convert("L")).ravel())
    assert np.median(levels) > 250 and levels[0] < 80
