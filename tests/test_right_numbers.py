"""Right numbers or an error: what once came out as NaN, infinity, or a wrong number in silence.

Each test is of something that was seen; `tests/fuzz` looks for the next.
"""

import dataclasses
import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from ibteach import data, networks, training
from ibteach.bottleneck import curve, gaussian, tabular
from ibteach.data.augmentation import augment
from ibteach.display.live import diagrams, photographs
from ibteach.errors import InvalidInput
from ibteach.evaluation import attacks, ood, prediction, sampling
from ibteach.information import comparison, continuous, discrete, estimators, geometry, mixture
from ibteach.networks.bottleneck import Bottleneck
from ibteach.objectives import CROSS_ENTROPIES, OBJECTIVES, loss, moments
from ibteach.training import measuring, sweeps

LATENTS, LABELS = torch.randn(50, 3, generator=torch.Generator().manual_seed(0)), torch.arange(50) % 2
UNIT = torch.eye(3)


@pytest.fixture(scope="module")
def digits():
    return data.load("digits")


@pytest.fixture
def network(digits):
    return networks.mlp(digits.shape, classes=10)


def broken(network):
    with torch.no_grad():
        network.decoder.weight[0, 0] = math.nan
    return network


@pytest.mark.parametrize(
    "use",
    [
        lambda n, d, x, y: prediction.probabilities(n, d, x),
        lambda n, d, x, y: attacks.perturb(n, d, x, y, "fgsm"),
        lambda n, d, x, y: sampling.log_likelihoods(n, d, x, y, samples=2),
        lambda n, d, x, y: measuring.encode(n, d, x),
        lambda n, d, x, y: dataclasses.replace(d, test_images=x, test_labels=y),
    ],
)
def test_images_are_bytes(digits, network, use):
    images, labels = digits.test_images[:5], digits.test_labels[:5]
    use(network, digits, images, labels)
    with pytest.raises(InvalidInput, match=r"images: got dtype torch.float32, expected a uint8"):
        use(network, digits, images / 16, labels)


def test_images_on_another_scale_are_no_pixels(digits, network):
    with pytest.raises(InvalidInput, match="images: got values up to 240, expected at most 16"):
        prediction.probabilities(network, digits, digits.test_images[:5] * 15)
    predict = prediction.Prediction(network, digits)
    with pytest.raises(InvalidInput, match=r"pixels: got values from 0 to 16, expected shares"):
        predict(digits.test_images[:5].float())


def test_networks_and_labels_of_other_types(digits, network):
    images, labels = digits.test_images[:5], digits.test_labels[:5]
    several = networks.Ensemble([network, networks.mlp(digits.shape, classes=10)])
    single = [prediction.probabilities(one, digits, images) for one in (network, several)]
    expected = sampling.log_likelihoods(network, digits, images, labels, samples=2)
    found = sampling.log_likelihoods(network.double(), digits, images, labels.to(torch.uint8), samples=2)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)
    for one, found in zip((network, several.double()), single, strict=True):
        torch.testing.assert_close(prediction.probabilities(one, digits, images), found, rtol=1e-5, atol=1e-6)
    with pytest.raises(InvalidInput, match=r"images: got shape \(0, 1, 8, 8\)"):
        prediction.probabilities(network, digits, images[:0])


def test_networks_with_nan_answer_nothing(digits, network, tmp_path):
    images, labels, run = digits.test_images[:5], digits.test_labels[:5], training.Run.of("l2", gamma=0.1)
    for use in (
        lambda n: prediction.probabilities(n, digits, images),
        lambda n: sampling.log_likelihoods(n, digits, images, labels, samples=2),
        lambda n: training.fit(n, digits, run, epochs=1, progress=False),
    ):
        with pytest.raises(InvalidInput, match=r"got NaN or infinity in decoder\.weight"):
            use(broken(network))
    with pytest.raises(InvalidInput, match="mean: got 1 NaN"):
        dataclasses.replace(digits, mean=torch.tensor([math.nan]))


@pytest.mark.parametrize("draws", [0, -1, 65, 1.5])
def test_a_prediction_of_no_draw_is_none(digits, network, draws):
    with pytest.raises(InvalidInput, match="draws: got"):
        prediction.Prediction(network, digits).of_first(draws)


