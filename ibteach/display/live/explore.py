"""A live figure of one's own: an ordinary drawing function, a list of ticks for each of its arguments, words for it.

`explore` turns ``draw(axes, gamma, unit)`` into a scene. What it draws is drawn anew for every tick, so it is slower to
make than a `Scene` of one's own, which moves what moves; kept pictures, pages and states are the same.
"""

import inspect
from collections.abc import Callable
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from ibteach.checks import number, several
from ibteach.display.live.explorer import Explorer
from ibteach.display.live.scene import Axis, Scene
from ibteach.display.live.themes import Theme
from ibteach.errors import InvalidInput

LABELS = {"gamma": "γ", "beta": "β", "beta_prime": "β′", "sigma": "σ", "rho": "ρ", "epsilon": "ε", "alpha": "α"}


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
        size: of the picture, inches.
        ticks: a list of numbers or of words for each argument of `draw`.

    A `draw` that raises is shown as its error where the picture would be; the other ticks go on. Raises `InvalidInput`
    for ticks that `draw` does not take, a tick that is no finite number among numbers, and a missing `alt`.

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
        self.size = width, height
        self.draw, self.words = draw, alt
        self.title = title or getattr(draw, "__name__", "figure").replace("_", " ")
        self.axes = tuple(
            Axis(name, LABELS.get(name, name.replace("_", " ")), values) for name, values in ticks.items()
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
            try:
                self.draw(self.canvas_axes, **state)
            except Exception as error:  # one tick that fails leaves the others
                self.canvas_axes.clear()
                self.canvas_axes.set_axis_off()
                at = ", ".join(f"{name} = {value}" for name, value in state.items())
                self.canvas_axes.text(0.5, 0.5, f"{_said(error)}\nat {at}", ha="center", va="center", wrap=True)
            self.figure.set_layout_engine(engine := ConstrainedLayoutEngine())
            engine.execute(self.figure)
            self.figure.set_layout_engine("none")

    def alt(self, **state: Any) -> str:
        try:
            return self.words.format(**state) if isinstance(self.words, str) else self.words(**state)
        except (KeyError, IndexError, ValueError) as error:
            raise InvalidInput(
                f"alt: got {self.words!r} ({_said(error)}), expected a text with {', '.join(state)} in braces."
            ) from error


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
