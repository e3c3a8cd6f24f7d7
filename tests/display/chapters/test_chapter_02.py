"""Explorers of the bottleneck: what they draw is what the solver says, at every position of the sliders."""

import math

import numpy as np
import pytest
import torch

from ibteach.bottleneck.tabular import solve
from ibteach.display.chapters import chapter_02 as bottleneck_explorers
from ibteach.display.chapters.chapter_02 import BirthScene, CurveScene, GaussianScene, hamming
from ibteach.display.live.canvas import Canvas
from ibteach.display.live.scene import alt_text, start_state, states
from ibteach.display.live.themes import DARK, LIGHT
from ibteach.errors import InvalidInput
from ibteach.information.discrete import Joint

TABLE = Joint([[0.3, 0.05, 0.0], [0.02, 0.2, 0.03], [0.05, 0.05, 0.3]], "X Y")
BETAS = [1.1, 2.0, 4.0, 30.0]


@pytest.fixture(scope="module")
def scene():
    return CurveScene(TABLE, BETAS, alphas=(0.0, 1.0))


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


def test_the_plane_is_in_the_unit_that_is_said(scene):
    first = start_state(scene) | {"beta": 4.0}
    canvas = Canvas(scene)
    before = canvas.pixels(first)
    scene, (plane, *_) = canvas._scene, canvas._figure.axes
    rate, relevance, *_ = scene.at(first)
    for unit, factor in {"bits": 1 / math.log(2), "nats": 1.0}.items():
        picture = canvas.pixels(first | {"unit": unit})
        assert plane.get_xlabel().endswith(unit) and plane.get_ylabel().endswith(unit)
        np.testing.assert_allclose(scene.dot.get_data(), [[factor * rate], [factor * relevance]])
        curve = next(line for line in plane.lines if line.get_label() == "the IB curve")
        np.testing.assert_allclose(curve.get_data(), factor * np.array(scene.curve))
        np.testing.assert_allclose([plane.get_xlim()[1], plane.get_ylim()[1]], factor * scene.limits)
    np.testing.assert_array_equal(picture, before)


def test_the_plane_comes_back_from_the_other_unit_bit_for_bit():
    shown = CurveScene(Joint([[0.45, 0.05], [0.05, 0.45]], "X Y"), [2.0], alphas=[1.0], restarts=1)
    canvas, nats = Canvas(shown), {"beta": 2.0, "unit": "nats"}
    first = canvas.pixels(nats)
    canvas.pixels(nats | {"unit": "bits"})
    np.testing.assert_array_equal(canvas.pixels(nats), first)


def test_the_gaussian_scene_is_the_closed_form():
    scene = GaussianScene([0.5, 0.8])
    for state in states(scene):
        a2 = max(0.0, (state["beta"] * state["correlation"] ** 2 - 1) / (1 - state["correlation"] ** 2))
        assert f"I[X;T] = {0.5 * math.log1p(a2):.3f}" in alt_text(scene, state)
    canvas = Canvas(scene)
    assert canvas.pixels(start_state(scene)).std() > 1


def test_the_picture_says_how_its_solution_is_known():
    few, many = (
        CurveScene(TABLE, [2.0], alphas=[0.5, 1.0]),
        CurveScene(
            Joint(torch.rand(9, 6, generator=torch.Generator().manual_seed(0)), "X Y", normalize=True),
            [8.0],
            alphas=[0.0, 1.0],
        ),
    )
    for scene, alpha, word in [
        (few, 1.0, "Exhaustive"),
        (few, 0.5, "Searched"),
        (many, 1.0, "Searched"),
        (many, 0.0, "Searched"),
    ]:
        state = start_state(scene) | {"alpha": alpha}
        assert word in alt_text(scene, state)
        assert ("no encoder is better" in alt_text(scene, state)) == (word == "Exhaustive")
        assert "proven" not in alt_text(scene, state) and "proof" not in alt_text(scene, state)
        Canvas(scene).pixels(state)


@pytest.fixture(scope="module")
def births():
    return BirthScene((2, 3, 5))


def test_births_out_of_nothing_and_by_a_jump(births):
    for q, jump in [(2, False), (3, True), (5, True)]:
        correlation = 1 - 0.1 - 0.1 / (q - 1)
        birth = births.births[q]
        assert birth.jump == jump and birth.squared_correlation == pytest.approx(correlation**2)
        assert (birth.contraction > correlation**2 + 1e-3) == jump
        state = {"symbols": q, "ratio": 0.999}
        assert births.at(state)[1:] == (0, 0, 1)
        _, rate, relevance, clusters = births.at(state | {"ratio": 1.001})
        assert (rate > 0.05) == jump and rate > 0 and clusters == q
        assert relevance <= birth.contraction * rate + 1e-12
        assert f"{birth.beta:.4f}" in alt_text(births, state) and ("by a jump" in alt_text(births, state)) == jump
        exhaustive = "Exhaustive" in alt_text(births, state)
        assert exhaustive == (q <= 4) and ("Searched from" in alt_text(births, state)) != exhaustive


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_births_are_drawn_bit_for_bit(births, theme):
    canvas, first = Canvas(births, theme), start_state(births)
    picture = canvas.pixels(first).tobytes()
    canvas.pixels(first | {"symbols": 2})
    assert canvas.pixels(first).tobytes() == picture != canvas.pixels(first | {"ratio": 1.08}).tobytes()


def test_the_hamming_channel_is_a_table():
    table = hamming(4, 0.3)
    torch.testing.assert_close(table.sum(1), torch.full((4,), 0.25, dtype=torch.float64))
    assert table[0, 0] == pytest.approx(0.7 / 4) and table[2, 1] == pytest.approx(0.1 / 4)


def test_explorers_move():
    for explorer, state in [
        (bottleneck_explorers.ib_curve(TABLE, BETAS, alphas=[1.0]), {"beta": 30.0}),
        (bottleneck_explorers.births((2, 3)), {"symbols": 2}),
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
            CurveScene(TABLE, **arguments)
    with pytest.raises(InvalidInput, match="symbols: got 1"):
        BirthScene((1, 2))
    with pytest.raises(InvalidInput, match=r"error: got 0\.5"):
        BirthScene(error=0.5)
    with pytest.raises(InvalidInput, match="correlations: got tensor"):
        GaussianScene([torch.tensor(1.0)])


def test_the_only_alpha_is_named_as_it_is():
    scene = CurveScene(TABLE, BETAS, alphas=[0.0])
    state = start_state(scene)
    canvas = Canvas(scene)
    canvas.pixels(state)
    assert "α = 0, the best encoder" in alt_text(scene, state)
    assert "α = 0;" in canvas._scene.known.get_text()


@pytest.mark.parametrize("correlations", [(0.3, 0.95), (0.99,), (0.1,)])
def test_every_gaussian_solution_lies_within_the_axes(correlations):
    canvas = Canvas(GaussianScene(correlations))
    shown = canvas._scene
    for state in states(shown):
        shown.update(**state)
        for dot in (shown.dot, shown.here):
            assert within(dot)


def within(line):
    (left, right), (low, high) = line.axes.get_xlim(), line.axes.get_ylim()
    x, y = line.get_data()
    return all(left <= one <= right for one in x) and all(low <= one <= high for one in y)
