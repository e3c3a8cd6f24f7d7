"""The objectives against their definitions in plain numpy, and the identities that unify them, on random chains."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ibteach.bottleneck.lagrangian import lagrangian, unified, unified_weight
from ibteach.errors import InvalidInput
from ibteach.information.discrete import Joint

seeds = st.integers(0, 2**32 - 1)
betas = st.floats(1.001, 100)


def chain(seed, deterministic=False):
    """A random p(x, y) with some zeros, and a random encoder."""
    rng = np.random.default_rng(seed)
    x, y, t = rng.integers(1, 6, 3)
    joint = rng.dirichlet(np.full(x * y, 0.3)).reshape(x, y)
    encoder = np.eye(t)[rng.integers(0, t, x)] if deterministic else rng.dirichlet(np.full(t, 0.5), x)
    return joint, encoder


def entropy(p):
    p = p[p > 0]
    return -(p * np.log(p)).sum()


@given(seeds, st.floats(0.01, 100), st.floats(0, 1))
def test_lagrangian_is_its_definition(seed, beta, alpha):
    joint, encoder = chain(seed)
    p_xt, p_ty = joint.sum(1)[:, None] * encoder, encoder.T @ joint
    h_t = entropy(p_xt.sum(0))
    given_x = entropy(p_xt) - entropy(joint.sum(1))
    relevance = h_t + entropy(joint.sum(0)) - entropy(p_ty)
    assert abs(lagrangian(joint, encoder, beta, alpha) - (h_t - alpha * given_x - beta * relevance)) < 1e-10


@given(seeds, betas)
def test_ib_is_redundant_and_residual_information(seed, beta):
    joint, encoder = chain(seed)
    chain_ = Joint(joint, "X Y", normalize=True).encode("T|X", encoder)
    weight = unified_weight(beta)
    form = (beta - 1) * (chain_.I("X;Y|T") + weight * chain_.I("X;T|Y")) - (beta - 1) * chain_.I("X;Y")
    assert abs(lagrangian(joint, encoder, beta) - form) < 1e-10


@given(seeds, betas)
def test_deterministic_ib_is_decoder_and_reverse_decoder_uncertainty(seed, beta):
    joint, encoder = chain(seed)
    chain_ = Joint(joint, "X Y", normalize=True).encode("T|X", encoder)
    form = (beta - 1) * (chain_.H("Y|T") + unified_weight(beta) * chain_.H("T|Y")) - (beta - 1) * chain_.H("Y")
    assert abs(lagrangian(joint, encoder, beta, alpha=0) - form) < 1e-10


@given(seeds, betas, st.floats(0, 1))
def test_unified_form_differs_by_a_constant(seed, beta, alpha):
    joint, encoder = chain(seed)
    difference = lagrangian(joint, encoder, beta, alpha) / (beta - 1) - unified(joint, encoder, beta, alpha)
    assert abs(difference + entropy(joint.sum(0) / joint.sum())) < 1e-9


@given(seeds, betas)
def test_the_two_differ_by_encoding_uncertainty(seed, beta):
    joint, encoder = chain(seed)
    chain_ = Joint(joint, "X Y", normalize=True).encode("T|X", encoder)
    apart = unified(joint, encoder, beta, alpha=0) - unified(joint, encoder, beta, alpha=1)
    assert abs(apart - unified_weight(beta) * chain_.H("T|X")) < 1e-10


@given(seeds, betas, st.floats(0, 1))
def test_all_are_one_on_deterministic_encoders(seed, beta, alpha):
    joint, encoder = chain(seed, deterministic=True)
    assert abs(lagrangian(joint, encoder, beta, alpha) - lagrangian(joint, encoder, beta)) < 1e-10


def test_batches_of_encoders_and_of_beta():
    joint = [[0.4, 0.1], [0.1, 0.4]]
    encoders = torch.tensor([[[1.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [1.0, 0.0]]])
    beta = torch.tensor([2.0, 3.0], dtype=torch.float64)
    both = lagrangian(joint, encoders, beta)
    assert both.shape == (2,)
    assert both[0] == lagrangian(joint, encoders[0], 2.0)
    assert both[1] == 0


@pytest.mark.parametrize("function", [lagrangian, unified])
def test_batches_that_do_not_go_together_are_refused(function):
    with pytest.raises(InvalidInput, match=r"^encoder, beta: got batches of shapes \(3,\), \(2,\)"):
        function([[0.4, 0.1], [0.1, 0.4]], torch.eye(2).expand(3, 2, 2), [2.0, 3.0])


def test_weight_of_the_unified_form():
    assert unified_weight(5.0) == 0.25
    torch.testing.assert_close(unified_weight(torch.tensor([2.0, 3.0])), torch.tensor([1.0, 0.5], dtype=torch.float64))


@pytest.mark.parametrize("beta", [1.0, 0.5, -1.0, 0.0, float("nan"), float("inf"), [2.0, 1.0]])
def test_unified_form_needs_beta_above_one(beta):
    with pytest.raises(InvalidInput, match=r"^beta: got"):
        unified([[0.5, 0.0], [0.0, 0.5]], [[1.0], [1.0]], beta)


@pytest.mark.parametrize("alpha", [-0.1, 1.1, float("nan"), "one"])
def test_alpha_is_a_share(alpha):
    with pytest.raises(InvalidInput, match=r"^alpha: got"):
        lagrangian([[0.5, 0.0], [0.0, 0.5]], [[1.0], [1.0]], 2.0, alpha)


def test_a_joint_of_other_variables_is_refused():
    with pytest.raises(InvalidInput, match="one table of two variables"):
        lagrangian(Joint(np.full((2, 2, 2), 1 / 8), "X Y Z"), [[1.0], [1.0]], 2.0)
    with pytest.raises(InvalidInput, match="normalize=True"):
        lagrangian([[0.5, 0.1], [0.1, 0.5]], [[1.0], [1.0]], 2.0)
