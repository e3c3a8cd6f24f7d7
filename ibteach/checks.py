"""Arguments are checked here, before any work: what came, what was expected, what to do.

Each check returns the value in the form the caller computes with, or raises `ibteach.errors.InvalidInput`.
"""

import difflib
import math
import numbers
from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ibteach.errors import InvalidInput, UnknownName


def number(
    name: str,
    value: Any,
    *,
    above: float | None = None,
    minimum: float | None = None,
    maximum: float | None = None,
    below: float | None = None,
) -> float:
    """A finite real number within bounds, as a float.

    >>> number("gamma", 0.5, minimum=0)
    0.5
    >>> number("gamma", -1, minimum=0)
    Traceback (most recent call last):
    ...
    ibteach.errors.InvalidInput: gamma: got -1, expected a finite number >= 0.
    """
    limits = [(">", above), (">=", minimum), ("<=", maximum), ("<", below)]
    wanted = " and ".join(f"{sign} {limit}" for sign, limit in limits if limit is not None)
    is_number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    amount: Any = value
    if isinstance(value, Tensor) and value.ndim == 0 and not value.is_complex():
        amount, is_number = value.item(), True
    try:
        good = is_number and math.isfinite(amount)
    except OverflowError:  # a whole number beyond all floats
        good = False
    good = good and (above is None or amount > above) and (minimum is None or amount >= minimum)
    good = good and (maximum is None or amount <= maximum) and (below is None or amount < below)
    if not good:
        raise InvalidInput(f"{name}: got {value!r}, expected a finite number {wanted}".rstrip() + ".")
    return float(amount)


LARGEST = 10**9  # of what can be counted in a lifetime: more are taken for a mistake, before they hang a machine
MOST_BYTES = 64e9  # of one result: beyond it lies no machine that runs the course


def whole(name: str, value: Any, *, minimum: int = 1, maximum: int | None = None) -> int:
    """A whole number within bounds, as an int; without a maximum at most a billion.

    >>> whole("samples", 12)
    12
    >>> whole("samples", 0)
    Traceback (most recent call last):
    ...
    ibteach.errors.InvalidInput: samples: got 0, expected a whole number >= 1.
    """
    if isinstance(value, Tensor) and value.ndim == 0:
        value = value.item()
    integral: Any = numbers.Integral
    good = isinstance(value, integral) and not isinstance(value, bool)
    good = good and minimum <= value <= (LARGEST if maximum is None else maximum)
    if not good:
        upper = "" if maximum is None else f" and <= {maximum}"
        if isinstance(value, integral) and value > LARGEST:
            upper = upper or f" and <= {LARGEST}"
        raise InvalidInput(f"{name}: got {value!r}, expected a whole number >= {minimum}{upper}.")
    return int(value)


def seed(name: str, value: Any) -> int:
    """A seed, as an int: a whole number that 63 bits hold.

    >>> seed("seed", -1)
    Traceback (most recent call last):
    ...
    ibteach.errors.InvalidInput: seed: got -1, expected a whole number >= 0 and <= 9223372036854775807.
    """
    return whole(name, value, minimum=0, maximum=2**63 - 1)


def flag(name: str, value: Any) -> bool:
    """True or False, as a bool: no number, and no text, which is true whatever it says.

    >>> flag("noise", torch.tensor(True))
    True
    >>> flag("noise", "false")
    Traceback (most recent call last):
    ...
    ibteach.errors.InvalidInput: noise: got 'false', expected True or False.
    """
    plain = value.item() if isinstance(value, np.bool_) or (isinstance(value, Tensor) and value.ndim == 0) else value
    if not isinstance(plain, bool):
        raise InvalidInput(f"{name}: got {value!r}, expected True or False.")
    return plain


def several(name: str, values: Any, count: int | None = None) -> tuple:
    """A collection as a tuple, of that many values if a count is given.

    >>> several("gammas", [0.1, 1.0])
    (0.1, 1.0)
    >>> several("hidden", 16)
    Traceback (most recent call last):
    ...
    ibteach.errors.InvalidInput: hidden: got 16, expected a list or tuple of values.
    """
    try:
        listed = None if isinstance(values, str) else tuple(values)
    except TypeError:  # a number, or an array without axes, which only looks as if it could be iterated over
        listed = None
    if listed is None or (count is not None and len(listed) != count):
        raise InvalidInput(
            f"{name}: got {values!r}, expected a list or tuple of {'' if count is None else f'{count} '}values."
        )
    return listed


def known(kind: str, name: Any, names: Iterable[str]) -> str:
    """One of `names`; otherwise the nearest of them is suggested.

    >>> known("data set", "minst", ["digits", "mnist"])
    Traceback (most recent call last):
    ...
    ibteach.errors.UnknownName: data set: got 'minst', expected one of 'digits', 'mnist'; did you mean 'mnist'?
    """
    names = list(names)
    if isinstance(name, str) and name in names:
        return name
    near = difflib.get_close_matches(str(name).lower(), names, n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]!r}?" if near else "."
    raise UnknownName(f"{kind}: got {name!r}, expected one of {', '.join(map(repr, names))}{hint}")


