"""Where trained networks lie in the information plane, and the information diagram of each of them.

A `Record` of networks that were measured while they trained (`training.fit(…, information=True)`) has I[X;Z] and I[Y;Z]
of every one at every epoch. `information_plane` draws their paths, `network_diagram` one network as the diagram of
chapter 01. Several seeds are one point with an error bar. Nothing is estimated here, and nothing interpolated. Used in
chapter 07.
"""

import functools
import math
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from ibteach.display.live.diagrams import DiagramScene, quantities
from ibteach.display.live.explorer import Explorer
from ibteach.display.live.scene import UNITS, Axis
from ibteach.display.live.themes import Theme
from ibteach.display.live.trained import TrainedScene
from ibteach.errors import InvalidInput
from ibteach.information.diagram import REGIONS, region
from ibteach.information.geometry import layout_of
from ibteach.records.record import Record, check_record
from ibteach.training.measuring import INFORMATION


def information_plane(record: Record) -> Explorer:
    """I[Y;Z] against I[X;Z] of every network, epoch by epoch, with error bars, ln N and H[Y]."""
    return Explorer(PlaneScene(record))


def network_diagram(record: Record) -> Explorer:
    """The information diagram of X, Y and the latent Z of a trained network: choose it, an epoch, and a quantity."""
    return Explorer(NetworkDiagramScene(record))


class MeasuredScene(TrainedScene):
    """A scene of networks at one epoch of training: objective, γ, epoch, train or test; the mean over seeds, in nats.

    Raises `InvalidInput` for a Record without information quantities, or where ln N is not known because it was made
    without ``eval_examples=``.
    """

    def __init__(self, record: Record):
        check_record("record", record)
        missing = [name for name in INFORMATION if f"test/{name}" not in record.quantities]
        if missing:
            raise InvalidInput(
                f"record: got one without {', '.join(missing)}; train it with training.fit(…, information=True)."
            )
        examples = record.provenance.get("configuration", {}).get("eval_examples")
        if not examples:
            raise InvalidInput(
                "record: got one of unknown ln N; train it with training.fit(…, eval_examples=500), so that it says on "
                "how many examples it was measured."
            )
        super().__init__(record)
        self.ceiling = math.log(examples)
        self.epochs = [int(at) if at == int(at) else at for at in record.course.tolist()]
        self.moments = record.moments
        shown = [moment.removeprefix("epoch ") for moment in self.moments]
        epoch = Axis("epoch", "epoch", self.epochs, shown, start=len(self.epochs) - 1)
        own = [axis for axis in self.axes if axis.name != "seed"]  # seeds are averaged
        self.axes = (*own, epoch, Axis("examples", "examples", ("test", "train")))

    def path(self, quantity: str, state: dict[str, Any], gamma: float) -> tuple[np.ndarray, np.ndarray]:
        """The mean over seeds at every epoch, and its standard error, of seeds and noise draws together."""
        networks, name = self.networks(state, gamma), f"{state['examples']}/{quantity}"
        values, drawn = (table[name].numpy()[networks] for table in (self.record.quantities, self.record.errors))
        variance = (drawn**2).mean(0)
        if len(networks) > 1:  # the draws are in the spread of the seeds already
            variance = np.maximum(variance, values.var(0, ddof=1))
        return values.mean(0), np.sqrt(variance / len(networks))

    def at(self, quantity: str, state: dict[str, Any]) -> tuple[float, float]:
        """Value and standard error of the state's networks at its epoch."""
        place = self.epochs.index(state["epoch"])
        value, error = (float(each[place]) for each in self.path(quantity, state, state["gamma"]))
        return value, error

    def label_entropy(self, state: dict[str, Any]) -> float:
        return self.at("preserved_relevant_information", state)[0] + self.at("decoder_uncertainty", state)[0]

    def state_text(self, state: dict[str, Any]) -> str:
        """The chosen networks and epoch, in words."""
        networks = self.networks(state, state["gamma"])
        seeds = f", mean of {len(networks)} seeds" if len(networks) > 1 else ""
        return f"{self.run_text(networks[0])}, {self.moments[self.epochs.index(state['epoch'])]}{seeds}"


