"""The variational bottleneck against torch.distributions, an independent step, and its limits."""

import copy
import dataclasses
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.distributions import Normal, kl_divergence
from torch.nn import functional as F

from ibteach import seeds
from ibteach.data.datasets import load
from ibteach.errors import Diverged, InvalidInput
from ibteach.information.continuous import TWO_PI_E, ZERO_ENTROPY_VARIANCE
from ibteach.networks.variational import Encoding, Variational, rate
from ibteach.objectives import OBJECTIVES
from ibteach.training import variational
from ibteach.training.variational import evaluate, fit_vib, record


def network(seed=0, latent_dimension=8):
    with seeds.drawing(seed, "first parameters"):
        return Variational(64, classes=10, latent_dimension=latent_dimension, hidden=(32,))


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 6))
def test_the_rate_is_the_kl_to_a_unit_gaussian(seed, dimension):
    draw = torch.Generator().manual_seed(seed)
    mean = torch.randn(2, 5, dimension, generator=draw, dtype=torch.float64)
    std = torch.randn(2, 5, dimension, generator=draw, dtype=torch.float64).exp()
    expected = kl_divergence(Normal(mean, std), Normal(0.0, 1.0)).sum(-1).mean(-1)
    torch.testing.assert_close(rate(Encoding(mean, std)), expected, rtol=1e-12, atol=1e-12)
    assert (rate(Encoding(mean, std)) >= 0).all()


