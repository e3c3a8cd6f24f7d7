"""Objectives against formulas written out in numpy, and every inequality of the chain on random latents."""

import functools
import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import xlogy
from scipy.stats import norm

from ibteach import objectives, seeds
from ibteach.errors import InvalidInput, UnknownName
from ibteach.objectives import CROSS_ENTROPIES, OBJECTIVES

TWO_PI_E = 2 * math.pi * math.e
FLOOR = 1 / TWO_PI_E
SURROGATES = [name for name in OBJECTIVES if name not in ("vib", "ceb", "ceb-fitted")]


def example(seed, examples=40, dimension=3, classes=4, scale=1.0):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, examples)
    centres = rng.normal(size=(classes, dimension)) * 2
    latents = scale * (centres[labels] + rng.normal(size=(examples, dimension)) * rng.uniform(0.1, 2, dimension))
    return torch.tensor(latents), torch.tensor(labels)


def oracle(name, latents, labels, noise):
    """Each bound from its definition, one class at a time, in numpy."""
    z, y = latents.numpy(), labels.numpy()
    dimension = z.shape[1]
    share = {c: np.mean(y == c) for c in np.unique(y)}
    covariance = {
        c: np.cov(z[y == c].T, bias=True).reshape(dimension, dimension) + noise * np.eye(dimension) for c in share
    }
    v = {c: np.diag(covariance[c]) for c in share}
    mean_v = sum(share[c] * v[c] for c in share)
    power = np.mean(np.sum(z**2, 1)) + dimension * noise
    return {
        "log-determinant": sum(p * 0.5 * np.log(np.linalg.det(TWO_PI_E * covariance[c])) for c, p in share.items()),
        "log-variance": sum(p * 0.5 * np.sum(np.log(TWO_PI_E * v[c])) for c, p in share.items()),
        "pooled-log-variance": 0.5 * np.sum(np.log(TWO_PI_E * mean_v)),
        "isotropic-log-variance": dimension / 2 * np.log(TWO_PI_E / dimension * mean_v.sum()),
        "log-power": dimension / 2 * np.log(TWO_PI_E / dimension * power),
        "variance": math.pi * math.e * mean_v.sum() - dimension / 2,
        "l2": math.pi * math.e * power - dimension / 2,
        "vib": _mean_kl(z, noise, np.zeros_like(z), np.ones_like(z)),
        "ceb": _mean_kl(z, noise, np.stack([z[y == c].mean(0) for c in y]), np.ones_like(z)),
        "ceb-fitted": _mean_kl(z, noise, np.stack([z[y == c].mean(0) for c in y]), np.stack([v[c] for c in y])),
        "mixture": _left_out(z, y, noise),
    }[name]


def _left_out(z, y, noise):
    """Example by example, with scipy's densities: those of the others of its class at its noisy latent."""
    total, drawn = 0.0, draws(z.shape, noise)
    for i, (centre, label) in enumerate(zip(z, y, strict=True)):
        others = [j for j in range(len(z)) if y[j] == label and j != i]
        total += np.sum(norm.entropy(np.zeros(z.shape[1]), noise**0.5))
        if others:
            at = centre + drawn[i].numpy()
            density = np.mean([np.prod(norm.pdf(at, z[j], noise**0.5)) for j in others])
            total += np.sum(norm.logpdf(drawn[i].numpy(), 0, noise**0.5)) - np.log(density)
    return total / len(z)


def draws(shape, noise=FLOOR):
    """What is drawn where nothing is given."""
    drawn = torch.randn(shape[-2:], generator=seeds.generator(0, "measured noise"))
    return drawn.double() * noise**0.5


def _mean_kl(means, variance, other_means, other_variances):
    ours = torch.distributions.Normal(torch.tensor(means), math.sqrt(variance))
    theirs = torch.distributions.Normal(torch.tensor(other_means), torch.tensor(other_variances).sqrt())
    return torch.distributions.kl_divergence(ours, theirs).sum(-1).mean().item()


@pytest.mark.parametrize("name", OBJECTIVES)
@pytest.mark.parametrize("noise", [FLOOR, 0.7])
def test_every_objective_against_its_definition(name, noise):
    latents, labels = example(1)
    assert OBJECTIVES[name](latents, labels, noise_variance=noise).item() == pytest.approx(
        oracle(name, latents, labels, noise), rel=1e-11, abs=1e-11
    )


