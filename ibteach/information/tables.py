"""What a table of probabilities must be, and how its variables are called: the checks before any information.

`probabilities` turns what people have (counts, numpy, nested lists, torch) into a float64 tensor that sums to one, or
says what is wrong with it; `variable_names` and `parse` read the notation ``"X Y"`` and ``"X;Y|Z"``. `discrete`
computes with the results.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ibteach import checks
from ibteach.errors import InvalidInput
from ibteach.precision import exactly

if TYPE_CHECKING:
    from jaxtyping import Float64, Int64, Real


Table: TypeAlias = Tensor | npt.ArrayLike
"""What people have: torch tensors, numpy arrays, nested lists of numbers."""

Names: TypeAlias = str | Iterable[str]
"""Names of variables: ``"X Y"`` or ``["X", "Y"]``."""


def probabilities(
    name: str, table: Table, shape: str, *, over: int | None = None, normalize: bool = False
) -> Float64[Tensor, "*batch"]:
    """A float64 table that sums to one over its last `over` axes (by default all named ones), or `InvalidInput`.

    `shape` names the axes, such as ``"... X Y"``; the ``...`` admits a batch. Integers are counts: they are divided by
    their sum, as everything is with ``normalize=True``, and as what sums to 1 within the tolerance (1e-8, of float32
    1e-5), but not to the last digits. Memory may be shared with the caller: clone before writing.

    >>> probabilities("encoder", [[0.5, 0.5], [0.9, 0.2]], "X Z", over=1)
    Traceback (most recent call last):
    ...
    ibteach.errors.InvalidInput: encoder: got probabilities that sum to 1.1 (0.1 too much) at [1], expected 1;
    pass normalize=True to divide by the sum, or integers if these are counts.
    """
    given, normalize = numbers(name, table), checks.flag("normalize", normalize)
    p = checks.real(name, exactly(given), shape)
    if p.min() < 0:
        raise InvalidInput(
            f"{name}: got {int((p < 0).sum())} negative of {p.numel()} cells, the lowest {p.min():.6g}"
            f"{_at(p.argmin(), p.shape)}, expected probabilities >= 0."
        )
    over = over or len(shape.replace("...", "").split())
    total = p.sum(dim=tuple(range(-over, 0)), keepdim=True)
    batch = total.shape[: total.ndim - over]
    if normalize or not given.is_floating_point():
        if total.min() <= 0:
            raise InvalidInput(f"{name}: got nothing but zeros{_at(total.argmin(), batch)}, expected a sum above 0.")
        if torch.isinf(total).any():
            raise InvalidInput(f"{name}: got values up to {p.max():.3g}, whose sum is infinite; divide by the largest.")
        return p / total
    exact, off = given.dtype == torch.float64, (total - 1).abs()
    if off.max() > (1e-8 if exact else 1e-5):
        worst = total.flatten()[off.argmax()].item()
        gap = f"{abs(worst - 1):.2g} too {'much' if worst > 1 else 'little'}"
        raise InvalidInput(
            f"{name}: got probabilities that sum to {worst:.9g} ({gap}){_at(off.argmax(), batch)}, expected 1; "
            "pass normalize=True to divide by the sum, or integers if these are counts."
        )
    rounding = torch.finfo(p.dtype).eps * p.numel() / total.numel()
    return p if off.max() <= rounding else p / torch.where(off > rounding, total, 1)


def numbers(name: str, values: Table) -> Real[Tensor, "*batch"]:
    """Real numbers as a tensor, shared where they can be: torch as it is; numpy or lists as int64, float32 or float64.

    >>> numbers("table", [[True, False]])
    Traceback (most recent call last):
    ...
    ibteach.errors.InvalidInput: table: got bool values, expected real numbers; of booleans, use .astype(float).
    """
    if not isinstance(values, Tensor):
        try:
            array = np.asarray(values)
        except ValueError as error:
            raise InvalidInput(f"{name}: got rows of unequal lengths, expected a rectangular table.") from error
        # Torch reads no foreign byte orders or negative strides, and warns of read-only arrays: only those are copied.
        kinds = {"i": np.int64, "u": np.int64, "f": np.float32 if array.itemsize < 8 else np.float64}
        values = np.require(array, kinds.get(array.dtype.kind), ["C_CONTIGUOUS", "WRITEABLE"])
    else:
        checks.dense(name, values)
    dtype = str(values.dtype).removeprefix("torch.")
    if not dtype.startswith(("int", "uint", "float", "bfloat")):
        raise InvalidInput(f"{name}: got {dtype} values, expected real numbers; of booleans, use .astype(float).")
    return torch.as_tensor(values)


def symbols(name: str, values: Table) -> tuple[Int64[Tensor, " N"], int]:
    """Samples of one variable as whole numbers 0 … K−1, shape (N,), int64, and K; or `InvalidInput`.

    >>> symbols("X", [0.5, 1.0])
    Traceback (most recent call last):
    ...
    ibteach.errors.InvalidInput: X: got float64 of shape (2,), expected symbols (N,), whole numbers from 0;
    number others with numpy.unique(…, return_inverse=True)[1].
    """
    found = numbers(name, values)
    right_kind = not found.is_floating_point() and found.ndim == 1 and len(found) > 0
    low, high = found.aminmax() if right_kind else (0, 0)
    if not right_kind or low < 0:
        kind = f"{str(found.dtype).removeprefix('torch.')} of shape {tuple(found.shape)}"
        came = f"the symbol {int(low)}" if right_kind else kind
        raise InvalidInput(
            f"{name}: got {came}, expected symbols (N,), whole numbers from 0; "
            "number others with numpy.unique(…, return_inverse=True)[1]."
        )
    return found.long(), int(high) + 1


def variable_names(names: Names) -> tuple[str, ...]:
    """Names of variables, from ``"X Y"`` or a sequence of them; no two alike.

    >>> variable_names("X Y X")
    Traceback (most recent call last):
    ...
    ibteach.errors.InvalidInput: names: got 'X' twice in X, Y, X, expected each variable once.
    """
    names = tuple(names.replace(",", " ").split()) if isinstance(names, str) else checks.several("names", names)
    bad = [name for name in names if not isinstance(name, str) or not name or set(name) & set(" ,;|[]")]
    if bad or not names:
        came = repr(bad[0]) if bad else "none"
        raise InvalidInput(f"names: got {came}, expected one for each variable, such as 'X Y', without any of ,;|[].")
    twice = [name for place, name in enumerate(names) if name in names[:place]]
    if twice:
        raise InvalidInput(f"names: got {twice[0]!r} twice in {', '.join(names)}, expected each variable once.")
    return names


def parse(text: str, names: Iterable[str], *, groups: int) -> tuple[tuple[tuple[str, ...], ...], tuple[str, ...]]:
    """Groups and condition of ``"X;Y|Z"``: ((("X",), ("Y",)), ("Z",)); `groups` is 1 (for H) or 2 (for I: two or more).

    >>> parse("X, Y | Z", ["X", "Y", "Z"], groups=1)
    ((('X', 'Y'),), ('Z',))
    """
    wanted = "such as 'X', 'X Y' or 'Y|X'" if groups == 1 else "such as 'X;Y' or 'X;Y|Z'"
    if not isinstance(text, str):
        raise InvalidInput(f"variables: got {text!r}, expected text {wanted}.")
    body, bar, condition = text.partition("|")
    parts = [tuple(dict.fromkeys(part.replace(",", " ").split())) for part in [*body.split(";"), condition]]
    found, given = tuple(parts[:-1]), parts[-1]
    right_number = len(found) == 1 if groups == 1 else len(found) >= 2
    if not right_number or not all(found) or bool(bar) != bool(given):
        raise InvalidInput(f"variables: got {text!r}, expected {wanted}.")
    for name in [*sum(found, ()), *given]:
        checks.known("variable", name, names)
    return found, given


def _at(place: int | Tensor, shape: Sequence[int]) -> str:
    """The index of the flat `place` in `shape`, for a message; nothing where there is but one."""
    return f" at {[int(i) for i in np.unravel_index(int(place), shape)]}" if shape else ""
