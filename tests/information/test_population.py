"""The bracket holds the truth where the truth is known, and closes as it should."""

import math

import pytest
import torch

from ibteach.errors import InvalidInput
from ibteach.information.continuous import ZERO_ENTROPY_VARIANCE, gaussian_cross_entropy, gaussian_entropy
from ibteach.information.mixture import measure
from ibteach.information.population import population_bracket


def gaussian_population(dimension, count, seed, scale=1.0):
    """Latents of a correlated Gaussian, and the entropy of all of it with noise."""
    generator = torch.Generator().manual_seed(seed)
    factor = torch.randn(dimension, dimension, dtype=torch.float64, generator=generator) * scale / math.sqrt(dimension)
    latents = torch.randn(count, dimension, dtype=torch.float64, generator=generator) @ factor
    noisy = factor.T @ factor + ZERO_ENTROPY_VARIANCE * torch.eye(dimension, dtype=torch.float64)
    return latents, gaussian_entropy(noisy)


@pytest.mark.parametrize("dimension", [1, 3, 8, 64])
@pytest.mark.parametrize("held_out", [True, False])
@pytest.mark.parametrize("scale", [0.1, 1.0])
def test_the_bracket_holds_gaussian_populations_on_average(dimension, held_out, scale):
    latents, truth = gaussian_population(dimension, 20 * 600, dimension, scale)
    found = []
    for seed, draw in enumerate(latents.split(600)):
        bracket = population_bracket(draw[:300], draw[300:] if held_out else None, seed=seed)
        low, upper = bracket.lower.value, (bracket.mixture_upper.value, bracket.gaussian_upper.value)
        found.append(torch.stack([low, *upper]))
        assert bracket.upper.value == min(upper)
    found = torch.stack(found)
    mean, margin = found.mean(0), 3 * found.std(0) / math.sqrt(len(found))
    assert mean[0] <= truth + margin[0]
    assert (truth <= mean + margin)[1:].all()


def test_standard_errors_are_those_of_other_inputs():
    latents, _ = gaussian_population(2, 100 * 400, 0)
    draws = latents.reshape(100, 400, 2)
    upper = population_bracket(draws[:, :200], draws[:, 200:]).gaussian_upper
    assert 0.75 < upper.standard_error.mean() / upper.value.std() < 1.25


def test_the_bracket_holds_a_population_that_is_no_gaussian():
    generator = torch.Generator().manual_seed(0)
    centres = torch.tensor([[0.0, 0.0], [3.0, 0.0], [0.0, 3.0]], dtype=torch.float64)
    latents = centres[torch.randint(3, (1500,), generator=generator)]
    truth = math.log(3)  # three far points, and noise of entropy 0
    bracket = population_bracket(latents)
    assert abs(bracket.lower.value - truth) < 3 * bracket.lower.standard_error + 0.01
    assert abs(bracket.mixture_upper.value - truth) < 3 * bracket.mixture_upper.standard_error + 0.01
    assert bracket.gaussian_upper.value > truth + 1
    assert torch.equal(bracket.upper.value, bracket.mixture_upper.value)


def test_the_bracket_closes_with_more_inputs():
    latents, _ = gaussian_population(3, 3000, 7)
    few, many = population_bracket(latents[:100]), population_bracket(latents)
    assert many.upper.value - many.lower.value < 0.5 * (few.upper.value - few.lower.value)


def test_the_lower_bound_is_the_measure_of_the_sample():
    latents, _ = gaussian_population(2, 200, 3)
    found = measure(latents, torch.zeros(200, dtype=torch.int64), samples=40).latent_entropy
    lower = population_bracket(latents, samples=40).lower.value
    assert abs(found.value - lower) < 4 * found.standard_error


def test_leaving_one_out_is_leaving_one_out():
    latents, _ = gaussian_population(2, 6, 4, scale=0.3)
    rest = torch.stack([latents[torch.arange(6) != i] for i in range(6)])
    one_by_one = population_bracket(rest, latents[:, None], samples=5000).mixture_upper.value
    found = population_bracket(latents, samples=5000).mixture_upper.value
    assert abs(found - one_by_one.mean()) < 0.05


def test_an_ensemble_is_bracketed_as_its_networks_are():
    latents = torch.stack([gaussian_population(2, 60, seed)[0] for seed in (5, 6)])
    together = population_bracket(latents[:, :40], latents[:, 40:])
    for index in range(2):
        alone = population_bracket(latents[index, :40], latents[index, 40:])
        for name in ("lower", "mixture_upper", "gaussian_upper", "upper"):
            for a, b in zip(getattr(together, name), getattr(alone, name), strict=True):
                torch.testing.assert_close(a[index], b, rtol=0, atol=1e-10)


def test_gaussian_cross_entropy_is_the_expected_log_density():
    latents, _ = gaussian_population(3, 50, 8)
    points, _ = gaussian_population(3, 4, 9)
    noise = torch.eye(3, dtype=torch.float64) * 0.3
    model = torch.distributions.MultivariateNormal(latents.mean(0), torch.cov(latents.T, correction=0) + noise)
    generator = torch.Generator().manual_seed(0)
    noisy = points + torch.randn(100_000, 4, 3, dtype=torch.float64, generator=generator) * math.sqrt(0.3)
    sampled = -model.log_prob(noisy)
    found = gaussian_cross_entropy(latents, points, 0.3)
    assert ((found - sampled.mean(0)).abs() < 4 * sampled.std(0) / math.sqrt(100_000)).all()


def test_two_inputs_are_enough_and_constant_ones_too():
    assert population_bracket(torch.zeros(2, 3)).lower.value.abs() < 1e-12
    assert population_bracket(torch.zeros(9, 3)).upper.value.abs() < 1e-12


ok = torch.zeros(6, 2)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: population_bracket(ok[:1]), "got 1 input"),
        (lambda: population_bracket(ok, noise_variance=0.0), "without noise"),
        (lambda: population_bracket(ok, samples=0), "samples"),
        (lambda: population_bracket(ok * math.nan), "NaN"),
        (lambda: population_bracket(ok, ok[:, :1]), "held_out: got shape"),
        (lambda: population_bracket(ok, ok[None]), "held_out: got shape"),
        (lambda: population_bracket(ok, ok * math.nan), "held_out"),
        (lambda: gaussian_cross_entropy(ok, ok[:, :1]), "dimensions"),
        (lambda: gaussian_cross_entropy(ok, ok, -1.0), "noise_variance"),
    ],
)
def test_bad_input_is_refused_with_what_came(call, said):
    with pytest.raises(InvalidInput, match=said):
        call()
