"""Information diagrams: entropies as a signed measure on sets, and the names of its regions.

Yeung (1991) showed that Shannon's quantities are the values of a signed measure: a variable is a set, a comma a union,
a semicolon an intersection, a bar a difference. Every H and I is then a sum of atoms, the regions of a Venn diagram.
Under the Markov chain Y − X − Z of the information bottleneck no atom is negative, and each region has a name (Kirsch
et al. 2020). Builds on `discrete`; `geometry` finds shapes whose areas are these atoms.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from torch import Tensor

from ibteach import checks
from ibteach.errors import InvalidInput
from ibteach.information.discrete import Joint
from ibteach.information.tables import Names, parse, variable_names

if TYPE_CHECKING:
    from jaxtyping import Float64

MOST_VARIABLES = 5
LOGARITHMS = {"nats": "ln", "bits": "log₂"}


def atoms(joint: Joint) -> dict[str, Float64[Tensor, "*batch"]]:
    """Every atom of the I-measure of up to five variables, by name, in nats: each of the joint's batch shape, any sign.

    The atom inside the sets S and outside all others is I[S₁;S₂;…|others], by Möbius inversion of the joint entropies.
    Raises `InvalidInput` for more than five variables.

    >>> xor = Joint([[[0.25, 0], [0, 0.25]], [[0, 0.25], [0.25, 0]]], "X Y Z")
    >>> {name: round(value.item(), 4) for name, value in atoms(xor).items() if value.abs() > 1e-9}
    {'I[X;Y|Z]': 0.6931, 'I[X;Z|Y]': 0.6931, 'I[Y;Z|X]': 0.6931, 'I[X;Y;Z]': -0.6931}
    """
    _check(joint)
    entropy = {frozenset(): 0.0} | {frozenset(some): joint.H(" ".join(some)) for some in _subsets(joint.names)}
    result = {}
    for inside in _subsets(joint.names):
        outside = frozenset(joint.names) - set(inside)
        met = [frozenset(some) for some in [(), *_subsets(inside)]]
        result[atom_name(inside, joint.names)] = sum(-((-1) ** len(some)) * entropy[some | outside] for some in met)
    return result


def atom_name(inside: Collection[str], names: Collection[str]) -> str:
    """What the atom is called that lies inside the sets of some of the variables and outside the others'.

    >>> atom_name(["X", "Z"], ["X", "Y", "Z"]), atom_name("X", "X")
    ('I[X;Z|Y]', 'H[X]')
    """
    inside, names = variable_names(inside), variable_names(names)
    outside = ",".join(name for name in names if name not in inside)
    return f"{'HI'[len(inside) > 1]}[{';'.join(inside)}{'|' if outside else ''}{outside}]"


def region(quantity: str, names: Names) -> list[str]:
    """The atoms that a quantity such as ``"H[Y|Z]"`` is the sum of.

    Raises `InvalidInput` for text that is no quantity, `UnknownName` for variables that are not among `names`.

    >>> region("H[Y|Z]", "X Y Z")
    ['H[Y|X,Z]', 'I[X;Y|Z]']
    """
    names = _few(names)
    groups, given = _read(quantity, names)
    return [
        atom_name(inside, names)
        for inside in _subsets(names)
        if all(set(inside) & set(group) for group in groups) and not set(inside) & set(given)
    ]


def i_measure(quantity: str, joint: Joint) -> Float64[Tensor, "*batch"]:
    """The I-measure (Yeung 1991) of a quantity: the sum of its atoms, nats. Raises as `atoms` and `region` do.

    >>> i_measure("I[X;Y]", Joint([[0.5, 0], [0, 0.5]], "X Y")).item()
    0.6931471805599453
    """
    values = atoms(joint)
    return sum((values[atom] for atom in region(quantity, joint.names)), joint.table.new_zeros(()))


def definition(quantity: str, names: Names, unit: str = "nats") -> str:
    """What a quantity is the mean of, in plain text, with the logarithm that gives this unit. Raises as `region` does.

    >>> definition("H[Y|X]", "X Y"), definition("I[X;Y]", "X Y", "bits"), definition("I[X;Y;Z]", "X Y Z")
    ('−Σ p(x,y) ln p(y|x)', 'Σ p(x,y) log₂ [p(x,y) / (p(x) p(y))]', 'I[X;Y] − I[X;Y|Z]')
    """
    names, log = _few(names), LOGARITHMS[checks.known("unit", unit, LOGARITHMS)]
    groups, given = _read(quantity, names)
    bar = "|" + ",".join(given).lower() if given else ""
    every = ",".join(name for name in names if name in {*sum(groups, ()), *given}).lower()
    inside = [",".join(group).lower() for group in groups]
    if len(groups) > 2:
        fewer, last = ";".join(",".join(group) for group in groups[:-1]), [*groups[-1], *given]
        return f"I[{fewer}{bar.upper()}] − I[{fewer}|{','.join(last)}]"
    if len(groups) == 1:
        return f"−Σ p({every}) {log} p({inside[0]}{bar})"
    return f"Σ p({every}) {log} [p({','.join(inside)}{bar}) / (p({inside[0]}{bar}) p({inside[1]}{bar}))]"


def latex(quantity: str) -> str:
    """A quantity in LaTeX, without the dollars.

    >>> latex("I[X;Y|Z]")
    '\\\\mathrm{I}[X;Y\\\\mid Z]'
    """
    if not isinstance(quantity, str) or not re.fullmatch(r"[HI]\[.+\]", quantity):
        raise InvalidInput(f"quantity: got {quantity!r}, expected such as 'H[Y|X]' or 'I[X;Y|Z]'.")
    letter, inside = quantity[0], quantity[2:-1]
    return rf"\mathrm{{{letter}}}[{inside.replace('|', chr(92) + 'mid ')}]"


@dataclass(frozen=True)
class Region:
    """A region of the diagram of Y − X − Z: what the paper calls it, which quantity it is, what it means."""

    name: str
    quantity: str
    meaning: str


REGIONS = (
    Region("relevant information", "I[X;Y]", "what the input tells of the label"),
    Region("label uncertainty", "H[Y|X]", "what even the input leaves open about the label"),
    Region("nuisance", "H[X|Y]", "what of the input has nothing to do with the label"),
    Region("preserved information", "I[X;Z]", "what the latent keeps of the input: the rate"),
    Region("preserved relevant information", "I[Y;Z]", "what the latent tells of the label: the relevance"),
    Region("residual information", "I[X;Y|Z]", "what of the relevant information the latent lost"),
    Region("redundant information", "I[X;Z|Y]", "what the latent keeps though the label does not need it"),
    Region("nuisance not in the latent", "H[X|Y,Z]", "nuisance that the latent dropped"),
    Region("decoder uncertainty", "H[Y|Z]", "what the latent leaves open about the label"),
    Region("reverse decoder uncertainty", "H[Z|Y]", "what the label leaves open about the latent"),
    Region("encoding uncertainty", "H[Z|X]", "the randomness of the encoder"),
)
"""The regions of the diagram of Y − X − Z by the names of Kirsch et al. (2020)."""


def named_regions(joint: Joint) -> dict[str, Float64[Tensor, "*batch"]]:
    """The value of each of `REGIONS` by its name, in nats, for a joint of X, Y and Z with Y − X − Z.

    Raises `InvalidInput` if the names are not X, Y, Z, or if I[Y;Z|X] > 0: then it is no Markov chain.

    >>> chain = Joint([[0.5, 0], [0, 0.5]], "X Y").encode("Z|X", [[1.0, 0.0], [1.0, 0.0]])
    >>> named_regions(chain)["residual information"].item()
    0.6931471805599453
    """
    _check(joint)
    if set(joint.names) != {"X", "Y", "Z"}:
        raise InvalidInput(f"joint: got variables {', '.join(joint.names)}, expected X, Y and Z.")
    values = atoms(joint)
    leak = values["I[Y;Z|X]"] if joint.names == ("X", "Y", "Z") else joint.I("Y;Z|X")
    if leak.abs().max() > 1e-8:
        raise InvalidInput(
            f"joint: got I[Y;Z|X] = {leak.max():.3g} nats, expected 0: Z must depend on X alone; "
            'Joint.encode("Z|X", …) makes such a joint.'
        )
    return {found.name: i_measure(found.quantity, joint) for found in REGIONS}


def _check(joint: Joint) -> None:
    if not isinstance(joint, Joint):
        raise InvalidInput(f"joint: got {type(joint).__name__}, expected a Joint, such as Joint(table, 'X Y').")


def _read(quantity: str, names: Names) -> tuple[tuple[tuple[str, ...], ...], tuple[str, ...]]:
    found = re.fullmatch(r"\s*([HI])\s*\[(.*)\]\s*", quantity) if isinstance(quantity, str) else None
    if not found:
        raise InvalidInput(f"quantity: got {quantity!r}, expected such as 'H[Y|X]' or 'I[X;Y|Z]'.")
    return parse(found[2], names, groups=1 if found[1] == "H" else 2)


def _few(names: Names) -> tuple[str, ...]:
    names = variable_names(names)
    if len(names) > MOST_VARIABLES:
        raise InvalidInput(f"names: got {len(names)} variables, expected at most {MOST_VARIABLES}.")
    return names


def _subsets(names: Names) -> list[tuple[str, ...]]:
    """The non-empty subsets of at most five names, small ones first."""
    names = _few(names)
    return [some for size in range(1, len(names) + 1) for some in combinations(names, size)]
