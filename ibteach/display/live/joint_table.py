"""A joint table to edit by hand, with its information diagram beside it.

Drag a cell, or focus it and use the arrow keys: probabilities, entropies and the two circles follow at once, because
the browser computes them, in a notebook as in the exported page. The kernel sees the same table, and can set it. Three
variables, as in exclusive or, stand in a table whose rows are pairs. Builds on `diagrams`; chapter 01 uses it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from ibteach import data
from ibteach.checks import known
from ibteach.display.live import page, published
from ibteach.display.live.canvas import picture
from ibteach.display.live.diagrams import Picture, number, quantities
from ibteach.display.live.scene import UNITS, Scene, alt_text
from ibteach.display.live.themes import SMALL, THEMES, Theme
from ibteach.display.live.widget import Exported, LiveFigure, State
from ibteach.errors import InvalidInput
from ibteach.files import PathLike, replacing
from ibteach.information.diagram import definition, region
from ibteach.information.discrete import Joint
from ibteach.information.geometry import layout
from ibteach.information.tables import Table

if TYPE_CHECKING:
    from jaxtyping import Float64

SCRIPT = page.read("page.js") + page.read("diagram.js") + page.read("joint_table.js")
STYLE = page.STYLE + page.read("joint_table.css")
SIZES = (2, 3, 4)
OWN = "own table"  # what any two-variable table is called that is not a preset
REAL = "real digits"


def digit_block(levels: int = 4, classes: int = 4) -> Joint:
    """Ink in the four middle pixels of real handwritten digits, in `levels`, and the digit, 0 … `classes` − 1."""
    digits = data.load("digits")
    kept = digits.train_labels < classes
    ink = digits.train_images[kept, 0, 3:5, 3:5].double().mean((-2, -1)) / 16
    return Joint.from_samples((ink * levels).long().clamp(max=levels - 1), digits.train_labels[kept], names="ink digit")


def presets() -> dict[str, Joint]:
    """The tables to start from, by name."""
    bit = np.arange(2)
    return {
        "independent": Joint(np.outer([0.4, 0.6], [0.7, 0.3]), "X Y"),
        "copy": Joint(np.eye(2) / 2, "X Y"),
        "noisy channel": Joint([[0.45, 0.05], [0.05, 0.45]], "X Y"),
        "exclusive or": Joint(((bit[:, None, None] ^ bit[None, :, None]) == bit) / 4, "A B Y"),
        REAL: digit_block(),
        OWN: Joint(np.full((3, 3), 1 / 9), "X Y"),
    }


class JointTable(LiveFigure):
    """Editor of a joint distribution of two variables with 2 to 4 values each, or of three bits.

    It opens with `joint`, or with a noisy channel. `table` is what is on screen, an array whose rows are the values of
    the first variable (of the first two, where there are three); set it and the screen follows. `joint` is the same as
    a `Joint`, `state` as a dict that can be kept. A saved notebook keeps a picture with alt text. Raises `InvalidInput`
    for a table that is no distribution, or of a size that the editor does not have.
    """

    _esm = SCRIPT
    _css = STYLE

    def __init__(self, joint: Joint | None = None):
        self._presets = presets()
        opening = "noisy channel"
        if joint is not None:
            opening = "yours"
            self._presets = {opening: joint} | self._presets
            _rows(joint)
        super().__init__(state={"preset": opening, "table": _rows(self._presets[opening])}, _spec=_spec(self._presets))

    @property
    def table(self) -> Float64[np.ndarray, "rows columns"]:
        """The probabilities on screen, (rows, columns)."""
        return np.array(self.state["table"])

    @table.setter
    def table(self, table: Table) -> None:
        shape = np.shape(_numpy(table))
        fits = shape == np.shape(self.state["table"])
        self.state = {"preset": self.state["preset"] if fits else OWN, "table": table}

    @property
    def joint(self) -> Joint:
        """The distribution on screen."""
        return _joint(self.state["table"], self._presets[self.state["preset"]].names)

    def __repr__(self) -> str:
        return f"JointTable: {self.joint!r}"

    def export(self, path: PathLike) -> Exported:
        """Write the editor as one HTML file that needs neither kernel nor network; it opens with the table on screen.

        Raises `Unavailable` if the file cannot be written; it is replaced atomically.
        """
        spec = self._spec | {"start": self.state}
        text = page.page(spec, [], self.picture(), self._still()[0], script=SCRIPT, style=STYLE)
        path = Path(path)
        with replacing(path) as part:
            part.write_text(text, encoding="utf-8")
        return Exported(path, 0, len(text.encode()))

    def picture(self, theme: str = "light") -> bytes:
        """The table and its diagram as a PNG that stands alone."""
        known("theme", theme, THEMES)
        return picture(TableScene(self.joint, self._labels()), theme=THEMES[theme])

    def _published(self) -> str:
        return published.place("table", self._spec | {"start": self.state}, self.picture(), *self._still())

    def _still(self) -> tuple[str, int]:
        return alt_text(TableScene(self.joint, self._labels()), {}), 900

    def _labels(self):
        preset = self._spec["presets"][self.state["preset"]]
        return preset["rows"], preset["columns"]

    def _resolved(self, value: Any, current: State | None) -> dict[str, Any]:
        if not isinstance(value, dict) or not value or value.keys() - {"preset", "table"}:
            raise InvalidInput(f"state: got {value!r}, expected a dict with 'preset' and 'table', or one of them.")
        preset = known("preset", value.get("preset", (current or {}).get("preset")), self._presets)
        table = value.get("table", _rows(self._presets[preset]))
        return {"preset": preset, "table": _rows(_joint(table, self._presets[preset].names))}


class TableScene(Scene):
    """Table and diagram of one joint: what a notebook keeps of an editor."""

    title = "A joint distribution to edit"

    def __init__(self, joint: Joint, labels: tuple[list[str], list[str]]):
        self.joint, self.labels = joint, labels
        self.quantity = f"I[{';'.join(joint.names)}]"

    def build(self, figure: Figure, theme: Theme) -> list:
        cells, diagram = figure.subplots(1, 2, width_ratios=[1, 1.25])
        table, names = np.array(_rows(self.joint)), self.joint.names
        rows, columns = table.shape
        cells.set(xlim=(-0.5, columns - 0.5), ylim=(rows - 0.5, -0.5), aspect="equal")
        cells.set_xticks(range(columns), self.labels[1][:columns])
        cells.set_yticks(range(rows), self.labels[0][:rows])
        cells.tick_params(length=0)
        cells.set(xlabel=names[-1], ylabel=" ".join(names[:-1]))
        for i, j in np.ndindex(rows, columns):
            cells.add_patch(_square(j, i, 0.92 * math.sqrt(table[i, j]), color=theme.accent, alpha=0.5, lw=0))
            cells.add_patch(_square(j, i, 0.92, fill=False, edgecolor=theme.muted))
            cells.text(j, i, f"{table[i, j]:.3f}", ha="center", va="center", size=SMALL)
        cells.spines[:].set_visible(False)
        found = layout(self.joint)
        Picture(diagram, theme, names, found.box(margin=0.12)).show(found, self.quantity)
        return []

    def update(self) -> None:
        """Nothing moves."""

    def alt(self) -> str:
        found = layout(self.joint)
        *rest, last = self.joint.names
        rows = "; ".join(" ".join(f"{p:.3f}" for p in row) for row in _rows(self.joint))
        values = [f"{q} = {number(sum(found.atoms[a] for a in region(q, self.joint.names)))}" for q in self._said()]
        return (
            f"Joint table of {' and '.join(rest)} (rows) and {last} (columns): {rows}. "
            f"Its information diagram: {', '.join(values)} nats. {found.note}"
        )

    def _said(self) -> list[str]:
        return [*(f"H[{name}]" for name in self.joint.names), self.quantity]


def _square(x: float, y: float, side: float, **style: Any) -> Rectangle:
    return Rectangle((x - side / 2, y - side / 2), side, side, **style)


def _joint(table: Table, names: tuple[str, ...]) -> Joint:
    """The joint distribution of a table on screen."""
    if len(names) == 3:
        table = _numpy(table)
        if table.shape != (4, 2):
            raise InvalidInput(
                f"table: got shape {table.shape}, expected (4, 2): rows are pairs of bits, columns a bit."
            )
        table = table.reshape(2, 2, 2)
    joint = Joint(table, names)
    _rows(joint)
    return joint


def _numpy(table: Table) -> np.ndarray:
    return np.asarray(table.detach() if isinstance(table, Tensor) else table)


def _rows(joint: Joint) -> list[list[float]]:
    """The table on screen of a joint distribution, as nested lists."""
    good = isinstance(joint, Joint) and (
        (len(joint.names) == 2 and joint.table.ndim == 2 and {*joint.table.shape} <= {*SIZES})
        or (len(joint.names) == 3 and tuple(joint.table.shape) == (2, 2, 2))
    )
    if not good:
        raise InvalidInput(
            f"joint: got {joint!r}, expected a Joint of two variables with 2 to 4 values, or of three bits."
        )
    return joint.table.detach().reshape(-1, joint.table.shape[-1]).tolist()


def _spec(tables: Mapping[str, Joint]) -> dict[str, Any]:
    """What the script knows: presets, and for each set of variables the quantities with the atoms they sum up."""

    def labels(name):
        if len(tables[name].names) == 3:
            return ["00", "01", "10", "11"], ["0", "1"]
        return ["none", "some", "more", "most"] if name == REAL else list("0123"), list("0123")

    def masks(quantity, names):
        sets = [set(region(f"H[{name}]", names)) for name in names]
        return [sum(1 << i for i, inside in enumerate(sets) if atom in inside) for atom in region(quantity, names)]

    def kind(names):
        return [
            {
                "quantity": quantity,
                "formula": {unit: definition(quantity, names, unit) for unit in UNITS},
                "parts": region(quantity, names),
                "atoms": masks(quantity, names),
            }
            for quantity in quantities(names)
        ]

    return {
        "title": TableScene.title,
        "width": 1000,
        "free": OWN,
        "presets": {
            name: {"names": joint.names, "table": _rows(joint), "rows": labels(name)[0], "columns": labels(name)[1]}
            for name, joint in tables.items()
        },
        "kinds": {",".join(joint.names): kind(joint.names) for joint in tables.values()},
        "themes": {name: theme.names for name, theme in THEMES.items()},
    }
