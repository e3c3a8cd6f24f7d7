"""Estimators against loops over their definitions, against scikit-learn, and against known information."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import digamma, gammaln
from sklearn.feature_selection import mutual_info_classif, mutual_info_regression

from ibteach.errors import InvalidInput
from ibteach.information import neighbours
from ibteach.information.estimators import binning, gaussian_plug_in, kozachenko_leonenko, ksg, ross

properties = settings(deadline=None, max_examples=60)
exactly = {"rtol": 0, "atol": 1e-10}
close = {"rel_tol": 0, "abs_tol": 1e-10}


@pytest.fixture(params=["tree", "blocks"])
def search(request, monkeypatch):
    """Both ways of finding neighbours, whatever the dimension; blocks so small that there are several."""
    monkeypatch.setattr(neighbours, "TREE_DIMENSIONS", 10_000 if request.param == "tree" else 0)
    monkeypatch.setattr(neighbours, "BLOCK", 1000)


def normal(seed, *shape):
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def gaussian_pair(information, dimension, count, seed):
    """Pairs of units correlated so that together they share this many nats."""
    rho = math.sqrt(-math.expm1(-2 * information / dimension))
    x, e = normal(seed, 2, count, dimension)
    return x, rho * x + math.sqrt(1 - rho**2) * e


# --------------------------------------------------------------------------------- loops over the definitions


def largest(differences):
    return max(abs(d) for d in differences)


def distances_from(i, points, metric):
    return [metric(points[i] - points[j]) for j in range(len(points)) if j != i]


def kozachenko_leonenko_by_hand(points, k):
    count, dimension = points.shape
    log_ball = dimension / 2 * math.log(math.pi) - gammaln(dimension / 2 + 1)
    logs = [math.log(sorted(distances_from(i, points, np.linalg.norm))[k - 1]) for i in range(count)]
    return digamma(count) - digamma(k) + log_ball + dimension * np.mean(logs)


def ksg_by_hand(x, y, k, variant, metric=largest):
    count, local = len(x), []
    for i in range(count):
        in_x, in_y = distances_from(i, x, metric), distances_from(i, y, metric)
        joint = [max(pair) for pair in zip(in_x, in_y, strict=True)]
        radius = sorted(joint)[k - 1]
        if variant == 1 and radius > 0:
            nearer_x, nearer_y = sum(d < radius for d in in_x), sum(d < radius for d in in_y)
            local.append(digamma(k) - digamma(nearer_x + 1) - digamma(nearer_y + 1))
        elif variant == 1:
            same, same_x, same_y = joint.count(0), in_x.count(0), in_y.count(0)
            local.append(digamma(same) - digamma(same_x + 1) - digamma(same_y + 1))
        else:
            box = [j for j in range(count - 1) if joint[j] <= radius]
            within_x = sum(d <= max(in_x[j] for j in box) for d in in_x)
            within_y = sum(d <= max(in_y[j] for j in box) for d in in_y)
            local.append(digamma(len(box)) - 1 / len(box) - digamma(within_x) - digamma(within_y))
    return digamma(count) + np.mean(local)


def ross_by_hand(points, labels, k):
    count, local = len(points), []
    for i in range(count):
        everyone = distances_from(i, points, largest)
        others = np.delete(labels, i)
        own = sorted(d for d, label in zip(everyone, others, strict=True) if label == labels[i])
        radius = own[k - 1]
        nearer = sum(d < radius for d in everyone) if radius > 0 else everyone.count(0)
        neighbours_ = k if radius > 0 else own.count(0)
        local.append(digamma(neighbours_) - digamma(len(own) + 1) - digamma(nearer + 1))
    return digamma(count) + np.mean(local)


samples = {
    "continuous": lambda seed, dimension: normal(seed, 60, dimension),
    "far from the origin": lambda seed, dimension: normal(seed, 60, dimension) + 1e6,
    "lattice": lambda seed, dimension: normal(seed, 60, dimension).round(),
    "repeated": lambda seed, dimension: normal(seed, 12, dimension).repeat(5, 1),
    "partly repeated": lambda seed, dimension: torch.cat([normal(seed, 40, dimension), torch.zeros(20, dimension)]),
    "an outlier": lambda seed, dimension: torch.cat([normal(seed, 59, dimension), torch.full((1, dimension), 1e9)]),
    "two far clusters": lambda seed, dimension: torch.cat(
        [normal(seed, 30, dimension), 2**30 + normal(seed + 2, 30, dimension)]
    ),
    "constant unit": lambda seed, dimension: (
        normal(seed, 60, dimension) * torch.tensor([0.0, *[1.0] * (dimension - 1)])
    ),
}


@pytest.mark.usefixtures("search")
@pytest.mark.parametrize("kind", samples)
@pytest.mark.parametrize("dimension", [1, 2, 7])
@pytest.mark.parametrize("k", [1, 4])
def test_ksg_and_ross_are_their_definitions_ties_included(kind, dimension, k):
    x, y = samples[kind](0, dimension), samples[kind](1, 2)
    for variant in (1, 2):
        expected = ksg_by_hand(x.numpy(), y.numpy(), k, variant)
        assert math.isclose(ksg(x, y, k, variant), expected, **close)
    labels = torch.arange(60) % 3
    assert math.isclose(ross(x, labels, k), ross_by_hand(x.numpy(), labels.numpy(), k), **close)


@pytest.mark.parametrize("kind", sorted(samples.keys() - {"lattice"}))
@pytest.mark.parametrize("dimension", [1, 2, 7, 40])
@pytest.mark.parametrize("k", [1, 4])
def test_euclidean_ksg_is_its_definition(kind, dimension, k):
    x, y = samples[kind](0, dimension), samples[kind](1, 2)
    for variant in (1, 2):
        expected = ksg_by_hand(x.numpy(), y.numpy(), k, variant, np.linalg.norm)
        assert math.isclose(ksg(x, y, k, variant, "euclidean"), expected, **close)


@pytest.mark.usefixtures("search")
@pytest.mark.parametrize("kind", ["continuous", "far from the origin", "lattice"])
@pytest.mark.parametrize(("dimension", "k"), [(1, 1), (2, 3), (7, 3), (40, 1), (40, 10)])
def test_kozachenko_leonenko_is_its_definition(kind, dimension, k):
    points = samples[kind](0, dimension) if (kind, dimension) != ("lattice", 1) else normal(0, 60, 1)
    if kind == "lattice" and dimension == 2:
        points = torch.cartesian_prod(torch.arange(8.0), torch.arange(8.0)).double()
    assert math.isclose(kozachenko_leonenko(points, k), kozachenko_leonenko_by_hand(points.numpy(), k), **close)


@pytest.mark.parametrize("spread", [1e-3, 1e-6, 1e-9])
def test_near_duplicates_keep_their_distances(spread):
    clusters = (normal(0, 10, 1, 30) + spread * normal(1, 10, 6, 30)).flatten(0, 1)
    assert math.isclose(
        kozachenko_leonenko(clusters, 3), kozachenko_leonenko_by_hand(clusters.numpy(), 3), rel_tol=0, abs_tol=1e-7
    )


@pytest.mark.parametrize("k", [1, 3, 10])
def test_agrees_with_scikit_learn(k):
    x, y = gaussian_pair(0.5, 1, 500, 3)
    x, y = (z / z.std(correction=0) for z in (x, y))  # as scikit-learn scales them
    labels = (y[:, 0] > 0).long() + (y[:, 0] > 1).long()
    expected = mutual_info_regression(x.numpy(), y[:, 0].numpy(), n_neighbors=k, random_state=0)[0]
    assert math.isclose(ksg(x, y, k), expected, **close)
    expected = mutual_info_classif(x.numpy(), labels.numpy(), n_neighbors=k, random_state=0)[0]
    assert math.isclose(ross(x, labels, k), expected, **close)


def test_a_vector_is_one_unit():
    x, y = normal(0, 2, 50)
    assert ksg(x, y) == ksg(x[:, None], y[:, None]) and kozachenko_leonenko(x) == kozachenko_leonenko(x[:, None])


# ------------------------------------------------------------------------------------- where the truth is known


@pytest.mark.parametrize("dimension", [1, 3])
def test_entropy_of_a_gaussian_is_found_in_few_dimensions(dimension):
    truth = dimension / 2 * math.log(2 * math.pi * math.e)
    assert abs(kozachenko_leonenko(normal(0, 4000, dimension)) - truth) < 0.1


@pytest.mark.parametrize("information", [0.0, 0.5, 1.5])
def test_information_of_gaussians_is_found_in_few_dimensions(information):
    x, y = gaussian_pair(information, 1, 4000, 1)
    for estimate in (ksg(x, y), ksg(x, y, variant=2), gaussian_plug_in(x, y)):
        assert abs(estimate - information) < 0.08


def test_information_about_a_class_is_found():
    labels = torch.arange(3000) % 3
    assert abs(ross(normal(0, 3000), labels)) < 0.05
    assert abs(ross(normal(0, 3000) + 20 * labels, labels) - math.log(3)) < 1e-2


def test_the_biases_that_the_docstrings_state():
    x, y = gaussian_pair(20.0, 64, 1000, 2)
    assert ksg(x, y) < 5
    truth = 32 * math.log(2 * math.pi * math.e)
    assert kozachenko_leonenko(normal(3, 1000, 64)) > truth + 5
    x, y = gaussian_pair(12.0, 1, 1000, 4)
    assert ksg(x, y) < 8
    x, y = normal(5, 2, 1000)
    assert math.isclose(binning(x, y, width=1e-9), math.log(1000)) and binning(x, y, width=100.0) < 0.2
    assert abs(gaussian_plug_in(x, x**2)) < 0.02 and ksg(x, x**2) > 2
    x, y = normal(6, 200, 100).split([10, 90], -1)
    assert gaussian_plug_in(x, y) > 10 * 90 / 400
    x = normal(7, 500).double()
    assert ksg(x, 2 * x) > 4 and abs(ksg(x, 1e9 * x)) < 1e-9  # of another scale
    assert math.isfinite(kozachenko_leonenko(x[:, None].expand(500, 2)))


@properties
@given(st.integers(0, 2**32 - 1), st.integers(8, 40), st.integers(1, 3))
def test_symmetries(seed, count, dimension):
    x, y = normal(seed, 2, count, dimension)
    order = torch.randperm(count, generator=torch.Generator().manual_seed(seed))
    for estimator in (ksg, lambda x, y: ksg(x, y, variant=2), gaussian_plug_in, lambda x, y: binning(x, y, 0.7)):
        torch.testing.assert_close(estimator(x, y), estimator(y, x), **exactly)
        torch.testing.assert_close(estimator(x, y), estimator(x[order], y[order]), **exactly)
    torch.testing.assert_close(ksg(x, y), ksg(4 * x + 8, 4 * y), rtol=0, atol=1e-9)
    scaled = kozachenko_leonenko(4 * x)
    torch.testing.assert_close(scaled, kozachenko_leonenko(x) + dimension * math.log(4), **exactly)
    torch.testing.assert_close(gaussian_plug_in(x, y), gaussian_plug_in(1e6 * x + 1, 1e-6 * y), rtol=0, atol=1e-7)
    assert gaussian_plug_in(x, y) >= -1e-12 and binning(x, y, 0.7) >= -1e-12


def test_gaussian_plug_in_is_the_log_det_ratio():
    x, y = normal(0, 50, 2), normal(1, 50, 3)
    joint = np.cov(torch.cat([x + y[:, :2], y], -1).numpy().T)
    dets = [np.linalg.slogdet(part)[1] for part in (joint[:2, :2], joint[2:, 2:], joint)]
    assert math.isclose(gaussian_plug_in(x + y[:, :2], y), (dets[0] + dets[1] - dets[2]) / 2, **close)


def test_binning_is_the_information_of_the_table():
    x, labels = 2 * normal(0, 300, 2), torch.arange(300) % 4
    cells = [tuple(row) for row in (x / 0.8).floor().int().tolist()]
    table = {}
    for cell, label in zip(cells, labels.tolist(), strict=True):
        table.setdefault(cell, np.zeros(4))[label] += 1 / 300
    joint = np.array(list(table.values()))
    product = joint.sum(1, keepdims=True) * joint.sum(0, keepdims=True)
    expected = (joint[joint > 0] * np.log((joint / product)[joint > 0])).sum()
    assert math.isclose(binning(x, labels, 0.8), expected, **close)
    assert math.isclose(binning(x, labels.double(), 1.0), binning(x, labels, 1.0), **close)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_agrees_with_cpu():
    x, y = gaussian_pair(2.0, 20, 300, 0)
    labels = torch.arange(300) % 3
    for estimate, there in [
        (ksg(x, y), ksg(x.cuda(), y.cuda())),
        (kozachenko_leonenko(x), kozachenko_leonenko(x.cuda())),
        (ross(x, labels), ross(x.cuda(), labels.cuda())),
        (binning(x, y, 0.5), binning(x.cuda(), y.cuda(), 0.5)),
    ]:
        assert math.isclose(estimate, there, **close)


ok, y3 = normal(0, 6, 2), torch.tensor([0, 0, 1, 1, 1, 1])


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: kozachenko_leonenko(ok, 6), "k: got 6 with 6 points"),
        (lambda: kozachenko_leonenko(ok, 0), "k: got 0"),
        (lambda: kozachenko_leonenko(ok * math.nan), "NaN"),
        (lambda: kozachenko_leonenko(ok * torch.tensor([0.0, 1.0])), "1 of 2 units constant"),
        (lambda: kozachenko_leonenko(ok[:2].repeat(3, 1), 2), "in the same place"),
        (lambda: kozachenko_leonenko(ok[None]), "shape"),
        (lambda: ksg(ok, ok[:5]), "expected pairs"),
        (lambda: ksg(ok, ok, 7), "k: got 7"),
        (lambda: ksg(ok, ok, 1, variant=3), "variant: got 3"),
        (lambda: ksg(ok.long(), ok), "int64"),
        (lambda: ksg(ok, ok, metric="euclid"), "did you mean 'euclidean'"),
        (lambda: ross(ok, y3), "class 0 with 2 members"),
        (lambda: ross(ok, y3[:4], 1), "labels: got 4"),
        (lambda: ross(ok, y3 - 1, 1), "from -1"),
        (lambda: ross(ok, y3.double(), 1), "float64"),
        (lambda: binning(ok, ok, 0.0), "width: got 0.0"),
        (lambda: binning(ok, ok[:3], 1.0), "expected pairs"),
        (lambda: binning(ok, y3[:3], 1.0), "labels: got 3"),
        (lambda: gaussian_plug_in(ok, ok), "singular"),
        (lambda: gaussian_plug_in(ok, torch.zeros(6)), "singular"),
        (lambda: gaussian_plug_in(ok[:4], ok[2:]), "expected more points"),
    ],
)
def test_bad_input_is_refused_with_what_came(call, said):
    with pytest.raises(InvalidInput, match=said):
        call()
