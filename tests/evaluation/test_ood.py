"""Scores of foreign inputs, and the area under their ROC curve: scikit-learn, closed forms, torch.distributions."""

import functools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm
from sklearn.metrics import roc_auc_score
from torch import distributions

from ibteach.data.datasets import load
from ibteach.errors import InvalidInput, UnknownName
from ibteach.evaluation.ood import TRANSFORMS, ClassGaussians, auroc, msp_score, ood_images, predictive_entropy
from ibteach.evaluation.prediction import probabilities
from ibteach.information.continuous import ZERO_ENTROPY_VARIANCE
from ibteach.networks.bottleneck import mlp
from ibteach.objectives import OBJECTIVES
from ibteach.training.loop import build, fit, grid
from ibteach.training.measuring import encode


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 30), st.integers(2, 30))
def test_the_area_is_scikit_learns(seed, count, others):
    rng = np.random.default_rng(seed)
    known, far = rng.integers(8, size=(2, count)), rng.integers(3, 10, size=(2, others))  # with ties
    found = auroc(torch.tensor(known, dtype=torch.float64), torch.tensor(far, dtype=torch.float64))
    for m in range(2):
        expected = roc_auc_score(np.r_[np.zeros(count), np.ones(others)], np.r_[known[m], far[m]])
        assert found.value[m].item() == pytest.approx(expected, abs=1e-12)


def test_of_two_gaussians_the_area_and_its_error_are_known():
    """P(s' > s) = Φ(d/√2); the standard error is the spread over repetitions."""
    rng = np.random.default_rng(0)
    known, far = torch.tensor(rng.normal(size=(400, 80))), torch.tensor(rng.normal(1.2, 1, size=(400, 50)))
    found = auroc(known, far)
    assert found.value.mean().item() == pytest.approx(norm.cdf(1.2 / math.sqrt(2)), abs=0.006)
    assert found.standard_error.mean().item() == pytest.approx(found.value.std().item(), rel=0.12)


def test_the_standard_error_is_delongs():
    """By its definition, with all pairs."""
    rng = np.random.default_rng(3)
    known, far = rng.integers(6, size=12).astype(float), rng.integers(2, 9, size=9).astype(float)
    pairs = (far[:, None] > known) + 0.5 * (far[:, None] == known)
    variance = pairs.mean(0).var(ddof=1) / 12 + pairs.mean(1).var(ddof=1) / 9
    found = auroc(torch.tensor(known), torch.tensor(far))
    assert found.value.item() == pytest.approx(pairs.mean())
    assert found.standard_error.item() == pytest.approx(math.sqrt(variance))


def test_the_surprise_is_the_cross_entropy_of_the_mixture():
    """By quadrature, in one dimension."""
    generator = torch.Generator().manual_seed(0)
    latents, labels = torch.randn(2, 40, 1, generator=generator), torch.randint(4, (40,), generator=generator)
    gaussians = ClassGaussians.fit(latents, labels, classes=5)  # the fifth never occurs
    others = torch.cat([torch.randn(2, 6, 1, generator=generator), torch.full((2, 1, 1), 20.0)], 1)
    found = gaussians.surprise(others, samples=4000, seed=2)
    z = torch.linspace(-2.5, 2.5, 20001, dtype=torch.float64)  # of the noise, ten standard deviations
    density = distributions.Normal(0.0, ZERO_ENTROPY_VARIANCE**0.5).log_prob(z).exp()
    for m in range(2):
        of_class = [latents[m][labels == c].double() for c in range(4)]
        mean = torch.stack([members.mean() for members in of_class])
        variance = torch.stack([members.var(correction=0) for members in of_class]) + ZERO_ENTROPY_VARIANCE
        shares = torch.tensor([len(members) / 40 for members in of_class])
        mixture = distributions.MixtureSameFamily(
            distributions.Categorical(shares), distributions.Normal(mean, variance.sqrt())
        )
        expected = torch.trapezoid(-density * mixture.log_prob(others[m].double() + z), z)
        torch.testing.assert_close(found[m], expected, rtol=1e-3, atol=4e-3)


def test_the_surprise_has_no_error_that_grows_with_the_dimension():
    """What is encoded alike has a rate of 0: it was −12.7 nats. Of two classes, too far apart to be mixed up, ln 2."""
    same = torch.zeros(6, 512)
    labels = torch.tensor([0, 0, 0, 1, 1, 1])
    assert ClassGaussians.fit(same, torch.zeros(6).long(), classes=2).surprise(same).abs().max() < 1e-9
    apart = ClassGaussians.fit(same + labels[:, None], labels, classes=2).surprise(same + labels[:, None])
    torch.testing.assert_close(apart, torch.full((6,), math.log(2), dtype=torch.float64))


@pytest.mark.parametrize("offset", [1e6, 1e8, 1e9])
def test_the_surprise_does_not_depend_on_where_the_latents_are(offset):
    """It was −751 instead of 3.97 nats, of squares of the offset that did not cancel."""
    generator, labels = torch.Generator().manual_seed(0), torch.arange(30) % 3
    latents = torch.randn(30, 4, generator=generator).double() + labels[:, None]
    expected = ClassGaussians.fit(latents, labels, classes=4).surprise(latents)
    found = ClassGaussians.fit(latents + offset, labels, classes=4).surprise(latents + offset)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-14 * offset + 1e-9)


