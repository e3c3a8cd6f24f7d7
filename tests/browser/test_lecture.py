"""A deck and the exercises of a page, in a real browser: a small course of one chapter, made as the real one is."""

import functools
import http.server
import math
import threading
from pathlib import Path

import nbformat
import numpy as np
import pytest

from ibteach import site
from ibteach.course import CHAPTERS
from ibteach.display import exercises
from ibteach.display.exercises.answers import as_numbers
from ibteach.site.exercises import CHECK, add_widgets, asked, canonical, is_numeric

pytestmark = pytest.mark.browser
CHAPTER = CHAPTERS[1]

OPENING = """# 01 · Entropy and information diagrams

**How much does one thing tell about another?**
"""
PREDICT = """## First, slide

A bit is flipped.

**Predict.** Where is the entropy largest? Then slide.
"""
FIGURE = """
import numpy as np
from ibteach.display import explore

def channel(axes, error):
    p = np.linspace(0.001, 0.999, 99)
    q = p * (1 - error) + (1 - p) * error
    axes.plot(p, -q * np.log(q) - (1 - q) * np.log(1 - q))

explore(channel, error=[0.0, 0.1, 0.3, 0.5], alt="H[Y] over p for a bit flipped with {error}.")
"""
ANSWER = r"""In the middle, where it is $\ln 2$. On average one is surprised by

$$H[Y] = -\sum_y p(y) \ln p(y)$$

## Recap

- Slide, and see.
"""


@pytest.fixture(scope="module")
def decks(tmp_path_factory):
    """The address of the decks of a small course, which are served here."""
    root = tmp_path_factory.mktemp("course")
    (root / "notebooks").mkdir()
    prose, code = nbformat.v4.new_markdown_cell, nbformat.v4.new_code_cell
    cells = [prose(OPENING), prose(PREDICT), code(FIGURE), prose(ANSWER)]
    for cell in cells:
        cell.metadata["slideshow"] = {"slide_type": "slide"}
    nbformat.write(nbformat.v4.new_notebook(cells=cells), root / "notebooks" / CHAPTER.file)
    out = site.build(root / "out", root, [CHAPTER.number], cache=root / "cache", slides_alone=True)
    with served(out) as address:
        yield f"{address}/slides/{CHAPTER.number}_{CHAPTER.name}.html"


class served:
    """A folder behind a file server on the loopback."""

    def __init__(self, folder):
        handler = functools.partial(Quiet, directory=str(folder))
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{self.server.server_port}"

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


class Quiet(http.server.SimpleHTTPRequestHandler):
    extensions_map = http.server.SimpleHTTPRequestHandler.extensions_map | {".js": "text/javascript"}

    def log_message(self, *_):
        pass


@pytest.fixture
def deck(decks, new_page):
    """Opens the deck, at the projector's size."""

    def open_deck(more=""):
        page = new_page()
        page.set_viewport_size({"width": 1280, "height": 720})
        page.asked = []
        page.on("request", lambda sent: page.asked.append(sent.url))
        page.goto(decks + more)
        page.wait_for_selector("html[data-ready]")
        return page

    return open_deck


def kind(page):
    return page.evaluate("document.querySelector('.slides > .present').className.split(' ')[0]")


def test_a_deck_asks_predicts_shows_and_answers_without_another_host(deck):
    page = deck()
    seen = []
    for _ in range(6):
        seen.append(kind(page))
        body = page.locator(".present .body")
        assert body.evaluate("node => node.scrollHeight <= node.clientHeight + 1"), seen
        page.keyboard.press("ArrowRight")
    assert seen == ["question-slide", "predict", "figure", "answer", "equation", "recap"]
    assert page.locator(".katex").count() >= 2
    assert all(url.startswith(("http://127.0.0.1", "blob:", "data:")) for url in page.asked)
    notes = page.locator("section.predict aside").text_content()
    assert "1 min, from minute 1" in notes and "Answer. In the middle" in notes


def test_arrows_turn_the_page_outside_a_control_and_move_the_slider_inside(deck, figures_of):
    page = deck("#slide=3")
    (figure,) = figures_of(page)
    slider, caption = figure.root.get_by_role("slider"), figure.root.locator("figcaption")
    page.wait_for_function("node => node.textContent", arg=caption.element_handle())
    slider.focus()
    page.keyboard.press("ArrowRight")
    assert slider.input_value() == "1" and kind(page) == "figure"
    figure.root.locator('[alt*="flipped with 0.1"]').wait_for()
    page.keyboard.press("Escape")  # the deck has the keys again
    page.keyboard.press("ArrowRight")
    assert kind(page) == "answer"
    page.keyboard.press("ArrowLeft")
    assert kind(page) == "figure"
    box, screen = figure.root.bounding_box(), page.viewport_size
    assert box["y"] + box["height"] <= screen["height"] + 1 and box["x"] + box["width"] <= screen["width"] + 1
    assert box["height"] > 0.7 * screen["height"] or box["width"] > 0.7 * screen["width"]


