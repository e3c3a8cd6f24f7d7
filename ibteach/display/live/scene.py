"""A figure as a function of a discrete state.

A `Scene` says what is shown: its axes are the controls, each a list of ticks, and for every state (one tick per
axis) it has a picture and a sentence that says the same in words. `canvas` draws it, in each of its layouts;
`explorer` puts the controls beside the picture.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import math
import numbers
import textwrap
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ibteach.checks import known
from ibteach.display.live.themes import SMALL
from ibteach.errors import InvalidInput

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure
    from matplotlib.text import Text

    from ibteach.display.live.themes import Theme

UNITS = {"nats": 1.0, "bits": 1 / math.log(2)}
"""What a figure may count information in, and how many of each make one nat."""

LARGEST_WHOLE = 2**53 - 1  # a browser takes those beyond for each other


def texts_of(values: Iterable[float], digits: int = 6) -> tuple[str, ...]:
    """Numbers in so many significant digits, or in as many as tell all of them apart; whole ones in full.

    >>> texts_of([0.1, 1 / 3], digits=3), texts_of([0.1, 0.1001], digits=3), texts_of([20240101, 20240102])
    (('0.1', '0.333'), ('0.1', '0.1001'), ('20240101', '20240102'))
    """
    values, texts = list(values), ()
    for count in range(digits, 18):
        texts = tuple(str(v) if isinstance(v, numbers.Integral) else f"{v:.{count}g}" for v in values)
        if len(set(texts)) == len(set(values)):
            break
    return texts


@dataclasses.dataclass(frozen=True)
class Axis:
    """One control of a scene: a slider where the ticks are numbers, a choice where they are words.

    `values` are the ticks, `texts` what is shown for each (the value itself by default), `start` the index of the
    tick that is shown first. Raises `InvalidInput` unless the ticks are distinct, finite and all of one kind, and for
    whole numbers that a browser cannot tell apart.

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
        if not words and (large := [v for v in values if abs(v) > LARGEST_WHOLE and isinstance(v, numbers.Integral)]):
            raise InvalidInput(
                f"axis {self.name!r}: got the tick {large[0]}, expected whole numbers up to 2⁵³ − 1, which a browser "
                "can tell apart; choose smaller ones, or write them as words."
            )
        shown = self.texts if self.texts is not None else values if words else texts_of(values)
        texts = tuple(map(str, shown))
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

    `build` draws everything that stays and returns the artists that move; `update` puts them where a state wants them.
    Those with a ``zorder`` below 1, such as cursors, pass behind legends. `alt` is the state in words, for those who do
    not see the picture. Each theme and each layout is drawn by its own copy of the scene, so `build` may keep artists
    on ``self``.

    `size` is that of the picture beside text, in inches. A scene that folds has a `tall` size too, for narrow pages:
    there `folded` is true, and `panels` stand below each other. On a screen every scene has 9 × 4.5 inches
    (`canvas.layouts_of`).
    """

    title: str = ""
    size: tuple[float, float] = (9.0, 4.5)
    tall: tuple[float, float] | None = None
    folded: bool = False
    axes: Sequence[Axis] = ()

    def panels(
        self, figure: Figure, widths: Sequence[float] = (1, 1), heights: Sequence[float] | None = None
    ) -> list[Axes]:
        """Axes beside each other, their `widths` in these ratios; folded, below each other, by their `heights`."""
        count = len(widths)
        if self.folded:
            return list(figure.subplots(count, 1, height_ratios=heights or [1] * count))
        return list(figure.subplots(1, count, width_ratios=widths))

    def sign(self, figure: Figure, theme: Theme, text: str) -> Text:
        """Say below the picture where its numbers come from, in as many lines as that takes."""
        return figure.supxlabel(self.wrapped(figure, text), x=0.99, ha="right", size=SMALL, color=theme.muted)

    def wrapped(self, figure: Figure | SubFigure, text: str) -> str:
        """A text of the smallest type, in lines that the figure is wide enough for."""
        return textwrap.fill(text, int(10.5 * figure.figure.get_figwidth()))

    def build(self, figure: Figure, theme: Theme) -> list:
        """Draw the still parts on `figure` in the colours of `theme`; return the artists that `update` moves."""
        raise NotImplementedError(f"{type(self).__name__}.build draws the scene.")

    def update(self, **state: Any) -> None:
        """Give the moving artists the data of this state."""
        raise NotImplementedError(f"{type(self).__name__}.update moves the scene.")

    def alt(self, **state: Any) -> str:
        """One or two sentences that say what the picture shows at this state."""
        raise NotImplementedError(f"{type(self).__name__}.alt says the scene in words.")

    def alike(self, one: dict[str, Any], other: dict[str, Any]) -> bool:
        """Whether two states may have the same picture: elsewhere that is a fault of `update`, and a warning."""
        return False

    def targets(self, **state: Any) -> tuple[str, Any] | None:
        """What the pointer chooses as it moves over the picture: nothing, or an axis and what lies where.

        ``("quantity", grid)``: rows of ticks of that axis, from the top left; the grid covers the whole picture, with
        None where nothing lies. Called after `build`.
        """
        return None


class DrawnScene(Scene):
    """A scene that the browser draws from numbers; pictures of it are for readers without scripts.

    `places` are the axes that change the numbers. What the others choose, such as which quantity is highlighted, is no
    other picture: the script finds it in what it was told once.
    """

    places: Sequence[str] = ()

    def payload(self) -> dict[str, Any]:
        """What the script knows of all states, in what JSON can hold."""
        raise NotImplementedError(f"{type(self).__name__}.payload says what its script has to know.")

    def drawing(self, **place: Any) -> dict[str, Any]:
        """The numbers of one state, in what JSON can hold."""
        raise NotImplementedError(f"{type(self).__name__}.drawing gives the numbers of a state.")


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


def parsed(state: Any) -> Any:
    """A state that came as JSON text. Raises `InvalidInput` where the text is none.

    >>> parsed('{"gamma": 1}'), parsed({"gamma": 1})
    ({'gamma': 1}, {'gamma': 1})
    """
    if not isinstance(state, str):
        return state
    try:
        return json.loads(state)
    except json.JSONDecodeError as error:
        raise InvalidInput(f"state: got the text {state[:80]!r}, expected a JSON object; {error}.") from None


def resolve(scene: Scene, state: Any, current: dict[str, Any]) -> dict[str, Any]:
    """The full state that `state` (a dict or its JSON text) asks for; axes it does not name stay as in `current`.

    Raises `UnknownName` for an axis or a choice that the scene does not have, `InvalidInput` for a number that is not
    a tick or for text that is not a JSON object.
    """
    state = parsed(state)
    if not isinstance(state, dict):
        example = json.dumps(current, ensure_ascii=False)
        raise InvalidInput(f"state: got {type(state).__name__} {state!r}, expected a dict such as {example}.")
    axes = {axis.name: axis for axis in scene.axes}
    for name in state:
        known("state: axis", name, axes)
    asked = current | state
    return {name: axis.values[axis.index(asked[name])] for name, axis in axes.items()}


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


def _listed(values: Sequence[Any], limit: int = 12) -> str:
    shown = ", ".join(map(repr, values[:limit]))
    return shown if len(values) <= limit else f"{shown}, … {values[-1]!r} ({len(values)} in all)"
