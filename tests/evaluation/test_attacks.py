"""Attacks against closed forms of linear classifiers and an implementation of their own, and what the noise hides."""

import functools
import math
import sys

import pytest
import torch
from torch import nn

from ibteach.data.datasets import Dataset, load
from ibteach.errors import InvalidInput, Unavailable, UnknownName
from ibteach.evaluation.attacks import LESSONS, masking, perturb, quantity, robustness, transfer
from ibteach.evaluation.attacks.ascent import _ascend, difference, log_odds, ratio
from ibteach.evaluation.attacks.ball import NORMS, Ball, length
from ibteach.evaluation.attacks.hunt import Party
from ibteach.evaluation.attacks.measured import _median
from ibteach.evaluation.attacks.transfer import climbed, lenders_of, uncompressed
from ibteach.evaluation.prediction import Prediction, paired_draws, probabilities
from ibteach.networks.bottleneck import Bottleneck, mlp, resnet
from ibteach.networks.ensemble import Ensemble
from ibteach.records.provenance import provenance
from ibteach.records.record import Record
from ibteach.training.loop import Run, build, fit, grid

EPSILONS = (0, 0.02, 0.06, 0.1)
quietly = functools.partial(robustness, progress=False)


@functools.cache
def two_kinds():
    """Two classes of 2×3 pixels, none near black or white, so that no attack meets the edge of what a pixel can be."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(400) % 2
    images = 110 + 30 * labels[:, None, None, None] + torch.randint(-25, 26, (400, 1, 2, 3), generator=generator)
    images[0, 0, 0, 0] = 255
    images = images.to(torch.uint8)
    return Dataset("two kinds", images[:200], labels[:200], images[200:], labels[200:], ("dark", "light"))


def linear(weight, bias):
    """A network whose encoder changes nothing."""
    network = Bottleneck(nn.Flatten(), 6, 2)
    with torch.no_grad():
        network.decoder.weight.copy_(torch.stack([-weight, weight]) / 2)
        network.decoder.bias.copy_(torch.tensor([-bias, bias]) / 2)
    return network


def untrained(count=1, noise=True):
    runs = [{"objective": "l2", "gamma": float(m), "beta_prime": float(m), "seed": 0} for m in range(count)]
    return Record(runs, torch.tensor([3]), {}, provenance=provenance(data="x", configuration={"noise": noise}))


def margins(network, data):
    """How far the linear network's logits are apart, in favour of the true label, and their gradient by the pixels."""
    weight = (network.decoder.weight[1] - network.decoder.weight[0]).double()
    bias = (network.decoder.bias[1] - network.decoder.bias[0]).double()
    inputs = data.normalize(data.test_images).flatten(1).double()
    sign = 2 * data.test_labels.double() - 1
    return (sign * (inputs @ weight + bias)).detach(), (weight * 255 / data.std.item()).detach()


WEIGHT = torch.tensor([0.9, -0.4, 0.7, 0.2, 1.1, 0.5])


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("scale, noise", [(1.0, True), (1.0, False), (1000.0, False)])
def test_of_a_linear_classifier_every_gradient_attack_finds_the_worst_case(norm, scale, noise):
    data, network = two_kinds(), linear(scale * WEIGHT, 0.1 * scale)
    names = ["fgsm", "bim", "pgd", "pgd-10x2"]
    found = quietly(network, data, untrained(noise=noise), attacks=names, epsilons=EPSILONS, norm=norm)
    margin, gradient = margins(network, data)
    dual = gradient.abs().sum() if norm == "linf" else gradient.norm()
    for epsilon in EPSILONS:
        expected = (margin <= epsilon * dual).double().mean().item()
        for name in names:
            assert found.value(quantity(name, epsilon)).item() == pytest.approx(expected, abs=0.016), (name, epsilon)
    assert found.value(quantity("fgsm", 0.1)).item() > found.value("clean/error").item() + 0.1


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("name", ["apgd-ce", "apgd-dlr"])
def test_auto_pgd_finds_it_whatever_the_scale(norm, name):
    data, network, epsilon = two_kinds(), linear(1000 * WEIGHT, 100), 0.06
    found = quietly(network, data, untrained(noise=False), attacks=[name], epsilons=[epsilon], norm=norm)
    margin, gradient = margins(network, data)
    dual = gradient.abs().sum() if norm == "linf" else gradient.norm()
    expected = (margin <= epsilon * dual).double().mean().item()
    assert found.value(quantity(name, epsilon)).item() == pytest.approx(expected, abs=0.006)


