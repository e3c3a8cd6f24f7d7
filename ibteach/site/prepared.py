"""What a page shows of an executed notebook: its cells as they are, with what only a kernel could show left out.

Pictures become files with their alt text; progress bars and widget views go; a link to a heading is spelt as the page
spells it.
"""

from __future__ import annotations

import base64
import copy
import hashlib
import html
import re
from pathlib import Path
from typing import Any

from ibteach.course import CHAPTERS, Chapter
from ibteach.display.live import published
from ibteach.launches import Addresses
from ibteach.site import exercises

WIDGET = "application/vnd.jupyter.widget-view+json"
LINK = re.compile(r"\[([^\]]*)\]\(([\w.-]+\.ipynb)(?:#[^)]*)?\)")
BAR = re.compile(r".*%\|.*\n?")  # of progress, whole lines with all of its states
BADGES = re.compile(r"<!-- badges -->.*?<!-- /badges -->\n*", re.S)  # pictures of another host


def page(notebook: Any, chapter: Chapter, files: set[str], images: Path, launches: Addresses | None = None) -> Any:
    """The notebook of a chapter's page; pictures of its outputs are written into the folder `images`.

    `files` are the notebooks that the site has: what leads to another one is no link. `launches` say where it can be
    run, if anywhere.
    """
    notebook = copy.deepcopy(notebook)
    notebook.metadata.pop("widgets", None)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = _linked(BADGES.sub("", cell.source), files)
        if cell.cell_type == "code":
            for output in cell.outputs:
                if output.get("name") == "stdout":
                    output.text = BAR.sub("", output.text)
            cell.outputs = [_output(output, images) for output in cell.outputs if not _passing(output)]
    heading, _, rest = notebook.cells[0].source.partition("\n")
    notebook.cells[0].source = f"{heading}\n\n{_linked(times(chapter), files)}{_run_on(chapter, launches)}\n{rest}"
    exercises.add_widgets(notebook, chapter.file, launches)
    return notebook


def _run_on(chapter: Chapter, launches: Addresses | None) -> str:
    """Where the chapter can be run: a line of links, without the badges, which are pictures of other hosts."""
    if launches is None:
        return ""
    return f"\nRun it on [Colab]({launches.colab(chapter.file)}) or on [Binder]({launches.binder(chapter.file)}).\n"


def times(chapter: Chapter) -> str:
    """The line below a chapter's title: how long it takes, and what to read before."""
    file = {one.number: one.file for one in CHAPTERS}
    needs = ", ".join(f"[{number}]({file[number]})" for number in chapter.needs)
    before = f" after {needs}" if needs else ""
    return f"*About {chapter.minutes} minutes to read and do{before}; its code runs in about {chapter.seconds} s.*\n"


def _linked(text: str, files: set[str]) -> str:
    return LINK.sub(lambda found: found[0] if found[2] in files else found[1], text)


def _passing(output: Any) -> bool:
    """Whether an output only said that something was under way, or needs a kernel."""
    if output.output_type == "stream":
        return output.name == "stderr" or not output.text
    data = output.get("data", {})
    return WIDGET in data and not {"text/html", "image/png"} & set(data)


def _output(output: Any, images: Path) -> Any:
    data = output.get("data", {})
    data.pop(WIDGET, None)
    if "image/png" not in data:
        return output
    content = base64.b64decode(data.pop("image/png"))
    about = output.metadata.pop("image/png", {})
    name = f"{hashlib.sha256(content).hexdigest()[:16]}.png"
    images.mkdir(parents=True, exist_ok=True)
    (images / name).write_bytes(content)
    width = f' width="{about["width"]}"' if "width" in about else ""
    alt = html.escape(about.get("alt", ""))
    data["text/html"] = f'<img src="{published.ADDRESS}images/{name}" alt="{alt}"{width} loading="lazy">'
    return output
