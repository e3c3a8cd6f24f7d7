"""Every symbol is introduced where the notation says so, and nothing that the course writes often is left out."""

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from ibteach.course import CHAPTERS
from ibteach.notation import SYMBOLS

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
GREEK = {"α": r"\alpha", "β": r"\beta", "γ": r"\gamma", "ρ": r"\rho", "σ": r"\sigma", "ψ": r"\psi", "′": "'"}
SPELT = {r"\mathrm": "", r"\mid ": "|", r"\,": "", r"\|": "‖", r"\Vert": "‖", "{": "", "}": "", " ": ""}


def plain(text):
    for spelt, one in (SPELT | {letter: latex for letter, latex in GREEK.items()}).items():
        text = text.replace(spelt, one)
    return text


def formulas(chapter):
    """All that a chapter's prose sets as maths, and its Greek letters."""
    cells = json.loads((NOTEBOOKS / chapter.file).read_text(encoding="utf-8"))["cells"]
    prose = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    prose = re.sub(r"\\mathcal N|\\text\{[^}]*\}|_\{?\\text\{[^}]*\}\}?", "", prose)
    found = [a or b for a, b in re.findall(r"\$\$(.+?)\$\$|\$(.+?)\$", prose, re.S)]
    return "\n".join(map(plain, found + re.findall(r"[α-ω]′?", prose)))


FORMULAS = {chapter.number: formulas(chapter) for chapter in CHAPTERS}


def says(number, symbol):
    return all(
        re.search(rf"(?<![A-Za-z\\]){re.escape(plain(part))}(?![A-Za-z'])", FORMULAS[number])
        for part in symbol.latex.split(", ")
    )


@pytest.mark.parametrize("symbol", SYMBOLS, ids=lambda symbol: symbol.latex)
def test_a_symbol_is_introduced_where_it_is_said_to_be(symbol):
    assert next(number for number in FORMULAS if says(number, symbol)) == symbol.chapter


def test_no_letter_that_is_written_often_is_left_out():
    """A capital or a Greek letter in the formulas of three chapters is a symbol."""
    letter = re.compile(rf"(?<![A-Za-z\\])(?:[A-Z]|{'|'.join(map(re.escape, GREEK.values()))})(?![A-Za-z])")
    known = set(letter.findall("\n".join(plain(symbol.latex) for symbol in SYMBOLS)))
    met = Counter(one for text in FORMULAS.values() for one in set(letter.findall(text)))
    assert known >= {one for one, chapters in met.items() if chapters >= 3} > {"X", r"\gamma"}
