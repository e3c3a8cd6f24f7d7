"""The critical β against closed forms, against the solver on both sides of it, and between its bounds."""

import math
import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from problems import binary_symmetric, random_joint
from scipy.stats import entropy as kl

from benchmarks.random_tables import random_table
from ibteach.bottleneck.contraction import critical_beta, first_birth
from ibteach.bottleneck.gaussian import GaussianBottleneck
from ibteach.bottleneck.tabular import solve
from ibteach.errors import InvalidInput


@pytest.mark.parametrize("crossover", [0.01, 0.1, 0.3, 0.49])
def test_critical_beta_of_the_binary_symmetric_channel(crossover):
    assert abs(critical_beta(binary_symmetric(crossover)) * (1 - 2 * crossover) ** 2 - 1) < 1e-12


def test_critical_beta_of_a_function_is_one_and_of_nothing_infinite():
    assert critical_beta(np.eye(4) / 4) == pytest.approx(1, abs=1e-9)
    assert critical_beta([[0.2, 0.0], [0.3, 0.0], [0.0, 0.5]]) == pytest.approx(1, abs=1e-9)
    assert critical_beta(np.full((3, 2), 1 / 6)) == critical_beta([[0.5, 0.5]]) == math.inf


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=15, deadline=None)
def test_critical_beta_is_where_the_solution_leaves_zero(seed):
    joint = random_joint(5, 3, seed)
    critical = critical_beta(joint)
    below, above = solve(joint, [critical * (1 - 1e-5), critical * (1 + 1e-3)]).relevance.tolist()
    assert below == 0 and above > 0
    # No p(x|t) has a lower ratio, and near p(x) the ratio is that of the second singular value.
    rng, p_x, p_y = np.random.default_rng(seed), joint.sum(1), joint.sum(0)
    for other in rng.dirichlet(np.full(5, 0.5), 50):
        assert kl(other, p_x) / kl(other @ (joint / p_x[:, None]), p_y) > critical - 1e-9
    correlation = np.linalg.svd(joint / np.sqrt(np.outer(p_x, p_y)), compute_uv=False)[1]
    assert critical <= correlation**-2 + 1e-9


def test_a_first_cluster_may_be_born_at_a_distance():
    joint = random_joint(16, 8)
    correlation = np.linalg.svd(joint / np.sqrt(np.outer(joint.sum(1), joint.sum(0))), compute_uv=False)[1]
    assert critical_beta(joint) < 0.99 * correlation**-2
    assert solve(joint, 0.995 * correlation**-2).relevance > 0.01


def hamming(q, error):
    """Uniform X of q symbols; Y is X, or with probability `error` another one."""
    channel = np.full((q, q), error / (q - 1))
    np.fill_diagonal(channel, 1 - error)
    return channel / q


def test_hamming_channel():
    birth = first_birth(hamming(3, 0.1))
    assert birth.beta == pytest.approx(1.3755006, abs=1e-7)  # Benger, Asoodeh & Chen 2023
    assert birth.upper == pytest.approx(0.85**-2) and birth.jump
    assert birth.proof == "exhaustive" and birth.beta * (1 - 2e-6) < birth.lower < birth.beta
    below, above = solve(hamming(3, 0.1), [birth.lower, birth.beta * (1 + 1e-6)]).rate
    assert below == 0 and above == pytest.approx(0.0681, abs=1e-4)  # from 0 at once


@pytest.mark.parametrize("share", [0.5, 0.1])
@pytest.mark.parametrize("lost", [0.2, 0.7])
def test_erasure_channel(share, lost):
    p_x = np.array([share, 1 - share])
    birth = first_birth(p_x[:, None] * np.array([[1 - lost, 0, lost], [0, 1 - lost, lost]]))
    assert birth.beta == pytest.approx(1 / (1 - lost), rel=1e-9)  # all that is not lost passes, whatever r
    assert birth.lower == pytest.approx(birth.beta, rel=1e-9) and birth.proof == "exhaustive" and not birth.jump


@pytest.mark.parametrize("crossover", [0.1, 0.3, 0.6])
def test_z_channel(crossover):
    # One symbol is never mistaken: the ratio is largest where r is certain of the other's rival.
    joint = np.array([[0.5, 0.0], [0.5 * crossover, 0.5 * (1 - crossover)]])
    birth = first_birth(joint)
    ratios = [
        kl([r, 1 - r], [0.5, 0.5]) / kl([r + (1 - r) * crossover, (1 - r) * (1 - crossover)], joint.sum(0))
        for r in np.linspace(0, 1, 2001)
        if abs(r - 0.5) > 0.02
    ]
    assert birth.beta <= min(ratios) + 1e-12 and birth.beta == pytest.approx(min(ratios), abs=1e-5)
    assert min(ratios) == pytest.approx(np.log(0.5) / np.log((1 + crossover) / 2))
    assert birth.lower > birth.beta * (1 - 2e-6) and birth.proof == "exhaustive"


