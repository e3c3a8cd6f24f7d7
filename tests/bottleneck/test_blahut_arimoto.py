"""The self-consistent map against a literal translation, and what its shortcuts may not do."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from problems import iterate, objective, random_joint

from ibteach.bottleneck.blahut_arimoto import Memory, Source, batches, descend, encoders, merge, pad, sweep, tables

seeds = st.integers(0, 2**32 - 1)


def problem(seed, problems=3, x=7, y=4, clusters=5):
    rng = np.random.default_rng(seed)
    source = Source(random_joint(x, y, seed))
    return source, rng.dirichlet(np.ones(clusters), (problems, x)), rng.uniform(0.5, 30, problems)


@given(seeds, st.floats(0.1, 1))
@settings(max_examples=25, deadline=None)
def test_a_sweep_is_the_textbook_iteration(seed, alpha):
    source, encoder, beta = problem(seed)
    after, _ = sweep(source, tables(source, encoder), beta, alpha)
    for one, b, table in zip(encoder, beta, after, strict=True):
        np.testing.assert_allclose(iterate(source.joint, one, b, alpha, sweeps=1).T @ source.joint, table, atol=1e-12)


@given(seeds, st.floats(0.1, 1))
@settings(max_examples=25, deadline=None)
def test_a_sweep_bounds_the_objective_before_and_lowers_it(seed, alpha):
    source, encoder, beta = problem(seed)
    table = tables(source, encoder)
    after, energy = sweep(source, table, beta, alpha)
    _, next_energy = sweep(source, after, beta, alpha)
    information = np.log(source.rows / source.p_y)
    constant = beta * (source.joint * information).sum()
    before = np.array([objective(source.joint, e, b, alpha) for e, b in zip(encoder, beta, strict=True)])
    assert (energy - constant <= before + 1e-10).all() and (next_energy <= energy + 1e-10).all()


def test_descent_finds_the_fixed_point_that_plain_iteration_creeps_to():
    source, encoder, beta = problem(1, problems=6)
    table, used, residual = descend(source, tables(source, encoder), beta, limit=2000)
    assert (used < 400).all() and (residual <= 1e-12).all()
    for one, start, b in zip(encoders(source, table, beta), encoder, beta, strict=True):
        plain = iterate(source.joint, start, b, 1.0, sweeps=5000)
        assert objective(source.joint, one, b) <= objective(source.joint, plain, b) + 1e-9
        again = iterate(source.joint, one[:, one.any(0)], b, 1.0, sweeps=1)
        np.testing.assert_allclose(again, one[:, one.any(0)], atol=1e-9)


def test_a_descent_stopped_early_says_so():
    source, encoder, beta = problem(1)
    _, used, residual = descend(source, tables(source, encoder), beta, limit=4)
    assert (used == 4).all() and (residual > 1e-12).all()


@given(seeds, st.floats(1e-9, 1e-2))
@settings(max_examples=25, deadline=None)
def test_merging_costs_no_more_than_allowed(seed, cost):
    source, encoder, beta = problem(seed, clusters=7)
    encoder[:, :, 5:] = encoder[:, :, 5:].mean(2, keepdims=True)  # two that are one
    merged = merge(tables(source, encoder), beta, cost)
    np.testing.assert_allclose(merged.sum(1), np.tile(source.p_y, (len(beta), 1)))
    assert ((merged.sum(-1) > 0).sum(1) <= 6).all() and (np.diff(merged.sum(-1)) <= 0).all()
    for before, after, b in zip(tables(source, encoder), merged, beta, strict=True):
        lost = relevance(before) - relevance(after)
        assert -1e-12 <= b * lost <= 6 * cost + 1e-12


def relevance(table):
    table = table[table.sum(1) > 0]
    return (table * np.log(table / np.outer(table.sum(1), table.sum(0)))).sum()


def test_extrapolation_outruns_the_slowest_mode_and_stays_positive():
    rng = np.random.default_rng(0)
    fixed = rng.dirichlet(np.full(6, 50.0)).reshape(1, 3, 2)
    map_ = np.diag([0.999, 0.9, 0.5, 0.3, 0.1, 0.0])
    memory, point = Memory(1), fixed + 1e-3 * rng.normal(size=fixed.shape)
    for _ in range(20):
        image = fixed + (map_ @ (point - fixed).ravel()).reshape(fixed.shape)
        point = memory.extrapolate(image, image - point)
        assert (point > 0).all()
    assert abs(point - fixed).max() < 1e-8  # sweeps alone: 1e-3 · 0.999²⁰


def test_empty_clusters_stay_empty():
    source, encoder, beta = problem(0, problems=2)
    encoder[:, :, 3] += encoder[:, :, 4]
    encoder[:, :, 4] = 0
    table, _ = sweep(source, tables(source, encoder), beta, 0.01)
    assert (table[:, 4] == 0).all() and np.isfinite(table).all()


@pytest.mark.parametrize(("problems", "cells"), [(50, 256), (50, 2**14), (3, 2**20), (1, 1)])
def test_batches_cover_everything_once(problems, cells):
    parts = batches(problems, cells)
    assert [i for part in parts for i in range(problems)[part]] == list(range(problems))


def test_padding_adds_empty_clusters():
    batch = pad([np.ones((1, 2)), np.ones((3, 2))])
    assert batch.sum(-1).tolist() == [[2, 0, 0], [2, 2, 2]]
