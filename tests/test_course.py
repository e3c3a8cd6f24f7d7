"""The one list of chapters is what the notebooks and README say."""

import json
import re
from pathlib import Path

import pytest

from ibteach.course import CHAPTERS

ROOT = Path(__file__).parents[1]


def first_cell(chapter):
    notebook = json.loads((ROOT / "notebooks" / chapter.file).read_text(encoding="utf-8"))
    return "".join(notebook["cells"][0]["source"])


def test_every_notebook_is_a_chapter_in_its_order():
    assert [chapter.file for chapter in CHAPTERS] == sorted(path.name for path in (ROOT / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("chapter", CHAPTERS, ids=str)
def test_a_chapter_opens_with_its_title_its_question_and_what_it_needs(chapter):
    text = first_cell(chapter)
    assert text.startswith(f"# {chapter.number} · {chapter.title}\n")
    assert f"**{chapter.question}**" in text.replace("$", "")
    needs = text.partition("*Needs:*")[2].partition("Afterwards")[0]
    assert tuple(re.findall(r"\]\((\d\d)_", needs)) == chapter.needs
    assert all(number < chapter.number for number in chapter.needs)


def test_readme_has_the_titles_the_questions_and_the_times():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for chapter in CHAPTERS:
        row = f"| [{chapter}](notebooks/{chapter.file}) | {chapter.question} | {chapter.seconds} s |"
        assert row in readme.splitlines()


@pytest.mark.parametrize("chapter", CHAPTERS[1:], ids=str)
def test_a_chapter_says_the_time_of_the_course(chapter):
    words = {10: "ten", 15: "fifteen", 20: "twenty", 30: "thirty", 40: "forty", 50: "fifty"}
    assert f"*Run all:* {words[chapter.seconds]} seconds on two CPU cores" in first_cell(chapter)
