"""Launches written into the course: badges in README.md and in every chapter, and the cell that installs it on Colab.

`stamp` may be run again at any time, and in a fork, whose own address (`ibteach.launches`) takes the other's place.
"""

import json
import re
from pathlib import Path

from ibteach import launches
from ibteach.errors import InvalidInput
from ibteach.files import PathLike
from ibteach.rewriting import as_text

START, END = "<!-- badges -->", "<!-- /badges -->"
COLAB = "[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]({})"
BINDER = "[![Launch on Binder](https://mybinder.org/badge_logo.svg)]({})"
LAUNCH = "launch"  # the id of the cell that installs


def stamp(root: PathLike = ".", branch: str = "main", tag: str | None = None) -> list[Path]:
    """Put launches into README.md and every notebook of a checkout; returns the files that changed.

    Badges open `branch`; the first code cell of a notebook installs `tag` (that of this version) on Colab, and does
    nothing elsewhere. Raises `InvalidInput`, before anything is written, when pyproject.toml names no repository or a
    notebook does not open with a heading, and `Unavailable` when a file cannot be read or written.
    """
    root = Path(root)
    of = launches.addresses(root, branch, tag)
    readme = root / "README.md"
    new = {readme: _with_badges(readme, launches.text(readme), _badges(of))}
    for path in sorted((root / "notebooks").glob("*.ipynb")):
        new[path] = _notebook(path, _badges(of, path.name), of.cell())
    return launches.write(new)


def _badges(of: launches.Addresses, notebook: str = "") -> str:
    return f"{COLAB.format(of.colab(notebook))} {BINDER.format(of.binder(notebook))}"


def _with_badges(path: Path, text: str, badges: str) -> str:
    """`text` with the badges between their marks, which stand below the first heading."""
    badges = f"{START}\n{badges}\n{END}"
    if START in text:
        before, _, rest = text.partition(START)
        _, end, after = rest.partition(END)
        if not end:
            raise InvalidInput(f"{path}: has {START!r} without {END!r} after it; add it where the badges end.")
        return before + badges + after
    heading = re.search(r"^# .*$", text, re.MULTILINE)
    if not heading:
        raise InvalidInput(f"{path}: expected a heading, a line such as '# Title', for the badges to stand below.")
    return f"{text[: heading.end()]}\n\n{badges}{text[heading.end() :]}"


def _notebook(path: Path, badges: str, code: str) -> str:
    """The text of a notebook with its badges, and below them the cell that installs."""
    text = launches.text(path)
    try:
        notebook = json.loads(text)
        first, *others = notebook["cells"]
        source, markdown = "".join(first["source"]), first["cell_type"] == "markdown"
        ids = [cell.get("id") for cell in others]
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise InvalidInput(f"{path}: is not a notebook with cells ({error!r}).") from error
    if not markdown:
        raise InvalidInput(f"{path}: opens with a {first['cell_type']} cell, expected Markdown with a heading.")
    stamped = _with_badges(path, source, badges)
    cell = {
        "cell_type": "code",
        "execution_count": 1,
        "id": LAUNCH,
        "metadata": {"slideshow": {"slide_type": "skip"}, "tags": ["remove-cell"]},
        "outputs": [],
        "source": code.splitlines(keepends=True),
    }
    if LAUNCH in ids:
        place = ids.index(LAUNCH)
        cell |= {name: others[place][name] for name in ("execution_count", "metadata")}
        if stamped == source and others[place] == cell:
            return text
        others[place] = cell
    else:
        others.insert(0, cell)
        _count_anew(others)
    first["source"] = stamped.splitlines(keepends=True)
    return as_text(notebook | {"cells": [first, *others]})


def _count_anew(cells: list[dict]) -> None:
    """Number the cells that were run, and what they showed, as a run from the top does."""
    count = 0
    for cell in cells:
        if cell["cell_type"] == "code" and cell.get("execution_count") is not None:
            count += 1
            for one in [cell, *cell["outputs"]]:
                if one.get("execution_count") is not None:
                    one["execution_count"] = count
