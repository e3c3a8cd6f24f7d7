"""Explorers of decoder uncertainty, of networks that were really trained: what they draw is what the draws say."""

import functools
import itertools

import numpy as np
import pytest

from ibteach.data.datasets import load
from ibteach.display.chapters import chapter_03 as decoder_explorers
from ibteach.display.chapters.chapter_03 import BySamplesScene, ErrorBoundsScene, OneDigitScene
from ibteach.display.live.canvas import Canvas
from ibteach.display.live.scene import alt_text, start_state, states
from ibteach.display.live.themes import DARK, LIGHT
from ibteach.evaluation import sampling
from ibteach.networks.bottleneck import mlp
from ibteach.training.loop import build, fit, grid

SCENES = [OneDigitScene, BySamplesScene, ErrorBoundsScene]


@functools.cache
def drawn(networks=2):
    runs, trained = grid(["l2"], gammas=[0.0], seeds=range(networks)), {}
    for rate in (0.0, 0.5):
        make = functools.partial(mlp, (1, 8, 8), classes=10, latent_dimension=3, hidden=(16,), dropout=rate)
        model = build(make, runs)
        trained[rate] = (
            model,
            fit(model, load("digits"), runs, epochs=6, measure_every=3, eval_examples=200, progress=False),
        )
    return sampling.draw(trained, load("digits"), samples=8, eval_examples=60)


@pytest.mark.parametrize("scene", SCENES)
@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_every_state_has_its_own_picture_and_comes_back_bit_for_bit(scene, theme):
    shown = scene(drawn())
    canvas = Canvas(shown, theme)
    pictures = {str(state): canvas.pixels(state).tobytes() for state in states(shown)}
    assert len(set(pictures.values())) == len(pictures)
    first = next(iter(states(shown)))
    assert canvas.pixels(first).tobytes() == pictures[str(first)]


@pytest.mark.parametrize("scene", SCENES)
def test_the_first_control_is_the_rate_and_the_source_is_said(scene):
    shown = scene(drawn())
    assert shown.axes[0].name == "rate" and shown.axes[0].values == (0.0, 0.5)
    assert decoder_explorers.source(drawn()) == "computed now, digits, CPU, 4 networks"


def test_one_digit_is_jensens_inequality():
    shown = OneDigitScene(drawn())
    for state in states(shown):
        q = shown.answers(state)
        decoder, prediction = shown.entropies(state)
        assert q.shape == (8,) and decoder >= prediction - 1e-12
        assert decoder == pytest.approx(-np.log(q).mean()) and prediction == pytest.approx(-np.log(q.mean()))
        assert f"{decoder:.3f} nats" in alt_text(shown, state) and f"{prediction:.3f} nats" in alt_text(shown, state)


def test_digits_go_from_sure_to_unsure():
    shown = OneDigitScene(drawn())
    certainty = [shown.answers({"rate": 0.5, "digit": digit}).mean() for digit in range(1, 10)]
    assert certainty == sorted(certainty, reverse=True) and certainty[0] > certainty[-1]


def test_ends_of_the_curve_are_the_two_cross_entropies():
    shown = BySamplesScene(drawn())
    for state in states(shown):
        factor = {"nats": 1, "bits": np.log2(np.e)}[state["unit"]]
        for split in ("train", "test"):
            likelihood = drawn().log_likelihood[split][shown.rate(state)].exp().numpy()  # (M, S, N)
            decoder, prediction = shown.ends(split, state)
            assert decoder == pytest.approx(-np.log(likelihood).mean() * factor)
            assert prediction == pytest.approx(-np.log(likelihood.mean(1)).mean() * factor)
            assert f"{decoder:.3f}" in alt_text(shown, state) and f"{prediction:.3f}" in alt_text(shown, state)


def test_errors_lie_under_their_bounds_in_the_order_that_is_drawn():
    shown = ErrorBoundsScene(drawn())
    for rate, record in drawn().records.items():
        course = shown.course(record)
        chain = ["sampled", "prediction bound", "decoder bound", "linear bound"]
        for lower, upper in itertools.pairwise(chain):
            assert (course[lower] <= course[upper] + 1e-12).all()
        assert (course["argmax"] <= course["argmax bound"]).all()
        said = alt_text(shown, {"rate": rate, "network": 2})
        assert f"ends at {course['sampled'][1, -1]:.2g}" in said


def test_one_network_of_each_rate_needs_no_choice():
    assert [axis.name for axis in ErrorBoundsScene(drawn(1)).axes] == ["rate"]
    for scene in SCENES:
        Canvas(scene(drawn(1))).pixels(start_state(scene(drawn(1))))


def test_explorers_move():
    for explore in (decoder_explorers.one_digit, decoder_explorers.by_samples, decoder_explorers.error_bounds):
        explorer = explore(drawn())
        before = explorer.picture()
        explorer.state = {"rate": 0.0}
        assert explorer.picture() != before


def test_the_first_digit_is_one_whose_gap_grows_and_what_is_cut_is_counted():
    shown = OneDigitScene(drawn())
    start = start_state(shown)
    none, half = (np.subtract(*shown.entropies(start | {"rate": rate})) for rate in (0.0, 0.5))
    assert half > none
    canvas = Canvas(shown)
    for state in states(shown):
        canvas.pixels(state)
        beyond = int((shown.answers(state) < np.exp(-shown.TOP)).sum())
        told = canvas._scene.beyond.get_text()
        assert told == (f"{beyond} of 8 answers lie above 5 nats" if beyond else "")
