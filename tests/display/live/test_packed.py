"""Packed pictures: what is kept of a state, in the colours of both themes, is what the canvas draws."""

import importlib.util
import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ibteach.display.live import published
from ibteach.display.live.canvas import Canvas
from ibteach.display.live.explorer import Explorer
from ibteach.display.live.packed import DARK, DPI, STRIP, Strips
from ibteach.display.live.scene import Axis, Scene, states
from ibteach.display.live.themes import THEMES
from ibteach.errors import InvalidInput


@pytest.fixture(scope="module")
def rings():
    source = Path(__file__).parents[1] / "rings.py"
    spec = importlib.util.spec_from_file_location("rings", source)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    few = (module.Axis("radius", "radius r", [0.2, 0.8, 1.6]), *module.Rings.axes[1:2])
    one = (module.Axis("colour", "class colour", ["colour 0"]),)
    return type("Few", (module.Rings,), {"axes": (*few, *one)})


def in_dark(png):
    """The picture with its other palette, as the page's script makes it."""
    start, other = png.index(b"PLTE") - 4, png.index(DARK)
    end = start + 12 + int.from_bytes(png[start : start + 4], "big")
    return png[:start] + png[other + 4 : other + 4 + int.from_bytes(png[other - 4 : other], "big")] + png[end:]


def test_both_themes_come_back_from_one_file(rings):
    scene = rings()
    strips = Strips(scene, ["wide"])
    behind = strips.backgrounds
    packed = list(strips)
    for place in (0, STRIP + 1, len(packed) - 1):
        at, count = packed[place]["part"]
        png = packed[place]["pictures"]["wide"]
        for theme, content in (("light", png), ("dark", in_dark(png))):
            whole = Image.open(io.BytesIO(behind[f"wide-{theme}"])).convert("RGBA")
            strip = Image.open(io.BytesIO(content)).convert("RGBA")
            width = strip.width // count
            assert strip.size == (whole.width * count, whole.height)
            whole.alpha_composite(strip.crop((at * width, 0, (at + 1) * width, whole.height)))
            wanted = Canvas(scene, THEMES[theme], dpi=DPI).pixels(states(scene)[place])
            gap = np.abs(np.asarray(whole)[..., :3].astype(int) - wanted).max(-1)
            assert gap.mean() < 0.5 and (gap > 48).mean() < 2e-3  # edges are of fewer colours, and nothing else is


class Scale(Scene):
    """An axis whose ticks change: what stood there before must be wiped out."""

    title = "A line"
    axes = (Axis("most", "largest x", [1.0, 3.7]),)

    def build(self, figure, theme):
        self.plane = figure.subplots()
        self.plane.grid(True)
        (line,) = self.plane.plot([0, 1], [0, 1], color=theme.accent)
        return [line]

    def update(self, most):
        self.plane.set_xlim(0, most)

    def alt(self, most):
        return f"A line up to {most:g}."


def test_what_is_wiped_out_leaves_no_trace():
    strips = Strips(Scale(), ["wide"])
    for i, one in enumerate(strips):
        wanted = np.stack(
            [Canvas(Scale(), theme, dpi=DPI).pixels({"most": [1.0, 3.7][i]}) for theme in THEMES.values()]
        )
        paper = (wanted == wanted[:, :1, :1]).all((0, 3))  # in both themes
        for theme, content in zip(THEMES, (one["pictures"]["wide"], in_dark(one["pictures"]["wide"])), strict=True):
            whole = Image.open(io.BytesIO(strips.backgrounds[f"wide-{theme}"])).convert("RGBA")
            strip = Image.open(io.BytesIO(content)).convert("RGBA")
            whole.alpha_composite(strip.crop((i * whole.width, 0, (i + 1) * whole.width, whole.height)))
            seen = np.asarray(whole)[..., :3]
            assert paper.mean() > 0.5 and (seen[paper] == seen[0, 0]).all()


def test_a_displayed_figure_is_written_for_a_page(rings, tmp_path, monkeypatch):
    explorer = Explorer(rings())
    monkeypatch.setenv(published.FOLDER, str(tmp_path))
    data, _ = explorer._repr_mimebundle_()
    assert set(data) == {"text/plain", "text/html"}  # no widget: there is no kernel
    [folder] = tmp_path.iterdir()
    assert f"{published.ADDRESS}{folder.name}/still.png" in data["text/html"]
    kept = json.loads((folder / "figure.json").read_text(encoding="utf-8"))
    assert kept["kind"] == "explorer" and kept["spec"]["start"] == explorer.state
    count = len(states(explorer.scene))
    chunks = [json.loads((folder / f"states-{i}.json").read_text("utf-8")) for i in range(-(-count // published.CHUNK))]
    words = [one for some in chunks for one in some]
    assert len(words) == count and all(one["alt"] for one in words)  # no axis was dropped
    assert {name for one in words for name in one["pictures"].values()} <= {path.name for path in folder.iterdir()}
    explorer._repr_mimebundle_()
    assert list(tmp_path.iterdir()) == [folder]  # the same figure is the same folder


def test_too_many_pictures_are_refused_before_one_is_drawn(rings, tmp_path, monkeypatch):
    many = type("Many", (rings,), {"axes": (Axis("radius", "radius r", range(3001)), *rings.axes[1:])})
    figure = Explorer(many())
    monkeypatch.setenv(published.FOLDER, str(tmp_path))
    with pytest.raises(InvalidInput, match="Let the browser draw 'radius' instead"):
        figure._repr_mimebundle_()
    assert not list(tmp_path.iterdir())