class Everyone:
    """A party on two pixels that nobody leaves, climbing −(x − summit)ᵀ diag(steep) (x − summit); it keeps the path."""

    def __init__(self, start, summit, steep):
        self.start, self.summit, self.steep, self.path = start, summit, steep, []

    def climb(self, images, loss):
        self.path.append(images)
        return self.value(images), -2 * self.steep * (images - self.summit)

    def value(self, images):
        return -(self.steep * (images - self.summit).square()).sum((-3, -2, -1))

    def left(self, *values):
        return self, *values


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_auto_pgd_goes_the_way_of_its_authors(norm):
    """Algorithm 1 of Croce & Hein (2020), image by image."""
    generator = torch.Generator().manual_seed(0)
    start, summit = (torch.rand(1, 5, 1, 1, 2, generator=generator, dtype=torch.float64) for _ in range(2))
    steep = torch.tensor([1.0, 30.0], dtype=torch.float64)
    everyone, ball, steps = Everyone(start, summit, steep), Ball(norm, 0.4), 100
    _ascend(everyone, ball, start, log_odds, steps)
    path = torch.stack(everyone.path)
    assert len(path) == steps + 1
    halvings = 0
    for n in range(5):
        one = Everyone(start[:, n : n + 1], summit[:, n : n + 1], steep)

        def ahead(x, size, one=one):
            return ball.nearest(one.start, x + size * ball.steepest(one.climb(x, None)[1]))

        size, points = 0.8, [one.start]
        points.append(ahead(points[0], size))
        values = [one.value(x).item() for x in points]
        highest, summit_so_far = max(values), points[values[1] > values[0]]
        rises, kept_size, kept_highest, last_check = int(values[1] > values[0]), True, values[0], 0
        before, here = points
        for number in range(2, steps + 1):
            if number - 1 in (22, 41, 57, 70, 80, 87, 93, 99):
                stuck = rises < 0.75 * (number - 1 - last_check) or (kept_size and highest == kept_highest)
                if stuck:
                    size, here, halvings = size / 2, summit_so_far, halvings + 1
                kept_size, kept_highest, rises, last_check = not stuck, highest, 0, number - 1
            there = ball.nearest(one.start, here + 0.75 * (ahead(here, size) - here) + 0.25 * (here - before))
            rises += one.value(there).item() > one.value(here).item()
            if one.value(there).item() > highest:
                highest, summit_so_far = one.value(there).item(), there
            before, here = here, there
            points.append(there)
        torch.testing.assert_close(path[:, :, n], torch.stack(points)[:, :, 0], rtol=0, atol=1e-9)
    assert halvings > 10


def test_transfer_tries_what_the_gradient_of_the_other_makes():
    """Of two linear classifiers: the margin of one falls by the step that lowers that of the other most."""
    data, others = (
        two_kinds(),
        [linear(WEIGHT, 0.1), linear(WEIGHT.flip(0).mul(torch.tensor([1, 1, 1, 1, -1, 1])), 0.1)],
    )
    runs = [{"objective": "l2", "gamma": 1.0, "beta_prime": 1.0, "seed": seed} for seed in range(2)]
    record = Record(runs, torch.tensor([3]), {}, provenance=provenance(data="x", configuration={"noise": False}))
    found = quietly(others, data, record, attacks=["transfer"], epsilons=[0.06])
    (margin, own), (_, lent) = (margins(network, data) for network in others)
    fallen = margin - 0.06 * (own * lent.sign()).sum()
    expected = ((margin <= 0) | (fallen <= 0)).double().mean().item()
    assert found.value(quantity("transfer", 0.06))[0].item() == pytest.approx(expected, abs=0.006)
    strongest = (margin <= 0.06 * own.abs().sum()).double().mean().item()
    assert found.value("clean/error")[0] + 0.05 < expected < strongest - 0.05


def test_whose_images_are_tried_on_whom():
    def run(objective, gamma, seed):
        return {"objective": objective, "gamma": gamma, "beta_prime": gamma, "seed": seed}

    runs = [run("l2", 0.0, 0), run("l2", 0.0, 1), run("variance", 0.1, 0), run("variance", 0.1, 1), run("l2", 0.1, 2)]
    assert uncompressed(runs) == [0, 1, 0, 1, None]
    assert lenders_of(runs) == [[1], [0], [3, 0], [2, 1], []]
    assert uncompressed([*runs, run("variance", 0.0, 0)])[2] == 5  # rather of the same objective