def test_the_surprise_of_classes_that_are_far_apart():
    """Two near one another and one far away, where squares of the distance would not cancel."""
    generator, labels = torch.Generator().manual_seed(0), torch.arange(30) % 3
    latents = torch.randn(30, 4, generator=generator).double() + labels[:, None]
    far = (labels == 2)[:, None] * 2.0**27
    near = ClassGaussians.fit(latents + far / 2**17, labels, classes=3).surprise(latents + far / 2**17)
    found = ClassGaussians.fit(latents + far, labels, classes=3).surprise(latents + far)
    torch.testing.assert_close(found, near, rtol=0, atol=1e-6)
    with pytest.raises(InvalidInput, match="is lost in float64"):
        ClassGaussians.fit(latents + far * 1e6, labels, classes=3).surprise(latents + far * 1e6)


def test_the_gaussians_are_those_of_the_log_variance_surrogate():
    generator = torch.Generator().manual_seed(1)
    latents, labels = torch.randn(60, 3, generator=generator).double(), torch.arange(60) % 3
    gaussians = ClassGaussians.fit(latents, labels, classes=3)
    entropy = (gaussians.class_prior[:, None] * 0.5 * (2 * torch.pi * torch.e * gaussians.variance).log()).sum()
    assert entropy.item() == pytest.approx(OBJECTIVES["log-variance"](latents, labels).item())


def test_a_latent_that_is_nothing_but_noise_has_rate_zero():
    gaussians = ClassGaussians.fit(torch.zeros(10, 2), torch.arange(10) % 2, classes=2)
    assert gaussians.surprise(torch.zeros(1, 2), samples=2000).item() == pytest.approx(0, abs=0.06)


def test_scores_of_predictions():
    known = torch.tensor([[1.0, 0.0, 0.0, 0.0], [0.25, 0.25, 0.25, 0.25]])
    assert msp_score(known).tolist() == [0.0, 0.75]
    assert predictive_entropy(known).tolist() == pytest.approx([0.0, math.log(4)])


def test_the_rate_finds_foreign_digits_where_the_prediction_does_not():
    """Under compression the latents of a class lie close together. Of networks that hardly compress both do, but for
    digits turned by a quarter: some networks are as sure of those as of any others."""
    digits, runs = load("digits"), grid(["log-variance"], gammas=[0.001, 0.1], seeds=range(3))
    networks = build(functools.partial(mlp, digits.shape, classes=10, latent_dimension=8, hidden=(32,)), runs)
    fit(networks, digits, runs, epochs=15, measure_every=15, eval_examples=500, progress=False)
    gaussians = ClassGaussians.fit(encode(networks, digits, digits.train_images), digits.train_labels, 10)
    for kind in TRANSFORMS:
        both = (digits.test_images, ood_images(digits, kind))
        rates = (gaussians.surprise(encode(networks, digits, images)) for images in both)
        of_latent = auroc(*rates).value.reshape(2, 3)
        assert (of_latent[0] > 0.8).all() and (of_latent[1] > 0.95).all(), kind
        for score in (msp_score, predictive_entropy):
            of_prediction = auroc(*(score(probabilities(networks, digits, images)) for images in both)).value
            hardly, much = of_prediction.reshape(2, 3)
            assert (much < of_latent[1] - 0.05).all() and (kind == "turned" or (hardly > 0.85).all()), (kind, score)


def test_foreign_images_are_what_they_say():
    digits = load("digits")
    for kind in TRANSFORMS:
        images = ood_images(digits, kind, 50, seed=3)
        assert images.shape == (50, 1, 8, 8) and images.dtype == torch.uint8 and images.max() <= 16
        assert torch.equal(images, ood_images(digits, kind, 50, seed=3))
        assert not torch.equal(images, digits.test_images[:50])
    turned, shuffled = ood_images(digits, "turned", 50), ood_images(digits, "shuffled", 50)
    assert torch.equal(turned.rot90(-1, (-2, -1)), digits.test_images[:50])
    assert torch.equal(shuffled.flatten(1).sort(1).values, digits.test_images[:50].flatten(1).sort(1).values)
    assert not torch.equal(shuffled, ood_images(digits, "shuffled", 50, seed=1))


def test_bad_input_is_refused():
    latents, labels = torch.zeros(6, 2), torch.tensor([0, 1, 0, 1, 0, 1])
    with pytest.raises(InvalidInput, match="labels: got 5 for 6 latents"):
        ClassGaussians.fit(latents, labels[:5], 2)
    with pytest.raises(InvalidInput, match="noise_variance: got 0"):
        ClassGaussians.fit(latents, labels, 2, noise_variance=0)
    gaussians = ClassGaussians.fit(latents, labels, 2)
    with pytest.raises(InvalidInput, match="latents: got 3 dimensions, expected 2"):
        gaussians.surprise(torch.zeros(4, 3))
    with pytest.raises(InvalidInput, match="samples: got 0"):
        gaussians.surprise(latents, samples=0)
    for known, far in [(torch.zeros(1), torch.zeros(5)), (torch.zeros(2, 5), torch.zeros(3, 5))]:
        with pytest.raises(InvalidInput, match="scores: got shapes"):
            auroc(known, far)
    with pytest.raises(InvalidInput, match="in_distribution: got 1 NaN"):
        auroc(torch.tensor([0.0, float("nan")]), torch.zeros(2))
    with pytest.raises(UnknownName, match="did you mean 'inverted'"):
        ood_images(load("digits"), "invert")
    with pytest.raises(InvalidInput, match="count: got 501"):
        ood_images(load("digits"), "noise", 501)
    with pytest.raises(InvalidInput, match="probabilities that sum to"):
        msp_score(torch.ones(3, 4))