@pytest.mark.parametrize("name", OBJECTIVES)
def test_gradients_against_finite_differences(name):
    latents, labels = example(2, examples=9, dimension=2, classes=3)
    assert torch.autograd.gradcheck(lambda z: OBJECTIVES[name](z, labels, classes=4), latents.requires_grad_())


@pytest.mark.parametrize("name", OBJECTIVES)
def test_networks_along_leading_axes_are_measured_one_by_one(name):
    many = [example(seed) for seed in range(6)]
    latents = torch.stack([latents for latents, _ in many]).reshape(2, 3, 40, 3)
    labels = many[0][1]
    together = OBJECTIVES[name](latents, labels, classes=4)
    assert together.shape == (2, 3)
    alone = [OBJECTIVES[name](z, labels, classes=4) for z in latents.reshape(6, 40, 3)]
    torch.testing.assert_close(together.flatten(), torch.stack(alone), rtol=1e-12, atol=1e-12)
    own_labels = torch.stack([labels for _, labels in many]).reshape(2, 3, 40)
    each = [OBJECTIVES[name](z, y, classes=4) for z, y in many]
    torch.testing.assert_close(OBJECTIVES[name](latents, own_labels, classes=4).flatten(), torch.stack(each))


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_the_chain_of_bounds(data):
    examples, dimension = data.draw(st.integers(2, 30)), data.draw(st.integers(1, 5))
    values = st.floats(-1e3, 1e3) | st.sampled_from([0.0, 1.0])
    latents = torch.tensor(data.draw(arrays(np.float64, (examples, dimension), elements=values)))
    labels = torch.tensor(data.draw(st.lists(st.integers(0, 3), min_size=examples, max_size=examples)))
    value = {name: OBJECTIVES[name](latents, labels).item() for name in OBJECTIVES}
    for chain in (
        ["log-determinant", "log-variance", "pooled-log-variance", "isotropic-log-variance", "log-power"],
        ["log-variance", "variance", "l2"],
        ["isotropic-log-variance", "variance"],
        ["log-power", "l2"],
    ):
        for lower, upper in itertools.pairwise(chain):
            assert value[lower] <= value[upper] + 1e-9 * (1 + abs(value[upper])), (lower, upper)
    assert value["log-determinant"] >= -1e-9


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 5))
def test_the_rates_are_the_surrogates(seed, dimension):
    latents, labels = example(seed, dimension=dimension)
    value = {name: OBJECTIVES[name](latents, labels).item() for name in OBJECTIVES}
    assert value["ceb-fitted"] == pytest.approx(value["log-variance"], abs=1e-10)
    # A rate is the surrogate over 2πe, up to the same constant for any latents: VIB ↔ L2, CEB ↔ variance.
    constant = dimension / 2 * (math.log(TWO_PI_E) - 1 + 1 / TWO_PI_E)
    assert value["vib"] - value["l2"] / TWO_PI_E == pytest.approx(constant, abs=1e-10)
    assert value["ceb"] - value["variance"] / TWO_PI_E == pytest.approx(constant, abs=1e-10)


@pytest.mark.parametrize("dimension", [1, 2, 7])
def test_bounds_on_h_z_given_y_meet_at_zero_when_only_noise_is_left(dimension):
    latents, labels = torch.zeros(12, dimension, dtype=torch.float64), torch.arange(12) % 3
    for name in SURROGATES:
        assert OBJECTIVES[name](latents, labels).item() == pytest.approx(0, abs=1e-12), name
    touching = torch.zeros(12, dimension, dtype=torch.float64, requires_grad=True)
    OBJECTIVES["l2"](touching, labels).backward()
    assert torch.equal(touching.grad, torch.zeros_like(touching))


def class_variances(z, labels):
    """v_iy + noise and p(y), class by class, from torch's own variance."""
    share = torch.stack([(labels == c).double().mean() for c in range(4)])
    return share, torch.stack([z[labels == c].var(0, correction=0) + FLOOR for c in range(4)])


