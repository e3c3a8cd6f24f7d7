"""The solver against what is known exactly, against random restarts, and against every bad argument."""

import os
import subprocess
import sys
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from problems import best_partition, binary_symmetric, entropy, iterate, objective, random_joint
from scipy.optimize import brentq
from scipy.special import logit

from ibteach.bottleneck.lagrangian import lagrangian
from ibteach.bottleneck.tabular import solve
from ibteach.errors import InvalidInput, NotConverged
from ibteach.information.discrete import Joint

BETA = np.logspace(-1, 2, 50)


def binary_entropy(p):
    return entropy(np.array([p, 1 - p]))


def mrs_gerber(rate, crossover):
    """I[T;Y] of the best encoder of a uniform bit sent through a binary symmetric channel (Wyner & Ziv 1973)."""
    if rate > np.log(2) - 1e-12:
        return np.log(2) - binary_entropy(crossover)
    noise = brentq(lambda p: binary_entropy(p) - (np.log(2) - rate), 1e-300, 0.5)
    return np.log(2) - binary_entropy(noise * (1 - crossover) + (1 - noise) * crossover)


def test_binary_symmetric_channel():
    beta = np.array([0.5, 1.0, 1.56, 1.5624, 1.5626, 1.6, 2.0, 3.0, 10.0, 100.0])
    solution = solve(binary_symmetric(0.1), beta)
    below = solution.beta < 1 / (1 - 0.2) ** 2
    assert (solution.relevance[below] == 0).all() and (solution.rate[below] == 0).all()
    assert (solution.relevance[~below] > 0).all()
    for b, rate, relevance in zip(beta[~below], solution.rate[~below], solution.relevance[~below], strict=True):
        assert abs(relevance - mrs_gerber(rate.item(), 0.1)) < 1e-6
        # Slope 1/β: with p the noise that the encoder adds and q that of both, (1 − 2·0.1) h′(q) / h′(p) = 1 / β.
        best = brentq(lambda p, b=b: b * 0.8 * logit(0.1 + 0.8 * p) - logit(p), 1e-12, 0.5 - 1e-9) if b < 90 else 0
        assert abs(rate - (np.log(2) - binary_entropy(best))) < 1e-6


@pytest.mark.parametrize(("x", "y", "beta"), [(16, 8, BETA), (128, 10, BETA[::4])])
def test_no_restart_does_better_and_the_curve_is_monotone_and_concave(x, y, beta):
    joint = random_joint(x, y)
    solution = solve(joint, beta)
    assert solution.converged.all()
    assert (solution.gap < 1e-9).all()
    rng = np.random.default_rng(1)
    for b, ours in zip(beta[::5], solution.objective[::5].tolist(), strict=True):
        for _ in range(20 if x == 16 else 4):
            other = iterate(joint, rng.dirichlet(np.ones(x), x), b, 1.0, sweeps=100)
            assert ours <= objective(joint, other, b) + 1e-9
    rate, relevance = solution.rate, solution.relevance
    assert (rate.diff() > -1e-6).all() and (relevance.diff() > -1e-6).all()
    # Concave: every point is below every other's tangent, of slope 1/β.
    above = rate[:, None] - solution.beta * relevance[:, None] - solution.objective
    assert above.min() > -1e-9


@given(st.integers(0, 2**32 - 1), st.integers(2, 8), st.integers(2, 5), st.floats(0.05, 300), st.floats(0, 1))
@settings(max_examples=30, deadline=None)
def test_results_are_those_of_the_encoder_and_no_random_encoder_beats_the_gap(seed, x, y, beta, alpha):
    rng = np.random.default_rng(seed)
    joint = rng.dirichlet(np.full(x * y, 0.3)).reshape(x, y)
    solution = solve(joint, beta, alpha, restarts=4)
    encoder = solution.encoder.numpy()
    np.testing.assert_allclose(encoder.sum(1), 1)
    assert solution.objective == pytest.approx(objective(joint, encoder, beta, alpha), abs=1e-9)
    assert solution.objective == pytest.approx(lagrangian(joint, encoder, beta, alpha).item(), abs=1e-9)
    weights = joint.sum(1) @ encoder
    assert (np.diff(weights) < 1e-9).all() and (weights > 0).sum() == solution.clusters
    for concentration in (0.03, 0.3, 3):
        other = rng.dirichlet(np.full(x, concentration), x)
        assert solution.objective - solution.gap <= objective(joint, other, beta, alpha) + 1e-9


@pytest.mark.parametrize("alpha", [0.3, 0.7, 0.95])
def test_between_no_restart_does_better(alpha):
    joint, beta = random_joint(10, 5, seed=3), np.logspace(0, 2, 12)
    solution = solve(joint, beta, alpha)
    assert solution.converged.all()
    rng = np.random.default_rng(0)
    for b, ours in zip(beta, solution.objective.tolist(), strict=True):
        for _ in range(20):
            other = iterate(joint, rng.dirichlet(np.ones(10), 10), b, alpha, sweeps=150)
            assert ours <= objective(joint, other, b, alpha) + 1e-9


