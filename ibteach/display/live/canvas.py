"""Pictures of a scene, in each of its layouts, drawn fast enough to be moved by hand.

A `Canvas` draws the still parts once and keeps them; a change of state redraws only what moves. What `update` changes
beside that, such as the limits of an axis or a cleared axes, costs the still parts anew, but is never missing.
`layouts_of` says in which shapes a scene can be drawn.
"""

from __future__ import annotations

import copy
import dataclasses
import functools
import io
import textwrap
import warnings
from typing import TYPE_CHECKING, Any, Literal

import matplotlib as mpl
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from ibteach.checks import known
from ibteach.display.live.scene import Scene, alt_text, caption, resolve, start_state
from ibteach.display.live.themes import LIGHT, SMALL, Theme
from ibteach.errors import InvalidInput

if TYPE_CHECKING:
    from jaxtyping import UInt8

# 160 dots per inch: sharp at 150 % zoom, and still drawn, packed and decoded within a slider step.
DPI = 160


@dataclasses.dataclass(frozen=True)
class Layout:
    """One shape in which a scene is drawn: its size in inches, and dots per inch. A page shows an inch as 100 pixels.

    "wide" stands beside text and in saved notebooks; "tall" is for narrow pages, and a scene that folds has it;
    "screen" fills eight ninths of a screen of 16 : 9, with no type below a thirtieth of its height.
    """

    name: str
    size: tuple[float, float]
    dpi: float = DPI

    @property
    def pixels(self) -> tuple[int, int]:
        """Width and height of a picture."""
        return round(self.size[0] * self.dpi), round(self.size[1] * self.dpi)


SCREEN = Layout("screen", (9.0, 4.5), 1920 / 9)
LAYOUTS = ("wide", "tall", SCREEN.name)


def layouts_of(scene: Scene) -> dict[str, Layout]:
    """The layouts that a scene has, by name.

    >>> [layout.pixels for layout in layouts_of(Scene()).values()]
    [(1440, 720), (1920, 960)]
    """
    found = [Layout("wide", scene.size), *([Layout("tall", scene.tall)] if scene.tall else []), SCREEN]
    return {layout.name: layout for layout in found}


class Canvas:
    """A scene on a figure that stays: the background is drawn once, each state redraws only what moves.

    `dpi` is for pictures of another resolution than the layout's. Warns, once, where the pictures of two neighbouring
    ticks are the same, as they are where `update` forgets an axis. Raises `InvalidInput` for a scene that has no alt
    text, `UnknownName` for a layout that it does not have.
    """

    def __init__(self, scene: Scene, theme: Theme = LIGHT, layout: str = "wide", dpi: float | None = None):
        _check(scene)
        shapes = layouts_of(scene)
        shape = shapes[known("layout", layout, shapes)]
        self._scene = copy.copy(scene)
        self._scene.folded = layout == "tall"
        with mpl.rc_context(theme.rc):
            self._figure = Figure(figsize=shape.size, dpi=dpi or shape.dpi, layout="constrained")
            self._agg = FigureCanvasAgg(self._figure)
            moving = list(self._scene.build(self._figure, theme) or ())
            # The first state takes part in the layout, so that the same scene always lies in the same place.
            self._scene.update(**start_state(scene))
            self._legible = layout == SCREEN.name
            self._enlarge(self._figure)
            self._figure.draw_without_rendering()
            self._figure.set_layout_engine("none")
            for artist in moving:
                artist.set_animated(True)
        moving.sort(key=lambda artist: artist.get_zorder())
        self._behind = [artist for artist in moving if artist.get_zorder() < 1]
        self._moving = moving[len(self._behind) :]
        self._theme = theme
        self._last: tuple[dict[str, Any], np.ndarray] | Literal[False] | None = None  # False once it warned
        self._draw_still()

    def _draw_still(self) -> None:
        """Draw and keep all that does not move."""
        self._agg.draw()
        self._background = self._agg.copy_from_bbox(self._figure.bbox)
        standing = [axes for axes in self._figure.axes if axes not in self._behind] if self._behind else []
        legends = [legend for axes in standing if (legend := axes.get_legend())]
        self._legends = [self._agg.copy_from_bbox(legend.get_window_extent()) for legend in legends]

    def pixels(self, state: dict[str, Any]) -> UInt8[np.ndarray, "height width 3"]:
        """The picture of one state, (height, width, 3) bytes."""
        self._scene.update(**state)
        if self._figure.stale:  # so says matplotlib when something changed that does not move
            with mpl.rc_context(self._theme.rc):  # for what is made anew, once more in the theme
                self._scene.update(**state)
                self._draw_still()
        self._agg.restore_region(self._background)
        for axes in filter(lambda artist: isinstance(artist, Axes), self._moving):  # what is in them was made anew
            self._enlarge(axes)
        for artist in filter(_stands, self._behind):
            self._figure.draw_artist(artist)
        for legend in self._legends:
            self._agg.restore_region(legend)
        for artist in filter(_stands, self._moving):
            self._figure.draw_artist(artist)
        pixels = np.array(self._agg.buffer_rgba())[..., :3].copy()
        self._compare(state, pixels)
        return pixels

    def still(self) -> UInt8[np.ndarray, "height width 3"]:
        """The picture without what moves."""
        self._agg.restore_region(self._background)
        return np.array(self._agg.buffer_rgba())[..., :3].copy()

    def _compare(self, state: dict[str, Any], pixels: np.ndarray) -> None:
        """Warn where a tick further the picture is the same."""
        if self._last is False:  # was said
            return
        before, seen = self._last or (state, pixels)
        self._last = dict(state), pixels
        moved = [axis for axis in self._scene.axes if state[axis.name] != before[axis.name]]
        if len(moved) != 1 or not (np.array_equal(seen[::16], pixels[::16]) and np.array_equal(seen, pixels)):
            return
        if self._scene.alike(before, state):
            return
        (axis,) = moved
        one, other = sorted((axis.index(before[axis.name]), axis.index(state[axis.name])))
        if other - one == 1:
            self._last = False
            warnings.warn(
                f"{type(self._scene).__name__} {self._scene.title!r}: the pictures at {axis.label} = {axis.shown(one)} "
                f"and {axis.shown(other)} are the same. Does `update` use {axis.name!r}, and give its data to the "
                "artists that `build` made, and not to others?",
                stacklevel=3,
            )

    def _enlarge(self, drawn: Artist) -> None:
        """On a screen no type is smaller than `SMALL`."""
        if self._legible:
            for text in drawn.findobj(Text):
                text.set_fontsize(max(text.get_fontsize(), SMALL))

    def targets(self, state: dict[str, Any]) -> dict[str, Any] | None:
        """What the pointer chooses in the picture of this state: an axis, and rows of characters, one for each tick."""
        found = self._scene.targets(**state)
        if found is None:
            return None
        name, grid = found
        (axis,) = (axis for axis in self._scene.axes if axis.name == name)
        sign = {None: " "} | {value: chr(ord("0") + tick) for tick, value in enumerate(axis.values)}
        return {"axis": name, "cells": ["".join(sign[value] for value in row) for row in grid]}

    def frame(self, state: dict[str, Any], quality: int = 90, method: int = 0, colours: int = 0) -> bytes:
        """The picture of one state as WebP; a higher `method` takes longer and makes it smaller.

        With a number of `colours` it has so many and loses nothing else: for a page that is kept, half as large.
        """
        packed = io.BytesIO()
        if colours:
            # Measured on chapter 05's latents with 96 colours: two thirds of a lossy one of quality 82, and a
            # third of its error, for lines and letters have no rings.
            few = Image.fromarray(self.pixels(state)).quantize(colours, dither=Image.Dither.NONE).convert("RGB")
            few.save(packed, "webp", lossless=True, quality=40, method=1)
            return packed.getvalue()
        # Measured on 1440 × 720 dots: 15 ms and 45 kB, where a quick PNG takes 8 ms and 110 kB and a lossless WebP
        # 8 ms and 100 kB. The eye sees no difference, and a hosted kernel is behind a network.
        Image.fromarray(self.pixels(state)).save(packed, "webp", quality=quality, method=method)
        return packed.getvalue()