def class_log_determinant(z, labels):
    share, _ = class_variances(z, labels)
    noise = FLOOR * torch.eye(z.shape[-1]).double()
    return (share * torch.stack([(z[labels == c].T.cov(correction=0) + noise).logdet() for c in range(4)])).sum()


def left_out(z, labels):
    """−E_i ln (1/(n_y−1)) Σ_j N(z_i; f(x_j), I/2πe), word for word."""
    at = (z + draws(z.shape)).unsqueeze(1)
    density = torch.distributions.Normal(z, FLOOR**0.5).log_prob(at).sum(-1).exp()
    others = (labels[:, None] == labels) & ~torch.eye(len(labels), dtype=torch.bool)
    return -((density * others).sum(-1) / others.sum(-1)).log().mean()


PLAIN = {  # what γ multiplies, written out
    "log-determinant": class_log_determinant,
    "log-variance": lambda z, y: (class_variances(z, y)[0] * class_variances(z, y)[1].log().sum(-1)).sum(),
    "pooled-log-variance": lambda z, y: (class_variances(z, y)[0] @ class_variances(z, y)[1]).log().sum(),
    "isotropic-log-variance": lambda z, y: 3 * (class_variances(z, y)[0] @ class_variances(z, y)[1]).sum().log(),
    "log-power": lambda z, y: 3 * (z.square().sum(-1).mean() + 3 * FLOOR).log(),
    "variance": lambda z, y: (class_variances(z, y)[0] @ class_variances(z, y)[1]).sum(),
    "l2": lambda z, y: z.square().sum(-1).mean(),
    "vib": lambda z, y: z.square().sum(-1).mean() / 2,
    "ceb": lambda z, y: (class_variances(z, y)[0] @ class_variances(z, y)[1]).sum() / 2,
    "ceb-fitted": lambda z, y: (class_variances(z, y)[0] * class_variances(z, y)[1].log().sum(-1)).sum() / 2,
    "mixture": left_out,
}


@pytest.mark.parametrize("name", OBJECTIVES)
def test_both_weights_give_the_same_gradients(name):
    latents, labels = example(3)
    z = latents.clone().requires_grad_()
    gamma = OBJECTIVES[name].gamma(beta_prime=0.3)
    (by_beta,) = torch.autograd.grad(0.3 * OBJECTIVES[name](z, labels), z)
    (by_gamma,) = torch.autograd.grad(gamma * PLAIN[name](z, labels), z)
    torch.testing.assert_close(by_beta, by_gamma)
    assert OBJECTIVES[name].beta_prime(gamma=gamma) == pytest.approx(0.3)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_the_mixture_is_at_least_h_z_given_y_of_the_examples_at_hand(data):
    """Their expectations over the noise, by quadrature in one dimension: no draw, so no error to allow for."""
    latents = torch.tensor(data.draw(st.lists(st.floats(-2, 2) | st.sampled_from([0.0, 0.3]), min_size=1, max_size=9)))
    latents = latents.double()[:, None]
    labels = torch.tensor(data.draw(st.lists(st.integers(0, 2), min_size=len(latents), max_size=len(latents))))
    nodes, weights = np.polynomial.hermite_e.hermegauss(90)
    noise = torch.tensor(nodes * FLOOR**0.5).expand(len(latents), 90)  # every example gets every node in its turn
    each = OBJECTIVES["mixture"](latents.expand(90, -1, 1), labels, noise=noise.T[..., None])
    bound = (each.numpy() @ weights) / weights.sum()

    entropy, at = 0.0, np.linspace(-4, 4, 8001)
    for label in labels.unique():
        density = norm.pdf(at[:, None], latents[labels == label, 0].numpy(), FLOOR**0.5).mean(1)
        entropy += (labels == label).double().mean().item() * -np.trapezoid(xlogy(density, density), at)
    assert bound >= entropy - 1e-6
    assert bound >= -1e-9


def test_the_mixture_loses_less_than_a_gaussian_where_a_class_is_no_gaussian():
    latents = torch.tensor([-3.0, 3.0]).double().repeat(200)[:, None]  # one class in two far places: ln 2
    labels = torch.zeros(400, dtype=torch.long)
    assert OBJECTIVES["mixture"](latents, labels).item() == pytest.approx(math.log(2), abs=0.01)
    assert OBJECTIVES["log-determinant"](latents, labels).item() > 2.5


