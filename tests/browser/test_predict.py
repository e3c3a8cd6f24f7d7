"""Predictions in JupyterLab: after Run All everything waits, a vote opens its cell and answer, and is kept."""

import nbformat
import pytest

pytestmark = pytest.mark.browser

ANSWER = '<details class="answer answer-01b"><summary>Answer</summary>\n\nLess, $x^2$.\n\n</details>\n\nGo on.'
FIGURE = """exercises.predict("01a")
explore(lambda axes, a: axes.plot([0, a]), a=[1, 2], alt="A line to {a}.", title="line")"""


def test_what_follows_a_predict_waits_until_it_is_asked_for(open_notebook, tmp_path):
    cells = [
        nbformat.v4.new_code_cell("from ibteach.display import exercises, explore"),
        nbformat.v4.new_code_cell('exercises.predict("01b")\nprint("written")\n3 + 4'),
        nbformat.v4.new_markdown_cell(ANSWER),
        nbformat.v4.new_code_cell(FIGURE),
    ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel}), tmp_path / "waits.ipynb")
    notebook = open_notebook(tmp_path / "waits.ipynb")
    page = notebook.page
    notebook.run_all()
    outputs = page.locator(".jp-Cell").nth(1).locator(".jp-OutputArea-output")
    figure, answer = page.locator(".ibteach-explorer"), page.locator("details.answer-01b")
    page.get_by_role("button", name="more", exact=True).wait_for()

    def visible():
        return [outputs.nth(1).is_visible(), answer.get_by_text("Less").is_visible(), figure.is_visible()]

    figure.wait_for(state="attached")
    assert visible() == [False, False, False]
    page.get_by_role("button", name="more", exact=True).focus()
    page.keyboard.press("1")  # one key; the notebook would have made a heading of the cell
    page.get_by_text("You said “more”. It is “less”.").wait_for()
    assert visible() == [True, True, False]
    page.get_by_role("button", name="ask again").click()
    assert visible() == [False, False, False]
    page.get_by_role("button", name="less", exact=True).click()
    page.get_by_text("You said “less”, and so it is.").wait_for()
    page.get_by_role("checkbox", name="show all").first.check()
    figure.wait_for()
    assert visible() == [True, True, True]
    page.get_by_role("checkbox", name="show all").first.uncheck()
    figure.wait_for(state="hidden")
    notebook.run_all()  # votes are kept
    page.get_by_text("You said “less”, and so it is.").wait_for()
    assert visible()[:2] == [True, True]
    widgets = "import ipywidgets; all = ipywidgets.widgets.widget._instances.values()"
    last = "[w.vote for w in all if getattr(w, 'name', None) == '01b'][-1]"
    assert notebook.says(f"{widgets}; print({last})", "less")  # and the kernel hears of them
