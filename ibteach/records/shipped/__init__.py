"""Records that come with the package, in the files beside this one.

What takes minutes to train is trained once and kept as a `Record`, with the command that made it. It can be made again
from its own provenance: `ibteach.training.remake`.
"""

import os
from pathlib import Path

from ibteach import checks, files
from ibteach.records.record import Record

FOLDER = Path(__file__).parent


def names() -> list[str]:
    """What `load` can load.

    >>> "mnist-surrogates" in names()
    True
    """
    return sorted(path.stem for path in FOLDER.glob("*.safetensors"))


def load(file: files.PathLike) -> Record:
    """A Record that comes with the package, by its name, or one of your own, by its path.

    Raises as `find` and `Record.load`.

    >>> load("mnist-surrogates").runs[0]["objective"]
    'l2'
    """
    return Record.load(find(file))


def find(file: files.PathLike) -> Path:
    """Where a Record is: the file of that path, or that of a name which `load` takes.

    Raises `UnknownName` for what is neither a file, nor looks like one, nor is a name.

    >>> find("mnist-surrogates").name
    'mnist-surrogates.safetensors'
    """
    path = files.named(file)
    return path if os.path.exists(path) or path.suffix or len(path.parts) > 1 else _path(str(file))


def _path(name):
    return FOLDER / f"{checks.known('recorded networks', name, names())}.safetensors"
