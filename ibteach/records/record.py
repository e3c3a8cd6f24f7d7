"""A `Record` is the one thing that passes from training to display: what was measured, and where it came from.

Training, an ensemble and a sweep each leave one; every figure takes Records and nothing else, so that networks
trained a second ago and networks recorded on a GPU look the same on screen, and each figure says which they are.
Kept in one sealed file (`ibteach.files`): safetensors and JSON, never pickle.
"""

import dataclasses
import functools
import json
import math
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ibteach import checks, files
from ibteach.errors import DamagedFile, InvalidInput
from ibteach.records.provenance import in_new_names

KIND, VERSION = "record", 1
REMEDY = "Nothing of it was used: fetch or make the file again."
LATENTS = {  # field -> dtype, axes; M runs, N test examples, K latent dimensions, C classes
    "latents": (torch.float32, "M N K"),
    "labels": (torch.int64, "N"),
    "decoder_weight": (torch.float32, "M C K"),
    "decoder_bias": (torch.float32, "M C"),
}


@dataclasses.dataclass(frozen=True, eq=False)
class Record:
    """Quantities of M trained networks over E epochs, their final latents, and their provenance.

    - `runs`: for each of the M networks its settings, such as ``{"objective": "l2", "gamma": 0.01, "seed": 0}``
    - `epochs` (E,): epochs behind each measurement, increasing; 0 is before training
    - `steps` (E,): steps behind it, increasing, where they were counted; then several measurements may lie within one
      epoch, and have the number of the last that was finished
    - `quantities`: name -> (M, E) float64, entropies in nats, such as ``"test/decoder_cross_entropy"``
    - `errors`: standard errors of some of the quantities, name -> (M, E)
    - `latents` (M, N, K), `labels` (N,): noiseless latents of a fixed part of the test set after the last epoch;
      `decoder_weight` (M, C, K), `decoder_bias` (M, C): the linear decoder. These four together, or none.
    - `provenance`: see `ibteach.records.provenance`

    Tensors are kept on the CPU in these types. Raises `InvalidInput` when shapes disagree or a value is not finite.

    >>> from ibteach.records.provenance import provenance
    >>> record = Record(
    ...     runs=({"gamma": 0.0}, {"gamma": 1.0}),
    ...     epochs=torch.tensor([0, 5]),
    ...     quantities={"test/error": torch.tensor([[0.9, 0.1], [0.9, 0.2]])},
    ...     provenance=provenance(data="digits", device="cpu", wall_seconds=7.2),
    ... )
    >>> record.select(gamma=1.0).value("test/error")
    tensor([0.2000], dtype=torch.float64)
    >>> record.source
    'computed now, digits, CPU, 7.2 s'
    """

    runs: tuple[dict, ...]
    epochs: Tensor
    quantities: dict[str, Tensor]
    errors: dict[str, Tensor] = dataclasses.field(default_factory=dict)
    latents: Tensor | None = None
    labels: Tensor | None = None
    decoder_weight: Tensor | None = None
    decoder_bias: Tensor | None = None
    steps: Tensor | None = None
    provenance: dict = dataclasses.field(default_factory=dict)

    def __post_init__(self):
        keep = functools.partial(object.__setattr__, self)
        keep("runs", _runs(self.runs))
        keep("epochs", _increasing("epochs", self.epochs, strictly=self.steps is None))
        if self.steps is not None:
            keep("steps", _increasing("steps", self.steps, strictly=True))
            _agree("steps", self.steps, (len(self.epochs),))
        shape = (len(self.runs), len(self.epochs))
        keep("quantities", _table("quantities", self.quantities, shape))
        keep("errors", _table("errors", self.errors, shape))
        for name, error in self.errors.items():
            checks.known("errors: quantity", name, self.quantities)
            if (error < 0).any():
                raise InvalidInput(f"errors[{name!r}]: got negative standard errors, expected values >= 0.")
        for name, tensor in _latents({name: getattr(self, name) for name in LATENTS}, len(self.runs)).items():
            keep(name, tensor)
        keep("provenance", _provenance(self.provenance))
        if self.steps is not None:
            _counted(self.epochs, self.steps, self.provenance.get("steps_per_epoch"))

    def __repr__(self):
        latents = "no latents" if self.latents is None else f"latents {tuple(self.latents.shape)}"
        return (
            f"Record({len(self.runs)} runs, {len(self.epochs.unique())} epochs, {len(self.quantities)} quantities, "
            f"{latents}; {self.source})"
        )

    @property
    def source(self) -> str:
        """One line for a figure: computed now or recorded, from which data, a ResNet how wide, on what."""
        of, how = self.provenance, self.provenance.get("configuration") or {}
        data, device = of.get("data", "unnamed data"), of.get("device_name") or "unknown device"
        if how.get("train_examples"):
            data += f" ({how['train_examples']:,} images)"
        if how.get("network") == "resnet" and "width" in how:
            data += f", ResNet-18 of width {how['width']}"
        if of.get("kind") == "recorded":
            day = str(of.get("created", ""))[:10] or "some time ago"
            return f"recorded {day}, {data}, {device}, torch {(of.get('versions') or {}).get('torch', 'unknown')}"
        seconds = of.get("wall_seconds")
        took = "" if seconds is None else f", {seconds:.1f} s" if seconds < 10 else f", {seconds:,.0f} s"
        return f"computed now, {data}, {device}{took}"

    @property
    def course(self) -> Tensor:
        """How much of training lies behind each measurement, (E,), in epochs: 2.5 is in the middle of the third.

        >>> within = {"epochs": torch.tensor([0, 0, 1]), "steps": torch.tensor([0, 5, 20])}
        >>> Record(({"seed": 0},), quantities={"test/error": torch.ones(1, 3)}, **within).course
        tensor([0.0000, 0.2500, 1.0000], dtype=torch.float64)
        """
        if self.steps is None:
            return self.epochs.double()
        steps, ended = self.steps.double(), self.epochs > 0
        epoch = self.provenance.get("steps_per_epoch")
        if epoch is None:  # when one ends; at any later time there are more steps for each that ended
            epoch = (steps[ended] / self.epochs[ended]).min() if ended.any() else math.inf
        return steps / epoch

    @property
    def moments(self) -> list[str]:
        """When each measurement was made, in words: ``"epoch 3"``, or within an epoch ``"step 20"``.

        >>> within = {"epochs": torch.tensor([0, 0, 1]), "steps": torch.tensor([0, 5, 20])}
        >>> Record(({"seed": 0},), quantities={"test/error": torch.ones(1, 3)}, **within).moments
        ['epoch 0', 'step 5', 'epoch 1']
        """
        steps = self.epochs if self.steps is None else self.steps
        within = (self.course != self.epochs) | ((self.epochs == 0) & (steps > 0))
        return [
            f"step {step}" if inside else f"epoch {epoch}"
            for epoch, step, inside in zip(self.epochs.tolist(), steps.tolist(), within.tolist(), strict=True)
        ]

    def select(self, **settings: Any) -> "Record":
        """The runs whose settings are these, as a Record; several values may be given as a list.

        Raises `UnknownName` for a setting that no run has, `InvalidInput` when no run is left.
        """
        chosen = range(len(self.runs))
        for key, wanted in settings.items():
            checks.known("run setting", key, dict.fromkeys(key for run in self.runs for key in run))
            options = wanted if isinstance(wanted, list | tuple | set) else [wanted]
            left = [m for m in chosen if any(_same(self.runs[m].get(key), option) for option in options)]
            if not left:
                there = dict.fromkeys(self.runs[m].get(key) for m in chosen)
                raise InvalidInput(f"{key}: got {wanted!r}, expected one of {', '.join(map(repr, there))}.")
            chosen = left
        return self.take(chosen)

    def take(self, numbers: Iterable[int]) -> "Record":
        """The runs of these numbers, from 0, as a Record; raises `InvalidInput` for none, and where there is none."""
        chosen = checks.several("numbers", numbers)
        if not chosen:
            raise InvalidInput("numbers: got none, expected the number of at least one run.")
        rows = torch.tensor([checks.whole("numbers", m, minimum=0, maximum=len(self.runs) - 1) for m in chosen])
        per_run = {name: getattr(self, name) for name in ("latents", "decoder_weight", "decoder_bias")}
        return dataclasses.replace(
            self,
            runs=tuple(self.runs[m] for m in rows.tolist()),
            quantities={name: tensor[rows] for name, tensor in self.quantities.items()},
            errors={name: tensor[rows] for name, tensor in self.errors.items()},
            **{name: tensor if tensor is None else tensor[rows] for name, tensor in per_run.items()},
        )

    def value(self, name: str, epoch: int = -1) -> Tensor:
        """The quantity of every run, (M,), at the end of that epoch; -1 is the last measurement.

        Raises `UnknownName`, and `InvalidInput` for an epoch at whose end nothing was measured.
        """
        checks.known("quantity", name, self.quantities)
        wanted = checks.whole("epoch", epoch, minimum=-1, maximum=int(self.epochs[-1]))
        if wanted == -1:
            return self.quantities[name][:, -1]
        ended = self.epochs.where(self.course == self.epochs, -1)  # not within the next epoch
        if wanted not in ended:
            there = ended[ended >= 0].unique().tolist()
            raise InvalidInput(f"epoch: got {wanted}, expected one of {there}, or -1 for the last.")
        return self.quantities[name][:, ended.tolist().index(wanted)]

    def save(self, path: files.PathLike) -> None:
        """Write the Record to one file, atomically: a crash leaves the old file or the new one.

        Raises `Unavailable` when the disk is full or the folder cannot be written; the old file is then intact.
        """
        tensors = {"epochs": self.epochs} | ({} if self.steps is None else {"steps": self.steps})
        tensors |= {f"quantities/{name}": tensor for name, tensor in self.quantities.items()}
        tensors |= {f"errors/{name}": tensor for name, tensor in self.errors.items()}
        tensors |= {name: getattr(self, name) for name in LATENTS if self.latents is not None}
        files.save_tensors(path, KIND, VERSION, tensors, {"runs": self.runs, "provenance": self.provenance})

    @classmethod
    def load(cls, path: files.PathLike) -> "Record":
        """Read a Record that `save` wrote; its provenance then says that it was recorded.

        Raises `DamagedFile` when it is truncated, was changed, or is of another version, `Unavailable` when it
        cannot be read.
        """
        tensors, content = files.load_tensors(path, KIND, VERSION, REMEDY)
        fields: dict[str, Any] = {"quantities": {}, "errors": {}}
        for name, tensor in tensors.items():
            group, _, entry = name.partition("/")
            if group in ("quantities", "errors") and entry:
                place, dtype = fields[group], torch.float64
            elif name in ("epochs", "steps") or name in LATENTS:
                place, entry, dtype = fields, name, LATENTS.get(name, (torch.int64,))[0]
            else:
                raise DamagedFile(f"{path}: has a field {name!r} that is no part of a Record. {REMEDY}")
            if tensor.dtype != dtype:
                raise DamagedFile(f"{path}: {name!r} is {tensor.dtype}, expected {dtype}. {REMEDY}")
            place[entry] = tensor.clone()  # off the memory map: the file may be replaced while we look at it
        if not isinstance(content, dict) or set(content) != {"runs", "provenance"}:
            raise DamagedFile(f"{path}: its JSON part has other fields than runs and provenance. {REMEDY}")
        try:
            facts = in_new_names({**content["provenance"], "kind": "recorded"})
            return cls(runs=content["runs"], provenance=facts, **fields)
        except (InvalidInput, TypeError) as error:
            raise DamagedFile(f"{path}: is not a whole Record ({error}). {REMEDY}") from error


