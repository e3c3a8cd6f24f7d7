"""Information diagrams to look at: the regions of the I-measure, one quantity at a time, with its formula.

`diagram` shows one joint distribution, or several along a slider, with areas that are true to the measure where they
can be (`ibteach.information.geometry`). `Picture` is the drawing itself, which the joint-table editor shares. Chapters
01 and 02 use both.
"""

from __future__ import annotations

import functools
import re
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from ibteach.display.live.explorer import Explorer
from ibteach.display.live.scene import UNITS, Axis, DrawnScene
from ibteach.display.live.themes import HIGHLIGHT, SMALL, Theme
from ibteach.errors import InvalidInput
from ibteach.information.diagram import REGIONS, definition, latex, region
from ibteach.information.discrete import Joint
from ibteach.information.geometry import Layout, layout
from ibteach.information.tables import variable_names

ZERO = 1e-8
ROOM = 0.018  # of the width: where there is less, the number of a region stands beside the diagram, or nowhere
# Where I[Y;Z|X] = 0, an atom equals a quantity with a shorter name.
SHORTER = {"H[Y|X,Z]": "H[Y|X]", "H[Z|X,Y]": "H[Z|X]", "I[X;Y;Z]": "I[Y;Z]"}


def diagram(
    joints: Joint | Mapping[Any, Joint], label: str = "", state: dict[str, Any] | str | None = None
) -> Explorer:
    """Information diagram of a `Joint` of two or three variables: choose a quantity, see its region and its formula.

    `joints` may also be a dict from the ticks of a slider called `label` to joints of the same variables; `state` is
    what is shown first, such as ``{"quantity": "I[X;Y]"}``. For X, Y, Z with Y − X − Z the regions carry the names of
    Kirsch et al. (2020). Raises `InvalidInput` where a joint is a batch or has other than two or three variables.
    """
    return Explorer(DiagramScene(joints, label), state)


def quantities(names: Sequence[str], chain: bool = False) -> list[str]:
    """What a diagram of these variables offers; of a Markov chain Y − X − Z those with a name, after the entropies.

    >>> quantities(["A", "B"])
    ['H[A]', 'H[B]', 'H[A,B]', 'H[A|B]', 'H[B|A]', 'I[A;B]']
    """
    names = variable_names(names)
    if len(names) not in (2, 3):
        raise InvalidInput(f"names: got {', '.join(names)}, expected two or three variables.")
    whole, single = f"H[{','.join(names)}]", [f"H[{name}]" for name in names]
    if len(names) == 2:
        a, b = names
        return [*single, whole, f"H[{a}|{b}]", f"H[{b}|{a}]", f"I[{a};{b}]"]
    if chain:
        return [*single, *(found.quantity for found in REGIONS), "I[Y;Z|X]", whole]
    a, b, c = names
    pairs = [(a, b, c), (a, c, b), (b, c, a)]
    shared = [f"I[{x};{y}]" for x, y, _ in pairs] + [f"I[{x};{y}|{z}]" for x, y, z in pairs] + [f"I[{a};{b};{c}]"]
    return [*single, *shared, *(f"H[{x}|{y},{z}]" for x, y, z in [(a, b, c), (b, a, c), (c, a, b)]), whole]


def number(value: float, unit: str = "nats", digits: int = 3) -> str:
    """A value in nats as text in `unit`, without a sign before nothing.

    >>> number(-1e-17), number(-np.log(2), "bits", 1)
    ('0.000', '−1.0')
    """
    text = f"{value * UNITS[unit]:.{digits}f}"
    return text.removeprefix("-") if float(text) == 0 else text.replace("-", "−")


