"""Jobs: what one worker trains, and what it leaves.

A job is the unit of a sweep: small networks of one seed are trained together, as the ensemble of one `Job`; a large
one is a job by itself. Who is trained together follows from the runs alone, not from how many workers there are or
where a sweep was stopped, for in another company a network's sums are rounded otherwise, and training amplifies that.
Each run leaves a Record of its own, in a file that is whole or not there, named by the SHA-256 of all that its job
depends on.
"""

import dataclasses
import hashlib
import itertools
import json
import sys
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ibteach import checks, files, networks
from ibteach.data.datasets import FOLDER_SIZE, Dataset, is_folder, load
from ibteach.data.sources import SOURCES
from ibteach.errors import DamagedFile, Diverged, InvalidInput, Unavailable
from ibteach.networks.bottleneck import Bottleneck
from ibteach.networks.ensemble import Ensemble, stackable
from ibteach.networks.modes import evaluated
from ibteach.records.provenance import command_line
from ibteach.records.record import Record
from ibteach.records.shipped import NETWORK, RECORD
from ibteach.seeds import untouched
from ibteach.training import checkpoints, loop
from ibteach.training.interrupts import StopButton
from ibteach.training.runs import Run
from ibteach.training.settings import Settings

VERSION = 3  # of what a job's name stands for
LARGE = 1_000_000
"""From this many parameters on a network fills a processor by itself."""
TOGETHER = 16
"""At most so many small networks are one job: more would hardly be quicker together, and several workers want jobs."""
MEMORY = 2e9
"""At most about so many bytes does a step of a job take."""

_ONE_AT_A_TIME = threading.Lock()  # training draws from the random state and reads the stop button of its process


