"""Training in float16, tried where it is slow: the scale of the loss, its skipped steps, and what no scale mends."""

import functools

import pytest
import torch

from ibteach.data import load
from ibteach.errors import Diverged
from ibteach.networks.bottleneck import mlp
from ibteach.training import Run, build, devices, fit, loop, scaling

RUN = Run.of("log-variance", gamma=0.003)
MAKE = functools.partial(mlp, (1, 8, 8), 10, latent_dimension=8, hidden=(32,))


@pytest.fixture
def digits(monkeypatch):
    """On a CPU that is taken for an old GPU."""
    monkeypatch.setattr(devices, "low_precision_of", lambda device: torch.float16)
    return load("digits")


def quietly(digits, runs=RUN, **options):
    how = {"epochs": 3, "eval_examples": 200, "device": "cpu", "progress": False, "low_precision": True}
    model = build(MAKE, runs)
    return model, fit(model, digits, runs, **(how | options))


def test_a_network_learns_in_float16_as_in_float32(digits):
    (_, half), (_, whole) = (quietly(digits, epochs=8, low_precision=low) for low in (True, False))
    assert half.provenance["precision"] == "float16" and whole.provenance["precision"] == "float32"
    errors = [record.value("test/argmax_error").item() for record in (half, whole)]
    assert max(errors) < 0.12 and abs(errors[0] - errors[1]) < 0.03
    assert not torch.equal(half.latents, whole.latents)


def test_the_latent_its_noise_and_the_decoder_stay_in_float32(digits):
    model, _ = quietly(digits, epochs=1)
    seen = []
    model.decoder.register_forward_pre_hook(lambda _, given: seen.append(given[0].dtype))
    latents, logits = model(torch.randn(5, 1, 8, 8), torch.zeros(5, 8))
    assert latents.dtype == logits.dtype == torch.float32 and seen == [torch.float32]
    assert all(parameter.dtype == torch.float32 for parameter in model.parameters())


def test_a_step_that_overflows_is_skipped_and_the_scale_halved(digits, monkeypatch):
    """The first scale is far too large: no step is taken until it is not, and nothing is taken for diverged."""
    monkeypatch.setattr(scaling, "FIRST", 2.0**30)
    moved, scales, real = [], [], loop._Training.step

    def step(self, streams):
        before = [parameter.clone() for parameter in self.model.parameters()]
        real(self, streams)
        pairs = zip(before, self.model.parameters(), strict=True)
        moved.append(any(not torch.equal(one, other) for one, other in pairs))
        scales.append(self.scale.state["scale"])

    monkeypatch.setattr(loop._Training, "step", step)
    _, record = quietly(digits)
    skipped = moved.index(True)
    assert 2 <= skipped < 25 and sum(moved[skipped:]) > 0.9 * len(moved[skipped:])
    assert scales == [2.0 ** (30 - moved[: step + 1].count(False)) for step in range(len(moved))]
    assert record.value("test/argmax_error") < 0.5


def test_what_overflows_whatever_the_scale_is_said_at_once(digits):
    model = build(MAKE, RUN)
    with torch.no_grad():
        model.encoder[-1].weight.mul_(1e6)  # latents beyond 65,504
    said = r"epoch 0: .*; lower learning_rate or gamma, or train with low_precision=False: numbers of float16 end at"
    with pytest.raises(Diverged, match=said):
        fit(model, digits, RUN, epochs=2, low_precision=True, eval_examples=50, device="cpu", progress=False)


def test_gradients_that_overflow_without_a_scale_are_lost(digits, monkeypatch):
    monkeypatch.setattr(scaling, "FIRST", 2.0)
    real = loop.loss_terms

    def steep(*arguments, **options):
        fit_term, surrogate = real(*arguments, **options)
        return fit_term + 1e30 * (fit_term - fit_term.detach()), surrogate  # the same value, and an endless slope

    monkeypatch.setattr(loop, "loss_terms", steep)
    with pytest.raises(Diverged, match="overflows whatever its scale; lower"):
        quietly(digits)


def test_a_checkpoint_holds_the_scale(digits, tmp_path, monkeypatch):
    monkeypatch.setattr(scaling, "FIRST", 2.0**20)
    _, whole = quietly(digits, epochs=4)
    stop, real = [], loop._Training.train_epoch

    def until_the_third(self, *arguments):
        if self.epoch == 2:
            stop.append(self.scale.state["scale"])
            raise RuntimeError("killed")
        real(self, *arguments)

    monkeypatch.setattr(loop.Checkpoint, "due", True)
    monkeypatch.setattr(loop._Training, "train_epoch", until_the_third)
    with pytest.raises(RuntimeError, match="killed"):
        quietly(digits, epochs=4, checkpoint=tmp_path / "c")
    monkeypatch.setattr(loop._Training, "train_epoch", real)
    monkeypatch.setattr(scaling, "FIRST", 2.0**30)  # which would cost it steps
    _, resumed = quietly(digits, epochs=4, checkpoint=tmp_path / "c")
    assert stop and torch.equal(resumed.latents, whole.latents)


def test_training_goes_on_in_float16_that_began_in_another_precision(digits, tmp_path, monkeypatch):
    def killed(self, *arguments):
        if self.epoch == 2:
            raise RuntimeError("killed")
        real(self, *arguments)

    real = loop._Training.train_epoch
    with monkeypatch.context() as patch:
        patch.setattr(devices, "low_precision_of", lambda device: None)
        patch.setattr(loop.Checkpoint, "due", True)
        patch.setattr(loop._Training, "train_epoch", killed)
        with pytest.raises(RuntimeError, match="killed"):
            quietly(digits, epochs=4, checkpoint=tmp_path / "c")
    _, resumed = quietly(digits, epochs=4, checkpoint=tmp_path / "c")
    assert resumed.provenance["precision"] == "float32, float16" and resumed.value("test/argmax_error").item() < 0.3


def test_an_ensemble_has_no_scale_to_share(digits):
    runs = loop.grid(["l2"], gammas=[0.1, 0.2])
    assert quietly(digits, runs, epochs=1)[1].provenance["precision"] == "float32"