def check_record(name: str, record: Any) -> None:
    """Raise `InvalidInput` for what is no Record.

    >>> check_record("record", {})
    Traceback (most recent call last):
    ...
    ibteach.errors.InvalidInput: record: got dict, expected a Record: what training.fit returns.
    """
    if not isinstance(record, Record):
        raise InvalidInput(f"{name}: got {type(record).__name__}, expected a Record: what training.fit returns.")


class Latents(NamedTuple):
    """The fields of a Record that it has together or not at all, where it has them."""

    latents: Tensor
    labels: Tensor
    decoder_weight: Tensor
    decoder_bias: Tensor


def latents_of(name: str, record: Any) -> Latents:
    """The latents of a Record, their labels and decoder. Raises `InvalidInput` for one without, and for no Record.

    >>> latents_of("record", Record(({"seed": 0},), torch.tensor([5]), {"test/error": torch.ones(1, 1)}))
    Traceback (most recent call last):
    ...
    ibteach.errors.InvalidInput: record: got one without latents, expected those that training leaves.
    """
    check_record(name, record)
    if record.latents is None:
        raise InvalidInput(f"{name}: got one without latents, expected those that training leaves.")
    return Latents(*(getattr(record, field) for field in LATENTS))


def _runs(runs) -> tuple[dict, ...]:
    if not isinstance(runs, tuple | list) or not runs or not all(isinstance(run, Mapping) for run in runs):
        raise InvalidInput(f"runs: got {runs!r}, expected at least one dict of settings for each network.")
    for m, run in enumerate(runs):
        for key, value in run.items():
            scalar = value is None or isinstance(value, str | bool | int | float)
            if not isinstance(key, str) or not scalar:
                raise InvalidInput(f"runs[{m}]: got {key!r}: {value!r}, expected a name and a number or text.")
    return tuple(json.loads(files.as_json(f"runs[{m}]", dict(run))) for m, run in enumerate(runs))


