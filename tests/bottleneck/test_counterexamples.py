"""Tables on which earlier versions gave a wrong answer and a certificate with it, and kinds of table like them."""

import numpy as np
import pytest
from problems import best_partition, objective

from ibteach.bottleneck.contraction import critical_beta
from ibteach.bottleneck.curve import solve_squared
from ibteach.bottleneck.tabular import solve

SPARSE = [
    ([[20, 0, 8], [0, 2, 8]], 1.75),
    ([[2, 0, 8], [3, 2, 0], [0, 5, 8]], 2.0),
]


@pytest.mark.parametrize(("counts", "beta"), SPARSE)
@pytest.mark.parametrize("seconds", [None, 0])  # with and without the proof
def test_zeros_do_not_hide_the_best_encoder(counts, beta, seconds):
    joint = np.array(counts) / np.sum(counts)
    solution = solve(joint, beta, seconds=seconds)
    rng = np.random.default_rng(0)
    others = [
        objective(joint, rng.dirichlet(np.full(3, c), len(joint)), beta) for c in (0.1, 0.5, 2) for _ in range(200)
    ]
    assert solution.objective <= 1e-12  # what forgetting everything costs
    assert solution.objective <= min(others) + 1e-9
    assert solution.gap <= 1e-9 and solution.converged
    assert solution.proof == ("exhaustive" if seconds is None else "searched")


def test_counts_of_very_different_size():
    counts = [
        [0, 579, 12322, 0, 3],
        [292270245269, 83647270047, 1022520, 33666, 0],
        [568, 6891310276, 164, 0, 74],
        [21359590, 403, 81640285, 0, 24893030015],
        [469853683085, 104329987471, 20, 42675817, 149906],
        [1060, 970214, 8, 1768224, 1784],
    ]
    beta = [2.5236282961639223, 2.7759911257803145, 3.053590238358346]
    solution = solve(np.array(counts, float) / np.sum(counts), beta)  # once stopped after 2,000 sweeps, with a warning
    assert solution.converged.all() and solution.gap.max() < 1e-10 and solution.sweeps.max() < 100


def test_squared_ib_of_a_table_with_zeros():
    counts, beta = [[20, 0, 8], [0, 2, 8]], 1.0
    solution = solve_squared(counts, beta, normalize=True)
    curve = solve(counts, np.geomspace(1, 100, 60), normalize=True)
    assert solution.objective < -0.0764  # said to be −0.0609 where births inside the simplex were not found
    assert solution.objective <= (curve.rate**2 - beta * curve.relevance).min() + 1e-9
    assert solution.converged and solution.proof == "exhaustive"


@pytest.mark.parametrize(
    ("x", "y", "concentration", "seed"), [(30, 20, 2.0, 3), (13, 11, 5.0, 0), (13, 11, 5.0, 2), (13, 11, 1.0, 1)]
)
def test_critical_beta_is_not_above_what_an_encoder_keeps(x, y, concentration, seed):
    rng = np.random.default_rng(seed)
    joint = rng.dirichlet(np.ones(x))[:, None] * rng.dirichlet(np.full(y, concentration), x)
    critical = critical_beta(joint)
    below, above = solve(joint, [critical * (1 - 1e-6), critical * (1 + 1e-4)]).relevance
    assert below == 0 and above > 0


def test_deterministic_ib_of_five_inputs():
    counts = [[0, 20, 0, 5, 20], [2, 3, 5, 8, 8], [1, 2, 20, 3, 3], [3, 8, 0, 8, 8], [0, 8, 8, 8, 0]]
    joint = np.array(counts) / np.sum(counts)
    solution = solve(joint, 5.0, alpha=0)
    assert solution.objective == pytest.approx(best_partition(joint, 5.0), abs=1e-12)
    assert solution.proof == "exhaustive" and solution.gap == 0


@pytest.mark.parametrize("seed", range(12))
def test_deterministic_ib_of_small_counts(seed):
    rng = np.random.default_rng(seed)
    counts = rng.choice([0, 1, 2, 3, 5, 8, 20], size=(rng.integers(2, 9), rng.integers(2, 6))).astype(float)
    counts[0, 0] += 1
    joint = counts / counts.sum()
    beta = np.array([1.5, 5.0, 20.0])
    kept = joint[joint.any(1)]
    expected = [best_partition(kept, b) for b in beta]
    np.testing.assert_allclose(solve(joint, beta, alpha=0).objective, expected, atol=1e-12)
