"""Say in every cell whether the deck of its chapter shows it: ``python notebooks/slides.py``.

Jupyter keeps that in a cell's metadata (``slideshow``): "slide" is shown, "notes" is said by the speaker, "skip" is
neither. Prose with a heading, a prediction or a formula is shown, and figures are; of the code only what is named here,
which teaches what no formula says. Running it again changes nothing.
"""

import re
from pathlib import Path

from ibteach.rewriting import rewrite

FOLDER = Path(__file__).parent
SHOWN = re.compile(r"^#|\*\*Predict|^\$\$|<details", re.M)
END = re.compile(r"^## (Exercises|References)|^\*\*\d\d\.\d+\*\*", re.M)

TEACHES = {
    "01": ["c09", "c13", "c18", "c34"],
    "02": ["c07", "c11", "c12d", "c20"],
    "03": ["c12", "c13"],
    "04": ["c07", "c13"],
    "05": ["c11", "c18", "c23"],
    "06": ["c17", "c19"],
    "07": ["cell-07"],
    "08": ["cell-13"],
    "09": ["cell-07", "cell-23"],
}
"""Code that a deck shows, by the ids of its cells."""
LEFT_OUT = {
    "07": ["cell-20", "cell-21", "cell-22", "cell-promise", "gap"],
    "08": ["cell-18", "cell-33"],
}
"""What a lecture of 45 minutes has no time for."""


def slide_type(cell: dict, number: str, ended: bool) -> str:
    """What a deck does with a cell; `ended` says that exercises and references have begun."""
    source, name = "".join(cell["source"]), cell.get("id")
    if ended or name in LEFT_OUT.get(number, ()):
        return "skip"
    if cell["cell_type"] == "markdown":
        return "slide" if SHOWN.search(source) else "notes"
    figure = any("image/png" in output.get("data", {}) for output in cell["outputs"])
    return "slide" if figure or name in TEACHES.get(number, ()) else "skip"


def mark(notebook: dict, number: str) -> None:
    """Say that in each of its cells. What comes before the exercises is shown, if of that cell."""
    ended = number == "00"
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        begins_to_end = cell["cell_type"] == "markdown" and END.search(source)
        ended = ended or bool(begins_to_end and begins_to_end.start() == 0)
        cell["metadata"]["slideshow"] = {"slide_type": slide_type(cell, number, ended)}
        ended = ended or bool(begins_to_end)


if __name__ == "__main__":
    rewrite(sorted(FOLDER.glob("[0-9][0-9]_*.ipynb")), mark)
