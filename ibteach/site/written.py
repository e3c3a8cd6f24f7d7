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
from ibteach.notation import OBJECTIVES_IN, REGIONS_IN, SYMBOLS
from ibteach.objectives import OBJECTIVES
from ibteach.site import prepared

if TYPE_CHECKING:
    from ibteach.course import Chapter
    from ibteach.site.build import Site

PARTS = ("information", "bottleneck", "objectives", "data", "networks", "records", "training", "evaluation", "display")
NOT_TAUGHT = {"chapters", "exercises", "shipped"}
SELF_TEST = (("test", "e1"), ("a2", "e2"), ("a3", "e3"), ("a4", "e4"), ("a5", "e5"))
"""The cells of chapter 00 that ask what to know beforehand, and those that take the answers."""


def front(site: Site) -> None:
    """The site's first page: what the course is, a figure and the playground to touch, the map, how it is used."""
    there = _links(site)
    rows = []
    for chapter in site.chapters:
        needs = ", ".join(there.get(number, number) for number in chapter.needs) or "nothing"
        took = f"{chapter.minutes}\N{NO-BREAK SPACE}min"
        rows.append(f"| [{chapter}](chapters/{chapter.file}) | {chapter.question} | {needs} | {took} |")
    table = "\n".join(["| chapter | the question it answers | needs | time |", "|---|---|---|---|", *rows])
    chapters = "\n".join(f"chapters/{Path(chapter.file).stem}" for chapter in site.chapters)
    said = _start(site)
    text = f"""# Information bottlenecks you can move

{said["touch"]}

## The chapters

{table}

<a href="slides/index.html">Slides</a> of each chapter, and what [lecturers](lecturers/index.md) need.

{said["use"]}

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
figures
lecturers/index
cite
```
"""
    _write(site.source / "index.md", text)


def _start(site: Site) -> dict[str, str]:
    """Chapter 00 on the first page: what stands above the map, and what below it."""
    pages = {chapter.number: _Page(site, chapter) for chapter in site.chapters}
    if "00" not in pages:
        return {"touch": "", "use": ""}
    page = pages["00"]
    asked = page.prose("touch").partition("**Predict.**")[0].partition("\n\n")[2]
    touch = [
        page.prose("minute").partition("\n\n")[2],
        f"{asked}Move γ: what goes first?",
        page.shown("latents"),
    ]
    if play := next((shown for page in pages.values() if (shown := page.shown("play"))), ""):
        touch += ["## The playground", "Here a network trains in this page, while you move γ.", play]
    tests = [[page.prose(asks), page.shown(answer)] for asks, answer in SELF_TEST]
    use = [
        page.shown("way"),
        *(part for test in tests for part in test),
        page.prose("use"),
        "On these pages the address says what a figure shows: *Copy address* beside its title copies it.",
        page.prose("where"),
        f"[Chapter 00](chapters/{page.file}) looks at your own machine, and says what each chapter will do on it.",
    ]
    return {"touch": "\n\n".join(touch), "use": "\n\n".join(filter(None, use))}


class _Page:
    """The cells of a chapter, for another page than its own."""

    def __init__(self, site: Site, chapter: Chapter):
        files = {one.file for one in site.chapters}
        notebook = prepared.page(site.chapters[chapter], chapter, files, site.live / "images")
        self.file = chapter.file
        self.cells = {cell.get("id"): cell for cell in notebook.cells}

    def prose(self, name: str) -> str:
        return prepared.LINK.sub(r"[\1](chapters/\2)", self.cells[name].source)

    def shown(self, name: str) -> str:
        """What a cell shows to be touched, a figure or a place to answer; nothing where there is no such cell."""
        outputs = self.cells[name].outputs if name in self.cells else []
        shown = [output.get("data", {}).get("text/html", "") for output in outputs]
        found = [one for one in shown if "ibteach-live" in one or "ibteach-exercise" in one]
        return f"```{{raw}} html\n{found[-1]}\n```" if found else ""


def figures(site: Site) -> None:
    """How to make a live figure of one's own, as it stands in ``docs/figures.md``."""
    _write(site.source / "figures.md", (site.root / "docs" / "figures.md").read_text(encoding="utf-8"))


def lecturers(site: Site) -> None:
    """The pages for lecturers, as they stand in ``docs/lecturers``, where the checkout has them."""
    folder = site.root / "docs" / "lecturers"
    pages = {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.md"))}
    for name, text in (
        pages or {"index.md": "# For lecturers\n\nThis copy of the course has no pages for them.\n"}
    ).items():
        _write(site.source / "lecturers" / name, text)


def notation(site: Site) -> None:
    """Every symbol, region and objective, each with the chapter that introduces it."""
    there = _links(site)
    symbols = [f"| ${one.latex}$ | {one.meaning} | {there.get(one.chapter, one.chapter)} |" for one in SYMBOLS]
    regions = [
        f"| {found.name} | ${latex(found.quantity)}$ | {found.meaning} | {there.get(REGIONS_IN, REGIONS_IN)} |"
        for found in REGIONS
    ]
    objectives = [
        f"| {one.title} | `{name}` | {_symbol(one.bounds)} | {there.get(OBJECTIVES_IN, OBJECTIVES_IN)} |"
        for name, one in OBJECTIVES.items()
    ]
    text = "\n".join(
        [
            "# Notation",
            "",
            "All information is in nats, the unit of the natural logarithm; 1 bit is ln 2 = 0.693 nats.",
            "",
            "## Symbols",
            "",
            "| symbol | what it stands for | introduced in |",
            "|---|---|---|",
            *symbols,
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


def _links(site: Site) -> dict[str, str]:
    """A link to each chapter that the site has, by its number."""
    return {chapter.number: f"[{chapter.number}](chapters/{chapter.file})" for chapter in site.chapters}


def _symbol(words: str) -> str:
    """What an objective bounds, with its quantities set as formulas."""
    return re.sub(r"[HI]\[[^\]]+\]", lambda found: f"${latex(found[0])}$", words)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
