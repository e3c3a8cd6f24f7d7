"""The figure of the attack that was too weak, against the Record that it draws."""

import dataclasses
import functools

import pytest
import torch

from ibteach.display.chapters.chapter_09_effort import EffortScene
from ibteach.display.live.canvas import Canvas
from ibteach.display.live.scene import alt_text, start_state
from ibteach.errors import InvalidInput
from ibteach.evaluation.attacks import quantity
from ibteach.records.provenance import provenance
from ibteach.records.record import Record

STEPS, STARTS, SIZES = (1, 20), (1, 10), (0, 1 / 16, 2 / 16)


@functools.cache
def melting(seeds=(0, 1, 2)):
    """Networks whose seeming gain is 10 points by one step and none by twenty, 2 points more with each seed."""
    runs, errors = [], []
    for objective, gamma in (("l2", 0.0), ("l2", 0.1), ("variance", 0.1)):
        for seed in seeds:
            runs.append({"objective": objective, "gamma": gamma, "beta_prime": gamma, "seed": seed})
            errors.append({1: 0.5 - (0.1 + 0.02 * seed) * (gamma > 0), 20: 0.8})
    table = {
        quantity(f"pgd-{steps}x{starts}", size): torch.tensor([[of[steps] if size else 0.0] for of in errors]).double()
        for steps in STEPS
        for starts in STARTS
        for size in SIZES
    }
    attacks = {"attacks": {key: {} for key in sorted({name.split("/")[0] for name in table})}, "epsilons": list(SIZES)}
    attacks |= {"levels": 16.0, "eval_examples": 100, "norm": "linf"}
    facts = provenance(data="digits", configuration={"attacks": attacks})
    return Record(tuple(runs), torch.tensor([20]), table, provenance=facts)


def test_a_gain_is_of_pairs_of_a_seed_with_the_error_of_its_mean():
    scene = EffortScene(melting())
    state = start_state(scene)
    assert [axis.name for axis in scene.axes] == ["network", "epsilon", "starts", "steps"]
    assert state["network"] == "L2, γ = 0.1" and scene.axes[1].texts == ("1/16", "2/16")
    gain, error = scene.gain(state, 1, 1)
    assert gain == pytest.approx(12) and error == pytest.approx(2 / 3**0.5)
    assert scene.gain(state, 20, 10) == pytest.approx((0, 0))
    assert "seems to gain +12.0 ± 2.3 points" in alt_text(scene, state | {"steps": 1})
    assert "by the strongest +0.0 ± 0.0 points" in alt_text(scene, state)


@pytest.mark.parametrize("layout", ["wide", "tall"])
def test_every_state_has_its_picture(layout):
    scene = EffortScene(melting())
    canvas, state = Canvas(scene, layout=layout, dpi=50), start_state(scene)
    pictures = {
        canvas.pixels(state | {"steps": steps, "starts": starts, "epsilon": size}).tobytes()
        for steps in STEPS
        for starts in STARTS
        for size in SIZES[1:]
    }
    assert len(pictures) == 8


def test_records_without_two_efforts_or_without_no_compression_are_refused():
    for wrong, said in [
        (melting().select(gamma=0.1), "with runs of γ = 0 and others"),
        (Record(({"gamma": 0.0, "seed": 0},), torch.tensor([1]), {}), "every combination of some pgd-STEPSxSTARTS"),
        (None, "record: got NoneType"),
    ]:
        with pytest.raises(InvalidInput, match=said):
            EffortScene(wrong)


def test_networks_of_weights_that_look_alike_are_not_pooled():
    record = melting()
    runs = tuple(run | {"gamma": 0.1001} if run["objective"] == "variance" else run for run in record.runs)
    runs = tuple(run | {"objective": "l2"} for run in runs)
    scene = EffortScene(dataclasses.replace(record, runs=runs))
    assert scene.of == {"L2, γ = 0.1": [3, 4, 5], "L2, γ = 0.1001": [6, 7, 8]}


def test_a_seed_without_its_network_of_no_compression_is_refused():
    with pytest.raises(InvalidInput, match=r"no run of γ = 0 with the seed 2, expected one for every seed"):
        EffortScene(melting().take([0, 1, 3, 4, 5]))
