"""Training, alone and stacked: same seed, same numbers; an ensemble is its networks trained one after another."""

import dataclasses
import functools
import signal
import time

import pytest
import torch

from ibteach import seeds
from ibteach.data.datasets import load
from ibteach.data.label_noise import with_random_labels
from ibteach.errors import Diverged, InvalidInput, Unavailable, UnknownName
from ibteach.information import mixture
from ibteach.information.continuous import zero_entropy_noise
from ibteach.networks.bottleneck import Bottleneck, convnet, mlp, resnet
from ibteach.networks.ensemble import Ensemble
from ibteach.objectives import (
    OBJECTIVES,
    decoder_cross_entropy,
    loss,
    prediction_cross_entropy,
    training_error_bounds,
)
from ibteach.records import Record
from ibteach.training import forecast, loop
from ibteach.training.loop import Run, build, fit, grid
from ibteach.training.measuring import INFORMATION, SAMPLES, encode

MAKE = functools.partial(mlp, (1, 8, 8), classes=10, latent_dimension=2, hidden=(16,))
RUNS = [
    *grid(["l2", "log-variance"], gammas=[0.0, 0.3]),
    Run.of("vib", beta_prime=0.01, seed=3),
    Run.of("ceb", gamma=1.0, seed=3),
]
quietly = functools.partial(
    fit, epochs=2, batch_size=100, eval_examples=300, measure_every=1, device="cpu", progress=False
)


@pytest.fixture(scope="module")
def digits():
    return load("digits")


@pytest.fixture(scope="module")
def together(digits):
    return quietly(build(MAKE, RUNS), digits, RUNS)


def same(one, other):
    return all(torch.equal(one.quantities[name], other.quantities[name]) for name in one.quantities) and torch.equal(
        one.latents, other.latents
    )


def test_same_seed_same_numbers_bit_for_bit(digits, together):
    torch.manual_seed(123)  # the global random state has no say
    assert same(together, quietly(build(MAKE, RUNS), digits, RUNS))


def test_the_callers_random_state_is_left_alone(digits):
    torch.manual_seed(5)
    quietly(build(MAKE, RUNS[:1]), digits, RUNS[:1], epochs=1)
    drawn = torch.rand(3)
    torch.manual_seed(5)
    assert torch.equal(drawn, torch.rand(3))


@pytest.mark.parametrize("m", range(len(RUNS)))
def test_a_network_of_the_ensemble_is_the_one_trained_alone(digits, together, m):
    alone = quietly(build(MAKE, RUNS[m]), digits, RUNS[m])
    for name in together.quantities:
        torch.testing.assert_close(together.quantities[name][m], alone.quantities[name][0], rtol=1e-3, atol=1e-4)


def test_twins_of_the_literature_train_alike(digits):
    """L2 is VIB with fixed noise, variance is CEB, log-variance is CEB with fitted variances (Kirsch et al. 2020)."""
    pairs = [("l2", "vib"), ("variance", "ceb"), ("log-variance", "ceb-fitted")]
    twins = [Run.of(name, gamma=gamma) for pair in pairs for name, gamma in zip(pair, (0.05, 0.1), strict=True)]
    found = quietly(build(MAKE, twins), digits, twins)
    for name in ("decoder_cross_entropy", *OBJECTIVES):
        one, other = found.quantities[f"train/{name}"].unflatten(0, (3, 2)).unbind(1)
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)
    assert (found.value("train/l2").diff()[1::2].abs() > 0.01).all()  # the pairs differ from each other


def test_steps_are_gradient_steps_on_the_objective(digits):
    """Against an independent loop: the same batches and noise, the public loss, torch's own Adam, one network."""
    run = Run.of("variance", gamma=0.2, seed=7)
    data = dataclasses.replace(digits, train_images=digits.train_images[:120], train_labels=digits.train_labels[:120])
    network, by_hand = build(MAKE, run), build(MAKE, run)
    quietly(network, data, run, epochs=4, batch_size=40, learning_rate=0.01, eval_examples=100)
    optimizer = torch.optim.Adam(by_hand.parameters(), lr=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.01, total_steps=12)
    of_order, of_noise = seeds.generator(7, "order"), seeds.generator(7, "noise")
    for _ in range(4):
        order = torch.randperm(120, generator=of_order)
        noise = torch.randn(120, 2, generator=of_noise) * (2 * torch.pi * torch.e) ** -0.5
        for batch, drawn in zip(order.split(40), noise.split(40), strict=True):
            latents, logits = by_hand(data.normalize(data.train_images[batch]), drawn)
            optimizer.zero_grad()
            loss(logits, latents, data.train_labels[batch], "variance", gamma=0.2).backward()
            optimizer.step()
            schedule.step()
    for trained, expected in zip(network.parameters(), by_hand.parameters(), strict=True):
        torch.testing.assert_close(trained, expected, rtol=1e-4, atol=1e-5)