@dataclasses.dataclass(frozen=True)
class Job:
    """What one worker trains: one network, or an ensemble of them. Made by `plan`, which fills in every default.

    - `data`, `size`, `convert`, `skip`: as `ibteach.data.datasets.load` takes them, a folder by its whole path
    - `fingerprint`: of what that returned
    - `architecture`: as `ibteach.networks.bottleneck.from_architecture` takes it
    - `runs`: one for each network
    - `settings`: of the training
    """

    data: str
    size: int | None
    fingerprint: str
    architecture: dict[str, Any]
    runs: tuple[Run, ...]
    settings: Settings
    convert: bool = False
    skip: bool = False

    @property
    def name(self) -> str:
        """16 hexadecimal digits that are different for jobs that differ in anything but where the same data lie.

        >>> from ibteach.training.loop import grid
        >>> one, other = (plan("digits", {"network": "mlp"}, grid(["l2"], gammas=[g]))[0] for g in (0.1, 0.2))
        >>> len(one.name), one.name == other.name
        (16, False)
        """
        return self._name()

    @property
    def names(self) -> dict[str, Run]:
        """Each run by the name of its files, which stands for the whole job: with others it is another network."""
        return {self._name(number): run for number, run in enumerate(self.runs)}

    def of(self, runs: Iterable[Run]) -> "Job":
        """The same for these runs."""
        return dataclasses.replace(self, runs=tuple(runs))

    def _name(self, number: int | None = None) -> str:
        content = {**dataclasses.asdict(self), "version": VERSION, "number": number}
        for where in ("data", "size", "convert", "skip"):  # its fingerprint says what it is, wherever it lies
            del content[where]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def plan(
    data: str | Path,
    architecture: dict,
    runs: Iterable[Run],
    settings: Settings | None = None,
    *,
    size: int | None = None,
    convert: bool = False,
    skip: bool = False,
    together: int | None = None,
    **fields: Any,
) -> list[Job]:
    """The jobs that train these runs: ensembles of small networks that share a seed, and one for each large network.

    Large is what has a million parameters, or batch normalisation, which cannot be stacked. Another seed is another
    job, so that adding seeds leaves the others as they are; more weights or objectives make other ensembles.

    Args:
        data, size, convert, skip: as `ibteach.data.datasets.load` takes them, so also a folder of pictures of your
            own, which every worker must see under the same path; what is not there is fetched now.
        architecture: such as ``{"network": "resnet", "width": 16}``; what is left out has its default.
        runs: such as `ibteach.training.loop.grid` makes; two that are equal are one.
        together: the most networks of a job, by default up to 16 of one seed; with a number, of whichever seeds.
        settings, fields: a `Settings`, or its fields by name, such as ``epochs=40``, as `ibteach.training.loop.fit`
            takes them.

    Raises `UnknownName` or `InvalidInput` for what a job cannot be made of, `Unavailable` for data that are not there.

    >>> from ibteach.training.loop import grid
    >>> runs = grid(["l2", "variance"], gammas=[0.01, 0.1], seeds=[0, 1, 2])
    >>> [len(job.runs) for job in plan("digits", {"network": "mlp", "hidden": [32]}, runs, epochs=5)]
    [4, 4, 4]
    >>> [len(job.runs) for job in plan("digits", {"network": "resnet", "width": 8}, runs)]
    [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]
    """
    runs = checks.several("runs", runs)
    if not runs or not all(isinstance(run, Run) for run in runs):
        raise InvalidInput(f"runs: got {runs!r}, expected at least one Run, such as grid makes.")
    runs = list(dict.fromkeys(runs))
    settings = Settings.of(settings, **fields)
    if own := is_folder(data):
        data = str(files.expanded(data, "data").resolve())  # a worker may be in another folder
    dataset = load(data, size=size, convert=convert, skip=skip)
    try:
        with untouched():
            network = networks.from_architecture(architecture, dataset.shape, len(dataset.classes))
    except TypeError as error:
        raise InvalidInput(f"architecture: got {architecture!r}, which no network has ({error}).") from error
    except RuntimeError as error:  # torch's, where the system refuses the memory
        raise Unavailable(
            f"architecture: got {architecture!r}, for which this machine has too little memory; choose a narrower one."
        ) from error
    for run in runs:
        loop.check(network, dataset, [run], settings)
    large = sum(parameter.numel() for parameter in network.parameters()) >= LARGE or not stackable(network)
    if large:
        groups = [[run] for run in runs]
    elif together is not None:
        groups = _evenly(runs, checks.whole("together", together))
    else:
        most = min(TOGETHER, max(1, int(MEMORY / _step_bytes(network, dataset, settings.batch_size))))
        seeds = dict.fromkeys(run.seed for run in runs)
        groups = [some for seed in seeds for some in _evenly([run for run in runs if run.seed == seed], most)]
    size = size or (FOLDER_SIZE if own else SOURCES[str(data)].size)
    of: dict[str, Any] = {"data": str(data), "size": size, "convert": convert, "skip": skip, "settings": settings}
    of["architecture"] = json.loads(files.as_json("architecture", network.architecture))
    return [Job(runs=tuple(group), fingerprint=dataset.fingerprint, **of) for group in groups]


