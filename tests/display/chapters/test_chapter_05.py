"""Explorers of trained networks, fed by a Record that was really trained: what they draw is what it says."""

import dataclasses
import functools
import io
import itertools
import math

import numpy as np
import pytest
import torch
from PIL import Image

from ibteach.data.datasets import load
from ibteach.display.chapters import chapter_05 as explorers
from ibteach.display.chapters.chapter_05_bounds import BoundScene, ErrorBoundScene
from ibteach.display.chapters.chapter_05_latents import LatentScene
from ibteach.display.live.canvas import Canvas
from ibteach.display.live.scene import alt_text, start_state, states
from ibteach.display.live.themes import DARK, LIGHT
from ibteach.errors import InvalidInput, UnknownName
from ibteach.networks.bottleneck import mlp
from ibteach.objectives import CROSS_ENTROPIES, OBJECTIVES
from ibteach.training.loop import build, fit, grid

GAMMAS = [0.001, 0.1, 10.0]


@functools.cache
def trained(latent_dimension=2, objectives=("l2", "log-variance", "vib"), seeds=(0,)):
    runs = grid(objectives, gammas=GAMMAS, seeds=seeds)
    make = functools.partial(mlp, (1, 8, 8), classes=10, latent_dimension=latent_dimension, hidden=(16,))
    return fit(build(make, runs), load("digits"), runs, epochs=6, measure_every=3, eval_examples=200, progress=False)


SCENES = [LatentScene, BoundScene, ErrorBoundScene]


@pytest.mark.parametrize("scene", SCENES)
@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_every_state_has_its_own_picture_and_comes_back_bit_for_bit(scene, theme):
    shown = scene(trained())
    canvas = Canvas(shown, theme)
    pictures = {str(state): canvas.pixels(state).tobytes() for state in states(shown)}
    assert len(set(pictures.values())) == len(pictures)
    first = next(iter(states(shown)))
    assert canvas.pixels(first).tobytes() == pictures[str(first)]


@pytest.mark.parametrize("scene", SCENES)
@pytest.mark.parametrize("latent_dimension", [1, 3])
def test_latents_of_any_dimension(scene, latent_dimension):
    shown = scene(trained(latent_dimension, ("variance",)))
    assert shown.axes[0].name == "gamma"  # one objective: nothing to choose
    Canvas(shown).pixels(start_state(shown))
    if latent_dimension == 3 and scene is LatentScene:
        assert "first two principal components" in shown.projection


def test_several_seeds_are_a_slider():
    shown = BoundScene(trained(2, ("l2",), (0, 1)))
    assert [axis.name for axis in shown.axes] == ["gamma", "seed", "unit"]
    runs = shown.record.runs
    for seed in (0, 1):
        m = shown.network({"gamma": 0.1, "seed": seed, "unit": "nats"})
        assert (runs[m]["gamma"], runs[m]["seed"]) == (0.1, seed)


def test_alt_text_says_the_numbers_of_the_network_on_screen():
    shown = LatentScene(trained())
    for name in ("l2", "log-variance", "vib"):
        for gamma in GAMMAS:
            record = shown.record.select(objective=name, gamma=gamma)
            loss, error = record.value("test/decoder_cross_entropy").item(), record.value("test/argmax_error").item()
            state = start_state(shown) | {"objective": OBJECTIVES[name].title, "gamma": gamma}
            assert f"test set is {loss:.2f} nats, test error {error:.1%}" in alt_text(shown, state)
            in_bits = alt_text(shown, state | {"unit": "bits"})
            assert f"{loss / math.log(2):.2f} bits" in in_bits


def test_the_ladder_rises_from_the_measured_entropy_to_l2():
    shown = BoundScene(trained())
    for state in states(shown, {"unit": "nats"}):
        ladder = shown.ladder(state)
        assert ladder[0] - 2 * shown.error(state) <= ladder[1]  # measured by Monte Carlo: four standard errors
        in_bits = {**state, "unit": "bits"}
        assert shown.error(in_bits) == pytest.approx(shown.error(state) / math.log(2))
        assert all(lower <= upper + 1e-6 for lower, upper in itertools.pairwise(ladder[1:]))
    crushed = shown.ladder({"objective": "L2", "gamma": 10.0, "unit": "nats"})
    assert max(crushed[:-1]) < 0.1  # nothing but noise is left within a class


