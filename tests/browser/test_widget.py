"""The explorer in a live notebook: JupyterLab and Notebook 7, by mouse and by keyboard, light and dark."""

import importlib.util
import shutil
from pathlib import Path

import nbformat
import pytest

from ibteach.display.live.explorer import Explorer

pytestmark = pytest.mark.browser
SCENE = Path(__file__).parents[1] / "display" / "rings.py"
CELLS = [
    "from rings import Rings\nfrom ibteach.display.live.explorer import Explorer",
    "explorer = Explorer(Rings())\nexplorer",
    "Explorer(Rings())",
    "explorer.state = {'radius': 2.4, 'ring': 'right'}",
]


@pytest.fixture
def opened(tmp_path, servers, notebook_of, open_notebook):
    """A notebook with two explorers, run."""

    def run(kind):
        shutil.copy(SCENE, servers(kind)["root"])
        notebook = open_notebook(notebook_of(tmp_path / "rings.ipynb", CELLS), kind)
        notebook.run_all()
        assert not notebook.errors()
        return notebook

    return run


def test_a_state_that_cannot_be_drawn_leaves_no_other_picture_and_no_other_words(tmp_path, notebook_of, open_notebook):
    scene = """from ibteach.display.live.explorer import Explorer
from ibteach.display.live.scene import Axis, Scene

class Broken(Scene):
    title, axes = "broken", (Axis("gamma", "γ", [1, 2, 3]),)

    def build(self, figure, theme):
        (self.line,) = figure.add_subplot().plot([0, 1])
        return [self.line]

    def update(self, gamma):
        if gamma == 2:
            raise ValueError("no data at 2")
        self.line.set_data([0, 1], [0, gamma / 3])

    def alt(self, gamma):
        return f"A line to {gamma}."

Explorer(Broken())"""
    notebook = open_notebook(notebook_of(tmp_path / "broken.ipynb", [scene]))
    notebook.run_all()
    root = notebook.page.locator(".ibteach-explorer")
    caption = root.locator("figcaption")
    root.locator("figcaption", has_text="A line to 1.").wait_for()
    root.get_by_role("slider").press("ArrowRight")
    root.locator("figcaption", has_text="ValueError: no data at 2").wait_for()
    assert root.locator(".ibteach-stage img").count() == 0
    assert root.locator(".ibteach-stage").inner_text() == caption.inner_text() == "ValueError: no data at 2"
    root.get_by_role("slider").press("ArrowRight")
    root.locator("figcaption", has_text="A line to 3.").wait_for()
    assert root.locator(".ibteach-stage img").get_attribute("alt") == "A line to 3."


def test_notebook_7(opened):
    first, second = opened("notebook").figures()
    second.exercise()
    assert first.alt() == "The right ring is drawn in colour 0 with radius 2.4."


def test_jupyterlab(opened):
    notebook = opened("lab")
    page, (first, second) = notebook.page, notebook.figures()

    # The last cell moved the controls of the first explorer, and of no other.
    first.pixels()
    assert first.alt() == "The right ring is drawn in colour 0 with radius 2.4."
    assert first.root.get_by_role("radio", name="right").is_checked()
    assert first.root.locator("output").inner_text() == "2.4"
    second.pixels()
    assert second.alt() == "The left ring is drawn in colour 0 with radius 0.5."
    first.exercise()
    first.root.locator("figcaption", has_text="The right ring is drawn in colour 0 with radius 2.4.").wait_for()

    # What a hand did, the kernel knows.
    first.root.get_by_role("radio", name="both").check(force=True)
    first.root.get_by_role("slider").press("Home")
    first.pixels()
    assert notebook.says("print(explorer.state_text)", '{"radius": 0.1, "ring": "both", "colour": "colour 0"}')

    # A state that is pasted is shown, and one that is not there is refused.
    first.root.locator("summary").click()
    box = first.root.get_by_label("State as text")
    box.fill('{"radius": 1.5, "ring": "left"}')
    box.press("Enter")
    first.pixels()
    assert first.alt() == "The left ring is drawn in colour 0 with radius 1.5."
    assert box.input_value() == '{"radius":1.5,"ring":"left","colour":"colour 0"}'
    box.fill('{"radius": 1.55}')
    page.wait_for_timeout(500)  # the kernel's answer to the state before does not overwrite what is being written,
    slide = "(node, tick) => { node.value = tick; node.dispatchEvent(new Event('input')); }"
    here = first.root.get_by_role("slider").evaluate("node => node.value")
    for tick in (0, here):  # nor does another state
        first.root.get_by_role("slider").evaluate(slide, tick)
        first.pixels()
        assert box.input_value() == '{"radius": 1.55}'
    box.press("Enter")
    assert "radius has the ticks" in box.evaluate("node => node.validationMessage")
    first.pixels()
    assert first.alt() == "The left ring is drawn in colour 0 with radius 1.5."

    # The theme of the notebook is the theme of the figure, as soon as it changes.
    light = first.pixels()
    notebook.choose("Settings", "Theme", "JupyterLab Dark")
    page.wait_for_function("document.querySelector('.ibteach-explorer').dataset.theme === 'dark'")
    dark = first.pixels()
    assert dark != light
    second.exercise()
    notebook.choose("Settings", "Theme", "JupyterLab Light")
    page.wait_for_function("document.querySelector('.ibteach-explorer').dataset.theme === 'light'")
    assert first.pixels() == light


def test_a_notebook_that_was_never_run_here_shows_the_picture(tmp_path, notebook_of, open_notebook):
    spec = importlib.util.spec_from_file_location("rings", SCENE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    data, metadata = Explorer(module.Rings())._repr_mimebundle_()
    output = nbformat.v4.new_output("execute_result", data, metadata=metadata, execution_count=1)
    cell = nbformat.v4.new_code_cell("explorer", execution_count=1, outputs=[output])
    page = open_notebook(notebook_of(tmp_path / "saved.ipynb", [cell])).page
    picture = page.locator(".jp-RenderedImage img")
    picture.wait_for()
    assert picture.evaluate("node => [node.width, node.naturalWidth]") == [600, 960]
