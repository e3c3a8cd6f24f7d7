"""Any Record made again, from its own provenance.

A recorded number can be trusted because it can be made again: the provenance of every Record that `training.fit` or
`variational.record` leaves holds all of its settings, and `remake` trains by them.
"""

import dataclasses
import inspect
from typing import Any

import torch

from ibteach import data
from ibteach.errors import Diverged, InvalidInput
from ibteach.networks import bottleneck as networks
from ibteach.networks.ensemble import stackable
from ibteach.records.joining import concatenate
from ibteach.records.record import LATENTS, Record, check_record
from ibteach.seeds import untouched
from ibteach.training import variational
from ibteach.training.loop import fit
from ibteach.training.runs import Run, build
from ibteach.training.settings import NAMES, Settings


def remake(
    record: Record,
    dataset: data.Dataset | None = None,
    *,
    device: str | torch.device | None = "cpu",
    progress: bool = True,
) -> Record:
    """Train the networks of a Record again, by the settings in its provenance: on the same machine, the same numbers.

    The company of a network decides how its sums are rounded, and which of the draws of dropout are its own: all that
    were trained together are trained together again, also where the Record has only some of them (`Record.select`).
    Elsewhere, on another number of threads, and of a Record that does not say who was, sums are taken in another order,
    and training amplifies what rounding makes of that: expect differences of the size that another seed makes. So do
    Records of before version 0.2.0, whose seeds stood for other draws (`ibteach.records.provenance.other_seeds` says
    which).

    Measured is what was measured then: a quantity that came to `fit` since is left out.

    `dataset` is only needed where the Record's data has no name that `data.load` knows, as of pictures of your own
    (`data.load_folder`). A setting that the provenance does not say, because it came later, has its default. Raises
    `InvalidInput` where it says no network, as for an encoder of your own, or no epochs, or what is no setting; where
    training was stopped, at a step that nobody knows, or some parameters were frozen; and where the data are not those
    of the Record, such as the true labels of a Record of others; otherwise what `data.load` and `fit` raise.
    """
    check_record("record", record)
    if (stopped := record.provenance.get("stopped_in_epoch")) is not None:
        raise InvalidInput(
            f"record: got one of a training that was stopped in epoch {stopped}, expected a whole one, which alone can "
            "be made again; train it to its end by what its provenance says (`ibteach records show`)."
        )
    if "frozen" in (record.provenance.get("fingerprints") or {}):
        raise InvalidInput(
            "record: got one of a network frozen in part, expected one that was trained whole: what was frozen "
            "is in no Record; train it again by the code that made it."
        )
    settings = dict(record.provenance.get("configuration") or {})
    dataset = _data_of(record) if dataset is None else dataset
    _check_data(record, dataset)
    if settings.get("network") == "variational":
        return concatenate([_variational(run, settings, record, dataset, device) for run in record.runs])
    architecture = {key: settings.pop(key) for key in networks.SETTINGS if key in settings}
    if "network" not in architecture or "epochs" not in settings or not set(settings) <= set(NAMES):
        raise InvalidInput(
            f"record: got a provenance with the settings {sorted(settings)}, expected a network, and those of "
            "training.Settings; only what training.fit made of ibteach.networks.bottleneck can be made again."
        )
    settings = Settings.of(**settings)
    runs = _runs(record.runs)

    def make():
        return networks.from_architecture(architecture, dataset.shape, len(dataset.classes))

    with untouched():
        alone = not stackable(make())
    how = {"device": device, "progress": progress}
    again = concatenate(
        [_trained(make, group, runs, dataset, settings, how) for group in _together(record, runs, alone)]
    )
    trained = [Run(**run) for run in again.runs]
    again = again.take([trained.index(run) for run in runs])
    return dataclasses.replace(
        again,
        quantities={name: values for name, values in again.quantities.items() if name in record.quantities},
        errors={name: values for name, values in again.errors.items() if name in record.errors},
    )


def _runs(said: Any) -> list[Run]:
    """Runs as a Record has them."""
    try:
        return [Run(**run) for run in said]
    except TypeError as error:
        raise InvalidInput(
            f"record: got the runs {said!r}, expected objective, gamma, beta_prime and seed of each, as training.fit "
            f"leaves them ({error})."
        ) from error


