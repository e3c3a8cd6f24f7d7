"""Recorded networks: those that come with the package, and how any Record is made again from its own provenance.

What takes minutes to train is trained once and kept as a `Record` beside the code, with the command that made it. A
recorded number can be trusted because it can be made again: the provenance of every Record that `training.fit` or
`variational.record` leaves holds all of its settings, and `remake` trains by them.
"""

from pathlib import Path

import torch

from ibteach import checks
from ibteach.errors import InvalidInput
from ibteach.learning import data, networks, variational
from ibteach.learning.ensemble import stackable
from ibteach.learning.records import Record, concatenate
from ibteach.learning.training import Run, build, fit

FOLDER = Path(__file__).parents[1] / "recorded"


def names() -> list[str]:
    """What `load` can load.

    >>> "mnist-surrogates" in names()
    True
    """
    return sorted(path.stem for path in FOLDER.glob("*.safetensors"))


def load(name: str) -> Record:
    """A Record that comes with the package. Raises `UnknownName` for one that does not.

    >>> load("mnist-surrogates").runs[0]["objective"]
    'l2'
    """
    return Record.load(_path(name))


def find(file) -> Path:
    """Where a Record is: the file of that path, or that of a name which `load` takes.

    Raises `UnknownName` for what is neither a file, nor looks like one, nor is a name.

    >>> find("mnist-surrogates").name
    'mnist-surrogates.safetensors'
    """
    path = Path(file)
    return path if path.exists() or path.suffix or len(path.parts) > 1 else _path(str(file))


def remake(record: Record, dataset: data.Dataset | None = None, *, device="cpu", progress: bool = True) -> Record:
    """Train the networks of a Record again, by the settings in its provenance: on the same machine, the same numbers.

    Elsewhere, or with only some of the runs (`Record.select`), sums are taken in another order, and training amplifies
    what rounding makes of that: expect differences of the size that another seed makes.

    `dataset` is only needed where the Record's data has no name that `data.load` knows. Raises `InvalidInput` where
    the provenance lacks a setting, as for an encoder of your own, and otherwise what `data.load` and `fit` raise.
    """
    settings = dict(record.provenance.get("configuration") or {})
    dataset = _data_of(record) if dataset is None else dataset
    if settings.get("network") == "variational":
        del settings["network"]
        settings["epochs"] = int(record.epochs[-1])  # a run that was stopped is a shorter run: no step looks ahead
        (run,) = record.runs
        return variational.record(dataset, beta=run["beta"], seed=run["seed"], **settings, device=device)
    architecture = {key: settings.pop(key) for key in networks.SETTINGS if key in settings}
    if "network" not in architecture or "epochs" not in settings:
        raise InvalidInput(
            f"record: got a provenance with the settings {sorted(settings)}, expected a network and epochs among them; "
            "only what training.fit made of ibteach.learning.networks can be made again."
        )
    runs = [Run(**run) for run in record.runs]

    def make():
        return networks.make(architecture, dataset.shape, len(dataset.classes))

    together = [runs] if len(runs) > 1 and stackable(make()) else runs
    how = {**settings, "device": device, "progress": progress}
    return concatenate([fit(build(make, some), dataset, some, **how) for some in together])


def _data_of(record) -> data.Dataset:
    name, _, size = record.provenance["data"].partition("-")  # as in imagenette-64
    return data.load(name, size=int(size) if size.isdecimal() else None)


def largest_difference(one: Record, other: Record) -> tuple[str, float]:
    """The quantity in which two Records of the same runs and epochs differ most, and by how much at most.

    >>> largest_difference(load("mnist-surrogates"), load("mnist-surrogates"))[1]
    0.0
    """
    alike = (
        one.runs == other.runs
        and torch.equal(one.epochs, other.epochs)
        and one.quantities.keys() == other.quantities.keys()
    )
    if not alike:
        raise InvalidInput(f"records: got {one!r} and {other!r}, expected the same runs, epochs and quantities.")
    gaps = {name: (values - other.quantities[name]).abs().max().item() for name, values in one.quantities.items()}
    return max(gaps.items(), key=lambda gap: gap[1])


def _path(name):
    return FOLDER / f"{checks.known('recorded networks', name, names())}.safetensors"