def _provenance(given) -> dict:
    parts = ("versions", "configuration", "fingerprints")
    if not isinstance(given, Mapping) or not all(isinstance(given.get(part) or {}, Mapping) for part in parts):
        raise InvalidInput(f"provenance: got {given!r}, expected a dict such as provenance(data=…) returns.")
    if not isinstance(given.get("data"), str | None):
        raise InvalidInput(f"provenance['data']: got {given['data']!r}, expected the name of a data set.")
    if (examples := (given.get("configuration") or {}).get("train_examples")) is not None:
        checks.whole("provenance['configuration']['train_examples']", examples)
    if given.get("wall_seconds") is not None:
        checks.number("provenance['wall_seconds']", given["wall_seconds"], minimum=0)
    if given.get("steps_per_epoch") is not None:
        checks.whole("provenance['steps_per_epoch']", given["steps_per_epoch"])
    return json.loads(files.as_json("provenance", dict(given)))


def _increasing(field, numbers, strictly) -> Tensor:
    whole = isinstance(numbers, Tensor) and numbers.dtype in (torch.int32, torch.int64) and numbers.ndim == 1
    least = 1 if strictly else 0
    if not whole or not len(numbers) or checks.dense(field, numbers)[0] < 0 or (numbers.diff() < least).any():
        raise InvalidInput(
            f"{field}: got {numbers!r}, expected an integer tensor (E,) of increasing {field[:-1]} numbers."
        )
    return numbers.detach().to("cpu", torch.int64).contiguous()


