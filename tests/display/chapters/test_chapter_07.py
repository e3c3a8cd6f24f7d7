"""The information plane and the diagram of trained networks: what they draw is what the Record says."""

import dataclasses
import functools
import math

import numpy as np
import pytest
import torch

from ibteach.data.datasets import load
from ibteach.display.chapters import chapter_07 as plane_explorers
from ibteach.display.live.canvas import Canvas
from ibteach.display.live.scene import alt_text, start_state, states
from ibteach.display.live.themes import DARK, LIGHT
from ibteach.errors import InvalidInput
from ibteach.information import mixture
from ibteach.information.diagram import region
from ibteach.networks.bottleneck import mlp
from ibteach.records import shipped
from ibteach.training.loop import build, fit, grid

GAMMAS = [0.001, 0.1, 10.0]
SCENES = [plane_explorers.PlaneScene, plane_explorers.NetworkDiagramScene]


@functools.cache
def trained(objectives=("l2", "log-variance"), seeds=(0, 1)):
    runs = grid(objectives, gammas=GAMMAS, seeds=seeds)
    make = functools.partial(mlp, (1, 8, 8), classes=10, latent_dimension=3, hidden=(16,))
    sizes = {"epochs": 4, "measure_every": 2, "eval_examples": 200, "information": True}
    return fit(build(make, runs), load("digits"), runs, **sizes, progress=False)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_every_state_of_the_plane_has_its_own_picture(theme):
    scene = plane_explorers.PlaneScene(trained())
    canvas = Canvas(scene, theme, dpi=60)
    pictures = {canvas.pixels(state).tobytes() for state in states(scene)}
    assert len(pictures) == 2 * 3 * 3 * 2


@pytest.mark.parametrize("scene", SCENES)
def test_one_objective_and_one_seed_leave_fewer_controls(scene):
    shown = scene(trained(("variance",), (0,)))
    assert [axis.name for axis in shown.axes][:3] == ["gamma", "epoch", "examples"]
    assert Canvas(shown, dpi=60).pixels(start_state(shown)).any()
    assert "mean of" not in alt_text(shown, start_state(shown))


def test_what_was_measured_within_an_epoch_has_a_tick_of_its_own():
    run = grid(["l2"], gammas=[0.1])
    make = functools.partial(mlp, (1, 8, 8), classes=10, latent_dimension=3, hidden=(16,))
    sizes = {"epochs": 2, "eval_examples": 200, "information": True, "measure_steps": [1, 5]}
    scene = plane_explorers.PlaneScene(fit(build(make, run), load("digits"), run, **sizes, progress=False))
    (epoch,) = [axis for axis in scene.axes if axis.name == "epoch"]
    assert list(epoch.texts) == ["0", "step 1", "step 5", "2"] and epoch.values[1] == pytest.approx(1 / 20)
    state = start_state(scene)
    assert "step 5" in alt_text(scene, state | {"epoch": epoch.values[2]}) and "epoch 2" in alt_text(scene, state)
    assert len({Canvas(scene, dpi=60).pixels(state | {"epoch": at}).tobytes() for at in epoch.values}) == 4


def test_a_point_is_the_mean_over_seeds_with_the_error_of_both():
    record = trained()
    scene = plane_explorers.PlaneScene(record)
    state = start_state(scene) | {"objective": "log-variance", "gamma": 0.1, "epoch": 2, "examples": "train"}
    own = record.select(objective="log-variance", gamma=0.1)
    found = own.value("train/preserved_information", 2)
    drawn = own.errors["train/preserved_information"][:, 1]
    value, error = scene.at("preserved_information", state)
    assert value == pytest.approx(found.mean().item())
    assert error == pytest.approx(max(found.std().item(), drawn.square().mean().sqrt().item()) / math.sqrt(2))
    assert "mean of 2 seeds" in alt_text(scene, state) and f"I[X;Z] = {value:.2f} ± " in alt_text(scene, state)


