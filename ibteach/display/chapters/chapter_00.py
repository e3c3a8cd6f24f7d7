"""What chapter 00 shows: the map of the course. Choose where you want to arrive, and see the way and how long it is."""

import textwrap

from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from ibteach.course import CHAPTERS, Chapter
from ibteach.display.live.explorer import Explorer
from ibteach.display.live.scene import Axis, Scene
from ibteach.display.live.themes import SMALL, Theme


def course_map() -> Explorer:
    """The chapters and what each of them needs: a control chooses one, and the way to it lights up."""
    return Explorer(MapScene())


def way_to(number: str) -> list[Chapter]:
    """The chapters that lead to one, itself the last, in the order of the course.

    >>> [chapter.number for chapter in way_to("05")]
    ['01', '02', '03', '04', '05']
    """
    chapters = {chapter.number: chapter for chapter in CHAPTERS}
    wanted, open_ = set(), [number]
    while open_:
        wanted.add(one := open_.pop())
        open_ += chapters[one].needs
    return [chapter for chapter in CHAPTERS if chapter.number in wanted]


class MapScene(Scene):
    """A box for each chapter: what it needs stands left of it (folded, above), and an arrow leads from there."""

    title = "The way to a chapter"
    tall = (5.4, 6.4)
    BOX = (1.75, 0.62)

    def __init__(self):
        self.chapters = [chapter for chapter in CHAPTERS if chapter.number != "00"]
        titles = tuple(map(str, self.chapters))
        self.axes = (Axis("chapter", "I want to reach", titles, start=titles.index("05 Surrogate objectives")),)
        self.places = self._places()

    def _places(self) -> dict[str, tuple[float, float]]:
        """Column and height of each box: one column right of the last that it needs."""
        column: dict[str, int] = {}
        for chapter in self.chapters:
            column[chapter.number] = 1 + max((column[need] for need in chapter.needs), default=-1)
        return {
            number: (2.2 * at, (members := [n for n in column if column[n] == at]).index(number) - len(members) / 2)
            for number, at in column.items()
        }

    def _place(self, number) -> tuple[float, float]:
        """Where the box of a chapter stands in this layout."""
        x, y = self.places[number]
        return (2 * y, x / 2.2) if self.folded else (x, y)

    def build(self, figure: Figure, theme: Theme) -> list:
        axes = figure.add_subplot()
        axes.set_axis_off()
        self.theme, self.boxes, self.names, self.arrows = theme, {}, {}, {}
        width, height = self.BOX
        for chapter in self.chapters:
            x, y = self._place(chapter.number)
            corner, rounded = (x - width / 2, y - height / 2), "round,pad=0,rounding_size=0.08"
            self.boxes[chapter.number] = axes.add_patch(
                FancyBboxPatch(corner, width, height, rounded, linewidth=1.5, zorder=3)
            )
            name = textwrap.fill(f"{chapter.number} {chapter.title}", 15)
            self.names[chapter.number] = axes.text(x, y, name, ha="center", va="center", size=SMALL, zorder=4)
            for need in _directly(chapter):
                left, above = self._place(need)
                style = {"arrowstyle": "-|>,head_length=5,head_width=3", "shrinkA": 1, "shrinkB": 2, "zorder": 2}
                ends = (left + width / 2, above), (x - width / 2, y)
                if self.folded:
                    ends = (left, above + height / 2), (x, y - height / 2)
                self.arrows[need, chapter.number] = axes.add_patch(FancyArrowPatch(*ends, **style))
        across, down = zip(*map(self._place, self.places), strict=True)
        axes.set(xlim=(min(across) - 1, max(across) + 1), ylim=(max(down) + 1.0, min(down) - 0.45))
        self.said = axes.text(min(across) - width / 2, max(down) + 0.95, "", va="bottom", in_layout=False)
        return [*self.arrows.values(), *self.boxes.values(), *self.names.values(), self.said]

    def update(self, chapter: str) -> None:
        way, theme = [one.number for one in way_to(chapter[:2])], self.theme
        for number, box in self.boxes.items():
            here, last = number in way, number == chapter[:2]
            box.set(
                facecolor=theme.accent if last else theme.background, edgecolor=theme.accent if here else theme.grid
            )
            self.names[number].set_color(theme.background if last else theme.foreground if here else theme.muted)
        for ends, arrow in self.arrows.items():
            taken = set(ends) <= set(way)
            arrow.set(color=theme.accent if taken else theme.grid, linewidth=2 if taken else 1.2)
        question, length = self._said(chapter)
        self.said.set_text(f"{self.wrapped(self.said.figure, question)}\n{length}")

    def _said(self, chapter) -> tuple[str, str]:
        *before, last = way_to(chapter[:2])
        return last.question, f"About {_hours(sum(one.minutes for one in [*before, last]))} in all."

    def alt(self, chapter: str) -> str:
        *before, last = way_to(chapter[:2])
        need = "needs no other" if not before else f"needs {', '.join(map(str, before))}"
        return (
            f"The chapters as boxes, with arrows to those that need them. {last} {need}. "
            f"It asks: {last.question} All of them take about {_hours(sum(one.minutes for one in [*before, last]))}."
        )


def _directly(chapter: Chapter) -> list[str]:
    """What it needs beyond what those need that it needs: the arrows that a map has to have.

    >>> chapters = {chapter.number: chapter for chapter in CHAPTERS}
    >>> chapters["08"].needs, _directly(chapters["08"])
    (('05', '07'), ['07'])
    """
    further = {one.number for need in chapter.needs for one in way_to(need)[:-1]}
    return [need for need in chapter.needs if need not in further]


def _hours(minutes: int) -> str:
    """As people say it.

    >>> _hours(75), _hours(240)
    ('1 h 15 min', '4 h')
    """
    return " ".join([f"{minutes // 60} h"] * (minutes >= 60) + [f"{minutes % 60} min"] * (minutes % 60 > 0))