# ------------------------------------------------------------------------------- small batches, and bad ones


def test_a_class_with_one_example_counts_as_noise_and_one_with_none_not_at_all():
    latents = torch.tensor([[5.0, 1.0], [2.0, 2.0], [4.0, 2.0]], dtype=torch.float64)
    labels = torch.tensor([0, 2, 2])
    expected = 2 / 3 * 0.5 * (math.log(TWO_PI_E * (1 + FLOOR)) + 0)
    assert OBJECTIVES["log-variance"](latents, labels, classes=9).item() == pytest.approx(expected)
    without_noise = OBJECTIVES["variance"](latents, labels, classes=9, noise_variance=0).item()
    assert without_noise == pytest.approx(math.pi * math.e * 1.0 - 1)  # only the class with two examples


def test_gradients_stay_finite_where_classes_are_missing_or_collapsed():
    for noise in (FLOOR, 0.0):
        for name in [name for name, objective in OBJECTIVES.items() if noise > 0 or not objective.needs_noise]:
            latents = torch.ones(6, 2, requires_grad=True)
            value = OBJECTIVES[name](latents, torch.tensor([0, 0, 0, 3, 3, 5]), classes=8, noise_variance=noise)
            value.backward()
            assert torch.isfinite(value) and torch.isfinite(latents.grad).all(), name


def test_small_batches_bias_the_variance_downwards():
    generator = torch.Generator().manual_seed(0)
    latents = torch.randn(20_000, 4, 1, generator=generator, dtype=torch.float64)
    labels = torch.zeros(4, dtype=torch.long)
    measured = (OBJECTIVES["variance"](latents, labels, noise_variance=0).mean() + 0.5) / (math.pi * math.e)
    assert measured.item() == pytest.approx(3 / 4, abs=0.01)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_half_precision_and_autocast_do_not_cost_the_small_variances(name):
    latents, labels = example(8, examples=64)
    latents = 100 * latents.sign() + 0.1 * latents  # class means far from the origin
    expected = OBJECTIVES[name](latents, labels, classes=4).item()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        cast = OBJECTIVES[name](latents.float(), labels, classes=4)
    assert cast.dtype == torch.float32 and cast.item() == pytest.approx(expected, rel=1e-3)
    half = OBJECTIVES[name]((latents / 16).half(), labels, classes=4)
    assert half.dtype == torch.float32 and torch.isfinite(half)


def test_log_determinant_of_fewer_examples_than_dimensions():
    latents, labels = example(9, examples=16, dimension=64, scale=1000)
    expected = OBJECTIVES["log-determinant"](latents.double(), labels, classes=4).item()
    assert OBJECTIVES["log-determinant"](latents.float(), labels, classes=4).item() == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("kind", [torch.uint8, torch.int16, torch.int32])
def test_labels_of_any_integer_type(kind):
    latents, labels = example(5)
    for objective in OBJECTIVES.values():
        assert torch.equal(objective(latents, labels.to(kind)), objective(latents, labels))
    logits = torch.randn(2, 40, 4, generator=torch.Generator().manual_seed(0))
    for cross_entropy in CROSS_ENTROPIES.values():
        assert torch.equal(cross_entropy.function(logits, labels.to(kind)), cross_entropy.function(logits, labels))


GOOD = torch.zeros(4, 2), torch.tensor([0, 0, 1, 1])