def test_explorer_of_a_record_moves_and_is_written_as_a_page(tmp_path):
    explorer = explorers.latents(trained())
    before = explorer.picture()
    explorer.state = '{"gamma": 10, "objective": "VIB"}'
    assert explorer.picture() != before
    assert np.asarray(Image.open(io.BytesIO(before))).std() > 10
    written = explorer.export(tmp_path / "latents.html", themes=("light",), fixed={"unit": "nats", "scale": "zoom in"})
    assert written.pictures == 9
    with pytest.raises(UnknownName, match="did you mean 'gamma'"):
        explorer.state = {"gama": 1}
    with pytest.raises(InvalidInput, match=r"gamma: got 0.2, expected one of the ticks .* the nearest is 0.1"):
        explorer.state = {"gamma": 0.2}


@functools.cache
def unusual(**settings):
    noise, dropout = settings.pop("noise", True), settings.pop("dropout", 0.0)
    runs = grid(["l2"], gammas=[0.0, 0.1])
    make = functools.partial(mlp, (1, 8, 8), classes=10, hidden=(16,), dropout=dropout)
    return fit(build(make, runs), load("digits"), runs, epochs=2, eval_examples=200, noise=noise, progress=False)


def test_no_compression_at_all_is_a_tick_of_its_own():
    shown = LatentScene(unusual())
    canvas = Canvas(shown)
    none, some = (canvas.pixels(start_state(shown) | {"gamma": gamma}).tobytes() for gamma in (0.0, 0.1))
    assert none != some


def test_networks_without_noise_are_shown_without_noise():
    shown = LatentScene(unusual(noise=False))
    Canvas(shown).pixels(start_state(shown))
    assert "with noise of standard deviation 0. " in alt_text(shown, start_state(shown))
    assert shown.noise_variance == 0


@pytest.mark.parametrize("settings", [{"noise": False}, {"dropout": 0.5}], ids=str)
def test_bounds_on_an_entropy_that_is_not_known_are_refused(settings):
    with pytest.raises(InvalidInput, match="without noise or with dropout"):
        BoundScene(unusual(**settings))


def test_records_that_cannot_be_shown_are_refused():
    record = trained()
    with pytest.raises(InvalidInput, match=r"got 8 different runs, expected 3 objectives × 3 γ × 1 seeds"):
        keep = torch.arange(8)
        LatentScene(
            type(record)(
                runs=record.runs[:8],
                epochs=record.epochs,
                quantities={name: value[keep] for name, value in record.quantities.items()},
                latents=record.latents[keep],
                labels=record.labels,
                decoder_weight=record.decoder_weight[keep],
                decoder_bias=record.decoder_bias[keep],
            )
        )
    bare = type(record)(runs=record.runs, epochs=record.epochs, quantities=record.quantities)
    for scene in SCENES[:2]:
        with pytest.raises(InvalidInput, match="without latents"):
            scene(bare)


def test_the_table_has_every_objective_in_a_row_of_six_columns():
    rows = explorers.objective_table().data.splitlines()
    assert len(rows) == 2 + len(CROSS_ENTROPIES) + len(OBJECTIVES)
    assert {row.replace(r"\|", "").count("|") for row in rows} == {7}


def test_runs_that_are_there_twice_are_refused():
    record = trained(2, ("l2",))
    with pytest.raises(InvalidInput, match="got 6 runs of which 3 differ"):
        ErrorBoundScene(record.take([0, 1, 2, 0, 1, 2]))


def test_bars_longer_than_usual_lie_within_the_axes():
    record = trained(2, ("l2",))
    shown = BoundScene(dataclasses.replace(record, latents=100 * record.latents))
    scene = Canvas(shown)._scene
    longest = max(max(shown.ladder(state)) for state in states(shown))
    assert longest > 1e5 and longest < scene.added[0].axes.get_xlim()[1]


def test_how_far_latents_reach_is_their_distance():
    record = trained(2, ("l2",))
    latents = record.latents.clone()
    latents[:, 0] = torch.tensor([300.0, 400.0])
    shown = LatentScene(dataclasses.replace(record, latents=latents))
    assert "reaching 5e+02 from the origin" in alt_text(shown, start_state(shown))


def test_a_latent_of_one_dimension_has_one_name():
    plane = Canvas(LatentScene(trained(1, ("variance",))))._figure.axes[0]
    assert (plane.get_xlabel(), plane.get_ylabel()) == ("$z_1$", "")


def test_without_noise_what_the_surrogate_was_worth_may_be_below_zero():
    record = unusual(noise=False)
    quantities = record.quantities | {"train/l2": torch.full_like(record.quantities["train/l2"], -9.0)}
    shown = LatentScene(dataclasses.replace(record, quantities=quantities))
    scene = Canvas(shown)._scene
    state = start_state(shown) | {"gamma": 0.1, "unit": "bits"}
    scene.update(**state)
    line, dot = scene.lines["weighted surrogate"]
    assert scene.terms.get_ylim()[0] < dot.get_ydata()[0] < 0
    assert line.get_label() == "β′ · surrogate"