def test_only_images_that_are_tried_on_others_are_made(monkeypatch):
    climbs = []
    monkeypatch.setattr(transfer, "climbed", lambda judge, *rest: climbs.append(judge) or climbed(judge, *rest))
    runs = [{"objective": "l2", "gamma": gamma, "beta_prime": gamma, "seed": 0} for gamma in (0.0, 0.1, 1.0)]
    record = Record(runs, torch.tensor([3]), {}, provenance=provenance(data="x", configuration={"noise": False}))
    networks = [linear(WEIGHT, bias) for bias in (0.1, 0.2, 0.3)]
    found = quietly(networks, two_kinds(), record, attacks=["transfer"], epsilons=[0.06])
    assert len(climbs) == 1  # of the network without compression
    worse = found.value(quantity("transfer", 0.06)) - found.value("clean/error")
    assert worse[0] == 0 < worse[1:].min()


def test_the_standard_errors_are_the_spread_over_images():
    data, networks = two_kinds(), [linear(WEIGHT, 0.1), linear(WEIGHT, 1.5)]
    found = quietly(networks, data, untrained(2, noise=False), attacks=["square-1"], epsilons=[0])
    wrong = torch.stack([margins(network, data)[0] <= 0 for network in networks]).double()
    gain, name = wrong[0] - wrong, quantity("any", 0, "gain")
    torch.testing.assert_close(found.value(name), gain.mean(1))
    torch.testing.assert_close(found.errors[name][:, 0], gain.std(1, correction=0) / math.sqrt(200))
    assert found.errors[name][1] > 0
    values = torch.randn(2000, 101, generator=torch.Generator().manual_seed(0)).exp()
    median, error = _median(values)
    assert torch.equal(median.float(), values.median(1).values)
    assert error.mean().item() == pytest.approx(median.std().item(), rel=0.06)


def test_who_only_asks_finds_it_too():
    """The worst case of a linear classifier is a corner, which squares reach one by one."""
    data, network = two_kinds(), linear(WEIGHT, 0.1)
    found = quietly(network, data, untrained(noise=False), attacks=["square-200", "fgsm"], epsilons=EPSILONS)
    for epsilon in EPSILONS:
        assert found.value(quantity("square-200", epsilon)).item() == pytest.approx(
            found.value(quantity("fgsm", epsilon)).item(), abs=0.011
        )
        assert found.value(quantity("black-box-only", epsilon)) <= 0.011


def test_the_cross_entropy_itself_would_have_stood_still():
    """What `log_odds` is for: at scale 1000 the gradient of −ln q is zero on most images, and FGSM moves none."""
    data, network = two_kinds(), linear(1000 * WEIGHT, 100)
    predict = Prediction(network, data, noise=False)
    pixels = predict.pixels(data.test_images).requires_grad_()
    nn.functional.nll_loss(predict(pixels)[0], data.test_labels).backward()
    still = (pixels.grad.flatten(1) == 0).all(1)
    assert still.double().mean() > 0.5
    changed = perturb(network, data, data.test_images, data.test_labels, "fgsm", 0.02, noise=False)
    assert ((changed[0] - pixels).abs().amax((1, 2, 3)) > 0.0199).all()


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_deepfool_finds_the_distance_to_the_plane_of_a_linear_classifier(norm):
    data, network = two_kinds(), linear(WEIGHT, 0.1)
    found = quietly(network, data, untrained(noise=False), attacks=["deepfool"], epsilons=EPSILONS, norm=norm)
    margin, gradient = margins(network, data)
    distance = margin.clamp_min(0) / (gradient.abs().sum() if norm == "linf" else gradient.norm())
    beyond = 1.02 * (distance + 1e-4).where(distance > 0, torch.tensor(0.0).double())  # by its overshoot
    assert found.value("deepfool/distance").item() == pytest.approx(beyond.quantile(0.5).item(), abs=1e-5)
    for epsilon in EPSILONS:
        expected = (distance <= epsilon).double().mean().item()
        assert found.value(quantity("deepfool", epsilon)).item() == pytest.approx(expected, abs=0.011)


def test_without_a_change_deepfool_still_says_how_far_it_would_have_to_be():
    data, network = two_kinds(), linear(WEIGHT, 0.1)
    alone, beside = (
        quietly(network, data, untrained(), attacks=["deepfool"], epsilons=sizes) for sizes in ([0], [0, 0.1])
    )
    assert alone.value("deepfool/distance") == beside.value("deepfool/distance") > 0
    assert alone.value(quantity("deepfool", 0)) == alone.value("clean/error")


