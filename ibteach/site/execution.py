"""Chapters run for a site, once: what did not change is taken from a cache.

A chapter's outputs follow from its code, from the library's and from the versions of what it stands on; its prose does
not matter. While it runs, every figure that it displays writes its pictures into the cache (`display.live.published`);
those whose scenes are as they were are not drawn again (`display.live.kept`).
"""

from __future__ import annotations

import asyncio
import copy
import hashlib
import importlib.metadata
import json
import os
import platform
import re
import shutil
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

import ibteach
from ibteach.display.live import kept, published
from ibteach.errors import BuildFailed
from ibteach.files import replacing

STANDS_ON = ("torch", "numpy", "scipy", "scikit-learn", "matplotlib", "seaborn", "pillow")
CELL_SECONDS = 1200  # a figure's pictures are drawn in the cell that displays it
DAY = 24 * 60 * 60
LIVE = re.compile(re.escape(published.ADDRESS) + "([0-9a-f]+)/")


def execute(paths: list[Path], cache: Path, workers: int | None = None) -> dict[Path, Any]:
    """The executed notebook of each path; `workers` at a time run, each in a kernel of its own.

    Raises `BuildFailed`, which names the chapter and the cell, when one fails.
    """
    library = fingerprint()
    with ThreadPoolExecutor(workers or min(len(paths), os.cpu_count() or 1)) as pool:
        try:
            executed = dict(zip(paths, pool.map(lambda path: _executed(path, cache, library), paths), strict=True))
        except BuildFailed:
            pool.shutdown(cancel_futures=True)
            raise
    _forget(cache)
    return executed


def _forget(cache: Path) -> None:
    """Remove figures that no chapter in the cache shows any more; not those of today, for another build may go on."""
    shown = set().union(*(LIVE.findall(path.read_text(encoding="utf-8")) for path in cache.glob("chapters/*.json")))
    for path in (cache / "live").glob("*"):
        if time.time() - path.stat().st_mtime < DAY:
            continue
        if path.is_dir() and path.name not in shown:
            shutil.rmtree(path, ignore_errors=True)
        elif path.suffix == ".of" and not shown.issuperset(LIVE.findall(path.read_text(encoding="utf-8"))):
            path.unlink(missing_ok=True)


def figures(notebook: Any) -> set[str]:
    """The names of the folders that the figures of an executed notebook are in."""
    return set(LIVE.findall(json.dumps(notebook)))


def fingerprint() -> str:
    """What the outputs of every chapter depend on beside its own code, as a digest."""
    package = Path(ibteach.__file__).parent
    digest = hashlib.sha256(platform.python_version().encode())
    for name in STANDS_ON:
        digest.update(f"{name} {importlib.metadata.version(name)}".encode())
    for path in sorted(package.rglob("*")):
        kept = path.suffix in (".py", ".safetensors") and "site" not in path.relative_to(package).parts
        if kept and path.name != "cli.py":
            digest.update(f"{path.relative_to(package).as_posix()} {path.stat().st_size}".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _executed(path: Path, cache: Path, library: str) -> Any:
    notebook = nbformat.read(path, as_version=4)
    code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    key = hashlib.sha256(json.dumps([library, code]).encode()).hexdigest()[:24]
    kept = cache / "chapters" / f"{path.stem}-{key}.json"
    live = cache / "live"
    if kept.exists():
        outputs = [[nbformat.from_dict(one) for one in some] for some in json.loads(kept.read_text(encoding="utf-8"))]
        if all((live / name).is_dir() for name in figures(outputs)):
            return _with(notebook, outputs)
    begun = time.perf_counter()
    outputs = _run(copy.deepcopy(notebook), path, live, library)
    kept.parent.mkdir(parents=True, exist_ok=True)
    for old in kept.parent.glob(f"{path.stem}-*.json"):
        old.unlink()
    with replacing(kept) as part:
        part.write_text(json.dumps(outputs, ensure_ascii=False), encoding="utf-8")
    print(f"{path.name}: run in {time.perf_counter() - begun:.0f} s", flush=True)
    return _with(notebook, outputs)


def _with(notebook: Any, outputs: list) -> Any:
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for number, (cell, made) in enumerate(zip(cells, outputs, strict=True), 1):
        cell.outputs, cell.execution_count = made, number
    return notebook


def _run(notebook: Any, path: Path, live: Path, library: str) -> list:
    live.mkdir(parents=True, exist_ok=True)
    where = {"metadata": {"path": path.parent}}
    client = NotebookClient(
        notebook, timeout=CELL_SECONDS, store_widget_state=False, coalesce_streams=True, resources=where
    )
    begun = [0]  # numbers of cells; a kernel that dies may not have said that it began
    client.on_cell_execute = lambda cell, cell_index: begun.append(cell_index)
    ours = {published.FOLDER: str(live.resolve()), kept.LIBRARY: library}
    environment = {"OMP_NUM_THREADS": "1"} | os.environ | ours
    with tempfile.TemporaryFile() as said:  # by the kernel itself: of interest when it dies
        try:
            asyncio.run(client.async_execute(env=environment, stderr=said))  # in a loop that is closed afterwards
        except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
            if isinstance(error, CellExecutionError):
                why = f"fails with {error.ename}: {error.evalue}"
            else:
                said.seek(0)
                last = " ".join(said.read().decode(errors="replace").splitlines()[-1:])
                why = f"does not come to an end; {error}. {last}"
            raise BuildFailed(f"{path.name}: {_cell(notebook, begun[-1])} {why}") from error
    return [cell.outputs for cell in notebook.cells if cell.cell_type == "code"]


def _cell(notebook: Any, place: int) -> str:
    cell = notebook.cells[place]
    return f"cell {place + 1} ({cell.get('id', '')}), which begins {cell.source.splitlines()[0]!r},"
