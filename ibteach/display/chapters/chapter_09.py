"""How trained networks stand up to attacks, and whether they are as sure as they are right.

`robustness` draws what `ibteach.evaluation.attacks.robustness` measured: accuracy against the size of the attack, a
curve for each γ, and the clean accuracy beside it, because a network that is always wrong cannot be attacked.
`effort` (`ibteach.display.chapters.chapter_09_effort`) shows how what a defence gains melts as attackers try harder.
`reliability_diagram` holds confidence against accuracy (`ibteach.evaluation.calibration`).
"""

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from torch import Tensor

from ibteach.display.chapters.chapter_09_effort import EffortScene
from ibteach.display.live.explorer import Explorer
from ibteach.display.live.photographs import show
from ibteach.display.live.scene import Axis
from ibteach.display.live.themes import SMALL, Theme
from ibteach.display.live.trained import TrainedScene, along_gamma
from ibteach.errors import InvalidInput
from ibteach.evaluation.attacks import ATTACKS, NORMS, quantity
from ibteach.evaluation.attacks.table import attack
from ibteach.evaluation.calibration import BINS, calibration_floor, reliability
from ibteach.records.record import Record, check_record

__all__ = ["EffortScene", "ReliabilityScene", "RobustnessScene", "effort", "reliability_diagram", "robustness", "show"]

ANY = "any attack"


def robustness(record: Record) -> Explorer:
    """Accuracy under attack against ε for every γ, and against γ at one ε, with the clean accuracy beside it."""
    return Explorer(RobustnessScene(record))


def effort(record: Record) -> Explorer:
    """Accuracy and seeming gain under PGD with more and more steps and starts, without compression and with it."""
    return Explorer(EffortScene(record))


def reliability_diagram(probabilities: Tensor, labels: Tensor, record: Record, bins: int = BINS) -> Explorer:
    """Accuracy against confidence of one network, and the expected calibration error of all of them.

    Args:
        probabilities: (M, N, C), such as `ibteach.evaluation.prediction.probabilities` of test images.
        labels: (N,), the true classes.
        record: of the training of these M networks: their γ, and where they come from.
        bins: of confidence.
    """
    return Explorer(ReliabilityScene(probabilities, labels, record, bins))