def real(name: str, tensor: Any, shape: str) -> Tensor:
    """A floating-point tensor without NaN or infinity whose axes fit `shape`, such as ``"... N K"``.

    An ``...`` admits any number of batch axes; every axis must have at least one element.

    >>> real("latents", torch.ones(3), "... N K")
    Traceback (most recent call last):
    ...
    ibteach.errors.InvalidInput: latents: got shape (3,), expected (..., N, K) with every axis at least 1.
    """
    if not isinstance(tensor, Tensor) or not tensor.is_floating_point():
        came = f"dtype {tensor.dtype}" if isinstance(tensor, Tensor) else type(tensor).__name__
        raise InvalidInput(
            f"{name}: got {came}, expected a floating-point torch tensor; "
            "convert with torch.as_tensor(…, dtype=torch.float32)."
        )
    _shape(name, tensor, shape)
    # The sum, ten times as quick, is finite only if all are; a sum that overflows proves nothing.
    if not torch.isfinite(tensor.detach().sum()) and not torch.isfinite(tensor).all():
        bad = int((~torch.isfinite(tensor)).sum())
        raise InvalidInput(
            f"{name}: got {bad} NaN or infinite of {tensor.numel()} values, expected finite ones; "
            "look for the step that made the first of them."
        )
    return tensor


def dense(name: str, tensor: Tensor) -> Tensor:
    """A tensor that holds its values, one beside the other: neither sparse nor without any.

    >>> dense("images", torch.zeros(2, device="meta"))
    Traceback (most recent call last):
    ...
    ibteach.errors.InvalidInput: images: got a meta tensor, expected a dense one that holds its values.
    """
    if tensor.layout != torch.strided or tensor.is_meta:
        kind = "meta" if tensor.is_meta else "sparse"
        raise InvalidInput(f"{name}: got a {kind} tensor, expected a dense one that holds its values.")
    return tensor


def labels(name: str, tensor: Any, shape: str, classes: int | None = None) -> Tensor:
    """An integer tensor of class numbers 0 … classes − 1 (any from 0 where classes is None) whose axes fit `shape`.

    >>> labels("labels", torch.tensor([0, 7]), "N", classes=3)
    Traceback (most recent call last):
    ...
    ibteach.errors.InvalidInput: labels: got values from 0 to 7, expected 0 to 2 (3 classes).
    """
    if (
        not isinstance(tensor, Tensor)
        or tensor.is_floating_point()
        or tensor.is_complex()
        or tensor.dtype == torch.bool
    ):
        came = f"dtype {tensor.dtype}" if isinstance(tensor, Tensor) else type(tensor).__name__
        raise InvalidInput(f"{name}: got {came}, expected an integer torch tensor of class numbers.")
    _shape(name, tensor, shape)
    low, high = int(tensor.min()), int(tensor.max())
    if low < 0 or (classes is not None and high >= classes):
        wanted = "0 or more" if classes is None else f"0 to {classes - 1} ({classes} classes)"
        raise InvalidInput(f"{name}: got values from {low} to {high}, expected {wanted}.")
    return tensor


def broadcast(*shapes: Iterable[int], names: str = "shapes") -> tuple[int, ...]:
    """The shape that batches of these shapes have together.

    >>> broadcast((3, 1), (4,))
    (3, 4)
    >>> broadcast((3,), (2,), names="p, q")
    Traceback (most recent call last):
    ...
    ibteach.errors.InvalidInput: p, q: got batches of shapes (3,), (2,), expected shapes that broadcast.
    """
    listed = [tuple(shape) for shape in shapes]
    try:
        return tuple(torch.broadcast_shapes(*listed))
    except RuntimeError as error:
        came = ", ".join(map(str, dict.fromkeys(listed)))
        raise InvalidInput(f"{names}: got batches of shapes {came}, expected shapes that broadcast.") from error


def memory(name: str, size: float) -> None:
    """Raise `InvalidInput` where what was asked for takes more bytes than `MOST_BYTES`, of which the machine would die.

    >>> memory("samples", 2**50)
    Traceback (most recent call last):
    ...
    ibteach.errors.InvalidInput: samples: takes 1,125,900 GB, expected at most 64 GB; ask for less of it.
    """
    if not size <= MOST_BYTES:
        raise InvalidInput(
            f"{name}: takes {size / 1e9:,.0f} GB, expected at most {MOST_BYTES / 1e9:,.0f} GB; ask for less of it."
        )


def finite_parameters(name: str, module: nn.Module) -> None:
    """Raise `InvalidInput` unless every parameter and buffer of a network is finite.

    >>> broken = nn.Linear(2, 1)
    >>> _ = nn.init.constant_(broken.bias, math.nan)
    >>> finite_parameters("network", broken)
    Traceback (most recent call last):
    ...
    ibteach.errors.InvalidInput: network: got NaN or infinity in bias, expected finite parameters; train it again.
    """
    bad = [key for key, tensor in module.state_dict().items() if not torch.isfinite(tensor).all()]
    if bad:
        raise InvalidInput(
            f"{name}: got NaN or infinity in {', '.join(bad[:3])}, expected finite parameters; train it again."
        )


def _shape(name: str, tensor: Tensor, shape: str) -> None:
    dense(name, tensor)
    axes = shape.split()
    fixed = len(axes) - axes.count("...")
    fits = tensor.ndim >= fixed if "..." in axes else tensor.ndim == fixed
    if not fits or 0 in tensor.shape:
        wanted = ", ".join(axes) + ("," if len(axes) == 1 else "")
        raise InvalidInput(f"{name}: got shape {tuple(tensor.shape)}, expected ({wanted}) with every axis at least 1.")
