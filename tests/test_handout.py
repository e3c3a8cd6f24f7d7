"""The handout: exercises without solutions, the same with solutions that their checks take, chapters on paper."""

import re
from pathlib import Path

import nbformat
import pytest

from ibteach import cli
from ibteach.course import CHAPTERS
from ibteach.display import exercises
from ibteach.errors import InvalidInput, Unavailable
from ibteach.site import handout, printed

ROOT = Path(__file__).parents[1]
NUMBERS = exercises.chapters()


@pytest.fixture(scope="module")
def sheets(tmp_path_factory):
    out = tmp_path_factory.mktemp("handout")
    handout.build(out, ROOT, paper=False)
    return {
        kind: {path.name[:2]: nbformat.read(path, 4) for path in (out / kind).iterdir()} for kind in handout.FOLDERS[:2]
    }


def code(notebook):
    return "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")


@pytest.mark.parametrize("number", NUMBERS)
def test_both_sheets_ask_every_exercise_and_only_one_answers(number, sheets):
    students, lecturers = sheets["students"][number], sheets["lecturers"][number]
    for exercise in exercises.exercises_of(number):
        solution = exercise.solution.strip()
        for notebook in (students, lecturers):
            assert f'exercises.check("{exercise.name}"' in code(notebook)
            asked = next(cell.source for cell in notebook.cells if cell.source.startswith(f"**{exercise.name}**"))
            assert len(asked) > 20 and ".ipynb" not in asked
        assert solution in code(lecturers) and solution not in code(students)
    assert "..." in code(students) and "Recap" not in "".join(cell.source for cell in students.cells)


@pytest.mark.parametrize("number", ["00", "01"])
def test_the_sheets_run_and_every_solution_is_right(number, sheets, capsys):
    for kind, mark in (("students", "○"), ("lecturers", "✓")):
        scope = {"__name__": "notebook"}
        for cell in sheets[kind][number].cells:
            if cell.cell_type == "code":
                exec(cell.source, scope)
        assert capsys.readouterr().out.count(mark) == len(exercises.exercises_of(number))


def test_chapters_are_printed_with_their_pictures_and_formulas(tmp_path):
    try:
        handout.find_chromium()
    except Unavailable:
        pytest.skip("no Chromium on this machine: install it, or set CHROMIUM to its path")
    made = handout.build(tmp_path, ROOT, ["00"])
    assert [path.name for path in made] == ["00_start_here.ipynb", "00_start_here.ipynb", "00_start_here.pdf"]
    paper = made[-1].read_bytes()
    assert paper.startswith(b"%PDF-") and len(re.findall(rb"/Type /Page\b", paper)) >= 3
    assert b"/Subtype /Image" in paper and b"KaTeX" in paper


def test_paper_shows_no_bars_of_progress():
    for chapter in CHAPTERS:
        assert "%|" not in printed.page(handout.read(ROOT / "notebooks" / chapter.file), chapter)


def test_an_older_handout_is_replaced_and_other_files_stay(tmp_path):
    for sheet in (
        "students/02_the_bottleneck.ipynb",
        "lecturers/01_entropy_and_diagrams.ipynb",
        "chapters/02_the_bottleneck.pdf",
    ):
        (tmp_path / sheet).parent.mkdir()
        (tmp_path / sheet).write_text("older", encoding="utf-8")
    (tmp_path / "students" / "answers.ipynb").touch()
    with pytest.raises(InvalidInput, match="chapters: got none"):
        handout.build(tmp_path, ROOT, [])
    with pytest.raises(Unavailable, match="cannot be read"):
        handout.build(tmp_path, tmp_path, ["01"])
    assert (tmp_path / "students/02_the_bottleneck.ipynb").exists()  # what is refused removes nothing
    handout.build(tmp_path, ROOT, ["01"], paper=False)
    left = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.*"))
    name = "01_entropy_and_diagrams.ipynb"
    assert left == [f"lecturers/{name}", f"students/{name}", "students/answers.ipynb"]
    assert (tmp_path / "lecturers" / name).read_text(encoding="utf-8") != "older"


def test_without_chromium_all_the_rest_is_there_and_it_is_said(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("CHROMIUM", str(tmp_path / "nowhere"))
    out, older = tmp_path / "out", tmp_path / "out/students/02_the_bottleneck.ipynb"
    older.parent.mkdir(parents=True)
    older.touch()
    assert cli.main(["site", "handout", "--out", str(out), "--root", str(ROOT), "--chapters", "01"]) == 1
    assert "apt-get install chromium" in capsys.readouterr().err
    assert older.exists()  # nothing goes before all that is new is there
    assert (out / "students/01_entropy_and_diagrams.ipynb").exists() and not (out / "chapters").exists()
    assert (out / "lecturers/01_entropy_and_diagrams.ipynb").exists()


def test_a_folder_of_other_things_and_a_place_without_a_course_are_refused(tmp_path):
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(InvalidInput, match=r"holds 'thesis\.tex'"):
        handout.build(tmp_path, ROOT)
    with pytest.raises(Unavailable, match="cannot be read"):
        handout.build(tmp_path / "out", tmp_path)
    assert not (tmp_path / "out").exists()
