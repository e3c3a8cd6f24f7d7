"""Every explorer takes any Record: it shows what there is of it, or says by a typed error what it would need."""

import functools

import numpy as np
import pytest
import torch
from PIL import Image

from ibteach import data, networks, records, training
from ibteach.display.chapters.chapter_04 import WithAndWithoutScene
from ibteach.display.chapters.chapter_05_bounds import BoundScene, ErrorBoundScene
from ibteach.display.chapters.chapter_05_latents import LatentScene
from ibteach.display.chapters.chapter_07 import NetworkDiagramScene, PlaneScene
from ibteach.display.chapters.chapter_09 import RobustnessScene
from ibteach.display.chapters.chapter_09_effort import EffortScene
from ibteach.display.live.canvas import Canvas
from ibteach.display.live.distribution import DistributionScene
from ibteach.display.live.scene import alt_text, states
from ibteach.display.live.themes import LIGHT
from ibteach.display.playground.trained import Trained, record, weights
from ibteach.errors import InvalidInput
from ibteach.training import Run, grid

SCENES = {
    "distribution": DistributionScene,
    "pairs": functools.partial(DistributionScene, pairs=True),
    "with and without noise": lambda record: WithAndWithoutScene(record, record),
    "latents": LatentScene,
    "bounds": BoundScene,
    "error bound": ErrorBoundScene,
    "plane": PlaneScene,
    "diagram": NetworkDiagramScene,
    "robustness": RobustnessScene,
    "effort": EffortScene,
}


def fitted(runs, dataset=None, latent_dimension=2, **how):
    dataset = dataset or data.load("digits")
    model = training.build(lambda: networks.mlp(dataset.shape, len(dataset.classes), latent_dimension, (16,)), runs)
    how = {"epochs": 1, "eval_examples": 60, "information": how.get("noise", True), "progress": False} | how
    return training.fit(model, dataset, runs, **how)


def folder(path):
    """Three classes of coloured squares."""
    chance = np.random.default_rng(0)
    for split in ("train", "test"):
        for level, name in enumerate(["cat", "dog", "owl"]):
            place = path / split / name
            place.mkdir(parents=True)
            for i in range(12):
                pixels = 120 * chance.random((20, 24, 3)) + 45 * level
                Image.fromarray(pixels.astype("uint8")).save(place / f"{i}.png")
    return data.load_folder(path, size=8, folder=path)


def played():
    """What a browser hands back: weights after none and one epoch, and how they were trained."""
    model = networks.mlp(64, classes=10, latent_dimension=2, hidden=(16, 16))
    parameters = torch.stack([weights(model)[0], 2 * weights(model)[0]])
    how = {"objective": "mixture", "gamma": 0.1, "beta_prime": 0.1, "noise": True, "dropout": 0.0, "batch_size": 64}
    history = [how | {"step": 0, "learning_rate": 0.01, "random_labels": 0.0}]
    return record(Trained([0, 1], [0, 20], parameters, (16, 16), 0, history))


FRESH = {
    "the playground": lambda _: played(),
    "one run": lambda _: fitted(Run.of("l2", gamma=0.1), latent_dimension=1),
    "no compression": lambda _: fitted(grid(["l2", "log-variance"], gammas=[0.0, 0.1], seeds=[0, 1])),
    "no noise": lambda _: fitted([Run.of("variance", gamma=0.1)], noise=False),
    "not measured": lambda _: fitted([Run.of("l2", gamma=0.1)], information=False),
    "vib": lambda _: fitted(grid(["vib", "mixture"], gammas=[0.1]), latent_dimension=3, measure_steps=[1, 2]),
    "a folder": lambda path: fitted(
        grid(["l2", "variance"], gammas=[0.1]), folder(path), eval_examples=30, batch_size=16
    ),
}


def shown(record):
    """Each scene that takes the record, with its name; the others say what they would need."""
    for name, scene in SCENES.items():
        try:
            yield name, scene(record)
        except InvalidInput as refused:
            assert "expected" in str(refused) or "training.fit(" in str(refused), name


def said(scene, state):
    words = {word.strip(",.;()").lower() for word in alt_text(scene, state).split()}
    assert not words & {"nan", "inf"}, state


BASIC = ["distribution", "pairs", "with and without noise", "latents", "bounds", "error bound"]
MEASURED = ["plane", "diagram"]


@pytest.mark.parametrize("case", FRESH)
def test_a_record_of_ones_own_is_shown(case, tmp_path):
    found = dict(shown(FRESH[case](tmp_path)))
    for scene in found.values():
        canvas, every = Canvas(scene, LIGHT), states(scene)
        for state in {0: every[0], len(every): every[-1]}.values():
            said(scene, state)
            assert canvas.pixels(state).std() > 0
    wanted = {"no noise": [one for one in BASIC if one != "bounds"], "not measured": BASIC}
    assert list(found) == wanted.get(case, BASIC + MEASURED)


@pytest.mark.parametrize("name", records.names())
def test_a_record_that_comes_along_is_shown(name):
    found = dict(shown(records.load(name)))
    # Without γ, as the paper did; no grid, which is said.
    assert found or name == "mnist-vib" or "-trained" in name or name.endswith("-worst-case")
    for scene in found.values():
        every = states(scene)
        for state in (every[0], every[-1]):
            said(scene, state)
