"""The joint-table editor by mouse and keyboard: in the exported page, offline, and in a notebook with its kernel."""

import json

import nbformat
import numpy as np
import pytest

from ibteach.display.live.diagrams import quantities
from ibteach.display.live.joint_table import JointTable, presets
from ibteach.information.diagram import i_measure
from ibteach.information.discrete import Joint

pytestmark = pytest.mark.browser


class Editor:
    """An editor on a page."""

    def __init__(self, page):
        self.page, self.root = page, page.locator(".ibteach-editor")
        self.root.wait_for()

    def cell(self, row, column):
        return self.root.locator(f'[data-cell="{row},{column}"]')

    def table(self):
        """What the cells say."""
        cells = self.root.locator("[data-cell]").all()
        last = cells[-1].get_attribute("data-cell").split(",")
        values = [float(cell.get_attribute("aria-valuenow")) for cell in cells]
        return np.array(values).reshape([int(i) + 1 for i in last])

    def values(self):
        """What the list of quantities says."""
        rows = self.root.locator("[data-quantity]").all()
        return {
            row.get_attribute("data-quantity"): float(row.locator(".ibteach-value").inner_text().replace("−", "-"))
            for row in rows
        }

    def highlighted(self):
        return self.root.locator('[data-quantity][aria-pressed="true"]').get_attribute("data-quantity")


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    return JointTable().export(tmp_path_factory.mktemp("page") / "table.html").path


@pytest.fixture
def editor(exported, new_page):
    page = new_page()
    page.context.set_offline(True)
    page.goto(exported.as_uri())
    return Editor(page)


def test_the_browser_computes_what_the_library_does(editor):
    for name, joint in presets().items():
        editor.root.get_by_text(name, exact=True).click()
        seen = editor.values()
        assert list(seen) == quantities(joint.names)
        for quantity, value in seen.items():
            assert value == pytest.approx(i_measure(quantity, joint).item(), abs=6e-4), (name, quantity)
    editor.root.get_by_text("bits", exact=True).click()
    editor.root.get_by_text("exclusive or", exact=True).click()
    assert editor.values()["I[A;B;Y]"] == -1


def test_circles_have_the_areas_of_the_measure(editor):
    editor.root.get_by_text("real digits", exact=True).click()
    joint = presets()["real digits"]
    rings = editor.root.locator("svg .ibteach-ring").all()
    box = "(ring) => (({ x, y, width, height }) => [x + width / 2, y + height / 2, width / 2])(ring.getBBox())"
    x, y, r = np.array([ring.evaluate(box) for ring in rings]).T
    grid = np.linspace(-1.5, 1.5, 2000)
    inside = [(grid[None] - x[i]) ** 2 + (grid[:, None] - y[i]) ** 2 < r[i] ** 2 for i in (0, 1)]
    area = (grid[1] - grid[0]) ** 2
    assert inside[0].sum() * area == pytest.approx(joint.H("ink").item(), abs=2e-3)
    assert inside[1].sum() * area == pytest.approx(joint.H("digit").item(), abs=2e-3)
    assert (inside[0] & inside[1]).sum() * area == pytest.approx(joint.I("ink;digit").item(), abs=2e-3)


def test_cells_are_dragged_and_moved_by_keys(editor):
    start = editor.table()
    box = editor.cell(0, 1).bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    editor.page.mouse.move(x, y)
    editor.page.mouse.down()
    editor.page.mouse.move(x, y - 45, steps=5)
    editor.page.mouse.up()
    dragged = editor.table()
    assert dragged[0, 1] == pytest.approx(start[0, 1] + 0.25, abs=1e-6)
    assert dragged.sum() == pytest.approx(1, abs=1e-5)
    rest = np.array([[1, 0], [1, 1]], bool)
    np.testing.assert_allclose(dragged[rest] / start[rest], dragged[0, 0] / start[0, 0], atol=1e-5)  # in proportion

    cell = editor.cell(1, 1)
    for key, wanted in [("Home", 0), ("ArrowUp", 0.01), ("PageUp", 0.11), ("ArrowDown", 0.1), ("End", 1)]:
        cell.press(key)
        assert editor.table()[1, 1] == pytest.approx(wanted, abs=1e-6)
    assert editor.values()["H[X,Y]"] == 0
    cell.press("ArrowDown")  # from certainty, the others share what is set free
    assert editor.table()[0, 0] == pytest.approx(0.01 / 3, abs=1e-6)
    shown = Joint(editor.table(), "X Y", normalize=True)
    for quantity, value in editor.values().items():
        assert value == pytest.approx(i_measure(quantity, shown).item(), abs=1e-3)


