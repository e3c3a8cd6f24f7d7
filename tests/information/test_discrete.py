"""Entropies of tables against numpy written from the definitions, their identities, and what bad tables are told."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats
from sklearn.metrics import mutual_info_score

from ibteach.errors import InvalidInput, UnknownName
from ibteach.information.discrete import Joint, cross_entropy, entropy, entropy_terms, kl_divergence
from ibteach.information.tables import probabilities

patient = settings(deadline=None, max_examples=50)


def tables(axes, least=0.0):
    """Random tables of probabilities, zeros among them."""
    shapes = hnp.array_shapes(min_dims=axes, max_dims=axes, min_side=1, max_side=4)
    cells = st.one_of(st.just(least), st.floats(max(least, 1e-3), 1))
    positive = hnp.arrays(float, shapes, elements=cells).filter(lambda table: table.sum() > 0)
    return positive.map(lambda table: table / table.sum())


def by_definition(p, axes, given=()):
    """H[axes|given] = −Σ p(axes, given) ln p(axes|given), cell by cell."""
    every = range(p.ndim)
    both = p.sum(axis=tuple(i for i in every if i not in {*axes, *given}), keepdims=True)
    condition = p.sum(axis=tuple(i for i in every if i not in given), keepdims=True)
    both, condition = np.broadcast_arrays(both, condition)
    return -sum(q * np.log(q / c) for q, c in zip(both.flat, condition.flat, strict=True) if q > 0)


@patient
@given(tables(3))
def test_entropies_agree_with_the_definition(p):
    joint = Joint(p, "X Y Z")
    assert joint.H("X").item() == pytest.approx(by_definition(p, [0]), abs=1e-10)
    assert joint.H("X, Z").item() == pytest.approx(by_definition(p, [0, 2]), abs=1e-10)
    assert joint.H("Y|X").item() == pytest.approx(by_definition(p, [1], [0]), abs=1e-10)
    assert joint.H("Z Y|X").item() == pytest.approx(by_definition(p, [1, 2], [0]), abs=1e-10)
    assert joint.H("Z|Y X").item() == pytest.approx(by_definition(p, [2], [0, 1]), abs=1e-10)


@patient
@given(tables(3))
def test_information_agrees_with_the_definition(p):
    joint = Joint(p, "X Y Z")
    xy = p.sum(2)
    independent = np.outer(xy.sum(1), xy.sum(0))
    information = sum(q * np.log(q / r) for q, r in zip(xy.flat, independent.flat, strict=True) if q > 0)
    assert joint.I("X;Y").item() == pytest.approx(information, abs=1e-10)
    conditional = by_definition(p, [0], [2]) - by_definition(p, [0], [1, 2])
    assert joint.I("X;Y|Z").item() == pytest.approx(conditional, abs=1e-10)
    assert joint.I("X;Y;Z").item() == pytest.approx(information - conditional, abs=1e-10)


@patient
@given(tables(3))
def test_identities_and_inequalities(p):
    joint = Joint(p, "X Y Z")
    H, I = joint.H, joint.I  # noqa: E741
    torch.testing.assert_close(H("X Y Z"), H("X") + H("Y|X") + H("Z|X Y"), atol=1e-10, rtol=0)
    torch.testing.assert_close(I("X;Y Z"), I("X;Y") + I("X;Z|Y"), atol=1e-10, rtol=0)
    torch.testing.assert_close(I("X;X"), H("X"), atol=1e-10, rtol=0)
    for quantity in (H("X"), H("X|Y"), I("X;Y"), I("X;Y|Z"), H("X") - H("X|Y"), H("X|Y") - H("X|Y Z")):
        assert quantity >= -1e-10
    assert H("X") <= np.log(p.shape[0]) + 1e-10


@patient
@given(tables(1), st.randoms())
def test_cross_entropy_and_divergence(p, random):
    q = np.array([random.random() + 1e-3 for _ in p])
    q /= q.sum()
    assert kl_divergence(p, q).item() == pytest.approx(stats.entropy(p, q), abs=1e-10)
    assert cross_entropy(p, q).item() == pytest.approx(stats.entropy(p) + stats.entropy(p, q), abs=1e-10)
    assert entropy(p).item() == pytest.approx(stats.entropy(p), abs=1e-10)


@patient
@given(tables(2))
def test_information_is_the_divergence_from_independence(p):
    joint = Joint(p, "X Y")
    apart = Joint(torch.einsum("x,y->yx", joint.p("X"), joint.p("Y")), "Y X")
    torch.testing.assert_close(kl_divergence(joint, apart), joint.I("X;Y"), atol=1e-10, rtol=0)
    torch.testing.assert_close(cross_entropy(joint, apart), joint.H("X") + joint.H("Y"), atol=1e-10, rtol=0)


def test_zeros_are_exact_and_what_is_ruled_out_is_infinite():
    assert entropy([0.0, 1.0, 0.0]) == 0
    assert kl_divergence([0.0, 1.0], [0.0, 1.0]) == 0
    assert kl_divergence([0.5, 0.5], [0.0, 1.0]) == torch.inf
    joint = Joint([[0.0, 0.0, 0.0], [0.25, 0.0, 0.25], [0.5, 0.0, 0.0]], "X Y")
    dense = Joint([[0.25, 0.25], [0.5, 0.0]], "X Y")
    assert joint.I("X;Y") == dense.I("X;Y")
    assert joint.H("Y|X") == dense.H("Y|X")
    assert joint.p("Y|X")[0].tolist() == [0, 0, 0]


def test_a_long_distribution_is_the_sum_of_its_blocks():
    p = np.random.default_rng(0).dirichlet(np.full(70_001, 0.5), size=2)
    p[1, ::3] = 0
    p[1] /= p[1].sum()
    assert entropy(p).tolist() == pytest.approx(stats.entropy(p, axis=-1), rel=1e-12)
    free = torch.tensor(p[0], requires_grad=True)
    entropy(free).backward()
    torch.testing.assert_close(free.grad, -free.detach().log() - 1, rtol=1e-12, atol=1e-12)


def test_gradients_agree_with_finite_differences_and_stay_finite_at_zeros():
    table = torch.tensor([[0.1, 0.2, 0.05], [0.3, 0.15, 0.2]], dtype=torch.float64, requires_grad=True)

    def quantities(free):
        joint = Joint(free, "X Y", normalize=True)
        q = free.sum(0) / free.sum()
        return joint.H("Y|X"), joint.I("X;Y"), cross_entropy([0.2, 0.0, 0.8], q), kl_divergence(q, [0.3, 0.3, 0.4])

    assert torch.autograd.gradcheck(quantities, table)
    assert torch.autograd.gradgradcheck(lambda free: Joint(free, "X Y", normalize=True).I("X;Y"), table)

    zeros = torch.tensor([[0.5, 0.0], [0.0, 0.5]], dtype=torch.float64, requires_grad=True)
    other = torch.tensor([1.0, 0.0], dtype=torch.float64, requires_grad=True)
    total = Joint(zeros, "X Y").I("X;Y") + kl_divergence(zeros.sum(0), [0.5, 0.5]) + kl_divergence(other, other)
    total.backward()
    assert torch.isfinite(zeros.grad).all() and torch.isfinite(other.grad).all()
    p = torch.tensor([0.0, 0.25], requires_grad=True)
    entropy_terms(p).sum().backward()
    assert p.grad[0] > 80 and p.grad[1].item() == pytest.approx(-np.log(0.25) - 1)


@patient
@given(tables(4))
def test_a_batch_is_each_of_its_tables(p):
    p = p + 1e-3
    batch = p / p.sum(axis=(1, 2, 3), keepdims=True)
    joint = Joint(batch, ("A", "B", "C"))
    for quantity in ("A;B|C", "A;B;C", "A B;C"):
        alone = torch.stack([Joint(table, "A B C").I(quantity) for table in batch])
        torch.testing.assert_close(joint.I(quantity), alone, atol=1e-12, rtol=0)
    torch.testing.assert_close(joint.p("C|A")[0], Joint(batch[0], "A B C").p("C|A"))


def test_forms_that_are_accepted_mean_the_same():
    floats = np.array([[0.25, 0.25], [0.0, 0.5]])
    foreign = floats.astype(">f8")
    frozen = floats.copy()
    frozen.flags.writeable = False
    forms = [
        floats.tolist(),
        torch.tensor(floats),
        foreign,
        frozen,
        np.array([[1, 1], [0, 2]], "u2"),
        floats[::-1][::-1],
    ]
    forms += [floats.astype("f4"), floats.astype("f2"), floats.astype("longdouble"), torch.tensor([[1, 1], [0, 2]])]
    for form in forms:
        assert Joint(form, "X Y").I("X;Y").item() == pytest.approx(
            0.75 * np.log(4 / 3) + 0.25 * np.log(4) - np.log(2) * 0.5
        )
    assert Joint(np.asarray(forms[4]), ["X", "Y"]).samples.item() == 4
    assert Joint(floats * 3, "X, Y", normalize=True).samples is None
    assert (
        repr(Joint(np.array([[[1, 2]], [[3, 4]]]), "X Y")) == "Joint(X: 1, Y: 2; batch (2,); counts of 3 to 7 samples)"
    )


@pytest.mark.parametrize("lost", [1e-8, 1e-11, 1e-14])
def test_what_nearly_sums_to_one_is_divided_by_its_sum(lost):
    """A divergence was −1e-8, by what was missing from the first of the two."""
    q = torch.tensor([0.5, 0.5], dtype=torch.float64)
    p = q - torch.tensor([0.0, lost])
    assert abs(kl_divergence(p, q).item()) < 1e-15
    assert abs(kl_divergence(torch.stack([q, p]), q)).max() < 1e-15
    exact = probabilities("p", q, "X")
    assert exact is q or exact.data_ptr() == q.data_ptr()


def test_the_callers_arrays_stay_as_they_are():
    for table in (np.full((2, 2), 0.25), np.full((2, 2), 7), torch.full((2, 2), 0.25, dtype=torch.float64)):
        before = torch.tensor(table) if isinstance(table, np.ndarray) else table.clone()
        joint = Joint(table, "X Y", normalize=True)
        joint.table.zero_()
        entropy(table, normalize=True)
        assert (torch.as_tensor(table) == before).all()


def test_counting_samples_agrees_with_scikit_learn():
    x = np.random.default_rng(0).integers(0, 7, 500)
    y = np.where(x > 3, x, np.random.default_rng(1).integers(0, 5, 500))
    joint = Joint.from_samples(x, torch.tensor(y), names="X Y")
    assert joint.I("X;Y").item() == pytest.approx(mutual_info_score(x, y), abs=1e-10)
    assert joint.samples.item() == 500 and joint.names == ("X", "Y")
    three = Joint.from_samples(x, y, x % 2, names="X Y Z")
    assert three.table.shape == (7, 7, 2)
    assert three.p("X Y Z")[5, 5, 1].item() == np.mean((x == 5) & (y == 5))


@patient
@given(tables(2), st.integers(1, 3))
def test_an_encoder_makes_a_markov_chain(p, size):
    channel = np.random.default_rng(0).dirichlet(np.ones(size), p.shape[0])
    joint = Joint(p, "X Y").encode("Z|X", channel)
    np.testing.assert_allclose(joint.p("X Y Z"), p[:, :, None] * channel[:, None, :], atol=1e-15)
    assert joint.I("Y;Z|X").item() == pytest.approx(0, abs=1e-10)
    both = np.random.default_rng(1).dirichlet(np.ones(2), p.shape[::-1])
    with_both = Joint(p, "X Y").encode("Z|Y X", both)
    np.testing.assert_allclose(with_both.p("X Y Z"), p[:, :, None] * both.transpose(1, 0, 2), atol=1e-15)


def test_single_precision_is_rounding_and_no_more():
    soft = torch.randn(50, 40, generator=torch.Generator().manual_seed(0)).softmax(-1)
    table = Joint(torch.full((50, 1), 0.02), "X Y").encode("Z|X", soft)
    assert abs(table.table.sum().item() - 1) < 1e-12
    exact = soft.double() / soft.double().sum(-1, keepdim=True)
    assert table.H("Z|X").item() == pytest.approx(stats.entropy(exact.numpy(), axis=-1).mean(), abs=1e-10)


def test_encoders_and_tables_broadcast():
    joint = Joint(np.full((2, 2), 0.25), "X Y").encode("Z|X", np.full((5, 2, 3), 1 / 3))
    assert joint.H("Z").shape == (5,)


TABLE = [[0.25, 0.25], [0.25, 0.25]]
BAD = {
    "a 1-D table": (lambda: Joint([0.5, 0.5], "X Y"), r"shape \(2,\), expected \(..., X, Y\)"),
    "negative": (lambda: Joint([[1.5, -0.5]], "X Y"), r"1 negative of 2 cells, the lowest -0.5 at \[0, 1\]"),
    "too little": (lambda: Joint([[0.5, 0.25]], "X Y"), r"sum to 0.75 \(0.25 too little\).*normalize=True"),
    "too much, in a batch": (lambda: entropy([[1.0], [1.25]]), r"sum to 1.25 \(0.25 too much\) at \[1\]"),
    "NaN": (lambda: Joint([[np.nan, 1.0]], "X Y"), "1 NaN"),
    "infinite": (lambda: entropy([np.inf, 1.0], normalize=True), "infinite"),
    "no counts": (lambda: Joint([[[1, 0]], [[0, 0]]], "X Y"), r"nothing but zeros at \[1\]"),
    "sum beyond all numbers": (
        lambda: entropy([1e308, 1e308], normalize=True),
        "1e.308, whose sum is infinite; divide",
    ),
    "all zeros": (lambda: entropy([0.0, 0.0], normalize=True), "nothing but zeros"),
    "empty": (lambda: entropy([]), "at least 1"),
    "ragged": (lambda: Joint([[1.0], [0.5, 0.5]], "X Y"), "rectangular"),
    "booleans": (lambda: Joint(np.eye(2) > 0, "X Y"), "bool"),
    "complex": (lambda: entropy(torch.ones(1, dtype=torch.complex64)), "complex64"),
    "text": (lambda: entropy("half"), "real numbers"),
    "names that clash": (lambda: Joint(TABLE, "X X"), "'X' twice"),
    "no names": (lambda: Joint(TABLE, ""), "got none"),
    "names that are none": (lambda: Joint(TABLE, 2), "names: got 2, expected a list or tuple"),
    "a name with a bar": (lambda: Joint(TABLE, ["X|Y", "Z"]), r"got 'X\|Y'"),
    "two bars": (lambda: Joint(TABLE, "X Y").H("X|Y|Y"), "expected"),
    "nothing after the bar": (lambda: Joint(TABLE, "X Y").H("X|"), "expected such as"),
    "H of two": (lambda: Joint(TABLE, "X Y").H("X;Y"), "expected such as 'X'"),
    "I of one": (lambda: Joint(TABLE, "X Y").I("X"), "expected such as 'X;Y'"),
    "no text": (lambda: Joint(TABLE, "X Y").H(3), "expected text"),
    "both sides of a bar": (lambda: Joint(TABLE, "X Y").p("X|X"), "both sides"),
    "one Joint, one array": (lambda: kl_divergence(Joint(TABLE, "X Y"), TABLE), "two of a kind"),
    "other variables": (lambda: kl_divergence(Joint(TABLE, "X Y"), Joint(TABLE, "X Z")), "expected one of X, Y"),
    "unequal cells": (lambda: cross_entropy([0.5, 0.5], [0.2, 0.3, 0.5]), r"got \(3,\) cells"),
    "an encoder that fits not": (lambda: Joint(TABLE, "X Y").encode("Z|X", [[1.0]]), r"expected \(..., X = 2, Z\)"),
    "an encoder's rows": (lambda: Joint(TABLE, "X Y").encode("Z|X", [[0.5], [1.0]]), r"channel: .* at \[0\]"),
    "an old name": (lambda: Joint(TABLE, "X Y").encode("Y|X", TABLE), "'Y' twice"),
    "fractional symbols": (lambda: Joint.from_samples([0.5], [1], names="X Y"), "numpy.unique"),
    "negative symbols": (lambda: Joint.from_samples([-1, 0], names="X"), "the symbol -1"),
    "no samples": (lambda: Joint.from_samples(np.zeros(0, int), names="X"), r"shape \(0,\)"),
    "unequal samples": (lambda: Joint.from_samples([0, 1], [0], names="X Y"), r"lengths \[2, 1\] for X, Y"),
    "one array for two": (lambda: Joint.from_samples([0, 1], names="X Y"), "got 1 arrays"),
    "huge symbols": (lambda: Joint.from_samples([10**12], names="X"), "numpy.unique"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_told(case):
    call, message = BAD[case]
    with pytest.raises(InvalidInput, match=message):
        call()


def test_an_unknown_variable_is_told_the_nearest():
    with pytest.raises(UnknownName, match="did you mean 'label'"):
        Joint(TABLE, "pixel label").H("lable")
