"""Notebooks that are rewritten by a script: in the form that Jupyter writes, and only where something changed."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any


def as_text(notebook: dict[str, Any]) -> str:
    r"""A notebook as Jupyter writes it.

    >>> as_text({"cells": []})
    '{\n "cells": []\n}\n'
    """
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def rewrite(paths: Iterable[Path], change: Callable[[dict[str, Any], str], None]) -> None:
    """Let `change` work on each notebook, given the number in its name; write, and print the name of, what changed."""
    for path in paths:
        text = path.read_text(encoding="utf-8")
        notebook = json.loads(text)
        change(notebook, path.name[:2])
        if (written := as_text(notebook)) != text:
            path.write_text(written, encoding="utf-8")
            print(path.name)
