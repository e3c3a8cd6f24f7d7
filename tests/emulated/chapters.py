"""Run all code cells of a chapter where training finds a device that is not the CPU.

``python tests/emulated/chapters.py LIBRARY gpu|mps NOTEBOOK``, with the library that `device.build` made. Under
``python -O`` every training is one epoch long, and what a longer one would reach is not asserted.
"""

import functools
import json
import sys
from pathlib import Path

import torch
from device import leave, load
from IPython.core.interactiveshell import InteractiveShell

from ibteach import training
from ibteach.training import loop


def run(notebook: Path) -> None:
    shell = InteractiveShell.instance()
    for number, cell in enumerate(json.loads(notebook.read_text("utf-8"))["cells"]):
        if cell["cell_type"] == "code":
            found = shell.run_cell("".join(cell["source"]))
            if not found.success:
                sys.exit(f"{notebook.name}: cell {number} fails; what it raised is above.")


def shortened(fit):
    @functools.wraps(fit)
    def one_epoch(*arguments, **settings):
        return fit(*arguments, **settings | {"epochs": 1})

    return one_epoch


if __name__ == "__main__":
    library, kind, chapter = sys.argv[1:]
    load(Path(library), float64=kind == "gpu")
    loop.pick_device = lambda device=None: torch.device(device or "emulated:0")
    if not __debug__:
        training.fit = shortened(training.fit)
    run(Path(chapter))
    leave()
