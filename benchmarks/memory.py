"""Peak memory of every chapter's default path: ``python -m benchmarks.memory [NOTEBOOK …]``.

A free Binder session has 2 GB. Each notebook is run whole in a kernel of its own, and the largest resident size of
that kernel is read from the system. Last line: 2 GB over the hungriest chapter's peak.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import nbformat

LIMIT = 2 * 1024**3
NOTEBOOKS = Path(__file__).parents[1] / "notebooks"


def peak(path: Path) -> tuple[int, float]:
    """Bytes that a chapter held at most, and its seconds: in a process of its own, without downloaded data."""
    cells = [cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    program = """
import json, resource, sys, time
from IPython.core.interactiveshell import InteractiveShell
shell, started = InteractiveShell.instance(), time.perf_counter()
for cell in json.load(sys.stdin):
    shell.run_cell(cell).raise_error()
print(json.dumps([1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter() - started]))
"""
    environment = {**os.environ, "PYTHONPATH": str(NOTEBOOKS.parent), "IBTEACH_DATA": os.devnull}
    run = subprocess.run(
        [sys.executable, "-c", program],
        input=json.dumps(cells),
        capture_output=True,
        encoding="utf-8",
        env=environment,
        cwd=NOTEBOOKS,
    )
    if run.returncode:
        raise SystemExit(f"{path.name} failed:\n{run.stdout[-1000:]}{run.stderr[-1000:]}")
    return tuple(json.loads(run.stdout.splitlines()[-1]))


def main():
    largest = 0
    for path in map(Path, sys.argv[1:] or sorted(NOTEBOOKS.glob("*.ipynb"))):
        size, seconds = peak(path)
        largest = max(largest, size)
        print(f"{path.name:45} {size / 1024**2:6.0f} MiB {seconds:6.1f} s", flush=True)
    print(f"ratio: {LIMIT / largest:.1f}")


if __name__ == "__main__":
    main()