def test_gaussian_on_a_grid():
    # For Gaussians η_KL = ρ² (Erkip & Cover 1998); fine bins of them come close.
    exact, edges = GaussianBottleneck([[1.0, 0.8], [0.8, 1.0]], inputs=1).critical_betas[0], np.linspace(-4, 4, 41)
    x, y = np.meshgrid(edges, edges, indexing="ij")
    joint = np.exp(-(x**2 - 1.6 * x * y + y**2) / (2 * 0.36))
    birth = first_birth(joint / joint.sum())
    assert birth.proof == "searched" and birth.lower <= birth.beta == pytest.approx(exact.item(), rel=2e-3)
    assert birth.upper == pytest.approx(birth.beta, rel=1e-3)


@pytest.mark.parametrize("seed", range(6))
def test_bounds_hold_what_is_between_them(seed):
    joint = random_joint(7, 3, seed)
    birth = first_birth(joint)
    assert 1 <= birth.lower <= birth.beta <= birth.upper
    assert birth.proof == "exhaustive" and birth.lower > birth.beta * (1 - 1e-3)
    assert birth.contraction >= birth.squared_correlation
    unproven = first_birth(joint, seconds=0)
    assert unproven.proof == "searched" and unproven.lower < birth.lower and unproven.beta >= birth.lower
    hurried = first_birth(joint, seconds=1e-9)
    assert hurried.proof == "searched" and hurried.beta == unproven.beta


@pytest.mark.parametrize("number", range(int(os.environ.get("IBTEACH_JOINTS", "21"))))
def test_the_solver_agrees_on_both_sides(number):
    """Exactly nothing below, something above; joints of all kinds, 1,000 of them with IBTEACH_JOINTS=1000."""
    _, joint, _ = random_table(number)
    critical = critical_beta(joint)
    below, above = min(critical, 1e4) * (1 - 1e-6), critical * (1 + 1e-3)
    assert solve(joint, below, seconds=0).relevance == 0
    if critical < 1e4:  # of what is born later, nothing is above rounding
        assert solve(joint, above, seconds=0).relevance > 0


def test_of_a_function_and_of_nothing():
    assert first_birth(np.eye(3) / 3).lower == 1 and first_birth(np.eye(3) / 3).proof == "exhaustive"
    birth = first_birth(np.full((3, 2), 1 / 6))
    assert (birth.lower, birth.beta, birth.upper, birth.contraction) == (math.inf, math.inf, math.inf, 0)


def test_bad_arguments():
    with pytest.raises(InvalidInput, match="normalize=True"):
        critical_beta(np.eye(2))
    assert critical_beta(np.eye(2), normalize=True) == pytest.approx(1)
    with pytest.raises(InvalidInput, match=r"^seconds: got"):
        first_birth(np.eye(2) / 2, seconds=-1)


@pytest.mark.parametrize("weak", [1e-3, 1e-4, 3e-6, 1e-6])
def test_channels_that_say_next_to_nothing(weak):
    """KL grows with the square: β · weak² is the same; from 1e-6 on it was 1/ρ², ten times as large."""
    rare = 0.01
    table = [[rare * (0.5 + weak), rare * (0.5 - weak)], [(1 - rare) / 2] * 2]
    found = first_birth(table, seconds=0)
    assert found.beta * weak**2 == pytest.approx(2.34445, rel=1e-4) and found.jump


@pytest.mark.parametrize(("rare", "weak"), [(3e-15, 0.2), (1e-9, 1e-4), (1e-6, 1e-5)])
def test_a_rare_input_that_tells_something_is_told_from_nothing(rare, weak):
    """ρ² is below 1e-15, and the first cluster, all of the rare input, is born at −ln p(x) / KL(p(y|x) ‖ p(y))."""
    row, p_y = np.array([0.5 + weak, 0.5 - weak]), 0.5 + rare * np.array([weak, -weak])
    found = first_birth([rare * row, [(1 - rare) / 2] * 2])
    assert found.beta == pytest.approx(-math.log(rare) / (row @ np.log(row / p_y)), rel=1e-3)
    assert 1 <= found.lower <= found.beta < found.upper < math.inf