@pytest.mark.parametrize(
    ("latents", "labels", "options", "said"),
    [
        (torch.zeros(4), GOOD[1], {}, r"latents: got shape \(4,\), expected \(\.\.\., N, K\)"),
        (torch.zeros(4, 0), GOOD[1], {}, r"latents: got shape \(4, 0\)"),
        (torch.zeros(0, 2), torch.zeros(0, dtype=torch.long), {}, r"latents: got shape \(0, 2\)"),
        (torch.zeros(4, 2, dtype=torch.int64), GOOD[1], {}, "latents: got dtype torch.int64"),
        (np.zeros((4, 2)), GOOD[1], {}, "latents: got ndarray"),
        (torch.full((4, 2), math.nan), GOOD[1], {}, "latents: got 8 NaN or infinite of 8"),
        (torch.full((4, 2), math.inf), GOOD[1], {}, "latents: got 8 NaN or infinite of 8"),
        (GOOD[0], torch.zeros(3, dtype=torch.long), {}, r"labels: got shape \(3,\), expected \(4,\)"),
        (GOOD[0], torch.zeros(4), {}, "labels: got dtype torch.float32"),
        (GOOD[0], torch.tensor([0, 0, 1, -1]), {}, "labels: got values from -1 to 1"),
        (GOOD[0], torch.tensor([0, 0, 1, 5]), {"classes": 3}, "labels: got values from 0 to 5, expected 0 to 2"),
        (*GOOD, {"noise_variance": -1}, "noise_variance: got -1"),
        (*GOOD, {"noise_variance": math.nan}, "noise_variance: got nan"),
        (GOOD[0], torch.arange(4), {"noise_variance": 0}, "no class with two examples"),
        (*GOOD, {"classes": 0}, "classes: got 0"),
        (*GOOD, {"classes": 2.0}, r"classes: got 2\.0"),
        (torch.tensor([[1e30], [-1e30]]), torch.tensor([0, 0]), {}, r"latents: got values up to 1e\+30, whose squares"),
    ],
)
@pytest.mark.parametrize("name", ["variance", "log-variance", "l2"])
def test_bad_input_is_refused_before_any_work(latents, labels, options, said, name):
    if name != "l2" or options != {"noise_variance": 0}:
        with pytest.raises(InvalidInput, match=said):
            OBJECTIVES[name](latents, labels, **options)


@pytest.mark.parametrize("weight", [{"gamma": -1}, {"gamma": math.nan}, {"beta_prime": math.inf}, {"beta_prime": -0.1}])
def test_negative_or_infinite_weights_are_refused(weight):
    with pytest.raises(InvalidInput, match=f"{next(iter(weight))}: got .*, expected a finite number >= 0"):
        objectives.weight("l2", **weight)


def test_the_convention_must_be_named():
    for both in ({}, {"gamma": 1, "beta_prime": 1}):
        with pytest.raises(InvalidInput, match="expected exactly one of them"):
            objectives.weight("l2", **both)
    with pytest.raises(UnknownName, match="did you mean 'log-variance'"):
        objectives.weight("logvariance", gamma=1.0)
    with pytest.raises(InvalidInput, match="can be infinite without noise"):
        OBJECTIVES["vib"](*GOOD, noise_variance=0)


@pytest.mark.parametrize(
    ("noise", "said"),
    [
        (torch.zeros(3, 2), r"noise: got shape \(3, 2\)"),
        (torch.zeros(4, 2).long(), "noise: got dtype torch.int64"),
        (torch.full((4, 2), math.nan), "noise: got 8 NaN"),
        ([[0.0, 0.0]], "noise: got list"),
    ],
)
def test_noise_is_a_draw_for_each_latent(noise, said):
    for name in ("mixture", "l2"):
        with pytest.raises(InvalidInput, match=said):
            OBJECTIVES[name](*GOOD, noise=noise)
    with pytest.raises(InvalidInput, match="noise: got None"):
        objectives.loss(torch.zeros(4, 2), *GOOD, "mixture", gamma=1.0)
    with pytest.raises(InvalidInput, match="latents: takes"):
        OBJECTIVES["mixture"](torch.zeros(10**5, 1), torch.zeros(10**5, dtype=torch.long))


# ----------------------------------------------------------------------------------------- cross-entropies


def logits_of(seed, samples=7, examples=11, classes=5):
    generator = torch.Generator().manual_seed(seed)
    logits = 3 * torch.randn(samples, examples, classes, generator=generator, dtype=torch.float64)
    return logits, torch.randint(classes, (examples,), generator=generator)


def test_cross_entropies_against_their_definitions():
    logits, labels = logits_of(0)
    probability = np.exp(logits.numpy()) / np.exp(logits.numpy()).sum(-1, keepdims=True)
    likelihood = probability[:, np.arange(11), labels.numpy()]
    decoder = objectives.decoder_cross_entropy(logits, labels)
    np.testing.assert_allclose(decoder.numpy(), -np.log(likelihood).mean(1), rtol=1e-12)
    prediction = objectives.prediction_cross_entropy(logits, labels)
    assert prediction.item() == pytest.approx(-np.log(likelihood.mean(0)).mean(), rel=1e-12)
    torch_says = torch.nn.functional.cross_entropy(logits[0], labels)
    assert decoder[0].item() == pytest.approx(torch_says.item(), rel=1e-12)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6))
