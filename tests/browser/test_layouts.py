"""Live figures on a projector, a laptop and a phone: controls and picture are seen together, and can be read.

``IBTEACH_FIGURES=all`` looks at every figure of the course, which takes some minutes; by default at one of each kind.
"""

import functools
import importlib.util
import os
from pathlib import Path

import pytest

from ibteach.display.live.canvas import SCREEN
from ibteach.display.live.explorer import Explorer
from ibteach.display.live.joint_table import JointTable
from ibteach.display.live.themes import SMALL
from ibteach.display.playground import playground

pytestmark = pytest.mark.browser
VISIBLE = {(1280, 608): "a projector, below JupyterLab's menus", (1440, 788): "a laptop", (390, 844): "a phone"}
SCREENS = [(1280, 720), (1920, 1080)]

# What a reader sees: how far it is from the first control to the end of the picture, sizes, and the smallest type.
SEEN = """(root) => {
    const box = (node) => node.getBoundingClientRect();
    const shown = root.querySelector(".ibteach-stage, .ibteach-sheet");
    const strip = root.querySelector(".ibteach-controls");
    const sheet = shown.matches(".ibteach-sheet") ? shown.querySelectorAll("*") : [];
    const words = [...strip.querySelectorAll("*"), ...sheet]
        .filter((node) => [...node.childNodes].some(({ nodeType, data }) => nodeType === 3 && data.trim()))
        .filter((node) => node.checkVisibility() && node.localName !== "sub" && !node.closest("option, svg"))
        .map((node) => parseFloat(getComputedStyle(node).fontSize));
    const { width, height } = box(root.querySelector(".ibteach-stage img") ?? shown);
    return {
        mode: root.dataset.mode, width, height, away: box(shown).bottom - box(strip).top, strip: box(strip).height,
        words: Math.min(...words), full: strip.scrollWidth - strip.clientWidth,
        across: document.documentElement.scrollWidth,
    };
}"""


def from_file(source):
    spec = importlib.util.spec_from_file_location(source.stem, source)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def rings():
    module = from_file(Path(__file__).parents[1] / "display" / "rings.py")
    colours = module.Axis("colour", "class colour", ["colour 0", "colour 1"])
    many = module.Axis("radius", "radius r", [0.2, 0.8, 1.6])
    axes = (many, module.Rings.axes[1], colours)
    return Explorer(type("Folding", (module.Rings,), {"axes": axes, "size": (9.0, 4.5), "tall": (5.4, 5.0)})())


FIGURES = {
    "explorer": lambda path: rings().export(path, layouts=["wide", "tall"]),
    "table": lambda path: JointTable().export(path),
    "playground": lambda path: playground().export(path),
}
if os.environ.get("IBTEACH_FIGURES") == "all":
    COURSE = from_file(Path(__file__).with_name("course.py"))
    FIGURES |= {name: functools.partial(COURSE.page, name) for name in COURSE.FIGURES}


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """The page of a figure, written when it is first asked for."""
    folder, written = tmp_path_factory.mktemp("layouts"), {}

    def get(name):
        if name not in written:
            written[name] = FIGURES[name](folder / f"{name}.html").path.as_uri()
        return written[name]

    return get


@pytest.fixture
def opened(exported, new_page):
    def at(name, size):
        page = new_page()
        page.set_viewport_size(dict(zip(("width", "height"), size, strict=True)))
        page.goto(exported(name))
        root = page.locator(".ibteach-figure[data-mode]")
        root.locator("img, svg, canvas").first.wait_for()
        page.wait_for_timeout(300)
        return page, root

    return at


@pytest.mark.parametrize("size", VISIBLE, ids=VISIBLE.values())
@pytest.mark.parametrize("name", FIGURES)
def test_controls_and_picture_are_seen_together(opened, name, size):
    _, root = opened(name, size)
    seen = root.evaluate(SEEN)
    assert seen["mode"] == ("tall" if size[0] < 640 else "wide")
    assert seen["across"] <= size[0]
    if name not in ("table", "playground") or size[0] > 640:
        assert seen["away"] <= size[1]
    if name == "explorer":  # the picture is that of this layout, and the pointer finds it
        assert root.locator(".ibteach-stage img").get_attribute("data-key").startswith(f"{seen['mode']}-")


@pytest.mark.parametrize("size", SCREENS, ids=["720", "1080"])
@pytest.mark.parametrize("name", FIGURES)
def test_on_a_screen_the_picture_is_nearly_all_and_type_can_be_read(opened, name, size):
    page, root = opened(name, size)
    root.get_by_role("button", name="Full screen").click()
    page.wait_for_function("document.fullscreenElement?.dataset.mode === 'screen'")
    page.wait_for_timeout(400)
    seen = root.evaluate(SEEN)
    assert seen["width"] * seen["height"] >= 0.85 * size[0] * size[1]
    assert seen["words"] >= size[1] / 30
    assert seen["strip"] <= 0.12 * size[1] and seen["full"] <= 0
    assert SMALL / (72 * SCREEN.size[1]) * seen["height"] >= size[1] / 30 or name != "explorer"
    root.get_by_role("button", name="Leave full screen").click()
    page.wait_for_function("!document.fullscreenElement")
    page.wait_for_timeout(300)
    assert root.evaluate(SEEN)["mode"] == "wide"


def test_a_deck_says_that_a_figure_presents(opened):
    page, root = opened("explorer", (1280, 720))
    before = root.locator("[data-axis=radius]").evaluate("node => node.value")
    root.locator("[data-axis=radius]").press("ArrowRight")
    page.evaluate("""() => {
        document.querySelector("main").style.cssText = "width: 800px; height: 450px";
        document.querySelector(".ibteach-figure").dataset.presenting = "";
    }""")
    page.wait_for_function("document.querySelector('.ibteach-figure').dataset.mode === 'screen'")
    seen = root.evaluate(SEEN)
    assert [seen["width"], seen["height"]] == pytest.approx([800, 400], abs=1)
    assert not root.get_by_role("button", name="Leave full screen").is_visible()
    assert root.locator("[data-axis=radius]").evaluate("node => node.value") != before  # what was set stays
    root.evaluate("node => node.removeAttribute('data-presenting')")
    page.wait_for_function("document.querySelector('.ibteach-figure').dataset.mode === 'wide'")
