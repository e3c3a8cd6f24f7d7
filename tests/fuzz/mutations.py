"""What people pass by mistake: mutations of a valid argument, by its kind, each with its name.

A mutation is alien where its kind is plainly wrong (a function for a number): there a TypeError is answer enough.
"""

import copy
import dataclasses
import math
import random
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn


class Mutation(NamedTuple):
    name: str
    value: Any
    alien: bool = False


def mutate(value: Any, rng: random.Random) -> Mutation:
    """One mutation of an argument, of those that its kind has; one in eight is of another kind altogether."""
    if rng.random() < 0.125:
        name = rng.choice(list(ALIENS))
        return Mutation(f"the {name}", ALIENS[name](), alien=True)
    for kind, table in KINDS:
        if kind(value):
            name = rng.choice(list(table))
            return Mutation(name, table[name](value, rng), alien=name in WITHIN)
    return Mutation("None", None, alien=True)


def _each(*values: Any, **named: Any) -> dict[str, Any]:
    """A table of mutations that do not depend on the value."""
    return {name: lambda v, r, new=new: new for name, new in {**{repr(x): x for x in values}, **named}.items()}


def _one(bad: float):
    """One value of a tensor is bad."""

    def put(tensor: Tensor, rng: random.Random) -> Tensor:
        changed = tensor.detach().clone()
        if changed.numel():
            changed.view(-1)[rng.randrange(changed.numel())] = bad
        return changed

    return put


def _read_only(tensor: Tensor) -> np.ndarray:
    array = tensor.detach().numpy().copy()
    array.flags.writeable = False
    return array


def _with_nan(network: nn.Module) -> nn.Module:
    network = copy.deepcopy(network)
    with torch.no_grad():
        next(network.parameters()).view(-1)[0] = math.nan
    return network


