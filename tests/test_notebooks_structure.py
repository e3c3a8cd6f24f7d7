"""Every notebook is kept as its readers need it: executed in order, described in words, in short cells."""

import copy
import json
import re
import statistics
from pathlib import Path

import pytest

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))

MACHINE_PATH = re.compile(r"(?:/(?:home|root|Users|tmp|var|mnt|work|private)/|\b[A-Z]:\\\\?Users)[\w.-]*")


def text(cell):
    return "".join(cell["source"])


def code_cells(notebook):
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def outputs(notebook):
    return [output for cell in code_cells(notebook) for output in cell["outputs"]]


def lines(cell):
    return len(text(cell).splitlines())


# Each rule yields what breaks it.


def executed_in_order(notebook):
    counts = [cell["execution_count"] for cell in code_cells(notebook)]
    if counts != list(range(1, len(counts) + 1)):
        yield counts


def no_empty_cells(notebook):
    yield from (index for index, cell in enumerate(notebook["cells"]) if not text(cell).strip())


def no_errors(notebook):
    yield from (output["ename"] for output in outputs(notebook) if output["output_type"] == "error")


def no_warnings(notebook):
    yield from (
        "".join(output["text"])
        for output in outputs(notebook)
        if output.get("name") == "stderr" and "Warning" in "".join(output["text"])
    )


def images_have_alt_text(notebook):
    for output in outputs(notebook):
        for kind in output.get("data", {}):
            if kind.startswith("image/") and not output["metadata"].get(kind, {}).get("alt", "").strip():
                yield f"{kind} output"
    html = ["".join(output.get("data", {}).get("text/html", "")) for output in outputs(notebook)]
    for source in [*map(text, notebook["cells"]), *html]:
        yield from re.findall(r"!\[\s*\]\([^)]*\)", source)
        yield from (tag for tag in re.findall(r"<img\b[^>]*>", source) if not re.search(r"alt=[\"'][^\"']", tag))


def cells_are_short(notebook):
    yield from (text(cell) for cell in code_cells(notebook) if lines(cell) > 20)
    if (median := statistics.median(map(lines, code_cells(notebook)))) > 5:
        yield f"median of {median} lines"


def no_widget_state(notebook):
    yield from (key for key in notebook["metadata"] if key == "widgets")


def opens_with_a_heading(notebook):
    first = notebook["cells"][0]
    if first["cell_type"] != "markdown" or not text(first).startswith("# "):
        yield text(first)


def no_star_imports(notebook):
    yield from (text(cell) for cell in code_cells(notebook) if re.search(r"^\s*from .* import \*", text(cell), re.M))


def no_silenced_warnings(notebook):
    silenced = r"(filterwarnings|simplefilter)\(\s*[\"']ignore"
    yield from (text(cell) for cell in code_cells(notebook) if re.search(silenced, text(cell)))


def no_paths_of_a_machine(notebook):
    kept = [{**cell, "outputs": []} for cell in notebook["cells"]]
    for output in outputs(notebook):
        data = {kind: value for kind, value in output.get("data", {}).items() if not kind.startswith("image/")}
        kept.append({**output, "data": data})
    yield from MACHINE_PATH.findall(json.dumps([kept, notebook["metadata"]], ensure_ascii=False))


RULES = [
    executed_in_order,
    no_empty_cells,
    no_errors,
    no_warnings,
    images_have_alt_text,
    cells_are_short,
    no_widget_state,
    opens_with_a_heading,
    no_star_imports,
    no_silenced_warnings,
    no_paths_of_a_machine,
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook(path, rule):
    assert list(rule(json.loads(path.read_text(encoding="utf-8")))) == []


def test_there_are_notebooks():
    assert NOTEBOOKS


# The rules themselves


def code(source="x = 1", count=1, *output):
    return {"cell_type": "code", "source": source, "execution_count": count, "outputs": list(output), "metadata": {}}


def markdown(source):
    return {"cell_type": "markdown", "source": source.splitlines(keepends=True), "metadata": {}}


def shown(metadata=None, **data):
    data = {key.replace("_", "/"): value for key, value in data.items()}
    return {"output_type": "display_data", "data": data, "metadata": metadata or {}}


def printed(words, name="stdout"):
    return {"output_type": "stream", "name": name, "text": [words]}


GOOD = {
    "metadata": {"kernelspec": {"name": "python3"}},
    "cells": [
        markdown("# Title\n\n![a plane](plane.svg) <img src='x' alt='a point'>"),
        code("from math import log", 1),
        code("for x in range(3):\n    print(x / 2)", 2, printed("0.0\n0.5\n1.0\n"), printed("7 networks", "stderr")),
        code("figure", 3, shown({"image/png": {"alt": "A curve that falls."}}, image_png="iVBORw/tmp/x0KGgo=")),
    ],
}
FAULTS = {
    "not executed": (executed_in_order, code(count=None)),
    "executed twice": (executed_in_order, code(count=5)),
    "empty": (no_empty_cells, code(" ", 4)),
    "error": (no_errors, code("1/0", 4, {"output_type": "error", "ename": "ZeroDivisionError"})),
    "warning": (no_warnings, code("x", 4, printed("x.py:1: UserWarning: no", "stderr"))),
    "no alt": (images_have_alt_text, code("x", 4, shown(image_png="iVBOR"))),
    "empty alt": (images_have_alt_text, code("x", 4, shown({"image/svg+xml": {"alt": " "}}, **{"image_svg+xml": "<"}))),
    "html without alt": (images_have_alt_text, code("x", 4, shown(text_html=["<img src=''>"]))),
    "markdown without alt": (images_have_alt_text, markdown("look: ![](x.png)")),
    "long": (cells_are_short, code("x = 1\n" * 21, 4)),
    "long on the whole": (
        cells_are_short,
        [code("x = 1\n" * 6, 4), code("x = 1\n" * 6, 5), code("x = 1\n" * 6, 6)] * 2,
    ),
    "star": (no_star_imports, code("import math\nfrom math import *", 4)),
    "silenced": (no_silenced_warnings, code("import warnings\nwarnings.filterwarnings('ignore')", 4)),
    "path in code": (no_paths_of_a_machine, code("load('/home/ada/data')", 4)),
    "path in an output": (no_paths_of_a_machine, code("x", 4, printed("/tmp/ipykernel_1/2.py"))),
    "path in a table": (no_paths_of_a_machine, code("x", 4, shown(text_html=["<td>C:\\Users\\ada</td>"]))),
}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_a_good_notebook_passes(rule):
    assert list(rule(GOOD)) == []


@pytest.mark.parametrize(("rule", "cells"), FAULTS.values(), ids=FAULTS)
def test_a_fault_is_found(rule, cells):
    notebook = copy.deepcopy(GOOD)
    notebook["cells"] += cells if isinstance(cells, list) else [cells]
    assert list(rule(notebook))


def test_faults_of_the_whole_are_found():
    assert list(no_widget_state({"metadata": {"widgets": {}}, "cells": []}))
    assert list(opens_with_a_heading({"cells": GOOD["cells"][1:]}))
    assert list(opens_with_a_heading({"cells": [markdown("no heading")]}))