# ------------------------------------------------------------------- trained networks


@pytest.fixture(scope="module")
def digits():
    return load("digits")


@functools.cache
def trained(latent_dimension=8, gammas=(0.001, 0.1), epochs=15):
    runs = grid(["l2"], gammas=gammas)
    make = functools.partial(mlp, (1, 8, 8), classes=10, latent_dimension=latent_dimension, hidden=(32,))
    networks = build(make, runs)
    return networks, fit(networks, load("digits"), runs, epochs=epochs, eval_examples=500, progress=False)


@functools.cache
def attacked():
    networks, record = trained()
    return quietly(networks, load("digits"), record, attacks=LESSONS, epsilons=EPSILONS, eval_examples=150)


def test_the_averaged_prediction_is_the_mean_of_softmaxes(digits):
    networks, _ = trained()
    found = probabilities(networks, digits, digits.test_images[:50], samples=10)
    for m in range(2):
        network, mean = networks.network(m), 0
        for noise in paired_draws(10, 8):
            mean = mean + network(digits.normalize(digits.test_images[:50]), noise)[1].softmax(-1) / 10
        torch.testing.assert_close(found[m], mean.detach().double(), rtol=1e-4, atol=1e-6)


def test_fgsm_is_the_sign_of_the_gradient_of_the_cross_entropy(digits):
    networks, record = trained()
    found = quietly(networks, digits, record, attacks=["fgsm"], epsilons=[0.06], eval_examples=100, samples=8)
    labels = digits.test_labels[:100]
    for m in range(2):
        network = networks.network(m).double()

        def mean(pixels, network=network):
            inputs = (16 * pixels - digits.mean.item()) / digits.std.item()
            return sum(network(inputs, noise.double())[1].softmax(-1) for noise in paired_draws(8, 8)) / 8

        pixels = (digits.test_images[:100].double() / 16).requires_grad_()
        nn.functional.nll_loss(mean(pixels).log(), labels).backward()
        moved = (pixels + 0.06 * pixels.grad.sign()).clamp(0, 1)
        error = ((mean(moved).argmax(-1) != labels) | (mean(pixels).argmax(-1) != labels)).double().mean().item()
        assert found.value(quantity("fgsm", 0.06))[m].item() == pytest.approx(error, abs=0.011)


def test_what_is_recorded(digits):
    networks, record = trained()
    found = attacked()
    clean = found.value("clean/error")
    direct = (probabilities(networks, digits, digits.test_images[:150]).argmax(-1) != digits.test_labels[:150]).double()
    assert torch.equal(clean, direct.mean(1))
    assert found.runs == record.runs and found.epochs.tolist() == [15]
    assert set(found.quantities) == {"clean/error", "deepfool/distance"} | {
        quantity(name, epsilon) for name in (*LESSONS, "any") for epsilon in EPSILONS
    } | {"gradient/zero"}
    for name in (*LESSONS, "any"):
        errors = [found.value(quantity(name, epsilon)) for epsilon in EPSILONS]
        assert torch.equal(errors[0], clean) and all((error >= clean).all() for error in errors)
        assert (errors[-1] > clean + 0.2).all(), name
        share = errors[2]
        torch.testing.assert_close(found.errors[quantity(name, 0.06)][:, 0], (share * (1 - share) / 150).sqrt())
    for epsilon in EPSILONS:
        strongest = max((found.value(quantity(name, epsilon)) for name in LESSONS), key=lambda error: error.sum())
        assert (found.value(quantity("any", epsilon)) >= strongest).all()
    said = found.provenance["configuration"]["attacks"]
    assert said["epsilons"] == list(EPSILONS) and said["norm"] == "linf" and said["levels"] == 16
    assert said["attacks"]["pgd"]["steps"] == 20 and said["foolbox"] and found.provenance["data"] == "digits"
    assert found.provenance["trained"]["configuration"]["epochs"] == 15


def test_many_steps_are_at_least_as_strong_as_one():
    """Else gradients would mislead."""
    found = attacked()
    for epsilon in EPSILONS[1:]:
        slack = 2 * found.errors[quantity("fgsm", epsilon)][:, 0]
        for name in ("bim", "pgd"):
            assert (found.value(quantity(name, epsilon)) >= found.value(quantity("fgsm", epsilon)) - slack).all()