def test_the_address_of_a_deck_leads_to_a_figure_as_it_was_left(deck, figures_of):
    page = deck("#slide=3")
    (figure,) = figures_of(page)
    figure.root.get_by_role("slider").press("End")
    page.wait_for_function("location.hash.includes('error=0.5')")
    shared = page.evaluate("location.hash")
    for more in (shared, f"{shared}&x=%CE"):
        page = deck(more)
        page.locator('.present [alt*="flipped with 0.5"]').wait_for()
        assert "error=0.5" in page.url and page.evaluate("document.querySelector('.slides').scrollTop") == 0
    page.keyboard.press("ArrowRight")
    assert kind(page) == "answer" and page.url.endswith("#slide=4")
    for address, wanted in (("slide=2", "predict"), (shared[1:].replace("0.5", "0.1"), "figure"), ("other", "figure")):
        page.evaluate("address => (location.hash = address)", arg=address)
        page.wait_for_function(f"document.querySelector('.slides > .present').classList.contains('{wanted}')")
    page.locator('.present [alt*="flipped with 0.1"]').wait_for()


def test_a_deck_is_printed_a_slide_on_each_page(deck):
    page = deck("?print-pdf")
    page.wait_for_selector("html[data-ready] .pdf-page")
    assert page.locator(".pdf-page").count() == 6
    image = page.locator("section.figure img")
    assert image.evaluate("node => node.naturalWidth > 0") and "bit flipped" in image.get_attribute("alt")
    assert page.pdf(prefer_css_page_size=True).count(b"/Type /Page\n") == 6


# Exercises

NAMES = [one.name for chapter in exercises.chapters() for one in exercises.exercises_of(chapter) if is_numeric(one)]


@pytest.fixture
def sheet(tmp_path, new_page):
    """A page with every exercise that is answered by a number, as the site's pages have them."""
    cells = [nbformat.v4.new_code_cell(f'exercises.check("{name}", x)') for name in NAMES]
    notebook = nbformat.v4.new_notebook(cells=[*cells, nbformat.v4.new_code_cell('exercises.check("01.2", f)')])
    add_widgets(notebook, CHAPTER.file)
    html = "".join(cell.outputs[0].data["text/html"] for cell in notebook.cells)
    contents = f'<nav class="sidebar-tree"><a href="chapters/{CHAPTER.number}_{CHAPTER.name}.html">01</a></nav>'
    script = '<script type="module" src="_static/ibteach/exercises.js"></script>'
    (tmp_path / "index.html").write_text(f"<!DOCTYPE html>{contents}{html}{script}", encoding="utf-8")
    site.extension.static_files(tmp_path / "_static")
    site.exercises.write_names(site.Site(tmp_path, tmp_path, tmp_path, {}))
    with served(tmp_path) as address:
        page = new_page()
        page.goto(address)
        page.locator(".ibteach-clear").wait_for(state="attached")
        yield page


def answer(page, name, *texts):
    """Write an answer and check it; what is said to it."""
    form = page.get_by_role("form", name=f"Exercise {name}", exact=True)
    for field, text in zip(form.get_by_role("textbox").all(), texts, strict=True):
        field.fill(text)
    form.get_by_role("button").click()
    return form.get_by_role("status").inner_text()


def solved(name):
    exercise, scope = exercises.find(name), {}
    exec(exercise.setup, scope)
    exec(exercise.solution, scope)
    return np.atleast_1d(as_numbers(scope["answer"])).tolist()


def test_every_right_answer_is_taken_and_the_page_holds_none(sheet):
    text = sheet.content()
    for name in NAMES:
        values = solved(name)
        for digits in (3, 4, 5, 6, 12):
            written = [
                f"{value:.{digits}g}" if not asked(exercises.find(name))["whole"] else f"{value:.0f}"
                for value in values
            ]
            assert "Right" in answer(sheet, name, *written), (name, written)
        for value in values:
            assert not (len(f"{value:.6g}") > 3 and f"{value:.6g}" in text), name
    assert CHECK.search('exercises.check("01.1", x)')[1] == "01.1"


def test_plausible_wrong_answers_are_met_with_what_is_wrong(sheet):
    right = 1.75 * math.log(2)
    assert "right in bits" in answer(sheet, "01.1", "1.75")
    assert "other sign" in answer(sheet, "01.1", f"−{right:.4f}") and "How often must you ask" in said(sheet, "01.1")
    assert "twice what is right" in answer(sheet, "01.1", f"{2 * right:.5f}")
    assert "half of what is right" in answer(sheet, "01.1", f"{right / 2:.4g}")
    assert "looks like common logarithms" in answer(sheet, "01.1", f"{1.75 * math.log10(2):.4g}")
    assert "near" in answer(sheet, "01.1", "1.2") and "no number" in answer(sheet, "01.1", "one")
    assert "another value" in answer(sheet, "01.1", "17")
    assert "in the other order" in answer(sheet, "01.4", "1.1", "0.2")


