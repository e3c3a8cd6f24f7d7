"""A figure as a function of a discrete state, drawn fast enough to be moved by hand.

A `Scene` says what is shown: its axes are the controls, each a list of ticks, and for every state (one tick per
axis) it has a picture and a sentence that says the same in words. A `Canvas` draws it: the still parts are drawn
once and kept, a change of state redraws only what moves. `ibteach.display.live.explorer` puts controls
beside the picture.
"""

from __future__ import annotations

import copy
import dataclasses
import functools
import io
import itertools
import json
import math
import numbers
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.rcsetup import cycler
from PIL import Image

from ibteach.checks import known
from ibteach.errors import InvalidInput

if TYPE_CHECKING:
    from jaxtyping import UInt8

# 160 dots per inch: sharp on a projector at 150 % zoom, and still drawn, packed and decoded within a slider step.
DPI = 160


UNITS = {"nats": 1.0, "bits": 1 / math.log(2)}
"""What a figure may count information in, and how many of each make one nat."""


@dataclasses.dataclass(frozen=True)
class Axis:
    """One control of a scene: a slider where the ticks are numbers, a choice where they are words.

    `values` are the ticks, `texts` what is shown for each (the value itself by default), `start` the index of the
    tick that is shown first. Raises `InvalidInput` unless the ticks are distinct, finite and all of one kind.

    >>> Axis("gamma", "γ", [0.1, 1, 10], start=1).texts
    ('0.1', '1', '10')
    """

    name: str
    label: str
    values: Sequence[Any]
    texts: Sequence[str] | None = None
    start: int = 0

    def __post_init__(self):
        if not (isinstance(self.name, str) and self.name.isidentifier()):
            raise InvalidInput(f"axis name: got {self.name!r}, expected an identifier such as 'gamma'.")
        values = tuple(v.item() if isinstance(v, np.generic) else v for v in self.values)
        words = all(isinstance(v, str) for v in values)
        numeric = all(isinstance(v, numbers.Real) and not isinstance(v, bool) and math.isfinite(v) for v in values)
        if not values or not (words or numeric) or len(set(values)) < len(values):
            raise InvalidInput(
                f"axis {self.name!r}: got the ticks {_listed(values)}, "
                "expected at least one, all distinct, and all of them words or all of them finite numbers."
            )
        texts = tuple(v if words else f"{v:g}" for v in values) if self.texts is None else tuple(map(str, self.texts))
        if len(texts) != len(values):
            raise InvalidInput(
                f"axis {self.name!r}: got {len(texts)} texts for {len(values)} ticks, expected one each."
            )
        if not (isinstance(self.start, numbers.Integral) and 0 <= self.start < len(values)):
            raise InvalidInput(
                f"axis {self.name!r}: got start {self.start!r}, expected the index of a tick, 0 to {len(values) - 1}."
            )
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "texts", texts)

    @property
    def kind(self) -> str:
        """``"choice"`` where the ticks are words, ``"slider"`` where they are numbers."""
        return "choice" if isinstance(self.values[0], str) else "slider"

    def shown(self, tick: int) -> str:
        """What is shown for the tick at an index."""
        return str(self.values[tick] if self.texts is None else self.texts[tick])

    def index(self, value: Any) -> int:
        """Position of the tick `value`; numbers match to nine digits. Raises `InvalidInput` where there is none.

        >>> Axis("gamma", "γ", [0.1, 1, 10]).index(10.0)
        2
        """
        if self.kind == "choice":
            return self.values.index(known(self.name, value, self.values))
        value = value.item() if isinstance(value, np.generic) else value
        if isinstance(value, numbers.Real) and not isinstance(value, bool) and math.isfinite(value):
            nearest = min(range(len(self.values)), key=lambda i: abs(self.values[i] - value))
            if math.isclose(self.values[nearest], value, rel_tol=1e-9, abs_tol=1e-12):
                return nearest
            hint = f"; the nearest is {self.values[nearest]!r}."
        else:
            hint = "."
        raise InvalidInput(f"{self.name}: got {value!r}, expected one of the ticks {_listed(self.values)}{hint}")


class Scene:
    """What a live figure shows. A subclass sets `title` and `axes`, and says how its picture is drawn and told.

    `size` is in inches. `build` draws everything that stays and returns the artists that move; `update` puts them
    where a state wants them. Those with a ``zorder`` below 1, such as cursors, pass behind legends. `alt` is the state
    in words, for those who do not see the picture. Each theme is drawn by its own copy of the scene, so `build` may
    keep artists on ``self``.
    """

    title: str = ""
    size: tuple[float, float] = (9.0, 4.5)
    axes: Sequence[Axis] = ()

    def build(self, figure: Figure, theme: Theme) -> list:
        """Draw the still parts on `figure` in the colours of `theme`; return the artists that `update` moves."""
        raise NotImplementedError(f"{type(self).__name__}.build draws the scene.")

    def update(self, **state: Any) -> None:
        """Give the moving artists the data of this state."""
        raise NotImplementedError(f"{type(self).__name__}.update moves the scene.")

    def alt(self, **state: Any) -> str:
        """One or two sentences that say what the picture shows at this state."""
        raise NotImplementedError(f"{type(self).__name__}.alt says the scene in words.")

    def targets(self, **state: Any) -> tuple[str, Any] | None:
        """What the pointer chooses as it moves over the picture: nothing, or an axis and what lies where.

        ``("quantity", grid)``: rows of ticks of that axis, from the top left; the grid covers the whole picture, with
        None where nothing lies. Called after `build`.
        """
        return None


