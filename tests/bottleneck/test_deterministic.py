"""Moves of partitions against the best of all partitions, and the two classic algorithms against their definitions."""

import math

import numpy as np
import pytest
import torch
from problems import best_partition, entropy, objective, random_joint

from ibteach.bottleneck.blahut_arimoto import Source
from ibteach.bottleneck.clustering import agglomerative, sequential
from ibteach.bottleneck.deterministic import best_level, improve, partition_tables, solve_dib, total_cost
from ibteach.bottleneck.tabular import solve
from ibteach.errors import InvalidInput


def relevance(joint, labels):
    encoder = np.eye(labels.max() + 1)[labels]
    return -objective(joint, encoder, 1.0, 0.0) + entropy(joint.sum(1) @ encoder)


def test_cost_is_the_objective_up_to_a_constant():
    joint = random_joint(7, 4)
    labels = np.random.default_rng(0).integers(0, 4, (20, 7))
    for beta in (0.3, 1.0, 7.0):
        expected = [objective(joint, np.eye(4)[one], beta, 0.0) + beta * entropy(joint.sum(0)) for one in labels]
        np.testing.assert_allclose(total_cost(Source(joint), labels, beta), expected, atol=1e-12)
    at_infinity = [entropy(joint.sum(0)) - relevance(joint, one) for one in labels]
    np.testing.assert_allclose(total_cost(Source(joint), labels, np.inf), at_infinity, atol=1e-12)


def test_improvement_ends_where_no_move_and_no_merger_helps():
    joint = random_joint(8, 4, seed=2)
    source, rng = Source(joint), np.random.default_rng(0)
    beta = np.array([2.0, 5.0, 12.0])
    labels, cost, _ = improve(source, rng.integers(0, 5, (3, 8)), beta)
    for one, b, c in zip(labels, beta, cost, strict=True):
        assert c == pytest.approx(total_cost(source, one[None], b)[0])
        others = [np.where(np.arange(8) == x, t, one) for x in range(8) for t in range(one.max() + 2)]
        others += [np.where(one == s, t, one) for s in range(one.max() + 1) for t in range(s)]
        assert total_cost(source, np.array(others), b).min() > c - 1e-11


@pytest.mark.parametrize("restarts", [0, 8])
def test_search_finds_the_best_of_all_partitions(restarts):
    joint, beta = random_joint(10, 5, seed=4), np.logspace(0.2, 2, 8)
    labels, *_ = solve_dib(Source(joint), beta, [], restarts, seed=0)
    best = [best_partition(joint, b) + b * entropy(joint.sum(0)) for b in beta]
    np.testing.assert_allclose(total_cost(Source(joint), labels, beta), best, atol=1e-11)


def test_agglomeration_merges_the_cheapest_pair_at_each_step():
    joint = random_joint(6, 3, seed=1)
    labels, beta = np.arange(6), 4.0
    costs = {6: (objective(joint, np.eye(6), beta, 0.0), labels)}
    while len(set(labels)) > 1:
        pairs = [np.where(labels == s, t, labels) for s in set(labels) for t in set(labels) if t < s]
        values = [objective(joint, np.eye(6)[pair], beta, 0.0) for pair in pairs]
        labels = pairs[int(np.argmin(values))]
        costs[len(set(labels))] = (min(values), labels)
    for clusters, (value, expected) in costs.items():
        level = best_level(Source(joint), np.array([beta]), clusters)[0]
        assert (np.equal.outer(level, level) == np.equal.outer(expected, expected)).all()
        assert agglomerative(joint, beta, clusters=clusters).objective.item() == pytest.approx(value, abs=1e-10)
    assert agglomerative(joint, beta).objective.item() == pytest.approx(min(costs.values(), key=lambda c: c[0])[0])


def test_agglomeration_by_relevance_alone():
    joint = random_joint(6, 3, seed=1)
    solution = agglomerative(joint, clusters=5)
    pairs = [np.where(np.arange(6) == s, t, np.arange(6)) for s in range(6) for t in range(s)]
    assert solution.relevance.item() == pytest.approx(max(relevance(joint, pair) for pair in pairs))
    assert solution.objective == -solution.relevance and solution.gap == math.inf and solution.clusters == 5


def test_sequential_ends_where_no_single_move_helps_and_keeps_its_clusters():
    joint = random_joint(9, 4, seed=3)
    solution = sequential(joint, clusters=3)
    labels = solution.encoder.argmax(1).numpy()
    assert solution.clusters == 3 and (solution.encoder.sum(1) == 1).all()
    others = [np.where(np.arange(9) == x, t, labels) for x in range(9) for t in range(3)]
    assert max(relevance(joint, other) for other in others) <= solution.relevance.item() + 1e-11


def test_solver_is_never_worse_than_the_classics():
    joint, beta = random_joint(16, 8, seed=1), np.logspace(0, 2, 10)
    best = solve(joint, beta, alpha=0).objective
    assert (best <= agglomerative(joint, beta).objective + 1e-10).all()
    assert (best <= sequential(joint, 6, beta).objective + 1e-10).all()


def test_shapes_of_the_classics():
    joint = random_joint(5, 3)
    assert agglomerative(joint, torch.tensor([[2.0, 3.0]])).encoder.shape[:3] == (1, 2, 5)
    assert sequential(joint, 2, [2.0, 3.0, math.inf]).rate.shape == (3,)
    with_zeros = np.vstack([joint, np.zeros(3)])
    assert agglomerative(with_zeros, 5.0).encoder.shape[0] == 6


def test_partition_tables_sum_the_rows():
    joint = random_joint(4, 3)
    table = partition_tables(Source(joint), np.array([[0, 1, 0, 1]]), 3)
    np.testing.assert_allclose(table[0], [joint[0] + joint[2], joint[1] + joint[3], np.zeros(3)])


@pytest.mark.parametrize("clusters", [0, 6, 2.5, "two"])
def test_number_of_clusters_is_checked(clusters):
    with pytest.raises(InvalidInput, match=r"^clusters: got"):
        sequential(random_joint(5, 3), clusters)


def test_infinite_beta_needs_a_number_of_clusters():
    with pytest.raises(InvalidInput, match="say how many"):
        agglomerative(random_joint(5, 3))
    with pytest.raises(InvalidInput, match=r"^beta: got -1, expected numbers > 0"):
        agglomerative(random_joint(5, 3), -1.0)