@pytest.mark.parametrize("seed", range(3))
def test_deterministic_ib_is_the_best_of_all_partitions(seed):
    joint, beta = random_joint(9, 4, seed), np.logspace(-0.5, 2, 12)
    solution = solve(joint, beta, alpha=0)
    best = [best_partition(joint, b) for b in beta]
    np.testing.assert_allclose(solution.objective, best, atol=1e-12)
    assert set(solution.encoder.unique().tolist()) <= {0.0, 1.0}
    assert (solution.entropy == solution.rate).all()


def test_objective_rises_as_alpha_falls_and_ib_bounds_all():
    joint, beta = random_joint(8, 4, seed=5), np.logspace(0, 1.5, 10)
    family = torch.stack([solve(joint, beta, alpha).objective for alpha in (1.0, 0.8, 0.5, 0.2, 0.0)])
    assert (family.diff(dim=0) > -1e-9).all()
    joint = random_joint(10, 4, seed=5)  # more x than have all their partitions tried
    soft, hard = (solve(joint, beta, alpha) for alpha in (1.0, 0.0))
    assert (hard.gap >= hard.objective - soft.objective - 1e-9).all()
    assert (hard.rate <= hard.entropy + 1e-12).all() and (hard.relevance <= hard.rate + 1e-12).all()


@given(st.integers(0, 2**32 - 1), st.sampled_from([1.0, 0.5, 0.0]))
@settings(max_examples=20, deadline=None)
def test_information_within_its_limits(seed, alpha):
    joint = random_joint(6, 4, seed)
    solution = solve(joint, [0.5, 1.5, 4.0, 20.0, 1e4], alpha, restarts=4)
    whole = Joint(joint, "X Y", normalize=True)
    assert (solution.relevance <= solution.rate + 1e-12).all()
    assert (solution.relevance <= whole.I("X;Y") + 1e-12).all() and (solution.rate <= whole.H("X") + 1e-12).all()
    assert (solution.rate.diff() > -1e-7).all() or alpha == 0.5
    assert solution.relevance[-1] > whole.I("X;Y") - 2e-3


def test_beta_in_any_order_shape_and_number():
    joint = random_joint(6, 4)
    mixed = solve(joint, torch.tensor([[8.0, 1.0, 3.0], [3.0, 8.0, 2.0]]))
    alone = solve(joint, 8.0)
    assert mixed.rate.shape == (2, 3) and mixed.encoder.shape[:3] == (2, 3, 6)
    assert mixed.rate[0, 0] == mixed.rate[1, 1] and mixed.rate[0, 2] == mixed.rate[1, 0]
    assert alone.rate.shape == () and alone.encoder.shape == (6, int(alone.clusters))
    torch.testing.assert_close(mixed.objective[0, 0], alone.objective, atol=1e-9, rtol=0)
    assert solve(joint, 3).beta == 3.0 and solve(joint, np.array([3, 4])).beta.tolist() == [3.0, 4.0]
    assert "2 to 2 clusters" in repr(alone) and "1 converged" in repr(alone)


@pytest.mark.parametrize("alpha", [1.0, 0.5, 0.0])
def test_empty_rows_and_columns_change_nothing(alpha):
    joint, beta = random_joint(5, 3), [1.5, 5.0, 30.0]
    wider = np.zeros((7, 5))
    wider[np.ix_([0, 2, 3, 4, 6], [1, 2, 4])] = joint
    with_zeros, without = solve(wider, beta, alpha), solve(joint, beta, alpha)
    torch.testing.assert_close(with_zeros.objective, without.objective, atol=1e-9, rtol=0)
    average = torch.einsum("x,bxt->bt", torch.tensor(joint.sum(1)), without.encoder)
    torch.testing.assert_close(with_zeros.encoder[:, 1], average, atol=1e-5, rtol=0)


@pytest.mark.parametrize("alpha", [1.0, 0.5, 0.0])
@pytest.mark.parametrize(
    "joint", [np.full((3, 4), 1 / 12), [[0.2, 0.3, 0.5]], [[0.2], [0.8]], [[1.0]], np.diag([0.0, 1.0])]
)
def test_nothing_to_keep(joint, alpha):
    solution = solve(joint, [0.1, 1.0, 1000.0], alpha)
    assert solution.rate.tolist() == solution.relevance.tolist() == [0, 0, 0]
    assert solution.clusters.tolist() == [1, 1, 1] and solution.gap.max() < 1e-12


