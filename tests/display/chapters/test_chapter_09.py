"""Accuracy under attack and reliability of trained networks: what is drawn is what the Record says."""

import functools
import math

import numpy as np
import pytest
import torch

from ibteach.data.datasets import load
from ibteach.display.chapters import chapter_09 as robustness_explorers
from ibteach.display.live.canvas import Canvas
from ibteach.display.live.scene import alt_text, start_state, states
from ibteach.display.live.themes import DARK, LIGHT
from ibteach.errors import InvalidInput
from ibteach.evaluation import attacks
from ibteach.evaluation.calibration import expected_calibration_error
from ibteach.evaluation.prediction import probabilities
from ibteach.networks.bottleneck import mlp
from ibteach.training.loop import build, fit, grid

GAMMAS = [0.0, 0.01, 1.0]
EPSILONS = [0, 1 / 16, 0.1]


@functools.cache
def trained(objectives=("l2", "log-variance"), seeds=(0, 1)):
    digits, runs = load("digits"), grid(objectives, gammas=GAMMAS, seeds=seeds)
    networks = build(functools.partial(mlp, digits.shape, classes=10, latent_dimension=3, hidden=(16,)), runs)
    record = fit(networks, digits, runs, epochs=4, measure_every=4, eval_examples=200, progress=False)
    return networks, record


@functools.cache
def attacked(*arguments):
    networks, record = trained(*arguments)
    names = ["fgsm", "bim"]
    return attacks.robustness(
        networks, load("digits"), record, attacks=names, epsilons=EPSILONS, eval_examples=40, progress=False
    )


@functools.cache
def reliable(*arguments):
    networks, record = trained(*arguments)
    digits = load("digits")
    found = probabilities(networks, digits, digits.test_images[:200])
    return robustness_explorers.ReliabilityScene(found, digits.test_labels[:200], record)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_every_state_has_its_own_picture(theme):
    for scene, count in ((robustness_explorers.RobustnessScene(attacked()), 2 * 3 * 3 * 2), (reliable(), 2 * 3 * 2)):
        canvas = Canvas(scene, theme, dpi=60)
        assert len(states(scene)) == count
        assert len({canvas.pixels(state).tobytes() for state in states(scene)}) == count
        assert len({alt_text(scene, state) for state in states(scene)}) == count


def test_one_objective_and_one_seed_leave_fewer_controls():
    record = attacked(("l2",), (0,))
    scene = robustness_explorers.RobustnessScene(record)
    assert [axis.name for axis in scene.axes] == ["gamma", "attack", "epsilon"]
    assert scene.axes[1].values == ("any attack", "FGSM", "basic iterative")
    assert scene.axes[2].texts == ("1/16", "0.1") and "mean of" not in alt_text(scene, start_state(scene))
    assert Canvas(scene, dpi=60).pixels(start_state(scene)).any()
    assert [axis.name for axis in reliable(("l2",), (0,)).axes] == ["gamma"]


def test_a_point_is_the_mean_over_seeds_with_the_error_of_images_and_seeds():
    record = attacked()
    scene = robustness_explorers.RobustnessScene(record)
    state = start_state(scene) | {"objective": "log-variance", "gamma": 0.01, "attack": "FGSM", "epsilon": 0.1}
    own = record.select(objective="log-variance", gamma=0.01)
    for epsilon, name in ((0.1, "fgsm/0.1/error"), (0, "clean/error")):
        error = own.value(name)
        value, bar = scene.accuracy(state, 0.01, epsilon)
        assert value == pytest.approx(100 * (1 - error.mean().item()))
        binomial = (error * (1 - error) / 40).mean().item()
        assert bar == pytest.approx(100 * math.sqrt(binomial + error.var().item() / 2))
    canvas = Canvas(scene, dpi=60)
    canvas.pixels(state)
    drawn = canvas._scene
    for gamma, curve in zip(GAMMAS, drawn.curves, strict=True):
        expected = [scene.accuracy(state, gamma, size)[0] for size in EPSILONS]
        np.testing.assert_allclose(curve.get_ydata(), expected)
        np.testing.assert_allclose(curve.get_xdata(), [16 * size for size in EPSILONS])  # digits have levels 0 … 16
    under, clean = (scene.accuracy(state, 0.01, size) for size in (0.1, 0))
    assert drawn.said.get_text() == f"FGSM, ε = 0.1: {under[0]:.0f} %, clean {clean[0]:.0f} %"
    bars = drawn.lines["under attack"][2][0].get_segments()
    np.testing.assert_allclose(bars[1], [[0.01, under[0] - 2 * under[1]], [0.01, under[0] + 2 * under[1]]])
    assert f"{under[0]:.0f} ± {2 * under[1]:.0f} % under FGSM with ε = 0.1" in alt_text(scene, state)
    assert "mean of 2 seeds" in alt_text(scene, state)


def test_the_reliability_drawn_is_that_of_the_network_chosen():
    (_, record), digits = trained(), load("digits")
    scene = reliable()
    found = probabilities(trained()[0], digits, digits.test_images[:200])
    error = expected_calibration_error(found, digits.test_labels[:200])
    canvas = Canvas(scene, dpi=60)
    for m, run in enumerate(record.runs):
        title = next(title for title, name in scene.name_of.items() if name == run["objective"])
        state = {"objective": title, "gamma": run["gamma"], "seed": run["seed"]}
        canvas.pixels(state)
        x, y = canvas._scene.points.get_data()
        weight = scene.share[m]
        there = weight > 0
        assert (weight[there] * np.abs(x - y)[there]).sum() == pytest.approx(100 * error[m].item())
        right = (found[m].argmax(-1) == digits.test_labels[:200]).double().mean().item()
        assert (weight[there] * y[there]).sum() == pytest.approx(100 * right)
        assert f"calibration error is {100 * error[m].item():.1f} %" in alt_text(scene, state)


def test_the_explorers_open():
    (networks, record), digits = trained(), load("digits")
    explorer = robustness_explorers.robustness(attacked())
    explorer.state = {"attack": "FGSM", "epsilon": 0.1, "gamma": 1.0}
    assert len(explorer.picture()) > 10_000
    found = probabilities(networks, digits, digits.test_images[:200])
    explorer = robustness_explorers.reliability_diagram(found, digits.test_labels[:200], record)
    explorer.state = {"gamma": 0.0, "seed": 1}
    assert len(explorer.picture()) > 10_000


def test_what_cannot_be_shown_is_refused():
    networks, record = trained()
    with pytest.raises(
        InvalidInput, match=r"expected one of attacks under some ε > 0; make it with attacks\.robustness"
    ):
        robustness_explorers.robustness(record)
    only_clean = attacks.robustness(
        networks, load("digits"), record, attacks=["fgsm"], epsilons=[0], eval_examples=5, progress=False
    )
    with pytest.raises(InvalidInput, match="under some ε > 0"):
        robustness_explorers.robustness(only_clean)
    with pytest.raises(InvalidInput, match=r"probabilities: got shape \(3, 5, 2\) for 12 runs"):
        robustness_explorers.reliability_diagram(torch.full((3, 5, 2), 0.5), torch.tensor([0, 1, 0, 1, 0]), record)