@functools.cache
def hunted():
    """Networks of two seeds, with and without compression, under everything that is meant."""
    runs = grid(["l2"], gammas=[0, 0.1], seeds=[0, 1])
    make = functools.partial(mlp, (1, 8, 8), classes=10, latent_dimension=8, hidden=(32,))
    networks = build(make, runs)
    record = fit(networks, load("digits"), runs, epochs=10, eval_examples=500, progress=False)
    names = ["pgd", "pgd-50x1", "pgd-50x10", "square-200", "transfer"]
    found = quietly(
        networks, load("digits"), record, attacks=names, epsilons=[0, 0.06, 0.12, 1], eval_examples=40, samples=16
    )
    return networks, record, found


def test_what_is_meant_is_at_least_as_strong_as_the_lesson():
    _, _, found = hunted()
    for epsilon in (0.06, 0.12):
        lesson, one, worst = (found.value(quantity(name, epsilon)) for name in ("pgd", "pgd-50x1", "any"))
        assert (found.value(quantity("pgd-50x10", epsilon)) >= lesson - 0.026).all()
        assert (found.value(quantity("pgd-50x10", epsilon)) >= one).all()  # it begins as the other does
        assert (worst >= found.value(quantity("pgd-50x10", epsilon))).all() and (worst >= lesson).all()


def test_the_worst_case_is_of_every_image_and_says_what_compression_gains():
    _, record, found = hunted()
    for epsilon in (0, 0.06, 0.12, 1):
        worst, gain = found.value(quantity("any", epsilon)), found.value(quantity("any", epsilon, "gain"))
        for m, run in enumerate(record.runs):
            (plain,) = [n for n, one in enumerate(record.runs) if one == run | {"gamma": 0.0, "beta_prime": 0.0}]
            assert gain[m].item() == pytest.approx((worst[plain] - worst[m]).item())
            if plain == m:
                assert found.errors[quantity("any", epsilon, "gain")][m, 0] == 0


def test_the_worst_case_alone_is_the_same_and_costs_less(monkeypatch):
    """Whoever goes on with what others left finds what all find who begin anew, network by network, image by image."""
    networks, record, _ = hunted()
    names, climb, climbed = ["square-60", "apgd-dlr", "fgsm", "pgd-20x2"], Party.climb, []

    def counted(party, *given):
        climbed.append(party.chosen.numel())
        return climb(party, *given)

    monkeypatch.setattr(Party, "climb", counted)
    found, cost = [], []
    for each in (True, False):
        how = {"attacks": names, "epsilons": [0, 0.1, 0.15], "eval_examples": 40, "samples": 16, "each": each}
        found.append(quietly(networks, load("digits"), record, **how))
        cost.append(sum(climbed))
        climbed.clear()
    whole, worst = found
    assert cost[1] < 0.9 * cost[0]
    kept = {name for name in whole.quantities if name.startswith(("any", "black", "clean", "gradient"))}
    assert set(worst.quantities) == kept and len(kept) < len(whole.quantities)
    for name in kept:
        assert torch.equal(worst.quantities[name], whole.quantities[name]), name
        assert torch.equal(worst.errors[name], whole.errors[name]), name
    tried = list(worst.provenance["configuration"]["attacks"]["attacks"])
    assert tried == ["fgsm", "pgd-20x2", "apgd-dlr", "square-60"]
    assert (worst.value(quantity("any", 0.15)) > worst.value(quantity("any", 0.1))).all()


def test_signs_of_hidden_gradients():
    """An ordinary network hides nothing. One whose logits are rounded does: no gradient, and asking succeeds."""
    networks, record, found = hunted()
    signs = masking(found, 0.06)
    assert set(signs) == {"black box only", "left at the largest", "by the start", "no gradient"}
    assert all(share.abs().max() <= 0.1 for share in signs.values()), signs

    class Steps(nn.Module):
        def __init__(self, encoder):
            super().__init__()
            self.encoder = encoder

        def forward(self, images):
            return self.encoder(images).mul(20).round().div(20)

    hiding = networks.network(0)
    hiding.encoder = Steps(hiding.encoder)
    digits, alone, epsilons = load("digits"), record.take([0]), [0, 0.12]
    with pytest.raises(InvalidInput, match="whose prediction does not change with the pixels"):
        quietly(hiding, digits, alone, attacks=["pgd-5x1", "square-50"], epsilons=epsilons)
    asked = quietly(hiding, digits, alone, attacks=["square-200"], epsilons=epsilons, eval_examples=40)
    assert asked.value("gradient/zero") == 1
    assert asked.value(quantity("square-200", 0.12)) > asked.value("clean/error") + 0.3
    lent = quietly(hiding, digits, alone, attacks=["transfer"], epsilons=epsilons, eval_examples=40, sources=networks)
    assert lent.value(quantity("transfer", 0.12)) > lent.value("clean/error") + 0.3
    with pytest.raises(InvalidInput, match=r"record: got one without black-box-only/0\.12/error"):
        masking(asked, 0.12)
    how = {"attacks": ["pgd-50x1", "pgd-50x10", "square-5"], "epsilons": epsilons, "eval_examples": 2, "each": False}
    with pytest.raises(InvalidInput, match=r"without pgd-50x1/0\.12/error, .* with each=True"):
        masking(quietly(networks, digits, record, **how), 0.12)
    with pytest.raises(InvalidInput, match="record: got NoneType"):
        masking(None, 0.12)


