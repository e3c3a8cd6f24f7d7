"""The truth of the tables is checked by other means, and so is what the tables are there to show."""

import math

import pytest
import torch

from ibteach.errors import InvalidInput
from ibteach.information.comparison import class_channel, gaussian_channel


@pytest.mark.parametrize("separation", [0.0, 0.5, 2.0, 6.0])
def test_the_truth_about_two_classes_agrees_with_sampling(separation):
    z = torch.randn(400_000, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    uncertainty = torch.nn.functional.softplus(-(separation**2 / 2 + separation * z))
    error = uncertainty.std().item() / math.sqrt(len(z))
    truth = class_channel(separation, 1, 10)["truth"]
    assert abs(truth - (math.log(2) - uncertainty.mean().item())) <= 4 * error + 1e-12


@pytest.mark.parametrize("information", [0.1, 1.0, 3.0])
def test_every_measure_is_right_in_one_dimension(information):
    table = gaussian_channel(information, 1, 2000, width=0.3)
    assert next(iter(table)) == "truth" and table["truth"] == information
    for name, value in table.items():
        assert abs(value - information) < (0.3 if name == "binning" else 0.15), name
    for name, value in class_channel(2.0, 1, 2000).items():
        assert abs(value - 0.3368) < 0.05, name


@pytest.mark.parametrize("information", [1.0, 4.0, 12.0])
def test_the_bracket_survives_a_dimension_where_neighbours_do_not(information):
    table = gaussian_channel(information, 64, 1000)
    assert table["mixture"] <= information + 0.15 and information <= table["population at most"] + 0.15
    assert table["KSG 1"] < 0.2 * information
    assert table["Kozachenko–Leonenko"] > information + 5
    assert math.isclose(table["binning"], math.log(1000), abs_tol=0.01)


def test_a_gaussian_needs_more_samples_than_units():
    assert math.isnan(gaussian_channel(1.0, 8, 16)["Gaussian"])


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: gaussian_channel(0.0, 1, 10), "information"),
        (lambda: gaussian_channel(1.0, 0, 10), "dimension"),
        (lambda: gaussian_channel(1.0, 1, 1), "count"),
        (lambda: gaussian_channel(1.0, 1, 10, k=10), "k: got 10"),
        (lambda: class_channel(math.inf, 1, 10), "separation"),
        (lambda: class_channel(1.0, 1, 10, width=0.0), "width"),
    ],
)
def test_bad_input_is_refused_with_what_came(call, said):
    with pytest.raises(InvalidInput, match=said):
        call()
