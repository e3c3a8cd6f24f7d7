"""The distribution of a latent: any dimension, to scale, and seaborn only when it is drawn."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from ibteach import data, networks, training
from ibteach.display import distribution
from ibteach.display.live.canvas import Canvas
from ibteach.display.live.distribution import DistributionScene
from ibteach.display.live.themes import LIGHT
from ibteach.errors import InvalidInput
from ibteach.records import Record


def record_of(dimension, noise=True):
    """Latents as they come from a few steps of training: two weights, one seed."""
    digits = data.load("digits")
    runs = training.grid(["l2", "variance"], gammas=[0.01, 1.0])
    model = training.build(lambda: networks.mlp(digits.shape, 10, dimension, (16,)), runs)
    return training.fit(model, digits, runs, epochs=1, eval_examples=200, noise=noise, progress=False)


@pytest.mark.parametrize(("dimension", "shown"), [(1, 1), (3, 3), (8, 5)])
@pytest.mark.parametrize("pairs", [False, True])
def test_every_dimension_has_its_picture(dimension, shown, pairs):
    scene = DistributionScene(record_of(dimension), pairs)
    canvas = Canvas(scene, LIGHT)
    one = canvas.pixels({"objective": "L2", "gamma": 0.01})
    other = canvas.pixels({"objective": "variance", "gamma": 1.0})
    assert one.shape == other.shape and (one != other).any()
    np.testing.assert_array_equal(canvas.pixels({"objective": "L2", "gamma": 0.01}), one)
    assert scene.alt(objective="L2", gamma=1.0).count("within a class") == shown


def test_densities_are_to_scale():
    """The areas of all classes sum to one, and the noise has the area of one of ten classes."""
    scene = DistributionScene(record_of(2))
    kept = []

    class Kept(DistributionScene):
        def update(self, **state):
            super().update(**state)
            kept.append(self.cells)

    scene.__class__ = Kept
    Canvas(scene, LIGHT).pixels({"objective": "L2", "gamma": 0.01})
    cell = kept[-1][0, 0]
    areas = []
    for collection in cell.collections:
        x, y = collection.get_paths()[0].vertices.T
        areas.append(0.5 * abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1))))
    assert sum(areas) == pytest.approx(1, abs=0.02)
    noise = cell.lines[-1].get_xydata()
    assert np.trapezoid(noise[:, 1], noise[:, 0]) == pytest.approx(0.1, abs=0.002)


def test_without_noise_none_is_drawn():
    assert "no noise" in distribution(record_of(2, noise=False)).scene.alt(objective="L2", gamma=1.0)


def test_what_has_no_latents_is_refused():
    bare = Record(
        ({"objective": "l2", "gamma": 0.1, "beta_prime": 0.01, "seed": 0},), torch.tensor([0]), {"a": torch.ones(1, 1)}
    )
    for wrong in (bare, None):
        with pytest.raises(InvalidInput, match="latents"):
            distribution(wrong)
    with pytest.raises(InvalidInput, match="dimensions"):
        distribution(record_of(2), dimensions=6)


def test_seaborn_is_imported_only_when_something_is_drawn():
    program = "import sys; import ibteach.display.live.distribution; from ibteach.display import explore; "
    program += "sys.exit('seaborn' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize(("dimension", "noise"), [(2, True), (2, False), (8, True), (8, False)])
def test_the_line_of_the_noise_is_promised_where_there_is_one(dimension, noise):
    scene = Canvas(DistributionScene(record_of(dimension, noise)))._scene
    assert ("blue line" in scene.head.get_text()) == noise == bool(scene.cells[0, 0].lines)
    assert ("no noise" in scene.head.get_text()) == (not noise)
    assert ("5 of 8 dimensions" in scene.head.get_text()) == (dimension == 8)
