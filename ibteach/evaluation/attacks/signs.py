"""Gradient masking: signs that a network hides its gradient instead of being robust.

A network whose gradient leads nowhere withstands whoever follows it. Carlini et al. (2019) list what gives it away, and
three of these follow from a Record of `ibteach.evaluation.attacks.robustness`: attacks that only ask find what attacks
along the gradient do not; accuracy does not fall to zero though the change may be as large as the image; and it matters
much where an attack begins.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor

from ibteach import checks
from ibteach.errors import InvalidInput
from ibteach.evaluation.attacks.measured import BLACK_ONLY, STILL, WORST, quantity
from ibteach.records.record import Record

if TYPE_CHECKING:
    from jaxtyping import Float64


def masking(record: Record, epsilon: float) -> dict[str, Float64[Tensor, " M"]]:
    """Signs of hidden gradients, name -> (M,), each a share of the images; all are near 0 where nothing is hidden.

    - ``"black box only"``: read wrong, at `epsilon`, only under attacks that do not use the gradient
    - ``"left at the largest"``: still read right under the largest ε of the Record
    - ``"by the start"``: more found by ten starts of PGD than by one, at `epsilon`
    - ``"no gradient"``: images as they are at which the gradient is zero

    Raises `InvalidInput` for a Record that lacks this ε, attacks of both kinds, or ``"pgd-50x1"`` and ``"pgd-50x10"``
    each by itself.
    """
    if not isinstance(record, Record):
        raise InvalidInput(
            f"record: got {type(record).__name__}, expected the Record that attacks.robustness returned."
        )
    attacked = (record.provenance.get("configuration") or {}).get("attacks") or {}
    needed = [
        quantity(name, checks.number("epsilon", epsilon, above=0)) for name in (BLACK_ONLY, "pgd-50x1", "pgd-50x10")
    ]
    missing = [name for name in needed if name not in record.quantities]
    if missing:
        raise InvalidInput(
            f"record: got one without {', '.join(missing)}, expected 'pgd-50x1', 'pgd-50x10' and 'square' "
            f"among the attacks of attacks.robustness, with each=True, at one of the ε {attacked.get('epsilons')}."
        )
    only, one, ten = (record.value(name) for name in needed)
    return {
        "black box only": only,
        "left at the largest": 1 - record.value(quantity(WORST, attacked["epsilons"][-1])),
        "by the start": ten - one,
        "no gradient": record.value(STILL),
    }