def test_losses_by_hand():
    log_q, labels = torch.tensor([[0.6, 0.3, 0.1], [0.2, 0.2, 0.6]]).log(), torch.tensor([0, 1])
    torch.testing.assert_close(log_odds(log_q, labels), torch.tensor([0.4 / 0.6, 0.8 / 0.2]).log())
    torch.testing.assert_close(difference(log_q, labels), torch.tensor([0.5, 3.0]).log())
    expected = [math.log(0.5) / math.log(6), 1.0]
    torch.testing.assert_close(ratio(log_q, labels), torch.tensor(expected))
    torch.testing.assert_close(ratio(7 * log_q + 3, labels), torch.tensor(expected))  # whatever their scale


@pytest.mark.parametrize("norm", NORMS)
def test_nothing_leaves_the_ball(norm):
    generator, ball = torch.Generator().manual_seed(0), Ball(norm, 0.2)
    start = torch.rand(2, 50, 1, 4, 4, generator=generator)
    reach = ball.anywhere((50, 1, 4, 4), generator)
    far = ball.nearest(start, start + 9 * torch.randn(start.shape, generator=generator))
    for change in (reach, far - start):
        size = change.abs().amax((-3, -2, -1)) if norm == "linf" else length(change).flatten()
        assert size.max() <= 0.2 + 1e-6 and size.max() > 0.15
    assert far.min() >= 0 and far.max() <= 1
    assert torch.equal(ball.steepest(torch.zeros(1, 1, 1, 4, 4)), torch.zeros(1, 1, 1, 4, 4))
    assert torch.equal(Ball(norm, 0.0).nearest(start, start + (reach > 0.1)), start)


@pytest.mark.parametrize("scale", [1e-37, 1e-24, 1e24, 1e37])
def test_a_step_is_as_long_whatever_the_scale_of_the_gradient(scale):
    """Where the squares overflowed, attacks in L2 stood still, and the network looked robust."""
    gradient = torch.tensor([3.0, -4.0]).reshape(1, 1, 1, 1, 2)
    torch.testing.assert_close(Ball("l2", 0.1).steepest(scale * gradient), gradient / 5)


def test_randomness_is_not_mistaken_for_robustness(digits):
    """The same function, behind fifty times more noise: who follows the gradient of one draw fails where who averages
    succeeds."""
    networks, record = trained()
    noisy = networks.network(0)
    with torch.no_grad():
        noisy.encoder[-1].weight.mul_(0.02), noisy.encoder[-1].bias.mul_(0.02), noisy.decoder.weight.div_(0.02)
    options = {"attacks": ["pgd"], "epsilons": [0.06], "eval_examples": 500, "samples": 256}
    record = record.select(gamma=0.001)
    one, all_of_them = (quietly(noisy, digits, record, eot_samples=draws, **options) for draws in (1, None))
    error, seeming = (found.value(quantity("pgd", 0.06)).item() for found in (all_of_them, one))
    assert error > seeming + all_of_them.errors[quantity("pgd", 0.06)].item()  # of the same images: less is chance
    assert torch.equal(one.value("clean/error"), all_of_them.value("clean/error"))


def test_more_draws_hardly_change_what_is_wrong(digits):
    """The attacker knows the draws that he is judged by; he does not win by that: judged by others it is the same."""
    networks, _ = trained()
    labels = digits.test_labels[:150]
    changed = perturb(networks, digits, digits.test_images[:150], labels, "pgd", 0.06)
    own, others = (Prediction(networks, digits, samples=s, seed=seed) for s, seed in ((64, 0), (512, 9)))
    wrong = [(judge(changed).argmax(-1) != labels).double().mean(1) for judge in (own, others)]
    torch.testing.assert_close(*wrong, rtol=0, atol=0.03)