def _variational(run: dict, settings: dict, record: Record, dataset: data.Dataset, device: Any) -> Record:
    """The Record of one variational bottleneck; one that was stopped is a shorter one: no step looks ahead."""
    how = {name: value for name, value in settings.items() if name != "network"}
    known = inspect.signature(variational.record).parameters
    if not run.keys() >= {"beta", "seed"} or not how.keys() <= known.keys():
        raise InvalidInput(
            f"record: got the run {run} with the settings {sorted(how)}, expected a beta, a seed, and settings of "
            "training.variational.record, which alone can be made again."
        )
    how["epochs"] = int(record.epochs[-1])
    return variational.record(dataset, **(how | {"beta": run["beta"], "seed": run["seed"]}), device=device)


def _together(record: Record, runs: list[Run], alone: bool) -> list[list[Run]]:
    """The runs that are trained together: by the provenance, where it says so of each, else all, or each `alone`."""
    said = record.provenance.get("trained_together")
    if isinstance(said, list):  # a number in Records of before
        groups = [group for group in map(_runs, said) if not set(runs).isdisjoint(group)]
        if set(runs) <= {run for group in groups for run in group}:
            return groups
    return [[run] for run in runs] if alone else [runs]


def _trained(make, group, wanted, dataset, settings, how) -> Record:
    """The Record of a group; where networks of it are lost, as they were then, of those that go on."""
    some = group if len(group) > 1 else group[0]
    try:
        return fit(build(make, some), dataset, some, settings, **how)
    except Diverged as error:
        left = {Run(**run) for run in error.record.runs} if error.record else set()
        if not left.issuperset(set(wanted).intersection(group)) or error.record.latents is None:
            raise
        return error.record


def _check_data(record: Record, dataset: data.Dataset) -> None:
    """By the fingerprint; Records of version 0.1.0 have none, but the labels of their latents."""
    said = (record.provenance.get("fingerprints") or {}).get("data", dataset.fingerprint)
    labels = dataset.test_labels[:0] if record.labels is None else record.labels
    if said != dataset.fingerprint or not torch.equal(labels, dataset.test_labels.cpu()[: len(labels)]):
        raise InvalidInput(
            f"dataset: got {dataset!r}, which are not the Record's {record.provenance.get('data')!r}, though they "
            "may have the same name; make the data set as it was then, and give it here."
        )


def _data_of(record: Record) -> data.Dataset:
    said = record.provenance.get("data")
    if not isinstance(said, str):
        raise InvalidInput(
            f"dataset: got none, and the Record says {said!r} of its own; give the one here that its networks saw."
        )
    if said.startswith("folder-"):
        raise InvalidInput(
            f"dataset: got none, but the Record is of {said!r}, pictures of a folder; "
            "read them with data.load_folder, and give them here (`--data FOLDER` on the command line)."
        )
    name, _, size = said.partition("-")  # as in imagenette-64
    return data.load(name, size=int(size) if size.isdecimal() else None)


def largest_difference(one: Record, other: Record) -> tuple[str, float]:
    """What differs most in two Records of the same runs and epochs, and by how much at most: 0 where nothing does.

    Compared are the quantities, their standard errors, the latents, the labels and the decoders; names are those of
    quantities, such as ``"test/l2"``, ``"error of test/l2"``, or fields of the Record. Raises `InvalidInput` for
    Records of other runs, epochs or steps, of which one has what the other has not, or which have nothing.

    >>> from ibteach.records import shipped
    >>> largest_difference(shipped.load("mnist-surrogates"), shipped.load("mnist-surrogates"))[1]
    0.0
    """
    check_record("one", one)
    check_record("other", other)
    tables = [_numbers(record) for record in (one, other)]
    shapes = [{name: values.shape for name, values in table.items()} for table in tables]
    if one.runs != other.runs or _when(one, other) != _when(other, one) or shapes[0] != shapes[1] or not shapes[0]:
        raise InvalidInput(
            f"records: got {one!r} and {other!r}, expected the same runs, epochs, steps and quantities, at least "
            "one, and as many latents."
        )
    gaps = {name: (values - tables[1][name]).abs().max().item() for name, values in tables[0].items()}
    return max(gaps.items(), key=lambda gap: gap[1])


def _when(record: Record, other: Record) -> list:
    """After which epochs it was measured, and after which steps, if the other says so too."""
    steps = None if other.steps is None or record.steps is None else record.steps.tolist()
    return [record.epochs.tolist(), steps]


def _numbers(record: Record) -> dict[str, torch.Tensor]:
    """All numbers of a Record by name, in float64."""
    fields = {name: getattr(record, name) for name in LATENTS if getattr(record, name) is not None}
    errors = {f"error of {name}": values for name, values in record.errors.items()}
    return {name: values.double() for name, values in (record.quantities | errors | fields).items()}