@dataclasses.dataclass(frozen=True)
class Theme:
    """The colours of one background: `cycle` holds ten class colours that stay apart for colour-blind eyes."""

    name: str
    background: str
    foreground: str
    muted: str
    grid: str
    accent: str
    cycle: tuple[str, ...]

    @property
    def rc(self) -> dict[Any, Any]:
        """Matplotlib's settings for this theme; the type is large enough for the last row."""
        return {
            "figure.facecolor": self.background,
            "axes.facecolor": self.background,
            "axes.edgecolor": self.muted,
            "axes.labelcolor": self.foreground,
            "axes.titlelocation": "left",
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.axisbelow": True,
            "axes.prop_cycle": cycler(color=self.cycle),
            "grid.color": self.grid,
            "grid.linewidth": 1.0,
            "text.color": self.foreground,
            "xtick.color": self.muted,
            "ytick.color": self.muted,
            "xtick.labelcolor": self.foreground,
            "ytick.labelcolor": self.foreground,
            "figure.constrained_layout.w_pad": 0.1,
            "figure.constrained_layout.h_pad": 0.08,
            "legend.frameon": False,
            "lines.linewidth": 2.0,
            "font.family": "DejaVu Sans",
            "font.size": 13,
            "axes.titlesize": 14,
            "axes.labelsize": 13,
            "xtick.labelsize": 12,
            "ytick.labelsize": 12,
            "legend.fontsize": 12,
        }


# The class colours were optimised for this project: to normal, protanope, deuteranope and tritanope eyes alike, the two
# nearest of the ten are at least 0.11 apart in Oklab (tab10: 0.007); each keeps its hue from one theme to the other.
LIGHT = Theme(
    name="light",
    background="#ffffff",
    foreground="#1b1f24",
    muted="#5d6670",
    grid="#e3e6ea",
    accent="#0b62b8",
    cycle=(
        "#1861d9",
        "#db5601",
        "#32a57e",
        "#9e0104",
        "#7e6883",
        "#7f1994",
        "#fe72c3",
        "#02574d",
        "#c6aa01",
        "#00b7ff",
    ),
)
DARK = Theme(
    name="dark",
    background="#161616",  # a pure grey passes through WebP unchanged, so that the picture has no edge
    foreground="#eeeff0",
    muted="#a8adb3",
    grid="#343638",
    accent="#7cb8ff",
    cycle=(
        "#4f78fa",
        "#ff7702",
        "#22ce8f",
        "#c72e0b",
        "#988a99",
        "#a23dae",
        "#f085e7",
        "#09775d",
        "#f2dc0e",
        "#97e6ff",
    ),
)
THEMES = {theme.name: theme for theme in (LIGHT, DARK)}


def start_state(scene: Scene) -> dict[str, Any]:
    """The state that a scene shows first."""
    return {axis.name: axis.values[axis.start] for axis in scene.axes}


