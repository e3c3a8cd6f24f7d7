"""The mixture measure against numerical integration, closed forms and the definition written out in numpy."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, special, stats

from ibteach import seeds
from ibteach.errors import InvalidInput
from ibteach.information.continuous import TWO_PI_E, ZERO_ENTROPY_VARIANCE, log_det_bound
from ibteach.information.mixture import Mixture, measure, pairwise_bounds

properties = settings(deadline=None, max_examples=60)
QUANTITIES = [
    "latent_entropy",
    "reverse_decoder_uncertainty",
    "preserved_information",
    "redundant_information",
    "preserved_relevant_information",
    "decoder_uncertainty",
]


def normal(seed, *shape):
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def values(found):
    return torch.stack([getattr(found, name).value for name in QUANTITIES])


def within(estimate, truth, errors=4):
    return bool(((estimate.value - truth).abs() <= errors * estimate.standard_error + 1e-9).all())


def entropy_on_a_line(centres, variance):
    def integrand(z):
        density = np.exp(-((z - centres) ** 2) / (2 * variance)).mean() / math.sqrt(2 * math.pi * variance)
        return -special.xlogy(density, density)

    reach = 9 * math.sqrt(variance)
    points = np.unique(centres)
    return integrate.quad(integrand, centres.min() - reach, centres.max() + reach, points=points, limit=500)[0]


def entropy_in_the_plane(centres, variance, step=0.02):
    low, high = centres.min(0) - 9 * math.sqrt(variance), centres.max(0) + 9 * math.sqrt(variance)
    axes = [np.arange(a, b, step) for a, b in zip(low, high, strict=True)]
    bumps = [np.exp(-((axis[:, None] - c) ** 2) / (2 * variance)) for axis, c in zip(axes, centres.T, strict=True)]
    density = bumps[0] @ bumps[1].T / len(centres) / (2 * math.pi * variance)
    return -special.xlogy(density, density).sum() * step**2


@pytest.mark.parametrize("dimension", [1, 2])
@pytest.mark.parametrize("variance", [ZERO_ENTROPY_VARIANCE, 0.3])
def test_agrees_with_numerical_integration(dimension, variance):
    entropy = entropy_on_a_line if dimension == 1 else entropy_in_the_plane
    labels = torch.tensor([2, 0, 0, 2, 2, 5])
    latents = 0.4 * normal(0, 6, dimension)
    centres = latents.numpy()[:, 0] if dimension == 1 else latents.numpy()
    whole = entropy(centres, variance)
    parts = sum((labels == y).double().mean().item() * entropy(centres[labels == y], variance) for y in (0, 2, 5))
    floor = dimension / 2 * math.log(TWO_PI_E * variance)
    label_entropy = -sum(p * math.log(p) for p in (2 / 6, 3 / 6, 1 / 6))
    found = measure(latents, labels, variance, samples=4000)
    assert within(found.latent_entropy, whole, 3) and found.latent_entropy.standard_error < 0.01
    assert within(found.reverse_decoder_uncertainty, parts, 3)
    assert within(found.preserved_information, whole - floor, 3)
    assert within(found.redundant_information, parts - floor, 3)
    assert within(found.preserved_relevant_information, whole - parts, 3)
    assert within(found.decoder_uncertainty, label_entropy - whole + parts, 3)
    assert math.isclose(found.label_entropy, label_entropy, abs_tol=1e-12)


def from_the_definition(latents, labels, samples, seed, variance):
    """All values for the same noise, in extended precision and without any of the tricks."""
    order = labels.argsort(stable=True)
    centres, labels = latents[order].numpy().astype(np.longdouble), labels[order].numpy()
    generator, rows = seeds.generator(seed, "mixture noise"), []
    for _ in range(samples):
        noise = torch.randn(latents.shape, dtype=torch.float64, generator=generator).numpy() * math.sqrt(variance)
        differences = centres[:, None] - centres + noise[:, None].astype(np.longdouble)
        log_ratio = ((noise**2).sum(-1)[:, None] - (differences**2).sum(-1)) / (2 * variance)
        same = labels[:, None] == labels
        peak = log_ratio.max(1, keepdims=True)
        weights = np.exp(log_ratio - peak)
        preserved = -np.log(weights.mean(1)) - peak[:, 0]
        redundant = -np.log((weights * same).sum(1) / same.sum(1)) - peak[:, 0]
        rows.append([preserved.mean(), redundant.mean()])
    preserved, redundant = np.mean(rows, 0)
    floor = latents.shape[1] / 2 * math.log(TWO_PI_E * variance)
    counts = np.unique(labels, return_counts=True)[1] / len(labels)
    relevant = preserved - redundant
    uncertain = -(counts * np.log(counts)).sum() - relevant
    return [preserved + floor, redundant + floor, preserved, redundant, relevant, uncertain]


@pytest.mark.parametrize("dimension", [1, 2, 64])
@pytest.mark.parametrize(
    ("spread", "offset", "tolerance"),
    [(0.3, 0, 1e-10), (0.3, 1e5, 1e-8), (1e3, 0, 1e-6), (1e5, 0, 1e-7), (1e5, 1e8, 1e-4)],
)
def test_agrees_with_the_definition_at_every_scale(dimension, spread, offset, tolerance):
    groups = spread * normal(1, 12, 1, dimension)
    latents = (groups + 0.1 * normal(2, 12, 5, dimension)).flatten(0, 1) + offset  # near points far from the origin
    labels = torch.arange(60) % 7
    found = values(measure(latents, labels, samples=3, seed=5))
    expected = from_the_definition(latents, labels, 3, 5, ZERO_ENTROPY_VARIANCE)
    torch.testing.assert_close(
        found, torch.tensor([float(x) for x in expected], dtype=torch.float64), rtol=0, atol=tolerance
    )


def test_nothing_is_known_of_latents_that_coincide():
    found = measure(torch.full((50, 3), 7.0), torch.arange(50) % 10)
    for name in QUANTITIES[:5]:
        assert abs(getattr(found, name).value) < 1e-12, name
    assert math.isclose(found.decoder_uncertainty.value, math.log(10), rel_tol=1e-12)
    assert math.isclose(found.label_entropy, math.log(10)) and math.isclose(found.ceiling, math.log(50))


def test_everything_is_known_of_latents_far_apart():
    found = measure(100 * normal(0, 64, 5), torch.arange(64) % 4)
    assert math.isclose(found.preserved_information.value, math.log(64), abs_tol=1e-12)
    assert math.isclose(found.redundant_information.value, math.log(16), abs_tol=1e-12)
    assert math.isclose(found.preserved_relevant_information.value, math.log(4), abs_tol=1e-12)
    assert abs(found.decoder_uncertainty.value) < 1e-12


@pytest.mark.parametrize("distance", [0.1, 0.5, 1.0])  # further apart, what tells is too rare to be drawn
def test_two_clusters_are_one_binary_channel(distance):
    latents = torch.tensor([[0.0], [0.0], [0.0], [distance]])
    found = measure(latents, torch.tensor([0, 0, 0, 1]), samples=3000)

    def error(z):
        densities = [w * math.exp(-((z - c) ** 2) * TWO_PI_E / 2) for w, c in [(0.75, 0.0), (0.25, distance)]]
        total = sum(densities)
        return -sum(special.xlogy(d, d / total) for d in densities) * math.sqrt(TWO_PI_E / (2 * math.pi))

    uncertainty = integrate.quad(error, -4, 4 + distance, points=[0, distance])[0]
    assert within(found.decoder_uncertainty, uncertainty, 3)
    assert within(found.preserved_relevant_information, found.label_entropy - uncertainty, 3)
    assert abs(found.redundant_information.value) < 1e-12


@properties
@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 40),
    st.integers(1, 5),
    st.floats(0, 3),
    st.sampled_from([0.02, 1 / TWO_PI_E, 1]),
)
def test_the_parts_add_up(seed, count, dimension, spread, variance):
    latents = spread * normal(seed, count, dimension)
    labels = torch.randint(4, (count,), generator=torch.Generator().manual_seed(seed))
    found = measure(latents, labels, variance, samples=8)
    low = {name: getattr(found, name).value + 5 * getattr(found, name).standard_error + 1e-9 for name in QUANTITIES}
    high = {name: getattr(found, name).value - 5 * getattr(found, name).standard_error - 1e-9 for name in QUANTITIES}
    floor = dimension / 2 * math.log(TWO_PI_E * variance)
    assert found.decoder_uncertainty.value >= -1e-9
    for atom in ("redundant_information", "preserved_relevant_information"):
        assert low[atom] >= 0
    assert low["reverse_decoder_uncertainty"] >= floor
    assert high["preserved_relevant_information"] <= found.label_entropy <= found.ceiling + 1e-12
    assert high["preserved_information"] <= found.ceiling
    chain = found.preserved_relevant_information.value + found.redundant_information.value
    assert math.isclose(chain, found.preserved_information.value, abs_tol=1e-9)
    total = found.preserved_relevant_information.value + found.decoder_uncertainty.value
    assert math.isclose(total, found.label_entropy, abs_tol=1e-9)
    lower, upper = pairwise_bounds(latents, variance)
    assert lower <= low["latent_entropy"] and high["latent_entropy"] <= upper <= floor + found.ceiling + 1e-9
    assert high["latent_entropy"] <= log_det_bound(latents, variance)


def test_intervals_are_students_with_room_for_what_was_not_drawn():
    """An event of probability p that no draw was of adds at most p ln(E e^X / p), on the side where X is missing."""
    found = measure(0.5 * normal(0, 60, 1), torch.arange(60) % 4, samples=3)
    off, rare = stats.t.ppf(1 - 0.05 / 4, 60 * 2), math.log(2 / 0.05) / 180
    for name in QUANTITIES:
        value, error = getattr(found, name)
        room = rare * math.log((4 if name in ("preserved_relevant_information", "decoder_uncertainty") else 60) / rare)
        up, down = (room, 0) if name == "decoder_uncertainty" else (0, room)
        low, high = found.interval(name)
        assert math.isclose(low, value - off * error - down, abs_tol=1e-12), name
        assert math.isclose(high, value + off * error + up, abs_tol=1e-12), name


def test_standard_errors_are_those_of_repetition():
    latents, labels = 0.5 * normal(3, 40, 2), torch.arange(40) % 3
    found = [measure(latents, labels, samples=4, seed=seed) for seed in range(300)]
    for name in QUANTITIES:
        repeated = torch.stack([getattr(f, name).value for f in found]).std()
        promised = torch.stack([getattr(f, name).standard_error for f in found]).mean()
        assert 0.85 < promised / repeated < 1.15, name


def test_pairwise_bounds_are_the_formula():
    latents = 0.5 * normal(4, 3, 30, 4)
    squares = torch.cdist(latents, latents).square()
    lower, upper = pairwise_bounds(latents, 0.2)
    floor = 2 * math.log(TWO_PI_E * 0.2)
    expected = floor - torch.exp(-squares / 1.6).mean(-1).log().mean(-1)
    torch.testing.assert_close(lower, expected, rtol=0, atol=1e-10)
    expected = floor - torch.exp(-squares / 0.4).mean(-1).log().mean(-1)
    torch.testing.assert_close(upper, expected, rtol=0, atol=1e-10)


def test_an_ensemble_is_measured_as_its_networks_are():
    latents, labels = normal(5, 2, 3, 30, 2), torch.arange(30) % 4
    together = measure(latents, labels, seed=9)
    assert together.latent_entropy.value.shape == (2, 3)
    for index in np.ndindex(2, 3):
        alone = measure(latents[index], labels, seed=9)
        torch.testing.assert_close(values(together)[(slice(None), *index)], values(alone), rtol=0, atol=1e-12)
        error = together.decoder_uncertainty.standard_error[index]
        torch.testing.assert_close(error, alone.decoder_uncertainty.standard_error, rtol=0, atol=1e-12)


@pytest.mark.parametrize("block", [1, 7, 1000])
def test_blocks_change_nothing(block):
    latents, labels = normal(6, 2, 50, 3), torch.arange(50) % 4
    expected = values(measure(latents, labels))
    torch.testing.assert_close(values(measure(latents, labels, block=block)), expected, rtol=0, atol=1e-12)
    blocked = torch.stack([*pairwise_bounds(latents, block=block)])
    torch.testing.assert_close(blocked, torch.stack([*pairwise_bounds(latents)]), rtol=0, atol=1e-12)


def test_blocks_stay_small_however_many_inputs():
    for shape in [(60_000, 1), (160, 5000, 1)]:
        assert Mixture(torch.zeros(shape), 1.0).block * math.prod(shape[:-1]) <= 2**22


def test_the_callers_tensors_are_only_read():
    latents, labels = normal(7, 20, 2).float().requires_grad_(), torch.arange(20) % 3
    before = latents.detach().clone()
    found = measure(latents, labels)
    assert torch.equal(latents, before) and torch.equal(labels, torch.arange(20) % 3)
    assert not found.latent_entropy.value.requires_grad and found.latent_entropy.value.dtype == torch.float64


def test_labels_that_never_occur_do_not_count():
    latents = normal(8, 20, 2)
    few, sparse = torch.arange(20) % 2, torch.arange(20) % 2 * 900 + 50
    assert torch.equal(values(measure(latents, few)), values(measure(latents, sparse)))


def test_one_class_leaves_nothing_to_know_about_it():
    found = measure(normal(9, 20, 2), torch.zeros(20, dtype=torch.int64))
    assert found.label_entropy == 0 and found.preserved_relevant_information.value == 0
    assert torch.equal(found.redundant_information.value, found.preserved_information.value)


@pytest.mark.parametrize("seed", [0, 1])
def test_the_noise_is_independent_of_data_drawn_with_the_same_seed(seed):
    latents = 0.1 * normal(seed, 500, 64)
    lower, upper = pairwise_bounds(latents)
    value, error = measure(latents, torch.arange(500) % 5, seed=seed).latent_entropy
    assert lower - 3 * error < value < upper + 3 * error


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_agrees_with_cpu():
    latents, labels = normal(10, 3, 200, 64).float(), torch.arange(200) % 10
    found = values(measure(latents.cuda(), labels.cuda()))
    torch.testing.assert_close(found.cpu(), values(measure(latents, labels)), rtol=0, atol=1e-9)


ok, y = torch.zeros(4, 2), torch.tensor([0, 0, 1, 1])


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: measure(ok, y, 0.0), "without noise"),
        (lambda: measure(ok, y, -1.0), "noise_variance: got -1.0"),
        (lambda: measure(ok, y, math.nan), "noise_variance: got nan"),
        (lambda: measure(ok, y, stochastic=True), "dropout"),
        (lambda: measure(ok, y, samples=1), "samples: got 1"),
        (lambda: measure(ok, y, seed=-1), "seed"),
        (lambda: measure(ok, y, block=0), "block"),
        (lambda: measure(ok * math.nan, y), "8 NaN"),
        (lambda: measure(1e20 * y[:, None].double(), y), "latents: got values up to 5e.19 .* noise .* is lost"),
        (lambda: measure(ok[0], y), "shape"),
        (lambda: measure(ok[:0], y[:0]), "shape"),
        (lambda: measure(ok.long(), y), "int64"),
        (lambda: measure(ok, y[:3]), r"labels: got shape \(3,\)"),
        (lambda: measure(ok, y.float()), "labels: got dtype torch.float32"),
        (lambda: measure(ok, y - 1), "labels: got values from -1"),
        (lambda: measure(ok, y[None]), "labels: got shape"),
        (lambda: measure(ok, [0, 0, 1, 1]), "labels: got list"),
        (lambda: measure(ok, y.to("meta")), "meta"),
        (lambda: pairwise_bounds(ok, 0.0), "without noise"),
        (lambda: pairwise_bounds(ok * math.inf), "NaN or infinite"),
    ],
)
def test_bad_input_is_refused_with_what_came(call, said):
    with pytest.raises(InvalidInput, match=said):
        call()
