"""What lecturers are given: a page for each chapter, whole, with every number of an answer computed here."""

import doctest
import math
import re
from pathlib import Path

import pytest

from ibteach.course import CHAPTERS

FOLDER = Path(__file__).parents[1] / "docs" / "lecturers"
PAGES = sorted(FOLDER.glob("[0-9][0-9].md"))
NUMBER = re.compile(r"(?<![\w.,·/=^−-])\d+\.\d+|\b\d,\d{3}\b")


def parts(page):
    """Its text, and of it the mistakes, the questions for the break and those for the exam."""
    text = page.read_text(encoding="utf-8")
    wrong, _, rest = text.partition("## What students get wrong")[2].partition("## Three questions for the break")
    breaks, _, exam = rest.partition("## Three questions for an exam")
    return text, wrong, breaks, exam


def test_there_is_a_page_for_every_chapter():
    assert [page.stem for page in PAGES] == [chapter.number for chapter in CHAPTERS if chapter.number != "00"]
    plans = (FOLDER / "index.md").read_text(encoding="utf-8")
    assert all(f"## {name}" in plans for name in ("One lecture", "Four lectures", "Half a term"))
    assert set(re.findall(r"\((\d\d)\.md\)", plans)) == {page.stem for page in PAGES}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_has_aims_minutes_mistakes_and_three_questions_twice(page):
    text, wrong, breaks, exam = parts(page)
    assert "**Aims.**" in text and re.search(r"\*\*Minutes\.\*\* \d+", text)
    assert wrong.count("\n- *") >= 3
    assert re.findall(r"^(\d)\. ", breaks, re.M) == ["1", "2", "3"]
    questions = re.split(r"^\*\*\d\.\*\* ", exam, flags=re.M)[1:]
    assert len(questions) == 3
    for question in questions:
        asked, _, answer = question.partition("*Answer.*")
        marks = int(re.match(r"\((\d+) marks\)", asked)[1])
        given = [int(mark) for mark in re.findall(r"\((\d+)(?:;[^)]*)?\)", answer.partition("```")[0])]
        assert sum(given) == marks, (asked[:60], given)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_number_of_an_answer_is_computed(page):
    text = page.read_text(encoding="utf-8")
    code = re.sub("^```.*$", "", text, flags=re.M)
    parsed = doctest.DocTestParser().get_doctest(code, {"math": math}, page.stem, str(page), 0)
    assert parsed.examples
    assert doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(parsed).failed == 0
    computed = " ".join(example.source + example.want for example in parsed.examples)
    for answer in re.findall(r"\*Answer\.\*(.*?)(?=^```|^\*\*\d|\Z)", text, re.M | re.S):
        asked = text[: text.index(answer)].rpartition("marks)")[2]
        assert [number for number in NUMBER.findall(answer) if number not in computed + asked] == []
