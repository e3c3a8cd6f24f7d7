"""The layouts of a scene: which there are, that panels fold, and that nothing on a screen is too small to be read."""

import io

import pytest
from matplotlib.text import Text
from PIL import Image

from ibteach.display.live.canvas import SCREEN, Canvas, layouts_of
from ibteach.display.live.explorer import Explorer
from ibteach.display.live.scene import Scene, start_state
from ibteach.display.live.themes import LIGHT, SMALL
from ibteach.errors import UnknownName


class Two(Scene):
    """Two panels with small type."""

    title, tall = "Two panels", (5.4, 7.0)

    def build(self, figure, theme):
        self.left, self.right = self.panels(figure, (2, 1))
        self.left.set_title("small", size=6)
        self.sign(figure, theme, "a long word about where the numbers come from, and when they were measured")
        return []

    def update(self):
        """Nothing moves."""

    def alt(self):
        return "Two empty panels."


def test_panels_stand_beside_each_other_or_below():
    for layout, folded in (("wide", False), ("tall", True), ("screen", False)):
        scene = Canvas(Two(), LIGHT, layout)._scene
        left, right = (axes.get_position() for axes in (scene.left, scene.right))
        assert (left.y0 > right.y1) == folded
        assert (left.x1 < right.x0) != folded
        assert folded or left.width / right.width == pytest.approx(2, abs=0.15)


def test_a_picture_has_the_pixels_of_its_layout(rings):
    explorer = Explorer(Two())
    for layout, shape in layouts_of(Two()).items():
        frame = explorer._drawn({}, layout, "light")["picture"]
        assert Image.open(io.BytesIO(frame)).size == shape.pixels
        assert explorer._spec["layouts"][layout] == [round(100 * inches) for inches in shape.size]
    assert "tall" not in layouts_of(rings())
    with pytest.raises(UnknownName, match="expected one of 'wide', 'screen'"):
        Canvas(rings(), layout="tall")


def test_on_a_screen_no_type_is_below_a_thirtieth_of_its_height(rings):
    height = SCREEN.pixels[1] * 9 / 8  # the picture takes eight ninths
    for scene in (Two(), rings()):
        canvas = Canvas(scene, layout="screen")
        canvas.pixels(start_state(scene))
        sizes = [text.get_fontsize() for text in canvas._figure.findobj(Text) if text.get_text().strip()]
        assert min(sizes) >= SMALL
        assert min(sizes) / 72 * SCREEN.dpi >= height / 30


def test_where_numbers_come_from_is_said_whole():
    for layout in layouts_of(Two()):
        canvas = Canvas(Two(), layout=layout)
        (said,) = [text for text in canvas._figure.texts if "a long word" in text.get_text()]
        box = said.get_window_extent()
        assert box.x0 >= 0 and box.x1 <= canvas._figure.bbox.x1 and box.y0 >= 0