class Picture:
    """Circles or ellipses of a layout on `axes`: pale regions, one quantity in full colour, negative ones hatched."""

    GRID = 420

    def __init__(
        self,
        axes: Axes,
        theme: Theme,
        names: Sequence[str],
        box: tuple[tuple[float, float], tuple[float, float]] | np.ndarray,
    ):
        self.axes, self.theme, self.names = axes, theme, tuple(names)
        (left, right), (bottom, top) = box
        axes.set(xlim=(left, right), ylim=(bottom, top), aspect="equal")
        axes.set_axis_off()
        self.x, self.y = np.meshgrid(*(np.linspace(low, high, self.GRID) for low, high in box))
        self.atoms_in = {name: set(region(f"H[{name}]", names)) for name in names}
        extent = (left, right, bottom, top)
        blank = np.zeros((self.GRID, self.GRID, 3), np.uint8)
        self.image = axes.imshow(blank, extent=extent, origin="lower", interpolation="nearest", zorder=0)
        self.outlines = [axes.plot([], [], color=theme.foreground, lw=1.5, zorder=2)[0] for _ in names]
        halo = [patheffects.withStroke(linewidth=3.5, foreground=theme.background)]
        style = {"ha": "center", "va": "center", "path_effects": halo, "zorder": 4}
        self.titles = [axes.text(0, 0, name, size=17, weight="bold", **style) for name in names]
        self.values = [axes.text(0, 0, "", **style) for _ in range(2 ** len(self.names) - 1)]
        (self.leader,) = axes.plot([], [], color=theme.foreground, lw=1, zorder=3)
        self.artists = [self.image, *self.outlines, self.leader, *self.titles, *self.values]

    def show(self, found: Layout, quantity: str, unit: str = "nats") -> None:
        """Draw a layout with the region of `quantity` highlighted and each atom's value on it."""
        chosen = region(quantity, self.names)
        self.image.set_data(self._colours(found, chosen))
        turn = np.linspace(0, 2 * np.pi, 200)
        out = np.exp(1j * np.radians([160, 20, -90]))  # towards the names, which stay apart where the sets are equal
        parts = zip(self.outlines, self.titles, out, found.ellipses, strict=False)
        for line, title, direction, (x, y, a, b, angle) in parts:
            around = (a * np.cos(turn) + 1j * b * np.sin(turn)) * np.exp(1j * angle) + x + 1j * y
            line.set_data(around.real, around.imag)
            far = around[(around * direction.conjugate()).real.argmax()]
            place = far + direction * 0.045 * np.ptp(self.x)
            title.set_position((place.real, place.imag))
        leaders = []
        for text, (atom, value) in zip(self.values, found.atoms.items(), strict=True):
            x, y, clearance = found.anchors.get(atom, (0, 0, 0))
            fits = clearance > ROOM * np.ptp(self.x)
            led = atom in chosen and clearance > 0 and not fits
            place = self.beside(found, x, y) if led else (x, y)
            leaders += [(x, y), place, (np.nan, np.nan)] if led else []
            text.set_position(place)
            text.set_text(number(value, unit, 2) if fits or led else "")
            text.set_fontweight("bold" if atom in chosen else "normal")
        self.leader.set_data(*np.array(leaders or [(np.nan, np.nan)]).T)

    def beside(self, found: Layout, x: float, y: float) -> tuple[float, float]:
        """Where the number stands of a region that has no room for it: beside the diagram, on the shortest way out."""
        steps = np.linspace(0, 0.6, 61)[:, None] * np.ptp(self.x)
        turn = np.linspace(0, 2 * np.pi, 48, endpoint=False)
        far = steps + 0.07 * np.ptp(self.x) * np.array([[0], [1]])[:, None]  # the number, and the way to it
        across, down = x + far * np.cos(turn), y + far * np.sin(turn)
        free = np.logical_and.reduce([level > 0 for level in found.inside(across, down).values()])
        free &= (across > self.x.min()) & (across < self.x.max()) & (down > self.y.min()) & (down < self.y.max())
        step = np.where(free.all(0).any(0), free.all(0).argmax(0), len(steps))
        best = step.argmin()
        return float(across[1, min(step[best], 60), best]), float(down[1, min(step[best], 60), best])

    def where(self, found: Layout, x: npt.ArrayLike, y: npt.ArrayLike) -> dict[str, np.ndarray]:
        """Which points lie in each atom's region."""
        inside = {name: level < 0 for name, level in found.inside(x, y).items()}
        return {
            atom: np.logical_and.reduce([inside[n] if atom in self.atoms_in[n] else ~inside[n] for n in self.names])
            for atom in found.atoms
        }

    def _colours(self, found: Layout, chosen: Sequence[str]) -> np.ndarray:
        base = np.array(to_rgb(self.theme.background))
        sets = {name: np.array(to_rgb(self.theme.cycle[i])) for i, name in enumerate(self.names)}
        stripes = (self.x + self.y) / np.ptp(self.x) * 36 % 1 < 0.5
        image = np.empty((*self.x.shape, 3), np.uint8)
        image[:] = np.rint(255 * base)
        for atom, there in self.where(found, self.x, self.y).items():
            pale = 0.18 * np.mean([sets[n] for n in self.names if atom in self.atoms_in[n]], axis=0) + 0.82 * base
            colour = to_rgb(self.theme.cycle[HIGHLIGHT]) if atom in chosen else pale
            image[there] = np.rint(255 * np.array(colour))
            if found.atoms[atom] < -ZERO:
                image[there & stripes] = np.rint(255 * base)
        return image