def test_averaging_over_more_samples_never_raises_the_loss_in_expectation(seed):
    """Over all subsets of S of 6 given samples the mean falls monotonically in S: Jensen, without Monte Carlo error."""
    from itertools import combinations

    logits, labels = logits_of(seed, samples=6)
    means = [
        np.mean(
            [
                objectives.prediction_cross_entropy(logits[list(chosen)], labels).item()
                for chosen in combinations(range(6), s)
            ]
        )
        for s in range(1, 7)
    ]
    assert all(later <= earlier + 1e-12 for earlier, later in itertools.pairwise(means))
    assert means[0] == pytest.approx(objectives.decoder_cross_entropy(logits, labels).mean().item())


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10**6))
def test_error_bounds(seed):
    logits, labels = logits_of(seed)
    likelihood = logits.softmax(-1)[:, torch.arange(11), labels]
    sampled = 1 - likelihood.mean().item()
    argmax = (logits.softmax(-1).mean(0).argmax(-1) != labels).double().mean().item()
    decoder = objectives.training_error_bounds(objectives.decoder_cross_entropy(logits, labels).mean())
    prediction = objectives.training_error_bounds(objectives.prediction_cross_entropy(logits, labels))
    assert sampled <= prediction.sampled + 1e-12 <= decoder.sampled + 2e-12 <= decoder.linear + 3e-12
    assert argmax <= prediction.argmax + 1e-12


def test_cross_entropies_refuse_bad_input():
    logits, labels = logits_of(0)
    with pytest.raises(InvalidInput, match=r"logits: got shape \(0, 11, 5\)"):
        objectives.prediction_cross_entropy(logits[:0], labels)
    for cross_entropy in CROSS_ENTROPIES.values():
        with pytest.raises(InvalidInput, match=r"logits: got \d+ NaN or infinite"):
            cross_entropy.function(logits * math.nan, labels)
    with pytest.raises(InvalidInput, match=r"logits: got shape \(7, 11, 5\) with latents \(11, 2\)"):
        objectives.loss(logits, torch.zeros(11, 2), labels, "l2", gamma=1.0)
    with pytest.raises(InvalidInput, match=r"labels: got shape \(10,\), expected \(11,\)"):
        objectives.decoder_cross_entropy(logits, labels[:10])
    with pytest.raises(InvalidInput, match="labels: got values from"):
        objectives.decoder_cross_entropy(logits, labels + 4)
    with pytest.raises(InvalidInput, match="expected nats >= 0"):
        objectives.training_error_bounds(torch.tensor(-0.1))


def test_loss_is_cross_entropy_plus_weighted_bound():
    latents, labels = example(5)
    logits = torch.randn(40, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    noise = draws(latents.shape)
    for name, objective in OBJECTIVES.items():
        loss = functools.partial(objectives.loss, logits, latents, labels, name, noise=noise)
        expected = objectives.decoder_cross_entropy(logits, labels) + 0.2 * objective(latents, labels, noise=noise)
        torch.testing.assert_close(loss(beta_prime=0.2), expected)
        torch.testing.assert_close(loss(gamma=objective.gamma(beta_prime=0.2)), expected)
        louder = loss(beta_prime=0.2, noise_variance=0.9)
        other = objective(latents, labels, noise_variance=0.9, noise=noise) - objective(latents, labels, noise=noise)
        torch.testing.assert_close(louder - expected, 0.2 * other)
        assert abs(other.item()) > 0.01


def test_a_certain_prediction_has_no_negative_cross_entropy():
    logits = torch.full((7, 3, 2), 50.0) * torch.tensor([1.0, -1.0])
    value = objectives.prediction_cross_entropy(logits, torch.zeros(3, dtype=torch.long))
    assert value.item() == 0
    assert objectives.training_error_bounds(value).sampled.item() == 0