def test_the_mixture_takes_the_noise_that_each_latent_got(digits):
    """In an ensemble of two seeds as alone, and both as by hand."""
    how = {"train_examples": 200, "epochs": 2, "batch_size": 40, "eval_examples": 50}
    runs = [Run.of(name, gamma=0.3, seed=seed) for name, seed in [("mixture", 1), ("l2", 1), ("mixture", 7)]]
    together = quietly(build(MAKE, runs), digits, runs, **how)
    for m, run in enumerate(runs):
        alone = quietly(build(MAKE, run), digits, run, **how)
        torch.testing.assert_close(together.latents[m], alone.latents[0], rtol=1e-3, atol=1e-4)
    spread = together.value("test/mixture")
    assert spread[0] < 0.9 * quietly(build(MAKE, runs[0]), digits, Run.of("mixture", gamma=0.0, seed=1), **how).value(
        "test/mixture"
    )


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_label_smoothing_is_torchs_own(digits, smoothing):
    """One step of stochastic gradient descent on torch's smoothed cross-entropy; what is measured is not smoothed."""
    run = Run.of("l2", gamma=0.0, seed=1)
    network, by_hand = build(MAKE, run), build(MAKE, run)
    how = {
        "train_examples": 100,
        "epochs": 1,
        "batch_size": 100,
        "eval_examples": 50,
        "optimizer": "sgd",
        "noise": False,
    }
    record = quietly(network, digits, run, **how, label_smoothing=smoothing)
    optimizer = torch.optim.SGD(by_hand.parameters(), lr=0.01, momentum=0.9, nesterov=True)
    torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.01, total_steps=1)
    inputs, labels = digits.normalize(digits.train_images[:100]), digits.train_labels[:100]
    _, logits = by_hand(inputs, torch.zeros(100, 2))
    torch.nn.functional.cross_entropy(logits, labels, label_smoothing=smoothing).backward()
    optimizer.step()
    for trained, expected in zip(network.parameters(), by_hand.parameters(), strict=True):
        torch.testing.assert_close(trained, expected, rtol=1e-4, atol=1e-6)
    logits = network.decoder(network.encoder(digits.normalize(digits.test_images[:50])))
    plain = torch.nn.functional.cross_entropy(logits, digits.test_labels[:50]).item()
    assert record.value("test/decoder_cross_entropy").item() == pytest.approx(plain, rel=1e-4)


def test_what_is_measured(digits, together):
    """The record's numbers, computed again from its latents and decoders."""
    assert set(together.errors) < set(together.quantities)
    assert {name.removeprefix("test/") for name in together.quantities if name.startswith("test/")} >= set(OBJECTIVES)
    labels = digits.test_labels[:300]
    assert torch.equal(together.labels, labels)
    for m in range(len(RUNS)):
        value = {name: together.quantities[f"test/{name}"][m, -1].item() for name in OBJECTIVES}
        for name, objective in OBJECTIVES.items():
            again = objective(together.latents[m].double(), labels).item()
            assert value[name] == pytest.approx(again, rel=1e-5, abs=1e-6)
        generator = seeds.generator(0, "measured noise")
        noise = torch.stack([zero_entropy_noise((300, 2), generator) for _ in range(SAMPLES)])
        logits = ((together.latents[m] + noise) @ together.decoder_weight[m].T + together.decoder_bias[m]).double()
        again = {
            "prediction_cross_entropy": prediction_cross_entropy(logits, labels),
            "decoder_cross_entropy": decoder_cross_entropy(logits, labels).mean(),
            "sampled_error": 1 - logits.softmax(-1)[:, torch.arange(300), labels].mean(),
            "argmax_error": (logits.softmax(-1).mean(0).argmax(-1) != labels).double().mean(),
        }
        for name, expected in again.items():
            measured = together.quantities[f"test/{name}"][m, -1].item()
            assert measured == pytest.approx(expected.item(), rel=1e-5), name