def test_what_is_under_the_pointer_or_has_the_focus_is_highlighted(editor):
    box = editor.root.locator("svg").bounding_box()
    for share, quantity in [(0.25, "H[X|Y]"), (0.5, "I[X;Y]"), (0.75, "H[Y|X]")]:
        editor.page.mouse.move(box["x"] + box["width"] * share, box["y"] + box["height"] / 2)
        assert editor.highlighted() == quantity
    editor.root.locator('[data-quantity="H[X,Y]"]').focus()
    assert editor.highlighted() == "H[X,Y]"
    editor.root.locator("figcaption", has_text="H[X,Y] = −Σ p(x,y) ln p(x,y)").wait_for()
    editor.root.get_by_role("radiogroup", name="unit").get_by_text("bits", exact=True).click()
    editor.root.locator('[data-quantity="H[X,Y]"]').focus()
    editor.root.locator("figcaption", has_text="H[X,Y] = −Σ p(x,y) log₂ p(x,y)").wait_for()
    assert "Highlighted: H[X,Y]" in editor.root.locator("svg").get_attribute("aria-label")


def test_sizes_states_and_themes(editor):
    editor.root.get_by_role("radiogroup", name="rows").get_by_text("3", exact=True).click()
    assert editor.table().shape == (3, 2)
    np.testing.assert_allclose(editor.table()[:2], [[0.45, 0.05], [0.05, 0.45]])
    editor.root.locator("summary").click()
    text = editor.root.get_by_label("State as text")
    text.fill(json.dumps({"preset": "own table", "table": [[0.1, 0.2], [0.3, 0.4]]}))
    text.press("Enter")
    assert editor.table().tolist() == [[0.1, 0.2], [0.3, 0.4]]
    wide = json.dumps({"preset": "exclusive or", "table": [[1 / 16] * 4] * 4})  # rows are pairs of bits, columns a bit
    for wrong in ("{", '{"preset": "copy", "table": [[0.1]]}', '{"preset": "copy", "table": [[1, 1], [1, 1]]}', wide):
        text.fill(wrong)
        text.press("Enter")
        assert text.evaluate("node => node.validationMessage")
    assert editor.table().tolist() == [[0.1, 0.2], [0.3, 0.4]]
    light = editor.root.evaluate("node => getComputedStyle(node).backgroundColor")
    editor.page.emulate_media(color_scheme="dark")
    editor.page.wait_for_function("document.querySelector('.ibteach-editor').dataset.theme === 'dark'")
    assert editor.root.evaluate("node => getComputedStyle(node).backgroundColor") != light


def test_the_kernel_and_the_screen_show_the_same_table(tmp_path, open_notebook):
    cells = [
        "from ibteach.display.live.joint_table import JointTable\neditor = JointTable()\neditor",
        'editor.state = {"preset": "copy"}',
    ]
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(cell) for cell in cells],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
    )
    nbformat.write(notebook, tmp_path / "table.ipynb")
    notebook = open_notebook(tmp_path / "table.ipynb")
    notebook.run_all()
    assert not notebook.errors()
    editor = Editor(notebook.page)
    editor.page.wait_for_function("document.querySelector('[data-cell=\"0,0\"]').ariaValueNow === '0.5'")
    editor.cell(0, 1).press("PageUp")
    assert editor.table()[0, 1] == pytest.approx(0.1)
    assert notebook.says("print(editor.table.round(6).tolist())", "[[0.45, 0.1], [0.0, 0.45]]")