def _evenly(runs: list[Run], most: int) -> list[list[Run]]:
    """In their order, in as few groups as have at most so many each, which differ by one at most."""
    count = -(-len(runs) // most)
    ends = [len(runs) * number // count for number in range(count + 1)]
    return [runs[first:last] for first, last in itertools.pairwise(ends)]


def _step_bytes(network: Bottleneck, dataset: Dataset, batch_size: int) -> float:
    """About what a step takes: parameters, their gradient and two moments, and what each layer leaves to go back by."""
    values = 0

    def count(module, given, returned):
        nonlocal values
        values += returned.numel() / 2 if isinstance(returned, Tensor) else 0

    hooks = [module.register_forward_hook(count) for module in network.modules()]
    with torch.no_grad(), evaluated(network):
        network(dataset.normalize(dataset.train_images[:2]), torch.zeros(2, network.latent_dimension))
    for hook in hooks:
        hook.remove()
    return 4 * (4 * sum(parameter.numel() for parameter in network.parameters()) + 2 * batch_size * values)


def train(job: Job, **where: Any) -> tuple[Record, Bottleneck | Ensemble, tuple[int, int, int]]:
    """Train what a job says, and keep nothing: the Record, the networks, and the shape of the images they take.

    `where` are the arguments of `ibteach.training.loop.fit` that are no settings: checkpoint, device, progress.
    """
    model, dataset = _begin(job)
    return loop.fit(model, dataset, list(job.runs), settings=job.settings, **where), model, dataset.shape


def _begin(job: Job) -> tuple[Bottleneck | Ensemble, Dataset]:
    """The networks of a job before training, and its data."""
    if not isinstance(job, Job):
        raise InvalidInput(f"job: got {job!r}, expected a Job, such as plan makes.")
    dataset = load(job.data, size=job.size, convert=job.convert, skip=job.skip)
    if dataset.fingerprint != job.fingerprint:
        raise InvalidInput(
            f"{job.data}: is of other content here ({dataset.fingerprint[:12]}) than where the sweep was planned "
            f"({job.fingerprint[:12]}); have the same files on all machines, and plan it again."
        )
    runs = job.runs[0] if len(job.runs) == 1 else job.runs
    return loop.build(
        lambda: networks.from_architecture(job.architecture, dataset.shape, len(dataset.classes)), runs
    ), dataset


def run_job(
    job: Job,
    folder: files.PathLike,
    device: str | None = None,
    progress: bool = False,
    command: str | None = None,
) -> None:
    """Train the runs of a job, all of them, unless `folder` has them all: what a worker does.

    Each run leaves ``NAME.safetensors``, its Record, and ``NAME.network.safetensors``, its trained network, which
    `ibteach.training.checkpoints.load_network` reads. On the way there is a checkpoint, from which whoever does the job
    next goes on. `command` is what started the sweep, for the Records; by default, what started this process.

    Raises `KeyboardInterrupt` when it was stopped (what was finished is kept), `Diverged` when a network was lost (the
    others of the job are kept), and otherwise what `data.load` and `fit` raise.
    """
    folder = files.named(folder)
    with _ONE_AT_A_TIME:
        if all(kept(folder, name) for name in job.names):
            return
        checkpoint = folder / f"{job.name}.checkpoint"
        model, dataset = _begin(job)
        how, diverged = {"device": device, "progress": progress, "checkpoint": checkpoint}, None
        with StopButton() as stop:
            try:
                record = loop.fit(model, dataset, list(job.runs), settings=job.settings, **how)
            except Diverged as error:
                record, diverged = error.record, error
            if record is not None and record.latents is not None:  # finished, by all networks or by those that went on
                if record.provenance["stopped_in_epoch"] is not None:
                    raise KeyboardInterrupt
                for m, (name, run) in enumerate(job.names.items()):
                    row = dataclasses.asdict(run)
                    if row not in record.runs or kept(folder, name):
                        continue  # what is there by now is the same, for it comes of the same job
                    network = model.network(m) if isinstance(model, Ensemble) else model
                    checkpoints.save_network(folder / f"{name}{NETWORK}", network, dataset.shape)
                    mine = _of_one(record, record.runs.index(row), len(job.runs), command or command_line())
                    mine.save(folder / f"{name}{RECORD}")  # last: it says that the run is done
            checkpoint.unlink(missing_ok=True)
        if stop.asked:
            raise KeyboardInterrupt
        if diverged:
            raise diverged


def kept(folder: Path, name: str, say: bool = False) -> Record | None:
    """The Record of that name in a folder, if it is whole and its network is there; if not for loss alone, `say` so."""
    path, network = folder / f"{name}{RECORD}", folder / f"{name}{NETWORK}"
    if not path.exists():
        return None
    try:
        if network.exists():
            return Record.load(path)
        loss = f"{network}: is not there any more."
    except DamagedFile as damage:
        loss = str(damage)
    if say:
        print(f"{loss} It is trained again.", file=sys.stderr)
    return None


def _of_one(record: Record, m: int, among: int, command: str) -> Record:
    """The part of run m in the Record of an ensemble of so many, trained by a sweep that was started so."""
    facts = record.provenance
    mine = {"wall_seconds": facts["wall_seconds"] / among, "parameters": facts["parameters"] // among}
    return dataclasses.replace(record.take([m]), provenance={**facts, **mine, "command": command})
