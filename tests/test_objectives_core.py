"""The core of the loss, `loss_terms`: one graph, no waiting for the device, the same numbers as the checked face."""

import functools

import pytest
import torch
from torch.profiler import profile

from ibteach.errors import InvalidInput
from ibteach.information.continuous import ZERO_ENTROPY_VARIANCE, zero_entropy_noise
from ibteach.objectives import OBJECTIVES, loss, loss_terms


def batch(classes=3, dtype=torch.float32):
    generator = torch.Generator().manual_seed(0)
    logits, latents = torch.randn(20, classes, generator=generator), torch.randn(20, 4, generator=generator)
    return logits.to(dtype), latents.to(dtype), torch.arange(20) % classes


NOISE = zero_entropy_noise((20, 4), torch.Generator().manual_seed(1))


def core(objective, smoothing=0.0):
    return functools.partial(loss_terms, beta_primes={objective: 0.3}, noise=NOISE, label_smoothing=smoothing)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_the_checked_face_is_the_sum_of_the_terms(objective, smoothing):
    logits, latents, labels = batch()
    terms = core(objective, smoothing)(logits, latents, labels)
    checked = loss(logits, latents, labels, objective, beta_prime=0.3, noise=NOISE, label_smoothing=smoothing)
    assert torch.equal(checked, terms.cross_entropy + terms.surrogate)
    fitted = torch.nn.functional.cross_entropy(logits, labels, label_smoothing=smoothing)
    torch.testing.assert_close(terms.cross_entropy, fitted)
    torch.testing.assert_close(terms.surrogate, 0.3 * OBJECTIVES[objective](latents, labels, classes=3, noise=NOISE))


@pytest.mark.parametrize("objective", [one.name for one in OBJECTIVES.values() if not one.needs_noise])
def test_a_batch_of_which_no_class_has_two_examples_is_finite_without_noise_too(objective):
    logits, latents, labels = (tensor[:3] for tensor in batch())
    latents.requires_grad_()
    terms = loss_terms(logits, latents, labels, {objective: 0.3}, noise_variance=0.0)
    (gradient,) = torch.autograd.grad(terms.surrogate, latents)
    assert torch.isfinite(terms.surrogate) and torch.isfinite(gradient).all()
    assert gradient.any() == (objective in ("l2", "log-power"))  # of one example there is a square, and no variance


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_one_graph_under_compile(objective):
    found = torch._dynamo.explain(core(objective, 0.1))(*batch())
    assert found.graph_break_count == 0, found.break_reasons


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_the_host_never_waits_for_the_device(objective):
    logits, latents, labels = batch()
    logits.requires_grad_(), latents.requires_grad_()
    with profile() as seen:
        sum(core(objective, 0.1)(logits, latents, labels)).backward()
    names = {event.key for event in seen.key_averages()}
    assert "aten::log_softmax" in names and not names & {"aten::item", "aten::_local_scalar_dense", "aten::nonzero"}


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_under_vmap_and_as_leading_axes_it_is_each_network_by_itself(objective):
    logits, latents, labels = batch()
    many = torch.stack([logits, 2 * logits]), torch.stack([latents, 3 * latents])
    mapped = torch.func.vmap(core(objective), in_dims=(0, 0, None))(*many, labels)
    together = core(objective)(*many, labels)
    alone = [core(objective)(*one, labels) for one in zip(*many, strict=True)]
    for term, (one, other) in zip(zip(mapped, together, strict=True), zip(*alone, strict=True), strict=True):
        for values in term:
            torch.testing.assert_close(values, torch.stack([one, other]))


@pytest.mark.parametrize("objective", ["log-variance", "mixture"])
def test_under_autocast_a_variance_keeps_its_digits(objective):
    logits, latents, labels = batch()
    latents = 100 + 0.01 * latents
    plain = core(objective)(logits, latents, labels)
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(core(objective)(logits, latents, labels), plain)


def test_each_network_of_an_ensemble_has_an_objective_of_its_own():
    logits, latents, labels = batch()
    both = torch.stack([logits, logits]), torch.stack([latents, latents])
    weights = {"l2": torch.tensor([0.5, 0.0]), "log-variance": torch.tensor([0.0, 2.0])}
    surrogate = loss_terms(*both, labels, weights).surrogate
    wanted = [0.5 * OBJECTIVES["l2"](latents, labels), 2 * OBJECTIVES["log-variance"](latents, labels)]
    torch.testing.assert_close(surrogate, torch.stack(wanted))


LOGITS, LATENTS, LABELS = batch()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"logits": LOGITS.tolist()}, "logits: got list"),
        ({"latents": LATENTS.tolist()}, "latents: got list"),
        ({"labels": LABELS.tolist()}, "labels: got list"),
        ({"latents": LATENTS[:5]}, "expected"),
        ({"latents": 1e20 * LATENTS}, "float64"),
        ({"logits": LOGITS * torch.nan}, "logits"),
        ({"logits": torch.tensor([[3e38, -3e38, 0.0]]).expand(20, 3)}, "logits: got values up to 3e"),
        ({"noise_variance": 1e308}, "noise"),
        ({"gamma": 1e308}, "weight"),
        ({"label_smoothing": 1.0}, "label_smoothing"),
        ({"noise_variance": 0.0, "labels": torch.zeros(1).long(), "latents": LATENTS[:1], "logits": LOGITS[:1]}, "two"),
    ],
)
def test_what_the_checked_face_refuses(given, said):
    arguments = {"logits": LOGITS, "latents": LATENTS, "labels": LABELS, "objective": "l2", "gamma": 0.1}
    with pytest.raises(InvalidInput, match=said):
        loss(**arguments | given)


def test_nothing_is_smoothed_or_weighed_by_default():
    assert torch.equal(
        loss(LOGITS, LATENTS, LABELS, "l2", beta_prime=0.0, noise_variance=ZERO_ENTROPY_VARIANCE),
        torch.nn.functional.cross_entropy(LOGITS, LABELS),
    )
