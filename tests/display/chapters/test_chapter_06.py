"""The playground and the bracket: what they draw is what the measures say, and the truth is in the bracket."""

import math

import numpy as np
import pytest
import torch

from ibteach.display.chapters import chapter_06 as measuring_explorers
from ibteach.display.chapters.chapter_06 import BracketScene, PlaygroundScene, comparison_table
from ibteach.display.live.canvas import Canvas
from ibteach.display.live.scene import alt_text, start_state, states
from ibteach.display.live.themes import DARK, LIGHT
from ibteach.errors import InvalidInput
from ibteach.information.comparison import class_channel, gaussian_channel
from ibteach.information.population import population_bracket

SMALL = {"count": 100, "k": 3, "width": 1.0}
GAMMAS = [0.01, 0.1, 1.0]


def spread_out(count=150, dimension=4):
    latents = torch.randn(3, count, dimension, generator=torch.Generator().manual_seed(0))
    return latents * torch.tensor([2.0, 0.5, 0.1])[:, None, None]


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_states_have_pictures_of_their_own_and_come_back_bit_for_bit(theme):
    shown, bracket = PlaygroundScene(), BracketScene(spread_out(), GAMMAS)
    chosen = [SMALL | {"dimension": 1}, SMALL | {"dimension": 8}, SMALL | {"dimension": 8, "k": 1}]
    for scene, some in [(shown, [*chosen, chosen[0] | {"width": 3.0}]), (bracket, states(bracket))]:
        canvas = Canvas(scene, theme)
        pictures = [canvas.pixels(state).tobytes() for state in some]
        assert len(set(pictures)) == len(pictures)
        assert canvas.pixels(some[0]).tobytes() == pictures[0]


def test_the_playground_draws_the_tables():
    shown = PlaygroundScene()
    state = SMALL | {"dimension": 2}
    at_dimension, over = shown.tables(state)
    assert at_dimension[3] == gaussian_channel(4, 2, 100, k=3, width=1.0) == over[1]
    canvas = Canvas(shown)
    canvas.pixels(state)
    (lines, _), _ = canvas._scene.lines
    np.testing.assert_array_equal(lines["KSG 1"].get_ydata(), [table["KSG 1"] for table in at_dimension])
    assert f"KSG 1 {over[1]['KSG 1']:.2f}" in alt_text(shown, state)


def test_the_playground_opens_at_one_dimension_where_all_goes_well():
    assert start_state(PlaygroundScene()) == {"dimension": 1, "count": 1000, "k": 3, "width": 1.0}


def test_the_bracket_is_the_populations():
    latents = spread_out()
    shown = BracketScene(latents, GAMMAS)
    whole = population_bracket(latents)
    assert shown.counts == [25, 50, 100, 150]
    np.testing.assert_allclose(shown.low[:, -1], whole.lower.value)
    np.testing.assert_allclose(shown.high[:, -1], whole.upper.value)
    assert (shown.found["pairwise bound, lower"] <= shown.found["pairwise bound, upper"]).all()
    assert (shown.low <= np.log(shown.counts) + 1e-9).all()
    figure = Canvas(shown)._figure
    assert all(axes.get_ylim()[1] > shown.high[:, -1].max() for axes in figure.axes)  # no bracket ends outside
    assert len(figure.legends) == 1  # above both panels
    for m, gamma in enumerate(GAMMAS):
        said = f"from 150 between {shown.low[m, -1]:.2f} and {shown.high[m, -1]:.2f}"
        assert said in alt_text(shown, {"gamma": gamma})


@pytest.mark.parametrize("channel", [gaussian_channel, class_channel])
def test_the_table_has_a_row_for_each_measure(channel):
    rows = comparison_table(channel, 2.0, (1, 4), 100).data.splitlines()
    expected = channel(2.0, 4, 100)
    assert len(rows) == 2 + len(expected) and rows[0] == "| nats | K = 1 | K = 4 |"
    for row, (name, value) in zip(rows[2:], expected.items(), strict=True):
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        assert cells[0] == name and math.isclose(float(cells[2]), value, abs_tol=0.005001)


def test_bad_input_is_refused():
    with pytest.raises(InvalidInput, match="N >= 100 and M γ"):
        measuring_explorers.bracket(spread_out(50), GAMMAS)
    with pytest.raises(InvalidInput, match="2 γ"):
        measuring_explorers.bracket(spread_out(), GAMMAS[:2])


def test_what_cannot_be_computed_is_said():
    shown = PlaygroundScene()
    state = {"dimension": 64, "count": 100, "k": 10, "width": 1.0}
    words = alt_text(shown, state)
    assert "nan" not in words and "Gaussian cannot be computed" in words and "2K = 128" in words
    scene = Canvas(shown)._scene
    for count, said in ((100, "no Gaussian at K = 64: N ≤ 2K"), (300, "")):
        scene.update(**state | {"count": count})
        assert scene.lacking.get_text() == said


@pytest.mark.parametrize("count", [100, 300])
def test_the_largest_measures_lie_within_the_axes(count):
    scene = Canvas(PlaygroundScene())._scene
    scene.update(dimension=64, count=count, k=10, width=0.1)
    for lines, _ in scene.lines:
        for line in lines.values():
            low, high = line.axes.get_ylim()
            measured = np.array(line.get_ydata())
            measured = measured[np.isfinite(measured)]
            assert (low < measured).all() and (measured < high).all()


@pytest.mark.parametrize("order", [[2, 1, 0], [1, 0, 2]])
def test_a_bracket_is_the_same_in_any_order_of_its_networks(order):
    turned = BracketScene(spread_out()[order], [GAMMAS[m] for m in order])
    shown = BracketScene(spread_out(), GAMMAS)
    state = start_state(shown) | {"gamma": 1.0}
    assert start_state(turned) == start_state(shown) and alt_text(turned, state) == alt_text(shown, state)
    np.testing.assert_array_equal(Canvas(turned).pixels(state), Canvas(shown).pixels(state))
