"""A figure of one's own in five lines: controls, pictures, words, and what happens when it fails."""

import functools
import io
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ibteach.display import explore
from ibteach.display.live.canvas import Canvas
from ibteach.display.live.themes import DARK, LIGHT
from ibteach.errors import InvalidInput

PAGE = Path(__file__).parents[3] / "docs" / "figures.md"


def wave(axes, gamma, unit):
    if gamma == 3:
        raise RuntimeError("no wave of this length")
    x = np.linspace(0, 6, 50)
    axes.plot(x, 10.0**gamma * np.sin(gamma * x))
    axes.set_ylabel(f"height, {unit}")


def figure(**changed):
    asked = {"gamma": [1, 2, 3], "unit": ["nats", "bits"], "alt": "A wave of γ = {gamma} in {unit}."} | changed
    return explore(wave, **asked)


def test_a_drawing_that_is_wider_than_a_phone_is_drawn_for_phones_too():
    wide, narrow = figure().scene, figure(size=(5, 5)).scene
    assert narrow.tall is None
    height, width, _ = Canvas(wide, LIGHT, "tall").pixels({"gamma": 1, "unit": "nats"}).shape
    assert width / height == pytest.approx(5.4 / 4.6, abs=0.01)


def test_ticks_become_controls_and_words_the_alt_text():
    shown = figure()
    assert [(axis.name, axis.label, axis.kind) for axis in shown.scene.axes] == [
        ("gamma", "γ", "slider"),
        ("unit", "unit", "choice"),
    ]
    shown.state = {"gamma": 2, "unit": "bits"}
    _, metadata = shown._repr_mimebundle_()
    assert metadata["image/png"]["alt"] == "A wave of γ = 2 in bits."
    assert "wave" in repr(shown) and "6 pictures" in repr(shown)
    assert figure(alt=lambda gamma, unit: f"{gamma} {unit}", title="Waves").scene.title == "Waves"


def test_the_same_state_is_the_same_picture_in_each_theme():
    for theme in (LIGHT, DARK):
        canvas = Canvas(figure().scene, theme)
        first = canvas.pixels({"gamma": 1, "unit": "nats"})
        other = canvas.pixels({"gamma": 2, "unit": "bits"})
        assert (first != other).any()
        np.testing.assert_array_equal(canvas.pixels({"gamma": 1, "unit": "nats"}), first)
        background = np.array([int(theme.background[i : i + 2], 16) for i in (1, 3, 5)])
        assert (first[0, 0] == background).all()


def test_a_tick_that_fails_shows_its_error_and_the_others_go_on(tmp_path):
    shown = figure()
    shown.state = {"gamma": 3}
    _, metadata = shown._repr_mimebundle_()
    assert metadata["image/png"]["alt"] == "No picture. RuntimeError: no wave of this length"
    failed = np.asarray(Image.open(io.BytesIO(shown.picture())).convert("L"))
    assert (failed < 128).any()
    shown.state = {"gamma": 2}
    assert shown.picture()
    assert shown.export(tmp_path / "wave.html", themes="light").pictures == 6


def test_an_error_is_shown_as_it_is_written():
    def draw(axes, slope):
        raise ValueError(r"bad $\frac{a}$ here, for 2$ and $")

    shown = explore(draw, slope=[1, 2], alt="A line.")
    shown.state = {"slope": 2}
    assert shown.picture()
    assert shown._still()[0] == r"No picture. ValueError: bad $\frac{a}$ here, for 2$ and $"


@pytest.mark.parametrize("wrong", [float("nan"), "two", None, np.float32("inf")], ids=str)
def test_a_tick_that_is_no_number_is_said_in_its_place_and_the_others_go_on(tmp_path, wrong):
    shown = figure(gamma=[wrong, 1, 2])
    assert shown.state["gamma"] == 1 and shown.scene.axes[0].kind == "slider"
    canvas = Canvas(shown.scene, LIGHT)
    before = canvas.pixels({"gamma": 1, "unit": "nats"})
    text = repr(wrong.item() if isinstance(wrong, np.generic) else wrong)
    shown.state = {"gamma": text}
    said = shown._repr_mimebundle_()[1]["image/png"]["alt"]
    assert said == f"No picture. gamma: got {text}, expected a finite number, as the other ticks are."
    assert (canvas.pixels({"gamma": text, "unit": "nats"}) != before).any()
    np.testing.assert_array_equal(canvas.pixels({"gamma": 1, "unit": "nats"}), before)
    shown.state = {"gamma": 2}
    with pytest.raises(InvalidInput, match="the nearest is 2"):
        shown.state = {"gamma": 3}
    assert shown.export(tmp_path / "wave.html", themes="light").pictures == 6


def test_a_legend_is_drawn():
    def lines(axes, unit, legend=True):
        axes.plot([0, 1], [0, 0.1], label="one")
        if legend:
            axes.legend(loc="upper left")

    with_one, without = (
        Canvas(explore(functools.partial(lines, legend=legend), unit=["nats", "bits"], alt="Lines.").scene, LIGHT)
        for legend in (True, False)
    )
    seen, bare = (canvas.pixels({"unit": "bits"}).astype(int) for canvas in (with_one, without))
    corner = np.abs(seen - bare)[: seen.shape[0] // 2, : seen.shape[1] // 2]
    assert (corner.max(-1) > 100).sum() > 200


BAD = {
    "no function": (lambda: explore(1, gamma=[1], alt="x"), "expected a function"),
    "unknown argument": (lambda: figure(delta=[1]), "delta"),
    "argument without ticks": (lambda: explore(wave, gamma=[1], alt="x"), "unit"),
    "no alt": (lambda: figure(alt=" "), "expected a sentence"),
    "alt of something else": (lambda: figure(alt="{delta}"), "in braces"),
    "no numbers": (lambda: figure(gamma=[float("nan"), None]), "finite numbers"),
    "twice the same": (lambda: figure(gamma=[1, None, None]), "all distinct"),
    "no ticks": (lambda: figure(gamma=[]), "at least one"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_shown_is_refused(case):
    call, message = BAD[case]
    with pytest.raises(InvalidInput, match=message):
        call()


def test_the_examples_of_the_documentation_run():
    """What newcomers copy first."""
    text = PAGE.read_text(encoding="utf-8")
    examples = re.findall(r"```python\n(.*?)```", text, re.S)
    assert len(examples) == 2
    for example in examples:
        space = {}
        exec(example, space)
        assert space["figure"].picture()[:4] == b"\x89PNG"
