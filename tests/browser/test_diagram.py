"""The information diagram on an exported page: what the pointer touches, or the keyboard chooses, is highlighted."""

import json

import pytest

from ibteach.display.live.diagrams import diagram
from ibteach.display.live.scene import alt_text, states
from ibteach.information.discrete import Joint

pytestmark = pytest.mark.browser


def chain(noise):
    return Joint([[0.4, 0.1], [0.1, 0.4]], "X Y").encode("Z|X", [[1 - noise, noise], [noise, 1 - noise]])


@pytest.fixture
def page(tmp_path, new_page):
    path = diagram(Joint([[0.4, 0.1], [0.1, 0.4]], "X Y")).export(tmp_path / "diagram.html", themes="light").path
    page = new_page()
    page.goto(path.as_uri())
    return page


def test_pointer_and_keyboard_choose_the_quantity(page, figures_of):
    (figure,) = figures_of(page)
    figure.exercise()
    box = figure.root.locator(".ibteach-stage").bounding_box()

    def touch(across, down):
        page.mouse.move(box["x"] + across * box["width"], box["y"] + down * box["height"], steps=3)
        figure.pixels()
        return figure.root.locator("[data-axis=quantity] input:checked + span").inner_text(), figure.alt()

    for across, quantity in [(0.12, "H[X|Y]"), (0.27, "I[X;Y]"), (0.42, "H[Y|X]")]:
        tick, alt = touch(across, 0.5)
        assert tick == quantity
        assert f"highlighted is {quantity} " in alt
    assert "highlighted is H[Y|X] " in touch(0.9, 0.5)[1]  # beside the circles there is nothing to choose
    figure.root.get_by_role("radio", name="H[Y|X]").press("ArrowLeft")
    figure.pixels()
    assert "highlighted is H[X|Y] " in figure.alt()


def test_the_browser_says_what_python_says(tmp_path, new_page):
    """Words and numbers of every state, of a chain with noise: the script's are the scene's own."""
    joints = {0.0: chain(0.0), 0.3: chain(0.3)}
    explorer = diagram(joints, "noise")
    page = new_page()
    page.goto(explorer.export(tmp_path / "chain.html", themes="light").path.as_uri())
    line = page.get_by_role("textbox", name="State as text")
    page.locator("summary").click()
    for state in states(explorer.scene)[::5]:
        line.fill(json.dumps(state))
        line.press("Enter")
        assert page.locator("svg[data-diagram]").get_attribute("aria-label") == alt_text(explorer.scene, state)