class PlaneScene(MeasuredScene):
    """Left: the information plane with a path for each γ. Right: the two terms of the objective over training."""

    title = "Trained networks in the information plane"
    tall = (5.4, 8.8)
    PLANE = ("preserved_information", "preserved_relevant_information")
    TERMS = ("redundant_information", "decoder_uncertainty")

    def build(self, figure: Figure, theme: Theme) -> list:
        plane, course = self.panels(figure, (1.35, 1), (1.25, 1))
        _nats_and_bits(plane.xaxis, plane, 1.08 * self.ceiling, "I[X;Z], nats")
        _nats_and_bits(plane.yaxis, plane, 1.12 * self._label_entropy(), "I[Y;Z], nats")
        plane.grid(True)
        self.colours = self.shades(theme)
        both = list(zip(self.colours, self.legend_texts(), strict=True))
        self.paths = [plane.plot([], [], color=shade, lw=1.6)[0] for shade in self.colours]
        self.dots = [plane.plot([], [], "o", color=shade, ms=8, label=text)[0] for shade, text in both]
        whole = {"mec": theme.foreground, "ms": 13, "mew": 2, "clip_on": False}  # also in the corner at 0, 0
        (self.chosen,) = plane.plot([], [], "o", **whole, zorder=5)
        (self.bars,) = plane.plot([], [], color=theme.foreground, lw=1.5, zorder=6)
        across = 4 if self.folded else len(self.gammas)
        row = {"ncols": across, "handletextpad": 0.1, "columnspacing": 0.8}
        figure.legend(handles=self.dots, loc="outside upper left", **row)
        dashed = {"color": theme.muted, "lw": 1.5, "ls": "--"}
        plane.axvline(self.ceiling, **dashed)
        self.most = plane.axhline(0, **dashed)
        said: dict[str, Any] = {"color": theme.muted, "va": "bottom"}
        plane.text(self.ceiling, 0.5, "ln N ", rotation=90, ha="right", transform=plane.get_xaxis_transform(), **said)
        self.most_text = plane.text(0.02 * self.ceiling, 0, "H[Y]", **said)
        plane.fill_between([0, self.ceiling], [0, self.ceiling], self.ceiling, color=theme.grid, lw=0, zorder=0)
        plane.text(0.012, 0.78, "impossible", transform=plane.transAxes, **said)

        self._over_training(course)
        _nats_and_bits(course.yaxis, course, 1.08 * max(self._largest(name) for name in self.TERMS), "nats")
        course.grid(True)
        styles = zip(self.TERMS, ("H[Z|Y] = I[X;Z|Y]", "H[Y|Z]"), theme.cycle[1::-1], strict=True)
        self.lines = {
            name: course.plot([], [], "o-", ms=4, color=color, label=label)[0] for name, label, color in styles
        }
        (self.course_bars,) = course.plot([], [], color=theme.foreground, lw=1.2)
        self.cursor = course.axvline(0, color=theme.muted, lw=1.2, zorder=0.5)
        course.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=2, frameon=False)
        self.said = self.sign(figure, theme, " ")
        moving = [*self.paths, *self.dots, self.chosen, self.bars, self.most, self.most_text]
        return [*moving, *self.lines.values(), self.course_bars, self.cursor, self.said]

    def _over_training(self, axes):
        """Epochs from left to right; what was measured within the first has as much room as all that follows."""
        within = [at for at in self.epochs if 0 < at < 1]
        if within:
            axes.set_xscale("symlog", linthresh=within[0], linscale=0.3)
            powers = [power for power in (0.001, 0.01, 0.1, 1, 10, 100) if within[0] < power <= self.epochs[-1]]
            axes.set_xticks([0, *powers], [f"{at:g}" for at in (0, *powers)])
            axes.set_xticks([], minor=True)
        else:
            axes.xaxis.get_major_locator().set_params(integer=True)
        axes.set(xlim=(min(self.epochs), max(self.epochs) + 1e-9), xlabel="epoch (bars: 2 s.e.)")

    def _label_entropy(self):
        """The largest H[Y], which every I[Y;Z] lies below."""
        found = self.record.quantities
        return max(
            (found[f"{split}/preserved_relevant_information"] + found[f"{split}/decoder_uncertainty"]).max().item()
            for split in ("train", "test")
        )

    def _largest(self, quantity):
        return max(self.record.quantities[f"{split}/{quantity}"].max().item() for split in ("train", "test"))

    def update(self, **state: Any) -> None:
        now = self.epochs.index(state["epoch"])
        for line, dot, gamma in zip(self.paths, self.dots, self.gammas, strict=True):
            (x, _), (y, _) = (self.path(name, state, gamma) for name in self.PLANE)
            line.set_data(x[: now + 1], y[: now + 1])
            dot.set_data(x[now : now + 1], y[now : now + 1])
        (x, x_error), (y, y_error) = (self.at(name, state) for name in self.PLANE)
        self.bars.set_data(
            [x - 2 * x_error, x + 2 * x_error, np.nan, x, x], [y, y, np.nan, y - 2 * y_error, y + 2 * y_error]
        )
        self.chosen.set_data([x], [y])
        self.chosen.set_markerfacecolor(self.colours[self.gammas.index(state["gamma"])])
        most = self.label_entropy(state)
        self.most.set_ydata([most, most])
        self.most_text.set_y(most)
        bars = [[], []]
        for name, line in self.lines.items():
            values, errors = self.path(name, state, state["gamma"])
            line.set_data(self.epochs, values)
            for epoch, value, error in zip(self.epochs, values, errors, strict=True):
                bars[0] += [epoch, epoch, np.nan]
                bars[1] += [value - 2 * error, value + 2 * error, np.nan]
        self.course_bars.set_data(*bars)
        self.cursor.set_xdata([state["epoch"]] * 2)
        networks = self.networks(state, state["gamma"])
        seeds = f", mean of {len(networks)} seeds" if len(networks) > 1 else ""
        said = f"{self.weight_text(networks[0])}{seeds}; {self.record.source}"
        self.said.set_text(self.wrapped(self.said.figure, said))

    def alt(self, **state: Any) -> str:
        (rate, rate_error), (relevance, relevance_error) = (self.at(name, state) for name in self.PLANE)
        redundant, uncertain = (self.at(name, state)[0] for name in self.TERMS)
        return (
            f"The information plane of {len(self.gammas)} weights γ on {state['examples']} examples, paths up to this "
            f"epoch. {self.state_text(state)}: I[X;Z] = {rate:.2f} ± {2 * rate_error:.2f} nats of at most ln N = "
            f"{self.ceiling:.2f}, I[Y;Z] = {relevance:.2f} ± {2 * relevance_error:.2f} nats of at most H[Y] = "
            f"{self.label_entropy(state):.2f}. Beside it, over training, H[Z|Y], now {redundant:.2f}, and H[Y|Z], now "
            f"{uncertain:.2f} nats."
        )


