"""The proof of optimality, checked where it can be: D on a fine grid of the whole simplex, not only uphill."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from problems import iterate, objective, random_joint
from scipy.special import expit

from ibteach.bottleneck.births import climb, newton, search, settle, solve_ib, weigh
from ibteach.bottleneck.blahut_arimoto import Source, descend, encode, tables
from ibteach.bottleneck.tabular import solve


def growth(joint, encoder, beta, places):
    """D(q) = Σ_x p(x) e^{−β KL(p(y|x) ‖ q)} / f(x), written out; encoder (X, T), places (N, Y)."""
    p_x, rows = joint.sum(1), joint / joint.sum(1, keepdims=True)
    p_t = p_x @ encoder
    clusters = (encoder.T @ joint) / p_t[:, None]

    def kernel(q):
        return np.exp(-beta * (rows[:, None] * np.log(rows[:, None] / q)).sum(2))

    return (p_x[:, None] * kernel(places) / (kernel(clusters) @ p_t)[:, None]).sum(0)


def simplex(y, steps):
    axes = np.meshgrid(*[np.arange(1, steps)] * (y - 1), indexing="ij")
    grid = np.stack([*axes, steps - sum(axes)], -1).reshape(-1, y)
    return grid[grid[:, -1] > 0] / steps


@pytest.mark.parametrize(("y", "steps"), [(2, 4000), (3, 120)])
@pytest.mark.parametrize("seed", range(4))
def test_no_cluster_would_grow_anywhere(y, steps, seed):
    joint, beta = random_joint(8, y, seed), np.array([1.2, 2.0, 4.0, 8.0, 25.0])
    solution = solve(joint, beta)
    for b, encoder in zip(beta, solution.encoder.numpy(), strict=True):
        assert growth(joint, encoder[:, encoder.any(0)], b, simplex(y, steps)).max() < 1 + 1e-6


@given(st.integers(0, 2**32 - 1), st.floats(1, 50))
@settings(max_examples=25, deadline=None, derandomize=True)
def test_growth_bounds_the_gap_of_any_encoder(seed, beta):
    rng = np.random.default_rng(seed)
    joint = random_joint(6, 2, seed)
    encoder = rng.dirichlet(np.ones(4), 6)
    logits = np.linspace(-25, 25, 20_001)  # as fine at the edges as in the middle
    most = growth(joint, encoder, beta, expit(np.stack([logits, -logits], -1))).max()
    gap = objective(joint, encoder, beta) - solve(joint, beta).objective.item()
    table = tables(Source(joint), encoder[None])
    found = search(Source(joint), table, np.array([beta]), Source(joint).rows)[0][0]
    assert np.log(most) - 1e-9 <= found <= np.log(most) + 1e-3
    # The encoder that fits the clusters is at least as good as this one, and the bound is on it.
    fitted = objective(joint, iterate(joint, encoder, beta, 1.0, sweeps=1), beta)
    assert -1e-9 <= fitted - solve(joint, beta).objective.item() <= found + 1e-9 and gap >= -1e-9


def test_a_sweep_multiplies_a_cluster_by_its_growth():
    joint, beta = random_joint(8, 4), 6.0
    encoder = np.random.default_rng(0).dirichlet(np.ones(5), 8)
    p_t = joint.sum(1) @ encoder
    places = (encoder.T @ joint) / p_t[:, None]
    after = joint.sum(1) @ iterate(joint, encoder, beta, 1.0, sweeps=1)
    np.testing.assert_allclose(growth(joint, encoder, beta, places), after / p_t)


def test_climbs_never_descend():
    source, beta = Source(random_joint(10, 4)), np.array([5.0])
    log_f = encode(source, source.p_y[None, None], beta)[1]
    owner = np.zeros(10, int)
    heights = np.array([climb(source, log_f, beta, source.rows, owner, steps)[0] for steps in (1, 2, 3)])
    assert (np.diff(heights, axis=0) >= -1e-12).all()


def test_births_leave_a_local_optimum_where_sweeps_stay():
    joint, beta = random_joint(16, 8), np.logspace(-1, 2, 50)[25:26]
    source = Source(joint)
    alone, _, _ = descend(source, joint[None], beta, limit=20_000)
    (stuck,), *_ = search(source, alone, beta, source.rows)
    assert stuck > 1e-3
    table, gap, _ = settle(source, alone[0], beta[0], 0, 2000, source.rows, source.rows)
    energy = [encode(source, t, beta)[1] @ source.p_x for t in (alone, table[None])]
    assert gap < 1e-9 and energy[1] > energy[0] + 1e-6


def test_weights_are_the_best_there_are():
    source, beta = Source(random_joint(6, 3)), 8.0
    rng = np.random.default_rng(0)
    start = source.p_y[None]
    table, gain = weigh(source, start, source.rows, np.array([beta]))
    value = encode(source, table, np.array([beta]))[1][0] @ source.p_x
    assert value == pytest.approx(encode(source, start[None], np.array([beta]))[1][0] @ source.p_x + gain, abs=1e-10)
    assert table.sum() == pytest.approx(1)
    clusters = np.vstack([source.p_y, source.rows])
    for weights in rng.dirichlet(np.full(7, 0.3), 50):
        other = weights[:, None] * clusters
        assert encode(source, other[None], np.array([beta]))[1][0] @ source.p_x <= value + 1e-10


@pytest.mark.parametrize("light", [1e-6, 1e-9, 1e-12])
def test_weights_are_exact_beside_inputs_that_hardly_ever_come(light):
    for seed in range(10):
        rng = np.random.default_rng(seed)
        p_x = np.append(rng.dirichlet(np.ones(3)), light * rng.uniform(1, 9, 2))
        source, beta = Source((p_x / p_x.sum())[:, None] * rng.dirichlet(np.full(4, 0.5), 5)), np.array([8.0])
        table, _ = weigh(source, source.joint, source.rows, beta)
        places = table[0] / table[0].sum(1, keepdims=True)
        terms = np.exp(beta * np.log(places) @ source.rows.T - encode(source, table, beta)[1])
        used = table[0].sum(1) > 1e-4 * light
        np.testing.assert_allclose((terms @ source.p_x)[used], 1, rtol=0, atol=2e-12)


def test_one_cluster_has_exactly_no_information():
    source = Source(random_joint(5, 3))
    best = solve_ib(source, np.array([0.3, 0.9]), 100)
    assert (best.encoder == 1).all() and best.encoder.shape == (2, 5, 1)
    assert (best.proven == 0).all() and (best.sweeps == 0).all()


def test_climbs_stay_on_the_simplex():
    rng = np.random.default_rng(0)
    for seed in range(5):
        source, beta = Source(random_joint(10, 5, seed)), np.array([3.0])
        log_f = encode(source, source.p_y[None, None], beta)[1]
        growth, place = climb(source, log_f, beta, rng.dirichlet(np.ones(5), 30), np.zeros(30, int))
        np.testing.assert_allclose(place.sum(1), 1, atol=1e-14)
        own = np.exp(np.log(source.p_x) - log_f + 3.0 * np.log(np.maximum(place, 1e-300)) @ source.rows.T).sum(1)
        kept = growth > 0
        assert (own[kept] >= growth[kept] - 1e-11).all()  # what it claims for a place is there


def test_newton_goes_on_where_labels_are_all_but_gone():
    source, share = Source(np.array([[0.25, 0.125, 0.125], [0.25, 0.25, 1e-30]])), np.array([[0.5, 0.5]])
    squares = (source.rows[:, :, None] * source.rows[:, None]).reshape(2, -1)
    here, image = np.array([[1.0, 1e-60, 1e-60]]), share @ source.rows  # singular, as computed
    place = newton(here, image, share, squares, np.array([2.0]))
    np.testing.assert_allclose(place.sum(1), 1)
    assert (place[:, 1:] > here[:, 1:]).all() and place[0, 0] > 0.99
