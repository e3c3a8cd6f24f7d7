"""The two objectives, and the one form that unifies them.

IB minimises I[X;T] − β I[T;Y], the deterministic IB H[T] − β I[T;Y]; H[T] − α H[T|X] − β I[T;Y] joins them, α = 1 and
α = 0 (Strouse & Schwab 2017). For β > 1 each is, up to what no encoder can change, (β − 1) times decoder uncertainty
plus β′ = 1 / (β − 1) times what the latent holds beyond the label (Kirsch et al. 2020). These functions price a given
encoder; `tabular` finds the best one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ibteach import checks
from ibteach.errors import InvalidInput
from ibteach.information.discrete import Joint
from ibteach.information.tables import Table, numbers
from ibteach.precision import exactly

if TYPE_CHECKING:
    from jaxtyping import Float64


def lagrangian(
    joint: Joint | Table, encoder: Table, beta: Table, alpha: float = 1.0, *, normalize: bool = False
) -> Float64[Tensor, "*batch"]:
    """H[T] − α H[T|X] − β I[T;Y] in nats: I[X;T] − β I[T;Y] for α = 1, the IB; H[T] − β I[T;Y] for α = 0.

    `joint` is p(x, y), a table (X, Y) or a `Joint` of two variables; `encoder` is p(t|x), shape (..., X, T), each row
    summing to one; `beta` a number or a tensor that broadcasts with the batch. Raises `InvalidInput`.

    >>> copy = [[1.0, 0.0], [0.0, 1.0]]
    >>> lagrangian([[0.5, 0.0], [0.0, 0.5]], copy, beta=2.0)  # ln 2 − 2 ln 2
    tensor(-0.6931, dtype=torch.float64)
    """
    chain, alpha = _chain(joint, encoder, normalize), checks.number("alpha", alpha, minimum=0, maximum=1)
    beta = _weights_of(chain, beta)
    return chain.H("T") - alpha * chain.H("T|X") - beta * chain.I("T;Y")


def unified(
    joint: Joint | Table, encoder: Table, beta: Table, alpha: float = 1.0, *, normalize: bool = False
) -> Float64[Tensor, "*batch"]:
    """Decoder uncertainty H[Y|T] + β′ (H[T|Y] − α H[T|X]) in nats: for α = 1 it is H[Y|T] + β′ I[X;T|Y].

    `lagrangian` = (β − 1) (`unified` − H[Y]) for every encoder, hence the same minimiser. Arguments as there; raises
    `InvalidInput` also for β ≤ 1.

    >>> copy = [[1.0, 0.0], [0.0, 1.0]]
    >>> unified([[0.5, 0.0], [0.0, 0.5]], copy, beta=2.0).item()
    0.0
    """
    chain, alpha = _chain(joint, encoder, normalize), checks.number("alpha", alpha, minimum=0, maximum=1)
    beta_prime = unified_weight(_weights_of(chain, beta))
    return chain.H("Y|T") + beta_prime * (chain.H("T|Y") - alpha * chain.H("T|X"))


def unified_weight(beta: Table) -> float | Float64[Tensor, "*batch"]:
    """β′ = 1 / (β − 1), the weight in the unified form, for a number or a tensor of β > 1; raises `InvalidInput` else.

    >>> unified_weight(3.0)
    0.5
    """
    values = _weights(beta)
    if not (values > 1).all():
        raise InvalidInput(
            f"beta: got {values.min():.6g}, expected > 1: the unified form divides by β − 1, and for β <= 1 the best "
            "encoder is a constant."
        )
    weight = 1 / (values - 1)
    return weight if isinstance(beta, Tensor) else weight.item() if values.ndim == 0 else weight


def two_variables(joint: Joint | Table, normalize: bool = False) -> Float64[Tensor, "X Y"]:
    """The table p(x, y), float64 of shape (X, Y), of what people pass as `joint`; raises `InvalidInput`."""
    if not isinstance(joint, Joint):
        joint = Joint(joint, "X Y", normalize=normalize)
    if joint.table.ndim != 2:
        raise InvalidInput(f"joint: got {joint!r}, expected one table of two variables, X and Y.")
    return joint.table


def _chain(joint, encoder, normalize):
    return Joint(two_variables(joint, normalize), "X Y", normalize=True).encode("T|X", encoder)


def _weights_of(chain, beta):
    values = _weights(beta).to(chain.table.device)
    checks.broadcast(chain.table.shape[:-3], values.shape, names="encoder, beta")
    return values


def _weights(beta):
    values = exactly(numbers("beta", beta))
    if not torch.isfinite(values).all():
        raise InvalidInput(f"beta: got {beta!r}, expected finite numbers.")
    return values
