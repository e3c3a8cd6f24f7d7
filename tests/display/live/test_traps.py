"""Own scenes that forget what a `Scene` asks for are drawn right all the same, or say what is forgotten."""

import numpy as np
import pytest

from ibteach.display.live.canvas import Canvas
from ibteach.display.live.scene import Axis, Scene
from ibteach.display.live.themes import DARK


class Line(Scene):
    title = "A line"
    axes = (Axis("slope", "slope", [1, 2, 3]),)

    def build(self, figure, theme):
        self.panel = figure.add_subplot(xlim=(0, 1), ylim=(0, 3))
        (self.line,) = self.panel.plot([], [])
        return [self.line]

    def update(self, slope):
        self.line.set_data([0, 1], [0, slope])

    def alt(self, slope):
        return f"A line that rises by {slope}."


class ReturnsNothing(Line):
    def build(self, figure, theme):
        super().build(figure, theme)


class Clears(Line):
    def update(self, slope):
        self.panel.clear()
        self.panel.plot([0, 1], [0, slope])
        self.panel.set(xlim=(0, 1), ylim=(0, 3))


class Limits(Line):
    def update(self, slope):
        super().update(1)
        self.panel.set_ylim(0, slope)


class Title(Line):
    def update(self, slope):
        super().update(1)
        self.panel.set_title(f"slope {slope}")


def pixels(scene, theme, *slopes):
    canvas = Canvas(scene, theme, dpi=60)
    return [canvas.pixels({"slope": slope}) for slope in slopes]


@pytest.mark.parametrize("scene", [ReturnsNothing, Clears, Limits, Title])
def test_what_update_changes_is_drawn_whatever_build_returned(scene):
    one, two, again = pixels(scene(), DARK, 1, 2, 1)
    assert (one != two).any() and (one == again).all()
    if scene in (ReturnsNothing, Clears):
        assert (two == pixels(Line(), DARK, 2)[0]).mean() > 0.999  # but for the order of line and frame
    if scene is Limits:
        assert (one == pixels(Line(), DARK, 1)[0]).mean() < 1  # the labels of the axis have moved, too
        assert np.abs(two.astype(int)[:, :30] - one[:, :30]).max() > 50


def test_an_axis_that_is_forgotten_is_named():
    class Forgets(Line):
        def update(self, slope):
            super().update(1)

    with pytest.warns(UserWarning, match="Forgets 'A line': the pictures at slope = 1 and 2 are the same.*use 'slope'"):
        pixels(Forgets(), DARK, 1, 2)


def test_pictures_that_are_far_apart_may_be_the_same(recwarn):
    class Back(Line):
        def update(self, slope):
            super().update(1 + slope % 2)

    pixels(Back(), DARK, 1, 3)
    assert not recwarn.list
