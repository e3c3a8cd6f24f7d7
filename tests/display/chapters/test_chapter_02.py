"""Explorers of the bottleneck: what they draw is what the solver says, at every position of the sliders."""

import math

import numpy as np
import pytest
import torch

from ibteach.bottleneck.tabular import solve
from ibteach.display.chapters import chapter_02 as bottleneck_explorers
from ibteach.display.chapters.chapter_02 import GaussianScene, PlaneScene
from ibteach.display.live.scene import DARK, LIGHT, Canvas, alt_text, start_state, states
from ibteach.errors import InvalidInput
from ibteach.information.discrete import Joint

TABLE = Joint([[0.3, 0.05, 0.0], [0.02, 0.2, 0.03], [0.05, 0.05, 0.3]], "X Y")
BETAS = [1.1, 2.0, 4.0, 30.0]


@pytest.fixture(scope="module")
def scene():
    return PlaneScene(TABLE, BETAS, alphas=(0.0, 1.0))


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_pictures_come_back_bit_for_bit(scene, theme):
    canvas, first = Canvas(scene, theme), start_state(scene)
    picture = canvas.pixels(first).tobytes()
    for state in states(scene, {"unit": "nats"}):
        canvas.pixels(state)
    assert canvas.pixels(first).tobytes() == picture
    assert canvas.pixels(first | {"beta": 30.0}).tobytes() != picture


def test_every_position_is_a_solution(scene):
    for alpha in (0.0, 1.0):
        expected = solve(TABLE, BETAS, alpha=alpha, restarts=4)
        for i, beta in enumerate(BETAS):
            rate, relevance, entropy, clusters, encoder = scene.at({"beta": beta, "alpha": alpha})
            assert rate == pytest.approx(float(expected.rate[i]), abs=1e-9)
            assert relevance == pytest.approx(float(expected.relevance[i]), abs=1e-9)
            assert entropy == pytest.approx(float(expected.entropy[i]), abs=1e-9)
            assert clusters == int(expected.clusters[i])
            np.testing.assert_allclose(encoder.sum(1), 1, atol=1e-9)


def test_the_curve_is_concave_and_above_every_solution(scene):
    rate, relevance = scene.curve
    slopes = np.diff(relevance)[np.diff(rate) > 1e-6] / np.diff(rate)[np.diff(rate) > 1e-6]
    assert (np.diff(slopes) <= 1e-6).all()
    for state in states(scene, {"unit": "nats"}):
        r, i, *_ = scene.at(state)
        assert i <= np.interp(r, rate, relevance) + 2e-3


def test_words_say_the_solution_in_either_unit(scene):
    state = start_state(scene) | {"beta": 4.0}
    rate = scene.at(state)[0]
    assert f"I[X;T] = {rate:.3f}" in alt_text(scene, state)
    assert f"I[X;T] = {rate / math.log(2):.3f}" in alt_text(scene, state | {"unit": "bits"})


def test_the_gaussian_scene_is_the_closed_form():
    scene = GaussianScene([0.5, 0.8])
    for state in states(scene):
        a2 = max(0.0, (state["beta"] * state["correlation"] ** 2 - 1) / (1 - state["correlation"] ** 2))
        assert f"I[X;T] = {0.5 * math.log1p(a2):.3f}" in alt_text(scene, state)
    canvas = Canvas(scene)
    assert canvas.pixels(start_state(scene)).std() > 1


def test_explorers_move():
    for explorer, state in [
        (bottleneck_explorers.plane(TABLE, BETAS, alphas=[1.0]), {"beta": 30.0}),
        (bottleneck_explorers.gaussian(), {"correlation": 0.95}),
    ]:
        before = explorer.picture()
        explorer.state = state
        assert explorer.picture() != before


def test_bad_input_is_refused():
    for arguments, said in [
        ({"betas": [0.0, 1.0]}, "betas: got 0"),
        ({"betas": BETAS, "alphas": [2.0]}, "alphas: got 2"),
        ({"betas": [float("nan")]}, "betas: got nan"),
    ]:
        with pytest.raises(InvalidInput, match=said):
            PlaneScene(TABLE, **arguments)
    with pytest.raises(InvalidInput, match="correlations: got 1"):
        GaussianScene([torch.tensor(1.0)])
