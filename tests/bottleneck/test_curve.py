"""The envelope, and the squared IB where the IB itself finds nothing."""

import numpy as np
import pytest
import torch
from problems import binary_symmetric, entropy, objective, random_joint

from ibteach.bottleneck.curve import envelope, solve_squared
from ibteach.bottleneck.tabular import solve
from ibteach.errors import InvalidInput


def test_envelope_is_concave_and_above_all_points():
    rng = np.random.default_rng(0)
    rate, relevance = rng.random((2, 40))
    corners = envelope(rate, relevance)
    slopes = corners[1].diff() / corners[0].diff()
    assert (slopes.diff() < 0).all() and (slopes > 0).all() and corners[1][-1] == relevance.max()
    assert (np.interp(rate, *corners) >= relevance - 1e-12).all()
    assert envelope([0.5], [0.0])[0].tolist() == [0.0]


def test_points_of_the_ib_are_corners_of_their_envelope():
    solution = solve(random_joint(8, 4), np.logspace(0.5, 1.5, 6))
    corners = envelope(solution.rate, solution.relevance)
    assert len(corners[0]) == 1 + (solution.clusters > 1).sum()


def test_squared_ib_of_a_function_keeps_what_it_is_told():
    joint = np.zeros((5, 2))
    joint[np.arange(5), [0, 0, 0, 1, 1]] = [0.1, 0.2, 0.3, 0.15, 0.25]
    whole = entropy(joint.sum(0))
    beta = torch.tensor([0.1, 0.5, 1.0, 2.0], dtype=torch.float64)
    solution = solve_squared(joint, beta)
    expected = (beta / 2).clamp_max(whole)
    torch.testing.assert_close(solution.rate, expected, atol=1e-9, rtol=0)
    torch.testing.assert_close(solution.relevance, expected, atol=1e-9, rtol=0)
    assert set(solve(joint, [0.9, 1.1, 5.0]).rate.numpy().round(9)) == {0.0, round(whole, 9)}


@pytest.mark.parametrize("joint", [binary_symmetric(0.1), random_joint(6, 4, seed=1)])
def test_squared_ib_is_stationary_and_beats_the_curve(joint):
    beta = torch.tensor([[0.2, 1.0], [2.0, 20.0]], dtype=torch.float64)
    solution = solve_squared(joint, beta)
    assert solution.converged.all() and solution.rate.shape == (2, 2)
    flat = zip(beta.ravel().tolist(), solution.encoder.flatten(0, 1), solution.objective.ravel().tolist(), strict=True)
    for b, encoder, value in flat:
        rate = objective(joint, encoder.numpy(), 1e-12)
        assert value == pytest.approx(rate**2 + b * (objective(joint, encoder.numpy(), 1.0) - rate), abs=1e-8)
    others = solve(joint, np.logspace(0, 2.5, 60))
    best = (others.rate**2 - beta[..., None] * others.relevance).amin(-1)
    assert (solution.objective <= best + 1e-9).all()
    assert (solution.rate[0] > 0).all()  # no phase transition: a little is always worth keeping


def test_squared_ib_of_nothing_keeps_nothing():
    assert solve_squared(np.full((2, 2), 0.25), [1.0, 9.0]).rate.tolist() == [0, 0]


def test_bad_arguments():
    with pytest.raises(InvalidInput, match=r"^beta: got 0"):
        solve_squared(np.eye(2) / 2, 0.0)
