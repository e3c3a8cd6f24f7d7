"""Scenes, their states, and the canvas that draws them."""

import copy
import io
import itertools

import matplotlib as mpl
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from ibteach.display.live.canvas import DPI, Canvas, picture
from ibteach.display.live.scene import Axis, Scene, alt_text, caption, resolve, start_state, states
from ibteach.display.live.themes import DARK, LIGHT
from ibteach.errors import InvalidInput, UnknownName


@pytest.fixture(scope="module")
def scene(rings):
    return rings()


@pytest.fixture(scope="module", params=[LIGHT, DARK], ids=lambda theme: theme.name)
def theme(request):
    return request.param


@pytest.fixture(scope="module")
def canvas(scene, theme):
    return Canvas(scene, theme)


# --- axes and states ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("two words", "x", [1]), "two words"),
        (("x", "x", []), "at least one"),
        (("x", "x", [1, "one"]), "all of them words"),
        (("x", "x", [1.0, float("nan")]), "nan"),
        (("x", "x", [1, 1.0]), "distinct"),
        (("x", "x", [True, False]), "finite numbers"),
        (("x", "x", [1, 2], ["one"]), "1 texts"),
        (("seed", "seed", [1, 2**53]), "expected whole numbers up to 2⁵³ − 1"),
        (("x", "x", [1, 2], None, 2), "0 to 1"),
    ],
)
def test_an_axis_that_cannot_be_a_control_is_refused(arguments, told):
    with pytest.raises(InvalidInput, match=told):
        Axis(*arguments)


def test_numpy_ticks_become_numbers_that_json_knows():
    axis = Axis("gamma", "γ", np.geomspace(0.01, 1, 3))
    assert [type(value) for value in axis.values] == [float] * 3
    assert axis.index(np.float64(0.1)) == 1
    assert Axis("epoch", "epoch", np.arange(3)).values == (0, 1, 2)


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ([20240101, 20240102], ("20240101", "20240102")),
        ([1_000_001.0, 1_000_002.0], ("1000001", "1000002")),
        ([0.1, 0.1 + 1e-9], ("0.1", "0.100000001")),
        ([0.1, 1 / 3, 10.0], ("0.1", "0.333333", "10")),
    ],
)
def test_ticks_are_told_apart_by_their_texts(values, texts):
    assert Axis("x", "x", values).texts == texts


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=20, unique=True))
def test_every_tick_is_found_at_its_own_place(values):
    ticks = sorted({round(value, 6) for value in values})
    axis = Axis("x", "x", ticks)
    assert [axis.index(tick) for tick in ticks] == list(range(len(ticks)))


def test_states_are_the_product_of_the_ticks(scene):
    expected = [
        dict(zip(("radius", "ring", "colour"), ticks, strict=True))
        for ticks in itertools.product(*(axis.values for axis in scene.axes))
    ]
    assert states(scene) == expected
    assert states(scene, {"ring": "both"}) == [state for state in expected if state["ring"] == "both"]


@pytest.mark.parametrize(
    ("state", "error", "told"),
    [
        ({"radios": 1.0}, UnknownName, "did you mean 'radius'"),
        ({"ring": "rihgt"}, UnknownName, "did you mean 'right'"),
        ({"radius": 0.55}, InvalidInput, "nearest is 0.[56]"),
        ({"radius": float("nan")}, InvalidInput, "nan"),
        ({"radius": "0.5"}, InvalidInput, "one of the ticks"),
        ('{"radius": 1.0', InvalidInput, "JSON object"),
        ("[1]", InvalidInput, "expected a dict such as"),
        (3, InvalidInput, "got int 3"),
    ],
)
def test_a_state_that_is_not_there_is_refused(scene, state, error, told):
    with pytest.raises(error, match=told):
        resolve(scene, state, start_state(scene))


def test_a_partial_state_leaves_the_other_axes(scene):
    current = {"radius": 1.0, "ring": "right", "colour": "colour 3"}
    assert resolve(scene, '{"ring": "both"}', current) == current | {"ring": "both"}
    assert current["ring"] == "right"