def test_what_is_drawn_is_under_the_ceilings():
    record = trained()
    scene = plane_explorers.PlaneScene(record)
    canvas = Canvas(scene, dpi=60)
    labels = load("digits").test_labels[:200]
    share = torch.bincount(labels) / 200
    for state in states(scene, {"examples": "test"}):
        canvas.pixels(state)
        drawn = canvas._scene
        assert scene.label_entropy(state) == pytest.approx(-(share * share.log()).sum().item(), abs=1e-5)
        assert drawn.most.get_ydata()[0] == scene.label_entropy(state)
        for line, dot in zip(drawn.paths, drawn.dots, strict=True):
            x, y = line.get_data()
            assert len(x) == 1 + scene.epochs.index(state["epoch"]) and (x[-1], y[-1]) == tuple(
                map(float, dot.get_xydata()[0])
            )
            assert (np.array(x) <= math.log(200) + 1e-9).all() and (
                np.array(y) <= scene.label_entropy(state) + 1e-9
            ).all()
    assert scene.ceiling == math.log(200)


def test_the_diagram_is_the_mixture_that_the_latents_are():
    record = trained(("l2",), (0,))
    scene = plane_explorers.NetworkDiagramScene(record)
    for m, gamma in enumerate(GAMMAS):
        state = start_state(scene) | {"gamma": gamma, "examples": "test"}
        found = mixture.measure(record.latents[m], record.labels)
        atoms = scene.atoms(state)
        for quantity, wanted in [
            ("H[X]", found.ceiling),
            ("H[Y]", found.label_entropy),
            ("H[Z]", found.latent_entropy.value.item()),
            ("I[Y;Z]", found.preserved_relevant_information.value.item()),
            ("H[Y|Z]", found.decoder_uncertainty.value.item()),
            ("H[Z|Y]", found.reverse_decoder_uncertainty.value.item()),
        ]:
            value = sum(atoms[atom] for atom in region(quantity, "X Y Z"))
            assert value == pytest.approx(wanted, abs=2e-3), quantity
        assert min(atoms.values()) >= 0 and atoms["I[Y;Z|X]"] == atoms["H[Z|X,Y]"] == 0
        said = alt_text(scene, state | {"quantity": "H[Z|Y]"})
        assert "reverse decoder uncertainty" in said and f"γ = {gamma:.3g}" in said


def test_every_quantity_of_the_diagram_is_drawn_and_said():
    scene = plane_explorers.NetworkDiagramScene(trained())
    canvas = Canvas(scene, dpi=60)
    for state in states(scene, start_state(scene) | {"quantity": "H[X]"}):
        assert canvas.pixels(state).any()
    fixed = {name: value for name, value in start_state(scene).items() if name != "quantity"}
    said = {alt_text(scene, state) for state in states(scene, fixed)}
    assert len(said) == len(states(scene, fixed))


def test_the_recorded_networks_can_be_shown():
    record = shipped.load("mnist-surrogates")
    for explorer in (plane_explorers.information_plane(record), plane_explorers.network_diagram(record)):
        explorer.state = {"objective": "variance", "gamma": 0.25, "epoch": 3}
        assert len(explorer.picture()) > 10_000
    for state in states(plane_explorers.NetworkDiagramScene(record), {"quantity": "H[X]", "unit": "nats", "epoch": 6}):
        assert "Areas are true to the measure" in alt_text(explorer.scene, state)


def test_records_that_cannot_be_shown_are_refused():
    record = trained()
    without = {name: values for name, values in record.quantities.items() if "information" not in name}
    errors = {name: values for name, values in record.errors.items() if name in without}
    with pytest.raises(InvalidInput, match=r"without preserved_information.*information=True"):
        plane_explorers.information_plane(dataclasses.replace(record, quantities=without, errors=errors))
    settings = {**record.provenance["configuration"], "eval_examples": None}
    unknown = dataclasses.replace(record, provenance={**record.provenance, "configuration": settings})
    with pytest.raises(InvalidInput, match=r"unknown ln N.*eval_examples=500"):
        plane_explorers.network_diagram(unknown)
