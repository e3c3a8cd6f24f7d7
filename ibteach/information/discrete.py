"""Entropy and information of tables: the discrete quantities that everything else is built from.

A `Joint` is a table of probabilities with one named axis per variable, p(x, y, …). Every quantity of Shannon's theory
is a signed sum of the entropies of its marginals, so one elementwise function, −p ln p, carries the module. `tables`
checks what comes in; information diagrams (`diagram`) and the tabular bottleneck build on this. All in nats.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import combinations
from string import ascii_letters
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ibteach import checks
from ibteach.errors import InvalidInput
from ibteach.information.tables import Names, Table, numbers, parse, probabilities, symbols, variable_names

if TYPE_CHECKING:
    from jaxtyping import Float, Float64

MOST_CELLS = 2**26  # half a gigabyte of float64
BLOCK = 2**15  # cells whose logarithms fit the processor's cache: twice as quick as a table at once


class Joint:
    """Joint distribution of named discrete variables: a table with one axis for each.

    `table` has shape (..., X, Y, …): the last axes belong to `names` (``"X Y"`` or ``("X", "Y")``), those before are
    a batch. Torch tensor, numpy array or nested list; it is copied to float64, and gradients flow back to it. Integers
    are counts and are divided by their sum. Zero cells, rows and columns are welcome.

    Raises `InvalidInput` for a table that is negative, not finite, does not sum to one (unless ``normalize=True``), or
    has fewer axes than names, and for names that clash.

    >>> Joint([[0.25, 0.25], [0.0, 0.5]], "X Y")
    Joint(X: 2, Y: 2)
    >>> Joint([[3, 1], [0, 4]], "X Y")
    Joint(X: 2, Y: 2; counts of 8 samples)
    """

    def __init__(self, table: Table, names: Names, *, normalize: bool = False):
        self.names: tuple[str, ...] = variable_names(names)
        given = numbers("table", table)
        self.table: Tensor = probabilities("table", given, f"... {' '.join(self.names)}", normalize=normalize).clone()
        self.samples: Tensor | None = (
            None if given.is_floating_point() else given.sum(dim=tuple(range(-len(self.names), 0)))
        )

    @classmethod
    def from_samples(cls, *samples: Table, names: Names) -> Joint:
        """Empirical distribution of samples: for each name one array (N,) of symbols 0 … K−1, counted together.

        Raises `InvalidInput` for symbols that are not whole numbers from 0, unequal lengths, or a table too large.

        >>> Joint.from_samples([0, 1, 1, 0], [0, 1, 1, 1], names="X Y").p("X Y")
        tensor([[0.2500, 0.2500],
                [0.0000, 0.5000]], dtype=torch.float64)
        """
        names = variable_names(names)
        if len(samples) != len(names):
            raise InvalidInput(f"samples: got {len(samples)} arrays, expected one for each of {', '.join(names)}.")
        columns, sizes = zip(*map(symbols, names, samples), strict=True)
        lengths = [len(column) for column in columns]
        if len(set(lengths)) > 1:
            raise InvalidInput(f"samples: got lengths {lengths} for {', '.join(names)}, expected equal ones.")
        if math.prod(sizes) > MOST_CELLS:
            raise InvalidInput(
                f"samples: got symbols up to {[size - 1 for size in sizes]}, which needs {math.prod(sizes):.2g} cells, "
                f"expected at most {MOST_CELLS:.2g}; number the symbols with numpy.unique(…, return_inverse=True)[1]."
            )
        cell = columns[0]
        for column, size in zip(columns[1:], sizes[1:], strict=True):
            cell = torch.add(column, cell, alpha=size)
        return cls(torch.bincount(cell, minlength=math.prod(sizes)).view(sizes), names)

    def p(self, variables: str) -> Float64[Tensor, "*batch"]:
        """Probabilities: marginal ``p("X")``; conditional ``p("Y|X")`` with axes (..., X, Y), a row for each condition.

        A condition of probability zero has no distribution: its row is zero.

        >>> Joint([[0.25, 0.25], [0.0, 0.5]], "X Y").p("Y|X")
        tensor([[0.5000, 0.5000],
                [0.0000, 1.0000]], dtype=torch.float64)
        """
        (names,), given = parse(variables, self.names, groups=1)
        if set(names) & set(given):
            raise InvalidInput(f"variables: got {variables!r}, expected no variable on both sides of |.")
        table = self._marginal([*given, *names])
        if not given:
            return table
        condition = table.sum(dim=tuple(range(-len(names), 0)), keepdim=True)
        return table / torch.where(condition > 0, condition, 1.0)

    def H(self, variables: str) -> Float64[Tensor, "*batch"]:
        """Entropy in nats: ``H("X")``, joint ``H("X Y")``, conditional ``H("Y|X")`` = H[X,Y] − H[X]. Shape: the batch.

        >>> Joint([[0.5, 0.0], [0.0, 0.5]], "X Y").H("Y|X").item()
        0.0
        """
        return self._measure(*parse(variables, self.names, groups=1))

    def I(self, variables: str) -> Float64[Tensor, "*batch"]:  # noqa: E743  (the field's name)
        """Mutual information in nats: ``I("X;Y")``, ``I("X;Y|Z")``; of three or more, ``I("X;Y;Z")``, of either sign.

        I[A;B|C] = H[A|C] + H[B|C] − H[A,B|C], and on by inclusion and exclusion. Shape: the batch.

        >>> Joint([[0.5, 0.0], [0.0, 0.5]], "X Y").I("X;Y").item() == math.log(2)
        True
        """
        return self._measure(*parse(variables, self.names, groups=2))

    def encode(self, variables: str, channel: Table) -> Joint:
        """Add a variable that depends on the given ones alone: ``encode("Z|X", p_z_given_x)`` for the chain Y − X − Z.

        p(x, y, z) = p(x, y) p(z|x), with `channel` of shape (..., X, Z), its rows summing to one. Batch axes broadcast.

        >>> copy = Joint([[0.5, 0.0], [0.0, 0.5]], "X Y").encode("Z|X", [[1.0, 0.0], [0.0, 1.0]])
        >>> copy, copy.I("Y;Z|X").item()
        (Joint(X: 2, Y: 2, Z: 2), 0.0)
        """
        new, _, given = str(variables).partition("|")
        names = variable_names([*self.names, new.strip()])
        (given,), _ = parse(given, self.names, groups=1)
        channel = probabilities("channel", channel, f"... {' '.join(given)} {names[-1]}", over=1)
        sizes = [self.table.shape[self.names.index(name) - len(self.names)] for name in given]
        if list(channel.shape[-len(given) - 1 : -1]) != sizes:
            wanted = ", ".join(f"{name} = {size}" for name, size in zip(given, sizes, strict=True))
            raise InvalidInput(f"channel: got shape {tuple(channel.shape)}, expected (..., {wanted}, {names[-1]}).")
        batches = self.table.shape[: -len(self.names)], channel.shape[: -len(given) - 1]
        checks.broadcast(*batches, names="table, channel")
        axis = dict(zip(names, ascii_letters, strict=False))
        every, some = "".join(axis[name] for name in self.names), "".join(axis[name] for name in given)
        z = axis[names[-1]]
        channel = channel.to(self.table.device)
        return Joint(torch.einsum(f"...{every},...{some}{z}->...{every}{z}", self.table, channel), names)

    def _marginal(self, names: Iterable[str]) -> Float64[Tensor, "*batch"]:
        """Table of shape (..., *names)."""
        axis = dict(zip(self.names, ascii_letters, strict=False))
        return torch.einsum(f"...{''.join(axis.values())}->...{''.join(axis[name] for name in names)}", self.table)

    def _measure(self, groups: tuple[tuple[str, ...], ...], given: tuple[str, ...]) -> Float64[Tensor, "*batch"]:
        """I[A;B;…|C] = Σ over subsets of the groups, with the sign of inclusion and exclusion, of H[subset|C]."""
        subsets = [sum(some, ()) for size in range(1, len(groups) + 1) for some in combinations(groups, size)]
        signs = [1 if size % 2 else -1 for size in range(1, len(groups) + 1) for _ in combinations(groups, size)]
        terms = (sign * self._joint_entropy({*some, *given}) for sign, some in zip(signs, subsets, strict=True))
        total = sum(terms, self.table.new_zeros(()))
        return total - self._joint_entropy({*given}) if given else total

    def _joint_entropy(self, names: set[str]) -> Float64[Tensor, "*batch"]:
        table = self._marginal([name for name in self.names if name in names])
        return entropy_terms(table).sum(dim=tuple(range(-len(names), 0)))

    def __repr__(self) -> str:
        batch = tuple(self.table.shape[: -len(self.names)])
        axes = zip(self.names, self.table.shape[len(batch) :], strict=True)
        text = ", ".join(f"{name}: {size}" for name, size in axes)
        text += f"; batch {batch}" if batch else ""
        if self.samples is not None:
            least, most = int(self.samples.min()), int(self.samples.max())
            text += f"; counts of {least} samples" if least == most else f"; counts of {least} to {most} samples"
        return f"Joint({text})"


def entropy(p: Table, *, normalize: bool = False) -> Float64[Tensor, "*batch"]:
    """Entropy H(p) = −Σ p ln p of distributions on the last axis: (..., C) to (...), in nats.

    Raises `InvalidInput` as `Joint` does. Integers are counts. The gradient at a zero cell, infinite in truth, is that
    at the smallest normal float64 (about 707): finite, and of the right sign.

    >>> entropy([0.5, 0.25, 0.25]).item() / math.log(2)
    1.5
    """
    p = probabilities("p", p, "... C", normalize=normalize)
    return sum((entropy_terms(block).sum(-1) for block in p.split(BLOCK, -1)), p.new_zeros(()))


def cross_entropy(p: Table | Joint, q: Table | Joint, *, normalize: bool = False) -> Float64[Tensor, "*batch"]:
    """Cross-entropy H(p, q) = −Σ p ln q, an upper bound on H(p), in nats; infinite where q rules out what p allows.

    `p` and `q` are distributions on the last axis, (..., C), whose batch axes broadcast; or two `Joint` of the same
    variables. Raises `InvalidInput` as `Joint` does.

    >>> cross_entropy([1.0, 0.0], [0.25, 0.75]).item() / math.log(2)
    2.0
    """
    p, q = _pair(p, q, normalize)
    return _cross_entropy_terms(p, q).sum(-1)


def kl_divergence(p: Table | Joint, q: Table | Joint, *, normalize: bool = False) -> Float64[Tensor, "*batch"]:
    """KL(p ‖ q) = Σ p ln p/q = H(p, q) − H(p) ≥ 0, in nats: what coding p as if it were q costs on top.

    Arguments as in `cross_entropy`. Raises `InvalidInput` as `Joint` does.

    >>> kl_divergence([1.0, 0.0], [0.25, 0.75]).item() / math.log(2)
    2.0
    """
    p, q = _pair(p, q, normalize)
    return (_cross_entropy_terms(p, q) - entropy_terms(p)).sum(-1)


def entropy_terms(p: Float[Tensor, "*cells"]) -> Float[Tensor, "*cells"]:
    """Each cell's part of an entropy, −p ln p: exactly 0 at p = 0, with a finite gradient. Unchecked, for inner loops.

    >>> entropy_terms(torch.tensor([0.0, 1.0])).tolist() == [0, 0]
    True
    """
    positive = p.clamp_min(torch.finfo(p.dtype).tiny)
    if not p.requires_grad:
        return positive.log_().mul_(p).neg_()  # in place: taking memory costs as much as a pass
    return -(p * positive.log())


def _cross_entropy_terms(p: Float[Tensor, "*#cells"], q: Float[Tensor, "*#cells"]) -> Float[Tensor, "*#cells"]:
    # An empty cell of p counts nothing, whatever q is; clamping q there keeps 0·ln 0 and its gradient finite.
    return -(p * torch.where(p > 0, q, q.clamp_min(torch.finfo(q.dtype).tiny)).log())


def _pair(
    p: Table | Joint, q: Table | Joint, normalize: bool
) -> tuple[Float64[Tensor, "*#batch C"], Float64[Tensor, "*#batch C"]]:
    if isinstance(p, Joint) and isinstance(q, Joint):
        if set(p.names) != set(q.names):
            raise InvalidInput(f"q: got a Joint of {', '.join(q.names)}, expected one of {', '.join(p.names)}.")
        axes, p, q = len(p.names), p.table, q._marginal(p.names)
    elif isinstance(p, Joint) or isinstance(q, Joint):
        raise InvalidInput("p, q: got one Joint and one plain array, expected two of a kind.")
    else:
        axes = 1
        p, q = (probabilities(name, table, "... C", normalize=normalize) for name, table in [("p", p), ("q", q)])
    if p.shape[-axes:] != q.shape[-axes:]:
        raise InvalidInput(f"q: got {tuple(q.shape[-axes:])} cells, expected {tuple(p.shape[-axes:])} as in p.")
    checks.broadcast(p.shape[:-axes], q.shape[:-axes], names="p, q")
    return p.flatten(-axes), q.to(p.device).flatten(-axes)
