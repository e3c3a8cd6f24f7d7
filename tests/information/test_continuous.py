"""Closed forms against torch.distributions, numerical definitions and scipy; bounds against each other."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from torch.distributions import Independent, MultivariateNormal, Normal, kl_divergence

from ibteach.errors import InvalidInput
from ibteach.information import continuous
from ibteach.information.continuous import TWO_PI_E, ZERO_ENTROPY_VARIANCE

seeds = st.integers(0, 2**32 - 1)
dimensions = st.integers(1, 6)
properties = settings(deadline=None, max_examples=60)


def normal(seed, *shape):
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def covariance(seed, dimension, batch=()):
    factor = normal(seed, *batch, dimension, dimension + 2)
    return factor @ factor.mT


def test_zero_entropy_variance_is_the_variance_of_entropy_zero():
    assert math.isclose(TWO_PI_E, 2 * math.pi * math.e)
    assert abs(stats.norm(scale=math.sqrt(ZERO_ENTROPY_VARIANCE)).entropy()) < 1e-14


@properties
@given(seeds, dimensions)
def test_gaussian_entropies_agree_with_torch_distributions(seed, dimension):
    sigma = covariance(seed, dimension, batch=(2, 3))
    variances = normal(seed, 4, dimension).exp()
    expected = MultivariateNormal(torch.zeros(dimension, dtype=torch.float64), sigma).entropy()
    torch.testing.assert_close(continuous.gaussian_entropy(sigma), expected, rtol=0, atol=1e-10)
    expected = Independent(Normal(torch.zeros_like(variances), variances.sqrt()), 1).entropy()
    torch.testing.assert_close(continuous.diagonal_entropy(variances), expected, rtol=0, atol=1e-10)
    isotropic = continuous.isotropic_entropy(variances[:, 0], dimension)
    expected = continuous.diagonal_entropy(variances[:, :1].expand(4, dimension))
    torch.testing.assert_close(isotropic, expected, rtol=0, atol=1e-10)


@properties
@given(seeds, dimensions)
def test_kls_agree_with_torch_distributions(seed, dimension):
    mean, other_mean = normal(seed, 3, dimension), normal(seed + 1, 3, dimension)
    sigma, other = covariance(seed + 2, dimension, (3,)), covariance(seed + 3, dimension)
    expected = kl_divergence(
        MultivariateNormal(mean, sigma), MultivariateNormal(other_mean, other.expand(3, dimension, dimension))
    )
    found = continuous.gaussian_kl(mean, sigma, other_mean, other)
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)
    variance, other_variance = normal(seed + 4, 3, dimension).exp(), normal(seed + 5, dimension).exp()
    expected = continuous.gaussian_kl(mean, variance.diag_embed(), other_mean, other_variance.diag_embed())
    found = continuous.diagonal_kl(mean, variance, other_mean, other_variance)
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)


def test_diagonal_kl_keeps_its_digits_between_near_gaussians():
    step = torch.tensor([1e-6], dtype=torch.float64)
    found = continuous.diagonal_kl(torch.zeros(1), 1 + step, torch.zeros(1), torch.ones(1, dtype=torch.float64))
    assert math.isclose(found.item(), 0.25e-12, rel_tol=1e-3)


@pytest.mark.parametrize("ratio", [1e-3, 1e-7, 3e-8, 1e-12, 1e-30])
def test_diagonal_kl_of_a_variance_that_is_lost_beside_the_other(ratio):
    """v/w − 1 rounds to −1, whose logarithm was 4 % off or infinite; the gradients are ½ (1/w − 1/v) and its like."""
    narrow, wide, nothing = torch.tensor([ratio], requires_grad=True), torch.ones(1, requires_grad=True), torch.zeros(1)
    found = continuous.diagonal_kl(nothing, narrow, nothing, wide)
    assert math.isclose(found.item(), 0.5 * (ratio - 1 - math.log(ratio)), rel_tol=1e-6)
    found.backward()
    assert math.isclose(narrow.grad.item(), 0.5 * (1 - 1 / ratio), rel_tol=1e-5)
    assert math.isclose(wide.grad.item(), 0.5 * (1 - ratio), rel_tol=1e-5)


@properties
@given(seeds, st.integers(1, 8), dimensions, st.floats(0.01, 100.0))
def test_bounds_are_the_entropies_of_the_noisy_covariance_and_in_order(seed, count, dimension, scale):
    latents = scale * normal(seed, 2, count, dimension)
    noise = torch.eye(dimension, dtype=torch.float64) * ZERO_ENTROPY_VARIANCE
    noisy = torch.stack([torch.from_numpy(np.atleast_2d(np.cov(z.T, bias=True))) for z in latents.numpy()]) + noise
    log_det, diagonal = continuous.log_det_bound(latents), continuous.diagonal_bound(latents)
    torch.testing.assert_close(log_det, continuous.gaussian_entropy(noisy), rtol=1e-9, atol=1e-9)
    expected = continuous.diagonal_entropy(noisy.diagonal(dim1=-2, dim2=-1))
    torch.testing.assert_close(diagonal, expected, rtol=1e-10, atol=1e-10)
    assert (log_det >= 0).all() and (log_det <= diagonal + 1e-10).all()


def test_bounds_with_other_noise_equal_those_of_rescaled_latents():
    latents = normal(0, 20, 3)
    scaled = continuous.log_det_bound(2 * latents, 4 * ZERO_ENTROPY_VARIANCE)
    assert math.isclose(scaled.item(), continuous.log_det_bound(latents).item() + 3 * math.log(2), rel_tol=1e-12)


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e4, 1e8])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_log_det_bound_survives_rank_deficiency_at_any_scale(scale, dtype):
    directions = torch.randn(2, 64, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    weights = normal(2, 500, 2)
    latents = (scale * weights @ directions).to(dtype).requires_grad_()
    bound = continuous.log_det_bound(latents)
    bound.backward()
    gram = scale**2 * (directions @ directions.T) @ torch.cov(weights.T, correction=0) / ZERO_ENTROPY_VARIANCE
    expected = 0.5 * torch.linalg.slogdet(torch.eye(2) + gram).logabsdet
    rounding = 62 * (scale * torch.finfo(dtype).eps * 100) ** 2 + 1e-5  # of the 62 units that are not there
    assert abs(bound.item() - expected.item()) <= rounding
    assert torch.isfinite(latents.grad).all()


@pytest.mark.parametrize("bound", [continuous.log_det_bound, continuous.diagonal_bound])
def test_bounds_have_the_right_gradients(bound):
    latents = normal(3, 2, 5, 3).requires_grad_()
    assert torch.autograd.gradcheck(bound, (latents,))
    assert torch.autograd.gradcheck(bound, (normal(4, 2, 7).requires_grad_(),))


@properties
@given(seeds)
def test_entropies_and_kls_have_the_right_gradients(seed):
    factor, mean, raw = normal(seed, 3, 3), normal(seed + 1, 3), normal(seed + 2, 3)
    eye = torch.eye(3, dtype=torch.float64)

    def total(factor, mean, raw):
        sigma, variance = factor @ factor.T + eye, raw.exp()
        return torch.stack(
            [
                continuous.gaussian_entropy(sigma),
                continuous.diagonal_entropy(variance),
                continuous.gaussian_kl(mean, sigma, mean * 0, variance.diag_embed()),
                continuous.diagonal_kl(mean, variance, mean * 0, variance * 0 + 1),
            ]
        )

    assert torch.autograd.gradcheck(total, [x.requires_grad_() for x in (factor, mean, raw)])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_noise_has_the_shape_dtype_and_variance_promised(dtype):
    like = torch.zeros(400, 500, dtype=dtype)
    noise = continuous.zero_entropy_noise(like, torch.Generator().manual_seed(0))
    assert noise.shape == like.shape and noise.dtype == dtype and not like.any()
    error = 5 * ZERO_ENTROPY_VARIANCE * math.sqrt(2 / noise.numel())
    assert abs(noise.double().var().item() - ZERO_ENTROPY_VARIANCE) < error + 0.01 * (dtype == torch.bfloat16)
    again = continuous.zero_entropy_noise(like, torch.Generator().manual_seed(0))
    assert torch.equal(noise, again)


def test_noise_from_a_shape():
    assert continuous.zero_entropy_noise((2, 3)).shape == (2, 3)
    assert continuous.zero_entropy_noise(4).shape == (4,)


indefinite = torch.tensor([[1.0, 2.0], [2.0, 1.0]])
lopsided = torch.tensor([[1.0, 5.0], [0.0, 1.0]])


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: continuous.zero_entropy_noise(torch.zeros(2, dtype=torch.int64)), "int64"),
        (lambda: continuous.zero_entropy_noise((2, -1)), "-1"),
        (lambda: continuous.zero_entropy_noise([3, 2] * 500), "like: takes inf GB"),
        (lambda: continuous.zero_entropy_noise([3, 2] * 500 + [0]), "like: takes nan GB"),
        (lambda: continuous.gaussian_entropy(indefinite), "not positive definite"),
        (lambda: continuous.gaussian_entropy(lopsided), "mirror image"),
        (lambda: continuous.gaussian_kl(torch.ones(2), torch.eye(2), torch.ones(2), lopsided), "other_covariance"),
        (lambda: continuous.gaussian_entropy(torch.ones(2, 3)), "square"),
        (lambda: continuous.gaussian_entropy(torch.full((2, 2), math.nan)), "NaN"),
        (lambda: continuous.diagonal_entropy(torch.tensor([1.0, 0.0])), "positive variances"),
        (lambda: continuous.diagonal_entropy([1.0]), "list"),
        (lambda: continuous.isotropic_entropy(torch.tensor(-1.0), 2), "positive variances"),
        (lambda: continuous.isotropic_entropy(torch.tensor(1.0), 0), "dimension"),
        (lambda: continuous.gaussian_kl(torch.ones(3), torch.eye(2), torch.ones(2), torch.eye(2)), "dimensions"),
        (lambda: continuous.diagonal_kl(torch.ones(2), torch.ones(3), torch.ones(2), torch.ones(2)), "dimensions"),
        (lambda: continuous.diagonal_kl(torch.ones(2), torch.zeros(2), torch.ones(2), torch.ones(2)), "variance"),
        (lambda: continuous.log_det_bound(torch.ones(4)), "shape"),
        (lambda: continuous.log_det_bound(torch.ones(4, 2), 0.0), "noise_variance"),
        (lambda: continuous.diagonal_bound(torch.ones(4, 2), -1.0), "noise_variance"),
        (lambda: continuous.diagonal_bound(torch.tensor([[math.inf]])), "infinite"),
    ],
)
def test_bad_input_is_refused_with_what_came(call, said):
    with pytest.raises(InvalidInput, match=said):
        call()
