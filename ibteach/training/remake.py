"""Any Record made again, from its own provenance.

A recorded number can be trusted because it can be made again: the provenance of every Record that `training.fit` or
`variational.record` leaves holds all of its settings, and `remake` trains by them.
"""

import torch

from ibteach import data
from ibteach.errors import InvalidInput
from ibteach.networks import bottleneck as networks
from ibteach.networks.ensemble import stackable
from ibteach.records.record import Record, concatenate
from ibteach.training import variational
from ibteach.training.loop import fit
from ibteach.training.runs import Run, build
from ibteach.training.settings import Settings


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
            "only what training.fit made of ibteach.networks.bottleneck can be made again."
        )
    settings = Settings.of(**settings)
    runs = [Run(**run) for run in record.runs]

    def make():
        return networks.make(architecture, dataset.shape, len(dataset.classes))

    together = [runs] if len(runs) > 1 and stackable(make()) else runs
    how = {"device": device, "progress": progress}
    return concatenate([fit(build(make, some), dataset, some, settings, **how) for some in together])


def _data_of(record) -> data.Dataset:
    name, _, size = record.provenance["data"].partition("-")  # as in imagenette-64
    return data.load(name, size=int(size) if size.isdecimal() else None)


def largest_difference(one: Record, other: Record) -> tuple[str, float]:
    """The quantity in which two Records of the same runs and epochs differ most, and by how much at most.

    >>> from ibteach.records import shipped
    >>> largest_difference(shipped.load("mnist-surrogates"), shipped.load("mnist-surrogates"))[1]
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