def _file(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def _field(value: Any, rng: random.Random) -> Any:
    """The dataclass with one field mutated, or as it is where its own checks refuse that: it has calls of its own."""
    field = rng.choice([field.name for field in dataclasses.fields(value) if field.init])
    try:
        return dataclasses.replace(value, **{field: mutate(getattr(value, field), rng).value})
    except Exception:
        return value


ALIENS = {
    "None": lambda: None,
    "function": lambda: len,
    "text 'abc'": lambda: "abc",
    "empty dict": dict,
    "object": object,
    "complex number": lambda: 1j,
    "bytes": lambda: b"a",
    "module": lambda: nn.Linear(2, 2),
    "tensor": lambda: torch.ones(2, 2),
}
WITHIN = ("one mutated", "a field mutated", "a None in it", "a list in it")
"""Mutations that may put something alien inside."""

TENSORS = {
    "without rows": lambda t, r: t[:0] if t.ndim else t.reshape(1)[:0],
    "one row": lambda t, r: t[:1] if t.ndim else t,
    "one row less": lambda t, r: t[:-1] if t.ndim else t,
    "one axis more": lambda t, r: t[None],
    "one axis less": lambda t, r: t[0] if t.ndim and len(t) else t,
    "a batch of three": lambda t, r: t.expand(3, *t.shape),
    "flat": lambda t, r: t.flatten(),
    "turned": lambda t, r: t.mT if t.ndim > 1 else t.flip(0) if t.ndim else t,
    "every second row": lambda t, r: t[::2] if t.ndim else t,
    "float64": lambda t, r: t.double(),
    "float16": lambda t, r: t.half(),
    "int64": lambda t, r: t.long(),
    "int32": lambda t, r: t.int(),
    "bool": lambda t, r: t > 0,
    "complex": lambda t, r: t.to(torch.complex64),
    "sparse": lambda t, r: t.to_sparse() if t.ndim else t,
    "on meta": lambda t, r: t.to("meta"),
    "as a list": lambda t, r: t.tolist(),
    "as NumPy's": lambda t, r: t.detach().numpy(),
    "read only": lambda t, r: _read_only(t),
    "zero": lambda t, r: torch.zeros_like(t),
    "minus it": lambda t, r: -t if t.dtype != torch.bool else t,
}
FLOATS = TENSORS | {
    "a NaN": _one(math.nan),
    "an infinity": _one(math.inf),
    "times 1e20": lambda t, r: t * 1e20,
    "times 1e-30": lambda t, r: t * 1e-30,
    "times 1e200 in float64": lambda t, r: t.double() * 1e200,
    "constant": lambda t, r: torch.ones_like(t),
    "bfloat16": lambda t, r: t.bfloat16(),
    "wants a gradient": lambda t, r: t.detach().clone().requires_grad_(),
    "times 255": lambda t, r: t * 255,
}
WHOLES = TENSORS | {
    "one negative": _one(-1),
    "one of a thousand": lambda t, r: _one(1000)(t.long(), r),
    "as floats": lambda t, r: t.float(),
    "uint8": lambda t, r: t.to(torch.uint8),
    "floats in [0, 1]": lambda t, r: t / t.max().clamp_min(1) if t.numel() else t.float(),
}
COUNTS = (0, -1, 1, 2, 3, 2**40, 2**63, 2**64, 10**30, -(2**63))
INTS = _each(
    *COUNTS,
    *(1.5, 2.0, math.nan, math.inf, True, "3", "", [2], (1, 2)),
    **{"np.int64(2)": np.int64(2), "np.float32(2)": np.float32(2)},
    **{"tensor(2)": torch.tensor(2), "tensor(2.5)": torch.tensor(2.5)},
)
REALS = _each(
    *(0.0, -1.0, 1.0, 1e308, -1e308, 1e-308, 5e-324, 1e20, 1e-20),
    *(math.nan, math.inf, -math.inf, 2, 10**400, True, "0.1", [0.1]),
    **{"np.float32(0.5)": np.float32(0.5), "np.float64(nan)": np.float64(math.nan)},
    **{
        name: torch.tensor(x) for name, x in (("tensor(0.5)", 0.5), ("tensor([0.5])", [0.5]), ("tensor(nan)", math.nan))
    },
)
FLAGS = _each(*("false", "", 0, 1, 2, math.nan, []), **{"np.True_": np.True_, "tensor(True)": torch.tensor(True)})
TEXTS = {
    "empty": lambda v, r: "",
    "misspelt": lambda v, r: v[1:] + v[:1],
    "in capitals": lambda v, r: v.upper(),
    "5,000 letters": lambda v, r: "a" * 5000,
    "a zero byte": lambda v, r: v + chr(0),
    "half a character": lambda v, r: v + chr(0xD800),
    "a number": lambda v, r: 5,
    "as a list": lambda v, r: [v],
    "spaces": lambda v, r: f" {v} ",
}
LISTS = {
    "empty": lambda v, r: type(v)(),
    "twice the first": lambda v, r: type(v)([*v[:1], *v]),
    "the first alone": lambda v, r: type(v)(v[:1]),
    "reversed": lambda v, r: type(v)(v[::-1]),
    "a None in it": lambda v, r: [*v, None],
    "a NaN in it": lambda v, r: [*v, math.nan],
    "a list in it": lambda v, r: [*v, []],
    "its first value": lambda v, r: v[0] if v else None,
    "a generator": lambda v, r: (one for one in v),
    "negative": lambda v, r: [-one if isinstance(one, int | float) else one for one in v],
    "one mutated": lambda v, r: [mutate(v[0], r).value, *v[1:]] if v else [None],
    "as an array": lambda v, r: np.array(v, dtype=object),
    "text": lambda v, r: " ".join(map(str, v)),
    "a thousand": lambda v, r: [*v] * (1000 // max(1, len(v))),
}
DICTS = {
    "empty": lambda v, r: {},
    "one less": lambda v, r: dict(list(v.items())[1:]),
    "one more": lambda v, r: {**v, "another": 1},
    "a number for a name": lambda v, r: {**v, 5: 5},
    "one mutated": lambda v, r: {k: mutate(one, r).value if i == 0 else one for i, (k, one) in enumerate(v.items())},
    "its names": lambda v, r: list(v),
}
PATHS = {
    "in no folder": lambda v, r: v.parent / "absent" / "file",
    "its folder": lambda v, r: v.parent,
    "a zero byte": lambda v, r: f"{v}{chr(0)}",
    "5,000 letters": lambda v, r: v.parent / ("a" * 5000),
    "empty": lambda v, r: "",
    "a number": lambda v, r: 5,
    "another file": lambda v, r: _file(v.parent / "another", b"text of another program\n"),
    "an empty file": lambda v, r: _file(v.parent / "empty", b""),
}
NETWORKS = {
    "with a NaN": lambda v, r: _with_nan(v),
    "in float64": lambda v, r: copy.deepcopy(v).double(),
    "a layer alone": lambda v, r: nn.Linear(4, 2),
    "its decoder": lambda v, r: getattr(v, "decoder", None),
    "in evaluation mode": lambda v, r: copy.deepcopy(v).eval(),
    "a list of it": lambda v, r: [v],
}
DATACLASSES = {
    "a field mutated": _field,
    "its class": lambda v, r: type(v),
    "a list of it": lambda v, r: [v],
    "as a dict": lambda v, r: {f.name: getattr(v, f.name) for f in dataclasses.fields(v)},
    "its name": lambda v, r: str(v),
}
KINDS = [  # in the order in which they are looked at
    (lambda v: isinstance(v, Tensor) and v.is_floating_point(), FLOATS),
    (lambda v: isinstance(v, Tensor), WHOLES),
    (lambda v: isinstance(v, bool), FLAGS),
    (lambda v: isinstance(v, int), INTS),
    (lambda v: isinstance(v, float), REALS),
    (lambda v: isinstance(v, Path), PATHS),
    (lambda v: isinstance(v, str), TEXTS),
    (lambda v: isinstance(v, list | tuple), LISTS),
    (lambda v: isinstance(v, dict), DICTS),
    (lambda v: isinstance(v, nn.Module), NETWORKS),
    (lambda v: dataclasses.is_dataclass(v) and not isinstance(v, type), DATACLASSES),
]
