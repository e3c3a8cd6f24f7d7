"""Records that come with the package, in the files beside this one, and a trained network of one of them.

What takes minutes to train is trained once and kept as a `Record`, with the command that made it. It can be made again
from its own provenance: `ibteach.training.remake`. The network is what `ibteach.training.load_network` reads.
"""

import os
from pathlib import Path

from ibteach import checks, files
from ibteach.records.record import Record

FOLDER = Path(__file__).parent
RECORD, NETWORK = ".safetensors", ".network.safetensors"
"""How the files of a Record and of a trained network end, in a folder of a sweep as here."""
KINDS = {RECORD: "recorded networks", NETWORK: "trained network"}


def names(ending: str = RECORD) -> list[str]:
    """What `load` can load, or what `ibteach.training.load_network` can.

    >>> "mnist-surrogates" in names()
    True
    >>> names(NETWORK)
    ['cifar10-resnet']
    """
    found = (path.name for path in FOLDER.glob(f"*{ending}"))
    return sorted(name.removesuffix(ending) for name in found if name.endswith(NETWORK) == (ending == NETWORK))


def load(file: files.PathLike) -> Record:
    """A Record that comes with the package, by its name, or one of your own, by its path.

    Raises as `find` and `Record.load`.

    >>> load("mnist-surrogates").runs[0]["objective"]
    'l2'
    """
    return Record.load(find(file))


def find(file: files.PathLike, ending: str = RECORD) -> Path:
    """Where a Record (or a network) is: the file of that path, or that of a name which comes with the package.

    Raises `UnknownName` for what is neither a file, nor looks like one, nor is a name.

    >>> find("mnist-surrogates").name
    'mnist-surrogates.safetensors'
    """
    path = files.named(file)
    if os.path.exists(path) or path.suffix or len(path.parts) > 1:
        return path
    return FOLDER / f"{checks.known(KINDS[ending], str(file), names(ending))}{ending}"
