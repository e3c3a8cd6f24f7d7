"""Data flow one way: each part of the package imports only from itself and from those before it."""

import ast
import re
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "ibteach"
README = PACKAGE.parent / "README.md"

BEFORE_ALL = {"errors", "checks", "files", "precision", "seeds", "course", "launches", "notation", "rewriting"}
PARTS = {  # part -> the parts that it may import from
    "information": set(),
    "bottleneck": {"information"},
    "objectives": {"information"},
    "data": set(),
    "networks": {"data", "information", "objectives"},
    "records": {"data", "information", "objectives", "networks"},
    "training": {"data", "information", "objectives", "networks", "records"},
    "evaluation": {"data", "information", "objectives", "networks", "records", "training"},
    "display": {"bottleneck", "data", "information", "objectives", "networks", "records", "training", "evaluation"},
    "site": {"information", "objectives", "display"},
}
NOT_BEFORE_DISPLAY = {"ipywidgets", "anywidget", "matplotlib", "seaborn", "IPython"}


def imports(path):
    """What a module imports, wherever in it, as full names."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def part_of(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("part", PARTS)
def test_a_part_imports_only_from_those_before_it(part):
    modules = [path for path in PACKAGE.rglob("*.py") if part_of(path) == part]
    assert modules
    for path in modules:
        ours = {name.split(".")[1] for name in imports(path) if name.startswith("ibteach.")}
        against = ours & set(PARTS) - PARTS[part] - {part}
        assert not against, f"{path.relative_to(PACKAGE)} imports from {', '.join(sorted(against))}"
        assert ours <= set(PARTS) | BEFORE_ALL | {"__version__"}, path


@pytest.mark.parametrize("part", [part for part in PARTS if part not in ("display", "site")])
def test_nothing_is_drawn_before_display(part):
    for path in PACKAGE.rglob("*.py"):
        if part_of(path) == part:
            assert not {name.split(".")[0] for name in imports(path)} & NOT_BEFORE_DISPLAY, path


def test_readme_shows_every_part_in_this_order():
    shown = re.findall(r"^(\w+)(?:/|\.py)  +\S", README.read_text(encoding="utf-8"), re.M)
    assert [name for name in shown if name in PARTS] == list(PARTS)