def states(scene: Scene, fixed: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    """Every state of a scene in the order of its axes, the last one fastest; `fixed` holds some axes still.

    >>> scene = Scene()
    >>> scene.axes = (Axis("gamma", "γ", [1, 2]), Axis("unit", "unit", ["nats", "bits"]))
    >>> states(scene, {"unit": "bits"})
    [{'gamma': 1, 'unit': 'bits'}, {'gamma': 2, 'unit': 'bits'}]
    """
    fixed = {} if fixed is None else fixed
    held = resolve(scene, fixed, start_state(scene))
    ticks = [[held[axis.name]] if axis.name in fixed else axis.values for axis in scene.axes]
    return [dict(zip(held, values, strict=True)) for values in itertools.product(*ticks)]


def resolve(scene: Scene, state: Any, current: dict[str, Any]) -> dict[str, Any]:
    """The full state that `state` (a dict or its JSON text) asks for; axes it does not name stay as in `current`.

    Raises `UnknownName` for an axis or a choice that the scene does not have, `InvalidInput` for a number that is not
    a tick or for text that is not a JSON object.
    """
    if isinstance(state, str):
        try:
            state = json.loads(state)
        except json.JSONDecodeError as error:
            raise InvalidInput(f"state: got the text {state[:80]!r}, expected a JSON object; {error}.") from None
    if not isinstance(state, dict):
        example = json.dumps(current, ensure_ascii=False)
        raise InvalidInput(f"state: got {type(state).__name__} {state!r}, expected a dict such as {example}.")
    axes = {axis.name: axis for axis in scene.axes}
    for name in state:
        known("state: axis", name, axes)
    asked = current | state
    return {name: axis.values[axis.index(asked[name])] for name, axis in axes.items()}


class Canvas:
    """A scene on a figure that stays: the background is drawn once, each state redraws only what moves.

    Raises `InvalidInput` for a scene that has no alt text.
    """

    def __init__(self, scene: Scene, theme: Theme = LIGHT, dpi: float = DPI):
        _check(scene)
        self._scene = copy.copy(scene)
        with mpl.rc_context(theme.rc):
            self._figure = Figure(figsize=scene.size, dpi=dpi, layout="constrained")
            self._agg = FigureCanvasAgg(self._figure)
            moving = list(self._scene.build(self._figure, theme) or ())
            # The first state takes part in the layout, so that the same scene always lies in the same place.
            self._scene.update(**start_state(scene))
            self._figure.draw_without_rendering()
            self._figure.set_layout_engine("none")
            for artist in moving:
                artist.set_animated(True)
            self._agg.draw()
        moving.sort(key=lambda artist: artist.get_zorder())
        self._behind = [artist for artist in moving if artist.get_zorder() < 1]
        self._moving = moving[len(self._behind) :]
        self._background = self._agg.copy_from_bbox(self._figure.bbox)
        legends = [legend for axes in self._figure.axes if (legend := axes.get_legend())] if self._behind else []
        self._legends = [self._agg.copy_from_bbox(legend.get_window_extent()) for legend in legends]

    def pixels(self, state: dict[str, Any]) -> UInt8[np.ndarray, "height width 3"]:
        """The picture of one state, (height, width, 3) bytes."""
        self._agg.restore_region(self._background)
        self._scene.update(**state)
        for artist in self._behind:
            self._figure.draw_artist(artist)
        for legend in self._legends:
            self._agg.restore_region(legend)
        for artist in self._moving:
            self._figure.draw_artist(artist)
        return np.array(self._agg.buffer_rgba())[..., :3].copy()

    def targets(self, state: dict[str, Any]) -> dict[str, Any] | None:
        """What the pointer chooses in the picture of this state: an axis, and rows of characters, one for each tick."""
        found = self._scene.targets(**state)
        if found is None:
            return None
        name, grid = found
        (axis,) = (axis for axis in self._scene.axes if axis.name == name)
        sign = {None: " "} | {value: chr(ord("0") + tick) for tick, value in enumerate(axis.values)}
        return {"axis": name, "cells": ["".join(sign[value] for value in row) for row in grid]}

    def frame(self, state: dict[str, Any], quality: int = 90, method: int = 0) -> bytes:
        """The picture of one state as WebP; a higher `method` takes longer and makes it smaller."""
        packed = io.BytesIO()
        # Measured on 1440 × 720 dots: 15 ms and 45 kB, where a quick PNG takes 8 ms and 110 kB and a lossless WebP
        # 8 ms and 100 kB. The eye sees no difference, and a hosted kernel is behind a network.
        Image.fromarray(self.pixels(state)).save(packed, "webp", quality=quality, method=method)
        return packed.getvalue()


def alt_text(scene: Scene, state: dict[str, Any]) -> str:
    """The scene's own words for a state. Raises `InvalidInput` where it has none."""
    text = scene.alt(**state)
    if not isinstance(text, str) or not text.strip():
        raise InvalidInput(
            f"{type(scene).__name__}.alt: got {text!r} at {state}, expected a sentence that says what the figure shows."
        )
    return " ".join(text.split())


def caption(scene: Scene, state: dict[str, Any]) -> str:
    """The state as a reader says it: ``γ = 0.1 · objective: VIB``."""
    said = []
    for axis in scene.axes:
        text = axis.shown(axis.index(state[axis.name]))
        said.append(f"{axis.label} = {text}" if axis.kind == "slider" else f"{axis.label}: {text}")
    return " · ".join(said)


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
    with mpl.rc_context(theme.rc):
        figure = Figure(figsize=(width, 0.65 if subtitle else 0.4), dpi=DPI)
        agg = FigureCanvasAgg(figure)
        figure.text(0.012, 0.9, title, size=15, weight="bold", va="top")
        figure.text(0.012, 0.06, subtitle, size=13, color=theme.muted, va="bottom")
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


def _listed(values: Sequence[Any], limit: int = 12) -> str:
    shown = ", ".join(map(repr, values[:limit]))
    return shown if len(values) <= limit else f"{shown}, … {values[-1]!r} ({len(values)} in all)"