def test_extreme_beta():
    joint = random_joint(6, 4)
    solution = solve(joint, [1e-8, 1e8])
    assert solution.clusters.tolist() == [1, 6]
    assert solution.relevance[1] == pytest.approx(Joint(joint, "X Y", normalize=True).I("X;Y").item(), abs=1e-9)


def test_y_a_function_of_x():
    joint = np.zeros((6, 3))
    joint[np.arange(6), [0, 0, 1, 1, 2, 2]] = [0.1, 0.2, 0.15, 0.25, 0.2, 0.1]
    for alpha in (1.0, 0.5, 0.0):
        solution = solve(joint, [0.9, 1.1, 7.0], alpha)
        assert solution.clusters.tolist() == [1, 3, 3]
        assert solution.rate[1:].tolist() == pytest.approx([Joint(joint, "X Y").H("Y").item()] * 2, abs=1e-9)


def test_counts_and_joints_and_unnormalised_tables_are_tables():
    counts = np.array([[3, 1, 0], [0, 2, 2], [1, 1, 2]])
    first = solve(counts, 5.0)
    for same in (counts / 12, Joint(counts, "A B"), torch.tensor(counts / 12)):
        assert solve(same, 5.0).objective == first.objective
    assert solve(counts * 0.5, 5.0, normalize=True).objective == first.objective


def test_arguments_are_not_changed():
    joint, beta = random_joint(5, 3), np.array([5.0, 2.0])
    before = joint.copy(), beta.copy()
    solve(joint, beta, 0.5)
    assert (joint == before[0]).all() and (beta == before[1]).all()


def test_same_seed_same_result():
    joint = random_joint(12, 4)
    first, second = (solve(joint, [3.0, 9.0], 0.4, seed=7) for _ in range(2))
    assert (first.encoder == second.encoder).all()


def test_too_few_sweeps_are_told():
    with pytest.warns(NotConverged, match=r"1 of 2 beta were stopped after 3 sweeps, up to .* nats above"):
        solution = solve(random_joint(16, 8), [1.0, 5.0], sweeps=3)
    assert solution.converged.tolist() == [True, False]
    assert solution.gap[1] > 1e-9 and solution.residual[1] > 0 and solution.sweeps[1] >= 3
    with pytest.warns(NotConverged):
        solve(random_joint(16, 8), [5.0], 0.9, sweeps=2, restarts=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        solve(random_joint(16, 8), [1.0, 5.0])


@pytest.mark.parametrize(
    ("beta", "came"),
    [(0.0, "0"), (-2.0, "-2"), ([2.0, float("nan")], "nan"), ([1.0, float("inf")], "inf"), ([], "none")],
)
def test_beta_is_positive_and_finite(beta, came):
    with pytest.raises(InvalidInput, match=f"^beta: got {came}, expected numbers > 0 and <= 1e\\+15"):
        solve(np.eye(2) / 2, beta)


@pytest.mark.parametrize(
    ("joint", "message"),
    [
        ([[0.5, -0.1], [0.3, 0.3]], "negative"),
        ([[0.5, 0.1], [0.3, 0.3]], "sum to 1.2"),
        ([0.5, 0.5], "shape"),
        ([[0.5, float("nan")], [0.3, 0.2]], "NaN"),
        (np.full((2, 2, 2), 1 / 4), "one table"),
        ([[0, 0], [0, 0]], "zeros"),
    ],
)
def test_tables_are_distributions(joint, message):
    with pytest.raises(InvalidInput, match=message):
        solve(joint, 2.0)


@pytest.mark.parametrize(
    "settings", [{"alpha": 1.5}, {"alpha": -0.1}, {"restarts": -1}, {"restarts": 1.5}, {"sweeps": 0}]
)
def test_settings_are_checked(settings):
    with pytest.raises(InvalidInput, match=rf"^{next(iter(settings))}: got"):
        solve(np.eye(2) / 2, 2.0, **settings)


MEMORY = """
import numpy as np
from ibteach.bottleneck.tabular import solve

def peak():  # of this program alone: ru_maxrss begins with that of the process that started it
    status = open("/proc/self/status", encoding="utf-8")
    return 1024 * int(next(line for line in status if line.startswith("VmHWM")).split()[1])

rng = np.random.default_rng(0)
joint = rng.dirichlet(np.ones(512))[:, None] * rng.dirichlet(np.full(64, 0.5), size=512)
before = peak()
used = solve(joint, np.geomspace(0.5, 100, 8)).encoder.numel()
print(peak() - before, used)
"""


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="the system does not say what memory is held")
def test_memory_is_what_the_docstring_states():
    said = subprocess.run([sys.executable, "-c", MEMORY], capture_output=True, encoding="utf-8", check=True).stdout
    peak, encoders = map(int, said.split())
    assert 8 * encoders < peak < 4 * 8 * encoders + 200 * 512**2
