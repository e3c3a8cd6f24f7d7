"""The page of latents that chapter 05 says how to write: ``python -m benchmarks.export``.

Its cells up to the record are run, then the call that its prose names: the file's size must be the one said there. Last
line: 60 s over the seconds that it took.
"""

import json
import os
import re
import tempfile
import time
from pathlib import Path

CHAPTER = Path(__file__).parents[1] / "notebooks" / "05_surrogate_objectives.ipynb"
CELLS = ("c01", "c03", "c05")  # imports, digits, 160 networks
SECONDS = 60


def main():
    cells = {cell["id"]: "".join(cell["source"]) for cell in json.loads(CHAPTER.read_text(encoding="utf-8"))["cells"]}
    call, said = re.search(r"`(figures\.latents[^`]*)`.*?one file of (\d+) MB", cells["why"], re.S).groups()
    names = {}
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for cell in CELLS:
            exec(cells[cell], names)
        started, used = time.perf_counter(), time.process_time()
        page = eval(" ".join(call.split()), names).path
        seconds, used = time.perf_counter() - started, time.process_time() - used
        size = page.stat().st_size / 1e6
        os.chdir(CHAPTER.parent)
    print(f"{page.name}: {size:.1f} MB in {seconds:.1f} s, {used:.1f} s of processor; said are {said} MB")
    if round(size) != int(said):
        raise SystemExit(f"chapter 05 says {said} MB, measured are {size:.1f}")
    print(f"ratio: {SECONDS / seconds:.1f}")


if __name__ == "__main__":
    main()