def test_both_splits_are_measured_on_their_first_examples_with_standard_errors_of_a_mean(digits):
    run = Run.of("l2", gamma=0.01)
    network = build(MAKE, run)
    record = quietly(network, digits, run)
    for split in ("train", "test"):
        images, labels = getattr(digits, f"{split}_images")[:300], getattr(digits, f"{split}_labels")[:300]
        latents, generator = encode(network, digits, images)[0], seeds.generator(0, "measured noise")
        noise = torch.stack([zero_entropy_noise((300, 2), generator) for _ in range(SAMPLES)])
        log_q = network.decoder(latents + noise).detach().double().log_softmax(-1)
        of_label = log_q[:, torch.arange(300), labels]
        each = {
            "decoder_cross_entropy": -of_label.mean(0),
            "prediction_cross_entropy": -of_label.exp().mean(0).log(),
            "sampled_error": 1 - of_label.exp().mean(0),
            "argmax_error": (log_q.exp().mean(0).argmax(-1) != labels).double(),
        }
        for name, values in each.items():
            value, error = (table[f"{split}/{name}"][0, -1].item() for table in (record.quantities, record.errors))
            assert value == pytest.approx(values.mean().item(), rel=1e-4), name
            assert error == pytest.approx(values.std().item() / 300**0.5, rel=1e-4), name
        assert record.value(f"{split}/l2").item() == pytest.approx(OBJECTIVES["l2"](latents, labels).item(), rel=1e-5)


def test_no_more_examples_are_measured_than_are_trained_on(digits):
    default, said = (
        quietly(build(MAKE, RUNS[0]), digits, RUNS[0], train_examples=100, eval_examples=measured)
        for measured in (None, 100)
    )
    assert same(default, said) and default.latents.shape == (1, 100, 2)


def test_cross_entropies_and_error_bounds_hold_at_every_epoch(together):
    for split in ("train", "test"):
        decoder, prediction, sampled, argmax = (
            together.quantities[f"{split}/{name}"]
            for name in ("decoder_cross_entropy", "prediction_cross_entropy", "sampled_error", "argmax_error")
        )
        assert (prediction <= decoder + 1e-12).all()
        bounds = training_error_bounds(prediction)
        assert (sampled <= bounds.sampled + 1e-12).all() and (argmax <= bounds.argmax + 1e-12).all()


def test_training_fits_and_compression_compresses(digits):
    runs = grid(["l2"], gammas=[0.001, 0.1, 10.0])
    make = functools.partial(mlp, (1, 8, 8), classes=10, hidden=(32, 32))
    record = quietly(build(make, runs), digits, runs, epochs=25, measure_every=25, batch_size=64)
    light, moderate, heavy = record.value("test/argmax_error").tolist()
    assert light < 0.15 and moderate < 0.2 and heavy > 0.5
    spread = record.latents.norm(dim=-1).mean(-1)
    assert spread[0] > 2 * spread[1] > 4 * spread[2]


def test_convnet_trains_in_an_ensemble(digits):
    runs = grid(["variance"], gammas=[0.01, 0.1], seeds=[0, 1])
    make = functools.partial(convnet, (1, 8, 8), classes=10, latent_dimension=3, width=4)
    record = quietly(build(make, runs), digits, runs)
    before, after = record.value("test/decoder_cross_entropy", 0), record.value("test/decoder_cross_entropy")
    assert (after < before).all() and record.latents.shape == (4, 300, 3)


