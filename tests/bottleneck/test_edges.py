"""Tables at the edge of what a table is, and β at the edge of a birth: never a wrong answer without a word."""

import numpy as np
import pytest
from problems import binary_symmetric, objective, random_joint

from ibteach.bottleneck.contraction import critical_beta, first_birth
from ibteach.bottleneck.tabular import solve

BETA = [0.5, 1.5, 4.0, 20.0]


@pytest.mark.parametrize(
    "table",
    [
        pytest.param([[0.0, 0.0, 0.0], [0.0, 0.0, 3.0]], id="one cell"),
        pytest.param([[1.0, 2.0, 3.0]] * 4, id="equal rows"),
        pytest.param([[0.5], [0.2], [0.3]], id="one y"),
        pytest.param([[0.5, 0.2, 0.3]], id="one x"),
    ],
)
def test_nothing_to_keep(table):
    solution = solve(table, BETA, normalize=True)
    assert solution.clusters.tolist() == [1, 1, 1, 1] and (solution.rate == 0).all()
    assert (solution.gap < 1e-12).all() and (solution.proof == "exhaustive").all()
    assert critical_beta(table, normalize=True) == np.inf


def test_rows_and_columns_of_zeros_and_equal_rows_change_nothing():
    joint = random_joint(5, 3)
    wider = np.zeros((9, 4))
    wider[np.ix_([0, 2, 4, 6, 8], [0, 1, 3])] = joint
    wider[1], wider[4] = wider[4] / 3, wider[4] * 2 / 3  # one x in two places
    plain, other = solve(joint, BETA), solve(wider, BETA)
    np.testing.assert_allclose(plain.objective, other.objective, atol=1e-9)
    assert (other.proof == "exhaustive").all() and (other.gap <= 1e-9).all()
    assert critical_beta(wider) == pytest.approx(critical_beta(joint), rel=1e-9)


@pytest.mark.parametrize(
    "joint", [binary_symmetric(0.1), np.eye(3) * 0.85 / 3 + 0.05 / 3, np.array([[20, 0, 8], [0, 2, 8]]) / 38]
)
def test_beta_within_rounding_of_a_birth(joint):
    joint = joint / joint.sum()
    critical = critical_beta(joint)
    beta = critical * (1 + np.array([-1e-6, -1e-9, -1e-12, 0, 1e-12, 1e-9, 1e-6]))
    solution = solve(joint, beta)
    assert solution.converged.all() and (solution.gap <= 1e-9).all()
    assert solution.relevance[0] == 0 and solution.relevance[-1] > 0
    for b, encoder in zip(beta, solution.encoder.numpy(), strict=True):
        assert objective(joint, encoder[:, encoder.any(0)], b) <= 1e-12


@pytest.mark.parametrize("kept", [1.0, 0.6])
def test_counts_up_to_a_million_millions(kept):
    rng = np.random.default_rng(0)
    counts = (10 ** rng.uniform(0, 12, (8, 4))).round() * (rng.random((8, 4)) < kept)
    solution = solve(counts, [0.9, 1.1, 2.0, 10.0, 100.0], normalize=True)
    assert solution.converged.all() and (solution.gap <= 1e-9).all() and (solution.proof == "exhaustive").all()
    birth = first_birth(counts, normalize=True)
    assert 1 <= birth.lower <= birth.beta <= birth.upper and birth.beta < 1.1


def test_what_has_not_converged_says_so():
    with pytest.warns(Warning, match="nats above the optimum"):
        solution = solve(random_joint(16, 4), [9.0], sweeps=2)
    assert not solution.converged and solution.gap > 1e-9 and solution.proof == "searched"


def test_a_probability_below_rounding_is_none():
    joint = np.vstack([random_joint(6, 3), [[1e-17, 0, 0]]])
    solution, without = solve(joint, [2.0, 30.0]), solve(joint[:-1], [2.0, 30.0])
    assert solution.converged.all() and (solution.proof == "exhaustive").all()
    np.testing.assert_allclose(solution.objective, without.objective, atol=1e-9)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_just_below_a_birth_nothing_is_kept_whatever_else_is_asked(seed):
    joint = random_joint(12, 5, seed)
    critical = critical_beta(joint)
    solution = solve(joint, critical * np.array([1 - 1e-6, 1 + 1e-3, 1.5]), seconds=0)
    assert solution.clusters[0] == 1 and solution.relevance[0] == 0 and solution.relevance[1] > 0


def test_a_cluster_of_hardly_any_mass_is_weighed_to_the_last_digits():
    """Just above a birth at a distance: a row of mass 1e-7 is told from the others by 1e-12 nats."""
    joint = np.array([[0.95, 0.05], [0.9, 0.1], [0.002, 0.998]]) * [[0.6], [0.4], [1e-7]]
    joint /= joint.sum()
    solution = solve(joint, critical_beta(joint) * np.array([1 + 1e-6, 1 + 1e-4]))
    assert solution.clusters.tolist() == [2, 2] and (solution.proof == "exhaustive").all()
    assert (solution.gap < 1e-9).all() and (solution.sweeps < 100).all()


def test_a_birth_that_gains_less_than_rounding_is_kept():
    """Rows that are permutations of one: sweeps on from the right weights only lose them."""
    joint = np.array([[0.1, 0.3, 0.6], [0.1, 0.6, 0.3], [0.3, 0.1, 0.6], [0.3, 0.6, 0.1]]) * [
        [0.4],
        [0.3],
        [0.2],
        [0.1],
    ]
    solution = solve(joint, critical_beta(joint) * np.array([1 + 1e-7, 1 + 1e-6, 1 + 1e-5]))
    assert solution.converged.all() and (solution.gap < 1e-9).all() and (solution.sweeps < 1000).all()