def _stands(artist: Artist) -> bool:
    """Whether an artist is still in its figure: clearing an axes removes what was in it."""
    return artist.figure is not None


def picture(
    scene: Scene, state: dict[str, Any] | str | None = None, theme: Theme = LIGHT, canvas: Canvas | None = None
) -> bytes:
    """One state as a PNG that stands alone: title and state are written above the picture.

    `state` may leave out axes, which are then at their start. Pass the scene's `canvas` to draw on it again.
    """
    canvas = canvas or Canvas(scene, theme)
    state = resolve(scene, {} if state is None else state, start_state(scene))
    heading = _heading(scene.title, caption(scene, state), scene.size[0], theme)
    whole = Image.fromarray(np.concatenate([heading, canvas.pixels(state)]))
    packed = io.BytesIO()
    # 256 colours: a third of the size in the saved notebook, and no dithering, so that the same state is the same file.
    whole.quantize(256, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).save(packed, "png", optimize=True)
    return packed.getvalue()


@functools.lru_cache(maxsize=64)
def _heading(title: str, subtitle: str, width: float, theme: Theme) -> UInt8[np.ndarray, "height width 3"]:
    lines = textwrap.wrap(subtitle, int(10.5 * width))
    height = 0.4 + 0.25 * len(lines)
    with mpl.rc_context(theme.rc):
        figure = Figure(figsize=(width, height), dpi=DPI)
        agg = FigureCanvasAgg(figure)
        figure.text(0.012, 1 - 0.065 / height, title, size=15, weight="bold", va="top")
        figure.text(0.012, 0.04 / height, "\n".join(lines), size=13, color=theme.muted, va="bottom", linespacing=1.3)
        agg.draw()
    return np.array(agg.buffer_rgba())[..., :3]


def _check(scene: Scene) -> None:
    if not isinstance(scene, Scene):
        raise InvalidInput(f"scene: got {type(scene).__name__}, expected a Scene.")
    for method in ("build", "update", "alt"):
        if getattr(type(scene), method) is getattr(Scene, method):
            why = "no figure is shown without alt text" if method == "alt" else "it has to be drawn"
            raise InvalidInput(f"{type(scene).__name__}: got no {method} method, expected one; {why}.")
    if not scene.title:
        raise InvalidInput(f"{type(scene).__name__}: got no title, expected a few words.")
    names = [axis.name for axis in scene.axes]
    if len(set(names)) < len(names):
        raise InvalidInput(f"{type(scene).__name__}: got the axes {names}, expected distinct names.")
    alt_text(scene, start_state(scene))
