"""The exported page: opened from the disk with the network off, it does what the notebook does."""

import importlib.util
from pathlib import Path

import pytest

from ibteach.display.live.explorer import Explorer

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    source = Path(__file__).parents[1] / "display" / "rings.py"
    spec = importlib.util.spec_from_file_location("rings", source)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    colours = module.Axis("colour", "class colour", ["colour 0", "colour 1"])
    many = module.Axis("radius", "radius r", [0.2, 0.4, 0.8, 1.6])
    few = type("Few", (module.Rings,), {"axes": (many, module.Rings.axes[1], colours)})
    return Explorer(few()).export(tmp_path_factory.mktemp("page") / "rings.html").path


@pytest.fixture(params=["light", "dark"])
def page(request, exported, new_page):
    page = new_page(color_scheme=request.param, has_touch=True)
    page.context.set_offline(True)
    page.requests = []
    page.on("request", lambda sent: page.requests.append(sent.url))
    page.goto(exported.as_uri())
    return page


def test_the_page_works_without_kernel_and_network(page, figures_of):
    (figure,) = figures_of(page)
    theme = "dark" if page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches") else "light"
    assert figure.root.get_attribute("data-theme") == theme
    figure.exercise()
    assert figure.alt() == "The left ring is drawn in colour 0 with radius 0.2."
    assert not [url for url in page.requests if not url.startswith(("file:", "data:", "blob:"))]


def test_it_follows_the_theme_of_the_reader(page, figures_of):
    (figure,) = figures_of(page)
    before = figure.pixels()
    now = figure.root.get_attribute("data-theme")
    page.emulate_media(color_scheme="dark" if now == "light" else "light")
    page.wait_for_function("now => document.querySelector('.ibteach-explorer').dataset.theme !== now", arg=now)
    assert figure.pixels() != before


def test_it_can_be_used_without_a_mouse(page, figures_of):
    """Tab reaches every control in order; the one that has the focus is seen; a finger works as well."""
    (figure,) = figures_of(page)
    reached = []
    for _ in range(5):
        page.keyboard.press("Tab")
        reached.append(
            page.evaluate("""() => {
                const node = document.activeElement;
                const ring = node.type === "range" ? getComputedStyle(node, "::-webkit-slider-thumb") :
                    getComputedStyle(node.type === "radio" ? node.nextElementSibling : node);
                return [node.closest("[data-axis]")?.dataset.axis ?? node.localName, ring.outlineStyle];
            }""")
        )
    assert [name for name, _ in reached] == ["button", "radius", "ring", "colour", "summary"]
    assert all(style == "solid" for name, style in reached if name != "radius")  # a thumb's style cannot be read

    before = figure.pixels()
    figure.root.get_by_text("both", exact=True).tap()
    assert figure.pixels() != before


def test_nothing_jumps_while_a_control_moves(page, figures_of):
    (figure,) = figures_of(page)
    parts = "header, .controls label, .controls input, output, .stage, figcaption, details"
    where = (
        "(root, parts) => [...root.querySelectorAll(parts)].map((node) => JSON.stringify(node.getBoundingClientRect()))"
    )
    figure.pixels()
    page.wait_for_timeout(300)
    first = figure.root.evaluate(where, parts)
    for _ in range(3):
        figure.root.get_by_role("slider").press("ArrowRight")
        figure.pixels()
        page.wait_for_timeout(300)
        assert figure.root.evaluate(where, parts) == first


# What the page of a classic notebook says of bare elements and of common names, as Bootstrap 3 does.
CLASSIC = """
label { display: inline-block; max-width: 100%; margin-bottom: 5px; font-weight: bold }
output { display: block; padding-top: 7px; font-size: 13px; line-height: 1.43; color: #555 }
summary { display: block } img { vertical-align: middle } figure { margin: 0 }
input[type=radio] { margin: 4px 0 0 } input[type=range] { display: block; width: 100% }
.label { display: inline; padding: .2em .6em .3em; font-size: 75%; font-weight: bold; color: #fff }
.table { width: 100%; margin-bottom: 18px }
.value, .name, .note, .stage, .controls, .frame { color: #fff; display: none }
"""
LOOKS = """() => [...document.querySelectorAll(".ibteach-figure, .ibteach-figure *")].map((node) => {
    const { display, color, fontSize, fontWeight, lineHeight, margin, padding, maxWidth } = getComputedStyle(node);
    const { width, height } = node.getBoundingClientRect();
    const drawn = node.matches("input") ? [] : [color, fontSize, lineHeight]; // what an input writes, nobody sees here
    return [node.tagName, display, fontWeight, margin, padding, maxWidth, width, height, ...drawn].join();
})"""


def test_it_keeps_its_looks_where_the_page_has_others(page, figures_of):
    (figure,) = figures_of(page)
    figure.pixels()
    before = page.evaluate(LOOKS)
    styled = "css => document.head.prepend(Object.assign(document.createElement('style'), { textContent: css }))"
    page.evaluate(styled, CLASSIC)
    page.wait_for_timeout(200)
    assert page.evaluate(LOOKS) == before