def test_with_fixed_noise_it_is_the_rate_of_the_objectives():
    latents = torch.randn(9, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    fixed = Encoding(latents, torch.full_like(latents, TWO_PI_E**-0.5))
    expected = OBJECTIVES["vib"](latents, torch.zeros(9, dtype=torch.int64), noise_variance=ZERO_ENTROPY_VARIANCE)
    torch.testing.assert_close(rate(fixed), expected, rtol=1e-12, atol=0)


def test_the_encoder_says_mean_and_noise_and_the_latent_has_them():
    model, images = network(), torch.rand(1, 1, 8, 8).expand(20_000, -1, -1, -1)
    encoding = model.encode(images[:1])
    assert encoding.mean.shape == encoding.std.shape == (1, 8)
    raw = model.encoder(images[:1])[:, 8:]
    torch.testing.assert_close(encoding.std, F.softplus(raw - 5))
    with torch.no_grad():
        model.decoder.weight.copy_(torch.eye(10, 8))
        model.decoder.bias.zero_()
        _, drawn = model(images)  # the first eight logits are z itself
    torch.testing.assert_close(drawn[:, :8].mean(0), encoding.mean[0].detach(), rtol=0, atol=5e-4)
    torch.testing.assert_close(drawn[:, :8].std(0), encoding.std[0].detach(), rtol=0.03, atol=0)


def test_a_noise_that_vanishes_has_a_finite_rate():
    model = network()
    with torch.no_grad():
        model.encoder[-1].bias[8:] = -1e6
    encoding = model.encode(torch.zeros(2, 1, 8, 8))
    assert math.isfinite(rate(encoding).item())


def test_one_step_is_a_gradient_step_on_cross_entropy_plus_beta_times_rate():
    digits = load("digits")
    data = dataclasses.replace(digits, train_images=digits.train_images[:50], train_labels=digits.train_labels[:50])
    model = network()
    by_hand = copy.deepcopy(model)
    (epoch,) = fit_vib(model, data, beta=0.1, epochs=1, batch_size=50, learning_rate=0.01, seed=3)
    order = torch.randperm(50, generator=seeds.generator(3, "order"))
    with seeds.drawing(3, "noise"):
        drawn = torch.randn(50, 8)
    mean, raw = by_hand.encoder(data.normalize(data.train_images[order])).chunk(2, -1)
    latent = Normal(mean, F.softplus(raw - 5))
    logits = by_hand.decoder(mean + latent.stddev * drawn)
    cross_entropy = F.cross_entropy(logits, data.train_labels[order])
    paid = kl_divergence(latent, Normal(0.0, 1.0)).sum(-1).mean()
    optimizer = torch.optim.Adam(by_hand.parameters(), lr=0.01, betas=(0.5, 0.999))
    (cross_entropy + 0.1 * paid).backward()
    optimizer.step()
    assert epoch.decoder_cross_entropy == pytest.approx(cross_entropy.item(), rel=1e-5)
    assert epoch.rate == pytest.approx(paid.item(), rel=1e-5)
    for trained, expected in zip(model.parameters(), by_hand.parameters(), strict=True):
        torch.testing.assert_close(trained, expected, rtol=1e-5, atol=1e-6)


def test_the_learning_rate_falls_after_every_second_epoch():
    """To nothing, so that two more epochs change nothing."""
    digits, models = load("digits"), [network() for _ in range(3)]
    for model, (epochs, decay) in zip(models, [(2, 1.0), (4, 1e-12), (1, 1.0)], strict=True):
        fit_vib(model, digits, beta=0.1, epochs=epochs, decay=decay, learning_rate=1e-3)
    two, four, one = (torch.nn.utils.parameters_to_vector(model.parameters()) for model in models)
    assert (four - two).abs().max() < 1e-6 < 1e-3 < (two - one).abs().max()


def test_training_fits_and_beta_lowers_the_rate():
    digits, seen = load("digits"), []
    light, heavy = network(), network()
    history = fit_vib(
        light, digits, beta=1e-3, epochs=12, batch_size=50, learning_rate=3e-3, report=lambda *e: seen.append(e)
    )
    fit_vib(heavy, digits, beta=3.0, epochs=12, batch_size=50, learning_rate=3e-3)
    assert [number for number, _ in seen] == list(range(1, 13)) and [epoch for _, epoch in seen] == history
    assert history[-1].decoder_cross_entropy < history[0].decoder_cross_entropy
    found, crushed = evaluate(light, digits), evaluate(heavy, digits)
    assert found.argmax_error < 0.12 and crushed.rate < 0.2 * found.rate
    one = evaluate(light, digits, samples=1)
    assert found.prediction_cross_entropy < found.decoder_cross_entropy
    assert one.prediction_cross_entropy == one.decoder_cross_entropy and one.argmax_error == one.one_sample_error


def test_half_precision_is_near_full_precision():
    digits, models = load("digits"), [network(), network()]
    full, half = (
        fit_vib(model, digits, beta=1e-3, epochs=4, learning_rate=3e-3, low_precision=half)[-1]
        for model, half in zip(models, (False, True), strict=True)
    )
    assert half != full
    assert half.decoder_cross_entropy == pytest.approx(full.decoder_cross_entropy, rel=0.05)
    assert half.rate == pytest.approx(full.rate, rel=0.05)
    assert all(parameter.dtype == torch.float32 for parameter in models[1].parameters())


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_it_trains_under_a_mode_without_gradients_too(mode):
    digits, shape = load("digits"), {"latent_dimension": 4, "hidden": (8,), "epochs": 1}
    with mode():
        found = record(digits, **shape)
    assert torch.equal(found.value("test/rate"), record(digits, **shape).value("test/rate"))


def test_same_seed_same_numbers_and_the_callers_random_state_is_left_alone():
    digits, models = load("digits"), [network(), network()]
    for model in models:
        torch.manual_seed(5)
        fit_vib(model, digits, beta=1e-3, epochs=1, seed=2)
        assert evaluate(model, digits) == evaluate(model, digits)
        drawn = torch.rand(3)
        torch.manual_seed(5)
        assert torch.equal(drawn, torch.rand(3))
    for one, other in zip(*(model.parameters() for model in models), strict=True):
        assert torch.equal(one, other)


SMALL = {"latent_dimension": 8, "hidden": (32,), "batch_size": 50, "learning_rate": 3e-3}


def test_a_record_measures_the_average_of_the_parameters():
    digits, seen = load("digits"), []
    found = record(digits, beta=0.01, seed=4, epochs=5, ema_decay=0, measure_every=2, report=seen.append, **SMALL)
    assert found.runs == ({"objective": "vib", "beta": 0.01, "seed": 4},) and found.epochs.tolist() == [2, 4, 5]
    assert [len(each.epochs) for each in seen] == [1, 2, 3]
    model = network(seed=4)  # without averaging it is the model that fit_vib leaves
    history = fit_vib(model, digits, beta=0.01, epochs=5, batch_size=50, learning_rate=3e-3, seed=4)
    assert found.value("train/rate").item() == history[-1].rate
    for name, value in evaluate(model, digits, seed=4)._asdict().items():
        assert found.value(f"test/{name}").item() == pytest.approx(value, rel=1e-12), name
    error, n = found.value("test/argmax_error").item(), len(digits.test_labels)
    expected = math.sqrt(error * (1 - error) / (n - 1))
    assert found.errors["test/argmax_error"][0, -1].item() == pytest.approx(expected, rel=1e-9)
    averaged = record(digits, beta=0.01, seed=4, epochs=5, ema_decay=0.9, measure_every=5, **SMALL)
    assert averaged.value("train/rate").item() == history[-1].rate  # training does not see the average
    assert averaged.value("test/rate").item() != found.value("test/rate").item()


def test_bad_input_is_refused_before_any_work():
    digits, model = load("digits"), network()
    for wrong, said in [
        ({"beta": -1}, "beta: got -1"),
        ({"epochs": 0}, "epochs: got 0"),
        ({"batch_size": 5000}, "batch_size: got 5000"),
        ({"learning_rate": 0}, "learning_rate: got 0"),
        ({"decay": 1.5}, r"decay: got 1\.5"),
        ({"seed": -1}, "seed: got -1"),
    ]:
        with pytest.raises(InvalidInput, match=said):
            fit_vib(model, digits, **({"beta": 0.1, "epochs": 1} | wrong))
    for wrong, said in [({"ema_decay": 1}, "ema_decay: got 1"), ({"measure_every": 0}, "measure_every: got 0")]:
        with pytest.raises(InvalidInput, match=said):
            record(digits, **wrong)
    with pytest.raises(InvalidInput, match="samples: got 0"):
        evaluate(model, digits, samples=0)
    with pytest.raises(InvalidInput, match="std: got 0, expected > 0"):
        rate(Encoding(torch.zeros(2, 3), torch.zeros(2, 3)))
    with pytest.raises(InvalidInput, match=r"std: got shape \(2, 1\)"):
        rate(Encoding(torch.zeros(2, 3), torch.ones(2, 1)))
    for wrong in ({"latent_dimension": 0}, {"classes": 1}, {"hidden": (0,)}, {"hidden": 3}):
        with pytest.raises(InvalidInput, match=f"{next(iter(wrong))}: got"):
            Variational(64, **({"classes": 10} | wrong))


def test_what_was_measured_before_it_diverged_is_kept(monkeypatch):
    def spoiled(*encoding):
        calls.append(None)
        return real(*encoding) * (math.nan if len(calls) > 40 else 1)

    calls, real = [], variational.rates
    how = {"epochs": 9, "batch_size": 100, "measure_every": 1, "latent_dimension": 4, "hidden": (8,)}
    monkeypatch.setattr(variational, "rates", spoiled)
    with pytest.raises(Diverged, match=r"epoch 4: cross-entropy .* rate nan") as caught:
        record(load("digits"), **how)  # 12 steps and a measurement an epoch
    assert caught.value.record.epochs.tolist() == [1, 2, 3]
    monkeypatch.undo()
    with pytest.raises(Diverged, match=r"epoch 1: test/.* is no finite number; lower learning_rate") as caught:
        record(load("digits"), **(how | {"epochs": 1, "batch_size": 1297}), learning_rate=1e30)
    assert caught.value.record is None


def test_a_loss_that_is_no_number_is_named():
    with pytest.raises(Diverged, match=r"epoch 1: cross-entropy .* lower learning_rate or beta"):
        fit_vib(network(), load("digits"), beta=1.0, epochs=1, learning_rate=1e30)