@pytest.mark.parametrize("bound", [continuous.log_det_bound, continuous.diagonal_bound])
def test_bounds_of_large_latents_and_of_any_noise(bound):
    """In float32 the squares are infinite, in float64 they are not; an entropy of infinite noise there is none."""
    large = bound(LATENTS * 1e20)
    assert large.dtype == torch.float32
    torch.testing.assert_close(large.double(), bound(LATENTS.double() * 1e20), rtol=1e-6, atol=0)
    for variance in (1e-308, 1e308):
        expected = 1.5 * (math.log(variance) + math.log(continuous.TWO_PI_E))
        assert bound(torch.ones(4, 3), variance).item() == pytest.approx(expected)
    with pytest.raises(InvalidInput, match="latents: got values so large"):
        bound(LATENTS.double() * 1e200)


def test_divergences_of_what_is_too_far_apart():
    far = {"mean": LATENTS[0] * 1e20, "other_mean": LATENTS[1]}
    with pytest.raises(InvalidInput, match=r"no finite torch\.float32"):
        continuous.gaussian_kl(**far, covariance=UNIT, other_covariance=UNIT)
    ones = torch.ones(3)
    with pytest.raises(InvalidInput, match=r"no finite torch\.float32"):
        continuous.diagonal_kl(**far, variance=ones, other_variance=ones)
    with pytest.raises(InvalidInput, match="held_out: got values so large"):
        continuous.gaussian_cross_entropy(LATENTS, LATENTS.double() * 1e200)
    with pytest.raises(InvalidInput, match=r"got batches of shapes \(3,\), \(2,\)"):
        continuous.diagonal_kl(torch.zeros(3, 4), torch.ones(3, 4), torch.zeros(2, 4), torch.ones(2, 4))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_taken_as_float32(dtype):
    for found, expected in [
        (continuous.gaussian_entropy(UNIT.to(dtype)), continuous.gaussian_entropy(UNIT)),
        (continuous.log_det_bound(LATENTS.to(dtype)), continuous.log_det_bound(LATENTS.to(dtype).float())),
        (
            continuous.diagonal_entropy(torch.full((3,), 6e4).to(dtype)),
            continuous.diagonal_entropy(torch.full((3,), 6e4)),
        ),
    ]:
        torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3)


def test_noise_of_any_variance():
    found = mixture.measure(LATENTS, LABELS, 1e200).latent_entropy
    assert found.value.item() == pytest.approx(1.5 * (math.log(1e200) + math.log(continuous.TWO_PI_E)), rel=1e-6)
    for measure in (lambda v: mixture.measure(LATENTS, LABELS, v), lambda v: mixture.pairwise_bounds(LATENTS, v)):
        with pytest.raises(InvalidInput, match=r"noise_variance: got 1e.308"):
            measure(1e308)
    for objective in OBJECTIVES.values():
        with pytest.raises(InvalidInput, match=r"noise_variance: got 1e-308.*less is lost"):
            objective(LATENTS, LABELS, noise_variance=1e-308)


def test_weights_beyond_all_numbers():
    for objective in OBJECTIVES.values():
        for convert in (lambda one: one.gamma(beta_prime=1e308), lambda one: one.beta_prime(gamma=1e308)):
            try:
                assert math.isfinite(convert(objective))
            except InvalidInput as error:
                assert "for this" in str(error)


def test_gaussians_of_classes_that_are_beyond_all_numbers():
    with pytest.raises(InvalidInput, match="whose squares are too large"):
        ood.ClassGaussians.fit(LATENTS.double() * 1e200, LABELS, 2)
    gaussians = ood.ClassGaussians.fit(LATENTS, LABELS, 2)
    with pytest.raises(InvalidInput, match="so far from every class"):
        gaussians.surprise(LATENTS.double() * 1e200)


@pytest.mark.parametrize("points", [([math.nan], [1.0]), ([math.inf], [1.0]), ([1.0, 2.0], [1.0]), ([-1.0], [1.0])])
def test_an_envelope_is_of_points(points):
    with pytest.raises(InvalidInput, match="got tensor"):
        curve.envelope(*points)


