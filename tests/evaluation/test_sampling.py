"""Draws of dropout and noise: S = 1 is the decoder cross-entropy, more of them fall without exception."""

import functools
import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ibteach import seeds
from ibteach.data.datasets import load
from ibteach.errors import InvalidInput, UnknownName
from ibteach.evaluation import sampling
from ibteach.networks.bottleneck import mlp, resnet
from ibteach.objectives import decoder_cross_entropy, prediction_cross_entropy
from ibteach.training.loop import Run, build, fit

RUNS = [Run.of("l2", gamma=0.0, seed=seed) for seed in range(2)]


@functools.cache
def trained(rate, runs=2):
    make = functools.partial(mlp, (1, 8, 8), classes=10, latent_dimension=3, hidden=(24,), dropout=rate)
    networks = build(make, RUNS[:runs])
    return networks, fit(networks, load("digits"), RUNS[:runs], epochs=5, eval_examples=200, progress=False)


@functools.cache
def drawn():
    return sampling.draw(
        {rate: trained(rate) for rate in (0.5, 0.0, 0.2)}, load("digits"), samples=16, eval_examples=60
    )


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 2, 4, 8]))
def test_groups_are_means_of_probabilities(seed, samples):
    rng = np.random.default_rng(seed)
    probability = rng.uniform(1e-6, 1, (3, 8, 5))
    found = sampling.grouped(torch.tensor(np.log(probability)), samples)
    expected = np.log(probability.reshape(3, 8 // samples, samples, 5).mean(2))
    np.testing.assert_allclose(found, expected, atol=1e-12)


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_the_cross_entropy_falls_in_s_without_exception(seed):
    draws = torch.tensor(np.random.default_rng(seed).gumbel(-2, 3, (16, 4)))
    means = [sampling.grouped(draws, s).mean(0) for s in (1, 2, 4, 8, 16)]
    assert all((more >= fewer - 1e-12).all() for fewer, more in itertools.pairwise(means))


def test_one_sample_is_the_decoder_and_all_are_the_prediction_cross_entropy():
    """Without dropout, against the public cross-entropies of logits made here from latents and decoder."""
    digits, (network, record) = load("digits"), trained(0.0)
    images, labels = digits.test_images[:50], digits.test_labels[:50]
    generator = seeds.generator(0, "sampled noise")
    noise = torch.stack([torch.randn(50, 3, generator=generator) for _ in range(8)]) * (2 * np.pi * np.e) ** -0.5
    latents, weight, bias = record.latents[:, :50], record.decoder_weight, record.decoder_bias
    logits = (latents + noise[:, None]) @ weight.mT + bias[:, None]
    found = sampling.log_likelihoods(network, digits, images, labels, samples=8)
    assert found.shape == (2, 8, 50)
    decoder = decoder_cross_entropy(logits, labels).mean(0)
    torch.testing.assert_close(-sampling.grouped(found, 1).mean((1, 2)).float(), decoder, rtol=1e-4, atol=1e-5)
    prediction = prediction_cross_entropy(logits, labels)
    torch.testing.assert_close(-sampling.grouped(found, 8).mean((1, 2)).float(), prediction, rtol=1e-4, atol=1e-5)


def test_draws_of_several_rates():
    found = drawn()
    assert found.rates == (0.0, 0.2, 0.5) and found.samples == (1, 2, 4, 8, 16)
    assert found.images.shape == (60, 1, 8, 8) and found.labels.shape == (60,)
    for split in ("train", "test"):
        assert found.log_likelihood[split].shape == (3, 2, 16, 60)
        curve = torch.stack([found.cross_entropy(split, s) for s in found.samples])
        assert curve.shape == (5, 3, 2) and (curve.diff(dim=0) <= 1e-12).all()
        gap = curve[0] - curve[-1]
        assert (gap.diff(dim=0) > 0).all()  # grows with the dropout rate


def test_the_same_seed_draws_the_same_and_leaves_the_callers_random_state_alone():
    digits, (network, _) = load("digits"), trained(0.5)
    call = functools.partial(
        sampling.log_likelihoods, network, digits, digits.test_images[:9], digits.test_labels[:9], samples=2
    )
    torch.manual_seed(1)
    first, after = call(), torch.rand(2)
    torch.manual_seed(1)
    assert torch.equal(torch.rand(2), after)
    assert torch.equal(first, call()) and not torch.equal(first, call(seed=1))
    assert not torch.equal(first[:, 0], first[:, 1])


def test_a_single_network_is_an_ensemble_of_one():
    digits, make = load("digits"), functools.partial(mlp, 64, 10)
    found = sampling.log_likelihoods(make(), digits, digits.test_images[:4], digits.test_labels[:4], samples=3)
    assert found.shape == (1, 3, 4)


def test_draws_are_of_each_image_alone_and_leave_the_network_as_it_is():
    digits, network = load("digits"), resnet((1, 8, 8), 10, width=8).train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    one, several = (
        sampling.log_likelihoods(network, digits, digits.test_images[:n], digits.test_labels[:n], samples=1)
        for n in (1, 4)
    )
    torch.testing.assert_close(several[..., :1], one, rtol=1e-4, atol=1e-5)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert all(module.training for module in network.modules())


def test_after_eval_nothing_is_dropped_out():
    digits, network = load("digits"), mlp((1, 8, 8), 10, dropout=0.5)
    with torch.no_grad():  # beside these latents the noise is nothing
        network.encoder[-1].weight.mul_(1e4), network.decoder.weight.mul_(1e-4)
    call = functools.partial(
        sampling.log_likelihoods, data=digits, images=digits.test_images[:4], labels=digits.test_labels[:4], samples=8
    )
    spread = [call(network.train(mode)).std(1).max() for mode in (True, False)]
    assert spread[0] > 0.01 and spread[1] < 1e-3


def test_bad_input_is_refused():
    digits, one = load("digits"), trained(0.0)
    for wrong, said in [
        ({"samples": 12}, "samples: got 12, expected a power of two"),
        ({"samples": 0}, "samples: got 0"),
        ({"eval_examples": 0}, "eval_examples: got 0"),
    ]:
        with pytest.raises(InvalidInput, match=said):
            sampling.draw({0.0: one}, digits, **wrong)
    with pytest.raises(InvalidInput, match="dropout rate: got 1"):
        sampling.draw({1: one}, digits)
    with pytest.raises(InvalidInput, match=r"trained: got \[\] networks by rate"):
        sampling.draw({}, digits)
    with pytest.raises(InvalidInput, match=r"trained: got \[1, 2\] networks by rate"):
        sampling.draw({0.0: one, 0.1: trained(0.1, runs=1)}, digits)
    with pytest.raises(InvalidInput, match="samples: got 3, expected a divisor of the 16 draws"):
        drawn().cross_entropy("test", 3)
    with pytest.raises(UnknownName, match="split: got 'valid'"):
        drawn().cross_entropy("valid", 1)