class DiagramScene(DrawnScene):
    """The diagram of one joint or of several along a slider; a choice of quantities, and of units."""

    tall = (5.4, 7.4)

    def __init__(self, joints: Joint | Mapping[Any, Joint], label: str = ""):
        if not isinstance(label, str):
            raise InvalidInput(f"label: got {label!r}, expected the name of the slider, as text.")
        tables: Mapping[Any, Joint] = joints if isinstance(joints, Mapping) else {0: joints}
        self.joints = tables
        kinds: set[tuple[str, ...]] = {
            joint.names if isinstance(joint, Joint) else () for joint in self.joints.values()
        }
        if len(kinds) != 1 or len(next(iter(kinds))) not in (2, 3):
            raise InvalidInput(f"joints: got {joints!r}, expected tables of the same two or three variables.")
        (self.names,) = kinds
        self.layout = functools.lru_cache(maxsize=None)(lambda place: layout(tables[place]))
        self.chain = self.names == ("X", "Y", "Z") and all(
            abs(self.layout(place).atoms["I[Y;Z|X]"]) < ZERO for place in self.joints
        )
        self.papers = {found.quantity: found for found in REGIONS} if self.chain else {}
        self.title = f"Information diagram of {', '.join(self.names[:-1])} and {self.names[-1]}"
        offered = quantities(self.names, self.chain)
        texts = [f"{q}   {self.papers[q].name}" if q in self.papers else q for q in offered]
        self.slider = re.sub(r"\W", "_", label) or "table"
        slide = [Axis(self.slider, label or "table", list(self.joints))] if len(self.joints) > 1 else []
        opening = offered.index(f"I[{self.names[0]};{self.names[1]}]")
        self.axes = (*slide, Axis("quantity", "quantity", offered, texts, opening), Axis("unit", "unit", list(UNITS)))
        self.places = tuple(axis.name for axis in slide)

    @property
    def box(self) -> np.ndarray:
        """((left, right), (bottom, top)) that holds the diagram of every state."""
        boxes = np.array([self.layout(place).box(margin=0.12) for place in self.joints])
        return np.stack([boxes[:, :, 0].min(0), boxes[:, :, 1].max(0)], axis=1)

    def payload(self) -> dict[str, Any]:
        atoms = region(f"H[{','.join(self.names)}]", self.names)
        sets = [set(region(f"H[{name}]", self.names)) for name in self.names]
        box = self.box
        return {
            "names": self.names,
            "places": self.places,
            "box": box.ravel().tolist(),
            "room": ROOM * float(np.ptp(box[0])),
            "chain": self.chain,
            "positive": self.positive,
            "regions": [
                {"name": atom, "mask": sum(1 << i for i, inside in enumerate(sets) if atom in inside)}
                | ({"shorter": SHORTER.get(atom, atom)} if self.chain and atom != "I[Y;Z|X]" else {})
                for atom in atoms
            ],
            "quantities": {
                quantity: {
                    "atoms": [atoms.index(atom) for atom in region(quantity, self.names)],
                    "definition": {unit: definition(quantity, self.names, unit) for unit in UNITS},
                }
                | ({"name": self.papers[quantity].name} if quantity in self.papers else {})
                | ({"meaning": self.papers[quantity].meaning} if quantity in self.papers else {})
                for quantity in next(axis for axis in self.axes if axis.name == "quantity").values
            },
        }

    def drawing(self, **place: Any) -> dict[str, Any]:
        found = self.layout(self._place(place))
        anchors = [found.anchors.get(atom) for atom in region(f"H[{','.join(self.names)}]", self.names)]
        return {
            "ellipses": np.round(found.ellipses, 5).tolist(),
            "atoms": [found.atoms[atom] for atom in region(f"H[{','.join(self.names)}]", self.names)],
            "anchors": [anchor and [round(part, 4) for part in anchor] for anchor in anchors],
            "note": found.note,
            "before": self._before(place),
        }

    def build(self, figure: Figure, theme: Theme) -> list:
        picture, words = self.panels(figure, (1.15, 1), (1.5, 1))
        self.picture = Picture(picture, theme, self.names, self.box)
        words.set_axis_off()
        self.head = words.text(0, 0.97, "", size=21, va="top")
        self.definition = words.text(0, 0.83, "", va="top", color=theme.muted)
        self.name = words.text(0, 0.71, "", size=14, va="top", weight="bold", color=theme.accent)
        self.meaning = words.text(0, 0.63, "", va="top")
        self.formula = words.text(0, 0, "", size=14, va="top", linespacing=1.4)
        self.note = words.text(0, 0.02, "", size=SMALL, va="bottom", color=theme.muted)
        return [*self.picture.artists, self.head, self.definition, self.name, self.meaning, self.formula, self.note]

    def update(self, quantity: str, unit: str, **slider: Any) -> None:
        found, value, parts = self._read(quantity, slider)
        self.picture.show(found, quantity, unit)
        self.head.set_text(f"${latex(quantity)} = {number(value, unit)}$ {unit}")
        self.definition.set_text(f"= {definition(quantity, self.names, unit)}")
        named = self.papers.get(quantity)
        self.name.set_text(named.name if named else "")
        self.meaning.set_text(textwrap.fill(named.meaning, 44) if named else "")
        terms = [f"${latex(part)} = {number(value, unit)}$" for part, value in parts.items()]
        self.formula.set_text("\n".join(["the sum of", *terms]) if len(terms) > 1 else "")
        self.formula.set_y(0.48 if named else 0.72)  # below the meaning, where there is one
        self.note.set_text(textwrap.fill(found.note, 50))

    def alt(self, quantity: str, unit: str, **slider: Any) -> str:
        found, value, parts = self._read(quantity, slider)
        name = f", the {self.papers[quantity].name}," if quantity in self.papers else ""
        terms = " plus ".join(f"{part} = {number(value, unit)}" for part, value in parts.items())
        formula = f", the sum of {terms}" if len(parts) > 1 else ""
        count = "Two" if len(self.names) == 2 else "Three"
        return (
            f"{self._before(slider)}{count} overlapping sets, {' and '.join(self.names)}; "
            f"highlighted is {quantity}{name} {number(value, unit)} {unit}{formula}. {found.note}"
        )

    positive = False  # whether atoms of nothing are left out of a sum

    def _place(self, state: dict[str, Any]) -> Any:
        """What `layout` is asked for."""
        return state.get(self.slider, next(iter(self.joints)))

    def _before(self, state: dict[str, Any]) -> str:
        """What is said of a state before its diagram is."""
        return ""

    def _read(self, quantity: str, slider: dict[str, Any]) -> tuple[Layout, float, dict[str, float]]:
        """The layout, the value of the quantity, and the atoms it is the sum of (in a chain by their shorter names)."""
        found = self.layout(self._place(slider))
        parts = {atom: found.atoms[atom] for atom in region(quantity, self.names)}
        if self.chain and len(parts) > 1:
            parts = {SHORTER.get(atom, atom): value for atom, value in parts.items() if atom != "I[Y;Z|X]"}
        return found, sum(parts.values()), parts
