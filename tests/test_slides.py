"""Decks: every chapter's fits a lecture, shows what teaches, and tells its speaker what to expect."""

import copy
import functools
import importlib.util
import json
from pathlib import Path

import nbformat
import pytest

from ibteach.course import CHAPTERS
from ibteach.site import prepared, slides

ROOT = Path(__file__).parents[1]
LECTURES = [chapter for chapter in CHAPTERS if chapter.number != "00"]

_spec = importlib.util.spec_from_file_location("slides_of", ROOT / "notebooks" / "slides.py")
marks = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(marks)


def notebook_of(chapter):
    return json.loads((ROOT / "notebooks" / chapter.file).read_text(encoding="utf-8"))


@functools.cache
def deck_of(chapter, folder):
    marked = notebook_of(chapter)
    marks.mark(marked, chapter.number)
    notebook = nbformat.reads(json.dumps(marked), 4)
    return slides.deck(prepared.page(notebook, chapter, set(), folder), chapter)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("images")


@pytest.mark.parametrize("chapter", CHAPTERS, ids=str)
def test_every_cell_says_whether_it_is_shown(chapter):
    notebook = notebook_of(chapter)
    marked = copy.deepcopy(notebook)
    marks.mark(marked, chapter.number)
    assert marked == notebook, "run python notebooks/slides.py"


@pytest.mark.parametrize("chapter", LECTURES, ids=str)
def test_what_is_named_is_there(chapter):
    ids = {cell["id"] for cell in notebook_of(chapter)["cells"]}
    assert set(marks.TEACHES[chapter.number]) | set(marks.LEFT_OUT.get(chapter.number, ())) <= ids


@pytest.mark.parametrize("chapter", LECTURES, ids=str)
def test_a_deck_fits_a_lecture_and_shows_each_kind(chapter, folder):
    deck = deck_of(chapter, folder)
    assert 15 <= slides.minutes(deck) <= slides.LONGEST
    assert deck[0].kind == "question" and deck[-1].kind == "recap"
    assert {slide.kind for slide in deck} >= {"predict", "figure", "equation", "answer", "code"}
    assert not any("exercises.check" in slide.body or "exercises.predict" in slide.body for slide in deck)


@pytest.mark.parametrize("chapter", LECTURES, ids=str)
def test_the_speaker_knows_the_answer_to_a_prediction(chapter, folder):
    asked = [slide for slide in deck_of(chapter, folder) if slide.kind == "predict"]
    assert len(asked) >= 4 and all(slide.notes[0].startswith("**Answer.** ") for slide in asked)
    page = slides.page(deck_of(chapter, folder), chapter)
    assert page.count("<section") == page.count('class="notes"') == len(deck_of(chapter, folder))
    assert "http" not in page.partition("<body>")[0]