def test_a_stop_keeps_what_was_trained(digits, monkeypatch, capsys):
    """The first interrupt ends training after the step in hand; whoever handled interrupts before does so again."""
    calls = []

    def interrupted(*arguments, **options):
        calls.append(arguments)
        if len(calls) == 20:  # in the second epoch of 12 batches
            signal.raise_signal(signal.SIGINT)
        return real(*arguments, **options)

    real, handler = loop.loss_terms, signal.getsignal(signal.SIGINT)
    monkeypatch.setattr(loop, "loss_terms", interrupted)
    record = fit(
        build(MAKE, RUNS), digits, RUNS, epochs=50, batch_size=100, eval_examples=100, measure_every=1, device="cpu"
    )
    assert len(calls) == 20
    assert record.provenance["stopped_in_epoch"] == 2
    assert record.epochs.tolist() == [0, 1, 1] and record.steps.tolist() == [0, 12, 20]
    assert record.moments == ["epoch 0", "epoch 1", "step 20"]
    calls.clear()
    seldom = fit(build(MAKE, RUNS), digits, RUNS, epochs=50, batch_size=100, eval_examples=100, device="cpu")
    assert seldom.steps.tolist() == [0, 20] and seldom.moments == ["epoch 0", "step 20"]
    with pytest.raises(InvalidInput, match=r"epoch: got 1, expected one of \[0\], or -1"):
        seldom.value("test/argmax_error", 1)
    assert (record.value("train/decoder_cross_entropy") < record.value("train/decoder_cross_entropy", 0)).all()
    assert "Stopped in epoch 2 of 50" in "".join(capsys.readouterr())
    assert signal.getsignal(signal.SIGINT) is handler


def test_a_stop_between_two_epochs_is_measured_too(digits, monkeypatch, tmp_path):
    def interrupted(*arguments):
        signal.raise_signal(signal.SIGINT)
        real(*arguments)

    real = loop._save
    monkeypatch.setattr(loop, "_save", interrupted)
    checkpoint = tmp_path / "run.checkpoint"
    record = quietly(build(MAKE, RUNS), digits, RUNS, epochs=50, measure_every=50, checkpoint=checkpoint)
    assert record.provenance["stopped_in_epoch"] == 1 and record.steps.tolist() == [0, 12]
    labels, latents = digits.test_labels[:300], record.latents[0].double()
    assert record.value("test/l2")[0].item() == pytest.approx(OBJECTIVES["l2"](latents, labels).item(), rel=1e-5)


def test_an_interrupt_after_the_last_step_stops_nothing(digits, monkeypatch, capsys):
    def interrupted(*arguments):
        calls.append(arguments)
        if len(calls) == 2:
            signal.raise_signal(signal.SIGINT)
        return real(*arguments)

    calls, real = [], loop.measure_networks
    monkeypatch.setattr(loop, "measure_networks", interrupted)
    record = quietly(build(MAKE, RUNS), digits, RUNS, epochs=1)
    assert record.provenance["stopped_in_epoch"] is None and record.steps.tolist() == [0, 12]
    assert "Stopped" not in capsys.readouterr().out


def test_what_is_frozen_stays_so_in_an_ensemble_too(digits):
    def make():
        network = MAKE()
        first = next(one for one in network.encoder if isinstance(one, torch.nn.Linear))
        first.requires_grad_(False)
        return network

    model = build(make, RUNS)
    frozen = [name for name, one in model.template.named_parameters() if not one.requires_grad]
    before = {name: model.stacked(name).clone() for name, _ in model.template.named_parameters()}
    quietly(model, digits, RUNS, epochs=1)
    assert frozen and all(torch.equal(model.stacked(name), before[name]) == (name in frozen) for name in before)


def test_what_is_frozen_whole_is_refused_before_any_work(digits, monkeypatch):
    monkeypatch.setattr(loop, "measure_networks", lambda *_: pytest.fail("work was done"))
    for runs in (RUNS, RUNS[0]):
        with pytest.raises(InvalidInput, match="model: got one that is frozen whole, expected one to train"):
            quietly(build(lambda: MAKE().requires_grad_(False), runs), digits, runs)


def test_measuring_within_epochs_changes_nothing_but_what_is_known(digits):
    """Twelve steps an epoch: 12 is the end of the first, 13 lies in the second, 1000 never comes."""
    how = {"epochs": 2, "batch_size": 100, "measure_every": 2, "eval_examples": 100}
    seldom, often = (
        quietly(build(MAKE, RUNS), digits, RUNS, **how, measure_steps=steps) for steps in ([], [13, 1, 2, 12, 1000])
    )
    assert seldom.epochs.tolist() == [0, 2] and seldom.steps.tolist() == [0, 24]
    assert often.steps.tolist() == [0, 1, 2, 12, 13, 24] and often.epochs.tolist() == [0, 0, 0, 1, 1, 2]
    assert torch.equal(seldom.latents, often.latents)
    for name, table in seldom.quantities.items():
        assert torch.equal(table, often.quantities[name][:, [0, -1]])
    fit_of = often.quantities["train/decoder_cross_entropy"]
    assert (fit_of.diff(dim=1) != 0).all() and (fit_of[:, 3] < fit_of[:, 0]).all()