@pytest.mark.parametrize("alpha", [1.0, 0.5, 0.0])
def test_a_trade_off_beside_which_the_rate_is_lost(alpha):
    """From β = 1e308 on the encoders were NaN; long before, nothing but I[T;Y] was left of the objective."""
    table = [[0.3, 0.1, 0.05], [0.05, 0.2, 0.1], [0.02, 0.08, 0.1]]
    for solve in (lambda beta: tabular.solve(table, beta, alpha), lambda beta: curve.solve_squared(table, beta)):
        found = solve(tabular.LARGEST_BETA)
        assert found.relevance.item() == pytest.approx(discrete.Joint(table, "X Y").I("X;Y").item())
        for beta in (1e16, 1e308):
            with pytest.raises(InvalidInput, match=r"beta: got 1e\+.*, expected numbers > 0 and <= 1e\+15"):
                solve(beta)


@pytest.mark.parametrize("correlation", [1e-8, 0.8, 1 - 1e-12])
def test_a_gaussian_has_its_rate_at_any_beta(correlation):
    curve = gaussian.GaussianBottleneck([[1.0, correlation], [correlation, 1.0]], inputs=1)
    assert torch.isfinite(curve.rate(1e290)) and curve.rate(4 / correlation**2) > 0
    with pytest.raises(InvalidInput, match=r"beta: got 1e\+308, expected numbers > 0 and <= 1e\+290"):
        curve.rate(1e308)


@pytest.mark.parametrize("scale", [2.0**600, 2.0**-600])
def test_samples_in_any_unit(scale):
    """Squares of these distances are infinite, or 0: that was an entropy of ∞, and 0.01 nats of 0.73."""
    x, shift = LATENTS[:, :2].double(), 2 * math.log(scale)
    y = x + LATENTS.double().flip(0)[:, 1:]
    assert estimators.kozachenko_leonenko(x * scale) == pytest.approx(estimators.kozachenko_leonenko(x) + shift)
    for estimate in (
        estimators.ksg,
        lambda x, y: estimators.ksg(x, y, metric="euclidean"),
        lambda x, y: estimators.ksg(x, y, variant=2, metric="euclidean"),
        lambda x, y: estimators.ross(x, LABELS),
        estimators.gaussian_plug_in,
    ):
        assert estimate(x * scale, y * scale) == pytest.approx(estimate(x, y), rel=1e-12)


def test_a_table_that_wants_a_gradient_is_solved():
    table = torch.tensor([[0.4, 0.1], [0.1, 0.4]], dtype=torch.float64)
    for solve in (tabular.solve, curve.solve_squared):
        wanting = solve(table.clone().requires_grad_(), torch.tensor(3.0, requires_grad=True))
        torch.testing.assert_close(wanting.rate, solve(table, 3.0).rate, rtol=0, atol=0)


def test_batches_that_do_not_fit():
    three, two = torch.full((3, 2), 0.5), torch.full((2, 2), 0.5)
    for compare in (discrete.kl_divergence, discrete.cross_entropy):
        with pytest.raises(InvalidInput, match=r"p, q: got batches of shapes \(3,\), \(2,\)"):
            compare(three, two)
    with pytest.raises(InvalidInput, match="table, channel: got batches"):
        discrete.Joint(torch.full((3, 2, 2), 0.25), "X Y").encode("Z|X", torch.full((2, 2, 2), 0.5))


def test_the_relevance_of_a_gaussian_is_what_its_docstring_says():
    ib, beta, squared = gaussian.GaussianBottleneck([[1.0, 0.8], [0.8, 1.0]], inputs=1), 5.0, 0.64
    assert ib.relevance(beta).item() == pytest.approx(ib.rate(beta).item() - 0.5 * math.log(beta * squared))
    assert "½ ln(β ρ²)" in gaussian.GaussianBottleneck.relevance.__doc__


# ------------------------------------------------------------------------------- exact only of what is deterministic


class Careless(nn.Module):
    """Drops out in a function, which nobody sees."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(64, 2)

    def forward(self, images):
        return self.layer(F.dropout(images.flatten(1), 0.2, training=self.training))


class Rows(nn.Module):
    """Leaves out whole rows, as torchvision's StochasticDepth does."""

    def __init__(self):
        super().__init__()
        from torchvision.ops import StochasticDepth

        self.layer, self.drop = nn.Linear(64, 2), StochasticDepth(0.01, "row")

    def forward(self, images):
        return self.drop(self.layer(images.flatten(1)))


