"""A page that needs nothing else: no kernel, no network, no second file.

The script and the style are the ones that `explorer` gives to the notebook; here the pictures travel with them.
"""

import base64
import html
import json
from collections.abc import Iterable
from importlib.resources import files
from typing import Any

import ibteach


def read(name: str) -> str:
    """The text of a script or a style that lies beside this module."""
    return files("ibteach.display.live").joinpath(name).read_text(encoding="utf-8")


SCRIPT = read("page.js") + read("diagram.js") + read("live.js")
STYLE = read("live.css")

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="generator" content="ibteach {version}">
<title>{title}</title>
<style>
{style}
body {{ margin: 0; padding: 2vw; background: #f6f7f8; }}
.ibteach-figure {{ margin: 0 auto; }}
@media (prefers-color-scheme: dark) {{ body {{ background: #0c0e11; }} }}
</style>
</head>
<body>
<main></main>
<noscript><img src="data:image/png;base64,{still}" alt="{alt}" style="max-width: 100%"></noscript>
<script type="application/json" id="live-figure">{figure}</script>
<script type="module">
{script}
mount(document.querySelector("main"), JSON.parse(document.getElementById("live-figure").textContent));
</script>
</body>
</html>
"""


def page(
    spec: dict[str, Any],
    pictures: Iterable[dict[str, Any]],
    still: bytes,
    alt: str,
    script: str = SCRIPT,
    style: str = STYLE,
) -> str:
    """The HTML text of a live figure: `spec` with its start state, every picture, a PNG for no script."""
    packed = [
        one | ({"picture": base64.b64encode(one["picture"]).decode()} if "picture" in one else {}) for one in pictures
    ]
    figure = json.dumps({"spec": spec, "pictures": packed}, ensure_ascii=False)
    return _PAGE.format(
        version=ibteach.__version__,
        title=html.escape(spec["title"]),
        style=style,
        still=base64.b64encode(still).decode(),
        alt=html.escape(alt),
        figure=figure.replace("<", "\\u003c"),  # nothing in the data ends the element
        script=script,
    )