# --- drawing ------------------------------------------------------------------------------------------------------


def test_the_canvas_draws_what_a_fresh_figure_would(scene, theme, canvas):
    """Blitting over a kept background against matplotlib drawing everything anew."""
    state = {"radius": 2.4, "ring": "both", "colour": "colour 7"}
    fresh = copy.copy(scene)
    with mpl.rc_context(theme.rc):
        figure = Figure(figsize=scene.size, dpi=DPI, layout="constrained")
        agg = FigureCanvasAgg(figure)
        fresh.build(figure, theme)
        fresh.update(**start_state(scene))
        figure.draw_without_rendering()
        figure.set_layout_engine("none")
        fresh.update(**state)
        agg.draw()
    drawn = canvas.pixels(state).astype(int)
    assert np.abs(drawn - np.asarray(agg.buffer_rgba())[..., :3]).mean() < 0.1
    other = canvas.pixels(state | {"radius": 0.1}).astype(int)
    assert np.abs(drawn - other).mean() > 1


def test_the_same_state_is_the_same_picture_bit_for_bit(scene, theme, canvas):
    state, other = states(scene)[5], states(scene)[-1]
    first = canvas.pixels(state), canvas.frame(state)
    assert (canvas.pixels(other) != first[0]).any()
    assert (canvas.pixels(state) == first[0]).all()
    assert canvas.frame(state) == first[1] == Canvas(scene, theme).frame(state)


class Cursor(Scene):
    """A cursor that sweeps over a picture with a legend."""

    title, axes, behind = "Cursor", (Axis("x", "x", [1, 2, 3, 4, 5, 6, 7, 8, 9]),), 0.5

    def build(self, figure, theme):
        axes = figure.subplots()
        axes.plot([0, 10], [0, 0], label="a long legend, as wide as it can be")
        axes.set_ylim(-1, 10)
        axes.legend(loc="upper left")
        self.cursor = axes.axvline(1, color=theme.foreground, zorder=self.behind)
        return [self.cursor]

    def update(self, **state):
        self.cursor.set_xdata([state["x"]] * 2)

    def alt(self, **state):
        return f"A cursor at {state['x']}."


def test_a_cursor_passes_behind_legends():
    def spread_under_the_legend(scene):
        canvas = Canvas(scene)
        pictures = np.stack([canvas.pixels({"x": x}) for x in scene.axes[0].values]).astype(int)
        height = pictures.shape[1]
        box = canvas._figure.axes[0].get_legend().get_window_extent()
        legend = pictures[:, height - int(box.y1) + 2 : height - int(box.y0) - 2, int(box.x0) + 2 : int(box.x1) - 2]
        return np.ptp(pictures, axis=0).max(), np.ptp(legend, axis=0).max()

    over = Cursor()
    over.behind = 2
    assert spread_under_the_legend(over)[1] > 100
    everywhere, under = spread_under_the_legend(Cursor())
    assert everywhere > 100 and under == 0


def test_pixels_stay_with_the_caller(scene, canvas):
    first = canvas.pixels(states(scene)[0])
    kept = first.copy()
    canvas.pixels(states(scene)[-1])
    assert (first == kept).all()


def test_frames_and_pictures_have_the_size_and_colours_of_their_scene(scene, theme, canvas):
    state = start_state(scene)
    frame = Image.open(io.BytesIO(canvas.frame(state)))
    assert frame.format == "WEBP"
    assert frame.size == tuple(round(inches * DPI) for inches in scene.size)
    alone = Image.open(io.BytesIO(picture(scene, state, theme, canvas)))
    assert alone.format == "PNG"
    assert alone.width == frame.width
    assert alone.height > frame.height  # the title and the state are above
    background = tuple(bytes.fromhex(theme.background[1:]))
    for image in (frame, alone):
        assert image.convert("RGB").getpixel((2, image.height - 2)) == background


