"""A chapter for paper: one HTML page of its stored notebook, its pictures inside, formulas to be set, nothing live."""

from __future__ import annotations

import html
import re
import shutil
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from ibteach.course import Chapter
from ibteach.site.markdown import render
from ibteach.site.prepared import BADGES, BAR, times
from ibteach.site.slides import highlighted

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{title}</title>
<link rel="stylesheet" href="katex/katex.min.css">
<style>{style}</style>
</head>
<body>
<main>
{cells}
</main>
<script src="katex/katex.min.js"></script>
<script>
for (const node of document.querySelectorAll(".ibteach-maths"))
  katex.render(node.textContent, node, {{ displayMode: "display" in node.dataset, throwOnError: false }});
</script>
</body>
</html>
"""

STYLE = """
@page { size: A4; margin: 18mm 18mm 20mm; }
body { font: 10.5pt/1.45 "DejaVu Serif", Georgia, serif; color: #1b1f24; margin: 0; }
h1, h2, h3 { line-height: 1.2; break-after: avoid; font-family: system-ui, "DejaVu Sans", sans-serif; }
h1 { font-size: 20pt; } h2 { font-size: 14pt; margin-top: 1.6em; }
img { max-width: 100%; break-inside: avoid; }
pre { font: 8.5pt/1.35 "DejaVu Sans Mono", monospace; white-space: pre-wrap; margin: 0.4em 0; padding: 0.5em 0.7em; }
.highlight pre { background: #f6f7f8; } pre.said { border-left: 3px solid #e3e6ea; }
code { font: 0.88em "DejaVu Sans Mono", monospace; }
table { border-collapse: collapse; font-size: 9pt; break-inside: avoid; }
th, td { border-bottom: 1px solid #ccc; padding: 0.25em 0.5em; text-align: left; vertical-align: top; }
a { color: inherit; text-decoration: none; }
.k, .kn, .ow, .kc { color: #8a1c8a; } .s, .s1, .s2, .sa { color: #0a6640; } .c1 { color: #5d6670; }
"""


def page(notebook: Any, chapter: Chapter) -> str:
    """The HTML of a chapter; what it links to inside the course is text, since paper leads nowhere."""
    cells = []
    for cell in notebook.cells:
        if cell.get("id") == "neighbours" or "remove-cell" in cell.metadata.get("tags", []):
            continue
        cells.append(_prose(cell.source) if cell.cell_type == "markdown" else _code(cell))
    cells[0] = cells[0].replace("</h1>", f"</h1>{_prose(times(chapter))}", 1)
    return PAGE.format(title=html.escape(str(chapter)), style=STYLE, cells="\n".join(cells))


_LINK = r"\[([^\]]*)\]\([\w.-]+\.ipynb[^)]*\)"


def _prose(source: str) -> str:
    text = re.sub(_LINK, r"\1", BADGES.sub("", source))
    return render(re.sub(r"<details(?! open)", "<details open", text))


def _code(cell: Any) -> str:
    parts = [highlighted(cell.source)]
    for output in cell.outputs:
        data = output.get("data", {})
        if "image/png" in data:
            alt = html.escape(output.metadata.get("image/png", {}).get("alt", ""))
            parts.append(f'<img src="data:image/png;base64,{data["image/png"].strip()}" alt="{alt}">')
        elif "text/markdown" in data:
            parts.append(render(data["text/markdown"]))
        elif output.get("name") == "stdout" and (text := BAR.sub("", output.text)):
            parts.append(_said(text))
        elif "text/plain" in data:
            parts.append(_said(data["text/plain"]))
    return "\n".join(parts)


def _said(text: str) -> str:
    return f'<pre class="said">{html.escape(text.rstrip())}</pre>'


def static_files(folder: Path) -> None:
    """What the page needs beside it: the script and the fonts that set formulas."""
    with as_file(files("ibteach.site") / "katex") as there:
        shutil.copytree(there, folder / "katex", dirs_exist_ok=True)
