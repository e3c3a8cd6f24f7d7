"""Make every *Predict* of the chapters wait: its name, its vote, and the fold of its answer.

`python notebooks/predictions.py [NOTEBOOK …]` after a *Predict* came; running it again changes nothing. Each is named
by its chapter and a letter, such as 01b, in the metadata of its Markdown cell (``{"ibteach": {"predict": "01b"}}``).
The code cell that answers begins with ``exercises.predict("01b")``: the first one after the question, unless another
before the next Markdown cell has that line already. It has the tag ``predicted``, and its saved outputs are folded
(``jupyter.outputs_hidden``). The prose answer, the first paragraph after it, is folded in ``<details class="answer
answer-01b">``, unless ``"answer": "output"`` beside the name says that no prose answers. Then say in
`ibteach/display/exercises/predictions.py` what can be voted for, and execute the notebook.
"""

import string
import sys
from pathlib import Path

from ibteach.rewriting import rewrite

FOLDER = Path(__file__).parent
QUESTION = "**Predict"


def source(cell: dict) -> str:
    """The text of a cell."""
    return "".join(cell["source"])


def named(cell: dict) -> str | None:
    """The name of the prediction that a Markdown cell asks for."""
    return cell["metadata"].get("ibteach", {}).get("predict")


def groups(cells: list[dict]):
    """Each cell with a question, the code cells that follow, and the next Markdown cell."""
    for place, cell in enumerate(cells):
        if cell["cell_type"] == "markdown" and QUESTION in source(cell):
            end = next(i for i in range(place + 1, len(cells)) if cells[i]["cell_type"] == "markdown")
            yield cell, cells[place + 1 : end], cells[end]


def folded(prose: str, name: str) -> str:
    """Prose whose first paragraph is folded as the answer to a prediction."""
    if "<details" in prose or prose.startswith(("#", QUESTION)):
        return prose
    first, gap, rest = prose.partition("\n\n")
    return f'<details class="answer answer-{name}"><summary>Answer</summary>\n\n{first}\n\n</details>{gap}{rest}'


def beginning(code: str, line: str) -> str:
    """Code that begins with a line, after what it imports."""
    lines = code.splitlines(keepends=True)
    place = next((i for i, text in enumerate(lines) if text.strip() and not text.startswith(("import ", "from "))), 0)
    return "".join([*lines[:place], f"{line}\n", *lines[place:]])


def wait(notebook: dict, number: str) -> None:
    """Name, mark and fold what belongs to the predictions of chapter `number`."""
    cells = notebook["cells"]
    used = {named(cell) for cell in cells if cell["cell_type"] == "markdown"}
    free = (number + letter for letter in string.ascii_lowercase if number + letter not in used)
    for question, code, answer in groups(cells):
        name = named(question) or next(free)
        question["metadata"]["ibteach"] = {**question["metadata"].get("ibteach", {}), "predict": name}
        line = f'exercises.predict("{name}")'
        shows = [cell for cell in code if cell["outputs"]] or code
        answering = [cell for cell in code if line in source(cell)] or shows[:1]
        for cell in answering:
            if line not in source(cell):
                cell["source"] = beginning(source(cell), line).splitlines(keepends=True)
            metadata = cell["metadata"]
            metadata["tags"] = sorted({*metadata.get("tags", []), "predicted"})
            metadata["jupyter"] = {**metadata.get("jupyter", {}), "outputs_hidden": True}
        if question["metadata"]["ibteach"].get("answer") != "output":
            answer["source"] = folded(source(answer), name).splitlines(keepends=True)


if __name__ == "__main__":
    rewrite(map(Path, sys.argv[1:] or sorted(FOLDER.glob("[0-9][0-9]_*.ipynb"))), wait)
