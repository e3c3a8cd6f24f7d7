"""Explorers of noise and scaling: what they draw is what the closed forms and the measures say."""

import dataclasses
import functools
import math

import numpy as np
import pytest
import torch

from ibteach.data.datasets import load
from ibteach.display.chapters import chapter_04 as noise_explorers
from ibteach.display.chapters.chapter_04 import PointsScene, ScalingScene, WithAndWithoutScene
from ibteach.display.live.canvas import Canvas
from ibteach.display.live.scene import alt_text, states
from ibteach.display.live.themes import DARK, LIGHT
from ibteach.errors import InvalidInput
from ibteach.information.mixture import measure
from ibteach.networks.bottleneck import mlp
from ibteach.training.loop import build, fit, grid


@functools.cache
def trained(noise, gammas=(0.001, 1.0)):
    runs = grid(["l2", "log-variance"], gammas=gammas)
    make = functools.partial(mlp, (1, 8, 8), classes=10, latent_dimension=2, hidden=(16,))
    options = {"epochs": 4, "measure_every": 4, "eval_examples": 200, "noise": noise, "progress": False}
    return fit(build(make, runs), load("digits"), runs, **options)


@functools.cache
def scaled():
    record = trained(False)
    return ScalingScene(record.latents[0], record.labels)


SCENES = {
    "points": PointsScene,
    "scaling": scaled,
    "with and without": lambda: WithAndWithoutScene(trained(True), trained(False)),
}


@pytest.mark.parametrize("name", SCENES)
@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_every_state_has_its_own_picture_and_comes_back_bit_for_bit(name, theme):
    shown = SCENES[name]()
    canvas = Canvas(shown, theme)
    chosen = [state for state in states(shown) if state.get("count") != 1][::3]  # one point looks the same everywhere
    pictures = {str(state): canvas.pixels(state).tobytes() for state in chosen}
    assert len(set(pictures.values())) == len(pictures)
    first = chosen[0]
    assert canvas.pixels(first).tobytes() == pictures[str(first)]


def test_points_are_measured_as_a_mixture_is():
    shown = PointsScene()
    for state in [{"count": 4, "distance": 0.4}, {"count": 2, "distance": 1.1}, {"count": 8, "distance": 0.2}]:
        places = torch.from_numpy(shown.places(**state))[:, None]
        value, error = measure(places, torch.zeros(len(places), dtype=int), samples=3000).latent_entropy
        assert abs(shown.entropy(state) - value) < 4 * error
        assert f"{shown.entropy(state):.3f} nats" in alt_text(shown, state)


def test_points_far_apart_are_all_told_apart_and_coinciding_ones_are_not():
    shown = PointsScene()
    for count in shown.counts:
        assert shown.entropy({"count": count, "distance": 2.0}) == pytest.approx(math.log(count), abs=1e-3)
        assert shown.entropy({"count": count, "distance": 0.0}) == pytest.approx(0, abs=1e-6)


def test_scaling_has_no_floor_without_noise_and_one_with_it():
    shown = scaled()
    bare = np.array([shown.value({"noise": "without", "scale": a}) for a in shown.factors])
    noisy = np.array([shown.value({"noise": "with", "scale": a}) for a in shown.factors])
    assert np.diff(bare[:, 0]) == pytest.approx(2 * math.log(2)) and bare[0, 0] < -4
    assert np.ptp(bare[:, 1]) == 0
    assert (noisy > -0.02).all() and noisy[0, 0] < 0.1 and noisy[-1, 0] > 4
    assert (noisy[:, 1] <= bare[:, 1] + 1e-9).all() and (np.diff(noisy[:, 1]) > -0.02).all()
    assert f"Entropy {noisy[3, 0]:.2f} nats" in alt_text(shown, {"noise": "with", "scale": shown.factors[3]})


def test_scaling_shows_the_same_plane_at_every_scale_without_noise():
    shown = scaled()
    Canvas(shown)
    canvas = Canvas(shown)
    drawn = canvas._scene.dots[0]
    seen = []
    for a in (shown.factors[0], shown.factors[-1]):
        canvas.pixels({"noise": "without", "scale": a})
        seen.append(np.array(drawn.get_data()))
    assert np.array_equal(*seen)


def test_with_and_without_draws_both_records():
    shown = SCENES["with and without"]()
    for state in states(shown):
        m = shown.network(state)
        bounds = [trained(noise).value("test/log-variance")[m].item() for noise in (True, False)]
        assert f"is {bounds[0]:.1f} nats" in alt_text(shown, state)
        assert f"without noise {bounds[1]:.1f} nats" in alt_text(shown, state)
        assert bounds[0] > 0


def test_bad_input_is_refused():
    with pytest.raises(InvalidInput, match=r"expected \(N, 2\)"):
        noise_explorers.scaling(torch.zeros(5, 3), torch.zeros(5, dtype=int))
    with pytest.raises(InvalidInput, match="other runs"):
        noise_explorers.with_and_without(trained(True), trained(False, (0.001, 0.1)))


def test_every_marked_point_lies_within_the_axes():
    generator = torch.Generator().manual_seed(0)
    for scale in (0.01, 1.0, 100.0):
        shown = Canvas(ScalingScene(scale * torch.randn(300, 2, generator=generator), torch.arange(300) % 4))._scene
        for state in states(shown):
            shown.update(**state)
            low, high = shown.here.axes.get_ylim()
            assert low < shown.here.get_ydata()[0] < high


def test_bounds_far_below_zero_lie_within_the_axes():
    bare = trained(False)
    deep = {"test/log-variance": torch.full_like(bare.quantities["test/log-variance"], -41000.0)}
    shown = WithAndWithoutScene(trained(True), dataclasses.replace(bare, quantities=bare.quantities | deep))
    scene = Canvas(shown)._scene
    scene.update(**states(shown)[0])
    _, dot = scene.lines["without noise", "test/log-variance"]
    assert dot.axes.get_ylim()[0] < dot.get_ydata()[0] == -41000
    assert "−10000" in [label.get_text() for label in dot.axes.get_yticklabels()]


def test_the_same_runs_in_another_order_are_the_same_runs():
    turned = trained(False).take([3, 2, 1, 0])
    shown, same = WithAndWithoutScene(trained(True), turned), SCENES["with and without"]()
    assert [alt_text(shown, state) for state in states(shown)] == [alt_text(same, state) for state in states(same)]
