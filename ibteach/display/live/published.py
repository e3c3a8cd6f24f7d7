"""A live figure on a page of a website: its pictures are files beside the page, written while the chapter runs.

Where the environment variable IBTEACH_SITE names a folder, a figure that is displayed writes there all that a page
needs to show it without a kernel, and displays the place where it goes. `ibteach.site` sets it, gathers the folders,
and gives the page the script that fetches pictures when they are looked at.
"""

import hashlib
import html
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

FOLDER = "IBTEACH_SITE"
"""The environment variable that names the folder."""
CHUNK = 64
"""States whose words and picture names are in one file."""
ADDRESS = "live:/"
"""What stands before the name of a file until it is known from which page it is looked at."""


def folder() -> Path | None:
    """Where figures are to be written, or None: then there is a kernel.

    >>> folder() is None
    True
    """
    named = os.environ.get(FOLDER)
    return Path(named) if named else None


def place(
    kind: str,
    spec: dict[str, Any],
    still: bytes,
    alt: str,
    width: int,
    states: Iterable[dict[str, Any]] = (),
    backgrounds: Mapping[str, bytes] | None = None,
) -> str:
    """Write a figure into the folder; returns the HTML of its place: the picture that a reader without scripts sees.

    `kind` says which script draws it, `states` yields for each state, in the order of its axes, its words and its
    pictures: ``{"alt": …, "pictures": {"wide": bytes}, "part": [0, 4]}``; `backgrounds` are behind them. What is
    written is named by its content, so that the same figure is written once, and a picture that two states share is one
    file.
    """
    root = folder()
    assert root is not None
    root.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(dir=root, prefix=".part-"))  # which its owner alone may read
    part = work / "figure"
    try:
        part.mkdir()
        if backgrounds:
            spec = spec | {"backgrounds": {of: _write(part, picture) for of, picture in backgrounds.items()}}
        names = [_write(part, json.dumps({"kind": kind, "spec": spec}, ensure_ascii=False).encode(), "figure.json")]
        chunk: list[dict] = []
        chunks = 0
        for state in states:
            files = {of: _write(part, picture) for of, picture in state.get("pictures", {}).items()}
            chunk.append(state | ({"pictures": files} if files else {}))
            if len(chunk) == CHUNK:
                names.append(_write(part, _json(chunk), f"states-{chunks}.json"))
                chunk, chunks = [], chunks + 1
        if chunk:
            names.append(_write(part, _json(chunk), f"states-{chunks}.json"))
        names.append(_write(part, still, "still.png"))
        key = hashlib.sha256("".join(names).encode()).hexdigest()[:16]
        if not (root / key).exists():
            part.rename(root / key)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    image = f'<img src="{ADDRESS}{key}/still.png" alt="{html.escape(alt)}" width="{width}" loading="lazy">'
    name = re.sub(r"\W+", "-", spec["title"].lower()).strip("-")
    return f'<div class="ibteach-live" data-figure="{name}" data-live="{ADDRESS}{key}/figure.json">{image}</div>'


def shown(text: str, markup: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The display bundle of a figure that was written."""
    return {"text/plain": text, "text/html": markup}, {}


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _write(part: Path, content: bytes, name: str | None = None) -> str:
    """Write a file of this name, or of one that says its content; returns the digest, or the name."""
    digest = hashlib.sha256(content).hexdigest()[:16]
    path = part / (name or f"{digest}{_suffix(content)}")
    if not path.exists():
        path.write_bytes(content)
    return digest if name else path.name


def _suffix(content: bytes) -> str:
    return ".png" if content.startswith(b"\x89PNG") else ".webp"
