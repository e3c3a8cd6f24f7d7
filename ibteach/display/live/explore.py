"""A live figure of one's own: an ordinary drawing function, a list of ticks for each of its arguments, words for it.

`explore` turns ``draw(axes, gamma, unit)`` into a scene. What it draws is drawn anew for every tick, so it is slower to
make than a `Scene` of one's own, which moves what moves; kept pictures, pages and states are the same.
"""

import dataclasses
import inspect
import math
import numbers
from collections.abc import Callable, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from ibteach.checks import number, several
from ibteach.display.live.explorer import Explorer
from ibteach.display.live.scene import Axis, Scene
from ibteach.display.live.themes import Theme
from ibteach.errors import InvalidInput

LABELS = {"gamma": "γ", "beta": "β", "beta_prime": "β′", "sigma": "σ", "rho": "ρ", "epsilon": "ε", "alpha": "α"}
NARROW = (5.4, 4.6)  # inches of the picture on a phone, so that its type can be read there


def explore(
    draw: Callable[..., None],
    *,
    alt: str | Callable[..., str],
    title: str | None = None,
    size: tuple[float, float] = (9.0, 4.5),
    **ticks: Any,
) -> Explorer:
    """A figure with one control for each argument of `draw`: a slider over numbers, a choice of words.

    Args:
        draw: called as ``draw(axes, gamma=…, unit=…)`` on an empty axes, which seaborn may draw on too.
        alt: what the picture shows, in words: a text with the arguments in braces, or a function of them.
        title: written above the figure; by default the name of `draw`.
        size: of the picture, inches; where that is wider than a phone's, it is drawn a second time for phones.
        ticks: a list of numbers or of words for each argument of `draw`.

    A `draw` that raises is shown as its error where the picture would be, and so is a tick that is no finite number
    among numbers; the other ticks go on. Raises `InvalidInput` for ticks that `draw` does not take and a missing `alt`.

    >>> def line(axes, slope):
    ...     axes.plot([0, 1], [0, slope])
    >>> explore(line, slope=[1, 2], alt="A line that rises by {slope}.")
    Explorer 'line': slope (2 pictures)
    """
    return Explorer(FunctionScene(draw, alt, title, size, ticks))


class FunctionScene(Scene):
    """The scene of a drawing function; see `explore`."""

    def __init__(
        self,
        draw: Callable[..., None],
        alt: str | Callable[..., str],
        title: str | None,
        size: tuple[float, float],
        ticks: dict[str, Any],
    ):
        if not callable(draw):
            raise InvalidInput(f"draw: got {type(draw).__name__}, expected a function draw(axes, …).")
        _check_arguments(draw, ticks)
        if not (callable(alt) or (isinstance(alt, str) and alt.strip())):
            raise InvalidInput(f"alt: got {alt!r}, expected a sentence, or a function of the ticks that returns one.")
        width, height = (number("size", inches, above=0, maximum=100) for inches in several("size", size, 2))
        self.size, self.tall = (width, height), NARROW if width > NARROW[0] else None
        self.draw, self.words = draw, alt
        self.failed: dict[tuple[Any, ...], str] = {}  # what the drawing of a state raised
        self.title = title or getattr(draw, "__name__", "figure").replace("_", " ")
        self.axes = tuple(
            _axis(name, LABELS.get(name, name.replace("_", " ")), values) for name, values in ticks.items()
        )

    def build(self, figure: Figure, theme: Theme) -> list:
        self.figure, self.theme = figure, theme
        self.canvas_axes = figure.add_subplot()
        return [self.canvas_axes]

    def update(self, **state: Any) -> None:
        with mpl.rc_context(self.theme.rc):
            extra = [axes for axes in self.figure.axes if axes is not self.canvas_axes]  # such as a colour bar
            for axes in extra:
                axes.remove()
            self.canvas_axes.clear()
            self.failed.pop(self._at(state), None)
            try:
                self._check_ticks(state)
                self.draw(self.canvas_axes, **state)
            except Exception as error:  # one tick that fails leaves the others
                self.canvas_axes.clear()
                self.canvas_axes.set_axis_off()
                self.failed[self._at(state)] = _said(error)
                at = ", ".join(f"{name} = {value}" for name, value in state.items())
                text = f"{_said(error)}\nat {at}".replace("$", r"\$")  # no mathematics
                self.canvas_axes.text(0.5, 0.5, text, ha="center", va="center", wrap=True)
            self.figure.set_layout_engine(engine := ConstrainedLayoutEngine())
            engine.execute(self.figure)
            self.figure.set_layout_engine("none")

    def _at(self, state):
        return tuple(state[axis.name] for axis in self.axes)

    def _check_ticks(self, state):
        for axis in self.axes:
            if axis.kind == "slider" and isinstance(value := state[axis.name], str):
                raise InvalidInput(f"{axis.name}: got {value}, expected a finite number, as the other ticks are.")

    def alt(self, **state: Any) -> str:
        try:
            self._check_ticks(state)
        except InvalidInput as wrong:
            return f"No picture. {wrong}"
        if error := self.failed.get(self._at(state)):
            return f"No picture. {error}"
        try:
            return self.words.format(**state) if isinstance(self.words, str) else self.words(**state)
        except (KeyError, IndexError, ValueError) as error:
            raise InvalidInput(
                f"alt: got {self.words!r} ({_said(error)}), expected a text with {', '.join(state)} in braces."
            ) from error


@dataclasses.dataclass(frozen=True)
class _Interrupted(Axis):
    """A slider some of whose ticks are no numbers: such a tick stands as its own text, which no number matches."""

    kind = "slider"

    def __post_init__(self):
        values = tuple(value if _is_number(value) else repr(value) for value in self.values)
        real = Axis(self.name, self.label, [value for value in values if _is_number(value)])
        wrong = Axis(self.name, self.label, [value for value in values if not _is_number(value)])
        texts = iter(real.texts), iter(wrong.texts)
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "texts", tuple(next(texts[not _is_number(value)]) for value in values))
        object.__setattr__(self, "start", values.index(real.values[0]))
        object.__setattr__(self, "parts", (real, wrong))

    def index(self, value: Any) -> int:
        part = self.parts[isinstance(value, str)]
        return self.values.index(part.values[part.index(value)])


def _axis(name: str, label: str, ticks: Sequence[Any]) -> Axis:
    ticks = [tick.item() if isinstance(tick, np.generic) else tick for tick in ticks]
    real = [_is_number(tick) for tick in ticks]
    return (_Interrupted if any(real) and not all(real) else Axis)(name, label, ticks)


def _is_number(tick: Any) -> bool:
    return isinstance(tick, numbers.Real) and not isinstance(tick, bool) and math.isfinite(tick)


def _said(error) -> str:
    return f"{type(error).__name__}: {error}"


def _check_arguments(draw, ticks):
    try:
        inspect.signature(draw).bind(None, **ticks)
    except TypeError as error:
        named = ", ".join(ticks) or "none"
        raise InvalidInput(f"draw: does not take axes and the ticks given ({named}): {error}.") from None
    except ValueError:  # a function whose arguments cannot be known
        return
