"""A figure that a site has shown before is not drawn again: it is known by the content of its scene, and the library.

`ibteach.site` names the library by a digest in the environment variable IBTEACH_SITE_LIBRARY; without it, and for a
scene whose content cannot be told, such as one that was written in the notebook, every figure is drawn. When a Record
was made, and how long that took, is not its content: networks that are trained again to the same bits are the same.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import pickle
import re
import sys
import types
from collections.abc import Callable
from typing import Any

from ibteach.display.live import published
from ibteach.files import replacing
from ibteach.records.record import Record

LIBRARY = "IBTEACH_SITE_LIBRARY"
"""The environment variable that says what all figures depend on beside their scenes."""
OF_THE_MOMENT = ("created", "wall_seconds", "commit")
"""What a provenance says that is another each time; the digest of the library stands for its code."""
KNOWN = {"ibteach", "numpy", "torch", *sys.stdlib_module_names} - {"__main__"}
"""Where code may come from that a digest stands for: ours and what has a version."""


def once(scene: Any, state: Any, draw: Callable[[], str]) -> str:
    """What `draw` returns, the HTML of a figure's place, or what it returned for the same scene and state before."""
    root, digest = published.folder(), identity((scene, state))
    if root is None or digest is None:
        return draw()
    note = root / f"{digest}.of"
    if note.exists():
        place = note.read_text(encoding="utf-8")
        if all((root / name).is_dir() for name in re.findall(re.escape(published.ADDRESS) + "([0-9a-f]+)/", place)):
            return place
    place = draw()
    with replacing(note) as part:
        part.write_text(place, encoding="utf-8")
    return place


def identity(value: Any) -> str | None:
    """A digest of the content of a value and of the library; None where either is not known."""
    library = os.environ.get(LIBRARY)
    if not library:
        return None
    content = _Content()
    try:
        _Pickler(content, protocol=5).dump(value)
    except (pickle.PicklingError, AttributeError, TypeError, ValueError):
        return None
    content.digest.update(library.encode())
    return content.digest.hexdigest()[:32]


class _Content:
    """A file that only remembers the digest of what is written to it."""

    def __init__(self) -> None:
        self.digest = hashlib.sha256()

    def write(self, part: bytes) -> None:
        self.digest.update(part)


class _Pickler(pickle.Pickler):
    """Writes what a value is made of; nothing ever reads it."""

    def reducer_override(self, value: Any) -> Any:
        torch = sys.modules.get("torch")
        if torch and isinstance(value, torch.Tensor):  # its own way of being pickled has addresses in it
            content = value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
            return tuple, ((str(value.dtype), tuple(value.shape), content),)
        if isinstance(value, Record):
            content = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
            return dict, (content | {"provenance": _lasting(value.provenance)},)
        if isinstance(getattr(value, "__wrapped__", None), types.MethodType):  # a method that remembers what it found
            return tuple, ((value.__wrapped__,),)
        if isinstance(value, (type, types.FunctionType)) and value.__module__.partition(".")[0] not in KNOWN:
            raise pickle.PicklingError(f"{value!r} may become another without its name")
        return NotImplemented


def _lasting(facts: dict) -> dict:
    """A provenance, and one that it may hold, without what is of the moment."""
    return {
        name: _lasting(value) if isinstance(value, dict) else value
        for name, value in facts.items()
        if name not in OF_THE_MOMENT
    }
