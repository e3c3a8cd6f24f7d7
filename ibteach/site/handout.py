"""What a lecturer hands out: exercises as notebooks, once without solutions and once with them, and chapters on paper.

Nothing is run: the notebooks are taken as they are stored. `build` writes three folders,

    students/     the exercises of each chapter, to be answered
    lecturers/    the same with solutions, each of which its own check takes
    chapters/     each chapter as PDF, printed by Chromium

An older handout there is replaced: no sheet of another chapter is left; what somebody else put into the folders stays.
"""

from __future__ import annotations

import copy
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import nbformat

from ibteach.course import CHAPTERS, Chapter, chosen
from ibteach.display import exercises
from ibteach.errors import InvalidInput, Unavailable
from ibteach.files import PathLike, named, replacing
from ibteach.site import printed
from ibteach.site.exercises import CHECK

FOLDERS = ("students", "lecturers", "chapters")
PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
PRINT_SECONDS = 180
QUIET = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--no-pdf-header-footer")


def build(out: PathLike, root: PathLike = ".", chapters: Iterable[str] | None = None, paper: bool = True) -> list[Path]:
    """Write the handout of a checkout into a folder; returns its files. With `paper`, chapters as PDF, too.

    Raises, before anything is written, `InvalidInput` for a folder that holds something else and for no chapters, and
    `Unavailable` where there is no course. When all the rest is written, `Unavailable` says what to install for the
    PDF, if anything.
    """
    out, root = named(out), named(root)
    others = [path.name for path in out.glob("*") if path.name not in FOLDERS] if out.is_dir() else []
    if others or out.is_file():
        raise InvalidInput(f"{out}: holds {others[0]!r}, expected a new folder." if others else f"{out}: is a file.")
    notebooks = {chapter: read(root / "notebooks" / chapter.file) for chapter in chosen(chapters)}
    made = []
    for chapter, notebook in notebooks.items():
        if chapter.number in exercises.chapters():
            made.append(_write(out / "students" / chapter.file, sheet(notebook, chapter)))
            made.append(_write(out / "lecturers" / chapter.file, sheet(notebook, chapter, solved=True)))
    if paper:
        made += _on_paper(out, notebooks)
    for chapter in CHAPTERS:  # an older handout's, once all of the new one is there
        for path in (out / "students" / chapter.file, out / "lecturers" / chapter.file, _paper(out, chapter)):
            if path not in made:
                path.unlink(missing_ok=True)
    return made


def _paper(out: Path, chapter: Chapter) -> Path:
    return out / "chapters" / f"{chapter.number}_{chapter.name}.pdf"


def read(path: Path) -> Any:
    """A notebook as it is stored. Raises `Unavailable` where there is none."""
    try:
        return nbformat.read(path, as_version=4)
    except (OSError, ValueError) as error:
        raise Unavailable(f"{path}: cannot be read ({error}). Name a checkout of the course.") from error


def sheet(notebook: Any, chapter: Chapter, solved: bool = False) -> Any:
    """The exercises of a chapter as a notebook of its own: what is asked, and what its code stands on."""
    cells = [_heading(chapter, solved), nbformat.v4.new_code_cell("from ibteach.display import exercises")]
    asked = ""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            asked = cell.source
            continue
        for name in CHECK.findall(cell.source):
            exercise = exercises.find(name)
            cells.append(nbformat.v4.new_markdown_cell(_statement(asked, name)))
            answer = f'{exercise.solution.strip()}\nexercises.check("{name}", answer)' if solved else cell.source
            cells.append(nbformat.v4.new_code_cell(f"{exercise.setup.lstrip()}\n{answer}".strip()))
    for number, cell in enumerate(cells):
        cell["id"] = f"sheet-{number:02}"
    metadata = {"kernelspec": copy.deepcopy(notebook.metadata.get("kernelspec", {}))}
    return nbformat.v4.new_notebook(cells=cells, metadata=metadata)


def _heading(chapter: Chapter, solved: bool) -> Any:
    how = (
        "With solutions: not for students."
        if solved
        else "Replace `...` and run the cell: a right answer is taken in any form, a wrong one is met with a hint."
    )
    return nbformat.v4.new_markdown_cell(f"# {chapter.number} · {chapter.title}: exercises\n\n{how}")


def _statement(prose: str, name: str) -> str:
    """What the prose above an exercise's cell asks: from its number to the end of the cell."""
    found = re.search(rf"\*\*{re.escape(name)}\*\*.*", prose, re.S)
    text = found[0] if found else f"**{name}** {prose}"
    return re.sub(r"\[([^\]]*)\]\([\w.-]+\.ipynb[^)]*\)", r"\1", text)


def _write(path: Path, notebook: Any) -> Path:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Unavailable(f"{path.parent}: cannot be made ({error.strerror}); name another folder.") from error
    with replacing(path) as part:
        part.write_text(nbformat.writes(notebook) + "\n", encoding="utf-8")
    return path


def _on_paper(out: Path, notebooks: dict[Chapter, Any]) -> list[Path]:
    chromium = find_chromium()
    (out / "chapters").mkdir(parents=True, exist_ok=True)
    made = []
    with tempfile.TemporaryDirectory(prefix="ibteach-") as work:
        printed.static_files(Path(work))
        for chapter, notebook in notebooks.items():
            source = Path(work, f"{chapter.number}.html")
            source.write_text(printed.page(notebook, chapter), encoding="utf-8")
            path = _paper(out, chapter)
            with replacing(path) as part:
                print_page(chromium, source, part)
            made.append(path)
    return made


def find_chromium() -> str:
    """The program that prints: what the environment variable CHROMIUM names, or one that is installed.

    Raises `Unavailable` where there is none.
    """
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, PROGRAMS)), None)
    if not found or not shutil.which(found):
        raise Unavailable(
            "PDF: there is no Chromium here, so everything else was written and no PDF. Install it (Debian: apt-get "
            "install chromium), or name a Chrome or Edge with the environment variable CHROMIUM."
        )
    return found


def print_page(chromium: str, source: Path, path: Path) -> None:
    """Print an HTML file. Raises `Unavailable` when the browser fails."""
    with tempfile.TemporaryDirectory(prefix="ibteach-profile-") as profile:
        to = [f"--user-data-dir={profile}", f"--print-to-pdf={path}"]
        command = [chromium, *QUIET, *to, source.resolve().as_uri()]
        try:
            done = subprocess.run(command, capture_output=True, timeout=PRINT_SECONDS, text=True, encoding="utf-8")
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Unavailable(f"PDF: {chromium} does not print ({error}).") from error
    if done.returncode or not path.stat().st_size:
        raise Unavailable(f"PDF: {chromium} does not print: {done.stderr.strip()[-500:]}")