def test_an_ensemble_is_its_networks_one_by_one(digits):
    networks, record = trained()
    names = ["fgsm", "bim", "deepfool", "pgd-10x3", "square-30"]  # foolbox's PGD draws for all at once
    alone = quietly(
        [networks.network(m) for m in range(2)], digits, record, attacks=names, epsilons=EPSILONS, eval_examples=60
    )
    together = quietly(networks, digits, record, attacks=names, epsilons=EPSILONS, eval_examples=60)
    for name in together.quantities:
        torch.testing.assert_close(together.value(name), alone.value(name), rtol=1e-3, atol=0.017)


def test_the_same_seed_gives_the_same_numbers_and_leaves_the_callers_alone(digits):
    networks, record = trained()
    torch.manual_seed(5)
    found = [quietly(networks, digits, record, attacks=["pgd"], epsilons=[0.06], eval_examples=50) for _ in range(2)]
    assert torch.equal(found[0].quantities["pgd/0.06/error"], found[1].quantities["pgd/0.06/error"])
    drawn = torch.rand(3)
    torch.manual_seed(5)
    assert torch.equal(drawn, torch.rand(3))


def test_a_networks_statistics_mode_and_gradients_are_left_alone(digits):
    network = resnet(digits.shape, 10, width=8).train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    found = quietly(network, digits, untrained(), attacks=["fgsm", "deepfool"], epsilons=[0.1], eval_examples=3)
    assert found.value("clean/error").isfinite().all()
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert all(module.training for module in network.modules())
    assert all(one.grad is None and one.requires_grad for one in network.parameters())


def test_batch_normalisation_and_dropout_are_as_in_use(digits):
    """An image's prediction does not depend on its company, nor on chance."""
    alone = Prediction(resnet(digits.shape, 10, width=8).train(), digits)
    pixels = alone.pixels(digits.test_images[:4])
    torch.testing.assert_close(alone(pixels)[:, :1], alone(pixels[:1]), rtol=1e-4, atol=1e-5)
    dropping = Prediction(Ensemble([mlp(digits.shape, 10, dropout=0.5) for _ in range(2)]).train(), digits)
    assert torch.equal(dropping(pixels), dropping(pixels))


def test_images_stay_images_within_reach(digits):
    networks, _ = trained()
    images, labels = digits.test_images[:20], digits.test_labels[:20]
    for name in (*LESSONS, "pgd-5x2", "square-20"):
        for norm, order in (("linf", math.inf), ("l2", 2)):
            if (name, norm) == ("square-20", "l2"):
                continue
            changed = perturb(networks, digits, images, labels, name, 0.3, norm=norm)
            assert changed.shape == (2, 20, 1, 8, 8) and changed.min() >= 0 and changed.max() <= 1
            assert torch.linalg.vector_norm((changed - images / 16).flatten(2), order, dim=-1).max() <= 0.3 + 1e-5


def test_one_network_of_an_ensemble(digits):
    networks, _ = trained()
    images, noise = digits.normalize(digits.test_images[:5]), torch.zeros(5, 8)
    alone = networks.network(1)
    torch.testing.assert_close(alone(images, noise)[1], networks(images, noise)[1][1])
    assert alone.architecture == networks.architecture
    alone.decoder.bias.data.add_(1)  # a copy
    assert not torch.equal(alone.decoder.bias, networks.stacked("decoder.bias")[1])
    for wrong in (2, -1, 0.5):
        with pytest.raises(InvalidInput, match="m: got"):
            networks.network(wrong)


def test_no_more_images_are_attacked_at_once_than_fit(digits, monkeypatch):
    (networks, record), forward, sizes = trained(), Prediction.forward, []

    def counted(judge, pixels):
        sizes.append(pixels.numel())
        return forward(judge, pixels)

    monkeypatch.setattr("ibteach.evaluation.attacks.judging.VALUES", 2 * 64 * 7)  # of two networks seven images
    monkeypatch.setattr(Prediction, "forward", counted)
    how = {"attacks": ["fgsm", "pgd-2x1", "transfer"], "sources": networks, "eval_examples": 20}
    quietly(networks, digits, record, epsilons=[0.1], **how)
    assert max(sizes) == 2 * 64 * 7


