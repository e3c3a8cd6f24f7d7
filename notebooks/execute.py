"""Run notebooks from top to bottom and store their outputs: ``python notebooks/execute.py [NOTEBOOK …]``.

What is stored is what is tested: no widget state (the picture beside it is what a reader without a kernel sees), only
the last line of a progress bar, and nothing that is of this run and machine alone: bars that are widgets, stderr.
"""

import re
import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient

HERE = Path(__file__).parent
WIDGET = "application/vnd.jupyter.widget-view+json"


def execute(path: Path) -> None:
    started = time.perf_counter()
    notebook = nbformat.read(path, as_version=4)
    where = {"metadata": {"path": HERE}}
    NotebookClient(notebook, timeout=600, store_widget_state=False, coalesce_streams=True, resources=where).execute()
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if not of_this_run(output)]
    notebook.metadata.pop("widgets", None)
    nbformat.write(notebook, path)
    print(f"{path.name}: {time.perf_counter() - started:.0f} s")


def of_this_run(output) -> bool:
    """Whether an output is a notice on stderr or the widget of a progress bar."""
    bar = WIDGET in output.get("data", {}) and re.search(r"%\|", output.data.get("text/plain", ""))
    return output.get("name") == "stderr" or bool(bar)


if __name__ == "__main__":
    for chosen in map(Path, sys.argv[1:] or sorted(HERE.glob("*.ipynb"))):
        execute(chosen)