def test_a_network_lost_within_an_epoch_is_named_by_its_step(digits):
    runs = grid(["variance"], gammas=[0.1])
    how = {"learning_rate": 1e30, "batch_size": 100, "epochs": 1, "measure_steps": [5]}
    with pytest.raises(Diverged, match=r"epoch 1: .* from step \d on") as caught:
        quietly(build(MAKE, runs), digits, runs, **how)
    assert caught.value.record.steps.tolist() == [0]


@pytest.mark.parametrize("batches", [1, 12])
def test_a_loss_that_is_no_number_is_named_and_loses_nothing(digits, batches, tmp_path):
    runs = grid(["variance"], gammas=[0.1, 0.2])
    said = r"epoch 1: the .* of Run\(objective='variance', .* (is|was) (nan|-?inf|no finite number).*; lower"
    with pytest.raises(Diverged, match=said) as caught:
        quietly(build(MAKE, runs), digits, runs, learning_rate=1e30, batch_size=1297 // batches, epochs=1)
    assert caught.value.record.epochs.tolist() == [0]
    caught.value.record.save(tmp_path / "r")
    assert Record.load(tmp_path / "r").epochs.tolist() == [0]


def test_bad_input_is_refused_before_any_work(digits, monkeypatch):
    model, one = build(MAKE, RUNS), build(MAKE, RUNS[0])
    monkeypatch.setattr(loop, "measure_networks", lambda *_: pytest.fail("work was done"))
    for options, said in [
        ({"epochs": 0}, "epochs: got 0"),
        ({"batch_size": 5000}, "batch_size: got 5000, expected at most the 1297 examples"),
        ({"learning_rate": -1}, "learning_rate: got -1"),
        ({"label_smoothing": 1.0}, "label_smoothing: got 1.0"),
        ({"weight_decay": -1}, "weight_decay: got -1"),
        ({"optimizer": "sdg"}, "optimizer: got 'sdg'"),
        ({"augment": ["flop"]}, "augmentation: got 'flop'"),
        ({"train_examples": 5000}, "train_examples: got 5000"),
        ({"eval_examples": 1.5}, r"eval_examples: got 1\.5"),
        ({"eval_examples": 1}, "eval_examples: got 1, expected a whole number >= 2"),
        ({"eval_examples": 501}, "eval_examples: got 501, expected a whole number >= 2 and <= 500"),
        ({"device": "gpu"}, "device: got 'gpu'"),
    ]:
        with pytest.raises(InvalidInput, match=said):
            fit(model, digits, RUNS, **options)
    with pytest.raises(InvalidInput, match="runs: got 5 for 6 networks"):
        fit(model, digits, RUNS[:5])
    with pytest.raises(InvalidInput, match="runs: got 6 for 1 networks"):
        fit(one, digits, RUNS)
    with pytest.raises(InvalidInput, match="model, data: got Ensemble and NoneType"):
        fit(model, None, RUNS)
    with pytest.raises(InvalidInput, match=r"model: got one for 5 classes, expected one for images .* in 10 classes"):
        fit(build(functools.partial(mlp, 64, 5), RUNS[0]), digits, RUNS[0])
    with pytest.raises(InvalidInput, match=r"model: does not take images of shape \(1, 8, 8\)"):
        fit(build(functools.partial(mlp, 99, 10), RUNS[0]), digits, RUNS[0])
    if not torch.cuda.is_available():
        with pytest.raises(Unavailable, match="device: got 'cuda', which this machine does not have"):
            fit(model, digits, RUNS, device="cuda")


def test_what_would_fail_after_work_is_refused_before(digits, monkeypatch):
    one = dataclasses.replace(digits, test_images=digits.test_images[:1], test_labels=digits.test_labels[:1])
    network = build(functools.partial(resnet, (1, 8, 8), 10, width=8), RUNS[0])
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    monkeypatch.setattr(loop, "measure_networks", lambda *_: pytest.fail("work was done"))
    with pytest.raises(InvalidInput, match="data: got 1 test image, expected at least 2"):
        fit(build(MAKE, RUNS[0]), one, RUNS[0])
    with pytest.raises(InvalidInput, match=r"batch_size: got 1, .*more than 1 value per channel.*expected 2 or more"):
        fit(network, digits, RUNS[0], batch_size=1)
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_it_trains_under_a_mode_without_gradients_too(digits, mode):
    how = {"epochs": 1, "batch_size": 100, "eval_examples": 50, "device": "cpu", "progress": False}
    expected = fit(build(MAKE, RUNS), digits, RUNS, **how)
    with mode():
        found = fit(build(MAKE, RUNS), digits, RUNS, **how)
        assert not torch.is_grad_enabled()
    assert same(found, expected)


def test_parameters_that_cannot_have_gradients_are_refused(digits, monkeypatch):
    with torch.inference_mode():
        model = MAKE()
    monkeypatch.setattr(loop, "measure_networks", lambda *_: pytest.fail("work was done"))
    with pytest.raises(InvalidInput, match=r"model: got parameters made under torch\.inference_mode"):
        fit(model, digits, RUNS[0])


class Hungry(torch.nn.Flatten):
    """Takes more memory than there is for more than 20 images that are trained on."""

    def forward(self, images):
        if torch.is_grad_enabled() and len(images) > self.most:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory.")
        return super().forward(images)


@pytest.mark.parametrize(("most", "said"), [(20, "batch_size=16 fits"), (0, "no batch fits")])
def test_too_little_memory_suggests_the_batch_that_fits(digits, most, said):
    encoder = Hungry()
    encoder.most = most
    with pytest.raises(Unavailable, match=f"cpu: has too little memory for batch_size=64; {said}"):
        quietly(Bottleneck(encoder, 64, 10), digits, Run.of("l2", gamma=0.1), batch_size=64)


class Starved(torch.nn.Flatten):
    """Takes more memory than there is for more than 100 images that are measured."""

    def forward(self, images):
        if not torch.is_grad_enabled() and len(images) > 100:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory.")
        return super().forward(images)


def test_too_little_memory_to_measure_is_said(digits):
    run = Run.of("l2", gamma=0.1)
    with pytest.raises(Unavailable, match=r"cpu: has too little memory for these networks, .* or fewer eval_examples"):
        quietly(Bottleneck(Starved(), 64, 10), digits, run)
    assert quietly(Bottleneck(Starved(), 64, 10), digits, run, eval_examples=100).latents.shape == (1, 100, 64)


def test_a_long_training_says_so_first(digits, monkeypatch, capsys):
    monkeypatch.setattr(forecast, "LONG", 0)
    quietly(build(MAKE, RUNS[0]), digits, RUNS[0], batch_size=20, progress=True)
    out = "".join(capsys.readouterr())
    assert "About 0 min on this cpu, by its first 15 steps" in out and "ibteach records list" in out


def test_the_forecast_is_of_all_steps_and_measurements_however_few_steps_an_epoch_has(digits, monkeypatch, capsys):
    """Three steps of a minute an epoch, and measurements of 1,000 s: after the tenth of 13 epochs and the last."""
    now = [0.0]

    def lasting(seconds, real):
        def lasts(*arguments):
            now[0] += seconds
            return real(*arguments)

        return lasts

    monkeypatch.setattr(loop, "measure_networks", lasting(1000, loop.measure_networks))
    monkeypatch.setattr(loop._Training, "step", lasting(60, loop._Training.step))
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    quietly(build(MAKE, RUNS[0]), digits, RUNS[0], batch_size=400, epochs=13, measure_every=10, progress=True)
    assert f"About {39 + 2000 / 60:.0f} min on this cpu, by its first 15 steps" in "".join(capsys.readouterr())


def test_the_forecast_waits_for_the_steps_of_a_mac(monkeypatch):
    """Which its GPU takes behind the back of the program: ten in 100 s, that were ordered in no time."""
    now, forecasting = [0.0], forecast.Forecast(torch.device("mps"))
    monkeypatch.setattr(torch.mps, "synchronize", lambda: now.append(100 * len(now)))
    monkeypatch.setattr(time, "perf_counter", lambda: now[-1])
    said = [forecasting.after(step, 60, 0) for step in range(1, 16)]
    assert "About 10 min on this mps" in said[-1] and not any(said[:-1])


def test_what_is_measured_among_the_first_steps_is_not_taken_for_steps(digits, monkeypatch, capsys):
    """On a clock that stands still but for measurements of 1,000 s: of epoch 0, after step 10, and after an epoch."""
    now, measure = [0.0], loop.measure_networks

    def slowly(*arguments):
        now[0] += 1000
        return measure(*arguments)

    monkeypatch.setattr(loop, "measure_networks", slowly)
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    quietly(build(MAKE, RUNS[0]), digits, RUNS[0], batch_size=20, epochs=1, measure_steps=[10], progress=True)
    assert "About 33 min on this cpu" in "".join(capsys.readouterr())


def test_a_gradient_that_is_no_number_is_named(digits):
    """The terms of the loss are finite, its gradient is not."""

    class Root(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = torch.nn.Parameter(torch.zeros(()))

        def forward(self, images):
            return images.flatten(1)[:, :3] + self.scale.abs().sqrt()  # infinitely steep at 0

    with pytest.raises(Diverged, match=r"epoch 1: the gradient of Run\(.* was no finite number from step 1 on"):
        quietly(Bottleneck(Root(), 3, 10), digits, Run.of("l2", gamma=0.1))


def test_a_run_says_its_weight_in_both_conventions_or_is_refused():
    with pytest.raises(UnknownName, match="did you mean 'variance'"):
        Run.of("varience", gamma=1)
    for wrong in ({"gamma": -1}, {"gamma": float("nan")}, {"beta_prime": float("inf")}, {"gamma": 1, "seed": -1}):
        with pytest.raises(InvalidInput, match=f"{list(wrong)[-1]}: got"):
            Run.of("l2", **wrong)
    with pytest.raises(InvalidInput, match=r"beta_prime: got 99 with gamma=1, expected 0\.117"):
        Run("l2", gamma=1, beta_prime=99)
    assert grid(["vib"], beta_primes=[0.5]) == grid(["vib"], gammas=[0.5])
    for options in ({}, {"gammas": [1], "beta_primes": [1]}):
        with pytest.raises(InvalidInput, match="expected exactly one of them"):
            grid(["l2"], **options)
    with pytest.raises(InvalidInput, match=r"gammas: got 0\.1, expected a list"):
        grid(["l2"], gammas=0.1)
    with pytest.raises(InvalidInput, match="runs: got"):
        build(MAKE, "l2")


def test_ensembles_and_networks_refuse_what_does_not_fit():
    with pytest.raises(InvalidInput, match="networks: got 0"):
        Ensemble([])
    with pytest.raises(InvalidInput, match="2 different kinds, expected at least one, all built alike"):
        Ensemble([mlp(64, 10), mlp(64, 10, hidden=(3,))])
    with pytest.raises(InvalidInput, match="all built alike"):
        Ensemble([mlp(64, 10, dropout=0.1), mlp(64, 10, dropout=0.9)])
    normalised = Bottleneck(
        torch.nn.Sequential(torch.nn.Flatten(), torch.nn.BatchNorm1d(64), torch.nn.Linear(64, 2)), 2, 10
    )
    with pytest.raises(InvalidInput, match="use GroupNorm"):
        Ensemble([normalised])
    for wrong in ({"latent_dimension": 0}, {"classes": 1}, {"hidden": (0,)}, {"hidden": 16}):
        with pytest.raises(InvalidInput, match=f"{next(iter(wrong))}: got"):
            mlp(64, **{"classes": 10, **wrong})


# ------------------------------------------------------------------- dropout, information, labels made wrong


def test_dropout_opens_a_gap_between_decoder_and_prediction_cross_entropy(digits):
    runs = [Run.of("l2", gamma=0.001, seed=seed) for seed in range(3)]
    gap = {}
    for rate in (0.0, 0.4):
        make = functools.partial(mlp, (1, 8, 8), classes=10, hidden=(32,), dropout=rate)
        record = quietly(build(make, runs), digits, runs, epochs=5)
        again = quietly(build(make, runs), digits, runs, epochs=5)
        assert same(record, again)
        gap[rate] = record.value("test/decoder_cross_entropy") - record.value("test/prediction_cross_entropy")
    assert (gap[0.4] > 3 * gap[0.0]).all() and (gap[0.0] >= -1e-12).all()


def test_dropout_is_drawn_for_each_network_and_each_example():
    ensemble = Ensemble([build(functools.partial(mlp, 64, 10, dropout=0.5), RUNS[0]) for _ in range(2)])
    latents, _ = ensemble(torch.ones(3, 64), torch.zeros(3, 2))
    assert len({tuple(z.tolist()) for z in latents.flatten(0, 1)}) == 6


def test_information_is_measured_on_request(digits):
    record = quietly(build(MAKE, RUNS), digits, RUNS, information=True, eval_examples=100)
    found = {name: record.quantities[f"test/{name}"] for name in INFORMATION}
    error = {name: record.errors[f"test/{name}"] for name in INFORMATION}
    again = mixture.measure(record.latents, record.labels)
    for name in INFORMATION:
        torch.testing.assert_close(found[name][:, -1], getattr(again, name).value, rtol=1e-4, atol=1e-4)
    tightest = record.quantities["test/log-determinant"]
    slack = 4 * error["reverse_decoder_uncertainty"] + 1e-9
    assert (found["reverse_decoder_uncertainty"] <= tightest + slack).all()
    assert (found["decoder_uncertainty"] <= record.quantities["test/decoder_cross_entropy"] + 0.1).all()


def test_information_is_refused_under_dropout(digits):
    model = build(functools.partial(mlp, 64, 10, dropout=0.1), RUNS)
    with pytest.raises(InvalidInput, match="information: got True for networks with dropout"):
        quietly(model, digits, RUNS, information=True)
    for rate in (-0.1, 1.0, float("nan")):
        with pytest.raises(InvalidInput, match="dropout: got"):
            mlp(64, 10, dropout=rate)


def test_random_labels_are_memorised_only_without_compression(digits):
    noisy = with_random_labels(digits, 1.0, seed=4)
    assert torch.equal(noisy.test_labels, digits.test_labels) and "100% random labels" in noisy.name
    assert not torch.equal(digits.train_labels, noisy.train_labels)
    small = dataclasses.replace(noisy, train_images=noisy.train_images[:100], train_labels=noisy.train_labels[:100])
    runs = grid(["variance"], gammas=[0.0, 100.0])  # at 10 some seeds still memorise most of them
    make = functools.partial(mlp, (1, 8, 8), classes=10, latent_dimension=8, hidden=(64, 64))
    record = quietly(build(make, runs), small, runs, epochs=150, batch_size=50, measure_every=150, eval_examples=100)
    memorised, compressed = record.value("train/argmax_error").tolist()
    assert memorised < 0.1 and compressed > 0.5
    with pytest.raises(InvalidInput, match=r"fraction: got 1\.5"):
        with_random_labels(digits, 1.5)


def test_without_noise_a_network_is_trained_and_measured_without(digits):
    runs = grid(["variance"], gammas=[0.1, 0.2])
    record = quietly(build(MAKE, runs), digits, runs, noise=False)
    assert "test/vib" not in record.quantities  # a rate of a latent without noise is infinite
    labels = record.labels
    for m in range(2):
        logits = record.latents[m] @ record.decoder_weight[m].T + record.decoder_bias[m]
        expected = torch.nn.functional.cross_entropy(logits, labels).item()
        for name in ("decoder_cross_entropy", "prediction_cross_entropy"):
            assert record.value(f"test/{name}")[m].item() == pytest.approx(expected, rel=1e-5)
        bound = OBJECTIVES["log-variance"](record.latents[m].double(), labels, noise_variance=0).item()
        assert record.value("test/log-variance")[m].item() == pytest.approx(bound, rel=1e-5)


def test_without_noise_small_batches_train_and_what_has_no_variance_is_not_measured(digits, monkeypatch):
    run, how = Run.of("variance", gamma=0.1), {"noise": False, "train_examples": 40, "batch_size": 2}
    assert quietly(build(MAKE, run), digits, run, **how, eval_examples=30).epochs.tolist() == [0, 1, 2]
    monkeypatch.setattr(loop, "measure_networks", lambda *_: pytest.fail("work was done"))
    with pytest.raises(InvalidInput, match="eval_examples: got 3, among which no class has two, and without noise"):
        quietly(build(MAKE, run), digits, run, **how, eval_examples=3)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device; this machine has none")
def test_gpu_agrees_with_cpu(digits, together):
    on_gpu = quietly(build(MAKE, RUNS), digits, RUNS, device="cuda")
    for name in together.quantities:
        torch.testing.assert_close(on_gpu.quantities[name], together.quantities[name], rtol=1e-2, atol=1e-3)
