"""The Gaussian bottleneck against the formula in one dimension, log-determinants in many, and the tabular solver."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from ibteach.bottleneck.gaussian import GaussianBottleneck
from ibteach.bottleneck.tabular import solve
from ibteach.errors import InvalidInput


def covariance(seed, x=3, y=2):
    factor = np.random.default_rng(seed).normal(size=(x + y, x + y + 1))
    return factor @ factor.T


def informations(matrix, inputs, projection):
    """I[X;T] and I[T;Y] of T = A X + ξ from log-determinants of covariances."""
    x, xy, y = matrix[:inputs, :inputs], matrix[:inputs, inputs:], matrix[inputs:, inputs:]
    noise = np.eye(len(projection))
    t = projection @ x @ projection.T + noise
    given_y = projection @ (x - xy @ np.linalg.solve(y, xy.T)) @ projection.T + noise
    h_t, h_t_given_y = (np.linalg.slogdet(block)[1] / 2 for block in (t, given_y))
    return h_t, h_t - h_t_given_y


@given(st.floats(0.05, 0.99), st.floats(0.1, 1000), st.floats(0.1, 10))
def test_one_dimension(rho, beta, scale):
    bottleneck = GaussianBottleneck([[scale**2, rho * scale], [rho * scale, 1.0]], inputs=1)
    left = 1 - rho**2
    gain = max(0.0, (beta * (1 - left) - 1) / left)
    rate = np.log1p(gain) / 2
    relevance = rate - np.log((1 - left) + left * np.exp(2 * rate)) / 2
    assert bottleneck.critical_betas.item() == pytest.approx(1 / (1 - left))
    assert bottleneck.rate(beta).item() == pytest.approx(rate, abs=1e-10)
    assert bottleneck.relevance(beta).item() == pytest.approx(relevance, abs=1e-10)
    assert bottleneck.relevance_at(rate).item() == pytest.approx(relevance, abs=1e-10)


@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.integers(1, 4))
@settings(deadline=None)
def test_curve_is_that_of_the_projection_and_no_other_projection_is_better(seed, x, y):
    matrix, rng = covariance(seed, x, y), np.random.default_rng(seed)
    bottleneck = GaussianBottleneck(matrix, inputs=x)
    for beta in (1.5, 5.0, 80.0):
        projection = bottleneck.projection(beta).numpy()
        rate, relevance = informations(matrix, x, projection)
        assert bottleneck.rate(beta).item() == pytest.approx(rate, abs=1e-8)
        assert bottleneck.relevance(beta).item() == pytest.approx(relevance, abs=1e-8)
        for size in (0.01, 0.3):
            other = informations(matrix, x, projection + size * rng.normal(size=projection.shape))
            assert rate - beta * relevance <= other[0] - beta * other[1] + 1e-8


@given(st.integers(0, 2**32 - 1))
def test_curve_as_a_function_of_the_rate(seed):
    bottleneck = GaussianBottleneck(covariance(seed, 4, 3), inputs=4)
    beta = torch.logspace(0, 4, 30, dtype=torch.float64)
    torch.testing.assert_close(
        bottleneck.relevance_at(bottleneck.rate(beta)), bottleneck.relevance(beta), atol=1e-9, rtol=0
    )
    rate = torch.linspace(0, 5, 50, dtype=torch.float64)
    curve = bottleneck.relevance_at(rate)
    assert curve[0] < 1e-12 and (curve.diff() > 0).all() and (curve.diff().diff() < 1e-12).all()


def test_at_a_large_rate_the_curve_is_the_information_there_is():
    """Where β, which nobody passed, is beyond all numbers."""
    information = -0.5 * np.log(1 - 0.8**2)
    found = GaussianBottleneck([[1.0, 0.8], [0.8, 1.0]], inputs=1).relevance_at([20.0, 1e4, 1e308])
    torch.testing.assert_close(found, torch.full((3,), information, dtype=torch.float64), rtol=1e-13, atol=0)


def test_pairs_come_in_at_their_critical_beta():
    bottleneck = GaussianBottleneck(covariance(0), inputs=3)
    assert (bottleneck.correlations.diff() <= 0).all()
    for number, critical in enumerate(bottleneck.critical_betas.tolist()):
        kept = [(bottleneck.projection(critical * f).abs().sum(1) > 0).sum() for f in (1 - 1e-9, 1 + 1e-9)]
        assert kept == [number, number + 1]


def test_independence_keeps_nothing():
    bottleneck = GaussianBottleneck(np.diag([1.0, 2.0, 3.0]), inputs=2)
    assert bottleneck.critical_betas.tolist() == [float("inf")]
    assert bottleneck.rate(1e6) == bottleneck.relevance(1e6) == bottleneck.relevance_at(0.7) == 0


def test_the_tabular_solver_agrees_on_a_fine_grid():
    rho, edges = 0.8, np.linspace(-4, 4, 61)
    fine = (edges[:-1, None] + np.diff(edges)[0] * (np.arange(8) + 0.5) / 8)[..., None]
    outer = np.concatenate([[-np.inf], edges[1:-1], [np.inf]])
    cells = norm.pdf(fine) * np.diff(norm.cdf((outer - rho * fine) / np.sqrt(1 - rho**2)), axis=-1)
    beta = [1.5, 2.0, 3.0]
    solution = solve(cells.sum(1), beta, normalize=True)
    exact = GaussianBottleneck([[1.0, rho], [rho, 1.0]], inputs=1)
    assert solution.converged.all() and solution.rate[0] == exact.rate(1.5) == 0
    torch.testing.assert_close(solution.rate, exact.rate(beta), atol=1e-2, rtol=0)
    torch.testing.assert_close(solution.relevance, exact.relevance(beta), atol=1e-2, rtol=0)


def test_shapes():
    bottleneck = GaussianBottleneck(covariance(0), inputs=3)
    assert bottleneck.rate([[2.0, 3.0]]).shape == bottleneck.relevance([[2.0, 3.0]]).shape == (1, 2)
    assert bottleneck.projection([2.0, 3.0]).shape == (2, 2, 3) and bottleneck.projection(2.0).shape == (2, 3)


def test_a_covariance_found_in_single_precision_is_symmetric_up_to_rounding():
    samples = torch.randn(6, 200, generator=torch.Generator().manual_seed(0)) * 10.0 ** torch.arange(-3, 3)[:, None]
    found, exact = torch.cov(samples), torch.cov(samples.double())
    assert not torch.equal(found, found.T)
    torch.testing.assert_close(
        GaussianBottleneck(found, inputs=3).correlations,
        GaussianBottleneck(exact, inputs=3).correlations,
        atol=1e-5,
        rtol=0,
    )


@pytest.mark.parametrize(
    ("matrix", "inputs", "message"),
    [
        ([[1.0, 0.5], [0.4, 1.0]], 1, "symmetric"),
        ([[1e-20, 5e-11], [4e-11, 1.0]], 1, "symmetric"),
        ([[1.0, 0.5, 0.1], [0.5, 1.0, 0.2]], 1, "symmetric"),
        ([[1.0, 1.0], [1.0, 1.0]], 1, "infinite"),
        ([[1.0, 2.0], [2.0, 1.0]], 1, "no covariance"),
        ([[0.0, 0.0], [0.0, 1.0]], 1, "block of X"),
        ([[1.0, 0.0, 0.0], [0.0, 1.0, 1.0], [0.0, 1.0, 1.0]], 1, "block of Y"),
        ([[1.0, 0.5], [0.5, float("nan")]], 1, "NaN"),
        ([[1.0, 0.5], [0.5, 1.0]], 2, "inputs"),
        ([[1.0, 0.5], [0.5, 1.0]], 0, "inputs"),
        ([1.0, 0.5], 1, "shape"),
        ([[1.0]], 1, "inputs"),
    ],
)
def test_bad_covariances(matrix, inputs, message):
    with pytest.raises(InvalidInput, match=message):
        GaussianBottleneck(matrix, inputs)


def test_bad_rates_and_betas():
    bottleneck = GaussianBottleneck([[1.0, 0.5], [0.5, 1.0]], inputs=1)
    with pytest.raises(InvalidInput, match=r"^rate: got"):
        bottleneck.relevance_at(-0.1)
    with pytest.raises(InvalidInput, match=r"^beta: got 0"):
        bottleneck.rate(0.0)
