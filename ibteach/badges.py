"""Launch badges: from a repository's address in pyproject.toml to one click that opens a chapter on Colab or Binder.

The address is written down in one place, ``[project.urls]``; `stamp` puts what follows from it into README.md and
into the first cell of every notebook, and may be run again at any time.
"""

import importlib
import json
import re
import sys
from pathlib import Path
from urllib.parse import quote

from ibteach.errors import InvalidInput, Unavailable
from ibteach.files import PathLike, replacing

START, END = "<!-- badges -->", "<!-- /badges -->"
COLAB = "[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]({})"
INSTALL = (
    'On Colab, first run `%pip install -q "ibteach[attacks] @ git+https://github.com/{}@{}"` in a cell of its own.'
)
BINDER = "[![Launch on Binder](https://mybinder.org/badge_logo.svg)]({})"


def stamp(root: PathLike = ".", branch: str = "main") -> list[Path]:
    """Put launch badges into README.md and every notebook of a checkout; returns the files that changed.

    Raises `InvalidInput`, before anything is written, when pyproject.toml names no repository or a notebook does not
    open with a heading, and `Unavailable` when a file cannot be read or written.
    """
    root = Path(root)
    repository = _repository(root / "pyproject.toml")
    github = f"https://colab.research.google.com/github/{repository}"
    binder = f"https://mybinder.org/v2/gh/{repository}/{branch}?urlpath=lab/tree/notebooks"
    readme = root / "README.md"
    new = {readme: _with_badges(readme, _read(readme), f"{COLAB.format(f'{github}/')} {BINDER.format(binder)}")}
    for path in sorted((root / "notebooks").glob("*.ipynb")):
        colab = COLAB.format(f"{github}/blob/{branch}/notebooks/{quote(path.name)}")
        badges = f"{colab} {BINDER.format(f'{binder}/{quote(path.name)}')}\n\n{INSTALL.format(repository, branch)}"
        new[path] = _notebook_with_badges(path, badges)
    changed = [path for path, text in new.items() if text != _read(path)]
    for path in changed:
        with replacing(path) as part:
            part.write_text(new[path], encoding="utf-8", newline="\n")
    return changed


def _repository(path: Path) -> str:
    """OWNER/REPO of the repository that pyproject.toml names."""
    toml = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    try:
        project = toml.loads(_read(path)).get("project", {})
    except ValueError as error:
        raise InvalidInput(f"{path}: is not TOML ({error}).") from error
    address = project.get("urls", {}).get("Repository")
    wanted = '[project.urls]\nRepository = "https://github.com/OWNER/REPO"'
    if address is None:
        raise InvalidInput(f"{path}: names no repository, so badges have nowhere to lead. Add to it:\n\n{wanted}")
    found = re.fullmatch(r"https://github\.com/([\w.-]+/[\w.-]+?)(?:\.git)?/?", str(address))
    if not found:
        raise InvalidInput(
            f"{path}: got the repository {address!r}; Colab and Binder read GitHub, expected\n\n{wanted}"
        )
    return found[1]


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


def _notebook_with_badges(path: Path, badges: str) -> str:
    text = _read(path)
    try:
        notebook = json.loads(text)
        first = notebook["cells"][0]
        source, markdown = "".join(first["source"]), first["cell_type"] == "markdown"
    except (ValueError, LookupError, TypeError) as error:
        raise InvalidInput(f"{path}: is not a notebook with cells ({error!r}).") from error
    if not markdown:
        raise InvalidInput(f"{path}: opens with a {first['cell_type']} cell, expected Markdown with a heading.")
    stamped = _with_badges(path, source, badges)
    if stamped == source:
        return text
    first["source"] = stamped.splitlines(keepends=True)
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        raise Unavailable(f"{path}: cannot be read ({error}). Name the folder of a checkout of ibteach.") from error