class NetworkDiagramScene(DiagramScene):
    """The diagram of X, Y and Z of one trained network at one epoch: X is one of N examples, so H[X] = ln N.

    An example determines its label, and zero-entropy noise has H[Z|X] = 0, so Y and Z lie inside X.
    """

    positive = True

    def __init__(self, record: Record):
        self.measured = MeasuredScene(record)
        self.names, self.chain, self.slider = ("X", "Y", "Z"), True, None
        self.papers = {found.quantity: found for found in REGIONS}
        self.title = "Information diagram of a trained network"
        offered = quantities(self.names, chain=True)
        quantity = Axis("quantity", "quantity", offered, start=offered.index("I[Y;Z]"))
        self.axes = (*self.measured.axes, quantity, Axis("unit", "unit", list(UNITS)))
        self.places = tuple(axis.name for axis in self.measured.axes)
        self.layout = functools.cache(self._layout)
        ends = [self._place(state) for state in _ends(self.measured)]
        self.joints = dict.fromkeys(ends)  # what the size of the picture is taken from

    def _place(self, state):
        return tuple((axis.name, state[axis.name]) for axis in self.measured.axes)

    def _layout(self, place):
        return layout_of(self.atoms(dict(place)), self.names)

    def atoms(self, state: dict[str, Any]) -> dict[str, float]:
        """Every atom in nats, from what was measured. What is negative by its noise draws alone counts as nothing."""
        names = {
            "I[X;Y|Z]": "decoder_uncertainty",
            "I[X;Z|Y]": "redundant_information",
            "I[X;Y;Z]": "preserved_relevant_information",
        }
        atoms = {atom: max(0.0, self.measured.at(name, state)[0]) for atom, name in names.items()}
        rest = max(0.0, self.measured.ceiling - sum(atoms.values()))
        order = [atom for quantity in ("H[X]", "H[Y]", "H[Z]") for atom in region(quantity, self.names)]
        return {atom: 0.0 for atom in dict.fromkeys(order)} | atoms | {"H[X|Y,Z]": rest}

    def _read(self, quantity, state):
        found = self.layout(self._place(state))
        parts = {atom: found.atoms[atom] for atom in region(quantity, self.names)}
        shown = {atom: value for atom, value in parts.items() if value > 0} or parts
        return found, sum(parts.values()), shown

    def build(self, figure: Figure, theme: Theme) -> list:
        moving = super().build(figure, theme)
        self.measured.sign(figure, theme)
        return moving

    def _before(self, state):
        return f"{self.measured.state_text(state)}, {state['examples']} examples. "


def _ends(scene):
    """A state of the last epoch for every network."""
    start = {axis.name: axis.values[axis.start] for axis in scene.axes}
    for objective in scene.name_of:
        for gamma in scene.gammas:
            yield start | ({"objective": objective} if "objective" in start else {}) | {"gamma": gamma}


def _nats_and_bits(axis, axes, largest, label):
    """An axis from 0 to `largest` nats, with the same in bits on the other side."""
    bits = (lambda nats: nats / math.log(2)), (lambda bits: bits * math.log(2))
    if axis.axis_name == "x":
        axes.set(xlim=(0, largest), xlabel=label)
        axes.secondary_xaxis("top", functions=bits).set_xlabel("bits")
    else:
        axes.set(ylim=(0, largest), ylabel=label)
        axes.secondary_yaxis("right", functions=bits).set_ylabel("bits")