def _counted(epochs, steps, per_epoch):
    """So many epochs have been finished after so many steps; where nobody says how many steps one has, it has one."""
    if not torch.equal(steps // per_epoch, epochs) if per_epoch else (epochs > steps).any():
        raise InvalidInput(
            f"epochs: got {epochs.tolist()} after {steps.tolist()} steps, expected those that are finished by then, of "
            f"{per_epoch or 'at least one'} each."
        )


def _table(field, table, shape) -> dict[str, Tensor]:
    if not isinstance(table, Mapping):
        raise InvalidInput(f"{field}: got {type(table).__name__}, expected a dict of tensors {shape}.")
    for name, tensor in table.items():
        if not isinstance(name, str) or not name or not name.isprintable():  # nor half a character of UTF-16
            raise InvalidInput(f"{field}: got the name {name!r}, expected text such as 'test/error'.")
        _agree(f"{field}[{name!r}]", checks.real(f"{field}[{name!r}]", tensor, "M E"), shape)
    return {name: tensor.detach().to("cpu", torch.float64) for name, tensor in table.items()}


def _latents(tensors, runs) -> dict[str, Tensor]:
    missing = [name for name, tensor in tensors.items() if tensor is None]
    if len(missing) == len(tensors):
        return {}
    if missing:
        raise InvalidInput(f"{', '.join(missing)}: missing, expected {', '.join(LATENTS)} together or none of them.")
    for name, (dtype, axes) in LATENTS.items():
        if dtype.is_floating_point:
            checks.real(name, tensors[name], axes)
            checks.real(f"{name} in float32", tensors[name].detach().to(dtype), axes)  # beyond it lies infinity
    _, examples, dimensions = tensors["latents"].shape
    classes = tensors["decoder_weight"].shape[1]
    checks.labels("labels", tensors["labels"], "N", classes)
    sizes = {"M": runs, "N": examples, "K": dimensions, "C": classes}
    for name, (_, axes) in LATENTS.items():
        _agree(name, tensors[name], tuple(sizes[axis] for axis in axes.split()))
    return {name: tensors[name].detach().to("cpu", dtype) for name, (dtype, _) in LATENTS.items()}


def _agree(name, tensor, shape):
    if tuple(tensor.shape) != shape:
        raise InvalidInput(f"{name}: got shape {tuple(tensor.shape)}, expected {shape} to agree with the other fields.")


def _same(one, other) -> bool:
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in (one, other))
    return math.isclose(one, other, rel_tol=1e-9) if numbers else type(one) is type(other) and one == other
