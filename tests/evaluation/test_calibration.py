"""Calibration against predictors whose error is known in closed form, and a second implementation."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ibteach.errors import InvalidInput
from ibteach.evaluation.calibration import calibration_floor, expected_calibration_error, reliability


def of_two(confidences):
    """Predictions of class 0 out of two with these confidences."""
    confidences = torch.as_tensor(confidences, dtype=torch.float64)
    return torch.stack([confidences, 1 - confidences], -1)


def test_right_as_often_as_it_says():
    probabilities = of_two([0.8] * 10 + [0.6] * 5)
    labels = torch.tensor([0] * 8 + [1] * 2 + [0] * 3 + [1] * 2)
    assert expected_calibration_error(probabilities, labels, bins=10).item() == pytest.approx(0, abs=1e-12)
    found = reliability(probabilities, labels, bins=5)
    assert found.count.tolist() == [0, 0, 5, 10, 0]
    assert found.accuracy[2:4].tolist() == pytest.approx([0.6, 0.8])
    assert found.standard_error[2:4].tolist() == pytest.approx([math.sqrt(0.24 / 5), math.sqrt(0.16 / 10)])
    assert found.accuracy[[0, 1, 4]].isnan().all() and found.confidence[[0, 1, 4]].isnan().all()


@pytest.mark.parametrize("right", [0, 3, 10])
def test_always_sure_is_off_by_its_error(right):
    labels = torch.tensor([0] * right + [1] * (10 - right))
    assert expected_calibration_error(of_two([1.0] * 10), labels).item() == pytest.approx(1 - right / 10)


def test_within_a_bin_over_and_underconfidence_cancel():
    probabilities, labels = of_two([0.8, 0.6]), torch.tensor([1, 0])
    assert expected_calibration_error(probabilities, labels, bins=1).item() == pytest.approx(0.2)  # |0.5 − 0.7|
    assert expected_calibration_error(probabilities, labels, bins=10).item() == pytest.approx((0.8 + 0.4) / 2)


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 20), st.integers(2, 5))
def test_a_second_implementation_agrees(seed, bins, classes):
    rng = np.random.default_rng(seed)
    probabilities, labels = rng.dirichlet(np.full(classes, 0.5), (2, 60)), rng.integers(classes, size=60)
    found = expected_calibration_error(torch.tensor(probabilities), torch.tensor(labels), bins)
    for m in range(2):
        confidence, right = probabilities[m].max(-1), probabilities[m].argmax(-1) == labels
        error = 0
        for low in np.arange(bins) / bins:
            inside = (confidence > low) & (confidence <= low + 1 / bins + 1e-15)
            if inside.any():
                error += inside.mean() * abs(right[inside].mean() - confidence[inside].mean())
        assert found[m].item() == pytest.approx(error, abs=1e-9)


def test_networks_are_measured_together():
    probabilities = torch.stack([of_two([0.9, 0.7]), of_two([0.6, 0.6])]).float()
    labels = torch.tensor([0, 1])
    together = reliability(probabilities, labels, bins=4)
    for m in range(2):
        for part, alone in zip(together, reliability(probabilities[m], labels, bins=4), strict=True):
            torch.testing.assert_close(part[m], alone, equal_nan=True)


@pytest.mark.parametrize("count", [100, 2000])
def test_a_calibrated_predictor_has_the_error_of_chance(count):
    """In one bin at 0.5, chance makes √(2/π) · √(0.25/N); labels drawn from the predictions show as much."""
    unsure = calibration_floor(of_two([0.5] * count), bins=1, draws=2000)
    spread = math.sqrt(2 / math.pi * 0.25 / count)
    assert unsure.mean.item() == pytest.approx(spread, rel=0.06)
    assert unsure.standard_deviation.item() == pytest.approx(spread * math.sqrt(math.pi / 2 - 1), rel=0.08)
    generator = torch.Generator().manual_seed(1)
    probabilities = torch.rand(count, 10, generator=generator, dtype=torch.float64).pow(4)
    probabilities = probabilities / probabilities.sum(-1, keepdim=True)
    labels = torch.multinomial(probabilities, 1, generator=generator)[:, 0]
    found, floor = expected_calibration_error(probabilities, labels).item(), calibration_floor(probabilities)
    assert abs(found - floor.mean.item()) < 4 * floor.standard_deviation.item()
    shuffled = expected_calibration_error(probabilities, labels.roll(1)).item()
    assert shuffled > floor.mean.item() + 4 * floor.standard_deviation.item()


def test_bad_input_is_refused():
    good, labels = of_two([0.9, 0.7]), torch.tensor([0, 1])
    with pytest.raises(InvalidInput, match="probabilities: got probabilities that sum to"):
        reliability(torch.randn(2, 3).abs() + 1, labels)
    with pytest.raises(InvalidInput, match="negative"):
        expected_calibration_error(torch.tensor([[1.5, -0.5], [1.0, 0.0]]), labels)
    with pytest.raises(InvalidInput, match=r"labels: got \(3,\)"):
        reliability(good, torch.tensor([0, 1, 1]))
    with pytest.raises(InvalidInput, match="labels: got values from 0 to 2"):
        reliability(good, torch.tensor([0, 2]))
    with pytest.raises(InvalidInput, match="bins: got 0"):
        reliability(good, labels, bins=0)
    with pytest.raises(InvalidInput, match="draws: got 1"):
        calibration_floor(good, draws=1)
