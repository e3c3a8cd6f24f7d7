"""The bound on D against D on fine grids, and against what it must refuse to prove."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from problems import random_joint

from ibteach.bottleneck.births import climb, places
from ibteach.bottleneck.blahut_arimoto import TINY, Source, encode, tables
from ibteach.bottleneck.contraction import critical_beta
from ibteach.bottleneck.cores import Cores
from ibteach.bottleneck.exhaustive import box_bounds, ceiling, feasible, parts
from ibteach.bottleneck.lagrangian import lagrangian
from ibteach.bottleneck.tabular import solve


def sparse(rng, x, y):
    table = rng.choice([0, 1, 2, 3, 5, 8, 20], size=(x, y)).astype(float)
    table[rng.integers(x), rng.integers(y)] += 1
    return Source(table[table.any(1)][:, table.any(0)] / table.sum())


def log_growth(source, log_f, beta, q):
    """ln D(q) from its definition, up to rounding: places (N, Y) to (N,)."""
    terms = np.log(source.p_x) - log_f + beta * np.log(np.maximum(q, TINY)) @ source.rows.T
    return np.logaddexp.reduce(terms, 1)


@given(st.integers(0, 2**32 - 1), st.integers(2, 8), st.integers(2, 4), st.floats(1.01, 40))
@settings(max_examples=40, deadline=None, derandomize=True)
def test_no_place_is_above_the_bound(seed, x, y, beta):
    rng = np.random.default_rng(seed)
    source = sparse(rng, x, y)
    log_f = encode(source, tables(source, rng.dirichlet(np.ones(3), (1, len(source.p_x)))), np.array([beta]))[1]
    q = np.concatenate([rng.dirichlet(np.full(len(source.p_y), c), 3000) for c in (0.1, 0.5, 1, 5)])
    most = log_growth(source, log_f[0], beta, q).max()
    # However low a bound is asked for, it is true; the place that refutes it is above what was asked.
    for enough in (most + 1e-3, most - 1e-3):
        found = ceiling(source, log_f, np.array([beta]), [source.p_y[None]], np.array([enough]))
        assert found.bound[0] >= most - 1e-12 or not np.isnan(found.place).any()
        if not np.isnan(found.place).any():
            assert log_growth(source, log_f[0], beta, found.place)[0] > enough - 1e-9


@pytest.mark.parametrize("seed", range(40))
def test_no_place_in_a_core_is_above_its_bound(seed):
    """Cores around all local maxima: one that reached too far would hold places of a higher maximum."""
    rng = np.random.default_rng(seed)
    source, beta = sparse(rng, rng.integers(2, 9), rng.integers(2, 5)), rng.uniform(1.01, 40, 1)
    log_f = encode(source, tables(source, rng.dirichlet(np.ones(3), (1, len(source.p_x)))), beta)[1]
    start = np.concatenate([source.rows, rng.dirichlet(np.ones(len(source.p_y)), 9)])
    height, place = climb(source, log_f, beta, start, np.zeros(len(start), int))
    for one in place[height > 0]:
        enough = log_growth(source, log_f[0], beta[0], one[None]) + 1e-9
        cores = Cores(np.log(source.p_x) - log_f, source.rows, beta, [one[None]], enough)
        for core in range(len(cores.owner)):
            support, wide = cores.support[core], rng.uniform(0, 2, (2000, 1)) * cores.reach[core]
            u = cores.peak[core] + wide * rng.uniform(-0.5, 0.5, (2000, len(support)))
            u[:, ~support] = np.log(cores.edge[core] * rng.random((2000, 1)) / max(1, (~support).sum()) + TINY)
            u = u[cores.hold(u, u, np.zeros(2000, int))]
            q = np.exp(u) / np.exp(u).sum(1, keepdims=True)
            growth = log_growth(source, log_f[0], beta[0], q)
            assert growth.max(initial=-np.inf) <= cores.bound[core] + 1e-11


@given(st.integers(0, 2**32 - 1), st.sampled_from([1e1, 1e3, 1e6, 1e12]))
@settings(max_examples=240, deadline=None, derandomize=True)
def test_bounds_of_a_box_hold_inside_it(seed, scale):
    rng = np.random.default_rng(seed)
    x, y = rng.integers(1, 7), rng.integers(2, 5)
    rows, weight, beta = rng.dirichlet(np.full(y, 0.3), x), rng.normal(size=(1, x)) * 3, rng.uniform(1, 3 * scale, 1)
    top, hi = rng.integers(y), np.zeros(y) - rng.exponential(2, y)
    lo = hi - rng.exponential(1, y)
    endless = rng.random(y) < 0.3
    endless[top] = False
    lo[endless] = -np.inf
    lo[top] = hi[top] = 0
    rows = rng.choice([rows, rows[:1] + (rows - rows[:1]) / scale])  # a weak channel, that needs a large β
    limit, *_ = box_bounds(lo[None], hi[None], np.array([top]), weight, beta, rows, np.full(1, -np.inf))
    u = hi - np.where(endless, rng.exponential(5, (2000, y)), (hi - np.where(endless, hi, lo)) * rng.random((2000, y)))
    value = np.logaddexp.reduce(weight + beta * u @ rows.T, 1) - beta * np.logaddexp.reduce(u, 1)
    assert value.max() <= limit[0] + 1e-12 + 1e-14 * beta[0] * np.abs(u).max()


HARDLY_ANY = [[0.14130980733476994, 0.010033439566707051], [0.1325317178556052, 0.009411046485196042]]
HARDLY_ANY += [[0.6598586281663772, 0.046855360591344555]]


@pytest.mark.parametrize("joint", [HARDLY_ANY, *((0.3, 0.3 + d, 0.2, 0.2 - d) for d in (1e-2, 1e-4))], ids=str)
def test_proofs_of_weak_channels_hold_at_huge_beta(joint):
    """Bounds of boxes were too low: "exhaustive" was said of one cluster where two are best."""
    joint = np.reshape(joint, (-1, 2))
    beta = critical_beta(joint, normalize=True) * np.array([0.9, 1.1, 1.3, 1.5, 3, 10])
    solution = solve(joint, beta, normalize=True)
    assert (solution.proof == "exhaustive").all() and solution.clusters.tolist()[0] == 1 < min(solution.clusters[2:])
    least = (solution.objective - solution.gap).numpy() - 1e-12 * beta
    for encoder in solution.encoder:
        assert (lagrangian(joint, encoder, beta, normalize=True).numpy() >= least).all()


@pytest.mark.parametrize("seed", range(5))
def test_a_solution_that_lacks_a_cluster_is_refuted(seed):
    source = Source(random_joint(8, 4, seed))
    beta = np.array([6.0])
    encoder = solve(source.joint, beta).encoder.numpy()
    whole = tables(source, encoder)
    fewer = whole[:, 1:] / whole[:, 1:].sum()  # the heaviest is left out
    for table, proven in ((whole, True), (fewer, False)):
        log_f = encode(source, table, beta)[1]
        found = ceiling(source, log_f, beta, [places(table[0])], np.array([1e-9]))
        assert (found.bound[0] <= 1e-9) == proven == np.isnan(found.place).all()


def test_parts_are_proven_one_by_one():
    joint = np.zeros((9, 7))
    joint[:4, :3], joint[4:8, 3:6], joint[8, 6] = random_joint(4, 3), random_joint(4, 3, 1), 1
    joint = joint / 3
    assert [(len(x), len(y)) for x, y in parts(joint)] == [(4, 3), (4, 3), (1, 1)] and feasible(joint)
    assert not feasible(random_joint(5, 6))
    solution = solve(joint, [1.001, 1.5, 4.0, 50.0])
    assert (solution.proof == "exhaustive").all() and (solution.bound <= 1e-9).all()


def test_time_that_ends_first_is_told():
    joint, beta = random_joint(12, 6), [4.0, 8.0]
    alone, hurried, given = (
        solve(joint, beta),
        solve(joint, beta, seconds=0.05),
        solve(joint[:, :3], beta, normalize=True),
    )
    assert (alone.proof == "searched").all() and (alone.bound == np.inf).all() and (alone.starts > 50).all()
    assert (hurried.proof == "searched").all() and (hurried.bound > 1e-9).all()
    assert (given.proof == "exhaustive").all() and (given.gap == given.bound).all()
    assert (solve(joint[:, :3], beta, seconds=0, normalize=True).proof == "searched").all()