class RobustnessScene(TrainedScene):
    """Left: accuracy against ε, a curve for each γ. Right: clean and under attack against γ. Mean over seeds.

    Raises `InvalidInput` for a Record that is not of `attacks.robustness`, or of no ε above 0.
    """

    title = "Accuracy under attack"
    tall = (5.4, 8.4)

    def __init__(self, record: Record):
        check_record("record", record)
        attacked = (record.provenance.get("configuration") or {}).get("attacks") or {}
        sizes = [epsilon for epsilon in attacked.get("epsilons", []) if epsilon > 0]
        if not sizes:
            raise InvalidInput(
                f"record: got {record!r}, expected one of attacks under some ε > 0; make it with attacks.robustness."
            )
        super().__init__(record)
        made = sorted(attacked["attacks"], key=[*ATTACKS, *attacked["attacks"]].index)
        self.attack_of = {ANY: "any"} | {attack(name).title: name for name in made}
        self.sizes, self.texts = [0.0, *sizes], [_share(size, attacked["levels"]) for size in sizes]
        self.norm, self.eval_examples = attacked["norm"], attacked["eval_examples"]
        self.levels = attacked["levels"] if self.norm == "linf" else 1.0  # 0 … 255, say, of what counts as 0 … 1
        self.reach = [size * self.levels for size in self.sizes]
        own = [axis for axis in self.axes if axis.name != "seed"]  # seeds are averaged
        choose = Axis("attack", "attack", tuple(self.attack_of))
        self.axes = (*own, choose, Axis("epsilon", "ε", sizes, self.texts, start=len(sizes) // 2))

    def accuracy(self, state: dict[str, Any], gamma: float, epsilon: float) -> tuple[float, float]:
        """In percent, with its standard error: the mean over seeds."""
        name = quantity(self.attack_of[state["attack"]], epsilon) if epsilon > 0 else "clean/error"
        networks = self.networks(state, gamma)
        values, drawn = (table[name][networks, 0].numpy() for table in (self.record.quantities, self.record.errors))
        variance = (drawn**2).mean()  # all seeds are judged by the same images: their chance does not average out
        if len(networks) > 1:
            variance += values.var(ddof=1) / len(networks)
        return 100 * (1 - values.mean()), 100 * np.sqrt(variance)

    def build(self, figure: Figure, theme: Theme) -> list:
        falling, along = self.panels(figure, (1.15, 1))
        for axes in (falling, along):
            axes.set(ylim=(-2, 102))
            axes.grid(True)
        falling.set(xlim=(-0.02 * self.reach[-1], 1.02 * self.reach[-1]), ylabel="accuracy, %")
        size = f"{self.levels:.0f} ε" if self.norm == "linf" else "ε, pixels in [0, 1]"
        falling.set_xlabel(f"size of the attack, {size} ({NORMS[self.norm]})")
        self.colours = self.shades(theme)
        both = zip(self.colours, self.legend_texts(), strict=True)
        self.curves = [falling.plot([], [], "o-", ms=3, lw=1.3, color=c, label=text)[0] for c, text in both]
        row = {"ncols": 4 if self.folded else len(self.gammas), "handlelength": 1.2, "columnspacing": 0.8}
        figure.legend(handles=self.curves, loc="outside upper left", **row)
        style = {"fmt": "o-", "ms": 7, "lw": 3.5, "ecolor": theme.foreground, "elinewidth": 1.5, "capsize": 3}
        self.chosen = falling.errorbar(self.reach, self.reach, self.reach, **style, zorder=5)
        along_gamma(along, self.gammas, margin=1.4)
        along.set_xlabel("γ")
        self.lines = {}
        for name, color in (("clean", theme.foreground), ("under attack", theme.cycle[1])):
            x = np.arange(1.0, 1 + len(self.gammas))
            style = {"color": color, "fmt": "o-", "ms": 5, "elinewidth": 1.5, "capsize": 3, "label": name}
            self.lines[name] = along.errorbar(x, 0 * x, 0 * x, **style)
        along.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2)
        self.cursors = [axes.axvline(1, color=theme.muted, lw=1.2, zorder=0.5) for axes in (falling, along)]
        self.said = falling.text(0, 1.02, "", transform=falling.transAxes, va="bottom")
        self.head = self.sign(figure, theme, " ")
        bars = [artist for line in (self.chosen, *self.lines.values()) for artist in _parts(line)]
        return [*self.curves, *bars, *self.cursors, self.head, self.said]

    def update(self, **state: Any) -> None:
        for curve, gamma in zip(self.curves, self.gammas, strict=True):
            curve.set_data(self.reach, [self.accuracy(state, gamma, size)[0] for size in self.sizes])
        _place(self.chosen, self.reach, [self.accuracy(state, state["gamma"], size) for size in self.sizes])
        self.chosen[0].set_color(self.colours[self.gammas.index(state["gamma"])])
        for line, size in zip(self.lines.values(), (0, state["epsilon"]), strict=True):
            _place(line, self.gammas, [self.accuracy(state, gamma, size) for gamma in self.gammas])
        for cursor, place in zip(self.cursors, (self.levels * state["epsilon"], state["gamma"]), strict=True):
            cursor.set_xdata([place] * 2)
        clean, under = (self.accuracy(state, state["gamma"], size)[0] for size in (0, state["epsilon"]))
        networks = self.networks(state, state["gamma"])
        seeds = f"mean of {len(networks)} seeds, " if len(networks) > 1 else ""
        said = f"{self.weight_text(networks[0])}; {seeds}{self.eval_examples} test images, bars of 2 standard errors"
        self.head.set_text(self.wrapped(self.head.figure, f"{said}; {self.record.source}"))
        self.said.set_text(f"{state['attack']}, ε = {self.size_text(state)}: {under:.0f} %, clean {clean:.0f} %")

    def size_text(self, state: dict[str, Any]) -> str:
        return self.texts[self.sizes.index(state["epsilon"]) - 1]

    def state_text(self, state: dict[str, Any]) -> str:
        """The chosen networks, in words."""
        networks = self.networks(state, state["gamma"])
        return self.run_text(networks[0]) + (f", mean of {len(networks)} seeds" if len(networks) > 1 else "")

    def alt(self, **state: Any) -> str:
        (clean, clean_error), (under, error) = (
            self.accuracy(state, state["gamma"], size) for size in (0, state["epsilon"])
        )
        all_of_them = [self.accuracy(state, gamma, state["epsilon"])[0] for gamma in self.gammas]
        best = self.gammas[int(np.argmax(all_of_them))]
        by = "the strongest of all attacks" if state["attack"] == ANY else state["attack"]
        return (
            f"Accuracy against the size of the attack, a curve for each of {len(self.gammas)} γ. "
            f"{self.state_text(state)}: {clean:.0f} ± {2 * clean_error:.0f} % as they are, "
            f"{under:.0f} ± {2 * error:.0f} % under {by} with ε = {self.size_text(state)} "
            f"({NORMS[self.norm]}). Beside it both over γ: under this attack the best is "
            f"{max(all_of_them):.0f} %, at γ = {best:.3g}."
        )


class ReliabilityScene(TrainedScene):
    """Left: accuracy in each bin of confidence. Right: the expected calibration error of every network of the sweep.

    Raises `InvalidInput` unless there is a run for each network.
    """

    title = "As sure as it is right?"
    tall = (5.4, 8.8)

    def __init__(self, probabilities: Tensor, labels: Tensor, record: Record, bins: int = BINS):
        check_record("record", record)
        self.found = reliability(probabilities, labels, bins)
        if self.found.count.ndim != 2 or len(self.found.count) != len(record.runs):
            raise InvalidInput(
                f"probabilities: got shape {tuple(probabilities.shape)} for {len(record.runs)} runs, expected "
                "(M, N, C) with a network for each run."
            )
        super().__init__(record)
        self.error = 100 * self.found.expected_calibration_error.cpu().numpy()
        floor = calibration_floor(probabilities, bins)
        self.floor = 100 * (floor.mean + 2 * floor.standard_deviation).numpy()
        self.accuracy, self.chance, self.confidence = (
            100 * part.cpu().numpy() for part in (self.found.accuracy, self.found.standard_error, self.found.confidence)
        )
        self.share = (self.found.count / self.found.count.sum(-1, keepdim=True)).cpu().numpy()
        self.examples, self.bins = probabilities.shape[-2], bins

    def build(self, figure: Figure, theme: Theme) -> list:
        if self.folded:
            diagram, counts, errors = figure.subplots(3, 1, height_ratios=[3, 1, 3])
        else:
            grid = figure.add_gridspec(2, 2, width_ratios=[1, 1.1], height_ratios=[3, 1])
            diagram, counts = (figure.add_subplot(grid[row, 0]) for row in range(2))
            errors = figure.add_subplot(grid[:, 1])
        diagram.plot([0, 100], [0, 100], color=theme.muted, lw=1.2, ls="--")
        diagram.set(xlim=(0, 102), ylim=(0, 102), ylabel="accuracy, %")
        diagram.tick_params(labelbottom=False)
        diagram.grid(True)
        x = np.linspace(0, 100, self.bins)
        style = {"color": theme.muted, "fmt": "none", "elinewidth": 2, "capsize": 4, "label": "if calibrated, 2σ"}
        self.expected = diagram.errorbar(x, x, x, **style)
        (self.points,) = diagram.plot(
            [], [], "o", color=theme.cycle[0], ms=8, zorder=4, label="accuracy", clip_on=False
        )
        above = {"loc": "lower left", "bbox_to_anchor": (0, 1), "ncols": 2, "columnspacing": 0.8, "handletextpad": 0.4}
        diagram.legend(**above)
        counts.set(xlim=(0, 102), ylim=(0, 100), xlabel="confidence, %", ylabel="share, %")
        edges = np.linspace(0, 100, self.bins + 1)
        self.bars = counts.bar(edges[:-1], 0 * x, width=100 / self.bins, align="edge", color=theme.cycle[0], alpha=0.5)
        along_gamma(errors, self.gammas, margin=1.4)
        errors.set_xlabel("γ")
        errors.set(ylim=(0, 1.1 * max(self.error.max(), self.floor.max())))
        errors.grid(True)
        (self.errors,) = errors.plot([], [], "o-", color=theme.cycle[1], label="calibration error, %")
        (self.most,) = errors.plot([], [], "--", color=theme.muted, lw=1.5, label="by chance, 2σ")
        (self.dot,) = errors.plot([], [], "o", color=theme.cycle[1], ms=11)
        errors.legend(**above)
        self.cursor = errors.axvline(1, color=theme.muted, lw=1.2, zorder=0.5)
        self.head = figure.suptitle("γ", size=SMALL, x=0.01, ha="left")
        self.sign(figure, theme)
        return [
            *_parts(self.expected),
            self.points,
            *self.bars,
            self.errors,
            self.most,
            self.dot,
            self.cursor,
            self.head,
        ]

    def update(self, **state: Any) -> None:
        m, curve = self.network(state), self.curve(state)
        self.points.set_data(self.confidence[m], self.accuracy[m])
        _place(self.expected, self.confidence[m], np.stack([self.confidence[m], self.chance[m]], -1))
        for bar, share in zip(self.bars, self.share[m], strict=True):
            bar.set_height(100 * share)
        self.errors.set_data(self.gammas, self.error[curve])
        self.most.set_data(self.gammas, self.floor[curve])
        self.dot.set_data([state["gamma"]], [self.error[m]])
        self.cursor.set_xdata([state["gamma"]] * 2)
        said = f"calibration error {self.error[m]:.1f} %, by chance up to {self.floor[m]:.1f} % (2σ)"
        self.head.set_text(f"{self.weight_text(m)}; {said}; {self.examples} images")

    def alt(self, **state: Any) -> str:
        m = self.network(state)
        there = self.share[m] > 0
        over = (self.share[m][there] * (self.confidence[m] - self.accuracy[m])[there]).sum()
        return (
            f"Reliability diagram of the network trained with {self.run_text(m)} on {self.examples} images: accuracy "
            f"in {self.bins} bins of confidence against the diagonal. On average it is {abs(over):.1f} points "
            f"{'surer than right' if over > 0 else 'less sure than right'}; its expected calibration error is "
            f"{self.error[m]:.1f} %, where chance makes up to {self.floor[m]:.1f} % (2σ). Beside it the same for every "
            "γ."
        )


def _share(size, levels):
    """``8/255`` where ε is a whole number of the levels of a pixel, or half of one."""
    steps = size * levels
    return f"{round(2 * steps) / 2:g}/{levels:.0f}" if abs(2 * steps - round(2 * steps)) < 1e-6 else f"{size:.3g}"


def _parts(container):
    line, caps, bars = container
    return [artist for artist in (line, *caps, *bars) if artist is not None]


def _place(container, x, values_and_errors):
    """Move an errorbar to new values, in percent, with bars of two standard errors."""
    line, (low_caps, high_caps), (bars,) = container
    y, error = np.asarray(values_and_errors, dtype=float).T
    low, high = np.clip([y - 2 * error, y + 2 * error], 0, 100)
    if line is not None:
        line.set_data(x, y)
    low_caps.set_data(x, low)
    high_caps.set_data(x, high)
    bars.set_segments(np.stack([np.stack([x, low], -1), np.stack([x, high], -1)], 1))
