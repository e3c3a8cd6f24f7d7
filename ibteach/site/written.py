"""The pages that no notebook is: the first one, the notation, the reference of the library, how to cite.

All of them are made from what the library says of itself.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING

import ibteach
from ibteach.information.diagram import REGIONS, latex
from ibteach.objectives import OBJECTIVES

if TYPE_CHECKING:
    from ibteach.site.build import Site

PARTS = ("information", "bottleneck", "objectives", "data", "networks", "records", "training", "evaluation", "display")
NOT_TAUGHT = {"chapters", "exercises", "shipped"}


def front(site: Site) -> None:
    """The site's first page: the map of the chapters."""
    rows = [
        f"| [{chapter.number} {chapter.title}](chapters/{chapter.file}) | {chapter.question} | {chapter.minutes} min |"
        for chapter in site.chapters
    ]
    table = "\n".join(["| chapter | the question it answers | time |", "|---|---|---|", *rows])
    chapters = "\n".join(f"chapters/{Path(chapter.file).stem}" for chapter in site.chapters)
    text = f"""# Information bottlenecks you can move

{_start(site)}

## The chapters

{table}

<a href="slides/index.html">Slides</a> of each chapter, and what [lecturers](lecturers/index.md) need.

```{{toctree}}
:hidden:
:caption: Chapters

{chapters}
```

```{{toctree}}
:hidden:
:caption: Look up

notation
api/index
lecturers/index
cite
```
"""
    _write(site.source / "index.md", text)


def _start(site: Site) -> str:
    """What chapter 00 says in a minute, and its first figure."""
    found = next((notebook for chapter, notebook in site.chapters.items() if chapter.number == "00"), None)
    if found is None:
        return ""
    cells = {cell.get("id"): cell for cell in found.cells}
    shown = [output.get("data", {}).get("text/html", "") for output in cells["latents"].outputs]
    figure = next((html for html in shown if "ibteach-live" in html), "")
    asked = cells["touch"].source.partition("**Predict.**")[0].partition("\n\n")[2]
    said = cells["minute"].source.partition("\n\n")[2]
    return f"{said}\n\n{asked}Move γ: what goes first?\n\n```{{raw}} html\n{figure}\n```\n"


def lecturers(site: Site) -> None:
    """The pages for lecturers, as they stand in ``docs/lecturers``, where the checkout has them."""
    folder = site.root / "docs" / "lecturers"
    pages = {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.md"))}
    for name, text in (
        pages or {"index.md": "# For lecturers\n\nThis copy of the course has no pages for them.\n"}
    ).items():
        _write(site.source / "lecturers" / name, text)


def notation(site: Site) -> None:
    """Every name of a region and of an objective, with its symbol and the chapter that introduces it."""
    regions = [
        f"| {found.name} | ${latex(found.quantity)}$ | {found.meaning} | {_where(site, found.name)} |"
        for found in REGIONS
    ]
    objectives = [
        f"| {one.title} | `{name}` | {_symbol(one.bounds)} | {_where(site, one.title)} |"
        for name, one in OBJECTIVES.items()
    ]
    text = "\n".join(
        [
            "# Notation",
            "",
            "All information is in nats, the unit of the natural logarithm; 1 bit is ln 2 = 0.693 nats.",
            "",
            "## Regions of the diagram of Y − X − Z",
            "",
            "The names are those of Kirsch, Lyle and Gal (2020).",
            "",
            "| name | symbol | what it is | introduced in |",
            "|---|---|---|---|",
            *regions,
            "",
            "## Objectives",
            "",
            "| name | in the library | bounds from above | introduced in |",
            "|---|---|---|---|",
            *objectives,
            "",
        ]
    )
    _write(site.source / "notation.md", text)


def citation(site: Site) -> None:
    """How to cite the package and the paper."""
    text = (site.root / "CITATION.cff").read_text(encoding="utf-8")
    _write(site.source / "cite.md", f"# How to cite\n\n```yaml\n{text}```\n")


def reference(site: Site) -> None:
    """A page for every part of the library, from its docstrings."""
    package = Path(ibteach.__file__).parent
    folder = site.source / "api"
    names = []
    for part in PARTS:
        single = package / f"{part}.py"
        paths = [single] if single.exists() else sorted((package / part).rglob("*.py"))
        modules = [path for path in paths if not NOT_TAUGHT & set(path.relative_to(package).parts)]
        title = f"ibteach.{part}"
        lines = [title, "=" * len(title), ""]
        for path in modules:
            name = ".".join(["ibteach", *path.relative_to(package).with_suffix("").parts]).removesuffix(".__init__")
            public = _public(path)
            if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or (not public and name != title):
                continue
            if name != title:
                lines += [name, "-" * len(name), ""]
            lines += [f".. automodule:: {name}", *([f"   :members: {', '.join(public)}"] if public else []), ""]
        names.append(part)
        _write(folder / f"{part}.rst", "\n".join(lines))
    listed = "\n".join(f"   {name}" for name in names)
    _write(folder / "index.rst", f"The library\n===========\n\n.. toctree::\n   :maxdepth: 1\n\n{listed}\n")


def _public(path: Path) -> list[str]:
    """Functions and classes that a module defines and documents."""
    body = ast.parse(path.read_text(encoding="utf-8")).body
    kinds = (ast.FunctionDef, ast.ClassDef)
    return [node.name for node in body if isinstance(node, kinds) and not node.name.startswith("_")]


def _symbol(quantity: str) -> str:
    return f"${latex(quantity)}$" if re.fullmatch(r"[HI]\[.+\]", quantity) else quantity


def _where(site: Site, name: str) -> str:
    """The first chapter whose prose or code says a name."""
    for chapter, notebook in site.chapters.items():
        if any(name.lower() in cell.source.lower() for cell in notebook.cells):
            return f"[{chapter.number}](chapters/{chapter.file})"
    return "–"


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
