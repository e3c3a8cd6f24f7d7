"""The one table of attacks: what each is called, who found it, what it may know, and with what effort it is made."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from ibteach import checks
from ibteach.errors import InvalidInput
from ibteach.evaluation.attacks.ascent import apgd, pgd
from ibteach.evaluation.attacks.square import square


@dataclass(frozen=True)
class Attack:
    """An attack: `white` ones follow the gradient, the others only ask; `settings` are its effort.

    Step sizes among the settings are shares of ε.
    """

    title: str
    source: str
    settings: dict[str, Any] = field(default_factory=dict)
    norms: tuple[str, ...] = ("linf", "l2")
    white: bool = True

    @property
    def effort(self) -> int:
        """Steps along the gradient, of all starts, or queries."""
        return self.settings.get("steps", self.settings.get("queries", 1)) * self.settings.get("restarts", 1)


LESSONS = {
    "fgsm": Attack("FGSM", "Goodfellow et al. 2015", {"random_start": False}),
    "bim": Attack("basic iterative", "Kurakin et al. 2017", {"steps": 10, "rel_stepsize": 0.2, "random_start": False}),
    "pgd": Attack("PGD", "Madry et al. 2018", {"steps": 20, "rel_stepsize": 2.5 / 20, "random_start": True}),
    "deepfool": Attack("DeepFool", "Moosavi-Dezfooli et al. 2016", {"steps": 50, "candidates": 10, "overshoot": 0.02}),
}
"""The attacks of the first chapters of the field, by foolbox: one try each."""

MEANT = {
    "pgd-50x10": Attack("PGD, 50 steps × 10 starts", "Madry et al. 2018", {"steps": 50, "restarts": 10}),
    "apgd-ce": Attack("APGD, cross-entropy", "Croce & Hein 2020", {"loss": "log-odds", "steps": 100, "restarts": 2}),
    "apgd-dlr": Attack("APGD, ratio of logits", "Croce & Hein 2020", {"loss": "ratio", "steps": 100, "restarts": 2}),
    "square": Attack("Square", "Andriushchenko et al. 2020", {"queries": 1000}, ("linf",), white=False),
}
"""Attacks that are meant: the worst of them, image by image, is what counts."""

TRANSFER = {"transfer": Attack("transfer", "Papernot et al. 2016", {"steps": 50}, white=False)}
"""Images that deceive another network of the same data, which the attacker has instead of this one."""

ATTACKS = LESSONS | MEANT | TRANSFER
"""Name -> `Attack`. ``pgd-STEPSxSTARTS`` and ``square-QUERIES`` with other numbers are attacks, too."""


def attack(name: str) -> Attack:
    """The attack of that name; raises `UnknownName`, and `InvalidInput` for no steps, starts or queries.

    >>> attack("pgd-20x5").settings
    {'steps': 20, 'restarts': 5}
    """
    effort = re.fullmatch(r"pgd-(\d+)x(\d+)|square-(\d+)", name) if isinstance(name, str) else None
    if name in ATTACKS or not effort:
        return ATTACKS[checks.known("attack", name, ATTACKS)]
    steps, starts, queries = (None if number is None else int(number) for number in effort.groups())
    if queries is not None:
        queries = checks.whole(f"{name}: queries", queries)
        return replace(MEANT["square"], title=f"Square, {queries} queries", settings={"queries": queries})
    settings = {"steps": checks.whole(f"{name}: steps", steps), "restarts": checks.whole(f"{name}: starts", starts)}
    many = "s" * (settings["restarts"] > 1)
    return replace(MEANT["pgd-50x10"], title=f"PGD, {steps} steps × {starts} start{many}", settings=settings)


def chosen(names: Any, norm: str) -> dict[str, Attack]:
    """The attacks of these names, or all that are meant, in this norm; raises `UnknownName` and `InvalidInput`."""
    if names is None:
        return {name: of for name, of in MEANT.items() if norm in of.norms}
    found = {name: attack(name) for name in checks.several("attacks", names)}
    for name, of in found.items():
        if norm not in of.norms:
            raise InvalidInput(f"attacks: got {name!r} in the norm {norm!r}, expected {' or '.join(of.norms)} for it.")
    return found


def runner(name: str) -> Callable[..., None]:
    """What makes a meant attack, called with a `Hunt`, a `Ball` and a generator."""
    made = {"apgd": apgd, "pgd": pgd, "square": square}[name.split("-")[0]]
    return partial(made, **attack(name).settings)