def judged(page, name, *texts):
    """What is said to an answer, without a form."""
    judge = "async (given) => (await import('/_static/ibteach/exercises.js')).judge(...given).said"
    return page.evaluate(judge, [asked(exercises.find(name)), texts])


def test_every_mistake_is_called_by_its_name_as_in_a_notebook(sheet):
    for name in NAMES:
        exercise = exercises.find(name)
        shape = as_numbers(exercise.check._expected()).shape
        for called, wrong in exercise.mistakes.items():
            wrong = as_numbers(wrong() if callable(wrong) else wrong)
            if wrong.shape == shape:
                texts = [f"{value:.7g}" for value in np.atleast_1d(wrong)]
                assert judged(sheet, name, *texts) == f"This looks like {called}.", (name, texts)


def test_as_many_digits_as_are_typed_have_to_be_right(sheet):
    right = solved("01.1")[0]
    assert right == pytest.approx(1.2130076)
    for text in (
        "1.21",
        "1.213",
        "1.2130",
        "1.21300",
        "1.213008",
        "1.21301",
        repr(right),
        repr(float(np.float32(right))),
    ):
        assert judged(sheet, "01.1", text).startswith("Right"), text
    for text in ("1.214", "1.2128", "1.21308"):
        assert "near" in judged(sheet, "01.1", text), text
    assert judged(sheet, "02.4", "0.1836").startswith("Right")  # a check in Python takes 2e-3
    assert judged(sheet, "05.5", "-2.3e-7").startswith("Right")  # which is 0, computed in float32


def test_what_is_counted_is_written_as_people_write_it(sheet):
    for text in ("295424", "295,424", "295 424", "295\u00a0424", "295\u202f424", "295'424", "295’424"):
        assert judged(sheet, "08.2", text).startswith("Right"), text
    for text in ("295.424", "2954,24", "29,5424", "295425"):
        assert "Not right yet" in judged(sheet, "08.2", text), text


def test_a_mark_stands_before_what_is_right_alone(sheet):
    mark = "node => getComputedStyle(node, '::before').content"
    status = sheet.get_by_role("form", name="Exercise 01.1", exact=True).get_by_role("status")
    sheet.add_style_tag(path=Path(site.__file__).parent / "static" / "exercises.css")
    for text, wanted in (("1.213", True), ("7", False), ("1.213", True)):
        answer(sheet, "01.1", text)
        assert (status.evaluate(mark) != "none") == wanted, text
    sheet.reload()
    sheet.add_style_tag(path=Path(site.__file__).parent / "static" / "exercises.css")
    sheet.get_by_text("Right, answered before.").wait_for()
    assert status.evaluate(mark) != "none"
    answer(sheet, "01.1", "none")
    assert status.evaluate(mark) == "none"


def test_what_is_forgotten_on_one_page_is_forgotten_on_all(sheet):
    assert "Right" in answer(sheet, "01.1", "1.213")
    other = sheet.context.new_page()
    other.goto(sheet.url)
    other.get_by_text("Right, answered before.").wait_for()
    other.get_by_role("button", name="Forget my answers").click()
    sheet.wait_for_function("!document.querySelector('.ibteach-exercise[data-right]')")
    assert said(sheet, "01.1") == "" and sheet.locator(".ibteach-progress").inner_text() == ""
    sheet.evaluate(
        "() => { Storage.prototype.setItem = () => { throw new Error(); }; }"
    )  # a browser that keeps nothing
    answer(sheet, "01.1", "1.213")
    assert sheet.locator(".ibteach-progress").inner_text().strip() == "1/3"
    sheet.get_by_role("button", name="Forget my answers").click()
    assert sheet.locator(".ibteach-progress").inner_text() == ""


def said(page, name):
    return page.get_by_role("form", name=f"Exercise {name}", exact=True).get_by_role("status").inner_text()


def test_progress_is_kept_shown_in_the_contents_and_cleared(sheet):
    mark = sheet.locator(".ibteach-progress")
    assert mark.inner_text() == "" and sheet.locator(".ibteach-clear").is_hidden()
    assert "Right" in answer(sheet, "01.1", "1,213")
    assert mark.inner_text().strip() == "1/3"
    sheet.reload()
    sheet.locator(".ibteach-exercise[data-right]").wait_for()
    assert mark.inner_text().strip() == "1/3" and "before" in said(sheet, "01.1")
    sheet.get_by_role("button", name="Forget my answers").click()
    assert mark.inner_text() == "" and said(sheet, "01.1") == ""
    sheet.reload()
    assert sheet.locator(".ibteach-exercise[data-right]").count() == 0


def test_numbers_are_rounded_and_hashed_alike_in_both_languages(sheet):
    values = [0.24197072, -2.125, 9.996, 0.0, -0.0, 1e-12, 123456.0, 2.5, 1.005, 99.95, 1 / 3, 5e22, 1e300, -7e-7]
    for whole in (False, True):
        found = sheet.evaluate(
            "async (given) => (await import('/_static/ibteach/exercises.js')).canonical(...given)", [values, whole]
        )
        assert found == canonical(values, whole)
