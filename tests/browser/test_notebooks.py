"""Every chapter in a real browser: all its cells run, and all its live figures move."""

from pathlib import Path

import pytest

pytestmark = pytest.mark.browser
CHAPTERS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)
def test_every_live_figure_of_a_chapter_moves(chapter, open_notebook):
    notebook = open_notebook(chapter)
    notebook.page.evaluate("localStorage.setItem('ibteach:predict-all', 'yes')")  # no figure waits for a prediction
    notebook.run_all(timeout=600)
    assert not notebook.errors()
    for figure in notebook.figures():
        figure.exercise()