def test_a_network_without_finite_answers_is_refused(digits):
    """Where log-probabilities are infinite there is no gradient to follow, and the network looked robust."""
    networks, record = trained()
    grown = networks.network(0)
    with torch.no_grad():
        for parameter in grown.parameters():
            parameter.mul_(1e15)
    for name in ("fgsm", "pgd-2x1", "square-5"):
        with pytest.raises(InvalidInput, match="answer with NaN or infinity"):
            quietly(grown, digits, record.take([0]), attacks=[name], epsilons=[0.1], eval_examples=20)


def test_bad_input_is_refused_before_any_work(digits, monkeypatch):
    networks, record = trained()
    monkeypatch.setattr("ibteach.evaluation.attacks.measured._under", lambda *_: pytest.fail("work was done"))
    for options, said in [
        ({"epsilons": [-0.1]}, r"epsilon: got -0\.1"),
        ({"epsilons": [0.1, 1.5]}, r"epsilon: got 1\.5, expected .* <= 1"),
        ({"epsilons": [9], "norm": "l2"}, r"epsilon: got 9, expected .* <= 8"),
        ({"attacks": ["pgd-50x0"]}, "pgd-50x0: starts: got 0"),
        ({"attacks": ["pgd-0x10"]}, "pgd-0x10: steps: got 0"),
        ({"attacks": ["square-0"]}, "square-0: queries: got 0"),
        ({"attacks": ["square"], "norm": "l2"}, "attacks: got 'square' in the norm 'l2', expected linf"),
        ({"sources": mlp(64, 5), "attacks": ["transfer"]}, "networks: got 5 classes, expected the 10"),
        ({"epsilons": [0.2, 0.1]}, r"epsilons: got \[0\.2, 0\.1\], expected increasing"),
        ({"epsilons": [0.1, 0.1000001]}, "differ in their first four digits"),
        ({"epsilons": []}, "epsilons: got"),
        ({"epsilons": 0.1}, r"epsilons: got 0\.1, expected a list"),
        ({"eval_examples": 501}, "eval_examples: got 501, expected a whole number >= 1 and <= 500"),
        ({"samples": 0}, "samples: got 0"),
        ({"eot_samples": 65}, "eot_samples: got 65"),
        ({"seed": -1}, "seed: got -1"),
        ({"attacks": []}, "at least one attack"),
    ]:
        with pytest.raises(InvalidInput, match=said):
            quietly(networks, digits, record, **options)
    for options, said in [({"attacks": ["pgb"]}, "did you mean 'pgd'"), ({"norm": "l1"}, "norm: got 'l1'")]:
        with pytest.raises(UnknownName, match=said):
            quietly(networks, digits, record, **options)
    with pytest.raises(InvalidInput, match="trained: got 2 runs for 1 networks"):
        quietly(networks.network(0), digits, record)
    with pytest.raises(InvalidInput, match="trained: got NoneType for 2 networks"):
        quietly(networks, digits, None)
    with pytest.raises(InvalidInput, match=r"networks: do not take images of shape \(1, 8, 8\)"):
        quietly(mlp(99, 10), digits, untrained())
    with pytest.raises(InvalidInput, match="networks: got 5 classes, expected the 10"):
        quietly(mlp(64, 5), digits, untrained())
    with pytest.raises(InvalidInput, match="networks, data: got Linear and Dataset"):
        quietly(nn.Linear(64, 10), digits, untrained())
    alone = record.select(gamma=0.001)
    with pytest.raises(InvalidInput, match="'transfer' for one network alone; give another as sources"):
        quietly(networks.network(0), digits, alone, attacks=["transfer"])
    for images, said in [
        (digits.test_images[:2] / 16, "images: got"),
        (digits.test_images[:2] * 15, "images: got values up to 240, expected at most 16"),
    ]:
        with pytest.raises(InvalidInput, match=said):
            perturb(networks, digits, images, digits.test_labels[:2])
    with pytest.raises(InvalidInput, match="labels: got 2 for 3 images"):
        perturb(networks, digits, digits.test_images[:3], digits.test_labels[:2])


def test_without_foolbox_it_says_how_to_get_it(digits, monkeypatch):
    monkeypatch.setitem(sys.modules, "foolbox", None)
    network = build(lambda: mlp(64, 10), Run.of("l2", gamma=0))
    with pytest.raises(Unavailable, match=r'need foolbox .*pip install "ibteach\[attacks\]"'):
        quietly(network, digits, untrained(), attacks=["fgsm"])
    found = quietly(network, digits, untrained(), attacks=["pgd-2x1"], epsilons=[0.1], eval_examples=5)  # needs none
    assert "foolbox" not in found.provenance["configuration"]["attacks"]
