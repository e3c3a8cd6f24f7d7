"""Figures keep their looks on pages that have a style of their own: all their classes are theirs alone."""

import re
from pathlib import Path

import pytest

DISPLAY = Path(__file__).parents[3] / "ibteach" / "display"
STYLES = sorted(DISPLAY.rglob("*.css"))
SCRIPTS = sorted(DISPLAY.rglob("*.js"))


@pytest.mark.parametrize("path", STYLES, ids=lambda path: path.name)
def test_a_style_speaks_of_our_classes_alone(path):
    text = re.sub(r"/\*.*?\*/", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    selectors = re.findall(r"([^{}]+)\{", text)
    classes = {name for selector in selectors for name in re.findall(r"\.([A-Za-z][\w-]*)", selector)}
    assert classes and not {name for name in classes if not name.startswith("ibteach-")}
    for selector in selectors:  # nothing outside a figure is touched
        rule = selector.strip()
        assert rule.startswith("@") or all(".ibteach-" in part for part in re.split(r",(?![^(]*\))", rule)), rule


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_a_script_gives_our_classes_alone(path):
    text = path.read_text(encoding="utf-8")
    given = re.findall(r'\bclass: [`"]([^`"]*)', text) + re.findall(r'classList\.\w+\("([^"]*)"', text)
    given += re.findall(r'className = [`"]([^`"]*)', text)
    assert all(name.startswith(("ibteach-", "${")) for names in given for name in names.split()), given