def test_themes_of_one_scene_do_not_meet(scene):
    light, dark = Canvas(scene, LIGHT), Canvas(scene, DARK)
    state, other = states(scene)[0], states(scene)[-1]
    before = light.pixels(state)
    dark.pixels(other)
    assert (light.pixels(state) == before).all()
    assert not hasattr(scene, "rings")


def test_matplotlib_is_left_as_it_was(scene):
    before = dict(mpl.rcParams)
    picture(scene, theme=DARK)
    assert dict(mpl.rcParams) == before


def test_the_picture_says_its_state(scene):
    assert caption(scene, start_state(scene)) == "radius r = 0.5 · ring: left · class colour: colour 0"
    assert picture(scene, {"ring": "both"}) == picture(scene, start_state(scene) | {"ring": "both"})


# --- what is refused ----------------------------------------------------------------------------------------------


def test_no_scene_is_shown_without_alt_text(rings):
    class Mute(rings):
        alt = Scene.alt

    with pytest.raises(InvalidInput, match="no figure is shown without alt text"):
        Canvas(Mute())

    class Empty(rings):
        def alt(self, **state):
            return " "

    with pytest.raises(InvalidInput, match="a sentence that says"):
        picture(Empty())
    with pytest.raises(InvalidInput, match="a sentence that says"):
        alt_text(Empty(), start_state(rings()))


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [("build", Scene.build, "build"), ("update", Scene.update, "update"), ("title", "", "title")],
)
def test_an_unfinished_scene_is_refused(rings, name, value, told):
    with pytest.raises(InvalidInput, match=told):
        Canvas(type("Unfinished", (rings,), {name: value})())


def test_axes_of_one_name_are_refused(rings):
    twice = type("Twice", (rings,), {"axes": (rings.axes[0], rings.axes[0])})
    with pytest.raises(InvalidInput, match="distinct names"):
        Canvas(twice())
    with pytest.raises(InvalidInput, match="expected a Scene"):
        Canvas("rings")


# --- colours ------------------------------------------------------------------------------------------------------

# Machado, Oliveira & Fernandes (2009), severity 1, on linear RGB.
EYES = {
    "normal": np.eye(3),
    "protanope": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranope": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanope": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}


def linear(colours):
    """Hexadecimal sRGB as linear RGB, (N, 3)."""
    srgb = np.array([list(bytes.fromhex(colour[1:])) for colour in colours]) / 255
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def oklab(rgb):
    """Linear RGB in the perceptual space of Ottosson (2020), where 0.02 is just seen."""
    cones = np.array([[0.41222, 0.53633, 0.05145], [0.21190, 0.68070, 0.10740], [0.08830, 0.28172, 0.62998]])
    mixed = np.array([[0.21045, 0.79362, -0.00407], [1.97800, -2.42859, 0.45059], [0.02590, 0.78277, -0.80868]])
    return np.cbrt(rgb @ cones.T) @ mixed.T


def contrast(colours, background):
    """The contrast ratio of the Web Content Accessibility Guidelines, 1 to 21."""
    luminance = linear([*colours, background]) @ [0.2126, 0.7152, 0.0722]
    high, low = np.maximum(luminance[:-1], luminance[-1]), np.minimum(luminance[:-1], luminance[-1])
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("eyes", EYES)
def test_class_colours_stay_apart(theme, eyes):
    seen = oklab((linear(theme.cycle) @ np.array(EYES[eyes]).T).clip(0, 1))
    apart = np.linalg.norm(seen[:, None] - seen, axis=-1) + np.eye(len(seen))
    assert len(theme.cycle) == 10
    assert apart.min() > 0.11


def test_colours_stand_out_from_the_background(theme):
    assert contrast([theme.foreground], theme.background) > 10
    assert contrast([theme.muted, theme.accent], theme.background).min() > 4.5  # small type
    assert contrast(theme.cycle, theme.background).min() > 2.25
