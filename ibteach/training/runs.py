"""Runs: what each network is to minimise, and the seed that all its randomness comes from.

The weight is given in exactly one of the two conventions of `ibteach.objectives` and kept in both, so that no later
reader has to guess. Runs with one seed start from the same parameters and see the same batches and the same noise, so
that they differ in nothing but their objective and its weight; each purpose has a stream of its own (`ibteach.seeds`).
"""

import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import torch

from ibteach import checks, seeds
from ibteach.errors import InvalidInput
from ibteach.networks.bottleneck import Bottleneck
from ibteach.networks.ensemble import Ensemble
from ibteach.objectives import OBJECTIVES, weight

MOST_RUNS = 100_000
"""So many networks nobody trains: more are taken for a mistake, before they fill the memory."""


@dataclass(frozen=True)
class Run:
    """What one network minimises; made with `Run.of`, which takes one weight and adds the other.

    Raises `UnknownName` for the objective, and `InvalidInput` for a weight or a seed that is negative or no number, and
    for weights that do not say the same.

    >>> Run.of("log-variance", gamma=0.1, seed=3)
    Run(objective='log-variance', gamma=0.1, beta_prime=0.2, seed=3)
    """

    objective: str
    gamma: float
    beta_prime: float
    seed: int = 0

    def __post_init__(self):
        same = weight(self.objective, gamma=self.gamma)
        checked = {
            "gamma": checks.number("gamma", self.gamma, minimum=0),
            "beta_prime": checks.number("beta_prime", self.beta_prime, minimum=0),
            "seed": checks.seed("seed", self.seed),
        }
        for name, value in checked.items():
            object.__setattr__(self, name, value)
        if not math.isclose(self.beta_prime, same, rel_tol=1e-9):
            raise InvalidInput(
                f"beta_prime: got {self.beta_prime:g} with gamma={self.gamma:g}, expected {same!r} for "
                f"{self.objective!r}; make it with Run.of, from one of the two."
            )

    @classmethod
    def of(cls, objective: str, *, gamma: float | None = None, beta_prime: float | None = None, seed: int = 0) -> "Run":
        """A run whose weight is given in exactly one of the two conventions."""
        beta_prime = weight(objective, beta_prime=beta_prime, gamma=gamma)
        gamma = OBJECTIVES[objective].gamma(beta_prime=beta_prime) if gamma is None else gamma
        return cls(objective, gamma, beta_prime, seed)


def grid(
    objectives: Iterable[str],
    *,
    gammas: Iterable[float] | None = None,
    beta_primes: Iterable[float] | None = None,
    seeds: Iterable[int] = (0,),
) -> list[Run]:
    """A run for each combination, with the weights in exactly one of the two conventions; at most `MOST_RUNS`.

    >>> len(grid(["l2", "variance"], gammas=[0.01, 0.1, 1.0]))
    6
    """
    if (gammas is None) == (beta_primes is None):
        raise InvalidInput("grid: got both or neither of gammas= and beta_primes=, expected exactly one of them.")
    name, weights = ("gamma", gammas) if beta_primes is None else ("beta_prime", beta_primes)
    lists = (
        checks.several("objectives", objectives),
        checks.several(f"{name}s", weights),
        checks.several("seeds", seeds),
    )
    if (count := math.prod(map(len, lists))) > MOST_RUNS:
        raise InvalidInput(f"grid: got {count:,} combinations, expected at most {MOST_RUNS:,}; ask for fewer.")
    return [Run.of(one, **{name: value}, seed=seed) for one, value, seed in itertools.product(*lists)]


@torch.inference_mode(False)  # parameters that are made under it cannot be trained
def build(make: Callable[[], Bottleneck], runs: Run | Sequence[Run]) -> Bottleneck | Ensemble:
    """A network for each run, its first parameters drawn from the run's seed: one alone, or several as an ensemble.

    >>> from ibteach.networks.bottleneck import mlp
    >>> len(build(lambda: mlp(64, classes=10), grid(["l2"], gammas=[0.01, 0.1])))
    2
    """
    if isinstance(runs, Run):
        return _one(make, runs)
    runs = checks.several("runs", runs)
    if not all(isinstance(run, Run) for run in runs):
        raise InvalidInput(f"runs: got {runs!r}, expected Runs, such as grid makes.")
    return Ensemble([_one(make, run) for run in runs])


def _one(make: Callable[[], Bottleneck], run: Run) -> Bottleneck:
    with seeds.drawing(run.seed, "first parameters"):
        return make()
