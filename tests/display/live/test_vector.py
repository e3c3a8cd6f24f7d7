"""A state as SVG and PDF: what is drawn, what it says of itself, and that the same state is the same file."""

import re

import pytest

from ibteach.display.live.explore import explore
from ibteach.display.live.explorer import Explorer
from ibteach.display.live.scene import alt_text, caption
from ibteach.errors import UnknownName


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("format", ["svg", "pdf"])
def test_a_state_is_a_file_of_its_own_and_the_same_one_again(rings, format, theme):
    explorer = Explorer(rings())
    first = explorer.picture(theme, format)
    explorer.state = {"radius": 1.0}
    other = explorer.picture(theme, format)
    assert other != first and explorer.picture(theme, format) == other
    explorer.state = {"radius": explorer.scene.axes[0].values[explorer.scene.axes[0].start]}
    assert explorer.picture(theme, format) == first


def test_an_svg_has_title_and_words_in_it_and_is_taller_than_the_figure(rings):
    explorer = Explorer(rings())
    text = explorer.picture(format="svg").decode()
    assert explorer.scene.title in text and alt_text(explorer.scene, explorer.state) in text
    height = float(re.search(r'height="([\d.]+)pt"', text)[1])
    assert height == pytest.approx(72 * (explorer.scene.size[1] + 0.65), abs=0.1)
    assert explorer.picture(format="pdf").startswith(b"%PDF-")


def test_another_format_is_refused(rings):
    with pytest.raises(UnknownName, match="format: got 'jpg'"):
        Explorer(rings()).picture(format="jpg")


def test_a_long_caption_stands_in_as_many_lines_as_it_takes():
    def draw(axes, learning_rate, batch_size, weight_decay, objective, dropout):
        axes.plot([0, learning_rate * batch_size])

    ticks = {"learning_rate": [0.1], "batch_size": [16], "weight_decay": [1e-4], "dropout": [0.1]}
    explorer = explore(draw, alt="A line.", objective=["isotropic log-variance", "l2"], **ticks)
    assert len(caption(explorer.scene, explorer.state)) > 100
    height = float(re.search(r'height="([\d.]+)pt"', explorer.picture(format="svg").decode())[1])
    assert height == pytest.approx(72 * (explorer.scene.size[1] + 0.65 + 0.25), abs=0.1)