class Company(nn.Module):
    """Normalises each batch by itself, whatever the mode."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(64, 2)

    def forward(self, images):
        return F.batch_norm(self.layer(images.flatten(1)), None, None, training=True)


@pytest.mark.parametrize("encoder, said", [(Careless, "chance"), (Rows, "chance"), (Company, "other images beside it")])
def test_information_is_exact_only_of_a_function_of_each_image(digits, encoder, said):
    run, quick = training.Run.of("l2", gamma=0.1), {"epochs": 1, "progress": False, "eval_examples": 50}
    with pytest.raises(InvalidInput, match=f"information: got True for .*{said}"):
        training.fit(Bottleneck(encoder(), 2, 10), digits, run, information=True, **quick)
    model = Bottleneck(encoder(), 2, 10)
    training.fit(model, digits, run, **quick)
    assert model.stochastic == (said == "chance")  # so that each of the measured draws is one of its dropout too


def test_a_network_of_an_ensemble_takes_the_chances_that_the_ensemble_was_found_to_take(digits):
    runs = training.grid(["l2"], gammas=[0.1, 1.0])
    model = training.build(lambda: Bottleneck(Careless(), 2, 10), runs)
    training.fit(model, digits, runs, epochs=1, progress=False, eval_examples=50)
    first, second = (measuring.encode(model.network(1), digits, digits.test_images[:20]) for _ in range(2))
    assert model.stochastic and not torch.equal(first, second)


def test_measuring_runs_in_evaluation_mode(digits):
    """Also what is neither dropout nor normalisation, but asks for the mode."""

    class Moody(nn.Module):
        def forward(self, images):
            return images.flatten(1)[:, 10:12] * (1000 if self.training else 1)

    model = Bottleneck(Moody(), 2, 10).train()
    latents = measuring.encode(model, digits, digits.test_images[:20])
    assert latents.abs().max() < 100 and model.encoder.training


# ------------------------------------------------------------------------------------- what is left as it was found


def test_the_callers_random_state_is_left_alone(digits, tmp_path):
    network = networks.mlp(digits.shape, classes=10, dropout=0.5)
    training.save_network(tmp_path / "n", network, digits.shape)
    runs = training.grid(["l2"], gammas=[0.1, 1.0])
    dropping = nn.Sequential(nn.Flatten(), nn.Dropout(0.5), nn.Linear(64, 4))
    for use in (
        lambda: sweeps.plan("digits", {"network": "mlp", "hidden": [8], "dropout": 0.5}, runs, epochs=1),
        lambda: training.load_network(tmp_path / "n"),
        lambda: training.fit(network, digits, runs[0], epochs=1, progress=False, eval_examples=20),
        lambda: sampling.log_likelihoods(network, digits, digits.test_images[:3], digits.test_labels[:3], samples=2),
    ):
        before = torch.get_rng_state()
        use()
        assert torch.equal(torch.get_rng_state(), before)
    encoder = networks.from_backbone(dropping, digits.shape, classes=10).encoder
    assert encoder is dropping and encoder.training


def test_rounded_products_do_not_reach_class_means(monkeypatch):
    """Where torch may multiply in TF32, sums of a class are taken in float64: here a product would cost ten bits."""
    real = torch.Tensor.__matmul__

    def rounded(one, other):
        if one.dtype == torch.float32:
            one, other = one.bfloat16().float(), other.bfloat16().float()
        return real(one, other)

    exact = moments(LATENTS.double() + 100, LABELS, 2)
    monkeypatch.setattr(torch.Tensor, "__matmul__", rounded)
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high")
    try:
        found = moments(LATENTS + 100, LABELS, 2)
    finally:
        torch.set_float32_matmul_precision(before)
    torch.testing.assert_close(found.variance.double(), exact.variance, rtol=1e-4, atol=0)


@pytest.mark.parametrize("classes", [1, 2])
def test_moments_of_many_latents_that_lie_far_from_zero(classes):
    """A sum of 60,000 in float32 lost a class mean: 7.9 nats instead of 0.08, and with two classes far apart too."""
    labels = torch.arange(60_000) % classes
    latents = 0.05 * torch.randn(60_000, 2, generator=torch.Generator().manual_seed(0)) + 1e4 - 2e4 * labels[:, None]
    for name in ("log-determinant", "log-variance", "variance", "ceb"):
        found, exact = (OBJECTIVES[name](values, labels).double() for values in (latents, latents.double()))
        torch.testing.assert_close(found, exact, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("spread", "noise"), [(1e8, continuous.ZERO_ENTROPY_VARIANCE), (10.0, 1e-14)])
def test_collinear_units_beside_little_noise(spread, noise):
    """Eigenvalues of a covariance are exact to the rounding of the largest only, singular values of latents are not."""
    line = spread * LATENTS[:, :1].double() @ torch.tensor([[0.4, 0.7, -0.6, 0.2]]).double()
    expected = continuous.log_det_bound(line, noise).item()
    found = continuous.gaussian_cross_entropy(line, line, noise).mean().item()
    assert found == pytest.approx(expected, abs=1e-9)  # of the examples that were fitted
    few = continuous.gaussian_cross_entropy(line[:3], line[:3], noise).mean().item()
    assert few == pytest.approx(continuous.log_det_bound(line[:3], noise).item(), abs=1e-9)
    for use in (
        lambda: OBJECTIVES["log-determinant"](line, LABELS, noise_variance=noise),
        lambda: loss(torch.zeros(50, 2), line, LABELS, "log-determinant", gamma=1.0, noise_variance=noise),
    ):
        with pytest.raises(InvalidInput, match="which log-determinant loses noise"):
            use()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_covariances_that_are_large_in_all_directions_have_determinants(dtype):
    found = OBJECTIVES["log-determinant"](1e8 * LATENTS.to(dtype), LABELS).item()
    scaled = OBJECTIVES["log-determinant"](LATENTS.double(), LABELS, noise_variance=1e-16).item()
    assert found == pytest.approx(scaled + 3 * math.log(1e8), rel=1e-6)


def test_the_mixture_of_clusters_that_are_far_apart():
    """Within one class, at distances whose squares do not cancel: it was 3.281 nats instead of 0.719."""
    apart = LATENTS.double() + torch.arange(50)[:, None] // 25 * 1e8
    with pytest.raises(InvalidInput, match="which mixture loses noise"):
        OBJECTIVES["mixture"](apart, LABELS)
    assert OBJECTIVES["mixture"](apart, torch.arange(50) // 25).isfinite()  # each in a class of its own


def test_bins_have_finite_numbers():
    """All points were in bin ∞, which says nothing of anything: 0 nats."""
    for x, y in ((LATENTS, LABELS), (LATENTS[:, 0] * 1e-9, LATENTS[:, 1])):
        with pytest.raises(InvalidInput, match=r"width: got 1e-308 for values up to .*take a larger width"):
            estimators.binning(x, y, 1e-308)
    assert estimators.binning(LATENTS, LABELS, 1e-300) == pytest.approx(math.log(2))


@pytest.mark.parametrize("kind", sorted(CROSS_ENTROPIES))
def test_a_cross_entropy_is_a_number(kind):
    large = torch.tensor([[3e38, -3e38], [0.0, 0.0]])
    for logits in (large, large[None]) if kind == "decoder" else (large[None], large[None, None]):
        with pytest.raises(InvalidInput, match=r"logits: got values up to 3e\+38, whose cross-entropy is infinite"):
            CROSS_ENTROPIES[kind].function(logits, torch.tensor([1, 0]))
    found = CROSS_ENTROPIES[kind].function(large[None].double(), torch.tensor([1, 0]))
    assert found.flatten().tolist() == pytest.approx([3e38])


@pytest.mark.parametrize("scale", [1.0, 1e3, 1e5])
def test_predictions_of_decoders_that_have_grown(digits, network, scale):
    """Where a draw moves a logit by more than 354, its share of the mean was cut off."""
    with torch.no_grad():
        network.decoder.weight.mul_(scale)
        network.decoder.bias.copy_(torch.linspace(0, scale, 10))
    predict = prediction.Prediction(network, digits)
    pixels = predict.pixels(digits.test_images[:20]).requires_grad_()
    found = predict(pixels)
    z = predict.latents(pixels).double()[0] + predict.draws.double()[:, None]
    each = z @ network.decoder.weight.double().mT + network.decoder.bias.double()
    expected = each.log_softmax(-1).logsumexp(0) - math.log(len(each))
    torch.testing.assert_close(found[0].exp(), expected.exp().float(), rtol=1e-4, atol=1e-6)
    gradient = torch.autograd.grad(found[..., 0].sum(), pixels)[0]
    torch.testing.assert_close(gradient, torch.autograd.grad(expected[..., 0].sum(), pixels)[0], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("thin", [0.1, 1e-2, 1e-3, 1e-4])
def test_thin_ellipses_that_cross_have_an_area_in_common(thin):
    """At right angles 4ab·arctan(b/a): from 1 : 100 on it fell between the places where the height is looked at."""
    crossing = [[2.0, 1.0, 1.0, thin, math.pi / 4], [2.0, 1.0, 1.0, thin, -math.pi / 4]]
    expected = 4 * thin * math.atan(thin)
    assert geometry.intersection_area(crossing) == pytest.approx(expected, rel=3e-4)
    shifted = [crossing[0], [2.5, 1.0, 1.0, thin, -math.pi / 4]]
    assert geometry.intersection_area(shifted) == pytest.approx(expected * (1 - 0.5**2 / 2), rel=2e-2 + thin)
    beside = [crossing[0], [2.0, 1.0 + 3 * thin, 1.0, thin, math.pi / 4]]
    assert geometry.intersection_area(beside) == 0


def test_an_interval_holds_where_few_draws_decide():
    """H[Y|Z] = 1.6e-4 nats of two clusters: the standard error covers it in 7 of 100 cases, the interval always."""
    latents, labels, truth = torch.tensor([[0.0], [1.9]]).repeat(25, 1), torch.tensor([0, 1]).repeat(25), 1.6e-4
    by_error = by_interval = 0
    for seed in range(100):
        found = mixture.measure(latents, labels, seed=seed)
        value, error = found.decoder_uncertainty
        low, high = found.interval("decoder_uncertainty")
        by_error += bool(abs(value - truth) <= 1.96 * error)
        by_interval += bool(low <= truth <= high)
    assert by_error < 30 and by_interval >= 95


def test_tensors_that_are_sparse_are_refused(digits):
    images = digits.test_images[:2].to_sparse()
    for use in (
        lambda: estimators.ross(LATENTS, LABELS.to_sparse(), k=3),
        lambda: mixture.measure(LATENTS, LABELS.to_sparse()),
        lambda: augment(images, ["flip"], torch.Generator()),
        lambda: photographs.show(images, alt="Two digits."),
    ):
        with pytest.raises(InvalidInput, match="got a sparse tensor, expected a dense one"):
            use()


@pytest.mark.parametrize("alpha", [1.0, 0.5, 0.0])
@pytest.mark.parametrize("seed", ["", -1, 2**64, torch.tensor(2.5)], ids=str)
def test_a_seed_is_a_whole_number(alpha, seed):
    with pytest.raises(InvalidInput, match="seed: got"):
        tabular.solve([[0.4, 0.1], [0.1, 0.4]], 3.0, alpha, seed=seed)


def test_more_runs_than_anybody_trains():
    with pytest.raises(InvalidInput, match="got 1,000,000 combinations, expected at most 100,000"):
        training.grid(["l2"], gammas=[0.1] * 1000, seeds=[0] * 1000)


def test_what_no_training_left():
    for trained in ([0.1], {0.1: "network"}, {0.1: ("network", "record")}):
        with pytest.raises(InvalidInput, match="trained: expected a dict"):
            sampling.draw(trained, data.load("digits"))
    for count in ("", (1, 2), 1):
        with pytest.raises(InvalidInput, match="count: got"):
            comparison.class_channel(2.0, dimension=1, count=count)
    with pytest.raises(InvalidInput, match=r"label: got \['p'\]"):
        diagrams.diagram(discrete.Joint([[0.4, 0.1], [0.1, 0.4]], "X Y"), ["p"])
